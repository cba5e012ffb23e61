//! The sink workers: one per system, wired to their clients.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use crosswalk::clients::{HttpTransport, System, Transport, http, intercom, salesforce};
use crosswalk::config::{self, Config, SourceKind};
use crosswalk::domain::{BridgeId, SourceId};
use crosswalk::ports::clock::Clock;
use crosswalk::ports::event_log::{EventLog, Group};
use crosswalk::sink::{self, Execute, Worker};
use crosswalk::telemetry::RoleHealth;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use crate::{open_log, shares};

/// Beyond the workers' own grace: the commit of what they finished.
const COMMIT_WAIT: Duration = Duration::from_secs(5);

/// The running workers.
pub struct Handle {
    stop: watch::Sender<bool>,
    workers: Vec<JoinHandle<()>>,
    wait: Duration,
}

pub fn start(
    config: &Config,
    log: Arc<dyn EventLog>,
    clock: Arc<dyn Clock>,
    health: RoleHealth,
    failed: mpsc::Sender<anyhow::Error>,
) -> anyhow::Result<Handle> {
    let bridges = config
        .bridges
        .values()
        .map(|bridge| (bridge.id.clone(), bridge.partition));
    let bridges: Arc<BTreeMap<BridgeId, u32>> = Arc::new(bridges.collect());
    let options = sink::Options {
        lanes_max: config.sink.lanes_max,
        window_max: config.sink.commands_max,
        first_try_age_max: config.sink.first_try_age_max,
        grace: config.sink.stop_grace,
        ..sink::Options::default()
    };
    let (stop, stopped) = watch::channel(false);
    let mut workers = Vec::new();
    let partitions = open_log::partitions(config).lanes;
    for executor in executors(config, &clock, health)? {
        let group = match executor.system() {
            System::Intercom => Group::IntercomSink,
            System::Salesforce => Group::SalesforceSink,
        };
        let share = shares::join(Arc::clone(&log), group, partitions, failed.clone())?;
        for partition in 0..partitions {
            let options = sink::Options {
                partition,
                ..options.clone()
            };
            let (log, executor, clock) = (log.clone(), executor.clone(), clock.clone());
            let worker = Worker::new(log, executor, clock, Arc::clone(&bridges), options);
            let worker = worker.sharing(share.clone());
            workers.push(watched(worker, group, stopped.clone(), failed.clone()));
        }
    }
    let wait = config.sink.stop_grace + COMMIT_WAIT;
    Ok(Handle {
        stop,
        workers,
        wait,
    })
}

/// Runs a worker; that it ends unasked is a failure of the process.
fn watched(
    worker: Worker,
    group: Group,
    stopped: watch::Receiver<bool>,
    failed: mpsc::Sender<anyhow::Error>,
) -> JoinHandle<()> {
    tokio::spawn(async move {
        let asked = stopped.clone();
        let ended = tokio::spawn(async move { worker.run(stopped).await }).await;
        if ended.is_err() || !*asked.borrow() {
            let error = anyhow::anyhow!("{group:?} ended on its own");
            // The receiver is gone only when the process is ending anyway.
            let _ = failed.send(error).await;
        }
    })
}

impl Handle {
    /// Lets the requests under way finish and their results be committed.
    pub async fn stop(self) {
        self.stop.send_replace(true);
        let all = async {
            for worker in self.workers {
                // A panic was reported by the worker's own task.
                let _ = worker.await;
            }
        };
        if tokio::time::timeout(self.wait, all).await.is_err() {
            tracing::warn!("the sinks did not stop in time");
        }
    }
}

fn executors(
    config: &Config,
    clock: &Arc<dyn Clock>,
    health: RoleHealth,
) -> anyhow::Result<[Arc<dyn Execute>; 2]> {
    let options = http::Options {
        connect_timeout: config.sink.connect_timeout,
        ..http::Options::default()
    };
    let transport = HttpTransport::new(&options).context("cannot make an HTTP client")?;
    let transport: Arc<dyn Transport> = Arc::new(sink::Held(Arc::new(transport)));
    let mut workspaces: BTreeMap<&SourceId, Arc<intercom::Client>> = BTreeMap::new();
    let mut intercom = BTreeMap::new();
    let mut settings = BTreeMap::new();
    let mut salesforce = BTreeMap::new();
    for bridge in config.bridges.values() {
        for source in bridge
            .sources
            .iter()
            .filter_map(|id| config.sources.get(id))
        {
            let key = (bridge.id.clone(), source.id.clone());
            let timeout = config.sink.request_timeout;
            match &source.kind {
                SourceKind::Intercom(workspace) => {
                    // Bridges that share a workspace share its client: it has one request window.
                    let client = workspaces.entry(&source.id).or_insert_with(|| {
                        let options = intercom_options(workspace, timeout);
                        let (transport, clock) = (Arc::clone(&transport), Arc::clone(clock));
                        Arc::new(intercom::Client::new(options, transport, clock))
                    });
                    intercom.insert(key, Arc::clone(client));
                    settings.insert(source.id.clone(), intercom_settings(workspace));
                }
                SourceKind::Salesforce(org) => {
                    let options = salesforce_options(org, timeout);
                    let client = salesforce::Client::new(options, Arc::clone(&transport));
                    salesforce.insert(key, Arc::new(client));
                }
            }
        }
    }
    let retries = sink::retry::Options {
        interval_first: config.sink.retry_interval_first,
        interval_max: config.sink.retry_interval_max,
        doubtful_max: config.sink.doubtful_max,
        stale_after: config.sink.first_try_age_max,
        health: Some(health),
    };
    Ok([
        Arc::new(sink::salesforce::Executor::new(salesforce, retries.clone())),
        Arc::new(sink::intercom::Executor::new(intercom, retries).with_settings(settings)),
    ])
}

pub fn intercom_options(workspace: &config::Intercom, timeout: Duration) -> intercom::Options {
    intercom::Options {
        base_url: workspace.base_url.clone(),
        access_token: workspace.access_token.clone(),
        api_version: workspace.api_version.clone(),
        request_timeout: timeout,
        reserve_percent: workspace.reserve_percent,
    }
}

fn intercom_settings(workspace: &config::Intercom) -> sink::intercom::Settings {
    sink::intercom::Settings {
        create_attributes: workspace.create_attributes,
        search_lag: workspace.search_lag,
    }
}

pub fn salesforce_options(org: &config::Salesforce, timeout: Duration) -> salesforce::Options {
    salesforce::Options {
        login_url: org.login_url.clone(),
        client_id: org.client_id.clone(),
        grant: org.grant.clone(),
        api_version: org.api_version.clone(),
        client_token: org.client_token.clone(),
        request_timeout: timeout,
    }
}
