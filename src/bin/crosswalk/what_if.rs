//! `crosswalk mapping what-if`: what another mapping would have done to what was observed.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, bail};
use crosswalk::config::Config;
use crosswalk::mapping::{Offer, Sources};
use crosswalk::processor::travel::replay::{Until, stands};
use crosswalk::processor::travel::what_if::beginning::beginning;
use crosswalk::processor::travel::what_if::{Difference, Effect, Report, WhatIf};
use crosswalk::processor::view::View;
use crosswalk::store::{self, SledStore};
use serde_json::{Value, json};

use crate::event_json::{Show, time};
use crate::past::{Past, Shown};
use crate::print::print;
use crate::processors;
use crate::view_answers::Bridge;

/// What every answer rests on.
const ASSUMPTIONS: [&str; 7] = [
    "the new mapping is active from the first observation on that is still there, and its walk \
     through all customers begins there",
    "our own writes succeed; where the same write was sent, it ends as that one did, unless it \
     was refused or lost",
    "a lookup that was not made finds nobody beside the records that are known, and a read that \
     was not made shows nothing new",
    "rows of lookups, imports and sweeps hold the fields that the mapping of their day asked for",
    "what stood in a field by our hand is told as the other writes would have left it",
    "what people did to records that would not have been made is left out",
    "what was decided before the first observation that is still there is taken as it is",
];

/// Say what another mapping would have done: links, splits, writes and questions to people that
/// would differ from what happened.
///
/// The view is taken as it stood at the first observation that retention has kept (30 days), and
/// everything observed since is decided anew, in the order of the journal. Nothing is written to
/// the log, and neither system is asked. Every answer names what it assumes.
#[derive(clap::Args)]
#[command(
    verbatim_doc_comment,
    after_help = "Examples:\n  \
    crosswalk mapping what-if new.yaml --config crosswalk.yaml\n  \
    crosswalk mapping what-if new.yaml --bridge main --json | jq '.differences | length'"
)]
pub struct Arguments {
    /// The mapping file to try; its version does not matter.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The configuration file.
    #[arg(long, value_name = "FILE", default_value = "crosswalk.yaml")]
    config: PathBuf,
    /// The bridge whose observations are decided anew; needed where several are configured.
    #[arg(long, value_name = "NAME")]
    bridge: Option<String>,
    /// Differences that are shown at most, 1 to 10000.
    #[arg(long, value_name = "N", default_value_t = 200)]
    limit: usize,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
    /// Show the values that are written, which may identify people.
    #[arg(long)]
    show_personal: bool,
}

pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    if !(1..=10_000).contains(&arguments.limit) {
        bail!("--limit is 1 to 10000, not {}", arguments.limit);
    }
    let config = Config::load(&arguments.config)?;
    let past = Past::open(config.clone(), Until::Now, arguments.bridge.as_deref())?;
    let [bridge] = past.bridges() else {
        bail!(
            "observations of one bridge are decided anew, and {} are configured: name one with \
             --bridge",
            past.bridges().len()
        );
    };
    let sources = bridge.sources.clone();
    let sources = sources.with_context(|| format!("bridge {} has no org", bridge.id))?;
    let offer = offered(arguments, sources)?;
    let folder = Folder::make()?;
    let answer = ask(&config, &past, bridge, &offer, &folder);
    folder.leave();
    let answer = answer?;
    let show = Show {
        personal: arguments.show_personal,
    };
    match arguments.json {
        true => {
            let text = serde_json::to_string_pretty(&answer.json(show, arguments.limit))?;
            print(&format!("{text}\n"))
        }
        false => print(&answer.text(show, arguments.limit)),
    }
}

fn offered(arguments: &Arguments, sources: Sources) -> anyhow::Result<Offer> {
    let shown = arguments.file.display();
    let file = fs::read_to_string(&arguments.file);
    let file = file.with_context(|| format!("cannot read {shown}"))?;
    let offer = Offer { sources, file };
    if let Err(findings) = offer.compile() {
        bail!("{shown}:{findings}");
    }
    Ok(offer)
}

struct Answer {
    bridge: String,
    /// Where the observations begin: the last sequence before them and its time.
    since: Value,
    report: Report,
}

fn ask(
    config: &Config,
    past: &Past,
    bridge: &Bridge,
    offer: &Offer,
    folder: &Folder,
) -> anyhow::Result<Answer> {
    let replay = past.replay(bridge, Until::Now)?;
    let mut shown = Shown::new(replay.end);
    let begins = beginning(replay.log.as_ref(), bridge.partition, &mut |offset| {
        shown.at(offset);
    })?;
    let view = |name: &str| -> anyhow::Result<View> {
        let (store, _) = SledStore::open(folder.path.join(name), store::Options::default())?;
        // The offset before the first is no offset, and an empty view needs no snapshot.
        let until = Until::Offset(begins.saturating_sub(1));
        let before = past.replay(bridge, until)?;
        let snapshots = past.snapshots().filter(|_| begins > 0);
        let mut view = before.begin_in(Box::new(store), snapshots.as_deref())?;
        if begins > 0 {
            before.run(&mut view, &mut Shown::new(before.end))?;
        }
        Ok(view)
    };
    let (happened, would_be) = (view("happened")?, view("would-be")?);
    let last = stands(&happened, &bridge.id);
    let since = json!({
        "journal_sequence": last.map(|(sequence, _)| sequence),
        "time": last.map(|(_, at)| time(at.0)),
        "journal_offset": begins,
    });
    let settings = processors::settings(config, bridge.partition, vec![bridge.id.clone()]);
    let what_if = WhatIf::new(replay.log, settings, replay.end, happened, would_be);
    let report = what_if.run(offer, &mut |offset| shown.at(offset))?;
    Ok(Answer {
        bridge: bridge.id.to_string(),
        since,
        report,
    })
}

impl Answer {
    fn assumptions(&self) -> Vec<String> {
        let mut named: Vec<String> = ASSUMPTIONS.iter().map(|one| (*one).to_owned()).collect();
        if self.report.missing > 0 {
            named.push(format!(
                "{} observations are missing although their decisions are there, and count as \
                 never made",
                self.report.missing
            ));
        }
        named
    }

    fn json(&self, show: Show, limit: usize) -> Value {
        let differences = &self.report.differences;
        let shown = differences.iter().take(limit);
        let calls = self
            .report
            .calls
            .iter()
            .map(|(kind, (happened, would_be))| {
                let both = json!({"happened": happened, "would_be": would_be});
                ((*kind).to_owned(), both)
            });
        json!({
            "bridge": self.bridge,
            "since": self.since,
            "observations": self.report.observations,
            "differences": shown.map(|one| difference(one, show)).collect::<Vec<_>>(),
            "differences_more": differences.len().saturating_sub(limit),
            "differences_untold": self.report.beyond,
            "calls": calls.collect::<serde_json::Map<_, _>>(),
            "assumptions": self.assumptions(),
        })
    }

    fn text(&self, show: Show, limit: usize) -> String {
        let since = self.since["time"]
            .as_str()
            .unwrap_or("the journal's beginning");
        let mut text = format!(
            "bridge {}: {} observations since {since}\n",
            self.bridge, self.report.observations
        );
        let all = &self.report.differences;
        let (lost, new): (Vec<_>, Vec<_>) = all.iter().partition(|one| one.times > 0);
        for (title, part) in [
            ("happened, and would not have:", lost),
            ("would have happened, and did not:", new),
        ] {
            if part.is_empty() {
                continue;
            }
            let _ = writeln!(text, "\n{title}");
            for one in part.iter().take(limit) {
                let _ = writeln!(text, "  {}", line(one, show));
            }
            if part.len() > limit {
                let _ = writeln!(text, "  and {} more: see --limit", part.len() - limit);
            }
        }
        if all.is_empty() {
            text.push_str("\nno link, split, write or question to a person would differ\n");
        }
        if self.report.beyond > 0 {
            let beyond = self.report.beyond;
            let _ = writeln!(text, "\n{beyond} effects more than can be told apart");
        }
        text.push_str("\ncalls, repeats left out:\n");
        for (kind, (happened, would_be)) in &self.report.calls {
            let _ = writeln!(
                text,
                "  {kind}: {happened} were made, {would_be} would have been"
            );
        }
        text.push_str("\nassumed:\n");
        for one in self.assumptions() {
            let _ = writeln!(text, "  - {one}");
        }
        text
    }
}

fn difference(one: &Difference, show: Show) -> Value {
    let mut told = match &one.effect {
        Effect::Link { left, right, rule } => json!({
            "what": "link", "left": left.to_string(), "right": right.to_string(), "rule": rule,
        }),
        Effect::Split { left, right } => json!({
            "what": "split", "left": left.to_string(), "right": right.to_string(),
        }),
        Effect::Create { object, origin } => json!({
            "what": "create", "object": object, "from": origin.to_string(),
        }),
        Effect::Write {
            record,
            field,
            value,
        } => json!({
            "what": "write", "record": record.to_string(), "field": field,
            "value": show.value(value),
        }),
        Effect::Attach { contact, company } => json!({
            "what": "attach", "contact": contact.to_string(), "company": company.to_string(),
        }),
        Effect::Review { record, reason } => json!({
            "what": "review", "record": record.to_string(), "reason": reason,
        }),
    };
    let times = one.times.unsigned_abs();
    let (happened, would_be) = if one.times > 0 {
        (times, 0)
    } else {
        (0, times)
    };
    told["happened_more"] = json!(happened);
    told["would_be_more"] = json!(would_be);
    told["observation"] = json!(one.cause.map(|cause| cause.to_string()));
    told
}

fn line(one: &Difference, show: Show) -> String {
    let mut line = match &one.effect {
        Effect::Link { left, right, rule } => format!("link {left} and {right} by {rule}"),
        Effect::Split { left, right } => format!("split {left} and {right}"),
        Effect::Create { object, origin } => format!("create {object} from {origin}"),
        Effect::Write {
            record,
            field,
            value,
        } => format!("write {record} {field} = {}", show.value(value)),
        Effect::Attach { contact, company } => format!("attach {contact} to {company}"),
        Effect::Review { record, reason } => format!("ask a person about {record}: {reason}"),
    };
    if one.times.abs() > 1 {
        let _ = write!(line, " ({} times)", one.times.abs());
    }
    if let Some(cause) = one.cause {
        let _ = write!(line, " ({cause})");
    }
    line.replace(['\n', '\r'], " ")
}

/// Both views on disk, so that memory stays bounded however many customers there are. Only this
/// user can read it.
struct Folder {
    path: PathBuf,
}

impl Folder {
    fn make() -> anyhow::Result<Self> {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        let nanos = since.map_or(0, |since| since.as_nanos());
        let name = format!("crosswalk-what-if-{}-{nanos}", std::process::id());
        let path = std::env::temp_dir().join(name);
        let mut builder = fs::DirBuilder::new();
        let made = builder.mode(0o700).create(&path);
        made.with_context(|| format!("cannot make the folder {}", path.display()))?;
        Ok(Self { path })
    }

    fn leave(&self) {
        if let Err(error) = fs::remove_dir_all(&self.path) {
            eprintln!("cannot remove {}: {error}", self.path.display());
        }
    }
}
