//! The stage: two sandboxes in this process, crosswalk as a process of its own between them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::Duration;

use anyhow::Context;
use crosswalk::config::{Config, Log, Variables};
use crosswalk::log::kafka::topics::{Replication, create_missing};
use crosswalk::sandbox::{intercom, salesforce};
use serde_json::{Value, json};

use crate::demo::admin::Admin;
use crate::demo::cast;
use crate::demo::child::Child;
use crate::demo::past::{self, Past};
use crate::demo::workdir::Workdir;
use crate::open_log::kafka_options;

/// Intercom's minute is too long for a story.
const WEBHOOK_RETRY_AFTER: Duration = Duration::from_secs(6);
/// A killed process takes longer to come back on Kafka, and what is told twice meanwhile is lost
/// until a sweep.
const WEBHOOK_RETRY_AFTER_ON_KAFKA: Duration = Duration::from_secs(15);
const MAPPING: &str = include_str!("mapping.yaml");

const EMBEDDED: &str = "{embedded: {path: log.db}}";

/// Real brokers that the story is played on, under a prefix of its own.
pub struct Brokers {
    pub bootstrap: String,
    pub registry: Option<String>,
    pub prefix: String,
}

impl Brokers {
    /// As the configuration names them.
    fn log(&self) -> String {
        let mut kafka = json!({"bootstrap": self.bootstrap, "prefix": self.prefix});
        if let Some(registry) = &self.registry {
            kafka["registry"] = json!({"urls": [registry]});
        }
        json!({"kafka": kafka}).to_string()
    }
}

/// One copy of each: the brokers may be one.
async fn make_topics(config: &Path) -> anyhow::Result<()> {
    // What the user has set for real systems does not reach the demo.
    let config = Config::parse(config, &fs::read_to_string(config)?, &Variables::new())?;
    let Log::Kafka(kafka) = &config.log else {
        return Ok(());
    };
    let one = Replication {
        copies: 1,
        in_sync_min: 1,
    };
    let made = create_missing(&kafka_options(&config, kafka), one).await;
    made.map(|_| ()).map_err(anyhow::Error::msg)
}

/// Everything that runs.
pub struct Stage {
    pub intercom: intercom::Handle,
    pub salesforce: salesforce::Handle,
    pub admin: Admin,
    pub child: Child,
    /// Who was there before crosswalk came.
    pub past: Past,
}

impl Stage {
    /// Opens the sandboxes, writes the configuration, starts crosswalk, and points the webhooks
    /// at it.
    pub async fn set(
        workdir: &Workdir,
        control: bool,
        brokers: Option<&Brokers>,
    ) -> anyhow::Result<Self> {
        let intercom = intercom::start(intercom::Options {
            app_id: cast::APP_ID.to_owned(),
            client_secret: cast::WEBHOOK_SECRET.to_owned(),
            access_token: cast::INTERCOM_TOKEN.to_owned(),
            webhook_retry_after: match brokers {
                Some(_) => WEBHOOK_RETRY_AFTER_ON_KAFKA,
                None => WEBHOOK_RETRY_AFTER,
            },
            control,
            ..intercom::Options::default()
        });
        let intercom = intercom
            .await
            .context("cannot start the Intercom sandbox")?;
        let salesforce = salesforce::start(salesforce::Options {
            client_id: cast::SALESFORCE_CLIENT_ID.to_owned(),
            client_secret: cast::SALESFORCE_SECRET.to_owned(),
            control,
            ..salesforce::Options::default()
        });
        let salesforce = salesforce
            .await
            .context("cannot start the Salesforce sandbox")?;
        let config = workdir.path().join("crosswalk.yaml");
        write(&workdir.path().join("mapping.yaml"), MAPPING)?;
        let log = brokers.map_or_else(|| EMBEDDED.to_owned(), Brokers::log);
        write(&config, &configuration(&intercom, &salesforce, &log))?;
        if brokers.is_some() {
            make_topics(&config).await?;
        }
        // Before anybody listens.
        let past = past::happens(&intercom, &salesforce)?;
        let child = Child::start(&config, &workdir.path().join("run.log")).await?;
        let admin = Admin::new(&child.admin)?;
        let pointed = intercom.set_webhook_url(child.webhooks.clone()).await;
        pointed.context("crosswalk does not answer Intercom's handshake")?;
        Ok(Self {
            intercom,
            salesforce,
            admin,
            child,
            past,
        })
    }

    /// The rows of an object that are not deleted.
    pub fn rows(&self, object: &str) -> Vec<Value> {
        let mut state = self.salesforce.state();
        let rows = state["records"][object].take();
        let rows = rows.as_array().cloned().unwrap_or_default();
        let alive = |row: &Value| row["IsDeleted"] != Value::Bool(true);
        rows.into_iter().filter(alive).collect()
    }

    /// Kills crosswalk and starts it anew; answers where the old one logged, and its memory's peak.
    pub async fn kill(&mut self) -> anyhow::Result<(PathBuf, Option<f64>)> {
        let (config, log) = (self.child.config().to_owned(), self.child.log().to_owned());
        let memory = self.child.memory_peak_mb();
        self.child.kill().await?;
        self.child = Child::start(&config, &log.with_extension("again.log")).await?;
        self.admin = Admin::new(&self.child.admin)?;
        let pointed = self.intercom.set_webhook_url(self.child.webhooks.clone());
        pointed
            .await
            .context("crosswalk does not answer Intercom's handshake")?;
        Ok((log, memory))
    }

    /// Stops crosswalk as an orchestrator would, then the sandboxes.
    pub async fn close(self) -> anyhow::Result<ExitStatus> {
        let stopped = self.child.stop().await;
        self.intercom.shutdown().await;
        self.salesforce.shutdown().await;
        stopped
    }
}

fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}

/// Everything that is not said here has its default: the demo runs what everybody runs.
fn configuration(
    intercom: &intercom::Handle,
    salesforce: &salesforce::Handle,
    log: &str,
) -> String {
    format!(
        "\
log: {log}
view: {{path: view}}
server: {{webhooks: \"127.0.0.1:0\", admin: \"127.0.0.1:0\"}}
sources:
  support:
    intercom:
      app_id: {app_id}
      client_secret: {webhook_secret}
      access_token: {token}
      base_url: {intercom}
      create_attributes: true
  sales:
    salesforce:
      login_url: {salesforce}
      client_id: {client_id}
      client_secret: {client_secret}
      client_token: crosswalk-demo
      pubsub: {{endpoint: {pubsub}}}
bridges:
  main: {{sources: [support, sales], mapping: mapping.yaml}}
# A short patience, because the story makes Salesforce fall silent once.
sink: {{request_timeout_seconds: 2}}
# The story changes half of the titles within a minute, which the brake is there to ask about.
processor: {{walk_commands_per_second_max: 1000, mass_change_percent_max: 100}}
# All that can be logged, because it is searched for what identifies people.
logging: {{format: json, level: debug}}
",
        app_id = cast::APP_ID,
        webhook_secret = cast::WEBHOOK_SECRET,
        token = cast::INTERCOM_TOKEN,
        intercom = intercom.base_url(),
        salesforce = salesforce.base_url(),
        pubsub = salesforce.pubsub_url(),
        client_id = cast::SALESFORCE_CLIENT_ID,
        client_secret = cast::SALESFORCE_SECRET,
    )
}
