//! `crosswalk verify`: the view against a rebuild from the journal.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Context, bail};
use crosswalk::config::Config;
use serde_json::Value;

use crate::{admin_client, rebuild};

/// Rebuild the view from the journal and compare digests.
///
/// The running process is asked for its digest; the journal is evolved anew, in memory, to the
/// same position. Equal digests mean that the view is what was decided, byte for byte.
/// Where nobody listens at the configured address, the rebuild's digest is shown and nothing is
/// compared; where nobody listens at --admin, that is an error.
#[derive(clap::Args)]
#[command(
    verbatim_doc_comment,
    after_help = "Example:\n  crosswalk verify --config crosswalk.yaml\n  \
                  crosswalk verify --admin 127.0.0.1:9090"
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
    let Some(running) = ask_running(arguments.admin.as_deref(), &config)? else {
        let rebuilt = rebuild::rebuild(&config)?.digest();
        let asked = match admin_client::configured(&config) {
            Some(base) => format!("nobody listens at {base}"),
            None => "server.admin leaves the port to chance, so nobody was asked".to_owned(),
        };
        println!(
            "nothing was compared: {asked}; the journal alone gives {}",
            digests(&rebuilt)
        );
        return Ok(());
    };
    let rebuilt = rebuild::at(&config, &offsets(&running))?.digest();
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

/// The digest of the running process; none where nobody listens and no address was given.
fn ask_running(admin: Option<&str>, config: &Config) -> anyhow::Result<Option<Value>> {
    if let Some(given) = admin {
        let base = admin_client::url(given);
        let answer = admin_client::ask(&base, "/v1/digest", &[])?;
        return answer
            .map(Some)
            .with_context(|| format!("nobody listens at {base}; nothing was compared"));
    }
    match admin_client::configured(config) {
        Some(base) => admin_client::ask(&base, "/v1/digest", &[]),
        None => Ok(None),
    }
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
