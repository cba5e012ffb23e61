//! Analysts read our topics with what Confluent ships for Python: nothing of it is ours.

use serde_json::json;

use super::script::{Installed, Language, Script};
use crate::brokers::{bootstrap, fresh_prefix, registry};
use crate::cli::output;
use crate::installation::{Installation, until};

#[tokio::test(flavor = "multi_thread")]
async fn rows_are_decoded_through_the_registry_by_a_consumer_nobody_here_wrote() {
    let (Some(brokers), Some(registry)) = (bootstrap(), registry()) else {
        return;
    };
    let Some(python) = Installed::find(Language::Python) else {
        return;
    };
    let prefix = fresh_prefix();
    let log = json!({"kafka": {
        "bootstrap": brokers, "prefix": prefix, "registry": {"urls": [registry]},
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

    let bare = [
        "customer.events",
        "customer.profiles",
        "journal",
        "intercom.observed",
        "salesforce.writes",
        "results",
        "decisions",
        "cursors",
    ];
    let topics = bare.map(|bare| format!("{prefix}{bare}.v1"));
    let mut command = python.command("kafka_reader.py", installation.folder.path());
    command
        .env("KAFKA_BOOTSTRAP", &brokers)
        .env("REGISTRY_URL", &registry)
        .env("TOPICS", topics.join(","))
        .env("ROWS", &topics[0]);
    let reports = Script::start(command).reports();
    assert_eq!(reports.len(), topics.len());
    for (topic, report) in topics.iter().zip(&reports) {
        assert_eq!(report["topic"], *topic);
        assert_eq!(report["twice"], json!([]), "{topic}");
        assert!(report["records"].as_u64().unwrap() > 0, "{topic}");
    }
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
