//! The feed of change events against an org that breaks, refuses, repeats and forgets.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use crosswalk::config::AfterGap;
use crosswalk::domain::{Change, EventKind, Message, ObservationBody, Topic, Version, Writer};
use crosswalk::feeds::salesforce::{Failure, Start};
use crosswalk::ports::event_log::{EventLog, Group, Outgoing, Place};
use serde_json::json;

use crate::feeds_world::{T0, Told, World, event, record_event};

const A: &str = "00QD000000IqhSLMAZ";
const B: &str = "00QD000000IqhSMMAZ";
const C: &str = "00QD000000IqhSNMAZ";
const SHORT: Duration = Duration::from_millis(150);

/// Publishes `count` updates of three records each, told apart by their payloads.
fn publish(world: &World, count: usize) -> Vec<u8> {
    let mut last = Vec::new();
    for _ in 0..count {
        let number = world.remote.published().len();
        let mut update = event("schema-a", "update", &[A, B, C]);
        update["transaction"] = json!(format!("t{number}"));
        last = world.remote.publish(&format!("uuid-{number}"), &update);
    }
    last
}

fn records(world: &World) -> usize {
    world.log.observations().len()
}

/// Goes through the commits and complains about a cursor ahead of what was durable with it.
fn demand_covered(world: &World) {
    let published = world.remote.published();
    let mut durable: BTreeSet<(Vec<u8>, String, String)> = BTreeSet::new();
    for commit in world.log.commits() {
        let mut cursor = None;
        for entry in &commit {
            match &entry.message {
                Some(Message::Observation(seen)) => {
                    let ObservationBody::Changed { raw, .. } = &seen.body else {
                        panic!("another observation");
                    };
                    let record = record_event(seen).record.id.clone();
                    durable.insert((raw.bytes.clone(), entry.key.to_string(), record));
                }
                Some(Message::Cursor(moved)) => cursor = Some(moved.position.clone()),
                _ => {}
            }
        }
        let Some(cursor) = cursor else { continue };
        let last = published
            .iter()
            .rposition(|event| event.replay_id == cursor);
        for event in published.iter().take(last.map_or(0, |last| last + 1)) {
            for (bridge, record) in [("main", A), ("main", C), ("second", B)] {
                let copy = (event.payload.clone(), bridge.to_owned(), record.to_owned());
                assert!(
                    durable.contains(&copy),
                    "the cursor stands before {event:?}"
                );
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_cursor_never_stands_before_what_it_covers() {
    let mut world = World::new();
    world.options.batch_entries_max = 4;
    let running = world.begun().await;
    publish(&world, 3);
    world.until(|log| log.observations().len() >= 18).await;
    // The log refuses for a while, in the middle of what follows.
    world.log.tell(Told::Fails, 7);
    let last = publish(&world, 6);
    world
        .until(|log| log.cursor().unwrap().position == last)
        .await;
    demand_covered(&world);
    assert_eq!(records(&world), 9 * 6);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_fails_moves_no_cursor() {
    let world = World::new();
    let running = world.begun().await;
    let before = world.log.cursor();
    world.log.tell(Told::Fails, 10_000);
    publish(&world, 1);
    tokio::time::sleep(SHORT).await;
    assert_eq!((world.log.cursor(), records(&world)), (before, 0));
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn events_that_share_a_replay_id_are_passed_together() {
    let mut world = World::new();
    world.options.batch_entries_max = 1;
    world
        .remote
        .publish("uuid-0", &event("schema-a", "update", &[A]));
    let shared = b"replay-x".to_vec();
    for (id, record) in [("uuid-1", A), ("uuid-2", B)] {
        let update = event("schema-a", "update", &[record]);
        world.remote.publish_at(id, &update, shared.clone());
    }
    let running = world.run();
    world.remote.keepalive();
    world.until(|log| log.cursor().is_some()).await;
    running.stop().await;
    // From the start: the feed is told to begin at the oldest.
    world.remote.refuse(Failure::ReplayRejected);
    let running = world.run();
    world
        .until(|log| log.cursor().unwrap().position == shared)
        .await;
    let commits = world.log.commits();
    let holds = |commit: &Vec<Outgoing>, topic| commit.iter().any(|entry| entry.topic == topic);
    let moved = commits
        .iter()
        .rposition(|commit| holds(commit, Topic::Cursors));
    let seen = commits
        .iter()
        .rposition(|commit| holds(commit, Topic::SalesforceObserved));
    assert!(moved >= seen);
    assert_eq!(records(&world), 6);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_start_begins_at_the_next_event_and_says_so() {
    let world = World::new();
    publish(&world, 2);
    let running = world.begun().await;
    publish(&world, 1);
    world.until(|log| log.observations().len() == 6).await;
    assert_eq!(world.remote.starts(), [Start::Latest]);
    assert_eq!(world.log.kinds(), ["feed_started"]);
    // With the first cursor, not before it.
    let first = &world.log.commits()[0];
    assert!(first.iter().any(|entry| entry.topic == Topic::Cursors));
    running.stop().await;
    let running = world.run();
    publish(&world, 1);
    world.until(|log| log.observations().len() == 12).await;
    assert!(matches!(world.remote.starts()[1], Start::After(_)));
    assert_eq!(world.log.kinds(), ["feed_started"]);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rejected_cursor_is_a_declared_gap_never_a_silent_latest() {
    let world = World::new();
    world.begun().await.stop().await;
    let stood = world.log.cursor().unwrap();
    publish(&world, 2);
    world.clock.advance(Duration::from_secs(3_600));
    world.remote.refuse(Failure::ReplayRejected);
    let running = world.run();
    world.until(|log| log.observations().len() == 12).await;
    let after = Start::After(stood.position.clone());
    assert_eq!(world.remote.starts()[1..], [after, Start::Earliest]);
    assert_eq!(world.log.kinds(), ["feed_started", "feed_gap"]);
    let text = &world.log.notifications()[2].text;
    for moment in ["2026-01-10T04:24:14Z", "2026-01-10T05:24:14Z"] {
        assert!(text.contains(moment), "{text}");
    }
    let declared = &world.log.commits()[1];
    let topics: Vec<Topic> = declared.iter().map(|entry| entry.topic).collect();
    let both = [Topic::Notifications, Topic::Notifications, Topic::Cursors];
    assert_eq!(topics, both);
    assert!(world.health.degraded().contains_key("sales/gap"));
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gap_that_goes_on_at_the_next_event_says_where_it_ends() {
    let mut world = World::new();
    world.options.after_gap = AfterGap::Latest;
    world.begun().await.stop().await;
    publish(&world, 2);
    world.remote.refuse(Failure::ReplayRejected);
    let running = world.run();
    world.wait(|| world.remote.starts().len() == 3).await;
    assert_eq!(world.remote.starts()[2], Start::Latest);
    publish(&world, 1);
    world.until(|log| log.observations().len() == 6).await;
    assert_eq!(
        world.log.kinds(),
        ["feed_started", "feed_gap", "feed_resumed"]
    );
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_published_twice_is_one_observation() {
    let world = World::new();
    let running = world.begun().await;
    let update = event("schema-a", "update", &[A]);
    let first = world.remote.publish("uuid-1", &update);
    let again = world.remote.publish("uuid-1", &update);
    assert_ne!(first, again);
    world
        .until(|log| log.cursor().unwrap().position == again)
        .await;
    assert_eq!(records(&world), 2);
    // What the feed has forgotten has the same id, by which the processor knows it.
    running.stop().await;
    let running = world.run();
    world.remote.publish("uuid-1", &update);
    world.until(|log| log.observations().len() == 4).await;
    let ids: BTreeSet<_> = world.log.observations().iter().map(|o| o.id).collect();
    assert_eq!(ids.len(), 1);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_schema_is_looked_up_by_the_id_in_the_event() {
    let world = World::new();
    let running = world.begun().await;
    for (id, schema) in [("1", "schema-a"), ("2", "schema-b"), ("3", "schema-a")] {
        world.remote.publish(id, &event(schema, "update", &[A]));
    }
    world.until(|log| log.observations().len() == 6).await;
    assert_eq!(world.log.dead_letters(), []);
    assert_eq!(world.remote.schema_calls(), ["schema-a", "schema-b"]);
    running.stop().await;
    // A schema is kept with the first event that needs it, and never asked for again.
    for commit in world.log.commits() {
        let needs = commit.iter().any(|e| e.topic == Topic::SalesforceObserved);
        let brings = commit.iter().any(|e| e.topic == Topic::SourceSchemas);
        assert!(needs || !brings);
    }
    let running = world.run();
    world
        .remote
        .publish("4", &event("schema-b", "update", &[B]));
    world.until(|log| log.observations().len() == 8).await;
    assert_eq!(world.remote.schema_calls().len(), 2);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_symbol_does_not_stop_the_feed() {
    let world = World::new();
    let running = world.begun().await;
    world
        .remote
        .publish("1", &event("schema-a", "SNAPSHOT", &[A]));
    world
        .remote
        .publish("2", &event("schema-a", "update", &[B]));
    world.until(|log| log.observations().len() == 4).await;
    let seen = world.log.observations();
    assert_eq!(record_event(&seen[0]).kind, EventKind::Gap);
    assert!(record_event(&seen[0]).fields.is_empty());
    assert_eq!(record_event(&seen[2]).kind, EventKind::Updated);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_read_is_a_dead_letter_and_the_feed_goes_on() {
    let world = World::new();
    let running = world.begun().await;
    world
        .remote
        .publish("1", &event("schema-unknown", "update", &[A]));
    world
        .remote
        .publish_at("2", &event("schema-a", "update", &[]), b"replay-n".to_vec());
    let last = world
        .remote
        .publish("3", &event("schema-a", "update", &[B]));
    world
        .until(|log| log.cursor().unwrap().position == last)
        .await;
    assert_eq!(records(&world), 2);
    let letters = world.log.dead_letters();
    let reasons: Vec<&str> = letters.iter().map(|(reason, _)| reason.as_str()).collect();
    // One copy for each bridge.
    assert_eq!(
        reasons,
        ["schema_unknown", "schema_unknown", "no_record", "no_record"]
    );
    assert_eq!(letters[0].1, world.remote.published()[0].payload);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn more_than_an_event_lists_is_kept_and_reported() {
    let world = World::new();
    let running = world.begun().await;
    world.remote.publish("1", &event("schema-a", "gap", &[""]));
    world
        .remote
        .publish("2", &event("schema-a", "update", &["00Q*"]));
    world.until(|log| log.observations().len() == 4).await;
    for seen in world.log.observations() {
        let ObservationBody::Changed { change, raw, .. } = &seen.body else {
            panic!("another observation");
        };
        assert_eq!(*change, Change::Kept);
        assert!(!raw.bytes.is_empty());
    }
    let notes = world.log.notifications();
    let said = |kind: &str| notes.iter().find(|note| note.kind == kind).unwrap();
    let replay = hex::encode("replay-000");
    let text = &said("feed_overflow").text;
    assert!(text.contains("Lead") && text.contains(&replay), "{text}");
    assert!(said("feed_wildcard").text.contains("00Q*"));
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_becomes_one_observation_per_record_and_bridge() {
    let world = World::new();
    let running = world.begun().await;
    world
        .remote
        .publish("1", &event("schema-a", "update", &[A, B]));
    let mut doubtful = event("schema-a", "update", &[C]);
    doubtful["doubtful"] = json!(true);
    doubtful["user"] = json!("005D000000AbCdZZZZ");
    world.remote.publish("2", &doubtful);
    world.until(|log| log.observations().len() == 6).await;
    let commits = world.log.commits();
    let entries = commits.iter().flatten();
    let places: Vec<_> = entries
        .filter(|entry| entry.topic == Topic::SalesforceObserved)
        .map(|entry| (&*entry.key, entry.place))
        .take(2)
        .collect();
    assert_eq!(
        places,
        [
            ("main", Place::Partition(0)),
            ("second", Place::Partition(3))
        ]
    );
    let seen = world.log.observations();
    let first = record_event(&seen[0]);
    assert_eq!(first.record.to_string(), format!("sales/Lead/{A}"));
    assert_eq!(
        (first.kind, first.writer),
        (EventKind::Updated, Writer::Ours)
    );
    assert_eq!(first.version, Version::second(T0 / 1_000));
    assert_eq!(first.unread, BTreeSet::from(["Description".to_owned()]));
    assert_eq!(record_event(&seen[2]).record.id, B);
    assert_ne!(seen[0].id, seen[2].id);
    let ObservationBody::Changed { topic, raw, .. } = &seen[0].body else {
        panic!("another observation");
    };
    assert_eq!(topic, "/data/ChangeEvents");
    assert_eq!(raw.content_type, "avro/binary; schema=schema-a");
    // Its lists may lack a field: only a read tells.
    let last = record_event(&seen[4]);
    assert_eq!((last.kind, last.writer), (EventKind::Gap, Writer::Foreign));
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_between_the_append_and_its_answer_loses_nothing() {
    let mut world = World::new();
    let running = world.begun().await;
    world.log.tell(Told::CrashesAfter, 1);
    publish(&world, 1);
    world.until(|log| log.observations().len() == 6).await;
    running.kill();
    let before = world.log.observations();
    world.reopen();
    let running = world.run();
    publish(&world, 2);
    world.until(|log| log.observations().len() == 12).await;
    // What was appended is not repeated, what was not is there.
    let after = world.log.observations();
    assert!(
        before
            .iter()
            .all(|old| after.iter().all(|new| new.id != old.id))
    );
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn reconnects_give_one_copy() {
    let world = World::new();
    for events in [0, 1, 1, 2, 0, 3, 1] {
        world.remote.break_after(events);
    }
    let running = world.run();
    world.remote.keepalive();
    world.remote.keepalive();
    world.until(|log| log.cursor().is_some()).await;
    let last = publish(&world, 9);
    world
        .until(|log| log.cursor().unwrap().position == last)
        .await;
    assert!(world.remote.starts().len() > 5);
    let ids: BTreeSet<_> = world.log.observations().iter().map(|o| o.id).collect();
    assert_eq!((ids.len(), records(&world)), (27, 54));
    demand_covered(&world);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscription_that_says_nothing_is_opened_anew() {
    let mut world = World::new();
    world.options.liveness = Duration::from_millis(50);
    let running = world.begun().await;
    world.wait(|| world.remote.starts().len() >= 4).await;
    let stood = world.log.cursor().unwrap().position;
    assert_eq!(world.remote.starts()[3], Start::After(stood));
    running.stop().await;
}

/// What lies between two subscriptions without a position is told by nobody, and an import begins
/// anew: Salesforce may say nothing for longer than a subscription with a position is given.
#[tokio::test(flavor = "multi_thread")]
async fn a_subscription_without_a_position_may_say_nothing_for_longer() {
    let mut world = World::new();
    world.options.liveness = Duration::from_millis(200);
    let began = Instant::now();
    let running = world.run();
    world.wait(|| world.remote.starts().len() >= 2).await;
    assert!(began.elapsed() >= Duration::from_millis(600));
    assert_eq!(world.remote.starts(), [Start::Latest, Start::Latest]);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quiet_channel_moves_its_cursor_now_and_then() {
    let world = World::new();
    let running = world.begun().await;
    let first = world.log.cursor().unwrap();
    world.remote.keepalive();
    tokio::time::sleep(SHORT).await;
    assert_eq!(world.log.cursor().unwrap(), first);
    world.clock.advance(Duration::from_secs(31));
    world.remote.keepalive();
    world.until(|log| log.cursor().unwrap().at > first.at).await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_used_up_allocation_is_told_once_and_waited_for() {
    let world = World::new();
    world.begun().await.stop().await;
    world.remote.refuse(Failure::LimitUsedUp);
    let running = world.run();
    world.until(|log| log.kinds().len() == 2).await;
    tokio::time::sleep(SHORT).await;
    assert_eq!(world.log.kinds(), ["feed_started", "feed_paused"]);
    assert_eq!(world.remote.starts().len(), 2);
    assert_eq!(world.health.degraded()["sales/cdc"], "limit_used_up");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_token_is_replaced_and_the_feed_goes_on() {
    let world = World::new();
    world.begun().await.stop().await;
    world.remote.refuse(Failure::Unauthorised);
    let running = world.run();
    publish(&world, 1);
    world.until(|log| log.observations().len() == 6).await;
    assert_eq!(world.remote.starts().len(), 3);
    world.wait(|| world.health.degraded().is_empty()).await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_lost_the_lease_reads_the_cursor_anew() {
    let world = World::new();
    let running = world.begun().await;
    let log = &world.log;
    // Another process takes over.
    log.acquire(Group::Feeds, 0).unwrap();
    publish(&world, 1);
    world.until(|log| log.observations().len() == 6).await;
    // Fenced first: the events came again, from the cursor, under a lease of its own.
    assert_eq!(world.remote.starts().len(), 2);
    assert_eq!(records(&world), 6);
    running.stop().await;
}
