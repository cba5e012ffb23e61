//! `crosswalk dead-letters redrive|discard`: what a person does about letters.

use std::path::PathBuf;

use anyhow::bail;
use crosswalk::config::Config;
use serde_json::json;

use crate::admin_client;
use crate::letters::LETTERS_MAX;
use crate::print::print;

/// Which letters, and who settles them.
#[derive(clap::Args)]
pub struct Settle {
    /// The letters' ids, PARTITION@OFFSET, as the list shows them.
    #[arg(required_unless_present = "cause", conflicts_with = "cause")]
    letters: Vec<String>,
    /// All open letters of this cause, instead of ids.
    #[arg(long, value_name = "CAUSE")]
    cause: Option<String>,
    /// Of this bridge only; with --cause.
    #[arg(long, value_name = "NAME", requires = "cause")]
    bridge: Option<String>,
    /// Who does it; stands in the journal.
    #[arg(long, value_name = "NAME")]
    by: String,
    /// The configuration file.
    #[arg(long, value_name = "FILE", default_value = "crosswalk.yaml")]
    config: PathBuf,
    /// Ask the process at this address instead of the configured one.
    #[arg(long, value_name = "ADDRESS")]
    admin: Option<String>,
}

impl Settle {
    /// Settles each; one that cannot be does not stop the others, and fails the command.
    pub fn run(self, how: &str) -> anyhow::Result<()> {
        let base = admin_client::base(self.admin.as_deref(), &self.config)?;
        let letters = match &self.cause {
            Some(cause) => {
                let config = Config::load(&self.config)?;
                super::open_ids(&config, cause, self.bridge.as_deref())?
            }
            None => self.letters.clone(),
        };
        let mut failed = 0;
        for some in letters.chunks(LETTERS_MAX) {
            let body = json!({"letters": some, "by": self.by, "how": how});
            let Some(answer) = admin_client::tell(&base, "/v1/dead-letters", &body)? else {
                bail!("nobody listens at {base}: start `crosswalk run` first");
            };
            for told in answer["letters"].as_array().into_iter().flatten() {
                let text = |name: &str| told[name].as_str().unwrap_or_default().to_owned();
                match told["refused"].as_str() {
                    Some(why) => {
                        failed += 1;
                        eprintln!("{}: {why}", text("letter"));
                    }
                    None => {
                        let why = told["why"].as_str().map(|why| format!(": {why}"));
                        let why = why.unwrap_or_default();
                        print(&format!("{} {}{why}\n", text("letter"), text("how")))?;
                    }
                }
            }
        }
        match (failed, letters.is_empty()) {
            (0, true) => print("there are no open letters of this cause\n"),
            (0, false) => Ok(()),
            _ => bail!("{failed} of {} letters stay as they are", letters.len()),
        }
    }
}
