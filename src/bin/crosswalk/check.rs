//! `crosswalk check`: validates the configuration, asks both systems, and says what is missing.
//!
//! `needs` reads out of the mappings what they ask for, `org`, `workspace` and `overlap` judge what
//! was answered, all without IO; `salesforce` and `intercom` ask. Nothing is written anywhere.

mod fit;
mod intercom;
mod needs;
mod org;
mod overlap;
mod report;
mod salesforce;
mod workspace;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, bail};
use crosswalk::clients::HttpTransport;
use crosswalk::clients::http;
use crosswalk::clients::transport::Transport;
use crosswalk::config::{Bridge, Config, SourceKind};
use crosswalk::domain::{BridgeId, SourceId};
use crosswalk::mapping::{Mapping, Offer, sharing};

use crate::mappings;
use fit::Types;
use report::{Line, Report};

/// Validate the configuration, then ask both systems what is missing.
///
/// One line for each step: ok, missing or warning, what it is about, and what to do. With --json it
/// is one object. Exit status 0 only if nothing is missing; a warning is for a person to judge.
/// Nothing is written to either system, and no credential or personal value is printed.
#[derive(clap::Args)]
#[command(
    verbatim_doc_comment,
    after_help = "Examples:\n  crosswalk check --config crosswalk.yaml\n  \
    crosswalk check --offline            only the files, as in a build\n  \
    crosswalk check --webhook-url https://hooks.acme.example/webhooks/intercom\n  \
    crosswalk check --json | jq -r '.lines[] | select(.state == \"missing\") | .what'"
)]
pub struct Arguments {
    /// The configuration file.
    #[arg(long, value_name = "FILE", default_value = "crosswalk.yaml")]
    config: PathBuf,
    /// Validate the files and ask nobody.
    #[arg(long)]
    offline: bool,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
    /// Where Intercom posts webhooks: it must answer HEAD.
    #[arg(long, value_name = "URL", conflicts_with = "offline")]
    webhook_url: Option<String>,
}

/// A bridge whose mapping can work.
struct Checked<'a> {
    bridge: &'a Bridge,
    mapping: Mapping,
}

pub fn run(arguments: Arguments) -> anyhow::Result<()> {
    let mut report = Report::new(arguments.json);
    if let Some(config) = configuration(&arguments.config, &mut report) {
        let bridges = mappings_of(&config, &mut report)?;
        if !arguments.offline {
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .enable_all()
                .build()?;
            let url = arguments.webhook_url.as_deref();
            runtime.block_on(ask(&config, &bridges, url, &mut report))?;
        }
    }
    report.finish();
    match report.missing() {
        0 => Ok(()),
        1 => bail!("1 thing is missing"),
        missing => bail!("{missing} things are missing"),
    }
}

fn configuration(file: &Path, report: &mut Report) -> Option<Config> {
    match Config::load(file) {
        Ok(config) => {
            report.add(Line::ok(format!("{} can be used", file.display())));
            Some(config)
        }
        Err(error) => {
            report.add(Line::missing(error.to_string(), ""));
            None
        }
    }
}

/// Compiles every mapping and reports everything that is wrong with each.
fn mappings_of<'a>(config: &'a Config, report: &mut Report) -> anyhow::Result<Vec<Checked<'a>>> {
    let mut checked = Vec::new();
    for bridge in config.bridges.values() {
        let shown = bridge.mapping.display();
        let file = match std::fs::read_to_string(&bridge.mapping) {
            Ok(file) => file,
            Err(error) => {
                let what = format!("{shown} cannot be read: {error}");
                report.add(Line::missing(what, "name a text file in UTF-8"));
                continue;
            }
        };
        let sources = mappings::sources(config, bridge)?;
        match (Offer { sources, file }).compile() {
            Ok(mapping) => {
                let version = mapping.version;
                report.add(Line::ok(format!("{shown} can be used, version {version}")));
                checked.push(Checked { bridge, mapping });
            }
            Err(findings) => {
                for finding in findings.0 {
                    let (line, column) = (finding.line, finding.column);
                    let (field, what) = (&finding.field, &finding.what);
                    let what = format!("{shown}:{line}:{column}: {field}: {what}");
                    report.add(Line::missing(what, finding.fix.clone()));
                }
            }
        }
    }
    Ok(checked)
}

async fn ask(
    config: &Config,
    bridges: &[Checked<'_>],
    webhook_url: Option<&str>,
    report: &mut Report,
) -> anyhow::Result<()> {
    let options = http::Options {
        connect_timeout: config.sink.connect_timeout,
        ..http::Options::default()
    };
    let transport = HttpTransport::new(&options).context("cannot make an HTTP client")?;
    let transport: Arc<dyn Transport> = Arc::new(transport);
    let types = ask_workspaces(config, bridges, &transport, report).await;
    if let Some(url) = webhook_url {
        report.add(intercom::endpoint(url, config.sink.connect_timeout).await);
    }
    let mut orgs: BTreeMap<BridgeId, String> = BTreeMap::new();
    for checked in bridges {
        let Some(org) = config.sources.get(&checked.mapping.sources.salesforce) else {
            continue;
        };
        let empty = Types::new();
        let known: Vec<&Types> = checked
            .mapping
            .sources
            .intercom
            .keys()
            .map(|id| types.get(id).unwrap_or(&empty))
            .collect();
        let asked = salesforce::Asked {
            config,
            source: org,
            mapping: &checked.mapping,
            types: &known,
        };
        if let Some(org_id) = asked.ask(&transport, report).await {
            orgs.insert(checked.bridge.id.clone(), org_id);
        }
    }
    overlaps(config, bridges, &orgs, report);
    Ok(())
}

/// Asks each workspace once, judges it for each of its bridges, and keeps its attributes' types.
async fn ask_workspaces(
    config: &Config,
    bridges: &[Checked<'_>],
    transport: &Arc<dyn Transport>,
    report: &mut Report,
) -> BTreeMap<SourceId, Types> {
    let mut types = BTreeMap::new();
    for source in config.sources.values() {
        let SourceKind::Intercom(workspace) = &source.kind else {
            continue;
        };
        let timeout = config.sink.request_timeout;
        let asked = intercom::Asked::new(&source.id, workspace, transport, timeout);
        let Some(attributes) = asked.ask(report).await else {
            continue;
        };
        for checked in bridges {
            if checked.bridge.sources.contains(&source.id) {
                let needed = needs::of_workspace(&checked.mapping);
                let makes = workspace.create_attributes;
                let name = source.id.as_str();
                report.extend(workspace::judge(name, &needed, &attributes, makes));
            }
        }
        types.insert(source.id.clone(), workspace::types(&attributes));
    }
    types
}

/// Bridges that share an org, which only their answers tell: a host can have several names.
fn overlaps(
    config: &Config,
    bridges: &[Checked<'_>],
    orgs: &BTreeMap<BridgeId, String>,
    report: &mut Report,
) {
    let known = bridges.iter().filter_map(|checked| {
        let source = config.sources.get(&checked.mapping.sources.salesforce)?;
        let scope = overlap::Scope {
            bridge: checked.bridge.id.to_string(),
            org_id: orgs.get(&checked.bridge.id)?.clone(),
            token: source.salesforce()?.client_token.clone(),
            written: needs::written(&checked.mapping),
        };
        Some((scope, &checked.mapping))
    });
    let (scopes, mappings): (Vec<overlap::Scope>, Vec<&Mapping>) = known.unzip();
    let compare = |one: usize, other: usize| sharing(mappings[one], mappings[other]);
    report.extend(overlap::judge(&scopes, compare));
}
