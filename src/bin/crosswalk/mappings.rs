//! Reads the mapping file of each bridge, as the processor will.

use std::collections::BTreeMap;

use anyhow::{Context, bail};
use crosswalk::config::{Bridge, Config, SourceKind};
use crosswalk::domain::BridgeId;
use crosswalk::mapping::{Mapping, Offer, Sources, sharing};

/// Each bridge's mapping with the version its file states.
pub fn load(config: &Config) -> anyhow::Result<BTreeMap<BridgeId, (u64, Offer)>> {
    let (mut offers, mut compiled) = (BTreeMap::new(), Vec::new());
    for bridge in config.bridges.values() {
        let shown = bridge.mapping.display();
        let file = std::fs::read_to_string(&bridge.mapping);
        let file = file.with_context(|| format!("cannot read {shown}"))?;
        let sources = sources(config, bridge)?;
        let offer = Offer { sources, file };
        let mapping = match offer.compile() {
            Ok(mapping) => mapping,
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
        offers.insert(bridge.id.clone(), (mapping.version, offer));
        compiled.push((bridge, mapping));
    }
    for (place, (bridge, mapping)) in compiled.iter().enumerate() {
        for (other, theirs) in &compiled[place + 1..] {
            overlap(config, (bridge, mapping), (other, theirs))?;
        }
    }
    Ok(offers)
}

/// Refuses two bridges that take one scope of one org. Orgs are told apart by their address: by
/// which names one can have, `crosswalk check` asks.
fn overlap(
    config: &Config,
    (bridge, mapping): (&Bridge, &Mapping),
    (other, theirs): (&Bridge, &Mapping),
) -> anyhow::Result<()> {
    let address = |mapping: &Mapping| {
        let source = config.sources.get(&mapping.sources.salesforce)?;
        Some(source.salesforce()?.login_url.as_str())
    };
    if address(mapping) != address(theirs) {
        return Ok(());
    }
    match sharing(mapping, theirs).both.first() {
        None => Ok(()),
        Some(scope) => bail!(
            "{}: people.scope: bridges {} and {} both take {scope} of one org; let each scope be \
             one bridge's: name it under `scope.only` of that one",
            bridge.mapping.display(),
            bridge.id,
            other.id,
        ),
    }
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
