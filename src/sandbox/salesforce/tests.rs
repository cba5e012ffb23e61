//! Socket tests of the simulated org: tokens, faults and answers as a client sees them.

use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{Client, Response};
use serde_json::{Value, json};

use crate::sandbox::fault::{Kind, Rule};
use crate::sandbox::salesforce::{Handle, Options, start};

const FORM: [(&str, &str); 3] = [
    ("grant_type", "client_credentials"),
    ("client_id", "sandbox-client-id"),
    ("client_secret", "sandbox-client-secret"),
];

async fn json_of(answer: Response) -> Value {
    serde_json::from_slice(&answer.bytes().await.expect("a body")).expect("JSON")
}

async fn setting() -> (Handle, Client, String) {
    let handle = start(Options::default()).await.expect("starts");
    let client = Client::builder()
        .redirect(Policy::none())
        .build()
        .expect("a client");
    let token = token(&handle, &client).await;
    (handle, client, token)
}

async fn token(handle: &Handle, client: &Client) -> String {
    let url = format!("{}/services/oauth2/token", handle.base_url());
    let answer = client
        .post(url)
        .form(&FORM)
        .send()
        .await
        .expect("an answer");
    assert_eq!(answer.status(), 200);
    let body = json_of(answer).await;
    assert_eq!(body["instance_url"], json!(handle.base_url()));
    assert!(body.get("expires_in").is_none());
    body["access_token"].as_str().expect("a token").to_owned()
}

fn url(handle: &Handle, path: &str) -> String {
    format!("{}/services/data/v67.0{path}", handle.base_url())
}

fn lead(email: &str) -> Value {
    json!({"LastName": "Doe", "Company": "Acme", "Email": email})
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_matches_are_answered_300_and_nothing_is_written() {
    let (handle, client, token) = setting().await;
    for _ in 0..2 {
        let created = client
            .post(url(&handle, "/sobjects/Lead"))
            .bearer_auth(&token)
            .json(&lead("d@example.com"))
            .send()
            .await
            .expect("an answer");
        assert_eq!(created.status(), 201);
    }
    let changed = handle.changes_since(0).len();
    let answer = client
        .patch(url(&handle, "/sobjects/Lead/Email/d%40example.com"))
        .bearer_auth(&token)
        .header("sforce-call-options", "client=crosswalk/1")
        .json(&json!({"Title": "CTO"}))
        .send()
        .await
        .expect("an answer");
    assert_eq!(answer.status(), 300);
    assert_eq!(answer.headers()["sforce-limit-info"], "api-usage=3/100000");
    assert_eq!(json_of(answer).await.as_array().map(Vec::len), Some(2));
    assert_eq!(handle.changes_since(0).len(), changed);
    let entry = handle.request_log().pop().expect("an entry");
    assert_eq!((entry.status, entry.applied), (300, false));
    assert_eq!(entry.headers["sforce-call-options"], "client=crosswalk/1");
    assert_eq!(
        entry.path,
        "/services/data/v67.0/sobjects/Lead/Email/d%40example.com"
    );
    handle.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_timeout_after_the_commit_was_applied_and_one_before_was_not() {
    let (handle, client, token) = setting().await;
    let cases = [
        (Kind::TimeoutAfterCommit, "after@example.com", true),
        (Kind::TimeoutBeforeCommit, "before@example.com", false),
        (Kind::ResetConnection, "reset@example.com", false),
    ];
    for (kind, email, applied) in cases {
        let rule = Rule {
            path_contains: Some("/sobjects/Lead".to_owned()),
            delay_ms: Some(100),
            ..Rule::once(kind)
        };
        handle.add_fault(rule).expect("a rule");
        let outcome = client
            .post(url(&handle, "/sobjects/Lead"))
            .bearer_auth(&token)
            .timeout(Duration::from_secs(5))
            .json(&lead(email))
            .send()
            .await;
        assert!(outcome.is_err(), "{kind:?} gave {outcome:?}");
        let stored = handle.state()["records"]["Lead"]
            .to_string()
            .contains(email);
        assert_eq!(stored, applied, "{kind:?}");
        let entry = handle.request_log().pop().expect("an entry");
        assert_eq!((entry.applied, entry.fault), (applied, Some(kind.name())));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unauthorized_fault_kills_the_token() {
    let (handle, client, old) = setting().await;
    handle
        .add_fault(Rule::once(Kind::Unauthorized))
        .expect("a rule");
    for _ in 0..2 {
        let answer = client
            .get(url(&handle, "/limits"))
            .bearer_auth(&old)
            .send()
            .await
            .expect("an answer");
        assert_eq!(answer.status(), 401);
        let expected = json!([{
            "message": "Session expired or invalid",
            "errorCode": "INVALID_SESSION_ID",
        }]);
        assert_eq!(json_of(answer).await, expected);
    }
    let new = token(&handle, &client).await;
    let answer = client
        .get(url(&handle, "/limits"))
        .bearer_auth(new)
        .send()
        .await;
    assert_eq!(answer.expect("an answer").status(), 200);
    let log = handle.request_log();
    assert_eq!(log[0].body["client_secret"], "[secret]");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refusals_and_gateway_pages_look_like_the_vendors() {
    let (handle, client, token) = setting().await;
    let cases = [
        (Kind::ForbiddenLimit, 403, "REQUEST_LIMIT_EXCEEDED"),
        (Kind::ServerError, 503, "SERVER_UNAVAILABLE"),
        (Kind::BadGatewayHtml, 502, "<html>"),
    ];
    for (kind, status, part) in cases {
        handle.add_fault(Rule::once(kind)).expect("a rule");
        let answer = client
            .get(url(&handle, "/limits"))
            .bearer_auth(&token)
            .send()
            .await
            .expect("one");
        assert_eq!(answer.status(), status);
        let body = answer.bytes().await.expect("a body");
        assert!(String::from_utf8_lossy(&body).contains(part), "{kind:?}");
    }
    let hidden = client
        .get(format!("{}/__sandbox/state", handle.base_url()))
        .send()
        .await;
    assert_eq!(
        hidden.expect("an answer").status(),
        404,
        "control is off unless asked for"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_locked_parent_fails_the_rows_of_a_collection_once() {
    let (handle, client, token) = setting().await;
    let rule = Rule {
        path_contains: Some("/composite/sobjects".to_owned()),
        ..Rule::once(Kind::LockedRow)
    };
    handle.add_fault(rule).expect("a rule");
    let mut row = lead("d@example.com");
    row["attributes"] = json!({"type": "Lead"});
    let asked = json!({"allOrNone": false, "records": [row, row]});
    let mut outcomes = Vec::new();
    for _ in 0..2 {
        let answer = client
            .post(url(&handle, "/composite/sobjects"))
            .bearer_auth(&token)
            .json(&asked)
            .send()
            .await
            .expect("an answer");
        assert_eq!(answer.status(), 200);
        assert!(answer.headers().contains_key("sforce-limit-info"));
        let rows = json_of(answer).await;
        let codes = [0, 1].map(|n| rows[n]["errors"][0]["statusCode"].clone());
        outcomes.push(codes);
    }
    assert_eq!(outcomes[0], ["UNABLE_TO_LOCK_ROW", "UNABLE_TO_LOCK_ROW"]);
    assert_eq!(outcomes[1], [Value::Null, Value::Null]);
    assert_eq!(handle.changes_since(0).len(), 2);
    handle
        .add_fault(Rule::once(Kind::LockedRow))
        .expect("a rule");
    let single = client
        .post(url(&handle, "/sobjects/Lead"))
        .bearer_auth(&token)
        .json(&lead("e@example.com"))
        .send()
        .await
        .expect("an answer");
    assert_eq!(single.status(), 400);
    assert_eq!(json_of(single).await[0]["errorCode"], "UNABLE_TO_LOCK_ROW");
    handle.shutdown().await;
}
