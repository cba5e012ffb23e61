//! `crosswalk dead-letters`: what could not be handled, by cause, with what a person can do.

mod settle;

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Context, bail};
use crosswalk::config::Config;
use crosswalk::domain::nearest::did_you_mean;
use crosswalk::domain::{Command as Asked, DeadLetter, Message, Topic};
use crosswalk::ports::event_log::TopicPartition;
use crosswalk::ports::event_log::{self, EntryBody, EventLog, ReadFrom, ReadLimit};
use serde_json::{Value as Json, json};

use crate::event_json::{Show, time};
use crate::letters;
use crate::open_log;
use crate::print::print;

const LIMIT: ReadLimit = ReadLimit {
    entries_max: 500,
    bytes_max: 4 << 20,
};
/// Letters of one cause that are named.
const NAMED_MAX: usize = 5;

/// What happened, by cause: the part of a letter's reason before a colon.
pub const CAUSES: [(&str, &str); 17] = [
    (
        "bad_item",
        "a notification of Intercom names a topic that is known, with a record in another shape",
    ),
    (
        "event_unreadable",
        "a change event of Salesforce does not fit the schema that it names",
    ),
    ("no_app_id", "a signed notification names no workspace"),
    (
        "no_id",
        "a signed notification has no id, so it could be taken twice",
    ),
    (
        "no_record",
        "a change event names no record, or an object or record that is none",
    ),
    ("no_topic", "a signed notification names no topic"),
    ("not_a_command", "an entry of a topic of commands is none"),
    (
        "not_an_observation",
        "an entry of a topic of observations is none",
    ),
    ("not_json", "a signed notification is no JSON"),
    (
        "read_rejected",
        "a remote system refused a read or a lookup",
    ),
    (
        "row_unreadable",
        "a row that an import or a sweep read has a form that is not understood",
    ),
    (
        "schema_unknown",
        "a change event names a schema that Salesforce does not give, or that is none",
    ),
    (
        "skipped",
        "what a bridge stumbled over was passed over when it was released",
    ),
    ("undecodable", "an entry of the log could not be decoded"),
    (
        "unknown_bridge",
        "a command belongs to a bridge that the configuration no longer names",
    ),
    (
        "unknown_workspace",
        "a notification comes from a workspace that is not configured",
    ),
    ("write_rejected", "a remote system refused a write"),
];

/// See and settle what could not be handled without a person.
///
/// Each dead letter keeps the bytes that came, where from, why, and what can be done. They are read
/// from the log, beside the running process, and stay there for 30 days.
#[derive(clap::Args)]
#[command(
    verbatim_doc_comment,
    after_help = "Examples:\n  crosswalk dead-letters list --config crosswalk.yaml\n  \
    crosswalk dead-letters list --cause write_rejected --json | jq -r '.[].letters[]'\n  \
    crosswalk dead-letters show 0@17\n  \
    crosswalk dead-letters redrive --cause unknown_workspace --by ann"
)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// List them, grouped by bridge and cause, the most frequent first.
    ///
    /// Names neither values nor payloads. The records of refused writes are named.
    #[command(
        verbatim_doc_comment,
        after_help = "Example:\n  crosswalk dead-letters list --bridge main --cause write_rejected"
    )]
    List(List),
    /// Show one with everything that is known of it.
    ///
    /// Its bytes may identify people: they are printed only with --show-personal, and alone, as
    /// they came, with --raw.
    #[command(
        verbatim_doc_comment,
        after_help = "Examples:\n  crosswalk dead-letters show 0@17\n  \
        crosswalk dead-letters show 0@17 --raw > notification.json"
    )]
    Show(ShowOne),
    /// Take up again what letters hold, once what was wrong is mended.
    ///
    /// A notification or a row is read anew; a refused write or read is tried again, as its review
    /// item would be. What cannot be taken up says why, and stays.
    #[command(
        verbatim_doc_comment,
        after_help = "Examples:\n  crosswalk dead-letters redrive 0@17 0@18 --by ann\n  \
        crosswalk dead-letters redrive --cause unknown_workspace --by ann"
    )]
    Redrive(settle::Settle),
    /// Put letters aside: nothing is to be done about them.
    ///
    /// They leave the list; their bytes stay for 30 days, and who put them aside stands in the
    /// journal. A refused record stays blocked, with its review item.
    #[command(
        verbatim_doc_comment,
        after_help = "Example:\n  crosswalk dead-letters discard --cause bad_item --by ann"
    )]
    Discard(settle::Settle),
}

#[derive(clap::Args)]
struct List {
    /// The configuration file.
    #[arg(long, value_name = "FILE", default_value = "crosswalk.yaml")]
    config: PathBuf,
    /// Those of this bridge only; `_unknown` for those of none.
    #[arg(long, value_name = "NAME")]
    bridge: Option<String>,
    /// Those of this cause only.
    #[arg(long, value_name = "CAUSE")]
    cause: Option<String>,
    /// Those that were redriven or discarded, too.
    #[arg(long)]
    all: bool,
    /// Print one JSON array, with every letter's id.
    #[arg(long)]
    json: bool,
}

#[derive(clap::Args)]
struct ShowOne {
    /// The letter's id, PARTITION@OFFSET, as the list shows it.
    letter: String,
    /// The configuration file.
    #[arg(long, value_name = "FILE", default_value = "crosswalk.yaml")]
    config: PathBuf,
    /// Show the bytes, too, as text.
    #[arg(long)]
    show_personal: bool,
    /// Write the bytes as they came, and nothing else.
    #[arg(long)]
    raw: bool,
}

/// Letters that one repair would settle.
#[derive(Default)]
struct Group {
    /// Ids with their moments, in the order of the log.
    letters: Vec<(String, i64)>,
    records: Vec<String>,
    origins: Vec<String>,
}

pub fn run(arguments: Arguments) -> anyhow::Result<()> {
    match arguments.command {
        Command::List(list) => list.run(),
        Command::Show(show) => show.run(),
        Command::Redrive(settle) => settle.run("redrive"),
        Command::Discard(settle) => settle.run("discard"),
    }
}

fn cause(reason: &str) -> &str {
    reason.split(':').next().unwrap_or_default()
}

/// A cause that a person names is one. A bridge may be none any more, and have letters.
fn known(wanted: Option<&str>) -> anyhow::Result<()> {
    let causes = || CAUSES.iter().map(|(code, _)| *code);
    if let Some(wanted) = wanted
        && !causes().any(|code| code == wanted)
    {
        let hint = did_you_mean(wanted, causes());
        let all: Vec<&str> = causes().collect();
        bail!(
            "there is no cause {wanted:?}{hint} (known: {})",
            all.join(", ")
        );
    }
    Ok(())
}

/// The words of the catalogue.
fn what(cause: &str) -> &'static str {
    let known = CAUSES.iter().find(|(code, _)| *code == cause);
    known.map_or(
        "something that this version has no words for",
        |(_, what)| what,
    )
}

/// Reads every letter that the log still holds.
fn each(
    log: &dyn EventLog,
    partitions: u32,
    mut take: impl FnMut(String, &DeadLetter) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let topic = Topic::DeadLetters;
    for partition in 0..partitions {
        let at = TopicPartition { topic, partition };
        event_log::each(log, at, LIMIT, |entry| match &entry.body {
            EntryBody::Message(Message::DeadLetter(letter)) => {
                take(format!("{partition}@{}", entry.offset), letter)
            }
            _ => Ok(()),
        })?;
    }
    Ok(())
}

/// What people did about letters.
fn settled(log: &dyn EventLog, partitions: u32) -> anyhow::Result<letters::Settled> {
    Ok(letters::settled(log, 0..partitions)?)
}

/// The ids of the open letters of a cause.
fn open_ids(config: &Config, wanted: &str, bridge: Option<&str>) -> anyhow::Result<Vec<String>> {
    known(Some(wanted))?;
    let log = open_log::beside(config)?;
    let settled = settled(&*log, config.partitions)?;
    let mut ids = Vec::new();
    each(&*log, config.partitions, |id, letter| {
        let of_bridge = bridge.is_none_or(|bridge| letter.bridge.as_str() == bridge);
        if of_bridge && cause(&letter.reason) == wanted && !settled.contains_key(&id) {
            ids.push(id);
        }
        Ok(())
    })?;
    Ok(ids)
}

/// The records of the command that was refused, if the letter holds one.
fn records(letter: &DeadLetter) -> Vec<String> {
    let Ok(asked) = serde_json::from_slice::<Asked>(&letter.bytes) else {
        return Vec::new();
    };
    let shown = Show { personal: false }.command(&asked);
    let places = [
        "/write/target/update",
        "/write/target/create/origin",
        "/write/target/attach/contact",
        "/write/target/attach/company",
        "/read",
        "/lookup/origin",
    ];
    let found = places.iter().filter_map(|place| shown.pointer(place));
    found.filter_map(Json::as_str).map(str::to_owned).collect()
}

fn add(all: &mut Vec<String>, one: String) {
    if !all.contains(&one) {
        all.push(one);
    }
}

impl List {
    fn run(self) -> anyhow::Result<()> {
        let config = Config::load(&self.config)?;
        known(self.cause.as_deref())?;
        let log = open_log::beside(&config)?;
        let mut groups: BTreeMap<(String, String, String), Group> = BTreeMap::new();
        let settled = settled(&*log, config.partitions)?;
        each(&*log, config.partitions, |id, letter| {
            if !self.all && settled.contains_key(&id) {
                return Ok(());
            }
            let bridge = letter.bridge.as_str();
            let other = |wanted: &Option<String>, one: &str| {
                wanted.as_ref().is_some_and(|wanted| wanted != one)
            };
            if other(&self.bridge, bridge) || other(&self.cause, cause(&letter.reason)) {
                return Ok(());
            }
            let key = (
                bridge.to_owned(),
                letter.reason.clone(),
                letter.hint.clone(),
            );
            let group = groups.entry(key).or_default();
            group.letters.push((id, letter.at.0));
            add(&mut group.origins, letter.origin.clone());
            for record in records(letter) {
                add(&mut group.records, record);
            }
            Ok(())
        })?;
        let mut groups: Vec<_> = groups.into_iter().collect();
        groups.sort_by_key(|(_, group)| std::cmp::Reverse(group.letters.len()));
        let out = match self.json {
            true => {
                let all = groups.iter().map(|(key, group)| group.json(key));
                format!("{:#}\n", Json::Array(all.collect()))
            }
            false => text(&groups),
        };
        print(&out)
    }
}

fn text(groups: &[((String, String, String), Group)]) -> String {
    if groups.is_empty() {
        return "no dead letters\n".to_owned();
    }
    let shown = groups.iter().map(|(key, group)| group.text(key));
    shown.collect::<Vec<_>>().join("\n")
}

impl Group {
    fn span(&self) -> (Json, Json) {
        let moments = || self.letters.iter().map(|(_, at)| *at);
        let (first, last) = (moments().min(), moments().max());
        (
            time(first.unwrap_or_default()),
            time(last.unwrap_or_default()),
        )
    }

    fn json(&self, (bridge, reason, hint): &(String, String, String)) -> Json {
        let (first, last) = self.span();
        let code = cause(reason);
        let ids = self.letters.iter().map(|(id, _)| id.as_str());
        json!({
            "bridge": bridge, "cause": code, "reason": reason, "what": what(code), "fix": hint,
            "count": self.letters.len(), "first": first, "last": last,
            "records": self.records, "letters": ids.collect::<Vec<_>>(),
        })
    }

    fn text(&self, (bridge, reason, hint): &(String, String, String)) -> String {
        let (first, last) = self.span();
        let code = cause(reason);
        let count = self.letters.len();
        let ids: Vec<String> = self.letters.iter().map(|(id, _)| id.clone()).collect();
        let span = match first == last {
            true => plain(&first),
            false => format!("{} to {}", plain(&first), plain(&last)),
        };
        let mut lines = vec![
            format!("{bridge}  {reason}  {count}, {span}"),
            format!("  what  {}", what(code)),
            format!("  fix   {hint}"),
        ];
        match self.records.is_empty() {
            true => lines.push(format!("  from  {}", some(&self.origins))),
            false => lines.push(format!("  about {}", some(&self.records))),
        }
        lines.push(format!("  show  {}", some(&ids)));
        let lines = lines
            .into_iter()
            .map(|line| line.replace(['\n', '\r'], " "));
        lines.map(|line| line + "\n").collect()
    }
}

fn plain(json: &Json) -> String {
    json.as_str()
        .map_or_else(|| json.to_string(), str::to_owned)
}

/// The first of many.
fn some(all: &[String]) -> String {
    let named = all.iter().take(NAMED_MAX).cloned().collect::<Vec<_>>();
    match all.len().saturating_sub(NAMED_MAX) {
        0 => named.join(", "),
        more => format!("{} and {more} more", named.join(", ")),
    }
}

impl ShowOne {
    fn run(self) -> anyhow::Result<()> {
        let config = Config::load(&self.config)?;
        let log = open_log::beside(&config)?;
        let Some((partition, offset)) = letters::place(&self.letter) else {
            bail!("{:?} is no letter's id; they look like 0@17", self.letter);
        };
        let topic = Topic::DeadLetters;
        if partition >= config.partitions {
            bail!("there is no partition {partition} of dead letters");
        }
        let at = TopicPartition { topic, partition };
        let span = log.bounds(at)?;
        if offset < span.start {
            bail!(
                "{} is not kept any more; the oldest is {partition}@{}",
                self.letter,
                span.start
            );
        }
        let limit = ReadLimit {
            entries_max: 1,
            ..LIMIT
        };
        let entries = log.read_below(ReadFrom { at, offset }, span.end, limit)?;
        let entry = entries.first().filter(|entry| entry.offset == offset);
        let entry = entry.with_context(|| format!("there is no dead letter {}", self.letter))?;
        let EntryBody::Message(Message::DeadLetter(letter)) = &entry.body else {
            bail!("{} is no dead letter", self.letter);
        };
        if self.raw {
            return print(&letter.bytes);
        }
        let code = cause(&letter.reason);
        let bytes = match self.show_personal {
            true => json!(String::from_utf8_lossy(&letter.bytes)),
            false => json!(format!("[hidden, {} bytes]", letter.bytes.len())),
        };
        let settled = settled(&*log, config.partitions)?;
        let done = settled.get(&self.letter);
        let done = done.map(|(how, by)| json!({"how": how.label(), "by": by}));
        let shown = json!({
            "letter": self.letter, "settled": done, "bridge": letter.bridge.as_str(),
            "at": time(letter.at.0),
            "cause": code, "reason": letter.reason, "what": what(code), "fix": letter.hint,
            "origin": letter.origin, "records": records(letter),
            "command": letter.command.as_ref().map(ToString::to_string), "bytes": bytes,
        });
        print(&format!("{shown:#}\n"))
    }
}
