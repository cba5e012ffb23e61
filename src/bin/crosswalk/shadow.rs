//! `crosswalk bridge shadow|live|withheld`: deciding without writing, and what would be written.

use anyhow::Context;
use crosswalk::domain::BridgeId;
use crosswalk::domain::journal::BridgeMode;
use serde_json::json;

use crate::admin_client::{self, Place, not_running};
use crate::field_report::Report;

#[derive(clap::Args)]
pub struct Set {
    /// The bridge's id.
    bridge: String,
    /// Who says so; stands in the journal.
    #[arg(long, value_name = "NAME")]
    by: String,
    #[command(flatten)]
    place: Place,
}

#[derive(clap::Args)]
pub struct Withheld {
    /// The bridge's id.
    bridge: String,
    /// Records named for each object and field.
    #[arg(long, value_name = "COUNT", default_value_t = 3)]
    samples: usize,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Place,
}

impl Set {
    pub fn run(self, mode: BridgeMode) -> anyhow::Result<()> {
        let base = self.place.base()?;
        // Well formed: it becomes part of an address.
        let bridge = BridgeId::new(&self.bridge)?;
        let path = format!("/v1/bridges/{bridge}/mode");
        let body = json!({"by": self.by, "mode": mode.label()});
        let told = admin_client::tell(&base, &path, &body)?;
        let told = told.with_context(|| not_running(&base))?;
        let decision = told["decision"].as_str().unwrap_or_default();
        let what = match mode {
            BridgeMode::Shadow => "decides and writes nothing",
            BridgeMode::Live => "writes what it decides; what was withheld follows in slices",
        };
        println!("{bridge} {what}; decision {decision}");
        Ok(())
    }
}

impl Withheld {
    pub fn run(self) -> anyhow::Result<()> {
        let base = self.place.base()?;
        let bridge = BridgeId::new(&self.bridge)?;
        let path = format!("/v1/bridges/{bridge}/withheld");
        let report = Report::of(&base, &path, &[], self.samples)?;
        match self.json {
            true => println!("{}", report.shown(&bridge)),
            false => report.print(&bridge, "nothing is withheld"),
        }
        Ok(())
    }
}
