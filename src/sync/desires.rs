//! Desires: the decided values as one Salesforce record should hold them.

use std::collections::BTreeSet;

use crate::domain::journal::{Basis, Desire};
use crate::domain::view::{Customer, RecordState};
use crate::domain::{RecordRef, Value};
use crate::mapping::{CreateRule, MatchBy, Section, System};

/// What follows for a linked record when some fields were decided anew. Only differences.
pub fn after_agreement(
    section: &Section,
    customer: &Customer,
    record: &RecordRef,
    state: &RecordState,
    fields: &BTreeSet<String>,
) -> Vec<Desire> {
    let mut desires = Vec::new();
    for (name, value) in agreed(section, customer, record.object.as_str(), Some(fields)) {
        if value.is_blank() && never_blank(section, record.object.as_str(), name) {
            continue;
        }
        let desire = Desire {
            name: name.to_owned(),
            value,
            basis: Basis::Agreed,
        };
        if state.desired.get(name) != Some(&desire) {
            desires.push(desire);
        }
    }
    desires
}

/// What follows for a record at its first link: its blanks are filled, its values stay.
pub fn at_first_link(
    section: &Section,
    customer: &Customer,
    record: &RecordRef,
    state: &RecordState,
    explicit: Option<(&MatchBy, String)>,
) -> Vec<Desire> {
    let mut desires = Vec::new();
    let object = record.object.as_str();
    let names: Vec<(&str, Value)> = agreed(section, customer, object, None);
    let before = |name: &str| {
        state
            .desired
            .get(name)
            .filter(|desire| !desire.value.is_blank())
    };
    // A name is one value in two fields: half of it is never filled beside the other half.
    let touched = |name: &str| {
        let field = section.fields.iter().find(|field| {
            field.applies_to(object) && field.salesforce.iter().any(|one| one == name)
        });
        field.is_some_and(|field| field.salesforce.iter().any(|one| !blank(state, one)))
    };
    for (name, value) in names {
        if before(name).is_some() {
            continue;
        }
        let desire = if touched(name) {
            let kept = state
                .seen
                .get(name)
                .map_or(Value::Null, |seen| seen.value.clone());
            Desire {
                name: name.to_owned(),
                value: kept,
                basis: Basis::Kept,
            }
        } else {
            Desire {
                name: name.to_owned(),
                value,
                basis: Basis::Agreed,
            }
        };
        desires.push(desire);
    }
    if let Some((by, key)) = explicit
        && blank(state, &by.salesforce)
        && before(&by.salesforce).is_none()
    {
        let value = Value::text(key);
        desires.push(Desire {
            name: by.salesforce.clone(),
            value,
            basis: Basis::Key,
        });
    }
    desires
}

/// Everything a new record is created with.
pub fn at_creation(
    section: &Section,
    create: &CreateRule,
    customer: &Customer,
    company_name: Option<&Value>,
) -> Vec<Desire> {
    let mut desires: Vec<Desire> = Vec::new();
    for (name, value) in agreed(section, customer, &create.object, None) {
        if !value.is_blank() {
            desires.push(Desire {
                name: name.to_owned(),
                value,
                basis: Basis::Agreed,
            });
        }
    }
    let mut add = |name: &str, value: Value, basis: Basis| {
        if !desires.iter().any(|desire| desire.name == name) && !value.is_blank() {
            desires.push(Desire {
                name: name.to_owned(),
                value,
                basis,
            });
        }
    };
    for (name, value) in &create.set {
        add(name, Value::text(value.as_str()), Basis::Constant);
    }
    if let (Some(field), Some(name)) = (&create.company_name, company_name) {
        add(field, name.clone(), Basis::Constant);
    }
    for (name, value) in &create.placeholders {
        add(name, Value::text(value.as_str()), Basis::Placeholder);
    }
    desires
}

/// What follows for a record that was just created: what was sent, and what changed meanwhile. A
/// value that was sent and has been taken back since is emptied, where the org lets it be.
pub fn after_creation(
    section: &Section,
    create: &CreateRule,
    customer: &Customer,
    state: &RecordState,
    company_name: Option<&Value>,
) -> Vec<Desire> {
    let mut desires = at_creation(section, create, customer, company_name);
    desires.retain(|desire| desire.basis != Basis::Placeholder || stands(state, desire));
    for (name, value) in agreed(section, customer, &create.object, None) {
        let kept = never_blank(section, &create.object, name);
        if value.is_blank() && !blank(state, name) && !kept {
            desires.push(Desire {
                name: name.to_owned(),
                value,
                basis: Basis::Agreed,
            });
        }
    }
    desires
}

/// Whether a stand-in is what the record holds, or nothing is.
fn stands(state: &RecordState, desire: &Desire) -> bool {
    let seen = state.seen.get(&desire.name);
    seen.is_none_or(|seen| seen.value.is_blank() || seen.value == desire.value)
}

/// The real company name where a lead carries a stand-in for it.
pub fn company_named(
    create: &CreateRule,
    state: &RecordState,
    company_name: &Value,
) -> Option<Desire> {
    let field = create.company_name.as_ref()?;
    let stands_in = state.desired.get(field)?.basis == Basis::Placeholder;
    (stands_in && !company_name.is_blank()).then(|| Desire {
        name: field.clone(),
        value: company_name.clone(),
        basis: Basis::Constant,
    })
}

/// The decided values of a customer as fields of an object; all, or those named.
fn agreed<'a>(
    section: &'a Section,
    customer: &Customer,
    object: &str,
    only: Option<&BTreeSet<String>>,
) -> Vec<(&'a str, Value)> {
    let mut values = Vec::new();
    for field in section
        .fields
        .iter()
        .filter(|field| field.flows_to(System::Salesforce) && field.applies_to(object))
    {
        let wanted = only.is_none_or(|only| only.contains(&field.intercom));
        if let Some(decided) = customer.decided.get(&field.intercom).filter(|_| wanted) {
            values.extend(field.desired_in(System::Salesforce, &decided.value));
        }
    }
    values
}

/// A field for which the mapping has a stand-in is required by the org: it is never emptied.
fn never_blank(section: &Section, object: &str, name: &str) -> bool {
    let create = section
        .create
        .as_ref()
        .filter(|create| create.object == object);
    let required_name = name == "LastName";
    required_name || create.is_some_and(|create| create.placeholders.contains_key(name))
}

fn blank(state: &RecordState, name: &str) -> bool {
    state
        .seen
        .get(name)
        .is_none_or(|seen| seen.value.is_blank())
}
