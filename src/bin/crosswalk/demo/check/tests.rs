//! Tests of the checker: a world as it should be passes, and each way of going wrong is caught.

use std::collections::BTreeMap;

use crosswalk::sandbox::Effect;
use crosswalk::sandbox::request_log::Entry;
use serde_json::{Value, json};

use crate::demo::cast::ADA;
use crate::demo::check::{Evidence, Verdict, check};
use crate::demo::script::{Fields, Mirror, Origin, Record, Script, Updates};

/// What both systems recorded of a small story: Ada became a Lead and changed her title, one call
/// of which was refused and repeated; Grace was known and got a title; somebody stayed anonymous.
struct World {
    script: Script,
    state: Value,
    salesforce_log: Vec<Entry>,
    intercom: Value,
    intercom_log: Vec<Entry>,
}

fn request(method: &str, path: &str, body: Value, applied: bool) -> Entry {
    Entry {
        n: 0,
        at_ns: 0,
        at: String::new(),
        method: method.to_owned(),
        path: path.to_owned(),
        query: String::new(),
        headers: BTreeMap::new(),
        body,
        status: if applied { 204 } else { 503 },
        effect: Effect::Write,
        changed: Vec::new(),
        applied,
        fault: None,
    }
}

fn patch(target: &str, body: Value, applied: bool) -> Entry {
    let path = format!("/services/data/v66.0/sobjects/{target}");
    request("PATCH", &path, body, applied)
}

fn put(contact: &str, attributes: Value) -> Entry {
    let body = json!({"custom_attributes": attributes});
    request("PUT", &format!("/contacts/{contact}"), body, true)
}

const ADAS_KEY: &str = "Lead/Intercom_Contact_ID__c/app%3Aada";

fn world() -> World {
    let mut script = Script::new("app");
    script.lead(&ADA, &["ada"]);
    script.update(ADA.name, &[("Title", "Analyst")]);
    script.refuses(ADA.name);
    let before = json!({"Id": "003G", "LastName": "Hopper", "Title": null, "Phone": "1"});
    let before = before.as_object().cloned().unwrap_or_default();
    script.records.push(Record {
        who: "Grace Hopper".to_owned(),
        origin: Origin::Contact {
            id: "003G".to_owned(),
            before: before.into_iter().collect(),
        },
        fields: BTreeMap::from([("Title".to_owned(), json!("Admiral"))]),
        updates: Updates::Exactly(vec![vec!["Title"]]),
        refused: 0,
        mirrors: Vec::new(),
    });
    script.nothing_for("anonymous", "nobody knows them");
    let mut lead = json!({
        "Id": "00QA", "Intercom_Contact_ID__c": "app:ada", "OwnerId": "005R",
    });
    for (name, value) in &script.records[0].fields {
        lead[name.as_str()] = value.clone();
    }
    let contact = json!({"Id": "003G", "LastName": "Hopper", "Title": "Admiral", "Phone": "1"});
    let shown = json!({
        "SALESFORCE_ID": "00QA", "SALESFORCE_OBJECT_TYPE": "Lead",
        "SALESFORCE_STATUS": "Open - Not Contacted", "SALESFORCE_TITLE": "Analyst",
        "SALESFORCE_OWNER_ID": "005R", "SALESFORCE_OWNER_NAME": "Rosa",
        "SALESFORCE_OWNER_EMAIL": "r@x.example", "SALESFORCE_OWNER_ROLE": "Sales",
    });
    World {
        script,
        state: json!({"records": {
            "Lead": [lead], "Contact": [contact],
            "User": [{"Id": "005R", "Name": "Rosa", "Email": "r@x.example", "UserRoleId": "00E1"}],
            "UserRole": [{"Id": "00E1", "Name": "Sales"}],
        }}),
        intercom: json!({"contacts": [{"id": "ada", "custom_attributes": shown}]}),
        salesforce_log: vec![
            request("GET", "/services/data/v66.0/query", Value::Null, false),
            patch(ADAS_KEY, json!({"LastName": "Lovelace"}), true),
            patch("Lead/00QA", json!({"Title": "Analyst"}), false),
            patch("Lead/00QA", json!({"Title": "Analyst"}), true),
            patch("Contact/003G", json!({"Title": "Admiral"}), true),
        ],
        intercom_log: vec![
            request("GET", "/companies/1", Value::Null, false),
            put("ada", json!({"SALESFORCE_ID": "00QA"})),
            put("ada", json!({"SALESFORCE_TITLE": "Analyst"})),
        ],
    }
}

impl World {
    fn check(&self) -> Verdict {
        check(
            &self.script,
            &Evidence {
                salesforce: &self.state,
                salesforce_log: &self.salesforce_log,
                intercom: &self.intercom,
                intercom_log: &self.intercom_log,
            },
        )
    }
}

/// Spoils the good world and demands lost effects, duplicate writes, and the name of a check.
#[track_caller]
fn spoiled(spoil: impl FnOnce(&mut World), lost: u64, duplicates: u64, caught_by: &str) {
    let mut world = world();
    spoil(&mut world);
    let verdict = world.check();
    let names: Vec<&str> = verdict.failures.iter().map(|one| one.check).collect();
    assert!(names.contains(&caught_by), "{:?}", verdict.failures);
    let counts = (verdict.lost, verdict.duplicate_writes);
    assert_eq!(counts, (lost, duplicates), "{:?}", verdict.failures);
}

fn lead(world: &mut World) -> &mut Value {
    &mut world.state["records"]["Lead"][0]
}

fn add_row(world: &mut World, object: &str, row: Value) {
    if let Some(rows) = world.state["records"][object].as_array_mut() {
        rows.push(row);
    }
}

#[test]
fn a_world_as_it_should_be_passes() {
    let verdict = world().check();
    assert_eq!(verdict.failures, []);
    assert!(verdict.converged);
    assert_eq!((verdict.lost, verdict.duplicate_writes), (0, 0));
    assert_eq!((verdict.writes_salesforce, verdict.writes_intercom), (4, 2));
}

#[test]
fn a_missing_lead_is_lost() {
    let spoil = |world: &mut World| world.state["records"]["Lead"] = json!([]);
    // Without the row the calls by id cannot be told apart from calls about somebody else.
    spoiled(spoil, 1 + 2, 2, "record_exists");
}

#[test]
fn a_deleted_lead_is_lost() {
    let spoil = |world: &mut World| lead(world)["IsDeleted"] = json!(true);
    spoiled(spoil, 1 + 2, 2, "record_exists");
}

#[test]
fn a_doubled_lead_is_caught() {
    let twin = json!({"Id": "00QB", "Email": ADA.email, "LastName": "Lovelace"});
    let spoil = |world: &mut World| {
        add_row(world, "Lead", twin);
        let path = "/services/data/v66.0/sobjects/Lead";
        let mut call = request("POST", path, json!({"LastName": "Lovelace"}), true);
        call.changed = vec!["00QB".to_owned()];
        world.salesforce_log.push(call);
    };
    spoiled(spoil, 0, 1, "record_once");
}

#[test]
fn a_lead_of_nobody_is_caught() {
    let spoil = |world: &mut World| add_row(world, "Lead", json!({"Id": "00QX"}));
    spoiled(spoil, 0, 0, "record_once");
}

#[test]
fn a_name_that_is_split_wrongly_is_lost() {
    let spoil = |world: &mut World| {
        lead(world)["FirstName"] = json!("Ada");
        lead(world)["LastName"] = json!("King Lovelace");
    };
    spoiled(spoil, 2, 0, "field_value");
}

#[test]
fn a_value_where_the_script_has_none_is_caught() {
    spoiled(
        |world| lead(world)["Phone"] = json!("1"),
        1,
        0,
        "field_value",
    );
}

#[test]
fn another_contacts_key_is_caught() {
    let spoil = |world: &mut World| lead(world)["Intercom_Contact_ID__c"] = json!("app:other");
    spoiled(spoil, 1, 0, "field_value");
}

#[test]
fn a_value_of_sales_that_was_overwritten_is_caught() {
    let spoil = |world: &mut World| world.state["records"]["Contact"][0]["Phone"] = json!("2");
    // Nothing of the script is missing, yet the systems do not hold what they should.
    spoiled(spoil, 0, 0, "field_value");
    let mut world = world();
    world.state["records"]["Contact"][0]["Phone"] = json!("2");
    assert!(!world.check().converged);
}

#[test]
fn a_blank_that_was_not_filled_is_lost() {
    let spoil = |world: &mut World| world.state["records"]["Contact"][0]["Title"] = Value::Null;
    spoiled(spoil, 1, 0, "field_value");
}

#[test]
fn one_call_too_many_is_a_duplicate_whether_or_not_it_was_applied() {
    for applied in [true, false] {
        let again = patch("Lead/00QA", json!({"Title": "Analyst"}), applied);
        spoiled(
            |world| world.salesforce_log.push(again),
            0,
            1,
            "write_calls",
        );
    }
    let again = patch(ADAS_KEY, json!({"LastName": "Lovelace"}), false);
    spoiled(
        |world| world.salesforce_log.push(again),
        0,
        1,
        "write_calls",
    );
}

#[test]
fn a_call_about_a_record_outside_the_script_is_a_duplicate() {
    let call = patch("Account/001A", json!({"Name": "x"}), true);
    spoiled(|world| world.salesforce_log.push(call), 0, 1, "write_calls");
}

#[test]
fn a_call_too_few_is_lost() {
    let spoil = |world: &mut World| world.salesforce_log.truncate(4);
    spoiled(spoil, 1, 0, "write_calls");
}

#[test]
fn an_update_that_names_more_than_what_changed_is_caught() {
    let spoil = |world: &mut World| {
        world.salesforce_log[3].body = json!({"Title": "Analyst", "LastName": "Lovelace"});
    };
    spoiled(spoil, 0, 0, "changed_fields");
}

#[test]
fn a_record_of_somebody_who_should_have_none_is_caught() {
    let row = json!({"Id": "003N", "Intercom_Contact_ID__c": "app:anonymous"});
    spoiled(|world| add_row(world, "Contact", row), 0, 0, "no_record");
}

#[test]
fn an_attribute_that_was_not_written_is_lost() {
    let spoil = |world: &mut World| {
        world.intercom["contacts"][0]["custom_attributes"]["SALESFORCE_TITLE"] = Value::Null;
    };
    spoiled(spoil, 1, 0, "attribute_value");
    let spoil = |world: &mut World| world.intercom["contacts"] = json!([]);
    spoiled(spoil, 8, 0, "attribute_value");
}

#[test]
fn a_wrong_attribute_is_lost_whether_the_record_or_the_script_says_so() {
    let spoil = |world: &mut World| {
        world.intercom["contacts"][0]["custom_attributes"]["SALESFORCE_OWNER_NAME"] = json!("Ann");
    };
    spoiled(spoil, 1, 0, "attribute_value");
    let job = [("custom_attributes.job_title", "Analyst")];
    let spoil = |world: &mut World| world.script.mirrored(ADA.name, 0, &job);
    spoiled(spoil, 1, 0, "attribute_value");
}

#[test]
fn one_call_to_intercom_too_many_is_a_duplicate() {
    let spoil = |world: &mut World| {
        for _ in 0..3 {
            let again = put("ada", json!({"SALESFORCE_TITLE": "Analyst"}));
            world.intercom_log.push(again);
        }
    };
    spoiled(spoil, 0, 1, "intercom_calls");
}

#[test]
fn a_call_to_intercom_about_a_stranger_is_a_duplicate() {
    let call = put("mallory", json!({"SALESFORCE_ID": "00QA"}));
    spoiled(
        |world| world.intercom_log.push(call),
        0,
        1,
        "intercom_calls",
    );
    let call = request("POST", "/contacts", json!({"email": ADA.email}), true);
    spoiled(
        |world| world.intercom_log.push(call),
        0,
        1,
        "intercom_calls",
    );
    let mut world = world();
    let search = request("POST", "/contacts/search", json!({}), false);
    world.intercom_log.push(search);
    assert_eq!(world.check().failures, []);
}

#[test]
fn a_contact_is_made_once_and_its_attribute_is_defined_once() {
    let definition = || {
        let body = json!({"name": "made_from", "model": "contact", "data_type": "string"});
        request("POST", "/data_attributes", body, true)
    };
    let creation = |applied: bool| {
        let body = json!({"role": "lead", "custom_attributes": {"made_from": "00QA"}});
        let mut call = request("POST", "/contacts", body, applied);
        call.changed = if applied {
            vec!["made".to_owned()]
        } else {
            Vec::new()
        };
        call
    };
    let made = |world: &mut World| {
        let mut shown = world.intercom["contacts"][0].clone();
        shown["id"] = json!("made");
        shown["role"] = json!("lead");
        shown["custom_attributes"]["made_from"] = json!("00QA");
        if let Some(contacts) = world.intercom["contacts"].as_array_mut() {
            contacts.push(shown);
        }
        let mut mirror = Mirror::new("made");
        mirror.made = true;
        let marker = "custom_attributes.made_from".to_owned();
        mirror.fields = Fields::from([(marker, json!("00QA"))]);
        world.script.records[0].mirrors.push(mirror);
        world.script.attributes.push("made_from");
        let calls = [creation(false), definition(), creation(true)];
        world.intercom_log.extend(calls);
    };
    let mut world = world();
    made(&mut world);
    assert_eq!(world.check().failures, []);
    for again in [definition(), creation(false)] {
        let spoil = |world: &mut World| {
            made(world);
            world.intercom_log.push(again);
        };
        spoiled(spoil, 0, 1, "attributes");
    }
    let spoil = |world: &mut World| {
        made(world);
        let mut twin = creation(true);
        twin.changed = vec!["twin".to_owned()];
        world.intercom_log.push(twin);
    };
    spoiled(spoil, 0, 1, "intercom_calls");
    let spoil = |world: &mut World| {
        made(world);
        world.intercom_log.remove(3);
    };
    spoiled(spoil, 1, 0, "attributes");
}

#[test]
fn an_attribute_that_the_script_does_not_know_is_caught() {
    let spoil = |world: &mut World| {
        world.intercom_log[1] = put("ada", json!({"SALESFORCE_ID": "00QA", "nickname": "Addie"}));
    };
    spoiled(spoil, 0, 0, "intercom_fields");
}

#[test]
fn rows_of_one_request_are_calls_of_their_own() {
    let upsert = request(
        "PATCH",
        "/services/data/v66.0/composite/sobjects/Lead/Intercom_Contact_ID__c",
        json!({"records": [{
            "attributes": {"type": "Lead"},
            "Intercom_Contact_ID__c": "app:ada",
            "LastName": "Lovelace",
        }]}),
        true,
    );
    let update = |rows: Value| {
        let path = "/services/data/v66.0/composite/sobjects";
        request("PATCH", path, json!({"records": rows}), true)
    };
    let row = |id: &str, title: &str| {
        let kind = json!({"type": "Contact"});
        json!({"attributes": kind, "id": id, "Title": title})
    };
    let mut world = world();
    world.salesforce_log[1] = upsert;
    world.salesforce_log.truncate(3);
    let both = [row("00QA", "Analyst"), row("003G", "Admiral")];
    world.salesforce_log.push(update(json!(both)));
    assert_eq!(world.check().failures, []);
    world
        .salesforce_log
        .push(update(json!([row("003G", "Admiral")])));
    assert_eq!(world.check().duplicate_writes, 1);
    let path = "/services/data/v66.0/composite/sobjects/Contact";
    let read = request(
        "POST",
        path,
        json!({"ids": ["003G"], "fields": ["Title"]}),
        false,
    );
    world.salesforce_log.push(read);
    assert_eq!(world.check().duplicate_writes, 1, "a question is no write");
}

#[test]
fn edits_that_may_be_written_together_have_an_upper_bound() {
    let mut world = world();
    world.script.records[0].updates = Updates::AtMost(3, vec!["Title"]);
    assert_eq!(
        world.check().failures,
        [],
        "two of three were written together"
    );
    for _ in 0..3 {
        let call = patch("Lead/00QA", json!({"Title": "Analyst"}), true);
        world.salesforce_log.push(call);
    }
    assert_eq!(world.check().duplicate_writes, 1);
    let mut world = self::world();
    world.script.records[0].updates = Updates::AtMost(3, vec!["Phone"]);
    let names: Vec<&str> = world.check().failures.iter().map(|one| one.check).collect();
    assert_eq!(names, ["changed_fields"]);
}
