//! `crosswalk verify`: the view against a rebuild from the journal.

use std::path::PathBuf;

use anyhow::{Context, bail};
use crosswalk::config::Config;
use serde_json::Value;

use crate::{admin_client, rebuild};

/// Rebuild the view from the journal and compare digests.
///
/// The running process is asked for its digest; the journal is evolved anew, in memory, to the
/// same position. Equal digests mean that the view is what was decided, byte for byte.
#[derive(clap::Args)]
#[command(
    verbatim_doc_comment,
    after_help = "Example:\n  crosswalk verify --config crosswalk.yaml"
)]
pub struct Arguments {
    /// The configuration file.
    #[arg(long, value_name = "FILE", default_value = "crosswalk.yaml")]
    config: PathBuf,
    /// Ask the process at this address instead of the configured one.
    #[arg(long, value_name = "ADDRESS")]
    admin: Option<String>,
}

pub fn run(arguments: Arguments) -> anyhow::Result<()> {
    let config = Config::load(&arguments.config)?;
    let base = match &arguments.admin {
        Some(given) => Some(admin_client::url(given)),
        None => admin_client::configured(&config),
    };
    let running = match base {
        Some(base) => admin_client::ask(&base, "/v1/digest", &[])?,
        None => None,
    };
    let rebuilt = rebuild::rebuild(&config)?
        .digest()
        .context("cannot compute the digest")?;
    let Some(running) = running else {
        println!(
            "no process is running; the rebuilt view's digest is {}",
            digest(&rebuilt)
        );
        return Ok(());
    };
    if running != rebuilt {
        bail!(
            "the view has {}, the rebuild has {}",
            digest(&running),
            digest(&rebuilt)
        );
    }
    println!("the view and its rebuild are equal: {}", digest(&running));
    Ok(())
}

fn digest(answer: &Value) -> String {
    answer["digest"]
        .as_str()
        .map_or_else(|| answer.to_string(), str::to_owned)
}
