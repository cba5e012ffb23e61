//! Tests of the plans: bodies, keys, searches, standings.

use super::*;
use crate::clients::Problem;
use crate::domain::{Name, SourceId, Version};

fn workspace() -> SourceId {
    SourceId::new("ws").unwrap()
}

fn record(object: &str) -> RecordRef {
    RecordRef::new(&workspace(), object, "5f3a").unwrap()
}

fn field(name: &str, expect: impl Into<Value>, value: impl Into<Value>) -> FieldWrite {
    FieldWrite {
        name: name.into(),
        value: value.into(),
        expect: expect.into(),
    }
}

fn write(target: WriteTarget, fields: Vec<FieldWrite>) -> WriteCommand {
    WriteCommand {
        target,
        sequence: 1,
        fields,
        auto_assign: false,
        read_first: false,
    }
}

fn created(object: &str, key_field: &str, fields: Vec<FieldWrite>) -> Result<Plan, String> {
    let object = ObjectName::new(object).unwrap();
    let target = WriteTarget::Record(record("contact"));
    let plan = create(&object, key_field, "0015", &write(target, fields));
    plan.map_err(|rejection| rejection.code)
}

#[test]
fn fields_are_nested_by_path_and_a_null_clears() {
    let fields = [
        field("name", "Ann", "Ann Hara"),
        field("phone", "1", Value::Null),
        field("unsubscribed_from_emails", false, true),
        field("custom_attributes.Job Title", Value::Null, "CTO"),
        field("custom_attributes.score", 1_i64, Value::number(1.5)),
        field("custom_attributes.old", "x", Value::Null),
        field("plan.name", Value::Null, "Gold"),
    ];
    assert_eq!(
        Json::Object(body(&fields, &BTreeSet::new())),
        json!({
            "name": "Ann Hara", "phone": null, "unsubscribed_from_emails": true, "plan": "Gold",
            "custom_attributes": {"Job Title": "CTO", "score": 1.5, "old": null},
        })
    );
    let absent = BTreeSet::from(["old".to_string()]);
    let body = body(&fields[5..6], &absent);
    assert!(body.is_empty(), "nothing is left to be written");
}

#[test]
fn ids_are_never_written_and_what_no_request_can_carry_is_refused() {
    let planned = |object: &str, names: &[&str]| {
        let fields = names.iter().map(|name| field(name, Value::Null, "x"));
        let target = WriteTarget::Record(record(object));
        match update(&record(object), &write(target, fields.collect())) {
            Ok(Plan::Update { fields, .. }) => Ok(fields.len()),
            Ok(other) => panic!("an update is planned, not {other:?}"),
            Err(rejection) => Err(rejection.fields.join(" ")),
        }
    };
    assert_eq!(planned("contact", &["id", "external_id", "email"]), Ok(2));
    assert_eq!(planned("company", &["id", "company_id", "name"]), Ok(1));
    for path in [
        "location.country",
        "custom_attributes.a.b",
        "custom_attributes.",
    ] {
        assert_eq!(planned("contact", &["name", path]), Err(path.to_string()));
    }
    assert_eq!(planned("contact", &["plan.name"]), Err("plan.name".into()));
    assert_eq!(planned("company", &["plan.name"]), Ok(1));
}

#[test]
fn the_key_decides_what_is_created() {
    let stray = || {
        vec![
            field("role", Value::Null, "user"),
            field("name", Value::Null, "Ann"),
        ]
    };
    let shown = |fields: &[FieldWrite]| Json::Object(body(fields, &BTreeSet::new()));
    let Ok(Plan::CreateUser { key, fields }) = created("contact", "external_id", stray()) else {
        panic!("an external id makes a user");
    };
    assert_eq!(key, "0015");
    assert_eq!(
        shown(&fields),
        json!({"name": "Ann", "external_id": "0015", "role": "user"})
    );
    let marker = "custom_attributes.SALESFORCE_ID";
    let Ok(Plan::CreateLead { fields, .. }) = created("contact", marker, stray()) else {
        panic!("a marker makes a lead");
    };
    assert_eq!(
        shown(&fields),
        json!({"name": "Ann", "role": "lead", "custom_attributes": {"SALESFORCE_ID": "0015"}})
    );
    let Ok(Plan::SaveCompany { fields, .. }) = created("company", "company_id", Vec::new()) else {
        panic!("a company id makes a company");
    };
    assert_eq!(shown(&fields), json!({"company_id": "0015"}));
    for (object, key_field, code) in [
        ("contact", "email", "NO_KEY"),
        ("contact", "custom_attributes.", "NO_KEY"),
        ("company", "name", "NO_KEY"),
        ("ticket", "id", "UNSUPPORTED"),
    ] {
        assert_eq!(created(object, key_field, Vec::new()), Err(code.into()));
    }
}

#[test]
fn many_identifiers_are_grouped_as_a_search_allows() {
    let terms = |count: usize| -> Vec<(Name, String)> {
        (0..count)
            .map(|n| ("email".into(), n.to_string()))
            .collect()
    };
    assert_eq!(any_of(&terms(15)).unwrap()["value"][14]["value"], "14");
    let grouped = any_of(&terms(31)).unwrap();
    let sizes: Vec<usize> = grouped["value"]
        .as_array()
        .unwrap()
        .iter()
        .map(|group| group["value"].as_array().unwrap().len())
        .collect();
    assert_eq!(
        (sizes, &grouped["operator"]),
        (vec![15, 15, 1], &json!("OR"))
    );
    assert!(any_of(&terms(226)).is_err());
    assert!(
        company_terms(&terms(1)).is_err(),
        "companies have no e-mail"
    );
}

#[test]
fn only_attributes_of_the_write_itself_are_missing() {
    let refusal = |status: u16| Refusal {
        status,
        problems: vec![Problem {
            text: "Custom attribute 'Job Title' does not exist".into(),
            ..Problem::default()
        }],
        ..Refusal::default()
    };
    let fields = [
        field("custom_attributes.Job Title", Value::Null, 5_i64),
        field("custom_attributes.Job", Value::Null, "x"),
    ];
    assert_eq!(
        missing(&refusal(400), &fields),
        [("Job Title", Some("integer"))]
    );
    assert_eq!(missing(&refusal(400), &fields[1..]), []);
    assert_eq!(missing(&refusal(422), &fields), []);
}

#[test]
fn a_record_stands_in_place_open_or_changed() {
    let stands = |name: &str, expect: Value, value: Value, seen: Value| {
        let snapshot = RecordSnapshot {
            record: record("contact"),
            version: Version::default(),
            fields: [(name.into(), seen)].into(),
            tags: None,
            companies: None,
        };
        standing(&[field(name, expect, value)], &snapshot)
    };
    let (old, new): (Value, Value) = ("old".into(), "new".into());
    let cases = [
        (
            "name",
            old.clone(),
            new.clone(),
            new.clone(),
            Standing::InPlace,
        ),
        (
            "name",
            old.clone(),
            new.clone(),
            old.clone(),
            Standing::Open,
        ),
        (
            "name",
            old.clone(),
            new.clone(),
            "x".into(),
            Standing::Changed,
        ),
        (
            "name",
            old.clone(),
            new.clone(),
            Value::Null,
            Standing::Changed,
        ),
        (
            "name",
            old.clone(),
            Value::Null,
            Value::Null,
            Standing::InPlace,
        ),
        (
            "owner_id",
            Value::Null,
            7.into(),
            "7".into(),
            Standing::InPlace,
        ),
        (
            "email",
            Value::Null,
            "A@b.c".into(),
            "a@b.c".into(),
            Standing::InPlace,
        ),
        (
            "name",
            Value::Null,
            "A".into(),
            "a".into(),
            Standing::Changed,
        ),
    ];
    for (name, expect, value, seen, standing) in cases {
        assert_eq!(stands(name, expect, value, seen), standing);
    }
}
