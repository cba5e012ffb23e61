//! Reads the mapping file of each bridge, as the processor will.

use std::collections::BTreeMap;

use anyhow::{Context, bail};
use crosswalk::config::{Bridge, Config, SourceKind};
use crosswalk::domain::BridgeId;
use crosswalk::mapping::{Offer, Sources};

/// Each bridge's mapping with the version its file states.
pub fn load(config: &Config) -> anyhow::Result<BTreeMap<BridgeId, (u64, Offer)>> {
    let mut offers = BTreeMap::new();
    for bridge in config.bridges.values() {
        let shown = bridge.mapping.display();
        let file = std::fs::read_to_string(&bridge.mapping);
        let file = file.with_context(|| format!("cannot read {shown}"))?;
        let sources = sources(config, bridge)?;
        let offer = Offer { sources, file };
        let version = match offer.compile() {
            Ok(mapping) => mapping.version,
            Err(findings) => {
                let more = findings.0.len().saturating_sub(1);
                let first = findings
                    .0
                    .into_iter()
                    .next()
                    .context("a refusal has a finding")?;
                let more = match more {
                    0 => String::new(),
                    more => format!(" (and {more} more)"),
                };
                bail!("{shown}:{first}{more}")
            }
        };
        offers.insert(bridge.id.clone(), (version, offer));
    }
    Ok(offers)
}

/// The sources of a bridge, by kind.
pub fn sources(config: &Config, bridge: &Bridge) -> anyhow::Result<Sources> {
    let mut intercom = BTreeMap::new();
    let mut salesforce = None;
    for source in bridge
        .sources
        .iter()
        .filter_map(|id| config.sources.get(id))
    {
        match &source.kind {
            SourceKind::Intercom(workspace) => {
                intercom.insert(source.id.clone(), workspace.app_id.clone());
            }
            SourceKind::Salesforce(_) => salesforce = Some(source.id.clone()),
        }
    }
    let salesforce = salesforce.with_context(|| format!("bridge {} has no org", bridge.id))?;
    Ok(Sources {
        salesforce,
        intercom,
    })
}
