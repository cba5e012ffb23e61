//! Tests of sObject Collections (salesforce.md 3.2).

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::sandbox::exchange::Answer;
use crate::sandbox::salesforce::model::tests::{Caller, body, check, lead};

const PATH: &str = "/composite/sobjects";
const BY_KEY: &str = "/composite/sobjects/Account/Intercom_Company_ID__c";

fn contact(last_name: &str) -> Value {
    json!({"attributes": {"type": "Contact"}, "LastName": last_name})
}

fn account(key: &str, name: &str) -> Value {
    json!({"attributes": {"type": "Account"}, "Intercom_Company_ID__c": key, "Name": name})
}

fn rows(records: &[Value]) -> Value {
    json!({"allOrNone": false, "records": records})
}

fn codes(answer: &Answer) -> Vec<String> {
    assert_eq!(answer.status, 200, "{answer:?}");
    let rows = body(answer);
    let rows = rows.as_array().expect("a list").iter();
    rows.map(|row| match row["success"].as_bool() {
        Some(true) => "ok".to_owned(),
        _ => row["errors"][0]["statusCode"]
            .as_str()
            .unwrap_or("?")
            .to_owned(),
    })
    .collect()
}

fn used(caller: &mut Caller) -> u64 {
    let now_ms = caller.now_ms;
    caller.org.allocation.used(now_ms)
}

#[test]
fn rows_fail_one_by_one_in_order_for_one_call() {
    let mut caller = Caller::new();
    let before = used(&mut caller);
    let records = [
        contact("A"),
        contact(" "),
        json!({"LastName": "C"}),
        contact("D"),
    ];
    let answer = caller.call("POST", PATH, rows(&records));
    let expected = ["ok", "REQUIRED_FIELD_MISSING", "INVALID_TYPE", "ok"];
    assert_eq!(codes(&answer), expected);
    assert_eq!(used(&mut caller), before + 1);
    assert_eq!(body(&answer)[1]["errors"][0]["fields"], json!(["LastName"]));
    assert!(body(&answer)[1].get("id").is_none());
    let changes = caller.org.changes_since(0);
    let keys: BTreeSet<&str> = changes.iter().map(|c| c.transaction_key.as_str()).collect();
    assert_eq!((changes.len(), keys.len()), (2, 1), "one transaction");
    let ids: Vec<Value> = [0, 3].map(|n| body(&answer)[n]["id"].clone()).to_vec();
    assert_eq!(answer.changed.len(), 2);
    let absent = "003000000000001";
    let wanted = format!(
        "{},{absent},{}",
        ids[1].as_str().unwrap(),
        ids[0].as_str().unwrap()
    );
    let target = format!("{PATH}/Contact?ids={wanted}&fields=LastName");
    let read = body(&caller.call("GET", &target, Value::Null));
    let names = [&read[0]["LastName"], &read[1], &read[2]["LastName"]];
    assert_eq!(names, [&json!("D"), &Value::Null, &json!("A")]);
    let asked = json!({"ids": ids, "fields": ["LastName", "Email"]});
    let posted = body(&caller.call("POST", &format!("{PATH}/Contact"), asked));
    assert_eq!(posted[1]["LastName"], "D");
}

#[test]
fn all_or_none_leaves_no_trace_of_a_failed_request() {
    let mut caller = Caller::new();
    let key = account("k1", "First");
    let mut records = rows(&[key.clone(), json!({"attributes": {"type": "Account"}})]);
    records["allOrNone"] = json!(true);
    let answer = caller.call("POST", PATH, records.clone());
    let expected = [
        "ALL_OR_NONE_OPERATION_ROLLED_BACK",
        "REQUIRED_FIELD_MISSING",
    ];
    assert_eq!(codes(&answer), expected);
    assert!(!answer.applied && answer.changed.is_empty());
    assert!(caller.org.changes_since(0).is_empty());
    assert_eq!(caller.org.rows_of("Account").count(), 0);
    records["records"] = json!([key]);
    assert_eq!(
        codes(&caller.call("POST", PATH, records)),
        ["ok"],
        "the key is free again"
    );
    assert_eq!(caller.org.changes_since(0).len(), 1);
}

#[test]
fn more_than_two_hundred_rows_refuse_the_whole_request() {
    let mut caller = Caller::new();
    let many: Vec<Value> = (0..201).map(|n| contact(&format!("N{n}"))).collect();
    let refused = caller.call("POST", PATH, rows(&many));
    check(&refused, 400, "EXCEEDED_ID_LIMIT", "more than 200 records");
    let answer = caller.call("POST", PATH, rows(&many[..200]));
    assert!(codes(&answer).iter().all(|code| code == "ok"));
    check(
        &caller.call("PATCH", PATH, json!({})),
        400,
        "JSON_PARSER_ERROR",
        "records",
    );
    check(
        &caller.call("PUT", PATH, json!({})),
        405,
        "METHOD_NOT_ALLOWED",
        "",
    );
}

#[test]
fn rows_are_updated_and_deleted_by_id() {
    let mut caller = Caller::new();
    let (one, two) = (caller.make("Lead", lead()), caller.make("Lead", lead()));
    let row =
        |id: &str, title: &str| json!({"attributes": {"type": "Lead"}, "id": id, "Title": title});
    let records = [
        row(&one, "CTO"),
        row("00Q000000000001", "x"),
        row("nope", "x"),
    ];
    let answer = caller.call("PATCH", PATH, rows(&records));
    assert_eq!(codes(&answer), ["ok", "NOT_FOUND", "MALFORMED_ID"]);
    assert_eq!(body(&answer)[1]["id"], "00Q000000000001");
    let gone = caller.call(
        "DELETE",
        &format!("{PATH}?ids={one},{two}&allOrNone=true"),
        Value::Null,
    );
    assert_eq!(codes(&gone), ["ok", "ok"]);
    let again = caller.call("DELETE", &format!("{PATH}?ids={one}"), Value::Null);
    assert_eq!(codes(&again), ["ENTITY_IS_DELETED"]);
}

#[test]
fn an_upsert_by_key_tells_what_it_created_and_refuses_twins() {
    let mut caller = Caller::new();
    caller.make(
        "Account",
        json!({"Name": "Old", "Intercom_Company_ID__c": "k1"}),
    );
    let records = [
        account("K1", "New"),
        account("k2", "Two"),
        account("", "None"),
    ];
    let answer = caller.call("PATCH", BY_KEY, rows(&records));
    assert_eq!(codes(&answer), ["ok", "ok", "MISSING_ARGUMENT"]);
    let created = [0, 1].map(|n| body(&answer)[n]["created"].clone());
    assert_eq!(created, [json!(false), json!(true)]);
    let twins = rows(&[account("k3", "A"), account("k4", "B"), account("K3 ", "C")]);
    let expected = ["DUPLICATE_VALUE", "ok", "DUPLICATE_VALUE"];
    assert_eq!(
        codes(&caller.call("PATCH", BY_KEY, twins.clone())),
        expected
    );
    caller.org.settings.switches.duplicate_key_refuses_all_rows = false;
    assert_eq!(
        codes(&caller.call("PATCH", BY_KEY, twins)),
        ["ok", "ok", "DUPLICATE_VALUE"]
    );
    let unknown = caller.call(
        "PATCH",
        &format!("{PATH}/Account/Phone"),
        rows(&[account("k", "A")]),
    );
    check(&unknown, 404, "NOT_FOUND", "Provided external ID field");
}

#[test]
fn the_client_token_counts_on_collections_by_a_switch() {
    let mut caller = Caller::new();
    caller.headers = vec![(
        "sforce-call-options".to_owned(),
        "client=crosswalk/7".to_owned(),
    )];
    for (honoured, suffix) in [(true, ";client=crosswalk/7"), (false, "")] {
        caller
            .org
            .settings
            .switches
            .call_options_honoured_on_collections = honoured;
        caller.call("POST", PATH, rows(&[contact("A")]));
        let change = caller.org.changes_since(0).pop().expect("a change");
        assert_eq!(
            change.change_origin,
            format!("com/salesforce/api/rest/67.0{suffix}")
        );
        caller.make("Contact", json!({"LastName": "B"}));
        let change = caller.org.changes_since(0).pop().expect("a change");
        assert!(change.change_origin.ends_with(";client=crosswalk/7"));
    }
}
