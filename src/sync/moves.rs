//! Moves: what a snapshot shows that differs from what was seen of that record.

use std::collections::BTreeSet;

use crate::domain::view::{Customer, RecordState};
use crate::domain::{Fields, RecordRef, RecordSnapshot, RefSet, Value};
use crate::mapping::Section;

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
pub fn moved(state: &RecordState, watched: &BTreeSet<String>, snapshot: &RecordSnapshot) -> Moved {
    let mut fields = Fields::new();
    for name in watched {
        let Some(shown) = snapshot.fields.get(name) else {
            continue;
        };
        let seen = state
            .seen
            .get(name)
            .map_or(&Value::Null, |seen| &seen.value);
        if shown != seen {
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

/// A mapped field whose value in Intercom moved, and what is to be decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agreement {
    pub field: String,
    pub value: Value,
    pub previous: Value,
}

/// What the moves of an Intercom record mean for its customer. Every field of this version flows
/// from Intercom, so a move there is the decision.
pub fn agreements(section: &Section, customer: &Customer, moved: &Fields) -> Vec<Agreement> {
    let mut agreed = Vec::new();
    for field in &section.fields {
        let Some(shown) = moved.get(&field.intercom) else {
            continue;
        };
        let value = field.transform.decided(shown);
        let previous = customer.decided.get(&field.intercom);
        let previous = previous.map_or(Value::Null, |decided| decided.value.clone());
        let known = agreed
            .iter()
            .any(|one: &Agreement| one.field == field.intercom);
        if value != previous && !known {
            agreed.push(Agreement {
                field: field.intercom.clone(),
                value,
                previous,
            });
        }
    }
    agreed
}

/// After a merge of customers: fields that both had decided otherwise. What was decided for the
/// customer that already has a counterpart stands (`fill_blank`: connecting overwrites nothing).
pub fn kept_at_merge(settled: &Customer, merged: &Customer) -> Vec<(Agreement, RecordRef)> {
    let mut kept = Vec::new();
    for (field, decided) in &settled.decided {
        let now = merged.decided.get(field);
        let differs = now.is_none_or(|now| now.value != decided.value);
        if differs && !decided.value.is_blank() {
            let previous = now.map_or(Value::Null, |now| now.value.clone());
            let one = Agreement {
                field: field.clone(),
                value: decided.value.clone(),
                previous,
            };
            kept.push((one, decided.by.clone()));
        }
    }
    kept
}
