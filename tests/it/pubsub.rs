//! The Pub/Sub client against a server that plays a script.

pub mod server;

use std::time::Duration;

use crosswalk::clients::salesforce::pubsub::{Client, Error, Options, Reaction, Start};
use prost::bytes::Bytes;
use tonic::{Code, Status};

use server::{Fake, ORG, Step, coded, events, keepalive, session};

const TOPIC: &str = "/data/LeadChangeEvent";

fn options(endpoint: &str) -> Options {
    Options {
        endpoint: endpoint.into(),
        request_timeout: Duration::from_millis(2_000),
        silent_after: Duration::from_secs(20),
        ..Options::default()
    }
}

fn client(fake: &Fake) -> Client {
    Client::new(options(&fake.endpoint), session().0).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscription_says_who_asks_and_where_it_begins() {
    let script = || vec![Step::Send(keepalive(b"k", 100))];
    let fake = Fake::start(vec![script(), script(), script()]).await;
    let client = client(&fake);
    let after = Start::After(Bytes::from_static(b"0123456789"));
    for start in [after, Start::Latest, Start::Earliest] {
        let mut stream = client.subscribe(TOPIC, start, 250).await.unwrap();
        assert_eq!(stream.next().await.unwrap().latest_replay_id, "k");
    }
    let requests = fake.requests();
    let asked: Vec<_> = requests
        .iter()
        .map(|r| (r.topic_name.as_str(), r.replay_preset, r.num_requested))
        .collect();
    assert_eq!(asked, [(TOPIC, 2, 100), (TOPIC, 0, 100), (TOPIC, 1, 100)]);
    assert_eq!(requests[0].replay_id, "0123456789");
    assert_eq!(requests[1].replay_id, "");
    let shown = ["accesstoken: token-1", "instanceurl: https://org.example"];
    let shown = shown.map(str::to_owned).to_vec();
    assert_eq!(
        fake.shown()[0],
        [shown, vec![format!("tenantid: {ORG}")]].concat()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn more_is_asked_for_before_the_caller_sees_the_events() {
    let script = vec![
        Step::Send(events(6, 4)),
        // Answers only after it was asked for more.
        Step::AwaitRequest,
        Step::Send(events(2, 8)),
        Step::Send(keepalive(b"latest", 8)),
    ];
    let fake = Fake::start(vec![script]).await;
    let mut stream = client(&fake)
        .subscribe(TOPIC, Start::Latest, 10)
        .await
        .unwrap();
    let batch = stream.next().await.unwrap();
    assert_eq!((batch.events.len(), batch.pending), (6, 4));
    let event = &batch.events[5];
    assert_eq!(
        (event.uuid.as_str(), event.schema_id.as_str()),
        ("uuid-5", "schema")
    );
    assert_eq!(
        (&event.payload[..], &event.replay_id[..]),
        (&b"avro"[..], &b"replay-5"[..])
    );
    assert_eq!(stream.next().await.unwrap().events.len(), 2);
    let quiet = stream.next().await.unwrap();
    assert!(quiet.events.is_empty());
    assert_eq!(quiet.latest_replay_id, "latest");
    let numbers: Vec<i32> = fake.requests().iter().map(|r| r.num_requested).collect();
    assert_eq!(numbers, [10, 6]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_says_nothing_is_given_up() {
    let quiet = vec![Step::Send(keepalive(b"k", 10)), Step::Hang];
    // One that does not even open, one that falls silent.
    let fake = Fake::start(vec![vec![Step::Unanswered], quiet]).await;
    let after = Duration::from_millis(300);
    let options = Options {
        silent_after: after,
        ..options(&fake.endpoint)
    };
    let client = Client::new(options, session().0).unwrap();
    let mut unopened = client.subscribe(TOPIC, Start::Latest, 10).await.unwrap();
    assert_eq!(unopened.next().await, Err(Error::Silent(after)));
    let mut stream = client.subscribe(TOPIC, Start::Latest, 10).await.unwrap();
    assert!(stream.next().await.is_ok());
    let silent = stream.next().await.unwrap_err();
    assert_eq!(silent, Error::Silent(after));
    assert_eq!(silent.reaction(), Reaction::Retry);
    assert_eq!(stream.next().await, Err(Error::Ended));
}

/// The vendor's server may answer a quiet topic's subscription with its first keepalive only.
#[tokio::test(flavor = "multi_thread")]
async fn opening_may_take_as_long_as_a_keepalive() {
    let late = vec![
        Step::OpenLate(Duration::from_millis(600)),
        Step::Send(keepalive(b"k", 10)),
    ];
    let fake = Fake::start(vec![late]).await;
    let short = Duration::from_millis(100);
    let options = Options {
        request_timeout: short,
        ..options(&fake.endpoint)
    };
    let client = Client::new(options, session().0).unwrap();
    let mut stream = client.subscribe(TOPIC, Start::Latest, 10).await.unwrap();
    // Given up by the caller, not by the stream: nothing is lost.
    assert!(tokio::time::timeout(short, stream.next()).await.is_err());
    assert!(stream.next().await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn trailers_say_what_a_failure_asks_for() {
    let fail = |code| {
        vec![
            Step::Send(events(1, 9)),
            Step::Fail(coded(Code::Internal, code)),
        ]
    };
    let refuse = |code| vec![Step::Refuse(coded(Code::InvalidArgument, code))];
    let fake = Fake::start(vec![
        fail("subscription.limit.exceeded"),
        refuse("subscription.fetch.replayid.corrupted"),
        fail("service.protection.triggered"),
        refuse("topic.not.found"),
        vec![Step::Refuse(Status::unavailable("upstream connect error"))],
        vec![],
    ])
    .await;
    let client = client(&fake);
    let mut found = Vec::new();
    for _ in 0..6 {
        let start = Start::After(Bytes::from_static(b"id"));
        let mut stream = client.subscribe(TOPIC, start, 10).await.unwrap();
        let error = loop {
            match stream.next().await {
                Ok(_) => {}
                Err(error) => break error,
            }
        };
        found.push(error);
    }
    assert_eq!(found[0].reaction(), Reaction::AllocationUsedUp);
    assert_eq!(found[1].reaction(), Reaction::ReplayRejected);
    assert_eq!(found[2].reaction(), Reaction::SlowDown);
    assert!(matches!(found[3].reaction(), Reaction::Fatal { .. }));
    assert_eq!(found[4].reaction(), Reaction::Retry);
    assert_eq!(found[5], Error::Ended);
    let text = found[3].to_string();
    assert!(
        text.starts_with("status InvalidArgument, topic.not.found, rpc 1-2-3: "),
        "{text}"
    );
    assert!(!text.contains("ann@example.com"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_refused_by_a_stream_is_not_shown_again() {
    let refused = coded(Code::Unauthenticated, "service.auth.error");
    let script = vec![Step::Send(keepalive(b"k", 9)), Step::Fail(refused)];
    let fake = Fake::start(vec![script, vec![Step::Send(keepalive(b"k", 9))]]).await;
    let (session, logins) = session();
    let client = Client::new(options(&fake.endpoint), session).unwrap();
    let mut stream = client.subscribe(TOPIC, Start::Latest, 10).await.unwrap();
    assert!(stream.next().await.is_ok());
    assert_eq!(stream.next().await.unwrap_err().reaction(), Reaction::Auth);
    let mut again = client.subscribe(TOPIC, Start::Latest, 10).await.unwrap();
    assert!(again.next().await.is_ok());
    let tokens: Vec<String> = fake.shown().iter().map(|shown| shown[0].clone()).collect();
    assert_eq!(tokens, ["accesstoken: token-1", "accesstoken: token-2"]);
    assert_eq!(logins.count(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_token_is_renewed_once_and_the_call_repeated() {
    let fake = Fake::start(Vec::new()).await;
    let (session, logins) = session();
    let client = Client::new(options(&fake.endpoint), session).unwrap();
    fake.accept_from_token(2);
    let topic = client.get_topic(TOPIC).await.unwrap();
    assert_eq!((topic.name.as_str(), topic.can_subscribe), (TOPIC, true));
    assert_eq!(logins.count(), 2);
    fake.accept_from_token(9);
    let error = client.get_topic(TOPIC).await.unwrap_err();
    assert_eq!(error.reaction(), Reaction::Auth);
    assert_eq!(
        logins.count(),
        3,
        "a token that was just issued and refused is not renewed again"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schema_that_does_not_hash_to_its_id_is_marked_and_taken() {
    let fake = Fake::start(Vec::new()).await;
    let client = client(&fake);
    let true_id = server::schema_id();
    let schema = client.get_schema(&true_id).await.unwrap();
    assert!(schema.is_authentic);
    assert_eq!(schema.json, server::SCHEMA);
    assert!(!client.get_schema("another").await.unwrap().is_authentic);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_past_the_vendors_limit_is_refused() {
    let mut large = events(1, 9);
    large.latest_replay_id = vec![0; 4 * 1024 * 1024 + 1].into();
    let fake = Fake::start(vec![vec![Step::Send(large)]]).await;
    let mut stream = client(&fake)
        .subscribe(TOPIC, Start::Latest, 10)
        .await
        .unwrap();
    let error = stream.next().await.unwrap_err();
    assert!(
        matches!(error.reaction(), Reaction::Fatal { .. }),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_is_trusted_by_its_certificate_alone() {
    let folder = tempfile::tempdir().unwrap();
    let ca_file = folder.path().join("ca.pem");
    let fake = Fake::start_tls(&ca_file).await;
    let with = |ca_file| Options {
        ca_file,
        ..options(&fake.endpoint)
    };
    let trusting = Client::new(with(Some(ca_file.clone())), session().0).unwrap();
    assert!(trusting.get_topic(TOPIC).await.is_ok());
    let strict = Client::new(with(None), session().0).unwrap();
    let error = strict.get_topic(TOPIC).await.unwrap_err();
    assert_eq!(error.reaction(), Reaction::Retry, "{error}");
    let absent = Client::new(with(Some(folder.path().join("none.pem"))), session().0);
    let error = absent.err().unwrap().to_string();
    assert!(error.contains("none.pem cannot be read"), "{error}");
}
