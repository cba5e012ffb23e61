//! `crosswalk bridge`: which bridges take what comes and write, and letting one go on.

use anyhow::Context;
use crosswalk::domain::BridgeId;
use crosswalk::domain::journal::BridgeMode;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::admin_client::{self, Place, not_running};
use crate::shadow;

/// See which bridges run and write, and let one go on.
#[derive(clap::Args)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// List the bridges: those that run, and those that stand aside with the reason.
    ///
    /// A bridge whose decision panicked is quarantined: it takes nothing, its neighbours go on.
    /// What it is sent meanwhile stays in the log.
    #[command(
        verbatim_doc_comment,
        after_help = "Examples:\n  crosswalk bridge list --config crosswalk.yaml\n  \
        crosswalk bridge list --json | jq -r '.[] | select(.state != \"runs\") | .bridge'"
    )]
    List(List),
    /// Let a quarantined bridge go on. It takes first what it was sent while it stood aside.
    ///
    /// Do it with a version in which the cause is mended: what panicked is decided again. Where
    /// there is none yet, --skip passes over that one observation; its bytes become a dead letter.
    #[command(
        verbatim_doc_comment,
        after_help = "Examples:\n  crosswalk bridge release main --by ann\n  \
        crosswalk bridge release main --skip --by ann"
    )]
    Release(Release),
    /// Let a bridge decide everything and write nothing: shadow mode.
    ///
    /// What is under way is finished. What would be written is journaled and shown by `withheld`.
    #[command(
        verbatim_doc_comment,
        after_help = "Example:\n  crosswalk bridge shadow main --by ann"
    )]
    Shadow(shadow::Set),
    /// Let a bridge write what it decides. What is desired by now is pursued and written in slices.
    #[command(
        verbatim_doc_comment,
        after_help = "Example:\n  crosswalk bridge live main --by ann"
    )]
    Live(shadow::Set),
    /// Show what a bridge in shadow mode would write: how many records, by object and field.
    ///
    /// Records are named, values are not: `identity explain` shows those of a record.
    #[command(
        verbatim_doc_comment,
        after_help = "Examples:\n  crosswalk bridge withheld main\n  \
        crosswalk bridge withheld main --samples 20 --json"
    )]
    Withheld(shadow::Withheld),
}

#[derive(clap::Args)]
struct List {
    #[command(flatten)]
    place: Place,
    /// Print one JSON array.
    #[arg(long)]
    json: bool,
}

#[derive(clap::Args)]
struct Release {
    /// The bridge's id.
    bridge: String,
    /// Pass over the observation that could not be decided.
    #[arg(long)]
    skip: bool,
    /// Who releases it; stands in the journal.
    #[arg(long, value_name = "NAME")]
    by: String,
    #[command(flatten)]
    place: Place,
}

pub fn run(arguments: Arguments) -> anyhow::Result<()> {
    match arguments.command {
        Command::Shadow(set) => set.run(BridgeMode::Shadow),
        Command::Live(set) => set.run(BridgeMode::Live),
        Command::Withheld(withheld) => withheld.run(),
        Command::List(list) => {
            let base = list.place.base()?;
            let answer = admin_client::ask(&base, "/v1/bridges", &[])?;
            let answer = answer.with_context(|| not_running(&base))?;
            if list.json {
                println!("{}", answer["bridges"]);
            } else {
                answer["bridges"]
                    .as_array()
                    .into_iter()
                    .flatten()
                    .for_each(print);
            }
            Ok(())
        }
        Command::Release(release) => {
            let base = release.place.base()?;
            // Well formed: it becomes part of an address.
            let bridge = BridgeId::new(&release.bridge)?;
            let path = format!("/v1/bridges/{bridge}/release");
            let body = json!({"by": release.by, "skip": release.skip});
            let told = admin_client::tell(&base, &path, &body)?;
            let told = told.with_context(|| not_running(&base))?;
            let decision = told["decision"].as_str().unwrap_or_default();
            println!("{bridge} is released; decision {decision}");
            if let Some(skipped) = told["skip"].as_str() {
                println!("it passes over {skipped}: see crosswalk dead-letters list");
            }
            Ok(())
        }
    }
}

fn print(bridge: &Value) {
    let text = |name: &str| bridge[name].as_str().unwrap_or_default();
    let mode = match text("mode") {
        "shadow" => "  in shadow mode: it writes nothing",
        _ => "",
    };
    println!("{}  {}{mode}", text("bridge"), text("state"));
    if text("state") == "runs" {
        return;
    }
    let since = bridge["since_ms"].as_i64().unwrap_or_default();
    if let Ok(since) = Timestamp::from_millisecond(since) {
        println!("  since    {since}");
    }
    match bridge["cause"].as_str() {
        Some(cause) => println!("  cause    the decision of observation {cause} panicked"),
        None => println!("  cause    a deadline or a walk panicked"),
    }
    println!("  passed   {} entries of its partition", bridge["passed"]);
    if text("state") == "quarantined" {
        println!(
            "  release  crosswalk bridge release {} --by NAME",
            text("bridge")
        );
    }
}
