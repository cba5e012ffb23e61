//! `crosswalk revert`: what was written under a mapping since a time is undone.

use anyhow::Context;
use crosswalk::domain::BridgeId;
use serde_json::json;

use crate::admin_client::{self, Place, not_running};
use crate::field_report::Report;

/// Undo what was written under a mapping since a time.
///
/// Each field that still holds what was written then holds again what stood there before. What
/// somebody has changed since stays, and so does what was created. It is carried out in slices, and
/// said twice it does nothing more. --dry-run only counts, by object and field.
#[derive(clap::Args)]
#[command(
    verbatim_doc_comment,
    after_help = "Examples:\n  \
    crosswalk revert --bridge main --mapping 5f0c6a1e --since 2026-01-10T08:00:00Z --dry-run\n  \
    crosswalk revert --bridge main --mapping 5f0c6a1e --since 2026-01-10T08:00:00Z --by ann"
)]
pub struct Arguments {
    /// The bridge's id.
    #[arg(long, value_name = "NAME")]
    bridge: String,
    /// Hash of the mapping, or its first 8 digits or more, as `tail journal` shows it.
    #[arg(long, value_name = "HASH")]
    mapping: String,
    /// Writes asked for since then: RFC 3339, such as 2026-01-10T08:00:00Z.
    #[arg(long, value_name = "TIME")]
    since: jiff::Timestamp,
    /// Who wants it; stands in the journal.
    #[arg(long, value_name = "NAME", required_unless_present = "dry_run")]
    by: Option<String>,
    /// Say what would be done, and do nothing.
    #[arg(long)]
    dry_run: bool,
    /// Records named for each object and field by --dry-run.
    #[arg(long, value_name = "COUNT", default_value_t = 3)]
    samples: usize,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Place,
}

pub fn run(arguments: Arguments) -> anyhow::Result<()> {
    let base = arguments.place.base()?;
    let bridge = BridgeId::new(&arguments.bridge)?;
    let mapping = arguments.mapping.trim().to_lowercase();
    let path = format!("/v1/bridges/{bridge}/revert");
    let since = arguments.since.as_millisecond();
    if arguments.dry_run {
        let since = since.to_string();
        let query = [("mapping", mapping.as_str()), ("since_ms", since.as_str())];
        let report = Report::of(&base, &path, &query, arguments.samples)?;
        match arguments.json {
            true => println!("{}", report.shown(&bridge)),
            false => report.print(&bridge, "nothing is to be undone"),
        }
        return Ok(());
    }
    let body = json!({"by": arguments.by, "mapping": mapping, "since_ms": since});
    let told = admin_client::tell(&base, &path, &body)?;
    let told = told.with_context(|| not_running(&base))?;
    if arguments.json {
        println!("{told}");
        return Ok(());
    }
    let text = |name: &str| told[name].as_str().unwrap_or_default().to_owned();
    println!(
        "{bridge}: what mapping {} wrote is undone in slices",
        text("mapping")
    );
    println!("decision {}", text("decision"));
    Ok(())
}
