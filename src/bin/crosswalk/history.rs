//! `crosswalk identity history`: what has become of a customer, event by event.

use std::fmt::Write as _;
use std::path::PathBuf;

use anyhow::{Context, bail};
use crosswalk::config::Config;
use crosswalk::domain::JournalEntry;
use crosswalk::processor::travel::history::{Historian, Page, Step, Subject};
use crosswalk::processor::travel::replay::{Until, Watch};
use crosswalk::processor::view::View;
use serde_json::{Value, json};

use crate::event_json::{Show, time};
use crate::past::{self, Past, Shown, standing};
use crate::print::print;

/// Events of one answer.
const LIMIT_MAX: usize = 1_000;

/// List the journal events that touched a customer, with the values before and after each.
///
/// QUERY is an e-mail address, a customer id (cus_…; also one that became an alias), a record as
/// source/object/id, or a record id alone. The earliest event comes first. An event is listed if
/// it concerns the customer, or whoever held one of its records then: so what its records went
/// through before they were linked is there, and what they did after they left is not.
/// The journal is read from beside the running process. Values are shown.
#[derive(clap::Args)]
#[command(
    verbatim_doc_comment,
    after_help = "Examples:\n  \
    crosswalk identity history ada@example.com --config crosswalk.yaml\n  \
    crosswalk identity history sales/Lead/00Q5g00000ABCDEEA5 --field Title --limit 20\n  \
    crosswalk identity history ada@example.com --at 2026-01-30T09:00:00Z --json"
)]
pub struct Arguments {
    /// E-mail, customer id, source/object/id, or record id.
    query: String,
    /// The configuration file.
    #[arg(long, value_name = "FILE", default_value = "crosswalk.yaml")]
    config: PathBuf,
    /// Whom QUERY found then, and what had happened by then.
    #[arg(long, value_name = "TIME|POSITION", value_parser = past::parse)]
    at: Option<Until>,
    /// The bridge to look at, where several are configured.
    #[arg(long, value_name = "NAME")]
    bridge: Option<String>,
    /// Only events that changed this field, by its name in Intercom or in Salesforce.
    #[arg(long, value_name = "FIELD")]
    field: Option<String>,
    /// Only events behind this sequence: go on where a page ended. Of one bridge.
    #[arg(long, value_name = "SEQUENCE")]
    after: Option<u64>,
    /// Events of a bridge that are listed at most, 1 to 1000.
    #[arg(long, value_name = "N", default_value_t = 100)]
    limit: usize,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    if !(1..=LIMIT_MAX).contains(&arguments.limit) {
        bail!("--limit is 1 to {LIMIT_MAX}, not {}", arguments.limit);
    }
    let config = Config::load(&arguments.config)?;
    let until = arguments.at.unwrap_or(Until::Now);
    let past = Past::open(config, until, arguments.bridge.as_deref())?;
    if arguments.after.is_some() && past.bridges().len() > 1 {
        bail!("--after is a sequence of one bridge's journal: name it with --bridge");
    }
    let page = Page {
        after: arguments.after,
        limit: arguments.limit,
        field: arguments.field.clone(),
    };
    let mut histories = Vec::new();
    for index in 0..past.bridges().len() {
        histories.extend(history(&past, index, &arguments.query, &page)?);
    }
    if histories.is_empty() {
        bail!("no customer matches {:?}", arguments.query);
    }
    if arguments.json {
        let all: Vec<Value> = histories.iter().map(History::to_json).collect();
        let text =
            serde_json::to_string_pretty(&json!({"query": arguments.query, "bridges": all}))?;
        return print(&format!("{text}\n"));
    }
    let shown: Vec<String> = histories.iter().map(History::text).collect();
    print(&shown.join("\n"))
}

/// What one bridge's journal says of whom a query finds.
struct History {
    bridge: String,
    at: Value,
    subject: Subject,
    steps: Vec<Step>,
    /// Whether there are more.
    more: bool,
}

/// None where the query finds nobody. The journal is read twice: whom it is about is known only
/// at the end.
fn history(past: &Past, index: usize, query: &str, page: &Page) -> anyhow::Result<Option<History>> {
    let bridge = &past.bridges()[index];
    let then = past.view(bridge)?;
    let subject = Subject::find(&then, &bridge.id, bridge.sources.as_ref(), query);
    let at = standing(&then, &bridge.id);
    drop(then);
    if subject.is_empty() {
        return Ok(None);
    }
    let replay = past.replay(bridge, past.until)?;
    // What lies before the page is not looked at: a snapshot of it will do.
    let before_page = Until::Sequence(page.after.unwrap_or(0));
    let from = past.replay(bridge, before_page)?;
    let snapshots = past.snapshots().filter(|_| page.after.is_some());
    let told = || format!("reading the journal of {}", bridge.id);
    let mut view = from.begin(snapshots.as_deref()).with_context(told)?;
    let mut historian = Historian::new(&bridge.id, &subject, page);
    let mut watch = Told {
        shown: Shown::new(replay.end),
        historian: &mut historian,
    };
    replay.run(&mut view, &mut watch).with_context(told)?;
    let (steps, more) = (std::mem::take(&mut historian.steps), historian.more);
    Ok(Some(History {
        bridge: bridge.id.to_string(),
        at,
        subject,
        steps,
        more,
    }))
}

/// A historian, and how far it is.
struct Told<'a, 'h> {
    shown: Shown,
    historian: &'a mut Historian<'h>,
}

impl Watch for Told<'_, '_> {
    fn before(&mut self, view: &View, offset: u64, entry: &JournalEntry) -> bool {
        self.shown.at(offset);
        self.historian.before(view, offset, entry)
    }

    fn after(&mut self, view: &View, offset: u64, entry: &JournalEntry) {
        self.historian.after(view, offset, entry);
    }
}

impl History {
    /// Where the next page begins.
    fn next(&self) -> Option<u64> {
        let last = self.steps.last().filter(|_| self.more);
        last.map(|step| step.entry.sequence)
    }

    fn to_json(&self) -> Value {
        let customers = self.subject.customers.iter().map(ToString::to_string);
        let records = self.subject.records.iter().map(ToString::to_string);
        json!({
            "bridge": self.bridge, "at": self.at,
            "customers": customers.collect::<Vec<_>>(),
            "records": records.collect::<Vec<_>>(),
            "events": self.steps.iter().map(step_json).collect::<Vec<_>>(),
            "next_after": self.next(),
        })
    }

    fn text(&self) -> String {
        let mut text = format!("bridge {}", self.bridge);
        for id in &self.subject.customers {
            let _ = write!(text, ", {id}");
        }
        text.push('\n');
        for record in &self.subject.records {
            let _ = writeln!(text, "  {record}");
        }
        for step in &self.steps {
            step_text(&mut text, step);
        }
        if let Some(next) = self.next() {
            let _ = writeln!(text, "there is more: --after {next}");
        }
        text
    }
}

fn step_json(step: &Step) -> Value {
    let entry = &step.entry;
    json!({
        "journal_sequence": entry.sequence,
        "journal_offset": step.offset,
        "time": time(entry.at.0),
        "event": entry.event.name(),
        "observation": entry.cause.map(|cause| cause.to_string()),
        "mapping_version": step.mapping,
        "said": Show { personal: true }.event(&entry.event),
        "changes": step.changes,
    })
}

/// `#17 2026-01-30T09:00:00.000Z field_agreed field=… by=…`, and a line for each change.
fn step_text(text: &mut String, step: &Step) {
    let entry = &step.entry;
    let at = time(entry.at.0);
    let at = at.as_str().map_or_else(|| at.to_string(), str::to_owned);
    let _ = write!(text, "#{} {at} {}", entry.sequence, entry.event.name());
    let said = Show { personal: true }.event(&entry.event);
    for (name, value) in said.as_object().into_iter().flatten() {
        if value.is_object() || value.is_array() || value.is_null() {
            continue;
        }
        let _ = write!(text, " {name}={}", bare(value));
    }
    if let Some(cause) = entry.cause {
        let _ = write!(text, " observation={cause}");
    }
    text.push('\n');
    for change in &step.changes {
        let name = match change["name"].as_str() {
            Some(name) => format!(" {name}"),
            None => String::new(),
        };
        let _ = writeln!(
            text,
            "    {} {}{name}: {} -> {}",
            bare(&change["of"]),
            bare(&change["what"]),
            change["before"],
            change["after"],
        );
    }
}

/// On one line, without quotes.
fn bare(value: &Value) -> String {
    let text = value.as_str();
    let text = text.map_or_else(|| value.to_string(), str::to_owned);
    text.replace(['\n', '\r'], " ")
}
