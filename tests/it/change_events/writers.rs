//! Schemas as writers have them: each event with its own, and the same value by event and by REST.

use crosswalk::clients::salesforce::pubsub::change::schema::Error;
use crosswalk::clients::salesforce::pubsub::change::{ChangeType, Raw, Schema, decode};
use crosswalk::clients::salesforce::row;
use crosswalk::domain::SourceId;
use serde_json::{Value as Json, json};

use super::encode::{account, datum, event, field, lead};

fn parse(json: &Json) -> Schema {
    let id = Schema::fingerprint(&json.to_string()).unwrap();
    let schema = Schema::parse(&id, &json.to_string()).unwrap();
    assert!(schema.is_authentic());
    schema
}

fn text(name: &str) -> Json {
    field(name, "Text", json!(["null", "string"]))
}

#[test]
fn a_field_inserted_in_the_middle_is_read_with_the_schema_of_its_writer() {
    let older = event("Thing__", vec![text("One__c"), text("Three__c")]);
    let newer = event(
        "Thing__",
        vec![text("One__c"), text("Two__c"), text("Three__c")],
    );
    let header = json!({"entityName": "Thing__c", "recordIds": ["a01D000000IqhSL"],
                        "changedFields": ["0x04"]});
    let written = json!({"ChangeEventHeader": header, "Two__c": "2", "Three__c": "3"});
    let payload = datum(&newer, &written);
    let (older, newer) = (parse(&older), parse(&newer));
    assert_ne!(older.id(), newer.id());
    let event = newer.decode(&payload).unwrap();
    assert_eq!(event.header.changed, ["Two__c"]);
    assert_eq!(event.get("Three__c"), Some(&Raw::Text("3")));
    let stale = older.decode(&payload).unwrap_err();
    assert!(matches!(stale, decode::Error::Trailing { bytes: 3, .. }));
}

/// What makes the id decide and not the topic: nothing in the bytes says that they are misread.
#[test]
fn a_stale_schema_can_misread_without_an_error() {
    let older = event("Thing__", vec![text("One__c"), text("Two__c")]);
    let newer = event("Thing__", vec![text("Two__c"), text("One__c")]);
    let written = json!({"ChangeEventHeader": {}, "One__c": "1", "Two__c": "2"});
    let payload = datum(&newer, &written);
    let (older, newer) = (parse(&older), parse(&newer));
    let right = newer.decode(&payload).unwrap();
    assert_eq!(right.get("One__c"), Some(&Raw::Text("1")));
    let wrong = older.decode(&payload).unwrap();
    assert_eq!(wrong.get("One__c"), Some(&Raw::Text("2")));
}

#[test]
fn a_change_type_that_no_schema_knows_is_kept_by_its_number() {
    let schema = lead();
    let written = json!({"ChangeEventHeader": {"changeType": 23, "commitNumber": i64::MAX}});
    let payload = datum(&schema, &written);
    let schema = parse(&schema);
    let header = schema.decode(&payload).unwrap().header;
    assert_eq!(header.change_type, ChangeType::Other("#23".into()));
    assert_eq!(header.commit_number, i64::MAX);
    assert!(!header.change_type.is_gap());
}

#[test]
fn a_value_by_event_equals_the_same_value_by_rest() {
    let schema = lead();
    let written = json!({
        "ChangeEventHeader": {"changeType": "CREATE"},
        "Name": {"FirstName": "Ann", "LastName": "Lee"},
        "Address": {"City": "Lyon", "Latitude": 45.75},
        "AnnualRevenue": 1200000.0,
        "NumberOfEmployees": 12,
        "OwnerId": "005D000000IqhSLIAZ",
        "IsConverted": false,
        "ConvertedDate": 1_771_286_400_000_i64,
        "CreatedDate": 1_771_291_772_000_i64,
        "Call_At__c": 45_296_000,
    });
    let by_rest = json!({
        "Id": "00QD000000IqhSL",
        "FirstName": "Ann", "LastName": "Lee", "Salutation": null,
        "City": "Lyon", "Street": null, "Latitude": 45.75,
        "AnnualRevenue": 1.2E6,
        "NumberOfEmployees": 12,
        "OwnerId": "005D000000IqhSLIAZ",
        "IsConverted": false,
        "ConvertedDate": "2026-02-17",
        "CreatedDate": "2026-02-17T01:29:32.000+0000",
        "Call_At__c": "12:34:56.000Z",
        "SystemModstamp": "2026-02-17T01:29:32.000+0000",
    });
    let payload = datum(&schema, &written);
    let schema = parse(&schema);
    let flat = schema.decode(&payload).unwrap().flatten();
    let org = SourceId::new("org").unwrap();
    let row = row::snapshot(&org, "Lead", &by_rest, &[]).unwrap();
    for (name, value) in &row.fields {
        if name != "Id" {
            assert_eq!(flat.fields.get(name), Some(value), "{name}");
        }
    }
}

#[test]
fn the_record_branch_of_a_union_is_found_wherever_it_stands() {
    let schema = account();
    let schema_of = parse(&schema);
    for name in [json!("Acme"), json!({"LastName": "Lee"}), json!(null)] {
        let billing = json!({"City": "Lyon"});
        let written = json!({"ChangeEventHeader": {}, "Name": name, "BillingAddress": billing,
                             "ShippingAddress": {"City": "Paris"}});
        let payload = datum(&schema, &written);
        let event = schema_of.decode(&payload).unwrap();
        assert_eq!(event.get("BillingAddress.City"), Some(&Raw::Text("Lyon")));
        assert_eq!(event.get("ShippingAddress.City"), Some(&Raw::Text("Paris")));
        let is_person = event.get("Name.LastName") == Some(&Raw::Text("Lee"));
        assert_eq!(is_person, name.is_object());
    }
}

#[test]
fn a_schema_of_something_else_is_refused_with_its_id_and_the_reason() {
    let refused = |json: Json| Schema::parse("some-id", &json.to_string()).unwrap_err();
    let record = |fields: Json| json!({"type": "record", "name": "X", "fields": fields});
    let cases = [
        (json!("string"), "it is not a record"),
        (
            record(json!([])),
            "it does not begin with ChangeEventHeader",
        ),
        (
            record(json!([{"name": "a", "type": "Gone"}])),
            "type Gone is not defined",
        ),
        (json!(["null", []]), "a union is empty or holds a union"),
    ];
    for (json, why) in cases {
        let text = refused(json).to_string();
        assert!(text.contains("some-id") && text.contains(why), "{text}");
    }
    let nameless = event("X", vec![]).to_string().replace("recordIds", "ids");
    let text = Schema::parse("x", &nameless).unwrap_err().to_string();
    assert!(
        text.ends_with("ChangeEventHeader lacks recordIds"),
        "{text}"
    );
    let error = Schema::parse("x", "{").unwrap_err();
    assert_eq!(error, Error::NotJson { id: "x".into() });
}
