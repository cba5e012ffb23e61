//! `crosswalk tail TOPIC`: follows a topic, from beside the running process.

use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, bail};
use crosswalk::config::Config;
use crosswalk::domain::Topic;
use crosswalk::log::embedded::EmbeddedLog;
use crosswalk::log::topics;
use crosswalk::ports::event_log::{EventLog, ReadFrom, ReadLimit, TopicPartition};

use crate::event_json::Show;
use crate::{entry_json, open_log};

/// The log is another process's, which cannot wake us.
const POLL: Duration = Duration::from_millis(200);
const LIMIT: ReadLimit = ReadLimit {
    entries_max: 500,
    bytes_max: 4 << 20,
};

/// Follow a topic of the log, one line per entry, while the product runs.
///
/// Personal values and payloads are hidden unless --show-personal is given; ids are shown.
#[derive(clap::Args)]
#[command(
    verbatim_doc_comment,
    after_help = "Examples:\n  \
    crosswalk tail journal --config crosswalk.yaml\n  \
    crosswalk tail dead-letters --from-beginning --json | jq .body.reason\n\n\
    Topics: intercom.observed, results, decisions, cursors, journal, salesforce.writes,\n\
    intercom.writes, notifications, trace, dead-letters; the full name does as well."
)]
pub struct Arguments {
    /// The topic, such as journal or crosswalk.journal.v1.
    topic: String,
    /// The configuration file.
    #[arg(long, value_name = "FILE", default_value = "crosswalk.yaml")]
    config: PathBuf,
    /// Print each entry as one JSON object.
    #[arg(long)]
    json: bool,
    /// Begin with the oldest entry that is still there instead of the next one.
    #[arg(long)]
    from_beginning: bool,
    /// Show values and payloads, which may identify people.
    #[arg(long)]
    show_personal: bool,
    /// End when there is nothing more to read, instead of waiting.
    #[arg(long)]
    no_follow: bool,
}

pub fn run(arguments: Arguments) -> anyhow::Result<()> {
    let topic = topics::parse(topics::PREFIX_DEFAULT, &arguments.topic);
    let Some(topic) = topic else {
        let names: Vec<&str> = Topic::ALL
            .iter()
            .map(|topic| topics::spec(*topic).name)
            .collect();
        bail!(
            "there is no topic {:?}; known: {}",
            arguments.topic,
            names.join(", ")
        );
    };
    let config = Config::load(&arguments.config)?;
    let log = open_log::beside(&config)?;
    let mut from = first(&log, topic, arguments.from_beginning)?;
    let show = Show {
        personal: arguments.show_personal,
    };
    let mut out = std::io::stdout().lock();
    loop {
        let entries = log.read(&from, LIMIT, Duration::ZERO)?;
        for entry in &entries {
            let shown = match arguments.json {
                true => entry_json::entry(entry, show).to_string(),
                false => entry_json::line(entry, show),
            };
            // Whoever reads us has seen enough, `head` for one.
            if writeln!(out, "{shown}").is_err() {
                return Ok(());
            }
            let place = from.iter_mut().find(|place| place.at == entry.at);
            place
                .context("an entry of a partition that was not asked for")?
                .offset = entry.offset + 1;
        }
        if entries.is_empty() {
            if arguments.no_follow {
                return Ok(());
            }
            std::thread::sleep(POLL);
        }
    }
}

fn first(log: &EmbeddedLog, topic: Topic, beginning: bool) -> anyhow::Result<Vec<ReadFrom>> {
    let mut from = Vec::new();
    for partition in 0..log.partitions().of(topic) {
        let at = TopicPartition { topic, partition };
        let span = log.span(at)?;
        let offset = if beginning { span.start } else { span.end };
        from.push(ReadFrom { at, offset });
    }
    Ok(from)
}
