//! From the file and the environment to the validated configuration.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::config::bridge::Bridge;
use crate::config::check;
use crate::config::environment;
use crate::config::error::{Error, Problem};
use crate::config::field::{Around, Field};
use crate::config::log::Log;
use crate::config::metrics::Metrics;
use crate::config::role::{Feeds, Ingest, Logging, Processor, Sink, View};
use crate::config::server::Server;
use crate::config::source::Source;
use crate::config::spool::Spool;
use crate::config::tree;
use crate::domain::{BridgeId, SourceId};

/// The environment's variables by name.
pub type Variables = BTreeMap<String, String>;

const KEYS: [&str; 13] = [
    "log",
    "view",
    "partitions",
    "server",
    "sources",
    "bridges",
    "ingest",
    "spool",
    "processor",
    "sink",
    "feeds",
    "logging",
    "metrics",
];
const PARTITIONS_MAX: u64 = 1_024;

/// Everything one process is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    pub log: Log,
    pub view: View,
    /// Partitions of the input topics and the journal; only ever grows.
    pub partitions: u32,
    pub server: Server,
    pub sources: BTreeMap<SourceId, Source>,
    pub bridges: BTreeMap<BridgeId, Bridge>,
    pub ingest: Ingest,
    pub spool: Spool,
    pub processor: Processor,
    pub sink: Sink,
    pub feeds: Feeds,
    pub logging: Logging,
    pub metrics: Metrics,
}

impl Config {
    /// Reads the file and this process's environment.
    pub fn load(file: &Path) -> Result<Self, Error> {
        let text = std::fs::read_to_string(file).map_err(|error| Error::Read {
            file: file.to_path_buf(),
            reason: error.to_string(),
        })?;
        // A variable that is not UTF-8 cannot be meant for us.
        let variables = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        let config = Self::parse(file, &text, &variables)?;
        check::mapping_files(&config).map_err(|problem| problem.in_file(file))?;
        Ok(config)
    }

    /// The same from a text; reads no file but those that secrets name.
    pub fn parse(file: &Path, text: &str, variables: &Variables) -> Result<Self, Error> {
        read(file, text, variables).map_err(|problem| problem.in_file(file))
    }

    /// The bridges that hold a source, in the order of their names.
    pub fn bridges_of(&self, source: &SourceId) -> impl Iterator<Item = &Bridge> {
        let source = source.clone();
        self.bridges
            .values()
            .filter(move |bridge| bridge.sources.contains(&source))
    }
}

fn read(file: &Path, text: &str, variables: &Variables) -> Result<Config, Problem> {
    let mut root = tree::parse(text)?;
    environment::apply(&mut root, variables)?;
    let folder = file.parent().map(Path::to_path_buf).unwrap_or_default();
    let around = Around {
        variables,
        folder: &folder,
    };
    let table = Field::root(&root, &around).table(&KEYS)?;
    let partitions = table.or("partitions", 1, |field| {
        field.whole_number(1, PARTITIONS_MAX)
    })? as u32;
    let server = table.or("server", Server::default(), Server::read)?;
    let default_path = |name: &str| -> PathBuf { folder.join("data").join(name) };
    let config = Config {
        log: Log::read(table.get("log").as_ref(), default_path("log.db"))?,
        view: View::read(
            table.get("view").as_ref(),
            default_path("view"),
            default_path("snapshots"),
        )?,
        partitions,
        sources: sources(&table.require("sources")?)?,
        bridges: bridges(&table.require("bridges")?, partitions)?,
        ingest: table.or("ingest", Ingest::default(), |field| {
            Ingest::read(field, server.body_bytes_max)
        })?,
        spool: Spool::read(table.get("spool").as_ref(), default_path("spool"))?,
        processor: table.or("processor", Processor::default(), Processor::read)?,
        sink: table.or("sink", Sink::default(), Sink::read)?,
        feeds: table.or("feeds", Feeds::default(), Feeds::read)?,
        logging: table.or("logging", Logging::default(), Logging::read)?,
        metrics: table.or("metrics", Metrics::default(), Metrics::read)?,
        server,
    };
    check::references(&config)?;
    check::tokens(&config)?;
    check::workspaces(&config)?;
    Ok(config)
}

fn sources(field: &Field<'_>) -> Result<BTreeMap<SourceId, Source>, Problem> {
    let mut sources = BTreeMap::new();
    for (entry, field) in field.fields()? {
        let id = check::name(entry)?;
        let id = SourceId::new(id).map_err(|error| field.problem(error.to_string()))?;
        let source = Source::read(id.clone(), entry.place.clone(), &field)?;
        sources.insert(id, source);
    }
    if sources.is_empty() {
        return Err(field.problem("is empty; add a workspace and an org"));
    }
    Ok(sources)
}

fn bridges(field: &Field<'_>, partitions: u32) -> Result<BTreeMap<BridgeId, Bridge>, Problem> {
    let mut bridges = BTreeMap::new();
    for (entry, field) in field.fields()? {
        let id = check::name(entry)?;
        let id = BridgeId::new(id).map_err(|error| field.problem(error.to_string()))?;
        let bridge = Bridge::read(id.clone(), entry.place.clone(), &field, partitions)?;
        bridges.insert(id, bridge);
    }
    if bridges.is_empty() {
        return Err(field.problem("is empty; add one, such as main: {sources: [..]}"));
    }
    Ok(bridges)
}
