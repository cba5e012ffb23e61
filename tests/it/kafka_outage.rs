//! The brokers are away for a while: what was acknowledged meanwhile is in the log afterwards, and
//! the process goes on by itself. On a broker of its own, which is frozen.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::brokers;
use crate::cli::{Running, output, text};
use crate::ingest_door::{notification, sign};
use crate::installation::{Installation, until};

/// Twice the session timeout, so that everybody is thrown out of their groups too; a minute where
/// OUTAGE_SECONDS says so.
fn outage() -> Duration {
    let set = std::env::var("OUTAGE_SECONDS").ok();
    Duration::from_secs(set.map_or(12, |text| text.parse().unwrap()))
}

/// Posts signed notifications, ten a second, and answers the ids that were acknowledged.
async fn notify(webhooks: &str, time: Duration, said: &mut u64) -> BTreeSet<String> {
    let (client, until) = (reqwest::Client::new(), Instant::now() + time);
    let mut acknowledged = BTreeSet::new();
    while Instant::now() < until {
        *said += 1;
        let id = format!("notif_{said}_");
        let bytes = notification("sandbox1", &id);
        let request = client
            .post(webhooks)
            .header("X-Hub-Signature", sign("sandbox-client-secret", &bytes))
            .timeout(Duration::from_secs(5));
        let answer = request.body(bytes).send().await;
        if answer.is_ok_and(|answer| answer.status() == StatusCode::OK) {
            acknowledged.insert(id);
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    acknowledged
}

async fn metric(admin: &str, name: &str) -> u64 {
    let shown = reqwest::get(format!("{admin}/metrics")).await.unwrap();
    let shown = shown.text().await.unwrap();
    let line = shown.lines().find_map(|line| line.strip_prefix(name));
    line.map_or(0, |value| value.trim().parse().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_while_the_brokers_were_away_is_in_the_log() {
    let started = tokio::task::spawn_blocking(brokers::Own::start).await;
    let Some(broker) = started.unwrap() else {
        return;
    };
    let log = json!({"kafka": {
        "bootstrap": broker.address, "timeout_seconds": 5, "session_timeout_seconds": 6,
    }});
    let installation = Installation::of(log, json!({})).await;
    let config = installation.config();
    let mut told: Value = serde_json::from_slice(&std::fs::read(&config).unwrap()).unwrap();
    // A full pipe would stop it.
    told["logging"] = json!({"level": "error"});
    told["spool"] = json!({"after_ms": 300});
    std::fs::write(&config, told.to_string()).unwrap();
    let one = ["--replicas", "1", "--in-sync-min", "1"];
    let applied = output(&[&["topics", "apply", "--config", &config][..], &one].concat());
    assert!(applied.status.success(), "{}", text(&applied.stderr));
    let mut running = Running::start(&["run", "--config", &config, "--print-addresses"]);
    let addresses: Value = serde_json::from_str(&running.line()).unwrap();
    let address = |name: &str| addresses[name].as_str().unwrap().to_owned();
    let (webhooks, admin) = (address("webhooks"), address("admin"));

    let mut said = 0;
    let mut acknowledged = notify(&webhooks, Duration::from_secs(1), &mut said).await;
    broker.signal("-STOP");
    let before = said;
    let meanwhile = notify(&webhooks, outage(), &mut said).await;
    assert_eq!(meanwhile.len() as u64, said - before, "all are taken");
    assert!(metric(&admin, "crosswalk_spool_appends").await > 0);
    let ready = reqwest::get(format!("{admin}/readyz")).await.unwrap();
    let ready: Value = ready.json().await.unwrap();
    let waits = ready["degraded"]["spool"].as_str().unwrap_or_default();
    assert!(waits.ends_with("appends wait"), "{ready}");
    acknowledged.extend(meanwhile);
    broker.signal("-CONT");
    acknowledged.extend(notify(&webhooks, Duration::from_secs(1), &mut said).await);

    let there = || {
        let command = ["tail", "intercom.observed", "--json", "--from-beginning"];
        let more = ["--no-follow", "--show-personal", "--config", &config];
        text(&output(&[&command[..], &more].concat()).stdout)
    };
    until("what was acknowledged", || {
        let there = there();
        let missing = acknowledged.iter().filter(|id| !there.contains(*id));
        match missing.count() {
            0 => Ok(()),
            count => Err(format!("{count} of {} are missing", acknowledged.len())),
        }
    })
    .await;
    // One that was under way when they went away may stand there again, under one observation id.
    let there = there();
    let twice = (1..=said).filter(|id| there.matches(&format!("notif_{id}_")).count() > 1);
    let twice = twice.count();
    assert!(twice <= 3, "{twice} of {said} stand there more than once");
    // And the process goes on: the person is known.
    let person = [
        "identity",
        "show",
        "mila@kestrel.example",
        "--admin",
        &admin,
    ];
    until("the person", || {
        running.goes_on();
        let shown = output(&person);
        match shown.status.success() && text(&shown.stdout).contains("customer") {
            true => Ok(()),
            false => Err(text(&shown.stderr)),
        }
    })
    .await;
    assert_eq!(metric(&admin, "crosswalk_spool_appends").await, 0);
}
