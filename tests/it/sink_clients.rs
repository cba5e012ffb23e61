//! Do the clients keep their promises over a real socket: one login for many, what surely was not
//! carried out told from what may have been, windows and limits obeyed?

use std::future::Future;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use crosswalk::clients::http::{HttpTransport, Options};
use crosswalk::clients::intercom;
use crosswalk::clients::salesforce::{Client, Update, Upsert};
use crosswalk::clients::{Error, Transport};
use crosswalk::config::Secret;
use crosswalk::ports::clock::SystemClock;
use serde_json::{Map, Value as Json, json};

use crate::sink_remote::{LEAD, LOGIN, options};

/// What a fake org has seen.
#[derive(Default)]
struct Seen {
    logins: AtomicUsize,
    applied: AtomicUsize,
    /// `name: value` of the last request that was no login.
    headers: Mutex<Vec<String>>,
}

async fn serve<F, T>(reply: F) -> SocketAddr
where
    F: Fn(Request) -> T + Clone + Send + Sync + 'static,
    T: Future<Output = Response> + Send + 'static,
{
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = Router::new().fallback(move |request: Request| reply(request));
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    address
}

fn transport() -> Arc<dyn Transport> {
    Arc::new(HttpTransport::new(&Options::default()).unwrap())
}

fn json_of(status: u16, body: Json) -> Response {
    let status = StatusCode::from_u16(status).unwrap();
    (status, body.to_string()).into_response()
}

/// An org that answers logins and hands the rest to `reply` with the token it came with.
async fn org<F, T>(seen: Arc<Seen>, reply: F) -> Client
where
    F: Fn(Arc<Seen>, String, Request) -> T + Clone + Send + Sync + 'static,
    T: Future<Output = Response> + Send + 'static,
{
    let address = serve(move |request: Request| {
        let (seen, reply) = (seen.clone(), reply.clone());
        async move {
            if request.uri().path() == LOGIN {
                // Long enough for every caller to be waiting.
                tokio::time::sleep(Duration::from_millis(30)).await;
                let login = seen.logins.fetch_add(1, Ordering::SeqCst) + 1;
                let host = request.headers()["host"].to_str().unwrap().to_string();
                let body = json!({"access_token": format!("token-{login}"),
                                  "instance_url": format!("http://{host}/")});
                return json_of(200, body);
            }
            let headers = request.headers().iter();
            *seen.headers.lock().unwrap() = headers
                .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
                .collect();
            let token = request.headers()["authorization"]
                .to_str()
                .unwrap()
                .to_string();
            reply(seen, token, request).await
        }
    })
    .await;
    Client::new(options(&format!("http://{address}")), transport())
}

fn update() -> Update {
    let mut body = Map::new();
    body.insert("Title".into(), "CEO".into());
    Update {
        object: "Lead".into(),
        id: LEAD.into(),
        body,
        auto_assign: false,
    }
}

fn upsert(key: &str) -> Upsert {
    Upsert {
        object: "Lead".into(),
        key_field: "Key__c".into(),
        key_value: key.into(),
        body: Map::new(),
        auto_assign: true,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_callers_with_an_ended_session_cause_one_login() {
    let seen = Arc::new(Seen::default());
    let client = org(seen.clone(), |_, token, _| async move {
        match token.as_str() {
            "Bearer token-1" => json_of(401, json!([{"errorCode": "INVALID_SESSION_ID"}])),
            _ => StatusCode::NO_CONTENT.into_response(),
        }
    })
    .await;
    let client = Arc::new(client);
    let calls: Vec<_> = (0..16)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move { client.update(&update()).await })
        })
        .collect();
    for call in calls {
        assert_eq!(call.await.unwrap(), Ok(()));
    }
    // The first login, and one more for the token that all were refused with.
    assert_eq!(seen.logins.load(Ordering::SeqCst), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_401_after_a_fresh_login_is_reported_and_not_looped() {
    let seen = Arc::new(Seen::default());
    let client = org(seen.clone(), |_, _, _| async move {
        json_of(401, json!([{"errorCode": "INVALID_SESSION_ID"}]))
    })
    .await;
    let refused = client.update(&update()).await.unwrap_err();
    assert_eq!(refused.to_string(), "status 401, INVALID_SESSION_ID");
    assert_eq!(seen.logins.load(Ordering::SeqCst), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_login_is_not_tried_again_by_every_caller() {
    let tries = Arc::new(AtomicUsize::new(0));
    let counted = tries.clone();
    let address = serve(move |_| {
        counted.fetch_add(1, Ordering::SeqCst);
        async {
            json_of(
                400,
                json!({"error": "invalid_client", "error_description": "no"}),
            )
        }
    })
    .await;
    let client = Client::new(options(&format!("http://{address}")), transport());
    for _ in 0..5 {
        let refused = client.update(&update()).await.unwrap_err();
        let code = "invalid_client".to_string();
        assert_eq!(
            refused,
            Error::Login {
                code,
                refused: true,
                hint: "; check client_id and client_secret",
            }
        );
    }
    assert_eq!(tries.load(Ordering::SeqCst), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_timeout_after_the_write_took_effect_says_that_it_may_have() {
    let seen = Arc::new(Seen::default());
    let client = org(seen.clone(), |seen, _, _| async move {
        seen.applied.fetch_add(1, Ordering::SeqCst);
        tokio::time::sleep(Duration::from_secs(5)).await;
        StatusCode::NO_CONTENT.into_response()
    })
    .await;
    let lost = client.update(&update()).await.unwrap_err();
    assert_eq!(lost, Error::NoAnswer("timeout"));
    assert_eq!(
        seen.applied.load(Ordering::SeqCst),
        1,
        "sent once, not repeated"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_is_refused_says_that_nothing_was_sent() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let contacts = intercom_client(address);
    assert_eq!(
        contacts.contact("5f3a").await,
        Err(Error::NotSent("no connection"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_without_an_end_is_cut_at_the_bound() {
    let address = serve(|_| async { Bytes::from(vec![b' '; 4096]).into_response() }).await;
    let bounded = Options {
        body_bytes_max: 1024,
        ..Options::default()
    };
    let transport = Arc::new(HttpTransport::new(&bounded).unwrap());
    let options = intercom_options(address);
    let client = intercom::Client::new(options, transport, Arc::new(SystemClock));
    let cut = client.contact("5f3a").await.unwrap_err();
    assert_eq!(cut, Error::NoAnswer("the answer is larger than allowed"));
}

#[tokio::test(flavor = "multi_thread")]
async fn upserts_tell_created_from_updated_in_each_of_their_answers() {
    let seen = Arc::new(Seen::default());
    let client = org(seen.clone(), |_, _, request: Request| async move {
        let body = |created: bool| json!({"id": LEAD, "success": true, "created": created});
        let url = |id: &str| format!("/services/data/v66.0/sobjects/Lead/{id}");
        match request.uri().path().rsplit('/').next().unwrap() {
            "new" => json_of(201, body(true)),
            "old" => json_of(200, body(false)),
            "older" => StatusCode::NO_CONTENT.into_response(),
            "app%3A5f%2F3a" => json_of(201, body(true)),
            _ => json_of(
                300,
                json!([url("00QD000000IqhSLMAZ"), url("00QD000000IqhSMMAZ")]),
            ),
        }
    })
    .await;
    let answer = async |key: &str| client.upsert(&upsert(key)).await;
    let told = async |key: &str| {
        let upserted = answer(key).await.unwrap();
        (upserted.id, upserted.created)
    };
    assert_eq!(told("new").await, (Some(LEAD.into()), true));
    assert_eq!(told("old").await, (Some(LEAD.into()), false));
    assert_eq!(told("older").await, (None, false));
    assert_eq!(told("app:5f/3a").await, (Some(LEAD.into()), true));
    let Err(Error::Refused(many)) = answer("many").await else {
        panic!("a 300 is a refusal");
    };
    assert_eq!((many.status, many.records.len()), (300, 2));

    let headers = seen.headers.lock().unwrap().clone();
    for header in [
        "sforce-call-options: client=crosswalk-main",
        "sforce-auto-assign: TRUE",
        &format!("user-agent: crosswalk/{}", env!("CARGO_PKG_VERSION")),
    ] {
        assert!(headers.iter().any(|found| found == header), "{header}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_follows_its_pages_and_never_to_another_host() {
    let seen = Arc::new(Seen::default());
    let client = org(seen, |_, _, request: Request| async move {
        let page = |next: Json| json!({"records": [{"Id": LEAD}], "nextRecordsUrl": next});
        let next = "/services/data/v66.0/query/next";
        match request.uri().path() {
            "/services/data/v66.0/query/next" => json_of(200, page(Json::Null)),
            _ if request.uri().query().unwrap().contains("evil") => {
                json_of(200, page("@elsewhere.example/".into()))
            }
            _ => json_of(200, page(next.into())),
        }
    })
    .await;
    assert_eq!(
        client.query("SELECT Id FROM Lead", 10).await.unwrap().len(),
        2
    );
    assert_eq!(
        client.query("SELECT Id FROM Lead", 1).await.unwrap().len(),
        1
    );
    let elsewhere = client.query("evil", 10).await.unwrap_err();
    assert!(matches!(elsewhere, Error::Malformed { step: "query", .. }));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_request_window_is_waited_out() {
    let address = serve(|_| async {
        let reset = std::time::SystemTime::now() + Duration::from_secs(1);
        let reset = reset
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap()
            .as_secs()
            + 1;
        let headers = [
            ("x-ratelimit-limit", "167".to_string()),
            ("x-ratelimit-remaining", "0".to_string()),
            ("x-ratelimit-reset", reset.to_string()),
        ];
        (headers, "{}").into_response()
    })
    .await;
    let client = intercom_client(address);
    client.contact("5f3a").await.unwrap();
    let began = Instant::now();
    client.company("c1").await.unwrap();
    assert!(began.elapsed() >= Duration::from_millis(900));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_429_names_the_wait_and_no_error_shows_the_token_or_the_id() {
    let address = serve(|_| async {
        let body = json!({"type": "error.list", "errors": [
            {"code": "rate_limit_exceeded", "message": "Exceeded rate limit of 167"}]});
        let headers = [("x-ratelimit-reset", "1".to_string())];
        (StatusCode::TOO_MANY_REQUESTS, headers, body.to_string()).into_response()
    })
    .await;
    let error = intercom_client(address).contact("5f3a").await.unwrap_err();
    let shown = format!("{error} {error:?}");
    assert!(shown.contains("429") && shown.contains("rate_limit_exceeded"));
    assert!(!shown.contains("hush") && !shown.contains("5f3a"));
    let Error::Refused(refusal) = error else {
        panic!("a 429 is a refusal");
    };
    assert_eq!(refusal.retry_after, Some(Duration::ZERO));
}

fn intercom_options(address: SocketAddr) -> intercom::Options {
    intercom::Options {
        base_url: format!("http://{address}"),
        access_token: Secret::new("hush"),
        api_version: "2.14".into(),
        request_timeout: Duration::from_secs(2),
        reserve_percent: 20,
    }
}

fn intercom_client(address: SocketAddr) -> intercom::Client {
    intercom::Client::new(
        intercom_options(address),
        transport(),
        Arc::new(SystemClock),
    )
}
