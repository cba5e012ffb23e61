//! Sessions, topics, credit, keepalives, replay.

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_topic_names_its_schema_and_the_schema_is_there() {
    let mut caller = Caller::new(Options::default()).await;
    let request = caller.request(TopicRequest {
        topic_name: "/data/LeadChangeEvent".to_owned(),
    });
    let topic = caller
        .client
        .get_topic(request)
        .await
        .expect("a topic")
        .into_inner();
    assert!(topic.can_subscribe && !topic.can_publish);
    let schema_id = topic.schema_id.clone();
    let request = caller.request(SchemaRequest {
        schema_id: schema_id.clone(),
    });
    let schema = caller
        .client
        .get_schema(request)
        .await
        .expect("a schema")
        .into_inner();
    assert_eq!(schema.schema_id, schema_id);
    assert!(schema.schema_json.contains("LeadChangeEvent"));
    let request = caller.request(SchemaRequest {
        schema_id: "nope".to_owned(),
    });
    let refused = caller
        .client
        .get_schema(request)
        .await
        .expect_err("no such schema");
    check(&refused, Code::InvalidArgument, "schema.validation.failed");
    for (name, code, suffix) in [
        ("/data/NopeChangeEvent", Code::NotFound, "topic.not.found"),
        ("", Code::InvalidArgument, "topic.validation.empty"),
    ] {
        let request = caller.request(TopicRequest {
            topic_name: name.to_owned(),
        });
        let refused = caller
            .client
            .get_topic(request)
            .await
            .expect_err("no topic");
        check(&refused, code, suffix);
        let first = fetch(name, ReplayPreset::Latest, &[], 1);
        let refused = caller.subscribe(first).await.end().await;
        check(&refused.expect_err("no topic"), code, suffix);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_a_living_session_of_this_org_may_call() {
    let mut caller = Caller::new(Options::default()).await;
    let base = caller.handle.base_url();
    let topic = TopicRequest {
        topic_name: ALL.to_owned(),
    };
    let wrong = with_headers(topic.clone(), "no-token", &base);
    let refused = caller
        .client
        .get_topic(wrong)
        .await
        .expect_err("no session");
    check(&refused, Code::Unauthenticated, "service.auth.error");
    let mut other_org = caller.request(topic.clone());
    let tenant = MetadataValue::from_static("00D000000000000AAA");
    other_org.metadata_mut().insert("tenantid", tenant);
    let path = with_headers(topic.clone(), &caller.token, &format!("{base}/services"));
    for request in [other_org, path, Request::new(topic.clone())] {
        let refused = caller
            .client
            .get_topic(request)
            .await
            .expect_err("bad headers");
        check(
            &refused,
            Code::Unauthenticated,
            "service.auth.headers.invalid",
        );
    }
    let mut open = caller.subscribe(latest(10)).await;
    caller.act(json!({"verb": "expire_sessions"}));
    let refused = caller.client.get_topic(caller.request(topic)).await;
    check(
        &refused.expect_err("expired"),
        Code::Unauthenticated,
        "service.auth.error",
    );
    // A stream that is open stays open (salesforce.md 1.3).
    caller.lead();
    assert_eq!(open.events().await.events.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_arrives_soon_after_its_commit() {
    let mut caller = Caller::new(Options::default()).await;
    let mut stream = caller.subscribe(latest(100)).await;
    // The first request has been read when its answer, a refusal or an event, is possible.
    tokio::time::sleep(Duration::from_millis(50)).await;
    let mut waits = Vec::new();
    for _ in 0..20 {
        let committed = Instant::now();
        caller.lead();
        let response = stream.response().await;
        waits.push(committed.elapsed());
        assert_eq!(response.events.len(), 1);
    }
    waits.sort();
    assert!(waits[10] < Duration::from_millis(50), "{waits:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn credit_is_capped_at_100_and_events_stop_without_it() {
    let mut caller = Caller::new(Options::default()).await;
    for _ in 0..120 {
        caller.lead();
    }
    let mut stream = caller.subscribe(earliest(500)).await;
    let response = stream.response().await;
    assert_eq!(response.events.len(), 100);
    assert_eq!(response.pending_num_requested, 0);
    let last = &response.events[99];
    assert_eq!(response.latest_replay_id, last.replay_id);
    stream.more(5).await;
    stream.more(7).await;
    let mut more = stream.response().await.events.len();
    while more < 12 {
        more += stream.response().await.events.len();
    }
    assert_eq!(more, 12);
    let quiet = Duration::from_millis(100);
    let next = tokio::time::timeout(quiet, stream.responses.message()).await;
    assert!(next.is_err(), "events without credit: {next:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_that_misuse_the_protocol_are_refused() {
    let mut caller = Caller::new(Options::default()).await;
    let suffix = "subscription.fetch.requested.events.invalid";
    for number in [0, -1] {
        let refused = caller.subscribe(latest(number)).await.end().await;
        check(
            &refused.expect_err("no number"),
            Code::InvalidArgument,
            suffix,
        );
    }
    let mut stream = caller.subscribe(latest(1)).await;
    stream.more(0).await;
    let refused = stream.end().await.expect_err("no number");
    check(&refused, Code::InvalidArgument, suffix);
    let mut stream = caller.subscribe(latest(1)).await;
    let other = fetch("/data/LeadChangeEvent", ReplayPreset::Latest, &[], 1);
    stream.requests.send(other).await.expect("room");
    let refused = stream.end().await.expect_err("another topic");
    check(
        &refused,
        Code::InvalidArgument,
        "subscription.fetch.topic.mismatch",
    );
    let cases = [
        (&[][..], "subscription.fetch.replayid.validation.failed"),
        (&[7; 10], "subscription.fetch.replayid.corrupted"),
        (&[1; 3], "subscription.fetch.replayid.corrupted"),
    ];
    for (replay_id, suffix) in cases {
        let refused = caller.subscribe(custom(replay_id)).await.end().await;
        check(
            &refused.expect_err("a bad id"),
            Code::InvalidArgument,
            suffix,
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_without_credit_is_ended_and_one_with_credit_is_kept_alive() {
    let mut caller = Caller::new(quick()).await;
    let first = caller.lead();
    let mut stream = caller.subscribe(earliest(1)).await;
    assert_eq!(stream.response().await.pending_num_requested, 0);
    assert!(
        stream.next().await.expect("no refusal").is_none(),
        "{first}"
    );
    let mut stream = caller.subscribe(latest(3)).await;
    let (one, two) = (stream.response().await, stream.response().await);
    assert!(one.events.is_empty() && two.events.is_empty());
    assert_eq!(one.pending_num_requested, 3);
    assert_ne!(one.latest_replay_id, two.latest_replay_id);
    // From a keepalive's id on nothing is lost.
    caller.lead();
    let live = ids(&stream.events().await);
    let mut again = caller.subscribe(custom(&two.latest_replay_id)).await;
    assert_eq!(ids(&again.events().await), live);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn custom_goes_on_after_the_event_and_latest_begins_with_the_next() {
    let mut caller = Caller::new(Options::default()).await;
    for _ in 0..3 {
        caller.lead();
    }
    let mut stream = caller.subscribe(earliest(100)).await;
    let all = stream.response().await;
    assert_eq!(all.events.len(), 3);
    let second = all.events[1].replay_id.clone();
    let mut stream = caller.subscribe(custom(&second)).await;
    assert_eq!(ids(&stream.response().await), ids(&all)[2..]);
    let mut stream = caller.subscribe(latest(100)).await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    caller.lead();
    let new = ids(&stream.response().await);
    assert_eq!(new.len(), 1);
    assert!(!ids(&all).contains(&new[0]));
    // After 72 hours of the sandbox's clock the id is rejected.
    caller.handle.advance_ms(73 * 60 * 60 * 1_000);
    let token = token(&caller.handle, &reqwest::Client::new()).await;
    caller.token = token;
    let refused = caller.subscribe(custom(&second)).await.end().await;
    let suffix = "subscription.fetch.replayid.corrupted";
    check(
        &refused.expect_err("too old"),
        Code::InvalidArgument,
        suffix,
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_channel_of_one_entity_has_no_other() {
    let mut caller = Caller::new(Options::default()).await;
    let account = json!({"verb": "create", "object": "Account", "fields": {"Name": "A"}});
    caller.act(account.clone());
    caller.lead();
    caller.act(account);
    let first = fetch("/data/LeadChangeEvent", ReplayPreset::Earliest, &[], 10);
    let response = caller.subscribe(first).await.response().await;
    assert_eq!(response.events.len(), 1);
    assert_eq!(
        caller
            .subscribe(earliest(10))
            .await
            .response()
            .await
            .events
            .len(),
        3
    );
}
