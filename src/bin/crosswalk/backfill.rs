//! `crosswalk backfill`: asks the running process for an import, and shows how far it is.

use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};

use crate::admin_client;
use crate::print::print;

/// How often the process is asked how far it is.
const POLL: Duration = Duration::from_millis(500);
/// Between two lines where nobody watches a bar.
const LINE: Duration = Duration::from_secs(5);

/// Read everything that both systems hold of a bridge, once.
///
/// The running process (role feeds) does it, after its subscription to changes has begun. Nothing
/// that stands in a field is overwritten unless the mapping's on_first_link says so. An import that
/// was cut off goes on by itself when the process starts; --resume watches it.
#[derive(clap::Args)]
#[command(
    verbatim_doc_comment,
    after_help = "Examples:\n  crosswalk backfill --bridge main\n  \
    crosswalk backfill --bridge main --resume\n  \
    crosswalk backfill --bridge main --pilot first-ten.txt\n  \
    crosswalk backfill --bridge main --detach --json"
)]
pub struct Arguments {
    /// The bridge whose sources are read.
    #[arg(long, value_name = "BRIDGE")]
    bridge: String,
    /// Take only those whom this file names: an address, an @domain or a record's id on each line,
    /// # begins a remark. The accounts of these people come along. If nobody is found, it fails.
    #[arg(long, value_name = "FILE", conflicts_with = "resume")]
    pilot: Option<PathBuf>,
    /// Watch the import that is under way, instead of beginning a new one.
    #[arg(long)]
    resume: bool,
    /// Ask for it and return at once.
    #[arg(long)]
    detach: bool,
    /// The configuration file.
    #[arg(long, value_name = "FILE", default_value = "crosswalk.yaml")]
    config: PathBuf,
    /// Ask the process at this address instead of the configured one.
    #[arg(long, value_name = "ADDRESS")]
    admin: Option<String>,
    /// Print the end as JSON.
    #[arg(long)]
    json: bool,
}

pub fn run(arguments: Arguments) -> anyhow::Result<()> {
    let base = admin_client::base(arguments.admin.as_deref(), &arguments.config)?;
    let path = format!("/v1/imports/{}", arguments.bridge);
    let mut body = json!({"resume": arguments.resume});
    if let Some(file) = &arguments.pilot {
        let list = std::fs::read_to_string(file);
        let list = list.with_context(|| format!("cannot read {}", file.display()))?;
        let lines: Vec<&str> = list.lines().collect();
        body["pilot"] = json!(lines);
    }
    let asked = admin_client::tell(&base, &path, &body)?;
    let Some(mut now) = asked else {
        bail!(
            "nobody listens at {base}: an import is done by the running process; start \
             `crosswalk run` first"
        );
    };
    if !arguments.detach {
        now = watch(&base, &arguments.bridge, now)?;
    }
    let found_nobody = now["state"] == "done" && now["taken"] == 0;
    match arguments.json {
        true => print(&format!("{now}\n"))?,
        false if found_nobody => {}
        false => print(&format!("{}\n", told(&now)))?,
    }
    if found_nobody {
        bail!(
            "import {} of {} found nobody on the list, and took in no one: compare its addresses \
             and ids with what both systems show",
            now["run"],
            arguments.bridge
        );
    }
    Ok(())
}

/// Asks until all rows are in the log.
fn watch(base: &str, bridge: &str, mut now: Value) -> anyhow::Result<Value> {
    let bar = std::io::stderr().is_terminal().then(bar);
    let mut line = Instant::now();
    while now["state"] != "done" {
        std::thread::sleep(POLL);
        let Some(all) = admin_client::ask(base, "/v1/imports", &[])? else {
            bail!("the process at {base} is gone; the import goes on when it is started again");
        };
        let mut all = all.as_array().cloned().unwrap_or_default().into_iter();
        let found = all.find(|one| one["bridge"] == bridge);
        now = found.with_context(|| format!("the process no longer knows the bridge {bridge}"))?;
        if now["state"] == "idle" {
            bail!("no import of {bridge} was ever begun");
        }
        if now["state"] == "needs_list" {
            bail!(
                "the pilot of {bridge} was cut off, and its list is kept nowhere: give it again \
                 with --pilot FILE, which goes on, or import everybody without --pilot and --resume"
            );
        }
        match &bar {
            Some(bar) => {
                bar.set_length(now["expected"].as_u64().unwrap_or(0));
                bar.set_position(rows_read(&now));
                bar.set_message(doing(&now));
            }
            None if line.elapsed() >= LINE => {
                line = Instant::now();
                eprintln!("{}", told(&now));
            }
            None => {}
        }
    }
    if let Some(bar) = bar {
        bar.finish_and_clear();
    }
    Ok(now)
}

fn bar() -> ProgressBar {
    let bar = ProgressBar::new(0);
    let form = "{bar:30} {pos}/{len} rows, {per_sec}, {eta} left  {msg}";
    bar.set_style(ProgressStyle::with_template(form).unwrap_or(ProgressStyle::default_bar()));
    bar
}

/// How far it is: what a pilot passes over is read as well.
fn rows_read(now: &Value) -> u64 {
    let count = |name: &str| now[name].as_u64().unwrap_or(0);
    count("rows") + count("passed_over")
}

fn doing(now: &Value) -> String {
    match now["why"].as_str() {
        Some(why) => format!("waits: {why}"),
        None => now["phase"].as_str().unwrap_or_default().to_owned(),
    }
}

fn told(now: &Value) -> String {
    let (run, rows, read) = (&now["run"], &now["rows"], rows_read(now));
    let bridge = now["bridge"].as_str().unwrap_or_default();
    let unreadable = now["unreadable"].as_u64().unwrap_or(0);
    let lost = match unreadable {
        0 => String::new(),
        count => format!("; {count} could not be read (`crosswalk dead-letters list`)"),
    };
    let others = match now["passed_over"].as_u64().unwrap_or(0) {
        0 => String::new(),
        count => format!("; {count} are of people who are not on the list"),
    };
    match now["state"].as_str() {
        Some("done") => format!(
            "import {run} of {bridge}: all {rows} rows are in the log{lost}{others}. The \
             processor links and writes what follows; a notification `walk_ended` says when."
        ),
        _ if now["run"] == 0 => match now["why"].as_str() {
            Some(_) => format!("the import of {bridge} is asked for  {}", doing(now)),
            None => format!("the import of {bridge} is asked for and begins"),
        },
        _ => {
            let expected = now["expected"]
                .as_u64()
                .map_or("?".to_owned(), |n| n.to_string());
            format!(
                "import {run} of {bridge}: {read} of {expected} rows are read{lost}{others}  {}",
                doing(now)
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pilot_is_as_far_as_it_has_read() {
        let now = json!({"run": 2, "bridge": "main", "state": "running", "rows": 3,
            "passed_over": 237, "expected": 610, "phase": "sales/Lead"});
        let line = told(&now);
        assert!(line.contains("240 of 610 rows are read"), "{line}");
        assert!(
            line.contains("237 are of people who are not on the list"),
            "{line}"
        );
    }

    #[test]
    fn what_has_not_begun_has_no_numbers() {
        let now = json!({"run": 0, "bridge": "main", "state": "running", "rows": 0});
        assert_eq!(told(&now), "the import of main is asked for and begins");
    }
}
