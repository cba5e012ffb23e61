//! `crosswalk mapping`: the mapping file by itself, without either system; what it would have
//! done to what was observed.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::ValueEnum;
use crosswalk::config::Config;
use crosswalk::domain::{BridgeId, SourceId};
use crosswalk::mapping::{DEFAULT, Mapping, Offer, Sources, schema, sheet, warn};

use crate::print::print;
use crate::{mappings, what_if};

/// Check a mapping file, show it as a table, try it on what was observed, or begin with the
/// default one.
#[derive(clap::Args)]
#[command(
    verbatim_doc_comment,
    after_help = "Examples:\n  crosswalk mapping default > mapping.yaml\n  \
    crosswalk mapping lint mapping.yaml\n  \
    crosswalk mapping sheet mapping.yaml --format csv > mapping.csv"
)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Print the default mapping, to begin with.
    #[command(after_help = "Example:\n  crosswalk mapping default > mapping.yaml")]
    Default,
    /// Say what is wrong with mapping files: line, column, what, and the fix.
    ///
    /// Asks neither system: whether the fields exist there is what `check` says. Exit status 0 only
    /// if nothing has to be mended; what may mislead people is a warning.
    #[command(
        verbatim_doc_comment,
        after_help = "Example:\n  crosswalk mapping lint mapping.yaml"
    )]
    Lint(Lint),
    /// Show each mapped field with its meaning, owner, direction, transform and policy.
    ///
    /// Without FILE the mappings that the configuration names, bridge by bridge.
    #[command(
        verbatim_doc_comment,
        after_help = "Examples:\n  crosswalk mapping sheet mapping.yaml\n  \
        crosswalk mapping sheet --config crosswalk.yaml --bridge main --format csv"
    )]
    Sheet(Sheet),
    WhatIf(what_if::Arguments),
    /// Print the JSON Schema of mapping files, for editors.
    #[command(after_help = "Example:\n  crosswalk mapping schema > mapping.schema.json")]
    Schema,
}

#[derive(clap::Args)]
struct Lint {
    /// The mapping files.
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
}

#[derive(clap::Args)]
struct Sheet {
    /// A mapping file.
    #[arg(value_name = "FILE", conflicts_with_all = ["config", "bridge"])]
    file: Option<PathBuf>,
    /// The configuration file.
    #[arg(long, value_name = "FILE", default_value = "crosswalk.yaml")]
    config: PathBuf,
    /// The bridge whose mapping is shown; all unless given.
    #[arg(long, value_name = "NAME")]
    bridge: Option<String>,
    #[arg(long, value_enum, default_value_t = Format::Markdown)]
    format: Format,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    /// A table, as in this project's pages.
    Markdown,
    /// For spreadsheets.
    Csv,
}

pub fn run(arguments: Arguments) -> anyhow::Result<()> {
    match arguments.command {
        Command::Default => print(DEFAULT),
        Command::Lint(lint) => lint.run(),
        Command::Sheet(sheet) => sheet.run(),
        Command::WhatIf(arguments) => what_if::run(&arguments),
        Command::Schema => print(&format!("{:#}\n", schema::schema())),
    }
}

/// The sources of a file that stands by itself: what they are called changes nothing of it.
fn alone() -> anyhow::Result<Sources> {
    let workspace = SourceId::new("intercom").context("a plain name")?;
    Ok(Sources {
        salesforce: SourceId::new("salesforce").context("a plain name")?,
        intercom: BTreeMap::from([(workspace, "workspace".to_owned())]),
    })
}

fn read(path: &Path) -> anyhow::Result<Offer> {
    let text = fs::read_to_string(path);
    Ok(Offer {
        sources: alone()?,
        file: text.with_context(|| format!("cannot read {}", path.display()))?,
    })
}

impl Lint {
    fn run(self) -> anyhow::Result<()> {
        let (mut found, mut unreadable) = (0, 0);
        for path in &self.files {
            let shown = path.display();
            let offer = match read(path) {
                Ok(offer) => offer,
                Err(error) => {
                    unreadable += 1;
                    print(&format!("{error:#}\n"))?;
                    continue;
                }
            };
            match offer.compile() {
                Ok(mapping) => {
                    let warnings = warn::warnings(&mapping);
                    for warning in &warnings {
                        print(&format!("{shown}: warning: {warning}\n"))?;
                    }
                    let found = match warnings.len() {
                        0 => "nothing found".to_owned(),
                        1 => "1 warning".to_owned(),
                        many => format!("{many} warnings"),
                    };
                    print(&format!(
                        "{shown}: version {}, {} fields, {found}\n",
                        mapping.version,
                        sheet::rows(&mapping).len()
                    ))?;
                }
                Err(findings) => {
                    found += findings.0.len();
                    for finding in &findings.0 {
                        print(&format!("{shown}:{finding}\n"))?;
                    }
                }
            }
        }
        match (found, unreadable) {
            (0, 0) => Ok(()),
            (0, _) => bail!("{unreadable} of {} files cannot be read", self.files.len()),
            (1, _) => bail!("1 thing to mend"),
            (_, _) => bail!("{found} things to mend"),
        }
    }
}

impl Sheet {
    fn run(self) -> anyhow::Result<()> {
        if let Some(path) = &self.file {
            let mapping = read(path)?
                .compile()
                .map_err(|findings| anyhow::anyhow!("{}:{findings}", path.display()))?;
            return print(&self.format.table(None, &mapping, true)?);
        }
        let config = Config::load(&self.config)?;
        let offers = mappings::load(&config)?;
        let wanted = |bridge: &BridgeId| match &self.bridge {
            Some(name) => bridge.as_str() == name,
            None => true,
        };
        let offers: Vec<_> = offers.iter().filter(|(bridge, _)| wanted(bridge)).collect();
        if offers.is_empty() {
            let name = self.bridge.as_deref().unwrap_or_default();
            let known: Vec<&str> = config.bridges.keys().map(BridgeId::as_str).collect();
            bail!(
                "there is no bridge {name}; the configuration has {}",
                known.join(", ")
            );
        }
        let named = offers.len() > 1;
        for (number, (bridge, (_, offer))) in offers.into_iter().enumerate() {
            let mapping = offer.compile()?;
            let table = self
                .format
                .table(named.then_some(bridge), &mapping, number == 0)?;
            print(&table)?;
        }
        Ok(())
    }
}

impl Format {
    /// The table of one mapping; `first` of those that are printed one after the other.
    fn table(
        self,
        bridge: Option<&BridgeId>,
        mapping: &Mapping,
        first: bool,
    ) -> anyhow::Result<String> {
        let rows = sheet::rows(mapping);
        match self {
            Self::Markdown => {
                let title = bridge.map_or(String::new(), |bridge| format!("## {bridge}\n\n"));
                let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
                let head = line(&sheet::COLUMNS.map(str::to_owned));
                let rule = line(&sheet::COLUMNS.map(|_| "---".to_owned()));
                let rows = rows
                    .iter()
                    .map(|row| line(&row.clone().map(|cell| escaped(&cell))));
                Ok(format!("{title}{head}{rule}{}", rows.collect::<String>()))
            }
            Self::Csv => {
                let mut table = csv::Writer::from_writer(Vec::new());
                // With several bridges each row says whose it is.
                if first {
                    let head = bridge.map(|_| "bridge").into_iter();
                    table.write_record(head.chain(sheet::COLUMNS))?;
                }
                for row in rows {
                    let name = bridge.map(ToString::to_string).into_iter();
                    table.write_record(name.chain(row))?;
                }
                Ok(String::from_utf8(table.into_inner()?)?)
            }
        }
    }
}

/// A cell of a Markdown table.
fn escaped(text: &str) -> String {
    text.replace('|', "\\|").replace(['\n', '\r'], " ")
}
