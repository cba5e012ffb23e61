//! Does the sweep of users page, overlap without repeating, and keep its cursor behind a failure?

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crosswalk::clients::salesforce::Client;
use crosswalk::clients::transport::{Request, Response};
use crosswalk::domain::{BridgeId, Change, ObservationBody, SourceId, Topic};
use crosswalk::feeds::Book;
use crosswalk::feeds::salesforce::owners::{Owners, Parts};
use crosswalk::feeds::salesforce::{Destination, Org};
use crosswalk::ports::event_log::{EntryBody, EventLog};
use serde_json::{Value as Json, json};
use tokio::sync::watch;

use crate::feeds_world::{WatchedLog, World};
use crate::sink_remote::{Remote, options, refused, response};

const NEXT: &str = "/services/data/v66.0/query/01gD0000002HU6KIAW-2000";

/// A user as a query shows it; saved at a second of 2026-01-10 04:00.
fn user(number: usize, name: &str, second: usize) -> Json {
    json!({
        "attributes": {"type": "User"},
        "Id": format!("005D000000IqhS{number}MAZ"),
        "Name": name,
        "Email": "someone@example.com",
        "IsActive": true,
        "UserRole": {"Name": "Sales"},
        "SystemModstamp": format!("2026-01-10T04:00:{second:02}.000+0000"),
    })
}

fn page(rows: &[Json], next: Option<&str>) -> Response {
    let mut body = json!({"totalSize": 3, "done": next.is_none(), "records": rows});
    if let Some(next) = next {
        body["nextRecordsUrl"] = json!(next);
    }
    response(200, &body)
}

/// What each bridge was told: names in their order.
fn names(log: &WatchedLog) -> Vec<String> {
    let observations = log.observations().into_iter();
    let ours = observations.filter(|one| one.bridge.as_str() == "main");
    let name = |body: ObservationBody| match body {
        ObservationBody::Changed {
            change: Change::Row(row),
            ..
        } => row.fields["Name"].as_text().unwrap().to_owned(),
        other => panic!("{other:?}"),
    };
    ours.map(|one| name(one.body)).collect()
}

fn cursor(log: &WatchedLog) -> Option<String> {
    match log.latest(Topic::Cursors, "sales/owners").unwrap()?.body {
        EntryBody::Message(crosswalk::domain::Message::Cursor(cursor)) => {
            Some(String::from_utf8(cursor.position).unwrap())
        }
        other => panic!("{other:?}"),
    }
}

fn sweep(world: &World, remote: Arc<Remote>) -> Owners {
    let destination = |bridge: &str, partition| Destination {
        bridge: BridgeId::new(bridge).unwrap(),
        partition,
    };
    let log: Arc<dyn EventLog> = world.log.clone();
    Owners::new(Parts {
        org: Org {
            source: SourceId::new("sales").unwrap(),
            client_token: "crosswalk-main".into(),
            bridges: vec![destination("main", 0), destination("second", 3)],
        },
        client: Arc::new(Client::new(options("https://login.example"), remote)),
        book: Book::new(log),
        clock: world.clock.clone(),
        health: world.health.register("feeds"),
        interval: Duration::from_millis(5),
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sweep_pages_overlaps_and_goes_on_where_a_failure_left_it() {
    let (queries, pages) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let both = |first: usize| [user(1, "Rosa", first), user(2, "Mei", 20)];
    let remote = Remote::new(move |request: &Request| {
        if request.url.ends_with(NEXT) {
            return Ok(match pages.fetch_add(1, Ordering::SeqCst) {
                0 => refused(500, "UNKNOWN_EXCEPTION"),
                _ => page(&[user(3, "Ada", 30)], None),
            });
        }
        Ok(match queries.fetch_add(1, Ordering::SeqCst) {
            // The second page of the first sweep fails.
            0 | 1 => page(&both(10), Some(NEXT)),
            // Rosa was renamed; what the overlap shows again is no news.
            _ => page(
                &[user(2, "Mei", 20), user(3, "Ada", 30), user(1, "Rose", 40)],
                None,
            ),
        })
    });
    let world = World::new();
    let sweep = sweep(&world, remote.clone());
    let (stop, stopped) = watch::channel(false);
    let task = tokio::spawn(sweep.run(stopped));
    world.until(|log| names(log).len() >= 4).await;
    world.wait(|| remote.requests().len() > 7).await;
    stop.send_replace(true);
    task.await.unwrap();

    assert_eq!(
        names(&world.log),
        ["Rosa", "Mei", "Ada", "Rose"],
        "each once"
    );
    assert_eq!(cursor(&world.log).as_deref(), Some("1768017640000"));
    let asked: Vec<String> = remote.requests().into_iter().map(|one| one.url).collect();
    assert!(!asked[0].contains("WHERE"), "{asked:?}");
    assert!(asked[1].ends_with(NEXT));
    // It goes on a minute before the newest of the page that was taken.
    assert!(asked[2].contains("2026-01-10T03%3A59%3A20Z"), "{asked:?}");
    for commit in world.log.commits() {
        let cursors = commit.iter().filter(|one| one.topic == Topic::Cursors);
        assert_eq!(cursors.count(), 1, "a page and its cursor are one commit");
    }
    let rows = world.log.observations();
    let seen = |bridge: &str| {
        rows.iter()
            .filter(|one| one.bridge.as_str() == bridge)
            .count()
    };
    assert_eq!((seen("main"), seen("second")), (4, 4));
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_cannot_be_read_are_dead_letters_although_no_row_moves_the_cursor() {
    let remote = Remote::new(|_: &Request| Ok(page(&[json!({"Id": "no id"})], None)));
    let world = World::new();
    let (stop, stopped) = watch::channel(false);
    let task = tokio::spawn(sweep(&world, remote).run(stopped));
    world.until(|log| log.dead_letters().len() >= 2).await;
    stop.send_replace(true);
    task.await.unwrap();
    let (reason, bytes) = &world.log.dead_letters()[0];
    assert_eq!(reason, "row_unreadable");
    assert_eq!(bytes, br#"{"Id":"no id"}"#);
    assert_eq!(cursor(&world.log), None);
}
