//! `CROSSWALK__A__B=value` in the environment replaces `a.b` of the file.

use std::collections::BTreeMap;

use crate::config::error::{Place, Problem};
use crate::config::tree::{Content, Entry, Node, parse};

const PREFIX: &str = "CROSSWALK__";

/// Puts the overrides into the tree, in the order of their names.
pub(super) fn apply(root: &mut Node, variables: &BTreeMap<String, String>) -> Result<(), Problem> {
    for (name, value) in variables {
        let Some((prefix, path)) = name.split_at_checked(PREFIX.len()) else {
            continue;
        };
        if !prefix.eq_ignore_ascii_case(PREFIX) {
            continue;
        }
        let place = Place::Variable(name.clone());
        let segments: Vec<&str> = path.split("__").collect();
        if segments.iter().any(|segment| segment.is_empty()) {
            let text = "names no setting; write CROSSWALK__SERVER__ADMIN for server.admin";
            return Err(Problem::new(&place, text));
        }
        let replacement = read(value, &place)?;
        put(root, &segments, replacement, &place)?;
    }
    Ok(())
}

/// A value in brackets or braces is YAML, everything else is the text itself.
fn read(value: &str, place: &Place) -> Result<Node, Problem> {
    if value.starts_with(['[', '{']) {
        let node = parse(value).map_err(|problem| Problem::new(place, problem.text))?;
        return Ok(node.at(place));
    }
    let content = if value.is_empty() {
        Content::Empty
    } else {
        Content::Text(value.to_owned())
    };
    Ok(Node {
        place: place.clone(),
        content,
    })
}

fn put(node: &mut Node, path: &[&str], value: Node, place: &Place) -> Result<(), Problem> {
    let Some((segment, rest)) = path.split_first() else {
        *node = value;
        return Ok(());
    };
    if matches!(node.content, Content::Empty) {
        node.content = Content::Map(Vec::new());
        node.place = place.clone();
    }
    let kind = node.kind();
    let Content::Map(entries) = &mut node.content else {
        let text = format!("goes below a setting that is {kind}; replace that one as a whole");
        return Err(Problem::new(place, text));
    };
    let known = entries
        .iter()
        .position(|entry| comparable(&entry.key) == comparable(segment));
    let index = known.unwrap_or_else(|| {
        entries.push(Entry {
            place: place.clone(),
            key: segment.to_ascii_lowercase(),
            value: Node {
                place: place.clone(),
                content: Content::Empty,
            },
        });
        entries.len() - 1
    });
    put(&mut entries[index].value, rest, value, place)
}

/// Names of variables hold no `-` and no `.`; both are written `_`.
fn comparable(key: &str) -> String {
    key.to_ascii_lowercase().replace(['-', '.'], "_")
}
