//! Tests of what a writer of both ways relies on: notifications of API writes, stored forms,
//! the answers that the official client reads.

use serde_json::{Value, json};

use crate::sandbox::intercom::model::contact::Reader;
use crate::sandbox::intercom::model::tests::{
    NOW, body, call, check, id_of, keys, lead, topics, user, workspace,
};
use crate::sandbox::intercom::options::WebhookTimestamps;

#[test]
fn api_writes_are_announced_as_a_persons_edit_is_and_empty_ones_are_not() {
    let mut workspace = workspace();
    let (contact, person) = (lead(&mut workspace), lead(&mut workspace));
    topics(&mut workspace);
    let change = json!({"name": "Ada", "custom_attributes": {"job_title": "CTO"}});
    call(
        &mut workspace,
        "PUT",
        &format!("/contacts/{contact}"),
        change.clone(),
    );
    let by_api = workspace.take_notifications();
    let act = json!({"verb": "update_contact", "id": person, "set": change});
    workspace.act(&act, NOW).expect("acts");
    let by_person = workspace.take_notifications();
    assert_eq!(
        (by_api.len(), by_api[0].topic.as_str()),
        (1, "contact.lead.updated")
    );
    assert_eq!(by_api[0].topic, by_person[0].topic);
    assert_eq!(keys(&by_api[0].item), keys(&by_person[0].item));
    assert_eq!(
        by_api[0].item["updated_at"],
        "2026-01-10T04:41:59.251+00:00"
    );
    for empty in [
        change,
        json!({}),
        json!({"custom_attributes": {"job_title": "CTO"}}),
    ] {
        let answer = call(
            &mut workspace,
            "PUT",
            &format!("/contacts/{contact}"),
            empty,
        );
        assert!(!answer.applied && topics(&mut workspace).is_empty());
    }
}

#[test]
fn company_writes_and_attachments_are_announced() {
    let mut workspace = workspace();
    let contact = user(&mut workspace, "u1", "a@example.com");
    topics(&mut workspace);
    let saved =
        json!({"company_id": "c1", "name": "Acme", "custom_attributes": {"segment": "SMB"}});
    let company = id_of(&call(&mut workspace, "POST", "/companies", saved.clone()));
    assert_eq!(topics(&mut workspace), ["company.created"]);
    call(&mut workspace, "POST", "/companies", saved);
    assert!(topics(&mut workspace).is_empty(), "the same again");
    let path = format!("/companies/{company}");
    let cleared = json!({"custom_attributes": {"segment": null, "category": "B"}});
    let answer = call(&mut workspace, "PUT", &path, cleared);
    assert_eq!(
        body(&answer)["custom_attributes"],
        json!({"segment": null, "category": "B"})
    );
    assert_eq!(topics(&mut workspace), ["company.updated"]);
    let undefined = json!({"name": "New", "custom_attributes": {"nope": 1}});
    let refused = call(&mut workspace, "PUT", &path, undefined);
    check(
        &refused,
        400,
        "parameter_invalid",
        "Custom attribute 'nope' does not exist",
    );
    let path = format!("/contacts/{contact}/companies");
    for expected in [&["company.contact.attached"][..], &[]] {
        call(&mut workspace, "POST", &path, json!({"id": company}));
        assert_eq!(
            topics(&mut workspace),
            expected,
            "attaching again is nothing new"
        );
    }
    call(
        &mut workspace,
        "DELETE",
        &format!("{path}/{company}"),
        Value::Null,
    );
    assert_eq!(topics(&mut workspace), ["company.contact.detached"]);
}

#[test]
fn values_are_stored_in_another_form_than_written() {
    let mut workspace = workspace();
    workspace.settings.switches.formatted_phone_present = true;
    let attribute = json!({"model": "contact", "name": "seats", "data_type": "integer"});
    call(&mut workspace, "POST", "/data_attributes", attribute);
    let fields = json!({"role": "user", "email": "Ann@Example.COM", "phone": "+14155550100",
        "custom_attributes": {"seats": 3.9}});
    let id = id_of(&call(&mut workspace, "POST", "/contacts", fields));
    let path = format!("/contacts/{id}");
    let shown = body(&call(&mut workspace, "GET", &path, Value::Null));
    assert_eq!(shown["email"], "ann@example.com");
    assert_eq!(shown["email_domain"], "example.com");
    assert_eq!(shown["formatted_phone"], "+1 415-555-0100");
    assert_eq!(shown["custom_attributes"]["seats"], 3);
    topics(&mut workspace);
    let same = json!({"email": "ANN@example.com", "custom_attributes": {"seats": 3.2}});
    assert!(!call(&mut workspace, "PUT", &path, same.clone()).applied);
    let cleared = body(&call(
        &mut workspace,
        "PUT",
        &path,
        json!({"email": null, "phone": null}),
    ));
    assert_eq!(
        (&cleared["email"], cleared.get("formatted_phone")),
        (&json!(""), None)
    );
    workspace.settings.switches.integers_truncate_floats = false;
    workspace.settings.switches.emails_are_lowercased = false;
    let refused = call(&mut workspace, "PUT", &path, same);
    check(
        &refused,
        400,
        "parameter_invalid",
        "Custom attribute 'seats'",
    );
    let kept = call(
        &mut workspace,
        "PUT",
        &path,
        json!({"email": "ANN@example.com"}),
    );
    assert_eq!(body(&kept)["email"], "ANN@example.com");
}

#[test]
fn an_attribute_is_changed_but_not_its_type_and_is_unique_across_models() {
    let mut workspace = workspace();
    let list = json!({"model": "contact", "name": "band", "data_type": "options",
        "options": [{"value": "1-10"}, {"value": "11-50"}]});
    let answer = call(&mut workspace, "POST", "/data_attributes", list.clone());
    let path = format!("/data_attributes/{}", body(&answer)["id"]);
    let mut twin = list;
    twin["model"] = json!("company");
    let refused = call(&mut workspace, "POST", "/data_attributes", twin);
    check(
        &refused,
        400,
        "parameter_invalid",
        "You already have 'band' in your people data",
    );
    let change = json!({"description": "Size", "data_type": "integer",
        "options": [{"value": "a"}, {"value": "b"}]});
    let changed = body(&call(&mut workspace, "PUT", &path, change));
    assert_eq!(
        (&changed["description"], &changed["data_type"]),
        (&json!("Size"), &json!("string"))
    );
    assert_eq!(changed["options"], json!(["a", "b"]));
    let one = json!({"options": [{"value": "a"}]});
    let refused = call(&mut workspace, "PUT", &path, one);
    check(&refused, 400, "parameter_invalid", "Options isn't an array");
    let absent = call(&mut workspace, "PUT", "/data_attributes/9999", json!({}));
    check(&absent, 404, "field_not_found", "We couldn't find");
    call(&mut workspace, "PUT", &path, json!({"archived": true}));
    let id = lead(&mut workspace);
    let written = json!({"custom_attributes": {"band": "a"}});
    let refused = call(&mut workspace, "PUT", &format!("/contacts/{id}"), written);
    check(&refused, 400, "parameter_invalid", "'band' does not exist");
}

/// The properties of `contact`, `contact_list` and `admin_with_app` in the official OpenAPI
/// 2.16; `merge_history` is there on request only.
#[test]
fn answers_have_what_the_official_description_names() {
    let mut workspace = workspace();
    let id = user(&mut workspace, "u1", "a@example.com");
    let named = [
        "type",
        "id",
        "external_id",
        "workspace_id",
        "role",
        "email",
        "email_domain",
        "phone",
        "name",
        "owner_id",
        "has_hard_bounced",
        "marked_email_as_spam",
        "unsubscribed_from_emails",
        "created_at",
        "updated_at",
        "signed_up_at",
        "last_seen_at",
        "last_replied_at",
        "last_contacted_at",
        "last_email_opened_at",
        "last_email_clicked_at",
        "language_override",
        "browser",
        "browser_version",
        "browser_language",
        "os",
        "custom_attributes",
        "avatar",
        "tags",
        "notes",
        "companies",
        "location",
        "social_profiles",
    ];
    let query = json!({"query": {"field": "email", "operator": "=", "value": "A@example.com"},
        "pagination": {"per_page": 5}});
    let found = call(&mut workspace, "POST", "/contacts/search", query);
    let page = body(&found);
    assert_eq!(
        (&page["type"], &page["total_count"]),
        (&json!("list"), &json!(1))
    );
    assert_eq!(page["pages"]["type"], "pages");
    let put = call(
        &mut workspace,
        "PUT",
        &format!("/contacts/{id}"),
        json!({"name": "A"}),
    );
    for contact in [page["data"][0].clone(), body(&put)] {
        for name in named {
            assert!(contact.get(name).is_some(), "{name}");
        }
        assert!(contact["created_at"].is_i64());
    }
    let me = body(&call(&mut workspace, "GET", "/me", Value::Null));
    for name in [
        "type",
        "id",
        "email",
        "name",
        "email_verified",
        "app",
        "has_inbox_seat",
    ] {
        assert!(me.get(name).is_some(), "{name}");
    }
    let told = workspace.contacts[&id].shape("w", Reader::Webhook(WebhookTimestamps::Iso));
    assert!(
        told.get("email_domain").is_none(),
        "captured notifications have none"
    );
}
