//! `crosswalk identity show|explain|history|link|unlink`: who somebody is, in both systems, why,
//! and a person's word on it.

use std::path::PathBuf;

use anyhow::{Context, bail};
use crosswalk::config::Config;
use crosswalk::processor::travel::replay::Until;
use serde_json::{Value, json};

use crate::admin_client::{self, Place, not_running};
use crate::past::{self, Past};
use crate::{history, rebuild};

/// Ask who is who.
#[derive(clap::Args)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Show one customer: records in both systems, why they are linked, what should hold.
    ///
    /// QUERY is an e-mail address, a customer id (cus_…), a record as source/object/id, or a
    /// record id alone. The running process is asked at its admin port; with none running, the
    /// view is rebuilt from the journal first. That nobody matches is an error.
    /// With --at the view is rebuilt as it stood then: after a moment of our clock, a sequence of
    /// the bridge's journal (17), or an offset of it (@23).
    #[command(
        verbatim_doc_comment,
        after_help = "Examples:\n  \
        crosswalk identity show ada@example.com --config crosswalk.yaml\n  \
        crosswalk identity show support/contact/6961d4041c1e12de4c5499cc\n  \
        crosswalk identity show ada@example.com --at 2026-01-30T09:00:00Z\n  \
        crosswalk identity show 00Q5g00000ABCDEEA5 --admin 127.0.0.1:9090"
    )]
    Show(Show),
    /// Explain one customer: why the records are linked, or why not; where each value comes from.
    ///
    /// For each link the rule, its version, the evidence and the observation; for a record that
    /// has no counterpart what each rule found, who came nearest and which rule failed; for each
    /// field its value, the record it came from, the policy that decided, and what every record
    /// holds of it. With --at all of it as it stood then, as `show` has it; whoever is written
    /// much alike is looked for then too.
    #[command(
        verbatim_doc_comment,
        after_help = "Examples:\n  \
        crosswalk identity explain ada@example.com --config crosswalk.yaml\n  \
        crosswalk identity explain sales/Lead/00Q5g00000ABCDEEA5"
    )]
    Explain(Show),
    History(history::Arguments),
    /// Say that two records are one customer, whatever the rules find.
    ///
    /// They are joined as at a first link: blanks are filled, values stay (`on_first_link`). A
    /// record of Salesforce may be one that crosswalk has not seen; it is read first.
    #[command(
        verbatim_doc_comment,
        after_help = "Example:\n  crosswalk identity link \
        support/contact/6961d4041c1e12de4c5499cc sales/Lead/00Q5g00000ABCDEEA5 --by ann"
    )]
    Link(Word),
    /// Say that two records are not one customer: what joins them is taken away.
    ///
    /// Each side holds again what it held before our writes, but for what people have said since;
    /// they are never joined again by what they share. The side that was linked first keeps the
    /// customer id. Where others join the two, the answer says which: take those apart first, or
    /// name one record alone, which takes it out of its customer.
    #[command(
        verbatim_doc_comment,
        after_help = "Example:\n  crosswalk identity unlink \
        support/contact/6961d4041c1e12de4c5499cc sales/Lead/00Q5g00000ABCDEEA5 --by ann"
    )]
    Unlink(Apart),
}

#[derive(clap::Args)]
struct Apart {
    /// One record: source/object/id.
    left: String,
    /// The other: source/object/id; without it the first is taken out of its customer.
    right: Option<String>,
    /// Who says so; stands in the journal.
    #[arg(long, value_name = "NAME")]
    by: String,
    #[command(flatten)]
    place: Place,
}

#[derive(clap::Args)]
struct Word {
    /// One record: source/object/id.
    left: String,
    /// The other: source/object/id.
    right: String,
    /// Who says so; stands in the journal.
    #[arg(long, value_name = "NAME")]
    by: String,
    #[command(flatten)]
    place: Place,
}

#[derive(clap::Args)]
struct Show {
    /// E-mail, customer id, source/object/id, or record id.
    query: String,
    /// The configuration file.
    #[arg(long, value_name = "FILE", default_value = "crosswalk.yaml")]
    config: PathBuf,
    /// Ask the process at this address instead of the configured one.
    #[arg(long, value_name = "ADDRESS")]
    admin: Option<String>,
    /// The view as it stood then, rebuilt from the journal.
    #[arg(long, value_name = "TIME|POSITION", value_parser = past::parse)]
    #[arg(conflicts_with = "admin")]
    at: Option<Until>,
    /// The bridge to look at with --at, where several are configured.
    #[arg(long, value_name = "NAME", requires = "at")]
    bridge: Option<String>,
}

pub fn run(arguments: Arguments) -> anyhow::Result<()> {
    let (show, path) = match arguments.command {
        Command::Show(show) => (show, "/v1/identity"),
        Command::Explain(show) => (show, "/v1/explain"),
        Command::History(arguments) => return history::run(&arguments),
        Command::Link(word) => {
            let body = json!({"by": word.by, "left": word.left, "right": word.right});
            return say(&word.place, &body, "link");
        }
        Command::Unlink(word) => {
            let mut body = json!({"by": word.by, "left": word.left});
            if let Some(right) = &word.right {
                body["right"] = json!(right);
            }
            return say(&word.place, &body, "unlink");
        }
    };
    let asked = match show.at {
        Some(until) => Some(then(&show, until, path)?),
        None => ask_running(&show, path)?,
    };
    let answer = match asked {
        Some(answer) => answer,
        None => {
            let config = Config::load(&show.config)?;
            let rebuilt = rebuild::rebuild(&config)?;
            match path {
                "/v1/explain" => rebuilt.explain(&show.query),
                _ => rebuilt.identity(&show.query),
            }
        }
    };
    if !has_customers(&answer) {
        bail!("no customer matches {:?}", show.query);
    }
    println!("{}", serde_json::to_string_pretty(&answer)?);
    Ok(())
}

/// The answer of the view as it stood.
fn then(show: &Show, until: Until, path: &str) -> anyhow::Result<Value> {
    let past = Past::open(Config::load(&show.config)?, until, show.bridge.as_deref())?;
    match path {
        "/v1/explain" => past.explain(&show.query),
        _ => past.identity(&show.query),
    }
}

fn say(place: &Place, body: &Value, what: &str) -> anyhow::Result<()> {
    let base = place.base()?;
    let told = admin_client::tell(&base, &format!("/v1/identity/{what}"), body)?;
    let told = told.with_context(|| not_running(&base))?;
    for decision in told["decisions"].as_array().into_iter().flatten() {
        println!("{what}: decision {}", decision.as_str().unwrap_or_default());
    }
    Ok(())
}

fn has_customers(answer: &Value) -> bool {
    let mut bridges = answer["bridges"].as_array().into_iter().flatten();
    bridges.any(|bridge| {
        let customers = bridge["customers"].as_array();
        customers.is_some_and(|customers| !customers.is_empty())
    })
}

fn ask_running(show: &Show, path: &str) -> anyhow::Result<Option<Value>> {
    let query = [("query", show.query.as_str())];
    if let Some(given) = &show.admin {
        let base = admin_client::url(given);
        let answer = admin_client::ask(&base, path, &query)?;
        return answer
            .map(Some)
            .with_context(|| format!("nobody listens at {base}"));
    }
    let config = Config::load(&show.config)?;
    match admin_client::configured(&config) {
        Some(base) => admin_client::ask(&base, path, &query),
        None => Ok(None),
    }
}
