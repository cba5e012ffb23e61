//! Judges what an org says of its objects and allocations against what a mapping needs. Pure.

use std::collections::BTreeSet;

use serde_json::Value as Json;

use super::fit::{self, Class, Misfit, Types};
use super::needs::{Field, Key, Object, Same};
use super::report::{Line, State};

const PERMISSIONS: &str = "add it to the integration user's permission set";

/// What a describe says of one object, for a source of that name. One line that all is well, or a
/// line for each thing that is not.
pub fn judge(source: &str, name: &str, need: &Object, told: &Json, types: &[&Types]) -> Vec<Line> {
    let told_fields = told["fields"].as_array().map_or(&[][..], Vec::as_slice);
    let at = |field: &str| format!("{source}: {name}.{field}");
    let mut lines = rights(&format!("{source}: {name}"), need, told);
    for (field, need) in &need.fields {
        match told_fields.iter().find(|told| told["name"] == *field) {
            Some(told) => lines.extend(of_field(&at(field), need, told, types)),
            None => lines.push(Line::missing(
                format!(
                    "{} is not there, or the integration user may not read it",
                    at(field)
                ),
                format!(
                    "make the field under Setup > Object Manager > {name}, then {PERMISSIONS} \
                     with {}",
                    wanted(need)
                ),
            )),
        }
    }
    if need.is_created {
        lines.extend(required(&format!("{source}: {name}"), need, told_fields));
    }
    if lines.iter().all(|line| line.state != State::Missing) {
        let count = need.fields.len();
        let how = match (need.is_created, need.is_updated()) {
            (true, _) => "created, changed and read",
            (false, true) => "changed and read",
            (false, false) => "read",
        };
        let what = format!("{source}: {name} can be {how}, with {count} fields");
        lines.insert(0, Line::ok(what));
    }
    lines
}

fn rights(at: &str, need: &Object, told: &Json) -> Vec<Line> {
    let wants = [
        ("queryable", true, "read", "Read"),
        ("createable", need.is_created, "created", "Create"),
        ("updateable", need.is_updated(), "changed", "Edit"),
    ];
    let lacking = wants
        .into_iter()
        .filter(|(flag, wanted, ..)| *wanted && told[flag] == false);
    lacking
        .map(|(_, _, verb, right)| {
            let what = format!("{at} cannot be {verb} by the integration user");
            Line::missing(
                what,
                format!("give its permission set {right} on the object"),
            )
        })
        .collect()
}

fn wanted(need: &Field) -> &'static str {
    match need.is_updated || need.is_created {
        true => "Read and Edit",
        false => "Read",
    }
}

fn of_field(at: &str, need: &Field, told: &Json, types: &[&Types]) -> Vec<Line> {
    let mut lines = Vec::new();
    let fixed = match told["calculated"] == true {
        true => "it is a formula: map another field, or write `direction: to_intercom`".to_owned(),
        false => format!("{PERMISSIONS} with Edit"),
    };
    if need.is_updated && told["updateable"] == false {
        let what = format!("{at} cannot be changed by the integration user");
        lines.push(Line::missing(what, fixed));
    } else if need.is_created && told["createable"] == false {
        let what = format!("{at} cannot be set on creation by the integration user");
        lines.push(Line::missing(what, fixed));
    }
    if need.is_searched && told["filterable"] == false {
        let what = format!("{at} cannot be searched by");
        lines.push(Line::missing(what, "match by a field of type Text"));
    }
    lines.extend(need.key.and_then(|key| of_key(at, key, told)));
    lines.extend(values(at, need, told));
    lines.extend(class(at, need, told, types));
    lines
}

fn of_key(at: &str, key: Key, told: &Json) -> Option<Line> {
    let is_external = told["externalId"] == true;
    let is_unique = told["unique"] == true;
    let lacking = match (is_external, is_unique) {
        (true, true) => return None,
        (true, false) if key == Key::Theirs => return None,
        (true, false) => "not Unique",
        (false, true) => "not an External ID",
        (false, false) => "neither External ID nor Unique",
    };
    let what = format!("{at} is {lacking}");
    let fix = "set External ID and Unique on the field";
    Some(match key {
        Key::Created => {
            let fix = format!("{fix}: records are created by upsert on it");
            Line::missing(what, fix)
        }
        Key::Ours => {
            let fix = format!("{fix}: two records could hold one key");
            Line::missing(what, fix)
        }
        Key::Theirs => {
            let fix = "set External ID on the field: searches by it are slow without";
            Line::warning(what, fix)
        }
    })
}

/// What the mapping writes must be among the values of a picklist.
fn values(at: &str, need: &Field, told: &Json) -> Option<Line> {
    let listed = told["picklistValues"].as_array()?;
    if told["type"] != "picklist" && told["type"] != "multipicklist" {
        return None;
    }
    let active: BTreeSet<&str> = listed
        .iter()
        .filter(|one| one["active"] != false)
        .filter_map(|one| one["value"].as_str())
        .collect();
    let unknown: Vec<&str> = need.values.iter().map(String::as_str).collect();
    let unknown: Vec<&str> = unknown
        .into_iter()
        .filter(|value| !value.is_empty() && !active.contains(value))
        .collect();
    if unknown.is_empty() {
        return None;
    }
    let what = format!("{at} has no picklist value \"{}\"", unknown.join("\", \""));
    let fix = "add the value to the picklist, or change it in the mapping";
    Some(match told["restrictedPicklist"] == true {
        true => Line::missing(what, fix),
        false => Line::warning(what, fix),
    })
}

fn class(at: &str, need: &Field, told: &Json, types: &[&Types]) -> Vec<Line> {
    let kind = told["type"].as_str().unwrap_or_default();
    let Some(own) = Class::of_salesforce(kind) else {
        let what = format!("{at} is of type {kind}, which holds no single value");
        return vec![Line::missing(what, "map a part of it")];
    };
    if need.is_text && own != Class::Text {
        let what = format!("{at} is of type {kind}, and its transform makes text");
        return vec![Line::missing(
            what,
            "map a text field, or remove the transform",
        )];
    }
    let mut lines: Vec<Line> = Vec::new();
    for same in &need.same {
        for types in types {
            let line = between(at, (own, kind), same, types);
            lines.extend(line.filter(|line| !lines.contains(line)));
        }
    }
    lines
}

fn between(at: &str, (own, kind): (Class, &str), same: &Same, types: &Types) -> Option<Line> {
    let theirs = Class::of_path(&same.model, &same.path, types)?;
    let to_salesforce = same
        .to_salesforce
        .then(|| fit::into_salesforce(theirs, own));
    let to_intercom = same.to_intercom.then(|| fit::into_intercom(own, theirs));
    let misfit = to_salesforce.flatten().or(to_intercom.flatten())?;
    let what = format!(
        "{at} is of type {kind}, and {} of a {} holds {}",
        same.path,
        same.model,
        theirs.as_str()
    );
    Some(match misfit {
        Misfit::Refused => Line::missing(what, "map fields of one kind, or change a type"),
        Misfit::Doubtful => Line::warning(what, "try it in a sandbox first"),
    })
}

/// Fields without which the org refuses a creation.
fn required(at: &str, need: &Object, told: &[Json]) -> Option<Line> {
    let is_set = |name: &str| need.fields.get(name).is_some_and(|field| field.is_created);
    let lacking: Vec<&str> = told
        .iter()
        .filter(|field| field["nillable"] == false && field["defaultedOnCreate"] == false)
        .filter(|field| field["createable"] == true)
        .filter_map(|field| field["name"].as_str())
        .filter(|name| !is_set(name))
        .collect();
    (!lacking.is_empty()).then(|| {
        let what = format!("{at} requires {} of new records", lacking.join(", "));
        Line::missing(what, "map it, or name it under `placeholders` or `set`")
    })
}

/// What remains of the day's allocations.
pub fn budget(source: &str, told: &Json) -> Vec<Line> {
    let one = |(name, words): (&str, &str)| {
        let (max, left) = (
            told[name]["Max"].as_u64()?,
            told[name]["Remaining"].as_u64()?,
        );
        let what = format!("{source}: {left} of {max} {words} remain of 24 hours");
        Some(match left.saturating_mul(10) < max {
            true => Line::warning(what, "see who uses them up, or have the allocation raised"),
            false => Line::ok(what),
        })
    };
    let asked = [
        ("DailyApiRequests", "API requests"),
        (
            "DailyDeliveredPlatformEvents",
            "deliveries of change events",
        ),
    ];
    asked.into_iter().filter_map(one).collect()
}

#[cfg(test)]
mod tests;
