//! The feeds, all of one process at a time: per org one subscription to change events and one sweep
//! of its users; per bridge a sweep of both systems and an import that waits to be asked.

use std::collections::BTreeMap;
use std::pin::Pin;
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
use crosswalk::ports::event_log::{EventLog, Group};
use crosswalk::ports::membership::Claim;
use crosswalk::telemetry::RoleHealth;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use crate::admin::Imports;
use crate::{imports, shares};

/// An append under way is waited for; nothing else is.
const STOP_WAIT: Duration = Duration::from_secs(5);

/// How long the role is not ready for a subscription that is neither open nor refused: an org that
/// does not answer is no reason to take no webhooks.
const SUBSCRIBE_WAIT: Duration = Duration::from_secs(10);
/// How often somebody who waits looks whose the feeds are.
const LOOK: Duration = Duration::from_millis(200);

/// The feeds, running or waiting for their turn.
pub struct Handle {
    stop: watch::Sender<bool>,
    supervisor: JoinHandle<()>,
}

/// What every feed is given.
#[derive(Clone)]
pub struct Shared {
    pub config: Arc<Config>,
    pub clock: Arc<dyn Clock>,
    pub health: RoleHealth,
    pub failed: mpsc::Sender<anyhow::Error>,
    pub imports: Imports,
}

/// Feeds that are made and do not run yet: by name, what each does until it is told to stop.
struct Made {
    feeds: Vec<(String, Runs)>,
    tried: Vec<watch::Receiver<bool>>,
    board: Arc<Board>,
}

type Runs = Box<dyn FnOnce(watch::Receiver<bool>) -> BoxFuture + Send>;
type BoxFuture = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Starts the feeds, which run while they are this process's.
pub fn start(shared: Shared, log: Arc<dyn EventLog>) -> anyhow::Result<Handle> {
    let failed = shared.failed.clone();
    let share = shares::join(Arc::clone(&log), Group::Feeds, 1, failed)?;
    let claim = Claim::new(share, 0);
    let book = Book::sharing(log, claim.clone());
    // Made at once: what is wrong with the configuration is told at the start.
    let made = shared.make(&book)?;
    shared.health.not_ready("subscribing");
    let (stop, stopped) = watch::channel(false);
    let supervisor = tokio::spawn(supervise(shared, book, claim, made, stopped));
    Ok(Handle { stop, supervisor })
}

async fn supervise(
    shared: Shared,
    book: Arc<Book>,
    mut claim: Claim,
    made: Made,
    mut stopped: watch::Receiver<bool>,
) {
    let mut made = Some(made);
    loop {
        if claim.is_known() && !claim.is_ours() {
            shared.health.ready();
        }
        tokio::select! {
            _ = stopped.wait_for(|stop| *stop) => return,
            () = claim.granted() => {}
            () = tokio::time::sleep(LOOK) => continue,
        }
        let next = match made.take().map_or_else(|| shared.make(&book), Ok) {
            Ok(next) => next,
            Err(error) => {
                // The receiver is gone only when the process is ending anyway.
                let _ = shared.failed.send(error).await;
                return;
            }
        };
        shared.imports.set(Some(next.board));
        let (end, ended) = watch::channel(false);
        let running: Vec<JoinHandle<()>> = next
            .feeds
            .into_iter()
            .map(|(name, runs)| {
                let feed = runs(ended.clone());
                watched(name, feed, ended.clone(), shared.failed.clone())
            })
            .collect();
        // What changes once the process is ready is seen.
        let (health, tried) = (shared.health.clone(), next.tried);
        let opens = async move {
            let _ = tokio::time::timeout(SUBSCRIBE_WAIT, all_tried(tried)).await;
            health.ready();
            std::future::pending::<()>().await;
        };
        tokio::select! {
            _ = stopped.wait_for(|stop| *stop) => {}
            () = opens => {}
            () = claim.withdrawn() => tracing::info!("the feeds are another process's now"),
        }
        shared.imports.set(None);
        end.send_replace(true);
        for feed in running {
            // A panic was reported by the feed's own task.
            let _ = feed.await;
        }
    }
}

async fn all_tried(tried: Vec<watch::Receiver<bool>>) {
    for mut one in tried {
        // A feed that is gone will not open any more.
        let _ = one.wait_for(|tried| *tried).await;
    }
}

impl Shared {
    fn make(&self, book: &Arc<Book>) -> anyhow::Result<Made> {
        let options = http::Options {
            connect_timeout: self.config.sink.connect_timeout,
            ..http::Options::default()
        };
        let transport = HttpTransport::new(&options).context("cannot make an HTTP client")?;
        let transport: Arc<dyn Transport> = Arc::new(transport);
        let mut feeds: Vec<(String, Runs)> = Vec::new();
        let (mut blind, mut tried) = (BTreeMap::new(), Vec::new());
        for source in self.config.sources.values() {
            let Some(org) = source.salesforce() else {
                continue;
            };
            let (feed, owners) = self.org(book, &transport, source, org)?;
            blind.insert(source.id.clone(), feed.blind());
            tried.push(feed.tried());
            let name = format!("{}/{}", source.id, subscribe::NAME);
            feeds.push((name, Box::new(|stop| Box::pin(feed.run(stop)))));
            let name = format!("{}/{}", source.id, owners::NAME);
            feeds.push((name, Box::new(|stop| Box::pin(owners.run(stop)))));
        }
        let parts = imports::Shared {
            book: Arc::clone(book),
            clock: Arc::clone(&self.clock),
            health: self.health.clone(),
            transport,
            blind,
        };
        let prepared = imports::prepare(&self.config, &parts)?;
        for (name, importer) in prepared.importers {
            feeds.push((name, Box::new(|stop| Box::pin(importer.run(stop)))));
        }
        for (name, sweeper) in prepared.sweepers {
            feeds.push((name, Box::new(|stop| Box::pin(sweeper.run(stop)))));
        }
        let board = Arc::new(prepared.board);
        Ok(Made {
            feeds,
            tried,
            board,
        })
    }

    fn org(
        &self,
        book: &Arc<Book>,
        transport: &Arc<dyn Transport>,
        source: &Source,
        org: &config::Salesforce,
    ) -> anyhow::Result<(Feed, Owners)> {
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
        let client = salesforce::Client::new(options, Arc::clone(transport));
        let session = client.session();
        let pubsub = pubsub::Client::new(self.pubsub(org), Arc::clone(&session));
        let pubsub = pubsub.with_context(|| format!("sources.{}.salesforce.pubsub", source.id))?;
        let feed = Feed::new(subscribe::Parts {
            org: known.clone(),
            source: Arc::new(PubSub::new(pubsub, session)),
            decoder: Arc::new(Decoder),
            book: Arc::clone(book),
            clock: Arc::clone(&self.clock),
            health: self.health.clone(),
            options: self.subscription(),
        });
        let owners = Owners::new(owners::Parts {
            org: known,
            client: Arc::new(client),
            book: Arc::clone(book),
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
            silent_after: self.config.feeds.liveness * subscribe::BLIND_PATIENCE,
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
    /// Takes nothing more. What is being appended is appended whole or not at all.
    pub async fn stop(self) {
        self.stop.send_replace(true);
        if tokio::time::timeout(STOP_WAIT, self.supervisor)
            .await
            .is_err()
        {
            tracing::warn!("the feeds did not stop in time");
        }
    }
}
