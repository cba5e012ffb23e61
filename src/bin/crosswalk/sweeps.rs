//! `crosswalk sweeps`: what was compared, and what had been lost on the way.

use std::path::PathBuf;

use anyhow::bail;
use serde_json::Value;

use crate::admin_client;
use crate::print::print;

/// Show what the last sweep of each source compared and repaired.
///
/// Every feeds.sweep_interval_seconds the running process reads what was saved in both systems
/// since the sweep before. What a row shows and no webhook or event had told is healed: it is
/// decided like any other change, and counted. See docs/sweeps.md.
#[derive(clap::Args)]
#[command(
    verbatim_doc_comment,
    after_help = "Examples:\n  crosswalk sweeps\n  \
    crosswalk sweeps --json | jq '.[] | select(.healed > 0)'"
)]
pub struct Arguments {
    /// The configuration file.
    #[arg(long, value_name = "FILE", default_value = "crosswalk.yaml")]
    config: PathBuf,
    /// Ask the process at this address instead of the configured one.
    #[arg(long, value_name = "ADDRESS")]
    admin: Option<String>,
    /// Print one JSON array; times are milliseconds since the epoch.
    #[arg(long)]
    json: bool,
}

pub fn run(arguments: Arguments) -> anyhow::Result<()> {
    let base = admin_client::base(arguments.admin.as_deref(), &arguments.config)?;
    let Some(mut answer) = admin_client::ask(&base, "/v1/sweeps", &[])? else {
        bail!("nobody listens at {base}: start `crosswalk run` first");
    };
    let reports = answer["sweeps"].take();
    if arguments.json {
        return print(&format!("{reports}\n"));
    }
    let reports = reports.as_array().cloned().unwrap_or_default();
    if reports.is_empty() {
        return print("no sweep has ended yet\n");
    }
    let mut table = format!(
        "{:<12} {:<12} {:<41} {:>9} {:>7} {:>5}\n",
        "bridge", "source", "saved from .. before", "compared", "healed", "ever"
    );
    for report in &reports {
        let text = |name: &str| report[name].as_str().unwrap_or_default().to_owned();
        let window = format!("{}..{}", moment(&report["since"]), moment(&report["until"]));
        table.push_str(&format!(
            "{:<12} {:<12} {:<41} {:>9} {:>7} {:>5}\n",
            text("bridge"),
            text("source"),
            window,
            // JSON itself takes no width.
            report["compared"].to_string(),
            report["healed"].to_string(),
            report["healed_ever"].to_string(),
        ));
    }
    print(&table)
}

fn moment(at: &Value) -> String {
    let at = at.as_i64().unwrap_or_default();
    jiff::Timestamp::from_second(at.div_euclid(1_000))
        .map_or_else(|_| at.to_string(), |at| at.to_string())
}
