//! The imports and sweeps: one of each per bridge, wired to clients of their own.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::Context;
use crosswalk::clients::{Transport, intercom, salesforce};
use crosswalk::config::{Bridge, Config, SourceKind};
use crosswalk::domain::SourceId;
use crosswalk::feeds::Book;
use crosswalk::feeds::import::{self, Board, Importer};
use crosswalk::feeds::pages::{Object, Org, Workspace};
use crosswalk::feeds::salesforce::subscribe;
use crosswalk::feeds::sweep::{self, Sweeper};
use crosswalk::mapping::Mapping;
use crosswalk::ports::clock::Clock;
use crosswalk::telemetry::RoleHealth;
use tokio::sync::watch;

use crate::{mappings, sinks};

/// Percent of a workspace's request window that an import or sweep leaves to everybody else.
const RESERVE_PERCENT: u32 = 50;

/// What every importer and sweeper is given.
pub struct Shared {
    pub book: Arc<Book>,
    pub clock: Arc<dyn Clock>,
    pub health: RoleHealth,
    pub transport: Arc<dyn Transport>,
    /// By org: see `Feed::blind`.
    pub blind: BTreeMap<SourceId, watch::Receiver<u64>>,
}

/// The importers and sweepers with their names, and the board at which the importers are asked.
pub struct Prepared {
    pub importers: Vec<(String, Importer)>,
    pub sweepers: Vec<(String, Sweeper)>,
    pub board: Board,
}

pub fn prepare(config: &Config, shared: &Shared) -> anyhow::Result<Prepared> {
    let offers = mappings::load(config)?;
    let mut board = Board::default();
    let (mut importers, mut sweepers) = (Vec::new(), Vec::new());
    for bridge in config.bridges.values() {
        let (_, offer) = offers
            .get(&bridge.id)
            .context("every bridge has a mapping")?;
        let mapping = offer.compile().map_err(|findings| {
            anyhow::anyhow!(
                "the mapping of {} has {} faults",
                bridge.id,
                findings.0.len()
            )
        })?;
        let (org, workspaces) = sources(config, bridge, &mapping, shared)?;
        let blind = shared.blind.get(&org.source).cloned();
        let feeds = &config.feeds;
        let sweeper = Sweeper::new(sweep::Parts {
            bridge: bridge.id.clone(),
            partition: bridge.partition,
            org: org.clone(),
            workspaces: workspaces.clone(),
            book: Arc::clone(&shared.book),
            clock: Arc::clone(&shared.clock),
            health: shared.health.clone(),
            options: sweep::Options {
                interval: feeds.sweep_interval,
                settle: feeds.sweep_settle,
                overlap: feeds.sweep_overlap,
                rows_per_second_max: feeds.sweep_rows_per_second_max,
            },
        });
        sweepers.push((format!("{}/sweep", bridge.id), sweeper));
        let importer = Importer::new(import::Parts {
            blind: blind.context("every org has a subscription")?,
            bridge: bridge.id.clone(),
            partition: bridge.partition,
            org,
            workspaces,
            feed: subscribe::NAME,
            book: Arc::clone(&shared.book),
            clock: Arc::clone(&shared.clock),
            health: shared.health.clone(),
            counter: board.open(&bridge.id),
            options: import::Options {
                rows_per_second_max: feeds.import_rows_per_second_max,
            },
        });
        importers.push((format!("{}/import", bridge.id), importer));
    }
    Ok(Prepared {
        importers,
        sweepers,
        board,
    })
}

fn sources(
    config: &Config,
    bridge: &Bridge,
    mapping: &Mapping,
    shared: &Shared,
) -> anyhow::Result<(Org, Vec<Workspace>)> {
    let timeout = config.sink.request_timeout;
    let mut org = None;
    let mut workspaces = Vec::new();
    let known = bridge
        .sources
        .iter()
        .filter_map(|id| config.sources.get(id));
    for source in known {
        match &source.kind {
            SourceKind::Salesforce(settings) => {
                let options = sinks::salesforce_options(settings, timeout);
                let client = salesforce::Client::new(options, Arc::clone(&shared.transport));
                org = Some(Org {
                    source: source.id.clone(),
                    client: Arc::new(client),
                    objects: objects(mapping),
                });
            }
            SourceKind::Intercom(settings) => {
                let mut options = sinks::intercom_options(settings, timeout);
                options.reserve_percent = options.reserve_percent.max(RESERVE_PERCENT);
                let (transport, clock) = (&shared.transport, &shared.clock);
                let client =
                    intercom::Client::new(options, Arc::clone(transport), Arc::clone(clock));
                workspaces.push(Workspace {
                    source: source.id.clone(),
                    client: Arc::new(client),
                    companies: mapping.companies.is_some(),
                });
            }
        }
    }
    let org = org.with_context(|| format!("bridge {} has no org", bridge.id))?;
    Ok((org, workspaces))
}

/// Accounts before people: whoever belongs to one finds it.
fn objects(mapping: &Mapping) -> Vec<Object> {
    let sections = mapping.companies.iter().chain([&mapping.people]);
    let objects = sections.flat_map(|section| {
        section.salesforce_objects.iter().map(|name| Object {
            name: name.clone(),
            fields: section.salesforce_fields(name),
        })
    });
    objects.collect()
}
