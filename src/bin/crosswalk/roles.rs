//! Wires ports to adapters, starts the roles, and ends them in order.

use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use anyhow::Context;
use crosswalk::config::{Config, Log};
use crosswalk::ingest::server as ingest;
use crosswalk::log::topics::PREFIX_DEFAULT;
use crosswalk::ports::clock::{Clock, SystemClock};
use crosswalk::ports::event_log::EventLog;
use crosswalk::telemetry::{Health, Readiness, metrics};
use tokio::sync::mpsc;

use crate::admin::{self, Imports, Questions};
use crate::{feeds, lag, open_log, processors, sinks};

/// How often readiness is looked at until the process is ready.
const READY_POLL: Duration = Duration::from_millis(10);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub enum Role {
    /// Every role in one process.
    All,
    /// Takes webhooks.
    Ingest,
    /// Decides and journals; owns the view.
    Processor,
    /// Reads and writes the remote systems.
    Sink,
    /// Pulls what is not pushed: Salesforce change events and users.
    Feeds,
}

impl Role {
    pub fn expand(given: &[Self]) -> BTreeSet<Self> {
        if given.contains(&Self::All) {
            return [Self::Ingest, Self::Processor, Self::Sink, Self::Feeds].into();
        }
        given.iter().copied().collect()
    }
}

/// What runs in this process.
pub struct Running {
    health: Health,
    admin: admin::Handle,
    ingest: Option<ingest::Handle>,
    feeds: Option<feeds::Handle>,
    processors: Option<processors::Handle>,
    sinks: Option<sinks::Handle>,
    lag: lag::Handle,
    /// Roles say here that they ended on their own.
    failures: mpsc::Receiver<anyhow::Error>,
}

/// What every role is given.
struct Parts {
    config: Arc<Config>,
    log: Arc<dyn EventLog>,
    clock: Arc<dyn Clock>,
    health: Health,
    questions: Questions,
    imports: Imports,
    failed: mpsc::Sender<anyhow::Error>,
}

/// Starts the roles. The admin port opens first, so that a long recovery can be watched.
pub async fn run_all(config: Config, roles: BTreeSet<Role>) -> anyhow::Result<Running> {
    let health = Health::new();
    let questions: Questions = Arc::new(OnceLock::new());
    let admin = config.server.admin;
    let imports = Imports::default();
    let asked = (Arc::clone(&questions), imports.clone());
    let admin = admin::start(admin, health.clone(), asked.0, asked.1).await?;
    let (failed, failures) = mpsc::channel(8);
    let config = Arc::new(config);
    let named = Arc::clone(&config);
    let parts = Parts {
        log: tokio::task::spawn_blocking(move || open_log::open(&named)).await??,
        config,
        clock: Arc::new(SystemClock),
        health: health.clone(),
        questions,
        imports,
        failed,
    };
    let processors = match roles.contains(&Role::Processor) {
        true => Some(start_processors(&parts)?),
        false => None,
    };
    let sinks = match roles.contains(&Role::Sink) {
        true => Some(start_sinks(&parts)?),
        false => None,
    };
    let feeds = match roles.contains(&Role::Feeds) {
        true => Some(start_feeds(&parts)?),
        false => None,
    };
    let lag = start_lag(&parts).context("cannot look at the lag")?;
    // Last: whatever arrives finds somebody who takes it on.
    let ingest = match roles.contains(&Role::Ingest) {
        true => Some(start_ingest(&parts).await?),
        false => None,
    };
    health.all_registered();
    Ok(Running {
        health,
        admin,
        ingest,
        feeds,
        processors,
        sinks,
        lag,
        failures,
    })
}

fn start_lag(parts: &Parts) -> std::io::Result<lag::Handle> {
    let wanted = &parts.config.metrics;
    if wanted.kafka_exporter_names {
        metrics().lag.show_exporter_names();
    }
    let prefix = match &parts.config.log {
        Log::Kafka(kafka) => open_log::kafka_options(&parts.config, kafka).prefix,
        _ => PREFIX_DEFAULT.to_owned(),
    };
    let topics = (open_log::partitions(&parts.config), prefix);
    let (log, clock) = (Arc::clone(&parts.log), Arc::clone(&parts.clock));
    lag::start(log, clock, topics, wanted.lag_interval)
}

async fn start_ingest(parts: &Parts) -> anyhow::Result<ingest::Handle> {
    let role = parts.health.register("ingest");
    let options = ingest::Options::of(&parts.config);
    let log = open_log::spooling(&parts.config, Arc::clone(&parts.log))?;
    let clock = Arc::clone(&parts.clock);
    let handle = ingest::start(options, log, clock)
        .await
        .context("cannot take webhooks")?;
    role.ready();
    Ok(handle)
}

fn start_processors(parts: &Parts) -> anyhow::Result<processors::Handle> {
    let role = parts.health.register("processor");
    let shared = processors::Shared {
        config: Arc::clone(&parts.config),
        log: Arc::clone(&parts.log),
        clock: Arc::clone(&parts.clock),
        failed: parts.failed.clone(),
    };
    processors::start(&shared, role, Arc::clone(&parts.questions))
}

fn start_sinks(parts: &Parts) -> anyhow::Result<sinks::Handle> {
    let role = parts.health.register("sink");
    let (log, clock) = (Arc::clone(&parts.log), Arc::clone(&parts.clock));
    let failed = parts.failed.clone();
    let handle = sinks::start(&parts.config, log, clock, role.clone(), failed)?;
    // A lane that is down is no reason to take no webhooks: it shows in `lane_paused`, and as
    // degraded.
    role.ready();
    Ok(handle)
}

fn start_feeds(parts: &Parts) -> anyhow::Result<feeds::Handle> {
    let role = parts.health.register("feeds");
    let (log, clock) = (Arc::clone(&parts.log), Arc::clone(&parts.clock));
    let failed = parts.failed.clone();
    let shared = feeds::Shared {
        config: Arc::clone(&parts.config),
        clock,
        health: role.clone(),
        failed,
        imports: parts.imports.clone(),
    };
    let handle = feeds::start(shared, log)?;
    Ok(handle)
}

impl Running {
    /// Resolves once every role is ready.
    pub fn readiness(&self) -> impl Future<Output = ()> + use<> {
        let health = self.health.clone();
        async move {
            while health.readiness() != Readiness::Ready {
                tokio::time::sleep(READY_POLL).await;
            }
        }
    }

    /// Returns when a role has ended although nobody asked it to.
    pub async fn failure(&mut self) -> anyhow::Error {
        match self.failures.recv().await {
            Some(failure) => failure,
            // No role here can fail on its own.
            None => std::future::pending().await,
        }
    }

    pub fn webhooks_url(&self) -> Option<String> {
        let ingest = self.ingest.as_ref()?;
        let (address, path) = (ingest.address(), ingest::INTERCOM_PATH);
        Some(format!("http://{address}{path}"))
    }

    pub fn admin_url(&self) -> String {
        format!("http://{}", self.admin.address)
    }

    /// Stops intake, then lets what is under way be finished and kept, then closes the rest.
    pub async fn stop(self) -> anyhow::Result<()> {
        self.health.stopping();
        if let Some(ingest) = self.ingest {
            ingest.stop().await;
        }
        if let Some(feeds) = self.feeds {
            feeds.stop().await;
        }
        if let Some(processors) = self.processors {
            processors.stop().await;
        }
        if let Some(sinks) = self.sinks {
            sinks.stop().await;
        }
        self.lag.stop();
        self.admin.stop().await;
        tracing::info!("stopped");
        Ok(())
    }
}
