//! `crosswalk identity show|explain QUERY`: who somebody is, in both systems, and why.

use std::path::PathBuf;

use anyhow::{Context, bail};
use crosswalk::config::Config;
use serde_json::Value;

use crate::{admin_client, rebuild};

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
    #[command(
        verbatim_doc_comment,
        after_help = "Examples:\n  \
        crosswalk identity show ada@example.com --config crosswalk.yaml\n  \
        crosswalk identity show support/contact/6961d4041c1e12de4c5499cc\n  \
        crosswalk identity show 00Q5g00000ABCDEEA5 --admin 127.0.0.1:9090"
    )]
    Show(Show),
    /// Explain one customer: why the records are linked, or why not; where each value comes from.
    ///
    /// For each link the rule, its version, the evidence and the observation; for a record that
    /// has no counterpart what each rule found and where it stands; for each field its value, the
    /// record it came from, the policy that decided, and what every record holds of it.
    #[command(
        verbatim_doc_comment,
        after_help = "Examples:\n  \
        crosswalk identity explain ada@example.com --config crosswalk.yaml\n  \
        crosswalk identity explain sales/Lead/00Q5g00000ABCDEEA5"
    )]
    Explain(Show),
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
}

pub fn run(arguments: Arguments) -> anyhow::Result<()> {
    let (show, path) = match arguments.command {
        Command::Show(show) => (show, "/v1/identity"),
        Command::Explain(show) => (show, "/v1/explain"),
    };
    let answer = match ask_running(&show, path)? {
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
