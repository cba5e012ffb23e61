//! Tests of search, pages, the rate window and companies.

use serde_json::{Value, json};

use crate::sandbox::exchange::{Answer, Request};
use crate::sandbox::intercom::model::Workspace;
use crate::sandbox::intercom::model::tests::{NOW, body, call, call_at, check, lead, workspace};

const DAY_MS: i64 = 86_400_000;

#[test]
fn search_cuts_dates_to_the_day_of_the_workspace() {
    let mut workspace = workspace();
    let id = lead(&mut workspace);
    let noon_s = (NOW / DAY_MS * DAY_MS) / 1_000 + 43_200;
    let count = |workspace: &mut Workspace, operator: &str, value: i64| {
        let filter = json!({"field": "created_at", "operator": operator, "value": value});
        let found = call(
            workspace,
            "POST",
            "/contacts/search",
            json!({"query": filter}),
        );
        body(&found)["total_count"].as_u64()
    };
    assert_eq!(
        count(&mut workspace, ">", noon_s - 43_000),
        Some(0),
        "same day is not later"
    );
    assert_eq!(count(&mut workspace, "=", noon_s), Some(1));
    assert_eq!(count(&mut workspace, ">", noon_s - 86_400), Some(1));
    // The contact was made at 04:41 UTC: with five hours taken off, that is the day before.
    workspace.settings.utc_offset_minutes = -300;
    assert_eq!(count(&mut workspace, "=", noon_s), Some(0));
    let inexact = json!({"query": {"field": "created_at", "operator": ">=", "value": 1}});
    let refused = call(&mut workspace, "POST", "/contacts/search", inexact);
    assert_eq!(refused.status, 400);
    let by_mail = json!({"query": {"operator": "AND", "value": [
        {"field": "email", "operator": "=", "value": "LEAD@example.com"},
        {"field": "role", "operator": "IN", "value": ["lead"]},
    ]}});
    let found = body(&call(&mut workspace, "POST", "/contacts/search", by_mail));
    assert_eq!(found["data"][0]["id"], json!(id));
}

#[test]
fn search_lags_behind_but_reads_do_not() {
    let mut workspace = workspace();
    workspace.settings.search_lag_ms = 120_000;
    let id = lead(&mut workspace);
    let query = json!({"query": {"field": "id", "operator": "=", "value": id}});
    let soon = call(&mut workspace, "POST", "/contacts/search", query.clone());
    assert_eq!(body(&soon)["total_count"], 0);
    assert_eq!(
        call(
            &mut workspace,
            "GET",
            &format!("/contacts/{id}"),
            Value::Null
        )
        .status,
        200
    );
    let later = call_at(
        &mut workspace,
        "POST",
        "/contacts/search",
        query,
        NOW + 120_000,
    );
    assert_eq!(body(&later)["total_count"], 1);
}

#[test]
fn pages_visit_every_contact_once() {
    let mut workspace = workspace();
    let mut made: Vec<String> = (0..7).map(|_| lead(&mut workspace)).collect();
    let (mut seen, mut target) = (Vec::new(), "/contacts?per_page=3".to_owned());
    loop {
        let page = body(&call(&mut workspace, "GET", &target, Value::Null));
        let rows = page["data"].as_array().cloned().unwrap_or_default();
        seen.extend(
            rows.iter()
                .filter_map(|row| row["id"].as_str().map(str::to_owned)),
        );
        let Some(next) = page["pages"]["next"]["starting_after"].as_str() else {
            break;
        };
        target = format!(
            "/contacts?per_page=3&starting_after={}",
            next.replace('=', "%3D")
        );
    }
    made.sort();
    assert_eq!(seen, made);
}

#[test]
fn the_rate_window_is_aligned_and_refuses_beyond_its_limit() {
    let mut workspace = workspace();
    workspace.settings.rate_limit_per_10s = 2;
    let header = |answer: &Answer, name: &str| {
        let found = answer.headers.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.clone()).unwrap_or_default()
    };
    let first = call(&mut workspace, "GET", "/me", Value::Null);
    assert_eq!(header(&first, "X-RateLimit-Remaining"), "1");
    let boundary_s = (NOW / 1_000 / 10 + 1) * 10;
    assert_eq!(
        header(&first, "X-RateLimit-Reset"),
        (boundary_s + 2).to_string()
    );
    call(&mut workspace, "GET", "/me", Value::Null);
    let refused = call(&mut workspace, "GET", "/me", Value::Null);
    check(
        &refused,
        429,
        "rate_limit_exceeded",
        "Exceeded rate limit of 2 in 10_seconds",
    );
    let after = call_at(
        &mut workspace,
        "GET",
        "/me",
        Value::Null,
        boundary_s * 1_000,
    );
    assert_eq!(after.status, 200);
    let stranger = workspace.handle(&Request::new("GET", "/me", "", Vec::new()), NOW);
    check(&stranger, 401, "token_not_found", "");
    assert_eq!(header(&stranger, "X-RateLimit-Limit"), "");
}

#[test]
fn companies_are_upserted_attached_and_scrolled() {
    let mut workspace = workspace();
    let contact = lead(&mut workspace);
    let firm = json!({"company_id": "acme", "name": "Acme", "plan": "Pro", "monthly_spend": 9.9});
    let made = body(&call(&mut workspace, "POST", "/companies", firm.clone()));
    assert_eq!(
        (&made["plan"]["name"], &made["monthly_spend"]),
        (&json!("Pro"), &json!(9))
    );
    let again = call(&mut workspace, "POST", "/companies", firm);
    assert!(!again.applied);
    assert_eq!(body(&again)["id"], made["id"]);
    workspace.take_notifications();
    let target = format!("/contacts/{contact}/companies");
    let attached = call(&mut workspace, "POST", &target, json!({"id": made["id"]}));
    assert_eq!(body(&attached)["user_count"], 1);
    let sent = workspace.take_notifications();
    assert_eq!(sent[0].topic, "company.contact.attached");
    assert!(sent[0].item.get("type").is_none());
    let page = body(&call(
        &mut workspace,
        "GET",
        "/companies/scroll",
        Value::Null,
    ));
    assert_eq!(page["data"].as_array().map(Vec::len), Some(1));
    let second = call(&mut workspace, "GET", "/companies/scroll", Value::Null);
    check(&second, 400, "scroll_exists", "");
    let param = page["scroll_param"].as_str().unwrap_or_default();
    let target = format!("/companies/scroll?scroll_param={param}");
    let end = body(&call(&mut workspace, "GET", &target, Value::Null));
    assert_eq!(end["data"], json!([]));
    assert_eq!(
        call(&mut workspace, "GET", "/companies/scroll", Value::Null).status,
        200
    );
}
