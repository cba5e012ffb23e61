//! What an event changed about customers, with the values before and after.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value as Json, json};

use crate::domain::view::{Customer, RecordState};
use crate::domain::{RecordRef, Value};
use crate::processor::explain::key;
use crate::processor::queries::pursuit;

/// Of what, which aspect of it, and which field or other record: and what it is.
type Facts = BTreeMap<(String, &'static str, String), Json>;

/// What became of customers, fact by fact, in the order of records and fields. A blank is null, and
/// so is what was not there.
pub fn changes<'a>(
    before: impl Iterator<Item = &'a Customer>,
    after: impl Iterator<Item = &'a Customer>,
) -> Vec<Json> {
    let (before, after) = (facts(before), facts(after));
    let keys: BTreeSet<_> = before.keys().chain(after.keys()).collect();
    let moved = keys.into_iter().filter_map(|key| {
        let (was, is) = (before.get(key), after.get(key));
        let (of, what, name) = key;
        let name = (!name.is_empty()).then_some(name);
        let change = || json!({"of": of, "what": what, "name": name, "before": was, "after": is});
        (was != is).then(change)
    });
    moved.collect()
}

fn facts<'a>(customers: impl Iterator<Item = &'a Customer>) -> Facts {
    let mut facts = Facts::new();
    for customer in customers {
        let id = customer.id.to_string();
        let mut put = |what, name: String, is: Json| {
            if !is.is_null() {
                facts.insert((id.clone(), what, name), is);
            }
        };
        for (field, decided) in &customer.decided {
            put("decided", field.to_string(), value(&decided.value));
        }
        for (field, review) in &customer.contested {
            put("in_conflict", field.to_string(), json!(review.to_string()));
        }
        for link in customer.links.iter() {
            let pair = format!("{} and {}", link.left, link.right);
            put("linked", pair, json!(format!("{:?}", link.rule)));
        }
        for (record, state) in &customer.records {
            let of = record.to_string();
            facts.insert((of, "customer", String::new()), json!(id));
            of_record(&mut facts, record, state);
        }
    }
    facts
}

fn of_record(facts: &mut Facts, record: &RecordRef, state: &RecordState) {
    let of = record.to_string();
    let mut put = |what, name: String, is: Json| {
        if !is.is_null() {
            facts.insert((of.clone(), what, name), is);
        }
    };
    for (name, seen) in &state.seen {
        put("seen", name.to_string(), value(&seen.value));
    }
    for (name, desire) in &state.desired {
        put("desired", name.to_string(), value(&desire.value));
    }
    for (name, form) in &state.accepted {
        put("accepted_form", name.to_string(), value(&form.stored));
    }
    for one in &state.keys {
        put("key", key(one), json!(true));
    }
    for other in &state.apart {
        put("kept_apart", other.to_string(), json!(true));
    }
    let alone = [
        ("stands", pursuit(&state.pursuit)),
        (
            "gone",
            json!(state.gone.map(|gone| format!("{gone:?}").to_lowercase())),
        ),
        (
            "write_in_flight",
            json!(state.writing.map(|id| id.to_string())),
        ),
        (
            "read_in_flight",
            json!(state.reading.map(|id| id.to_string())),
        ),
        (
            "refused",
            json!(
                state
                    .blocked
                    .as_ref()
                    .map(|blocked| blocked.review.to_string())
            ),
        ),
        (
            "paused_until_ms",
            json!(state.paused_until.map(|until| until.0)),
        ),
        ("held", count(state.held.len())),
        ("tags", list(&state.tags)),
        ("companies", list(&state.companies)),
    ];
    for (what, is) in alone {
        put(what, String::new(), is);
    }
}

fn value(value: &Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Bool(bool) => json!(bool),
        Value::Int(int) => json!(int),
        Value::Float(bits) => json!(f64::from_bits(*bits)),
        Value::Text(text) => json!(text),
    }
}

fn count(len: usize) -> Json {
    if len == 0 { Json::Null } else { json!(len) }
}

fn list(set: &BTreeSet<String>) -> Json {
    if set.is_empty() {
        Json::Null
    } else {
        json!(set)
    }
}
