//! Analysts read our topics with what Confluent ships for Python: nothing of it is ours.

use serde_json::{Value, json};

use super::script::{Installed, Language, Script};
use crate::brokers::{bootstrap, fresh_prefix, registry};
use crate::cli::output;
use crate::installation::{Installation, until};

/// Topics on which no id may stand twice. Those of observations are not among them: what a source
/// repeats is told apart from what is new by its id, later.
const ONCE: [&str; 9] = [
    "customer.events",
    "journal",
    "salesforce.writes",
    "intercom.writes",
    "results",
    "decisions",
    "cursors",
    "customer.profiles",
    "notifications",
];

/// What an independent consumer finds on the topics of a prefix; none where it cannot be run.
pub struct Analyst {
    python: Installed,
    brokers: String,
    registry: String,
}

impl Analyst {
    pub fn find() -> Option<Self> {
        let (brokers, registry) = (bootstrap()?, registry()?);
        Some(Self {
            python: Installed::find(Language::Python)?,
            brokers,
            registry,
        })
    }

    /// Demands that nothing stands twice and nothing is missing; answers the reports.
    pub fn judges(&self, prefix: &str) -> Vec<Value> {
        let topics = ONCE.map(|bare| format!("{prefix}{bare}.v1"));
        let folder = tempfile::tempdir().unwrap();
        let mut command = self.python.command("kafka_reader.py", folder.path());
        command
            .env("KAFKA_BOOTSTRAP", &self.brokers)
            .env("REGISTRY_URL", &self.registry)
            .env("TOPICS", topics.join(","))
            .env("JUDGE", prefix)
            .env("ROWS", &topics[0]);
        let reports = Script::start(command).reports();
        assert_eq!(reports.len(), topics.len() + 1);
        for (topic, report) in topics.iter().zip(&reports) {
            assert_eq!(report["topic"], *topic);
            assert_eq!(report["twice"], json!([]), "{topic}");
        }
        let judged = &reports[topics.len()];
        for what in ["not_dense", "not_sent", "not_requested", "not_journaled"] {
            assert_eq!(judged[what], json!([]), "{judged}");
        }
        assert!(judged["requested"].as_u64().unwrap() > 0, "{judged}");
        let counts: Vec<String> = reports
            .iter()
            .map(|one| format!("{} {}", one["topic"], one["records"]))
            .collect();
        println!("an independent consumer read {}", counts.join(", "));
        reports
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_are_decoded_through_the_registry_by_a_consumer_nobody_here_wrote() {
    let Some(analyst) = Analyst::find() else {
        return;
    };
    let prefix = fresh_prefix();
    let log = json!({"kafka": {
        "bootstrap": analyst.brokers, "prefix": prefix,
        "registry": {"urls": [analyst.registry]},
    }});
    let installation = Installation::of(log, json!({})).await;
    let config = installation.config();
    let apply = ["topics", "apply", "--config", &config];
    let one = ["--replicas", "1", "--in-sync-min", "1"];
    let applied = output(&[&apply[..], &one].concat());
    assert!(applied.status.success(), "{applied:?}");
    let (running, admin) = installation.run().await;
    let contact = installation.here(1, "joan@example.com", json!({}));
    let tag = json!({"verb": "tag", "contact_id": contact, "name": "qualified"});
    installation.intercom.act(tag).unwrap();
    until("the link", || {
        let told = installation.topic("customer.events");
        told.contains("linked").then_some(()).ok_or(told)
    })
    .await;
    let verified = output(&["verify", "--config", &config, "--admin", &admin]);
    assert!(verified.status.success(), "{verified:?}");
    assert!(running.end("-TERM").0);

    let reports = analyst.judges(&prefix);
    let rows = reports[0]["rows"].as_array().unwrap();
    let kinds: Vec<&str> = rows
        .iter()
        .map(|row| row["value"]["kind"].as_str().unwrap())
        .collect();
    assert!(kinds.contains(&"LINKED"), "{kinds:?}");
    for row in rows {
        let hidden = row.to_string();
        assert!(
            !hidden.contains("joan@"),
            "an event holds no personal value"
        );
        assert_eq!(row["value"]["bridge"], "main");
        // The id before the record is the one in it.
        let id = row["value"]["id"].as_str().unwrap();
        assert_eq!(row["ce_id"], format!("evt_{id}"));
        let customer = row["value"]["customer"].as_str().unwrap();
        assert_eq!(row["key"], format!("cus_{customer}"));
    }
}
