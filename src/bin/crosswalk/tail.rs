//! `crosswalk tail TOPIC`: follows a topic, from beside the running process.

use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::bail;
use crosswalk::config::Config;
use crosswalk::domain::Topic;
use crosswalk::log::topics;
use crosswalk::ports::event_log::TopicPartition;
use crosswalk::ports::event_log::{self, Bounds, Entry, EventLog, ReadFrom, ReadLimit};

use crate::event_json::Show;
use crate::{entry_json, open_log};

/// How long one read waits for an entry.
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
    let partitions = open_log::partitions(&config).of(topic);
    let bounds = bounds(&*log, topic, partitions)?;
    let show = Show {
        personal: arguments.show_personal,
    };
    let mut out = std::io::stdout().lock();
    let mut print = |entry: &Entry| {
        let shown = match arguments.json {
            true => entry_json::entry(entry, show).to_string(),
            false => entry_json::line(entry, show),
        };
        // Whoever reads us has seen enough, `head` for one.
        writeln!(out, "{shown}").map_err(|_| Stop::SeenEnough)
    };
    match follow(&*log, &bounds, &arguments, &mut print) {
        Ok(()) | Err(Stop::SeenEnough) => Ok(()),
        Err(Stop::Failed(error)) => Err(error.into()),
    }
}

/// Why it goes no further.
enum Stop {
    SeenEnough,
    Failed(event_log::Error),
}

impl From<event_log::Error> for Stop {
    fn from(error: event_log::Error) -> Self {
        Self::Failed(error)
    }
}

fn follow(
    log: &dyn EventLog,
    bounds: &[(TopicPartition, Bounds)],
    arguments: &Arguments,
    print: &mut impl FnMut(&Entry) -> Result<(), Stop>,
) -> Result<(), Stop> {
    if arguments.from_beginning {
        for (at, bounds) in bounds {
            event_log::each_within(log, *at, *bounds, LIMIT, |entry| print(&entry))?;
        }
    }
    if arguments.no_follow {
        return Ok(());
    }
    let from = bounds.iter().map(|(at, bounds)| ReadFrom {
        at: *at,
        offset: bounds.end,
    });
    let mut from: Vec<ReadFrom> = from.collect();
    loop {
        for entry in log.read(&from, LIMIT, POLL)? {
            print(&entry)?;
            for place in from.iter_mut().filter(|place| place.at == entry.at) {
                place.offset = entry.offset + 1;
            }
        }
    }
}

/// Where each partition begins and ends.
fn bounds(
    log: &dyn EventLog,
    topic: Topic,
    partitions: u32,
) -> anyhow::Result<Vec<(TopicPartition, Bounds)>> {
    let all = (0..partitions).map(|partition| TopicPartition { topic, partition });
    all.map(|at| Ok((at, log.bounds(at)?))).collect()
}
