//! Streams that break, fall silent, repeat and lag because a script wants it.

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cut_stream_ends_without_trailers_and_the_next_one_works() {
    let mut caller = Caller::new(quick()).await;
    let mut stream = caller.subscribe(latest(10)).await;
    stream.response().await;
    caller.act(json!({"verb": "pubsub_fault", "kind": "cut"}));
    let ended = stream.end().await.expect_err("cut");
    assert_eq!(ended.code(), Code::Unavailable);
    assert_eq!(trailer(&ended, "error-code"), "");
    assert_eq!(trailer(&ended, "rpc-id"), "");
    caller.lead();
    let mut stream = caller.subscribe(earliest(10)).await;
    assert_eq!(stream.response().await.events.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_silent_stream_is_open_and_says_nothing() {
    let mut caller = Caller::new(quick()).await;
    let mut stream = caller.subscribe(latest(10)).await;
    stream.response().await;
    caller.act(json!({"verb": "pubsub_fault", "kind": "silent"}));
    caller.lead();
    let quiet = Duration::from_millis(400);
    let next = tokio::time::timeout(quiet, stream.responses.message()).await;
    // A keepalive that was on its way may still arrive.
    if let Ok(early) = next {
        assert!(early.expect("no refusal").expect("open").events.is_empty());
        let next = tokio::time::timeout(quiet, stream.responses.message()).await;
        assert!(next.is_err(), "{next:?}");
    }
    let mut other = caller.subscribe(earliest(10)).await;
    assert_eq!(other.events().await.events.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outage_ends_after_so_many_calls() {
    let mut caller = Caller::new(Options::default()).await;
    caller.act(json!({"verb": "pubsub_fault", "kind": "unavailable", "times": 2}));
    let topic = TopicRequest {
        topic_name: ALL.to_owned(),
    };
    for _ in 0..2 {
        let request = caller.request(topic.clone());
        let refused = caller
            .client
            .get_topic(request)
            .await
            .expect_err("an outage");
        check(&refused, Code::Unavailable, "service.unavailable");
    }
    let request = caller.request(topic);
    assert!(caller.client.get_topic(request).await.is_ok());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fault_rules_strike_calls_by_their_path() {
    let mut caller = Caller::new(Options::default()).await;
    let topic = TopicRequest {
        topic_name: ALL.to_owned(),
    };
    let cases = [
        (
            Kind::RateLimited,
            Code::ResourceExhausted,
            "service.protection.triggered",
        ),
        (Kind::ServerError, Code::Unavailable, "service.unavailable"),
        (
            Kind::Unauthorized,
            Code::Unauthenticated,
            "service.auth.error",
        ),
    ];
    for (kind, code, suffix) in cases {
        let rule = Rule {
            path_contains: Some("PubSub/GetTopic".to_owned()),
            ..Rule::once(kind)
        };
        caller.handle.add_fault(rule).expect("a rule");
        let request = caller.request(topic.clone());
        let refused = caller.client.get_topic(request).await.expect_err("a fault");
        check(&refused, code, suffix);
    }
    // The token that was refused is really dead.
    let request = caller.request(topic);
    let refused = caller
        .client
        .get_topic(request)
        .await
        .expect_err("no session");
    check(&refused, Code::Unauthenticated, "service.auth.error");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_duplicate_comes_with_another_replay_id() {
    let mut caller = Caller::new(Options::default()).await;
    caller.act(json!({"verb": "pubsub_fault", "kind": "duplicate"}));
    caller.lead();
    let response = caller.subscribe(earliest(10)).await.response().await;
    let ids = ids(&response);
    assert_eq!(ids.len(), 2);
    assert_eq!(ids[0], ids[1]);
    assert_ne!(response.events[0].replay_id, response.events[1].replay_id);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_delayed_event_is_late_and_no_keepalive_passes_it() {
    let mut caller = Caller::new(quick()).await;
    let mut stream = caller.subscribe(latest(10)).await;
    stream.response().await;
    caller.act(json!({"verb": "pubsub_fault", "kind": "delay", "delay_ms": 400}));
    let committed = Instant::now();
    caller.lead();
    let mut told = Vec::new();
    let late = loop {
        let response = stream.response().await;
        if !response.events.is_empty() {
            break response;
        }
        assert!(committed.elapsed() < PATIENCE, "it never comes");
        told.push(response.latest_replay_id);
    };
    assert!(committed.elapsed() >= Duration::from_millis(350));
    let kept = told.last().expect("a keepalive while it waits");
    let mut again = caller.subscribe(custom(kept)).await;
    assert_eq!(ids(&again.events().await), ids(&late));
    // The clock of the sandbox brings it at once.
    caller.act(json!({"verb": "pubsub_fault", "kind": "delay", "delay_ms": 3_600_000}));
    caller.lead();
    caller.handle.advance_ms(3_600_000);
    assert_eq!(stream.events().await.events.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_used_up_allocation_cuts_the_stream_until_usage_rolls_off() {
    let options = Options {
        delivered_daily_max: 2,
        session_idle: Duration::from_secs(10_000_000),
        ..Options::default()
    };
    let mut caller = Caller::new(options).await;
    for _ in 0..3 {
        caller.lead();
    }
    let mut stream = caller.subscribe(earliest(10)).await;
    let got = stream.response().await;
    assert_eq!(got.events.len(), 2);
    let refused = stream.end().await.expect_err("used up");
    check(
        &refused,
        Code::ResourceExhausted,
        "subscription.limit.exceeded",
    );
    caller.handle.advance_ms(25 * 60 * 60 * 1_000);
    let mut stream = caller.subscribe(custom(&got.latest_replay_id)).await;
    assert_eq!(stream.response().await.events.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reset_stream_rejects_the_ids_it_gave() {
    let mut caller = Caller::new(Options::default()).await;
    caller.lead();
    let mut stream = caller.subscribe(earliest(10)).await;
    let old = stream.response().await.latest_replay_id;
    caller.act(json!({"verb": "forget_replay_ids"}));
    assert_eq!(
        stream.end().await.expect_err("cut").code(),
        Code::Unavailable
    );
    let refused = caller.subscribe(custom(&old)).await.end().await;
    let suffix = "subscription.fetch.replayid.corrupted";
    check(
        &refused.expect_err("an old id"),
        Code::InvalidArgument,
        suffix,
    );
    let mut stream = caller.subscribe(earliest(10)).await;
    assert_eq!(stream.response().await.events.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reset_of_the_org_and_its_end_end_the_streams() {
    let mut caller = Caller::new(Options::default()).await;
    let mut stream = caller.subscribe(latest(10)).await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    caller.handle.reset();
    assert_eq!(
        stream.end().await.expect_err("cut").code(),
        Code::Unavailable
    );
    caller.token = token(&caller.handle, &reqwest::Client::new()).await;
    let mut stream = caller.subscribe(latest(10)).await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    let closing = Instant::now();
    caller.handle.shutdown().await;
    let _ = stream.end().await;
    assert!(closing.elapsed() < PATIENCE);
}
