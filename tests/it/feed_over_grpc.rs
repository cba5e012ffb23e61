//! Does the feed take each fault of the wire for what it is? The real feed and client, a server
//! that plays a script.

use std::sync::Arc;
use std::time::Duration;

use crosswalk::clients::salesforce::pubsub::{Client, Options};
use crosswalk::feeds::salesforce::{Decoder, PubSub};
use tonic::{Code, Status};

use crate::feeds_world::World;
use crate::pubsub::server::{Fake, Logins, Step, coded, events, session};

/// How a subscription says where it begins (salesforce.md 1.2).
const LATEST: i32 = 0;
const EARLIEST: i32 = 1;
const CUSTOM: i32 = 2;

fn over(fake: &Fake) -> (Arc<PubSub>, Arc<Logins>) {
    let (session, logins) = session();
    let options = Options {
        endpoint: fake.endpoint.clone(),
        request_timeout: Duration::from_secs(2),
        silent_after: Duration::from_millis(400),
        ..Options::default()
    };
    let client = Client::new(options, session.clone()).unwrap();
    (Arc::new(PubSub::new(client, session)), logins)
}

fn cut() -> Step {
    Step::Fail(Status::unavailable("the connection was reset"))
}

#[tokio::test(flavor = "multi_thread")]
async fn each_fault_of_the_wire_is_taken_for_what_it_is_and_nothing_is_lost() {
    let auth = coded(Code::Unauthenticated, "service.auth.error");
    let gateway = Status::unavailable("upstream connect error");
    let corrupted = "subscription.fetch.replayid.corrupted";
    let rejected = coded(Code::InvalidArgument, corrupted);
    let fake = Fake::start(vec![
        vec![Step::Send(events(2, 98)), cut()],
        vec![Step::Refuse(auth)],
        vec![Step::Send(events(3, 97)), Step::Hang],
        vec![Step::Refuse(gateway)],
        vec![Step::Refuse(rejected)],
        vec![Step::Send(events(4, 96)), Step::Hang],
    ])
    .await;
    let world = World::new();
    let (source, logins) = over(&fake);
    let running = world.run_with(source, Arc::new(Decoder));
    // The bytes are no change event: each is kept as a dead letter, with the cursor behind it.
    world.until(|log| log.dead_letters().len() >= 18).await;
    running.stop().await;
    let begun: Vec<(i32, Vec<u8>)> = fake
        .requests()
        .iter()
        .filter(|request| !request.topic_name.is_empty())
        .map(|request| (request.replay_preset, request.replay_id.to_vec()))
        .collect();
    assert_eq!(
        begun,
        [
            (LATEST, b"".to_vec()),
            (CUSTOM, b"replay-1".to_vec()),
            // After the cursor was refused: a gap, declared, and not the next event.
            (EARLIEST, b"".to_vec()),
        ]
    );
    assert_eq!(logins.count(), 2, "one refused token, one new login");
    assert_eq!(world.log.kinds(), ["feed_started", "feed_gap"]);
    assert_eq!(
        world.log.dead_letters().len(),
        18,
        "nine for each of two bridges"
    );
    assert_eq!(world.log.cursor().unwrap().position, b"replay-3");
    for commit in world.log.commits() {
        let letters = commit.iter().any(|entry| &*entry.key == "main");
        let cursor = commit.iter().any(|entry| &*entry.key == "sales/cdc");
        assert!(
            cursor || !letters,
            "a cursor in the commit of what it covers"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_asks_for_less_is_left_alone_for_a_while() {
    let slow = coded(Code::ResourceExhausted, "service.protection.triggered");
    let fake = Fake::start(vec![vec![Step::Refuse(slow)]]).await;
    let world = World::new();
    let (source, _) = over(&fake);
    let running = world.run_with(source, Arc::new(Decoder));
    world.wait(|| fake.shown().len() == 1).await;
    // The pauses of this world are milliseconds: any other failure would be tried again by now.
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(fake.shown().len(), 1);
    running.stop().await;
}
