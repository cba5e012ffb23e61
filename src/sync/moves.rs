//! Moves: what a snapshot shows that differs from what was seen of that record, and what that
//! proposes for its customer.

use std::collections::BTreeSet;

use crate::domain::view::{Customer, RecordState};
use crate::domain::{Fields, Name, RecordRef, RecordSnapshot, RefSet, Shows, Value};
use crate::mapping::{Direction, FieldMap, Section, System};

/// The differences, in the record's own form.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Moved {
    pub fields: Fields,
    /// The whole set, where it changed.
    pub tags: Option<BTreeSet<String>>,
    pub companies: Option<BTreeSet<String>>,
}

impl Moved {
    pub fn is_nothing(&self) -> bool {
        self.fields.is_empty() && self.tags.is_none() && self.companies.is_none()
    }
}

/// Compares a snapshot with what was seen. Fields that nobody watches are not kept.
pub fn moved(state: &RecordState, watched: &BTreeSet<Name>, snapshot: &RecordSnapshot) -> Moved {
    let mut fields = Fields::new();
    for name in watched {
        let Some(shown) = snapshot.fields.get(name) else {
            continue;
        };
        if shown != state.value_seen(name) {
            fields.insert(name.clone(), shown.clone());
        }
    }
    Moved {
        fields,
        tags: changed(&state.tags, snapshot.tags.as_ref()),
        companies: changed(&state.companies, snapshot.companies.as_ref()),
    }
}

/// A list that the source cut short can add, not remove.
fn changed(known: &BTreeSet<String>, shown: Option<&RefSet>) -> Option<BTreeSet<String>> {
    let shown = shown?;
    let now = if shown.complete {
        shown.ids.clone()
    } else {
        known | &shown.ids
    };
    (now != *known).then_some(now)
}

/// A mapped field that a record's move says something about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proposal<'a> {
    pub field: &'a FieldMap,
    /// In the decided form.
    pub value: Value,
}

/// What the moves of a record propose for its customer: one value per mapped field that flows from
/// the record's system. `now` shows all that is seen of the record.
pub fn proposals<'a>(
    section: &'a Section,
    system: System,
    object: &str,
    now: &impl Shows,
    moved: &Fields,
) -> Vec<Proposal<'a>> {
    let mut proposed: Vec<Proposal<'a>> = Vec::new();
    for field in &section.fields {
        let names = field.names_in(system);
        // Who writes a stand-in into a field says nothing of it.
        let says = |name: &Name| moved.get(name).is_some_and(|value| !field.stands_in(value));
        let speaks = field.flows_from(system)
            && (system == System::Intercom || field.applies_to(object))
            && names.iter().any(says);
        let known = proposed
            .iter()
            .any(|one| one.field.intercom == field.intercom);
        if speaks && !known {
            let value = field.decided_from(system, now);
            proposed.push(Proposal { field, value });
        }
    }
    proposed
}

/// Whether a record speaks for its system in a field that flows one way: of several records of
/// Salesforce the preferred object's, of those the one that was known first.
pub fn is_spokesman(
    section: &Section,
    is_salesforce: impl Fn(&RecordRef) -> bool,
    customer: &Customer,
    record: &RecordRef,
    field: &FieldMap,
) -> bool {
    if !is_salesforce(record) || field.direction == Direction::Both {
        return true;
    }
    spokesman(section, is_salesforce, customer, field) == Some(record)
}

/// The record of Salesforce that speaks for a field.
pub fn spokesman<'a>(
    section: &Section,
    is_salesforce: impl Fn(&RecordRef) -> bool,
    customer: &'a Customer,
    field: &FieldMap,
) -> Option<&'a RecordRef> {
    let place = |record: &RecordRef| {
        let object = record.object.as_str();
        let mut objects = section.salesforce_objects.iter();
        objects.position(|known| known == object)
    };
    let speaks = customer.records.iter().filter(|(record, state)| {
        is_salesforce(record) && state.gone.is_none() && field.applies_to(record.object.as_str())
    });
    speaks
        .min_by_key(|(record, state)| (place(record), state.entered, (*record).clone()))
        .map(|(record, _)| record)
}

/// A field that was decided, by whom it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    pub field: Name,
    pub value: Value,
    pub previous: Value,
    pub by: RecordRef,
    pub version: crate::domain::Version,
}

/// After a merge of customers: fields that both had decided otherwise. What was decided for the
/// customer that already has a counterpart stands (`fill_blank`: connecting overwrites nothing).
pub fn kept_at_merge(settled: &Customer, merged: &Customer) -> Vec<Kept> {
    let mut kept = Vec::new();
    for (field, decided) in &settled.decided {
        let now = merged.decided.get(field);
        let differs = now.is_none_or(|now| now.value != decided.value);
        if differs && !decided.value.is_blank() {
            kept.push(Kept {
                field: field.clone(),
                value: decided.value.clone(),
                previous: now.map_or(Value::Null, |now| now.value.clone()),
                by: decided.by.clone(),
                version: decided.version,
            });
        }
    }
    kept
}
