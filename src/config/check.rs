//! Checks that concern more than one setting.

use std::collections::BTreeMap;

use crate::config::bridge::Bridge;
use crate::config::error::Problem;
use crate::config::load::Config;
use crate::config::source::Source;
use crate::config::tree::Entry;
use crate::domain::nearest::did_you_mean;

const NAME_CHARS_MAX: usize = 64;

/// A name of the user's choice, which becomes part of keys, topics and logs.
pub(super) fn name(entry: &Entry) -> Result<String, Problem> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
    let name = &entry.key;
    let first = name
        .chars()
        .next()
        .is_some_and(|c| c.is_ascii_alphanumeric());
    if first && name.len() <= NAME_CHARS_MAX && name.chars().all(allowed) {
        return Ok(name.clone());
    }
    let text = format!(
        "{name:?} is no name; take at most {NAME_CHARS_MAX} of A-Z a-z 0-9 _ . -, \
         the first a letter or digit"
    );
    Err(Problem::new(&entry.place, text))
}

/// Bridges name sources that exist, of the right kinds; no source is left over.
pub(super) fn references(config: &Config) -> Result<(), Problem> {
    for bridge in config.bridges.values() {
        let mut orgs = 0;
        for (id, place) in bridge.sources.iter().zip(&bridge.source_places) {
            let Some(source) = config.sources.get(id) else {
                let known = config.sources.keys().map(|id| id.as_str());
                let near = did_you_mean(id.as_str(), known);
                let path = path_of(bridge);
                let text = format!("{path} names \"{id}\", which is not under sources{near}");
                return Err(Problem::new(place, text));
            };
            orgs += usize::from(source.salesforce().is_some());
            if orgs > 1 {
                let path = path_of(bridge);
                let text = format!("{path} names a second salesforce source; keep one");
                return Err(Problem::new(place, text));
            }
        }
        let missing = match (orgs, bridge.sources.len()) {
            (0, _) => "salesforce",
            (_, 1) => "intercom",
            _ => continue,
        };
        let path = path_of(bridge);
        let text = format!("{path} names no {missing} source; add one");
        return Err(Problem::new(&bridge.place, text));
    }
    for source in config.sources.values() {
        if config.bridges_of(&source.id).next().is_none() {
            let id = &source.id;
            let text = format!("sources.{id} belongs to no bridge; name it there or remove it");
            return Err(Problem::new(&source.place, text));
        }
    }
    Ok(())
}

/// Two bridges that write to one org must be told apart by their tokens.
pub(super) fn tokens(config: &Config) -> Result<(), Problem> {
    let mut taken: BTreeMap<(&str, &str), &Bridge> = BTreeMap::new();
    for bridge in config.bridges.values() {
        let sources = bridge
            .sources
            .iter()
            .filter_map(|id| config.sources.get(id));
        for source in sources {
            let Some(org) = source.salesforce() else {
                continue;
            };
            let token = (org.login_url.as_str(), org.client_token.as_str());
            let Some(other) = taken.insert(token, bridge) else {
                continue;
            };
            let text = format!(
                "sources.{}.salesforce.client_token marks the writes of two bridges, {} and {}, \
                 in one org; give each bridge a source with a token of its own",
                source.id, other.id, bridge.id
            );
            return Err(Problem::new(&source.place, text));
        }
    }
    Ok(())
}

/// A workspace is configured once; a second name for it would double its people.
pub(super) fn workspaces(config: &Config) -> Result<(), Problem> {
    let mut taken: BTreeMap<&str, &Source> = BTreeMap::new();
    for source in config.sources.values() {
        let Some(intercom) = source.intercom() else {
            continue;
        };
        if let Some(other) = taken.insert(&intercom.app_id, source) {
            let text = format!(
                "sources.{} has the app_id of sources.{}; name one workspace once",
                source.id, other.id
            );
            return Err(Problem::new(&source.place, text));
        }
    }
    Ok(())
}

/// The mapping files are there.
pub(super) fn mapping_files(config: &Config) -> Result<(), Problem> {
    for bridge in config.bridges.values() {
        if !bridge.mapping.is_file() {
            let text = format!(
                "bridges.{}.mapping names {}, which is no file",
                bridge.id,
                bridge.mapping.display()
            );
            return Err(Problem::new(&bridge.mapping_place, text));
        }
    }
    Ok(())
}

fn path_of(bridge: &Bridge) -> String {
    format!("bridges.{}.sources", bridge.id)
}
