//! A whole installation: both sandboxes, a configuration, and `crosswalk run` as a process.

use std::time::{Duration, Instant};

use crosswalk::sandbox::{intercom, salesforce};
use serde_json::{Value, json};

use crate::cli::{Running, output, text};

const MAPPING: &str = include_str!("../../src/bin/crosswalk/demo/mapping.yaml");

/// Both systems as they were for years, and nothing between them yet.
pub struct Installation {
    pub salesforce: salesforce::Handle,
    pub intercom: intercom::Handle,
    pub folder: tempfile::TempDir,
}

impl Installation {
    pub async fn new() -> Self {
        let feeds = json!({"import_rows_per_second_max": 2_000});
        Self::with(feeds).await
    }

    /// With these settings of the feeds.
    pub async fn with(feeds: Value) -> Self {
        let log = json!({"embedded": {"path": "log.db"}});
        Self::of(log, feeds).await
    }

    /// On this log, with these settings of the feeds.
    pub async fn of(log: Value, feeds: Value) -> Self {
        let salesforce = salesforce::start(Default::default()).await.unwrap();
        let intercom = intercom::start(Default::default()).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let config = json!({
            "server": {"webhooks": "127.0.0.1:0", "admin": "127.0.0.1:0"},
            "log": log,
            "view": {"path": "view"},
            "sources": {
                "support": {"intercom": {
                    "app_id": "sandbox1", "client_secret": "sandbox-client-secret",
                    "access_token": "sandbox-access-token", "base_url": intercom.base_url(),
                    "create_attributes": true,
                }},
                "sales": {"salesforce": {
                    "login_url": salesforce.base_url(), "client_id": "sandbox-client-id",
                    "client_secret": "sandbox-client-secret", "client_token": "crosswalk-main",
                    "pubsub": {"endpoint": salesforce.pubsub_url()},
                }},
            },
            "bridges": {"main": {"sources": ["support", "sales"], "mapping": "mapping.yaml"}},
            // Nobody else needs the calls here.
            "processor": {"walk_commands_per_second_max": 10_000},
            "feeds": feeds,
        });
        std::fs::write(folder.path().join("crosswalk.yaml"), config.to_string()).unwrap();
        std::fs::write(folder.path().join("mapping.yaml"), MAPPING).unwrap();
        Self {
            salesforce,
            intercom,
            folder,
        }
    }

    pub fn config(&self) -> String {
        let path = self.folder.path().join("crosswalk.yaml");
        path.to_str().unwrap().to_owned()
    }

    pub async fn run(&self) -> (Running, String) {
        let config = self.config();
        let mut running = Running::start(&["run", "--config", &config, "--print-addresses"]);
        let addresses: Value = serde_json::from_str(&running.line()).unwrap();
        let address = |name: &str| addresses[name].as_str().unwrap().to_owned();
        let webhooks = address("webhooks");
        self.intercom.set_webhook_url(webhooks).await.unwrap();
        (running, address("admin"))
    }

    pub fn made(&self, act: Value) -> String {
        let made = match act["object"].is_string() {
            true => self.salesforce.act(act).unwrap(),
            false => self.intercom.act(act).unwrap(),
        };
        made["id"].as_str().unwrap().to_owned()
    }

    pub fn there(&self, number: usize, email: &str, more: Value) -> String {
        let mut fields = json!({"FirstName": "Pat", "LastName": format!("N{number}"),
            "Email": email});
        fields
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        self.made(json!({"verb": "create", "object": "Contact", "fields": fields}))
    }

    pub fn here(&self, number: usize, email: &str, more: Value) -> String {
        let mut act = json!({"verb": "create_contact", "role": "lead",
            "name": format!("Pat N{number}"), "email": email});
        act.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        self.made(act)
    }

    pub fn rows(&self, object: &str) -> Vec<Value> {
        let mut state = self.salesforce.state();
        let rows = state["records"][object].take();
        rows.as_array().cloned().unwrap_or_default()
    }

    /// The lines of a topic, as JSON.
    pub fn topic(&self, topic: &str) -> String {
        let command = ["tail", topic, "--json", "--from-beginning", "--no-follow"];
        let told = output(&[&command[..], &["--config", &self.config()]].concat());
        text(&told.stdout)
    }
}

pub async fn until<T>(what: &str, mut look: impl FnMut() -> Result<T, String>) -> T {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let why = match look() {
            Ok(found) => return found,
            Err(why) => why,
        };
        assert!(Instant::now() < deadline, "{what} never came: {why}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
