//! Workload W2: from a change in one system to the write that the other one receives, both ways,
//! with 1,000 people imported before and twenty edits a second; beside a relay that does nothing
//! but turn each notification into its write. `cargo bench --bench latency`.
#![allow(
    clippy::unwrap_used,
    reason = "a bench that meets an error should stop"
)]

mod relay;

use std::collections::HashMap;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crosswalk::sandbox::request_log::Entry;
use crosswalk::sandbox::{clock, intercom, salesforce};
use serde_json::{Value as Json, json};

use crate::relay::Relay;

const MAPPING: &str = include_str!("../../src/bin/crosswalk/demo/mapping.yaml");
/// Rounds of the three, A B C A B C …, so that a slow minute of the machine falls on all.
const ROUNDS: usize = 7;
/// Edits of one part of a round; seven make the workload's thousand.
const EDITS: usize = 143;
const EDITS_PER_SECOND: u64 = 20;
const PATIENCE: Duration = Duration::from_secs(120);

/// Both systems with people who stand in both.
struct Stage {
    salesforce: salesforce::Handle,
    intercom: intercom::Handle,
    /// Contacts of Intercom with their Contacts of Salesforce.
    people: Vec<(String, String)>,
    said: usize,
}

/// The process that is measured; it ends with the bench.
struct Ours {
    process: Child,
    webhooks: String,
    admin: String,
}

impl Drop for Ours {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// One part of a round, in milliseconds, sorted.
struct Part(Vec<f64>);

impl Part {
    fn at(&self, percent: usize) -> f64 {
        self.0[(self.0.len() * percent).div_ceil(100).max(1) - 1]
    }
}

fn main() {
    let people = std::env::var("PEOPLE").map_or(1_000, |text| text.parse().unwrap());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(measure(people));
}

async fn measure(people: usize) {
    let folder = tempfile::tempdir().unwrap();
    let mut stage = Stage::new(people).await;
    let ours = stage.run(folder.path());
    stage.import(&ours).await;
    // Those of the relay are nobody's: without an address and without a tag, they stay apart.
    let relay = Relay::start(&mut stage).await;
    let mut parts: [Vec<Part>; 3] = Default::default();
    for _ in 0..ROUNDS {
        stage
            .intercom
            .set_webhook_url(ours.webhooks.clone())
            .await
            .unwrap();
        parts[0].push(stage.agents_edit(&stage.people.clone()).await);
        parts[1].push(stage.reps_edit().await);
        stage
            .intercom
            .set_webhook_url(relay.url.clone())
            .await
            .unwrap();
        parts[2].push(stage.agents_edit(&relay.people).await);
    }
    let names = [
        "Intercom to Salesforce",
        "Salesforce to Intercom",
        "bare relay of a webhook",
    ];
    println!("{people} people, {ROUNDS} rounds of {EDITS} edits, {EDITS_PER_SECOND} a second\n");
    println!("| way | edits | p50, ms | p99, ms | most, ms |\n|---|---|---|---|---|");
    for (name, parts) in names.iter().zip(&parts) {
        let mut all: Vec<f64> = parts.iter().flat_map(|part| part.0.clone()).collect();
        all.sort_by(f64::total_cmp);
        let all = Part(all);
        let (count, most) = (all.0.len(), all.at(100));
        println!(
            "| {name} | {count} | {:.1} | {:.1} | {most:.1} |",
            all.at(50),
            all.at(99)
        );
    }
    let floor = |percent| parts[2].iter().map(move |part| part.at(percent));
    for (name, parts) in names[..2].iter().zip(&parts) {
        for percent in [50, 99] {
            let ours = parts.iter().map(|part| part.at(percent));
            let mut ratios: Vec<f64> = ours.zip(floor(percent)).map(|(a, b)| a / b).collect();
            ratios.sort_by(f64::total_cmp);
            let (least, most) = (ratios[0], ratios[ratios.len() - 1]);
            let median = ratios[ratios.len() / 2];
            println!(
                "{name}: p{percent} is {median:.1} times the relay's ({least:.1} to {most:.1})"
            );
        }
    }
}

impl Stage {
    async fn new(people: usize) -> Self {
        let salesforce = salesforce::start(Default::default()).await.unwrap();
        let intercom = intercom::start(Default::default()).await.unwrap();
        let mut stage = Self {
            salesforce,
            intercom,
            people: Vec::new(),
            said: 0,
        };
        for number in 0..people {
            let email = format!("pat{number}@kestrel.example");
            let pair = stage.person(number, json!({"Email": email}), json!({"email": email}));
            stage.people.push(pair);
        }
        stage
    }

    /// Somebody in both systems.
    fn person(&self, number: usize, there: Json, here: Json) -> (String, String) {
        let mut fields = json!({"FirstName": "Pat", "LastName": format!("N{number}")});
        merge(&mut fields, there);
        let act = json!({"verb": "create", "object": "Contact", "fields": fields});
        let row = self.salesforce.act(act).unwrap()["id"].clone();
        let mut act = json!({"verb": "create_contact", "role": "lead",
            "name": format!("Pat N{number}")});
        merge(&mut act, here);
        let contact = self.intercom.act(act).unwrap()["id"].clone();
        let text = |id: Json| id.as_str().unwrap().to_owned();
        (text(contact), text(row))
    }

    fn run(&self, folder: &std::path::Path) -> Ours {
        let config = json!({
            "server": {"webhooks": "127.0.0.1:0", "admin": "127.0.0.1:0"},
            "log": {"embedded": {"path": "log.db"}}, "view": {"path": "view"},
            "sources": {
                "support": {"intercom": {
                    "app_id": "sandbox1", "client_secret": "sandbox-client-secret",
                    "access_token": "sandbox-access-token", "base_url": self.intercom.base_url(),
                    "create_attributes": true,
                }},
                "sales": {"salesforce": {
                    "login_url": self.salesforce.base_url(), "client_id": "sandbox-client-id",
                    "client_secret": "sandbox-client-secret", "client_token": "crosswalk-main",
                    "pubsub": {"endpoint": self.salesforce.pubsub_url()},
                }},
            },
            "bridges": {"main": {"sources": ["support", "sales"], "mapping": "mapping.yaml"}},
            // Nobody else needs the calls while the import's walk goes on.
            "processor": {"walk_commands_per_second_max": 10_000, "mass_change_percent_max": 100},
            "logging": {"level": "error"},
        });
        let path = folder.join("crosswalk.yaml");
        std::fs::write(&path, config.to_string()).unwrap();
        std::fs::write(folder.join("mapping.yaml"), MAPPING).unwrap();
        let mut process = Command::new(env!("CARGO_BIN_EXE_crosswalk"))
            .args(["run", "--print-addresses", "--config"])
            .arg(&path)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut lines = BufReader::new(process.stdout.take().unwrap());
        lines.read_line(&mut line).unwrap();
        let told: Json = serde_json::from_str(&line).unwrap();
        let address = |name: &str| told[name].as_str().unwrap().to_owned();
        Ours {
            webhooks: address("webhooks"),
            admin: address("admin"),
            process,
        }
    }

    /// Takes everybody in, and waits until each Contact bears its key.
    async fn import(&self, ours: &Ours) {
        let ended = Command::new(env!("CARGO_BIN_EXE_crosswalk"))
            .args([
                "backfill",
                "--bridge",
                "main",
                "--json",
                "--admin",
                &ours.admin,
            ])
            .stdout(Stdio::null())
            .status()
            .unwrap();
        assert!(ended.success(), "the import failed");
        let began = Instant::now();
        loop {
            let state = self.salesforce.state();
            let rows = state["records"]["Contact"].as_array().unwrap();
            let keyed = |row: &&Json| row["Intercom_Contact_ID__c"].is_string();
            let count = rows.iter().filter(keyed).count();
            if count == self.people.len() {
                break;
            }
            assert!(began.elapsed() < PATIENCE, "{count} have their key");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        // What the import wrote comes back as news.
        tokio::time::sleep(Duration::from_secs(5)).await;
    }

    /// Agents change names; each write to Salesforce is awaited.
    async fn agents_edit(&mut self, people: &[(String, String)]) -> Part {
        let mut since = last(&self.salesforce.request_log_since(0));
        let mut edit = |stage: &Self, said: usize, place: usize| {
            let name = format!("X{said}");
            let set = json!({"name": format!("Pat {name}")});
            let id = &people[place % people.len()].0;
            let act = json!({"verb": "update_contact", "id": id, "set": set});
            let at = clock::now_ns();
            stage.intercom.act(act).unwrap();
            (name, at)
        };
        let mut look = |stage: &Self| {
            let entries = stage.salesforce.request_log_since(since);
            since = last(&entries).max(since);
            arrived(&entries, |body| match body["records"].as_array() {
                Some(rows) => rows.iter().map(|row| row["LastName"].clone()).collect(),
                None => vec![body["LastName"].clone()],
            })
        };
        self.edits(&mut edit, &mut look).await
    }

    /// Reps change titles; each write to Intercom is awaited.
    async fn reps_edit(&mut self) -> Part {
        let people = self.people.clone();
        let mut since = last(&self.intercom.request_log_since(0));
        let mut edit = |stage: &Self, said: usize, place: usize| {
            let title = format!("Title {said}");
            let id = &people[place % people.len()].1;
            let act = json!({"verb": "update", "id": id, "fields": {"Title": title}});
            let at = clock::now_ns();
            stage.salesforce.act(act).unwrap();
            (title, at)
        };
        let mut look = |stage: &Self| {
            let entries = stage.intercom.request_log_since(since);
            since = last(&entries).max(since);
            arrived(&entries, |body| {
                vec![body["custom_attributes"]["job_title"].clone()]
            })
        };
        self.edits(&mut edit, &mut look).await
    }

    /// Each edit is of somebody else: of two of one person in a moment, one may be all that is
    /// written.
    async fn edits(
        &mut self,
        edit: &mut dyn FnMut(&Self, usize, usize) -> (String, u64),
        look: &mut dyn FnMut(&Self) -> Vec<(String, u64)>,
    ) -> Part {
        let (began, mut waiting, mut took) = (Instant::now(), HashMap::new(), Vec::new());
        let mut acted = 0;
        while took.len() < EDITS {
            let due = Duration::from_millis(acted as u64 * 1_000 / EDITS_PER_SECOND);
            if acted < EDITS && began.elapsed() >= due {
                self.said += 1;
                let (value, at) = edit(self, self.said, self.said);
                waiting.insert(value, at);
                acted += 1;
            }
            for (value, at_ns) in look(self) {
                if let Some(sent) = waiting.remove(&value) {
                    took.push(at_ns.saturating_sub(sent) as f64 / 1e6);
                }
            }
            let came = took.len();
            assert!(began.elapsed() < PATIENCE, "{came} of {EDITS} arrived");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        took.sort_by(f64::total_cmp);
        Part(took)
    }
}

fn merge(into: &mut Json, more: Json) {
    let more = more.as_object().unwrap().clone();
    into.as_object_mut().unwrap().extend(more);
}

fn last(entries: &[Entry]) -> u64 {
    entries.last().map_or(0, |entry| entry.n)
}

/// Values that were written, with when they arrived.
fn arrived(entries: &[Entry], values: impl Fn(&Json) -> Vec<Json>) -> Vec<(String, u64)> {
    let written = entries.iter().filter(|entry| entry.method != "GET");
    let each = written.flat_map(|entry| {
        let values = values(&entry.body).into_iter();
        values.filter_map(|value| Some((value.as_str()?.to_owned(), entry.at_ns)))
    });
    each.collect()
}
