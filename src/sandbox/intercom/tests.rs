//! Socket tests of the simulated workspace: deliveries, faults and the control API.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode};
use reqwest::Client;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::sandbox::fault::{Kind, Rule};
use crate::sandbox::guard::lock;
use crate::sandbox::intercom::signature::{self, Seal};
use crate::sandbox::intercom::{Handle, Options, Outcome, start};

const SECRET: &str = "sandbox-client-secret";
const PATIENCE: Duration = Duration::from_secs(10);

#[derive(Clone)]
struct Received {
    body: Vec<u8>,
    signature: Option<String>,
    agent: Option<String>,
}

/// An endpoint that remembers what it got and answers from a list, then 200.
#[derive(Default)]
struct Endpoint {
    received: Mutex<Vec<Received>>,
    answers: Mutex<Vec<u16>>,
}

async fn take(
    State(endpoint): State<Arc<Endpoint>>,
    method: Method,
    headers: HeaderMap,
    body: Bytes,
) -> StatusCode {
    if method == Method::HEAD {
        return StatusCode::OK;
    }
    let header = |name: &str| {
        headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .map(str::to_owned)
    };
    lock(&endpoint.received).push(Received {
        body: body.to_vec(),
        signature: header("x-hub-signature"),
        agent: header("user-agent"),
    });
    let mut answers = lock(&endpoint.answers);
    let status = if answers.is_empty() {
        200
    } else {
        answers.remove(0)
    };
    StatusCode::from_u16(status).unwrap_or(StatusCode::OK)
}

async fn setting(answers: &[u16]) -> (Handle, Arc<Endpoint>) {
    let endpoint = Arc::new(Endpoint::default());
    lock(&endpoint.answers).extend(answers);
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!(
        "http://{}/webhooks",
        listener.local_addr().expect("an address")
    );
    let router = Router::new()
        .fallback(take)
        .with_state(Arc::clone(&endpoint));
    tokio::spawn(async move { axum::serve(listener, router).await });
    let options = Options {
        control: true,
        webhook_retry_after: Duration::from_millis(50),
        ..Options::default()
    };
    let handle = start(options).await.expect("starts");
    handle
        .set_webhook_url(url)
        .await
        .expect("the endpoint answers HEAD");
    (handle, endpoint)
}

async fn eventually(what: &str, holds: impl Fn() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < PATIENCE, "never: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn write_in(handle: &Handle, name: &str) -> Value {
    let act = json!({"verb": "create_contact", "role": "lead", "name": name});
    handle.act(act).expect("acts")
}

fn received(endpoint: &Endpoint) -> Vec<Received> {
    lock(&endpoint.received).clone()
}

fn names(endpoint: &Endpoint) -> Vec<String> {
    received(endpoint)
        .iter()
        .filter_map(|one| serde_json::from_slice::<Value>(&one.body).ok())
        .filter_map(|body| body["data"]["item"]["name"].as_str().map(str::to_owned))
        .collect()
}

#[test]
fn the_signature_is_what_another_implementation_computes() {
    // printf 'x' | openssl dgst -sha1 -hmac k
    let expected = "sha1=cb00131fcec602a8fc84413a2a70154d8c06a0d2";
    assert_eq!(
        signature::header("k", b"x", Seal::Valid).as_deref(),
        Some(expected)
    );
    assert_eq!(signature::header("k", b"x", Seal::Missing), None);
    assert_ne!(
        signature::header("k", b"x", Seal::Bad).as_deref(),
        Some(expected)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failed_delivery_is_repeated_once_with_the_same_id() {
    let (handle, endpoint) = setting(&[500, 503]).await;
    let acted = write_in(&handle, "Zoë 🙂");
    eventually("two attempts", || {
        handle
            .deliveries()
            .iter()
            .filter(|one| one.outcome == Outcome::Failed)
            .count()
            == 2
    })
    .await;
    tokio::time::sleep(Duration::from_millis(150)).await;
    let got = received(&endpoint);
    assert_eq!(got.len(), 2, "one retry, not more");
    for (place, one) in got.iter().enumerate() {
        assert_eq!(
            one.signature,
            signature::header(SECRET, &one.body, Seal::Valid)
        );
        assert_eq!(
            one.agent.as_deref(),
            Some("intercom-parrot-service-client/1.0")
        );
        let body: Value = serde_json::from_slice(&one.body).expect("JSON");
        assert_eq!(body["id"], acted["notifications"][0]);
        assert_eq!(body["delivery_attempts"], place + 1);
    }
    let log = handle.deliveries();
    assert!(log[0].answered_ns >= Some(log[0].sent_ns) && log[1].sent_ns > log[0].sent_ns);
    assert_eq!((log[1].attempt, log[1].status), (2, Some(503)));
    handle.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn gone_disables_the_endpoint() {
    let (handle, endpoint) = setting(&[410]).await;
    write_in(&handle, "a");
    eventually("one attempt", || received(&endpoint).len() == 1).await;
    eventually("disabled", || {
        handle.state()["deliveries"]["disabled"] == true
    })
    .await;
    write_in(&handle, "b");
    eventually("a dropped one", || {
        handle
            .deliveries()
            .iter()
            .any(|one| one.outcome == Outcome::Dropped)
    })
    .await;
    assert_eq!(received(&endpoint).len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn held_deliveries_can_be_sent_in_reverse_three_times() {
    let (handle, endpoint) = setting(&[]).await;
    handle
        .act(json!({"verb": "hold_deliveries", "on": true}))
        .expect("holds");
    for name in ["a", "b", "c"] {
        write_in(&handle, name);
    }
    let release = json!({"verb": "release_deliveries", "order": "reverse", "times": 3});
    let released = handle.act(release).expect("releases");
    assert_eq!(released["notifications"].as_array().map(Vec::len), Some(3));
    eventually("nine", || received(&endpoint).len() == 9).await;
    assert_eq!(names(&endpoint).concat(), "cbacbacba");
    let again = json!({
        "verb": "redeliver", "notification_id": released["notifications"][0], "times": 2,
    });
    handle.act(again).expect("redelivers");
    eventually("eleven", || received(&endpoint).len() == 11).await;
    assert_eq!(names(&endpoint).concat(), "cbacbacbacc");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn faults_duplicate_drop_and_spoil_notifications() {
    let (handle, endpoint) = setting(&[]).await;
    handle
        .add_fault(Rule {
            extra: Some(2),
            ..Rule::once(Kind::Duplicate)
        })
        .expect("a rule");
    write_in(&handle, "a");
    eventually("three copies", || received(&endpoint).len() == 3).await;
    handle.add_fault(Rule::once(Kind::Drop)).expect("a rule");
    write_in(&handle, "b");
    handle
        .add_fault(Rule::once(Kind::Unsigned))
        .expect("a rule");
    write_in(&handle, "c");
    eventually("one unsigned", || received(&endpoint).len() == 4).await;
    assert_eq!(names(&endpoint).concat(), "aaac");
    assert_eq!(received(&endpoint)[3].signature, None);
    let raw = json!({"verb": "send_raw", "body": "not json", "signature": "bad"});
    handle.act(raw).expect("sends");
    eventually("raw bytes", || received(&endpoint).len() == 5).await;
    let raw = &received(&endpoint)[4];
    assert_eq!(raw.body, b"not json");
    assert!(raw.signature.is_some());
    assert_ne!(
        raw.signature,
        signature::header(SECRET, &raw.body, Seal::Valid)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reordered_notification_comes_after_the_next_one() {
    let (handle, endpoint) = setting(&[]).await;
    handle
        .add_fault(Rule {
            delay_ms: Some(5_000),
            ..Rule::once(Kind::Reorder)
        })
        .expect("a rule");
    write_in(&handle, "a");
    tokio::time::sleep(Duration::from_millis(50)).await;
    write_in(&handle, "b");
    eventually("both", || received(&endpoint).len() == 2).await;
    assert_eq!(names(&endpoint).concat(), "ba");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn too_many_requests_delays_but_does_not_lose() {
    let (handle, endpoint) = setting(&[429, 429]).await;
    write_in(&handle, "a");
    eventually("delivered", || {
        handle
            .deliveries()
            .iter()
            .any(|one| one.outcome == Outcome::Delivered)
    })
    .await;
    assert_eq!(received(&endpoint).len(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn moving_the_clock_brings_the_retry_forward() {
    let options = Options {
        webhook_url: Some("http://127.0.0.1:9/".to_owned()),
        ..Options::default()
    };
    let handle = start(options).await.expect("starts");
    write_in(&handle, "a");
    let failed = |count: usize| {
        handle
            .deliveries()
            .iter()
            .filter(|one| one.outcome == Outcome::Failed)
            .count()
            == count
    };
    eventually("the first attempt", || failed(1)).await;
    // The failure is logged a moment before the wait for the retry begins.
    tokio::time::sleep(Duration::from_millis(50)).await;
    handle.advance_ms(60_000);
    eventually("the retry", || failed(2)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rest_answers_carry_the_headers_and_the_log_hides_the_token() {
    let (handle, _endpoint) = setting(&[]).await;
    let client = Client::new();
    let url = format!("{}/contacts", handle.base_url());
    let body = json!({"role": "lead", "email": "a@example.com"});
    let answer = client
        .post(&url)
        .bearer_auth("sandbox-access-token")
        .header("intercom-version", "2.14")
        .json(&body)
        .send()
        .await
        .expect("an answer");
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["x-ratelimit-limit"], "1667");
    assert_eq!(answer.headers()["intercom-version"], "2.14");
    assert!(answer.headers().contains_key("x-request-id"));
    let shown: Value =
        serde_json::from_slice(&answer.bytes().await.expect("a body")).expect("JSON");
    assert!(shown["created_at"].is_i64());
    let entry = handle.request_log().pop().expect("an entry");
    assert_eq!((entry.n, entry.applied, entry.status), (1, true, 200));
    assert_eq!(entry.changed, [shown["id"].as_str().unwrap_or_default()]);
    assert_eq!(entry.headers["authorization"], "present");
    assert!(
        !serde_json::to_string(&entry)
            .expect("JSON")
            .contains("sandbox-access-token")
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_control_api_does_what_the_handle_does() {
    let (handle, _endpoint) = setting(&[]).await;
    let client = Client::new();
    let base = format!("{}/__sandbox", handle.base_url());
    let post = async |path: &str, body: Value| {
        let answer = client
            .post(format!("{base}/{path}"))
            .json(&body)
            .send()
            .await;
        let answer = answer.expect("an answer");
        let status = answer.status().as_u16();
        let bytes = answer.bytes().await.expect("a body");
        (
            status,
            serde_json::from_slice::<Value>(&bytes).expect("JSON"),
        )
    };
    let (status, acted) = post("act", json!({"verb": "create_contact", "email": "x@y.zz"})).await;
    assert_eq!(status, 200, "{acted}");
    let (status, refused) = post("act", json!({"verb": "tag"})).await;
    assert_eq!(
        (status, &refused["error"]),
        (400, &json!("contact_id must be a text"))
    );
    let rule = json!({"kind": "server_error", "path_contains": "/me", "times": null});
    assert_eq!(post("faults", rule).await.0, 200);
    let me = client
        .get(format!("{}/me", handle.base_url()))
        .send()
        .await
        .expect("an answer");
    assert_eq!(me.status(), 500);
    assert_eq!(post("faults", json!({"kind": "nonsense"})).await.0, 400);
    let (status, all) = post("switches", json!({"webhook_timestamps": "unix"})).await;
    assert_eq!((status, &all["webhook_timestamps"]), (200, &json!("unix")));
    assert_eq!(post("switches", json!({"nonsense": true})).await.0, 400);
    assert_eq!(post("reset", json!({})).await.0, 200);
    assert_eq!(handle.state()["contacts"], json!([]));
    assert_eq!(handle.state()["switches"]["webhook_timestamps"], "iso");
}
