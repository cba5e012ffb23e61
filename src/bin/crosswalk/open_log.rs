//! Opens the log that the configuration names.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, bail};
use crosswalk::config::{Config, Kafka, Log, Registry};
use crosswalk::log::embedded::{EmbeddedLog, Options};
use crosswalk::log::kafka::{self, KafkaLog, registry};
use crosswalk::log::spool::{self, SpoolingLog};
use crosswalk::log::topics::Partitions;
use crosswalk::log::transfer;
use crosswalk::ports::event_log::EventLog;

/// For the process that runs the roles: made where it does not exist yet. Blocks.
pub fn open(config: &Config) -> anyhow::Result<Arc<dyn EventLog>> {
    match &config.log {
        Log::Embedded { path } => open_embedded(config, path),
        Log::Kafka(kafka) => Ok(Arc::new(KafkaLog::open(kafka_options(config, kafka))?)),
        _ => bail!("this build does not know the log that the configuration names"),
    }
}

/// How many partitions the topics have.
pub fn partitions(config: &Config) -> Partitions {
    let lanes = match &config.log {
        Log::Kafka(kafka) => kafka.lane_partitions,
        _ => Partitions::default().lanes,
    };
    Partitions {
        bridges: config.partitions,
        lanes,
    }
}

fn open_embedded(config: &Config, path: &Path) -> anyhow::Result<Arc<dyn EventLog>> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)
            .with_context(|| format!("cannot make the folder {}", folder.display()))?;
    }
    let options = Options {
        partitions: Some(partitions(config)),
        ..Options::default()
    };
    Ok(Arc::new(EmbeddedLog::open(path, options)?))
}

/// How this process uses the brokers that the configuration names.
pub fn kafka_options(config: &Config, kafka: &Kafka) -> kafka::Options {
    let default = kafka::Options::default();
    let properties = kafka.properties.iter();
    let properties =
        properties.map(|(name, value)| (name.clone(), value.reveal().as_ref().to_owned()));
    kafka::Options {
        bootstrap: kafka.bootstrap.clone(),
        prefix: kafka.prefix.clone().unwrap_or(default.prefix),
        partitions: partitions(config),
        properties: properties.collect(),
        instance: kafka.instance.clone().unwrap_or_else(machine),
        timeout: kafka.timeout,
        transaction_timeout: kafka.transaction_timeout,
        session_timeout: kafka.session_timeout,
        registry: kafka.registry.as_ref().map(registry_settings),
        ..kafka::Options::default()
    }
}

fn registry_settings(registry: &Registry) -> registry::Settings {
    let user = registry.user.as_ref();
    let user = user.map(|(name, password)| (name.clone(), password.reveal().as_ref().to_owned()));
    registry::Settings {
        urls: registry.urls.clone(),
        user,
        ca_file: registry.ca_file.clone(),
        registers: registry.registers,
        timeout: registry.timeout,
    }
}

/// The machine's name, which is the pod's on Kubernetes.
fn machine() -> String {
    let told = std::env::var("HOSTNAME").ok();
    let asked = || std::fs::read_to_string("/proc/sys/kernel/hostname").ok();
    let name = told.filter(|name| !name.is_empty()).or_else(asked);
    name.map_or_else(|| "0".to_owned(), |name| name.trim().to_owned())
}

/// The log as ingest appends to it: with a spool before one that can be away.
pub fn spooling(config: &Config, log: Arc<dyn EventLog>) -> anyhow::Result<Arc<dyn EventLog>> {
    let spool = &config.spool;
    if !spool.enabled || matches!(config.log, Log::Embedded { .. }) {
        return Ok(log);
    }
    let options = spool::Options {
        folder: spool.path.clone(),
        bytes_max: spool.bytes_max,
        after: spool.after,
    };
    let spooling = SpoolingLog::open(log, options).context("set spool.path, or spool.enabled")?;
    Ok(Arc::new(spooling))
}

fn look_into(path: &Path) -> anyhow::Result<EmbeddedLog> {
    let options = Options {
        create: false,
        ..Options::default()
    };
    Ok(EmbeddedLog::open(path, options)?)
}

/// Refuses a log of other partitions than the configuration says, also where it is only read.
pub fn check_partitions(config: &Config) -> anyhow::Result<()> {
    let Log::Embedded { path } = &config.log else {
        // Topics are looked at when they are opened.
        return Ok(());
    };
    let (has, wants) = (look_into(path)?.partitions().bridges, config.partitions);
    match has == wants {
        true => Ok(()),
        false => Err(transfer::Error::Partitions { has, wants }.into()),
    }
}

/// For a look from beside the running process: never made, never changed.
pub fn beside(config: &Config) -> anyhow::Result<Arc<dyn EventLog>> {
    match &config.log {
        Log::Embedded { path } => {
            if !path.is_file() {
                bail!(
                    "there is no log at {} yet; start crosswalk run first",
                    path.display()
                );
            }
            Ok(Arc::new(look_into(path)?))
        }
        Log::Kafka(kafka) => Ok(Arc::new(KafkaLog::beside(kafka_options(config, kafka))?)),
        _ => bail!("this build does not know the log that the configuration names"),
    }
}
