//! Tests of the snapshots: both shapes of a record, and what is refused.

use serde_json::json;

use super::*;

fn workspace() -> SourceId {
    SourceId::new("support").unwrap()
}

fn contact(item: Json) -> Result<RecordSnapshot, Error> {
    contact_snapshot(&workspace(), &item)
}

fn company(item: Json) -> Result<RecordSnapshot, Error> {
    company_snapshot(&workspace(), &item)
}

fn field(snapshot: &RecordSnapshot, path: &str) -> Option<Value> {
    snapshot.fields.get(path).cloned()
}

#[test]
fn webhook_and_rest_give_the_same_fields_and_versions_that_overlap() {
    let shape = |created: Json, updated: Json| {
        contact(json!({
            "type": "contact", "id": "5f3a", "role": "lead", "email": "a@example.com",
            "phone": "", "external_id": null, "utm_source": "ad", "created_at": created,
            "updated_at": updated, "last_seen_at": updated, "android_last_seen_at": null,
            "unsubscribed_from_emails": false, "owner_id": 7,
            "location": {"type": "location", "country": "Ireland", "region": null},
            "social_profiles": {"type": "list", "data": []},
            "custom_attributes": {"job_title": "CTO", "seen_at": 12, "score": 1.5, "order": {}},
        }))
        .unwrap()
    };
    let pushed = shape(
        json!("2026-01-10T04:23:23.215+00:00"),
        json!("2026-01-10T04:39:55.465+00:00"),
    );
    let read = shape(json!(1_768_019_003), json!(1_768_019_995));
    assert_eq!(pushed.fields, read.fields);
    assert_eq!(pushed.version, Version::exact_ms(1_768_019_995_465));
    assert_eq!(read.version, Version::second(1_768_019_995));
    let paths: Vec<&str> = pushed.fields.keys().map(|name| name.as_str()).collect();
    assert_eq!(
        paths,
        [
            "created_at",
            "custom_attributes.job_title",
            "custom_attributes.score",
            "custom_attributes.seen_at",
            "email",
            "external_id",
            "id",
            "location.country",
            "location.region",
            "owner_id",
            "phone",
            "role",
            "unsubscribed_from_emails",
            "utm_source",
        ]
    );
    assert_eq!(field(&pushed, "phone"), Some(Value::Null));
    assert_eq!(
        field(&pushed, "created_at"),
        Some(Value::Int(1_768_019_003))
    );
}

#[test]
fn a_list_is_complete_only_if_the_count_agrees_and_no_more_are_said_to_follow() {
    let tags = |count: u64, has_more: bool| {
        let list = json!({"type": "list", "data": [{"id": "1"}, {"id": "2"}],
                          "total_count": count, "has_more": has_more});
        let item = json!({"id": "5f3a", "updated_at": 1, "tags": list});
        contact(item).unwrap().tags.unwrap()
    };
    assert!(tags(2, false).complete);
    assert!(!tags(2, true).complete);
    assert!(!tags(12, false).complete);
    assert_eq!(tags(12, true).ids.len(), 2);
    let none = contact(json!({"id": "5f3a", "updated_at": 1, "companies": null})).unwrap();
    assert_eq!((none.tags, none.companies), (None, None));
}

#[test]
fn a_plan_is_its_name_in_each_of_its_three_forms() {
    for (plan, name) in [
        (json!(null), Value::Null),
        (json!("Gold"), "Gold".into()),
        (
            json!({"type": "plan", "id": "9", "name": "Gold"}),
            "Gold".into(),
        ),
    ] {
        let item = json!({"id": "c", "updated_at": 1, "plan": plan, "tag_ids": []});
        let company = company(item).unwrap();
        assert_eq!(field(&company, "plan.name"), Some(name));
        assert_eq!(field(&company, "plan"), None);
        assert_eq!(company.tags.map(|tags| tags.complete), Some(true));
    }
}

#[test]
fn errors_name_the_path_and_never_the_value() {
    let base = |name: &str, json: Json| {
        let mut item = json!({"id": "5f3a", "updated_at": 1});
        item[name] = json;
        contact(item).unwrap_err()
    };
    assert_eq!(base("id", json!(null)), Error::Missing("id"));
    assert_eq!(base("id", json!("")), Error::Form("id".into()));
    assert_eq!(
        base("updated_at", json!(null)),
        Error::Missing("updated_at")
    );
    let odd = base("updated_at", json!("ann@example.com"));
    assert_eq!(
        odd.to_string(),
        "updated_at has a form that is not understood"
    );
    assert_eq!(base("tags", json!("x")), Error::Form("tags.data".into()));
    let long = base("name", json!("x".repeat(VALUE_BYTES_MAX + 1)));
    assert_eq!(long, Error::TooLong("name".into()));
    let many: Map<String, Json> = (0..=FIELDS_MAX)
        .map(|n| (n.to_string(), json!(n)))
        .collect();
    assert_eq!(base("custom_attributes", many.into()), Error::TooManyFields);
    assert_eq!(contact(json!("x")), Err(Error::Missing("contact")));
}
