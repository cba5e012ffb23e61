//! The view rebuilt in memory from the journal, for commands that must not trust the stored one
//! or find no running process.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use anyhow::Context;
use crosswalk::config::Config;
use crosswalk::domain::Topic;
use crosswalk::ports::event_log::{EventLog, TopicPartition};
use crosswalk::ports::view_store::MemoryStore;
use crosswalk::processor::queries;
use crosswalk::processor::recovery::recover;
use crosswalk::processor::view::View;
use serde_json::{Value, json};

use crate::{open_log, processors};

/// Views by partition.
pub struct Rebuilt {
    config: Config,
    views: BTreeMap<u32, View>,
}

/// Evolves the journals of all partitions, each up to its end.
pub fn rebuild(config: &Config) -> anyhow::Result<Rebuilt> {
    let log = open_log::beside(config)?;
    let bridges = config.bridges.values();
    let partitions: BTreeSet<u32> = bridges.map(|bridge| bridge.partition).collect();
    let mut ends = BTreeMap::new();
    for partition in partitions {
        let journal = TopicPartition {
            topic: Topic::Journal,
            partition,
        };
        ends.insert(partition, log.bounds(journal)?.end);
    }
    evolved(config, &log, &ends)
}

/// Evolves the journals of these partitions, each up to an offset: those that a process has, as
/// far as it has come.
pub fn at(config: &Config, until: &BTreeMap<u32, u64>) -> anyhow::Result<Rebuilt> {
    evolved(config, &open_log::beside(config)?, until)
}

fn evolved(
    config: &Config,
    log: &Arc<dyn EventLog>,
    ends: &BTreeMap<u32, u64>,
) -> anyhow::Result<Rebuilt> {
    let mut views = BTreeMap::new();
    for (partition, end) in ends {
        let (partition, end) = (*partition, *end);
        let rebuilt = recover(log, Box::<MemoryStore>::default(), partition, end);
        let (view, _) = rebuilt.with_context(|| format!("rebuilding partition {partition}"))?;
        views.insert(partition, view);
    }
    let config = config.clone();
    Ok(Rebuilt { config, views })
}

impl Rebuilt {
    /// As the admin port answers it.
    pub fn identity(&self, query: &str) -> Value {
        let mut answers = Vec::new();
        for bridge in processors::bridges_of(&self.config) {
            if let Some(view) = self.views.get(&bridge.partition) {
                let sources = bridge.sources.as_ref();
                answers.push(queries::identity(view, &bridge.id, sources, query));
            }
        }
        json!({"bridges": answers})
    }

    /// As the admin port answers it.
    pub fn explain(&self, query: &str) -> Value {
        let mut answers = Vec::new();
        for bridge in processors::bridges_of(&self.config) {
            if let Some(view) = self.views.get(&bridge.partition) {
                answers.push(queries::explain_at_leisure(view, &bridge.id, query));
            }
        }
        json!({"bridges": answers})
    }

    /// As the admin port answers it.
    pub fn digest(&self) -> Value {
        let digest = |(partition, view): (&u32, &View)| queries::digest(view, *partition);
        json!({"partitions": self.views.iter().map(digest).collect::<Vec<_>>()})
    }
}
