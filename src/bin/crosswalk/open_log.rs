//! Opens the log that the configuration names.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, bail};
use crosswalk::config::{Config, Log};
use crosswalk::log::embedded::{EmbeddedLog, Options};
use crosswalk::log::topics::Partitions;
use crosswalk::ports::event_log::EventLog;

/// For the process that runs the roles: made where it does not exist yet.
pub fn open(config: &Config) -> anyhow::Result<Arc<dyn EventLog>> {
    let path = path(config)?;
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)
            .with_context(|| format!("cannot make the folder {}", folder.display()))?;
    }
    let options = Options {
        partitions: Some(Partitions {
            bridges: config.partitions,
            ..Partitions::default()
        }),
        ..Options::default()
    };
    Ok(Arc::new(EmbeddedLog::open(path, options)?))
}

/// For a look from beside the running process: never made, never changed.
pub fn beside(config: &Config) -> anyhow::Result<EmbeddedLog> {
    let path = path(config)?;
    if !path.is_file() {
        bail!(
            "there is no log at {} yet; start crosswalk run first",
            path.display()
        );
    }
    let options = Options {
        create: false,
        ..Options::default()
    };
    Ok(EmbeddedLog::open(path, options)?)
}

fn path(config: &Config) -> anyhow::Result<&Path> {
    match &config.log {
        Log::Embedded { path } => Ok(path),
        _ => bail!("this build knows the embedded log only"),
    }
}
