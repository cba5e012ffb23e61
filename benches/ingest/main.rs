//! Workload W5: the webhook door on real Kafka, `acks=all`, beside the sum of two bare programs: a
//! hyper server that reads, checks the signature and answers 200, and a librdkafka producer of the
//! bytes that the door has stored. Each is a process of its own, and CPU is that of all its
//! threads; whoever posts is this process and is not counted.
//!
//! Needs brokers that `CROSSWALK_KAFKA_BOOTSTRAP` names (`make kafka-up`); says SKIPPED without.

#![allow(
    clippy::unwrap_used,
    reason = "a benchmark ends where what it stands on fails"
)]

mod floors;
mod load;
mod process;

use std::collections::BTreeMap;
use std::time::Duration;

use crosswalk::domain::Topic;
use crosswalk::log::kafka::Options;
use crosswalk::log::kafka::topics::{Replication, create_missing};
use crosswalk::log::topics::name;
use serde_json::json;

use crate::load::{Outcome, Posts};
use crate::process::Process;

pub const SECRET: &str = "sandbox-client-secret";
const APP_ID: &str = "sandbox1";
/// Rounds of the three, A B C A B C …, so that a slow minute of the machine falls on all.
const ROUNDS: usize = 7;

fn setting(name: &str, default: usize) -> usize {
    std::env::var(name).map_or(default, |text| text.parse().unwrap())
}

fn main() {
    if let Ok(floor) = std::env::var("FLOOR") {
        return floors::run(&floor);
    }
    let Ok(bootstrap) = std::env::var("CROSSWALK_KAFKA_BOOTSTRAP") else {
        println!("SKIPPED: CROSSWALK_KAFKA_BOOTSTRAP names no brokers; see make kafka-up");
        return;
    };
    let options = Options {
        bootstrap,
        prefix: format!("bench{}.", std::process::id()),
        ..Options::default()
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(measure(options));
}

/// What one part of a round took for each request.
#[derive(Default)]
struct Parts {
    cpu_us: Vec<f64>,
    per_second: Vec<f64>,
    p99_ms: Vec<f64>,
}

impl Parts {
    fn take(&mut self, cpu: Duration, count: usize, outcome: Option<&Outcome>) {
        self.cpu_us.push(cpu.as_secs_f64() * 1e6 / count as f64);
        if let Some(outcome) = outcome {
            self.per_second.push(outcome.per_second());
            self.p99_ms.push(outcome.at(99.0));
        }
    }
}

/// Median, least and most.
fn spread(values: &[f64]) -> String {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let Some(most) = sorted.last() else {
        return "not measured".to_owned();
    };
    let median = sorted[sorted.len() / 2];
    format!("{median:.1} ({:.1} to {most:.1})", sorted[0])
}

async fn measure(options: Options) {
    let (count, senders) = (setting("POSTS", 20_000), setting("SENDERS", 64));
    let one = Replication {
        copies: 1,
        in_sync_min: 1,
    };
    create_missing(&options, one).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let ours = door(folder.path(), &options);
    let bare = Process::floor("hyper", &[]);
    let topic = name(&options.prefix, Topic::IntercomObserved);
    let mut parts: BTreeMap<&str, Parts> = BTreeMap::new();
    let mut ratios = Vec::new();
    let mut stored = floors::Stored::open(&options, &topic);
    for round in 0..ROUNDS {
        let posts = Posts::new(APP_ID, round, count);
        let path = folder.path().join("values");

        let began = ours.cpu();
        let outcome = load::closed(&ours.address, "/webhooks/intercom", &posts, senders).await;
        let whole = ours.cpu() - began;
        parts
            .entry("door")
            .or_default()
            .take(whole, count, Some(&outcome));
        let kept = stored.keep(posts.distinct(), &path);

        let began = bare.cpu();
        let outcome = load::closed(&bare.address, "/", &posts, senders).await;
        let http = bare.cpu() - began;
        parts
            .entry("hyper")
            .or_default()
            .take(http, count, Some(&outcome));

        // One that the door does not write to.
        let target = name(&options.prefix, Topic::Trace);
        let values = path.to_str().unwrap();
        let settings = [
            ("BOOTSTRAP", options.bootstrap.as_str()),
            ("TOPIC", target.as_str()),
            ("VALUES", values),
        ];
        let mut producer = Process::floor("producer", &settings);
        let began = producer.cpu();
        producer.go();
        let produced = producer.cpu() - began;
        parts
            .entry("producer")
            .or_default()
            .take(produced, count, None);
        let ratio = whole.as_secs_f64() / (http + produced).as_secs_f64();
        println!("round {round}: {kept} stored, {ratio:.2} of the sum");
        ratios.push(ratio);
    }
    println!(
        "\n{count} posts a round, {ROUNDS} rounds, {senders} senders; 90 % 1 KB, 10 % 11 KB, 5 % \
         of them again\n"
    );
    println!("| | CPU, us a post | posts a second | p99, ms |\n|---|---|---|---|");
    for (name, parts) in &parts {
        let (cpu, rate) = (spread(&parts.cpu_us), spread(&parts.per_second));
        println!("| {name} | {cpu} | {rate} | {} |", spread(&parts.p99_ms));
    }
    println!(
        "\nthe door is {} of the sum of both (at most 1.3 wanted)",
        spread(&ratios)
    );
    let mut rates = parts["door"].per_second.clone();
    rates.sort_by(f64::total_cmp);
    paced(&ours, rates[rates.len() / 2]).await;
}

/// Posts at a pace, whether or not the one before was answered.
async fn paced(ours: &Process, saturated: f64) {
    for percent in [30, 60, 80] {
        let rate = saturated * f64::from(percent) / 100.0;
        let count = (rate * 20.0) as usize;
        let posts = Posts::new(APP_ID, 1_000 + percent as usize, count);
        let outcome = load::open(&ours.address, "/webhooks/intercom", &posts, rate).await;
        println!(
            "at {percent} % ({rate:.0} a second): p50 {:.1} ms, p99 {:.1} ms, most {:.1} ms, \
             {:.3} % answered 200",
            outcome.at(50.0),
            outcome.at(99.0),
            outcome.at(100.0),
            100.0 * outcome.accepted as f64 / count as f64,
        );
    }
}

fn door(folder: &std::path::Path, options: &Options) -> Process {
    let config = json!({
        "server": {"webhooks": "127.0.0.1:0", "admin": "127.0.0.1:0"},
        "log": {"kafka": {
            "bootstrap": options.bootstrap, "prefix": options.prefix, "instance": "door",
        }},
        "view": {"path": "view"},
        "sources": {
            "support": {"intercom": {
                "app_id": APP_ID, "client_secret": SECRET,
                "access_token": "sandbox-access-token", "base_url": "http://127.0.0.1:9",
            }},
            "sales": {"salesforce": {
                "login_url": "http://127.0.0.1:9", "client_id": "sandbox-client-id",
                "client_secret": "sandbox-client-secret", "client_token": "crosswalk-main",
                "pubsub": {"endpoint": "http://127.0.0.1:9"},
            }},
        },
        "bridges": {"main": {"sources": ["support", "sales"], "mapping": "mapping.yaml"}},
        "logging": {"level": "error"},
    });
    let path = folder.join("crosswalk.yaml");
    std::fs::write(&path, config.to_string()).unwrap();
    let mapping = include_str!("../../src/bin/crosswalk/demo/mapping.yaml");
    std::fs::write(folder.join("mapping.yaml"), mapping).unwrap();
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_crosswalk"));
    command
        .args(["run", "--print-addresses", "--role", "ingest", "--config"])
        .arg(&path);
    Process::start(command, |line| {
        let told: serde_json::Value = serde_json::from_str(line).unwrap();
        let url = told["webhooks"].as_str().unwrap();
        let host = url.trim_start_matches("http://");
        host.split('/').next().unwrap().to_owned()
    })
}
