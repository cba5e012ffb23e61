//! The feeds: per org one subscription to change events and one sweep of its users; per bridge a
//! sweep of both systems and an import that waits to be asked.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use crosswalk::clients::salesforce::{self, pubsub};
use crosswalk::clients::{HttpTransport, Transport, http};
use crosswalk::config::{self, Config, Source};
use crosswalk::feeds::Book;
use crosswalk::feeds::import::Board;
use crosswalk::feeds::salesforce::{Decoder, Destination, Feed, Org, Owners, PubSub};
use crosswalk::feeds::salesforce::{owners, subscribe};
use crosswalk::ports::clock::Clock;
use crosswalk::ports::event_log::EventLog;
use crosswalk::telemetry::RoleHealth;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use crate::imports;

/// An append under way is waited for; nothing else is.
const STOP_WAIT: Duration = Duration::from_secs(5);

/// The running feeds.
pub struct Handle {
    stop: watch::Sender<bool>,
    feeds: Vec<JoinHandle<()>>,
    board: Arc<Board>,
}

/// What every feed is given.
struct Shared<'a> {
    config: &'a Config,
    book: Arc<Book>,
    clock: Arc<dyn Clock>,
    health: RoleHealth,
    transport: Arc<dyn Transport>,
}

pub fn start(
    config: &Config,
    log: Arc<dyn EventLog>,
    clock: Arc<dyn Clock>,
    health: RoleHealth,
    failed: mpsc::Sender<anyhow::Error>,
) -> anyhow::Result<Handle> {
    let options = http::Options {
        connect_timeout: config.sink.connect_timeout,
        ..http::Options::default()
    };
    let transport = HttpTransport::new(&options).context("cannot make an HTTP client")?;
    let shared = Shared {
        config,
        book: Book::new(log),
        clock,
        health,
        transport: Arc::new(transport),
    };
    let (stop, stopped) = watch::channel(false);
    let mut feeds = Vec::new();
    let mut blind = BTreeMap::new();
    for source in config.sources.values() {
        let Some(org) = source.salesforce() else {
            continue;
        };
        let (feed, owners) = shared.org(source, org)?;
        blind.insert(source.id.clone(), feed.blind());
        let (name, stop) = (
            format!("{}/{}", source.id, subscribe::NAME),
            stopped.clone(),
        );
        feeds.push(watched(name, feed.run(stop.clone()), stop, failed.clone()));
        let (name, stop) = (format!("{}/{}", source.id, owners::NAME), stopped.clone());
        feeds.push(watched(
            name,
            owners.run(stop.clone()),
            stop,
            failed.clone(),
        ));
    }
    let shared = imports::Shared {
        book: shared.book,
        clock: shared.clock,
        health: shared.health,
        transport: shared.transport,
        blind,
    };
    let prepared = imports::prepare(config, &shared)?;
    for (name, importer) in prepared.importers {
        let (stop, failed) = (stopped.clone(), failed.clone());
        feeds.push(watched(name, importer.run(stop.clone()), stop, failed));
    }
    for (name, sweeper) in prepared.sweepers {
        let (stop, failed) = (stopped.clone(), failed.clone());
        feeds.push(watched(name, sweeper.run(stop.clone()), stop, failed));
    }
    Ok(Handle {
        stop,
        feeds,
        board: Arc::new(prepared.board),
    })
}

impl Shared<'_> {
    fn org(&self, source: &Source, org: &config::Salesforce) -> anyhow::Result<(Feed, Owners)> {
        let bridges = self
            .config
            .bridges_of(&source.id)
            .map(|bridge| Destination {
                bridge: bridge.id.clone(),
                partition: bridge.partition,
            });
        let known = Org {
            source: source.id.clone(),
            client_token: org.client_token.clone(),
            bridges: bridges.collect(),
        };
        let options = salesforce::Options {
            login_url: org.login_url.clone(),
            client_id: org.client_id.clone(),
            grant: org.grant.clone(),
            api_version: org.api_version.clone(),
            client_token: org.client_token.clone(),
            request_timeout: self.config.sink.request_timeout,
        };
        let client = salesforce::Client::new(options, Arc::clone(&self.transport));
        let session = client.session();
        let pubsub = pubsub::Client::new(self.pubsub(org), Arc::clone(&session));
        let pubsub = pubsub.with_context(|| format!("sources.{}.salesforce.pubsub", source.id))?;
        let feed = Feed::new(subscribe::Parts {
            org: known.clone(),
            source: Arc::new(PubSub::new(pubsub, session)),
            decoder: Arc::new(Decoder),
            book: Arc::clone(&self.book),
            clock: Arc::clone(&self.clock),
            health: self.health.clone(),
            options: self.subscription(),
        });
        let owners = Owners::new(owners::Parts {
            org: known,
            client: Arc::new(client),
            book: Arc::clone(&self.book),
            clock: Arc::clone(&self.clock),
            health: self.health.clone(),
            interval: self.config.feeds.owners_interval,
        });
        Ok((feed, owners))
    }

    fn pubsub(&self, org: &config::Salesforce) -> pubsub::Options {
        pubsub::Options {
            endpoint: org.pubsub.endpoint.clone(),
            ca_file: org.pubsub.ca_file.clone(),
            connect_timeout: self.config.sink.connect_timeout,
            request_timeout: self.config.sink.request_timeout,
            silent_after: self.config.feeds.liveness,
        }
    }

    fn subscription(&self) -> subscribe::Options {
        let feeds = &self.config.feeds;
        subscribe::Options {
            channel: feeds.channel.clone(),
            after_gap: feeds.after_gap,
            batch_entries_max: feeds.batch_entries_max,
            batch_bytes_max: feeds.batch_bytes_max,
            liveness: feeds.liveness,
            ..subscribe::Options::default()
        }
    }
}

/// Runs a feed; that it ends unasked is a failure of the process.
fn watched(
    name: String,
    feed: impl Future<Output = ()> + Send + 'static,
    stopped: watch::Receiver<bool>,
    failed: mpsc::Sender<anyhow::Error>,
) -> JoinHandle<()> {
    tokio::spawn(async move {
        let ended = tokio::spawn(feed).await;
        if ended.is_err() || !*stopped.borrow() {
            let error = anyhow::anyhow!("the feed {name} ended on its own");
            // The receiver is gone only when the process is ending anyway.
            let _ = failed.send(error).await;
        }
    })
}

impl Handle {
    /// Where imports are asked for.
    pub fn board(&self) -> Arc<Board> {
        Arc::clone(&self.board)
    }

    /// Takes nothing more. What is being appended is appended whole or not at all.
    pub async fn stop(self) {
        self.stop.send_replace(true);
        let all = async {
            for feed in self.feeds {
                // A panic was reported by the feed's own task.
                let _ = feed.await;
            }
        };
        if tokio::time::timeout(STOP_WAIT, all).await.is_err() {
            tracing::warn!("the feeds did not stop in time");
        }
    }
}
