//! `crosswalk verify`: the view against a rebuild from the journal.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::bail;
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
    let Some(running) = running else {
        let rebuilt = rebuild::rebuild(&config, &BTreeMap::new())?.digest();
        println!(
            "no process is running; rebuilt from the journal: {}",
            digests(&rebuilt)
        );
        return Ok(());
    };
    let rebuilt = rebuild::rebuild(&config, &offsets(&running))?.digest();
    if running["partitions"].as_array().is_none_or(Vec::is_empty) || running != rebuilt {
        bail!(
            "the view has {}, its rebuild has {}",
            digests(&running),
            digests(&rebuilt)
        );
    }
    println!("the view and its rebuild are equal: {}", digests(&running));
    Ok(())
}

/// Where the running view stands, by partition.
fn offsets(answer: &Value) -> BTreeMap<u32, u64> {
    let offset = |partition: &Value| {
        let number = u32::try_from(partition["partition"].as_u64()?).ok()?;
        Some((number, partition["journal_offset"].as_u64()?))
    };
    let partitions = answer["partitions"].as_array().into_iter().flatten();
    partitions.filter_map(offset).collect()
}

fn digests(answer: &Value) -> String {
    let partitions = answer["partitions"].as_array().into_iter().flatten();
    let digest = |partition: &Value| {
        let number = &partition["partition"];
        let digest = partition["digest"].as_str().unwrap_or("no digest");
        format!("{number}: {digest} at {}", partition["journal_offset"])
    };
    partitions.map(digest).collect::<Vec<_>>().join(", ")
}
