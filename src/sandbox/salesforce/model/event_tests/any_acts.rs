//! Whatever people do, the events name exactly the fields that differ.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::{Reader, Seen};
use crate::sandbox::salesforce::options::Switches;

const OBJECTS: [&str; 3] = ["Lead", "Contact", "Account"];
const VALUES: [&str; 3] = ["one", "two", "three"];

/// Updates: which record, as which user, and a value or null for each chosen field.
type Update = (usize, bool, Vec<(usize, Option<usize>)>);

fn fields(object: &str) -> &'static [&'static str] {
    match object {
        "Lead" => &[
            "FirstName",
            "LastName",
            "Title",
            "City",
            "Street",
            "UTM_Source__c",
        ],
        "Contact" => &[
            "FirstName",
            "Title",
            "MailingCity",
            "Department",
            "External_User_ID__c",
        ],
        _ => &[
            "AccountNumber",
            "BillingCity",
            "BillingState",
            "Intercom_Plan__c",
        ],
    }
}

/// What REST calls a field, as events call it (salesforce.md 2.2).
fn event_name(object: &str, field: &str) -> String {
    let address = [("Mailing", "MailingAddress"), ("Billing", "BillingAddress")];
    if object != "Account" && ["FirstName", "LastName", "Salutation"].contains(&field) {
        return format!("Name.{field}");
    }
    if object == "Lead" && ["City", "Street"].contains(&field) {
        return format!("Address.{field}");
    }
    for (prefix, compound) in address {
        if let Some(part) = field.strip_prefix(prefix) {
            return format!("{compound}.{part}");
        }
    }
    field.to_owned()
}

/// The record as it stands, without what every write moves.
fn record(reader: &mut Reader, object: &str, id: &str) -> Map<String, Value> {
    let state = reader.org.state(super::NOW);
    let records = state["records"][object].as_array().expect("records");
    let found = records.iter().find(|record| record["Id"] == id);
    let mut record = found.and_then(Value::as_object).expect("a record").clone();
    for moving in ["sandbox_last_change", "LastModifiedDate", "SystemModstamp"] {
        record.remove(moving);
    }
    if object != "Account" {
        record.remove("Name");
    }
    record
}

/// The names that differ, and those that are null now.
fn difference(
    object: &str,
    before: &Map<String, Value>,
    after: &Map<String, Value>,
) -> (BTreeSet<String>, BTreeSet<String>) {
    let names = after
        .keys()
        .filter(|name| before.get(*name) != after.get(*name));
    let mut changed = BTreeSet::new();
    let mut nulled = BTreeSet::new();
    for name in names {
        changed.insert(event_name(object, name));
        if after[name].is_null() {
            nulled.insert(event_name(object, name));
        }
    }
    (changed, nulled)
}

fn told(seen: &[Seen]) -> (BTreeSet<String>, BTreeSet<String>, BTreeMap<String, String>) {
    let mut all = (BTreeSet::new(), BTreeSet::new(), BTreeMap::new());
    for seen in seen {
        all.0.extend(seen.changed.iter().cloned());
        all.1.extend(seen.nulled.iter().cloned());
        for (name, value) in &seen.values {
            if let apache_avro::types::Value::String(text) = value {
                all.2.insert(name.clone(), text.clone());
            }
        }
    }
    all
}

fn check(updates: &[Update], switches: Switches) {
    let split = switches.split_transactions;
    let nested_only = switches.nested_only_bitmaps;
    let mut reader = Reader::new(switches);
    let mut ids = Vec::new();
    for object in OBJECTS {
        let own = json!({"LastName": "Doe", "Company": "Acme"});
        let fields = match object {
            "Lead" => own,
            "Contact" => json!({"LastName": "Doe"}),
            _ => json!({"Name": "Acme"}),
        };
        ids.push(reader.make(object, fields));
    }
    reader.new_events();
    for (which, other, chosen) in updates {
        let object = OBJECTS[which % OBJECTS.len()];
        let id = ids[which % OBJECTS.len()].clone();
        let mut set = json!({});
        for (field, value) in chosen {
            let own = fields(object);
            let name = own[field % own.len()];
            let value = value.map(|value| VALUES[value % VALUES.len()]);
            // A last name is required.
            if name != "LastName" || value.is_some() {
                set[name] = json!(value);
            }
        }
        let before = record(&mut reader, object, &id);
        let user = if *other {
            "0055g00000Rep02AAB"
        } else {
            "0055g00000Rep01AAB"
        };
        reader.act(json!({"verb": "update", "id": id, "as_user": user, "fields": set}));
        let after = record(&mut reader, object, &id);
        let (mut changed, nulled) = difference(object, &before, &after);
        let seen = reader.new_events();
        let mut content = changed.clone();
        content.remove("LastModifiedById");
        if content.is_empty() {
            assert!(seen.is_empty(), "an update without a change has an event");
            continue;
        }
        let compounds = changed.iter().all(|name| name.contains('.'));
        if !(nested_only && compounds) {
            changed.insert("LastModifiedDate".to_owned());
        }
        let (named, null, values) = told(&seen);
        assert_eq!(named, changed, "{object} {set}");
        assert_eq!(null, nulled, "{object} {set}");
        for (name, value) in &after {
            let name = event_name(object, name);
            if changed.contains(&name) && !value.is_null() {
                assert_eq!(
                    values.get(&name).map(String::as_str),
                    value.as_str(),
                    "{name}"
                );
            }
        }
        for seen in &seen {
            let unnamed = seen
                .values
                .keys()
                .find(|name| !seen.changed.contains(*name));
            assert_eq!(unnamed, None, "a value that no bitmap names");
        }
        assert!(seen.len() == 1 || split);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn bitmaps_name_exactly_the_changed_fields(
        updates in prop::collection::vec(
            (
                0_usize..3,
                any::<bool>(),
                prop::collection::vec((0_usize..8, prop::option::of(0_usize..3)), 0..5),
            ),
            1..10,
        ),
        split_transactions in any::<bool>(),
        nested_only_bitmaps in any::<bool>(),
    ) {
        let switches = Switches {
            split_transactions,
            nested_only_bitmaps,
            ..Switches::default()
        };
        check(&updates, switches);
    }
}
