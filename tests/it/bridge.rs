//! `crosswalk bridge list|release`: a bridge that stands aside goes on where it stood.

use crosswalk::domain::journal::InputRange;
use crosswalk::domain::{BridgeId, DomainEvent, JournalEntry, JournalKey, Message, Timestamp};
use crosswalk::domain::{ObservationId, Topic};
use crosswalk::log::embedded::{EmbeddedLog, Options};
use crosswalk::ports::event_log::{
    EntryBody, EventLog, Outgoing, Place, ReadLimit, TopicPartition, each,
};
use serde_json::{Value, json};

use crate::cli::{output, text};
use crate::installation::{Installation, until};

const LIMIT: ReadLimit = ReadLimit {
    entries_max: 1_000,
    bytes_max: 4 << 20,
};

/// Journals the quarantine of the bridge, as a process does it in which a decision panics: none is
/// known that does.
fn panicked(installation: &Installation, cause: Option<ObservationId>) {
    let path = installation.folder.path().join("log.db");
    let log = EmbeddedLog::open(path, Options::default()).unwrap();
    let at = |topic| TopicPartition {
        topic,
        partition: 0,
    };
    let mut sequence = 0;
    each(&log, at(Topic::Journal), LIMIT, |entry| {
        if let EntryBody::Message(Message::Journal(entry)) = entry.body
            && entry.key == JournalKey::Partition(0)
        {
            sequence = entry.sequence + 1;
        }
        Ok::<(), crosswalk::ports::event_log::Error>(())
    })
    .unwrap();
    let position = |topic| {
        let end = log.bounds(at(topic)).unwrap().end;
        InputRange {
            topic,
            partition: 0,
            from: end,
            to: end,
        }
    };
    let key = JournalKey::Partition(0);
    let event = DomainEvent::BridgeQuarantined {
        bridge: BridgeId::new("main").unwrap(),
        positions: Topic::INPUTS.into_iter().map(position).collect(),
        reason: "a decision panicked".to_owned(),
        cause,
    };
    let entry = JournalEntry {
        key: key.clone(),
        sequence,
        at: Timestamp(1_768_018_994_000),
        cause,
        event,
    };
    let outgoing = Outgoing {
        topic: Topic::Journal,
        place: Place::Partition(0),
        key: key.text(),
        message: Some(Message::Journal(Box::new(entry))),
    };
    log.append(vec![outgoing]).unwrap();
}

fn asked(installation: &Installation, admin: &str, command: &[&str]) -> (bool, String) {
    let config = installation.config();
    let place = ["--config", &config, "--admin", admin];
    let ended = output(&[command, &place].concat());
    (
        ended.status.success(),
        text(&ended.stdout) + &text(&ended.stderr),
    )
}

fn state(installation: &Installation, admin: &str) -> Result<Value, String> {
    let (done, told) = asked(installation, admin, &["bridge", "list", "--json"]);
    let listed: Value = serde_json::from_str(&told).map_err(|_| told.clone())?;
    assert!(done, "{told}");
    Ok(listed[0].clone())
}

/// Somebody writes to the workspace, and the process has heard of it.
async fn arrives(installation: &Installation, email: &str) {
    let before = installation.topic("intercom.observed").lines().count();
    installation.here(1, email, json!({}));
    until(email, || {
        let heard = installation.topic("intercom.observed").lines().count();
        match heard > before {
            true => Ok(()),
            false => Err(format!("{heard} heard")),
        }
    })
    .await;
}

fn known(installation: &Installation, admin: &str, email: &str) -> Result<(), String> {
    let (_, told) = asked(installation, admin, &["identity", "show", email]);
    match told.contains("cus_") {
        true => Ok(()),
        false => Err(told),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bridge_that_stands_aside_is_shown_and_released_and_misses_nothing() {
    let installation = Installation::new().await;
    let (running, admin) = installation.run().await;
    arrives(&installation, "ada@kestrel.example").await;
    until("ada", || {
        known(&installation, &admin, "ada@kestrel.example")
    })
    .await;
    let (done, told) = asked(&installation, &admin, &["bridge", "list"]);
    assert!(done && told == "main  runs\n", "{told}");
    let release = ["bridge", "release", "main", "--by", "ann"];
    let (done, told) = asked(&installation, &admin, &release);
    assert!(!done && told.contains("main is not quarantined"), "{told}");
    assert!(running.end("-TERM").0);

    panicked(&installation, None);
    let (running, admin) = installation.run().await;
    until("the list", || state(&installation, &admin)).await;
    assert_eq!(
        state(&installation, &admin).unwrap()["state"],
        "quarantined"
    );
    let (_, told) = asked(&installation, &admin, &["bridge", "list"]);
    assert!(told.contains("since    2026-01-10T04:23:14Z"), "{told}");
    assert!(told.contains("bridge release main --by NAME"), "{told}");
    let metrics = reqwest::get(format!("{admin}/metrics")).await.unwrap();
    let metrics = metrics.text().await.unwrap();
    let gauge = "crosswalk_quarantined_bridges{partition=\"0\"} 1";
    assert!(metrics.contains(gauge), "{metrics}");

    arrives(&installation, "mila@kestrel.example").await;
    until("passed", || {
        match state(&installation, &admin)?["passed"].as_u64() {
            Some(passed) if passed > 0 => Ok(()),
            other => Err(format!("{other:?}")),
        }
    })
    .await;
    known(&installation, &admin, "mila@kestrel.example").unwrap_err();
    let (done, told) = asked(&installation, &admin, &[&release[..], &["--skip"]].concat());
    assert!(!done && told.contains("cannot be skipped"), "{told}");
    let (done, told) = asked(&installation, &admin, &release);
    assert!(done && told.contains("main is released"), "{told}");
    until("mila", || {
        known(&installation, &admin, "mila@kestrel.example")
    })
    .await;
    until("the end", || {
        match state(&installation, &admin)?["state"] == "runs" {
            true => Ok(()),
            false => Err("it stands aside".to_owned()),
        }
    })
    .await;
    let (done, told) = asked(&installation, &admin, &["verify"]);
    assert!(done, "{told}");
    let notices = installation.topic("notifications");
    assert!(notices.contains("goes on"), "{notices}");
    assert!(running.end("-TERM").0);
}
