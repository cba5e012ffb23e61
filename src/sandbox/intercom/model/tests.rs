//! Tests of the workspace model.

use serde_json::{Value, json};

use crate::sandbox::exchange::{Answer, Content, Request};
use crate::sandbox::intercom::model::{Notification, Settings, Workspace};
use crate::sandbox::intercom::options::{MergedReads, Switches, WebhookTimestamps};

mod any_request;
mod listing;
mod two_way;

const NOW: i64 = 1_768_020_119_251;
const CAPTURED_LEAD: &str = include_str!("tests/contact_lead_created.json");
const CAPTURED_COMPANY: &str = include_str!("tests/company_updated.json");

fn workspace() -> Workspace {
    Workspace::new(Settings {
        app_id: "abc123def".to_owned(),
        access_token: "token".to_owned(),
        rate_limit_per_10s: 1_667,
        search_lag_ms: 0,
        utc_offset_minutes: 0,
        switches: Switches::default(),
    })
}

fn call_at(
    workspace: &mut Workspace,
    method: &str,
    target: &str,
    body: Value,
    now_ms: i64,
) -> Answer {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let bytes = if body.is_null() {
        Vec::new()
    } else {
        body.to_string().into_bytes()
    };
    let mut request = Request::new(method, path, query, bytes);
    request
        .headers
        .insert("authorization".to_owned(), "Bearer token".to_owned());
    workspace.handle(&request, now_ms)
}

fn call(workspace: &mut Workspace, method: &str, target: &str, body: Value) -> Answer {
    call_at(workspace, method, target, body, NOW)
}

fn body(answer: &Answer) -> Value {
    match &answer.content {
        Content::Json(body) => body.clone(),
        other => panic!("no JSON body: {other:?}"),
    }
}

fn check(answer: &Answer, status: u16, code: &str, message_part: &str) {
    let body = body(answer);
    assert_eq!(answer.status, status, "{body}");
    assert_eq!(body["type"], "error.list");
    assert_eq!(body["errors"][0]["code"], code, "{body}");
    let message = body["errors"][0]["message"].as_str().unwrap_or_default();
    assert!(message.contains(message_part), "{message}");
}

fn id_of(answer: &Answer) -> String {
    body(answer)["id"].as_str().expect("an id").to_owned()
}

fn topics(workspace: &mut Workspace) -> Vec<String> {
    workspace
        .take_notifications()
        .into_iter()
        .map(|one| one.topic)
        .collect()
}

fn lead(workspace: &mut Workspace) -> String {
    let fields = json!({"role": "lead", "email": "lead@example.com", "name": "Lea"});
    id_of(&call(workspace, "POST", "/contacts", fields))
}

fn user(workspace: &mut Workspace, key: &str, email: &str) -> String {
    let fields = json!({"role": "user", "external_id": key, "email": email});
    id_of(&call(workspace, "POST", "/contacts", fields))
}

fn keys(value: &Value) -> Vec<String> {
    let mut keys = Vec::new();
    for (key, inner) in value.as_object().into_iter().flatten() {
        keys.push(key.clone());
        if key != "custom_attributes" {
            keys.extend(
                self::keys(inner)
                    .into_iter()
                    .map(|inner| format!("{key}.{inner}")),
            );
        }
    }
    keys
}

#[test]
fn a_notification_has_the_fields_and_order_of_the_capture() {
    let mut workspace = workspace();
    let act = json!({"verb": "create_contact", "role": "lead", "email": "shuz@gmail.com"});
    workspace.act(&act, NOW).expect("acts");
    let sent: Vec<Notification> = workspace.take_notifications();
    let ours = sent[0].envelope(&sent[0].id, 1, NOW / 1_000);
    let captured: Value = serde_json::from_str(CAPTURED_LEAD).expect("a capture");
    assert_eq!(keys(&ours), keys(&captured));
    assert_eq!(ours["topic"], captured["topic"]);
    assert_eq!(
        ours["data"]["item"]["created_at"],
        "2026-01-10T04:41:59.251+00:00"
    );
    assert_eq!(
        ours["data"]["item"]["updated_at"],
        "2026-01-10T04:41:59.249+00:00"
    );
    assert_eq!(ours["created_at"], captured["created_at"]);
    assert_eq!(
        sent[0].id.len(),
        "notif_204d32ad-f47a-4276-8074-e5ce789d2987".len()
    );
}

#[test]
fn a_company_notification_has_the_fields_of_the_capture() {
    let mut workspace = workspace();
    workspace
        .act(&json!({"verb": "create_company", "name": "Acme"}), NOW)
        .expect("acts");
    let sent = workspace.take_notifications();
    let captured: Value = serde_json::from_str(CAPTURED_COMPANY).expect("a capture");
    assert_eq!(keys(&sent[0].item), keys(&captured["data"]["item"]));
    let key = sent[0].item["company_id"].as_str().unwrap_or_default();
    assert!(key.ends_with("-qualification-company"));
}

#[test]
fn a_twin_is_refused_with_its_id_in_the_message_only() {
    let mut workspace = workspace();
    let first = user(&mut workspace, "u1", "a@example.com");
    let again = json!({"role": "user", "external_id": "u1"});
    let refused = call(&mut workspace, "POST", "/contacts", again.clone());
    let text = format!("A contact matching those details already exists with id={first}");
    check(&refused, 409, "conflict", &text);
    call(
        &mut workspace,
        "POST",
        &format!("/contacts/{first}/archive"),
        Value::Null,
    );
    let refused = call(&mut workspace, "POST", "/contacts", again.clone());
    check(
        &refused,
        409,
        "conflict",
        "An archived contact matching those details",
    );
    call(
        &mut workspace,
        "DELETE",
        &format!("/contacts/{first}"),
        Value::Null,
    );
    let refused = call(&mut workspace, "POST", "/contacts", again);
    check(
        &refused,
        409,
        "conflict",
        "An archived contact matching those details",
    );
    let refused = call(
        &mut workspace,
        "POST",
        &format!("/contacts/{first}/unarchive"),
        Value::Null,
    );
    check(&refused, 500, "server_error", "");
}

#[test]
fn leads_may_share_an_email_and_cannot_choose_their_external_id() {
    let mut workspace = workspace();
    let first = lead(&mut workspace);
    let second = lead(&mut workspace);
    assert_ne!(first, second);
    let target = format!("/contacts/{first}");
    let changed = call(
        &mut workspace,
        "PUT",
        &target,
        json!({"external_id": "mine"}),
    );
    assert_eq!(changed.status, 200);
    assert!(!changed.applied);
    assert_ne!(body(&changed)["external_id"], "mine");
    let promoted = json!({"role": "user", "external_id": "mine"});
    assert_eq!(
        body(&call(&mut workspace, "PUT", &target, promoted))["external_id"],
        "mine"
    );
    let refused = call(&mut workspace, "PUT", &target, json!({"role": "lead"}));
    check(
        &refused,
        400,
        "client_error",
        "user role can't be converted to a lead",
    );
}

#[test]
fn an_undefined_attribute_refuses_the_whole_request() {
    let mut workspace = workspace();
    let id = lead(&mut workspace);
    let target = format!("/contacts/{id}");
    let change = json!({"name": "New", "custom_attributes": {"job_title": "CTO", "nope": 1}});
    let refused = call(&mut workspace, "PUT", &target, change);
    check(
        &refused,
        400,
        "parameter_invalid",
        "Custom attribute 'nope' does not exist",
    );
    assert_eq!(
        body(&call(&mut workspace, "GET", &target, Value::Null))["name"],
        "Lea"
    );
    let defined = json!({"model": "contact", "name": "nope", "data_type": "integer"});
    assert_eq!(
        call(&mut workspace, "POST", "/data_attributes", defined).status,
        200
    );
    let change = json!({"custom_attributes": {"nope": 1}});
    let changed = body(&call(&mut workspace, "PUT", &target, change));
    assert_eq!(changed["custom_attributes"], json!({"nope": 1}));
    let cleared = json!({"custom_attributes": {"nope": null}});
    let changed = body(&call(&mut workspace, "PUT", &target, cleared));
    assert_eq!(changed["custom_attributes"], json!({"nope": null}));
}

#[test]
fn a_put_that_changes_nothing_is_silent_unless_switched() {
    let mut workspace = workspace();
    let id = lead(&mut workspace);
    workspace.take_notifications();
    let target = format!("/contacts/{id}");
    let put = json!({"name": "Lea"});
    let answer = call_at(&mut workspace, "PUT", &target, put.clone(), NOW + 5_000);
    assert_eq!((answer.status, answer.applied), (200, false));
    assert!(topics(&mut workspace).is_empty());
    workspace.settings.switches.noop_put_is_silent = false;
    call_at(&mut workspace, "PUT", &target, put, NOW + 5_000);
    assert_eq!(topics(&mut workspace), ["contact.lead.updated"]);
}

#[test]
fn tagging_moves_updated_at_and_tells_the_tag() {
    let mut workspace = workspace();
    let id = lead(&mut workspace);
    workspace.take_notifications();
    let act = json!({"verb": "tag", "contact_id": id, "name": "qualified"});
    let acted = workspace.act(&act, NOW + 7_000).expect("acts");
    let sent = workspace.take_notifications();
    assert_eq!(acted["notifications"], json!([sent[0].id]));
    assert_eq!(sent[0].topic, "contact.lead.tag.created");
    assert_eq!(sent[0].item["type"], "contact_tag");
    assert_eq!(sent[0].item["tag"]["name"], "qualified");
    assert_eq!(sent[0].item["contact"]["id"], json!(id));
    let shown = body(&call(
        &mut workspace,
        "GET",
        &format!("/contacts/{id}"),
        Value::Null,
    ));
    assert_eq!(shown["updated_at"], (NOW + 7_000) / 1_000);
    workspace.act(&act, NOW + 9_000).expect("acts");
    assert!(
        topics(&mut workspace).is_empty(),
        "a tag worn already changes nothing"
    );
}

#[test]
fn lists_in_a_contact_stop_at_ten() {
    let mut workspace = workspace();
    let id = lead(&mut workspace);
    for number in 0..12 {
        let act = json!({"verb": "tag", "contact_id": id, "name": format!("t{number}")});
        workspace.act(&act, NOW).expect("acts");
    }
    let shown = body(&call(
        &mut workspace,
        "GET",
        &format!("/contacts/{id}"),
        Value::Null,
    ));
    assert_eq!(shown["tags"]["data"].as_array().map(Vec::len), Some(10));
    assert_eq!(shown["tags"]["total_count"], 12);
    assert_eq!(shown["tags"]["has_more"], true);
}

#[test]
fn a_merge_tells_the_survivor_and_ends_the_absorbed() {
    let mut workspace = workspace();
    let (from, into) = (
        lead(&mut workspace),
        user(&mut workspace, "u1", "u@example.com"),
    );
    workspace.take_notifications();
    let merge = json!({"from": from, "into": into});
    let refused = call(&mut workspace, "POST", "/contacts/merge", merge.clone());
    check(&refused, 400, "invalid_merge", "duplicates");
    let merge = json!({"from": from, "into": into, "skip_duplicate_validation": true});
    assert_eq!(
        id_of(&call(&mut workspace, "POST", "/contacts/merge", merge)),
        into
    );
    let sent = workspace.take_notifications();
    assert_eq!(sent.len(), 1);
    assert_eq!(
        sent[0].item["merged_from"],
        json!({"type": "contact", "id": from})
    );
    assert_eq!(sent[0].item["name"], "Lea");
    let gone = call(
        &mut workspace,
        "GET",
        &format!("/contacts/{from}"),
        Value::Null,
    );
    check(&gone, 410, "contact_merged", &into);
    assert!(
        gone.headers
            .iter()
            .any(|(name, value)| name == "Link" && value.contains(&into))
    );
    workspace.settings.switches.merged_reads = MergedReads::NotFound;
    let gone = call(
        &mut workspace,
        "GET",
        &format!("/contacts/{from}"),
        Value::Null,
    );
    check(&gone, 404, "not_found", "User Not Found");
}

#[test]
fn one_change_can_be_several_notifications() {
    let mut workspace = workspace();
    let act = json!({"verb": "visitor_writes", "name": "Vi", "utm_source": "ads", "body": "Hi"});
    let acted = workspace.act(&act, NOW).expect("acts");
    assert_eq!(
        topics(&mut workspace),
        ["contact.lead.created", "conversation.user.created"]
    );
    let id = acted["id"].clone();
    let set = json!({"verb": "update_contact", "id": id, "set": {"email": "vi@example.com"}});
    workspace.act(&set, NOW).expect("acts");
    assert_eq!(
        topics(&mut workspace),
        ["contact.lead.updated", "contact.lead.added_email"]
    );
    workspace
        .act(
            &json!({"verb": "sign_up", "id": id, "external_id": "9"}),
            NOW,
        )
        .expect("acts");
    assert_eq!(
        topics(&mut workspace),
        ["contact.lead.signed_up", "contact.user.updated"]
    );
    let refused = workspace.act(&json!({"verb": "dance"}), NOW);
    assert_eq!(refused, Err("there is no act 'dance'".to_owned()));
}

#[test]
fn timestamps_of_notifications_can_be_switched_to_seconds() {
    let mut workspace = workspace();
    workspace.settings.switches.webhook_timestamps = WebhookTimestamps::Unix;
    lead(&mut workspace);
    assert_eq!(
        workspace.take_notifications()[0].item["created_at"],
        NOW / 1_000
    );
}

#[test]
fn two_runs_of_the_same_script_are_byte_equal() {
    let run = || {
        let mut workspace = workspace();
        let id = lead(&mut workspace);
        workspace
            .act(&json!({"verb": "tag", "contact_id": id, "name": "a"}), NOW)
            .expect("acts");
        let sent: Vec<Value> = workspace
            .take_notifications()
            .iter()
            .map(|one| one.envelope(&one.id, 1, one.created_s))
            .collect();
        (workspace.state().to_string(), sent)
    };
    assert_eq!(run(), run());
}
