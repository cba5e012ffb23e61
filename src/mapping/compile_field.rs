//! One mapped field: its meaning, owner and direction, its targets, its transform.

use std::collections::BTreeSet;

use serde_saphyr::Spanned;

use crate::domain::journal::CustomerKind;
use crate::domain::nearest::did_you_mean;
use crate::domain::{Name, Value};
use crate::mapping::compile_transform::transform;
use crate::mapping::field::{Blank, Conflict, Direction, FieldMap, System};
use crate::mapping::file::FieldFile;
use crate::mapping::lint::Findings;
use crate::mapping::names::{OWNER, is_readable, path_fault};
use crate::mapping::owners::Owners;
use crate::mapping::transform::Transform;
use crate::mapping::writable::{intercom_write_fault, salesforce_fault, salesforce_write_fault};

/// Booleans of which both systems know the stricter value: true, the opt-out.
const OPT_OUTS: [&str; 4] = [
    "unsubscribed_from_emails",
    "HasOptedOutOfEmail",
    "HasOptedOutOfFax",
    "DoNotCall",
];

/// The compiled field, or none with what is wrong in `out`.
pub fn field(
    kind: CustomerKind,
    file: &Spanned<FieldFile>,
    objects: &[String],
    at: &str,
    out: &mut Findings,
) -> Option<FieldMap> {
    let before = out.faults();
    let paths = paths(kind, file, at, out);
    let is_path = paths.is_some();
    let paths = paths.unwrap_or_default();
    let meaning = required(file, &file.value.meaning, "meaning", at, out);
    let owner = owner(file, at, out);
    let direction = direction(file, at, out);
    let conflict = conflict(file, direction, at, out);
    let (salesforce, limited) = targets(file, objects, at, out);
    let names = salesforce.as_deref();
    vendors(
        kind,
        file,
        names.unwrap_or_default(),
        direction.filter(|_| is_path),
        at,
        out,
    );
    let direction = direction.unwrap_or(Direction::ToSalesforce);
    let restrictive = restrictive(file, names.unwrap_or_default(), conflict, at, out);
    let transform = transform(file, names, direction, at, out);
    if let Transform::Owner(owners) = &transform {
        queues(file, owners, &limited, objects, at, out);
    }
    let blank = blank(file, at, out);
    let default = default(file, direction, names.map_or(1, <[String]>::len), at, out);
    let field = FieldMap {
        intercom: decision(file, direction, &transform),
        paths,
        salesforce: salesforce
            .unwrap_or_default()
            .into_iter()
            .map(Name::from)
            .collect(),
        objects: limited,
        meaning: meaning.map_or(String::new(), |given| given.value.clone()),
        used_by: used_by(file, at, out),
        owner,
        direction,
        conflict,
        restrictive,
        transform,
        blank,
        stand_ins: stand_ins(file, at, out),
        required: file
            .value
            .required
            .as_ref()
            .is_some_and(|given| given.value),
        default,
    };
    (out.faults() == before).then_some(field)
}

/// Paths of one field that are joined.
const PATHS_MAX: usize = 10;

/// The paths, if all are right.
fn paths(
    kind: CustomerKind,
    file: &Spanned<FieldFile>,
    at: &str,
    out: &mut Findings,
) -> Option<Vec<Name>> {
    let place = &file.value.intercom;
    let (at, before) = (format!("{at}.intercom"), out.faults());
    let names = place.value.names();
    for path in &names {
        if let Some((what, fix)) = path_fault(kind, path) {
            out.at(place, &at, what, fix);
        }
    }
    let is_twice = |(n, path): (usize, &&str)| names[..n].contains(path);
    if let Some((_, path)) = names.iter().enumerate().find(|one| is_twice(*one)) {
        let what = format!("`{path}` is named twice");
        out.at(place, &at, what, "name each path once");
    }
    if names.is_empty() || names.len() > PATHS_MAX {
        let what = format!("{} paths are named", names.len());
        out.at(place, &at, what, format!("name 1 to {PATHS_MAX}"));
    }
    let paths = names.into_iter().map(Name::from).collect();
    (out.faults() == before).then_some(paths)
}

/// The name of a field in decisions: its path, unless what is decided is more or less than what
/// stands there, so that another entry of the path decides something else.
fn decision(file: &Spanned<FieldFile>, direction: Direction, transform: &Transform) -> Name {
    let path = file.value.path();
    match transform {
        Transform::Constant(value) if direction == Direction::ToSalesforce => {
            format!("{path}: {}", value.display()).into()
        }
        _ => path.into(),
    }
}

/// Names of their own, of any kind; a list that is given names somebody.
fn used_by(file: &Spanned<FieldFile>, at: &str, out: &mut Findings) -> Vec<String> {
    let Some(given) = &file.value.used_by else {
        return Vec::new();
    };
    let names = given.value.iter().map(|name| name.trim());
    if given.value.is_empty() || names.clone().any(str::is_empty) {
        let what = format!("`{}` is used by nobody", file.value.path());
        let fix = "name a team or a process, or leave `used_by` out";
        out.at(given, &format!("{at}.used_by"), what, fix);
    }
    names.map(str::to_owned).collect()
}

fn blank(file: &Spanned<FieldFile>, at: &str, out: &mut Findings) -> Blank {
    let Some(given) = &file.value.blank else {
        return Blank::default();
    };
    match given.value.as_str() {
        "clear" => Blank::Clear,
        "skip" => Blank::Skip,
        other => {
            let what = format!("`{other}` is nothing that a blank can do");
            let near = did_you_mean(other, ["clear", "skip"]);
            let fix = hint(&near, "write clear or skip");
            out.at(given, &format!("{at}.blank"), what, fix);
            Blank::default()
        }
    }
}

/// A queue owns Leads, and no Contact, Account or other object of a section.
fn queues(
    file: &Spanned<FieldFile>,
    owners: &Owners,
    limited: &[String],
    objects: &[String],
    at: &str,
    out: &mut Findings,
) {
    let written = if limited.is_empty() { objects } else { limited };
    let other = written.iter().find(|object| *object != "Lead");
    if let (Some(other), true) = (other, owners.has_queue()) {
        let what = format!("a queue is among the owners, and a queue owns no {other}");
        let fix = "write `salesforce: Lead.OwnerId`, or name users only";
        out.at(
            &file.value.salesforce,
            &format!("{at}.salesforce"),
            what,
            fix,
        );
    }
}

/// Placeholders of one field.
const STAND_INS_MAX: usize = 20;

fn stand_ins(file: &Spanned<FieldFile>, at: &str, out: &mut Findings) -> BTreeSet<String> {
    let Some(given) = &file.value.placeholders else {
        return BTreeSet::new();
    };
    let texts = given.value.iter().map(|text| text.trim());
    if given.value.is_empty()
        || given.value.len() > STAND_INS_MAX
        || texts.clone().any(str::is_empty)
    {
        let what = "a placeholder is a text that people write for nothing";
        let fix = format!("name 1 to {STAND_INS_MAX}, such as `placeholders: [n/a]`");
        out.at(given, &format!("{at}.placeholders"), what, fix);
    }
    texts.map(str::to_owned).collect()
}

/// A stand-in would come back as somebody's word where the field flows both ways.
fn default(
    file: &Spanned<FieldFile>,
    direction: Direction,
    fields: usize,
    at: &str,
    out: &mut Findings,
) -> Option<Value> {
    let given = file.value.default.as_ref()?;
    let at = format!("{at}.default");
    if direction == Direction::Both {
        let what = "a default would come back as somebody's word";
        out.at(
            given,
            &at,
            what,
            "leave it out where a field flows both ways",
        );
    }
    if fields > 1 {
        let what = "a default fills one field, this entry has more";
        out.at(given, &at, what, "write placeholders under create instead");
    }
    if let Some(blank) = file.value.blank.as_ref() {
        let what = "a default says already what a blank does";
        out.at(blank, &at, what, "leave `blank` out");
    }
    Some(Value::text(given.value.trim()))
}

/// A key that every field has: nobody maps what nobody has defined.
fn required<'a>(
    place: &Spanned<FieldFile>,
    value: &'a Option<Spanned<String>>,
    name: &str,
    at: &str,
    out: &mut Findings,
) -> Option<&'a Spanned<String>> {
    let given = value
        .as_ref()
        .filter(|given| !given.value.trim().is_empty());
    if given.is_none() {
        let what = format!("`{}` has no {name}", place.value.path());
        let fix = "every mapped field says its meaning, its owner and its direction";
        out.at(place, &format!("{at}.{name}"), what, fix);
    }
    given
}

fn owner(file: &Spanned<FieldFile>, at: &str, out: &mut Findings) -> System {
    let Some(given) = required(file, &file.value.owner, "owner", at, out) else {
        return System::Intercom;
    };
    match given.value.as_str() {
        "intercom" => System::Intercom,
        "salesforce" => System::Salesforce,
        other => {
            let what = format!("owner `{other}` is neither intercom nor salesforce");
            let near = did_you_mean(other, ["intercom", "salesforce"]);
            let fix = hint(&near, "name the system whose value counts");
            out.at(given, &format!("{at}.owner"), what, fix);
            System::Intercom
        }
    }
}

/// Which way the field flows, if that is said.
fn direction(file: &Spanned<FieldFile>, at: &str, out: &mut Findings) -> Option<Direction> {
    const KNOWN: [&str; 3] = ["to_salesforce", "to_intercom", "both"];
    let given = required(file, &file.value.direction, "direction", at, out)?;
    match given.value.as_str() {
        "to_salesforce" => Some(Direction::ToSalesforce),
        "to_intercom" => Some(Direction::ToIntercom),
        "both" => Some(Direction::Both),
        other => {
            let name = file.value.path();
            let what = format!("direction `{other}` of `{name}` is unknown");
            let near = did_you_mean(other, KNOWN);
            let fix = hint(&near, "write to_salesforce, to_intercom or both");
            out.at(given, &format!("{at}.direction"), what, fix);
            None
        }
    }
}

/// What counts in a conflict; only a field that flows both ways can have one.
fn conflict(
    file: &Spanned<FieldFile>,
    direction: Option<Direction>,
    at: &str,
    out: &mut Findings,
) -> Conflict {
    const KNOWN: [&str; 5] = [
        "owner_wins",
        "newest_wins",
        "restrictive_wins",
        "review",
        "merge",
    ];
    let at = format!("{at}.conflict");
    let transform = file.value.transform.as_ref();
    let is_set = transform.is_some_and(|given| given.value == "set");
    let Some(given) = &file.value.conflict else {
        return match is_set {
            true => Conflict::Merge,
            false => Conflict::OwnerWins,
        };
    };
    if direction.is_some_and(|direction| direction != Direction::Both) {
        let what = "conflict says what counts where a field flows both ways, and this one does not";
        out.at(given, &at, what, "leave it out, or write `direction: both`");
    }
    match given.value.as_str() {
        "owner_wins" => Conflict::OwnerWins,
        "newest_wins" => Conflict::NewestWins,
        "restrictive_wins" => Conflict::RestrictiveWins,
        "review" => Conflict::Review,
        "merge" => {
            if !is_set {
                let what = "merge joins sets value by value, and this field has one value";
                let fix = "add `transform: set`, or write another policy";
                out.at(given, &at, what, fix);
            }
            Conflict::Merge
        }
        other => {
            let what = format!("conflict policy `{other}` is unknown");
            let near = did_you_mean(other, KNOWN);
            let fix = hint(
                &near,
                "write owner_wins, newest_wins, restrictive_wins, review or merge",
            );
            out.at(given, &at, what, fix);
            Conflict::OwnerWins
        }
    }
}

/// What the vendors let nobody write, as far as it is known; a direction that is not known yet
/// says nothing about it.
fn vendors(
    kind: CustomerKind,
    file: &Spanned<FieldFile>,
    names: &[String],
    direction: Option<Direction>,
    at: &str,
    out: &mut Findings,
) {
    let place = &file.value.salesforce;
    let to_salesforce = matches!(direction, Some(Direction::ToSalesforce | Direction::Both));
    for name in names {
        let fault = salesforce_fault(kind, name);
        let written = || salesforce_write_fault(name).filter(|_| to_salesforce);
        if let Some(fault) = fault.or_else(written) {
            out.advise(place, &format!("{at}.salesforce"), fault);
        }
    }
    let place = &file.value.intercom;
    let to_intercom = matches!(direction, Some(Direction::ToIntercom | Direction::Both));
    for path in place.value.names().into_iter().filter(|_| to_intercom) {
        if let Some(fault) = intercom_write_fault(kind, path) {
            out.advise(place, &format!("{at}.intercom"), fault);
        }
    }
}

/// The value that `restrictive_wins` protects. Only an opt-out says it by its name.
fn restrictive(
    file: &Spanned<FieldFile>,
    names: &[String],
    conflict: Conflict,
    at: &str,
    out: &mut Findings,
) -> bool {
    let file = &file.value;
    let given = file.restrictive.as_ref();
    let (true, Some(policy)) = (conflict == Conflict::RestrictiveWins, &file.conflict) else {
        if let Some(given) = given {
            let what = "restrictive says what restrictive_wins protects";
            let fix = "add `conflict: restrictive_wins`, or leave it out";
            out.at(given, &format!("{at}.restrictive"), what, fix);
        }
        return true;
    };
    let at = format!("{at}.conflict");
    if file.transform.is_some() {
        let what = "restrictive_wins compares true and false, which no transform makes";
        out.at(
            policy,
            &at,
            what,
            "leave the transform out, or write `review`",
        );
    }
    let names = names.iter().map(String::as_str);
    let mut names = names.chain(file.intercom.value.names());
    let known = names.any(|name| OPT_OUTS.contains(&name));
    if given.is_none() && !known {
        let name = file.path();
        let what = format!("restrictive_wins cannot tell the stricter value of `{name}`");
        let fix = "add `restrictive: true` or `restrictive: false`, or write `review`";
        out.at(policy, &at, what, fix);
    }
    given.is_none_or(|given| given.value)
}

/// The names of a field, if all are right, and the objects it is limited to.
fn targets(
    file: &Spanned<FieldFile>,
    objects: &[String],
    at: &str,
    out: &mut Findings,
) -> (Option<Vec<String>>, Vec<String>) {
    let at = format!("{at}.salesforce");
    let place = &file.value.salesforce;
    let before = out.faults();
    let mut names: Vec<String> = Vec::new();
    let mut limits: Vec<Option<String>> = Vec::new();
    for name in place.value.names() {
        let (object, field) = object_and_field(name, objects);
        if let Some((what, fix)) = target_fault(name, object, field, objects) {
            out.at(place, &at, what, fix);
            continue;
        }
        if names.iter().any(|known| known == field) {
            let what = format!("`{field}` is named twice");
            let fix = "leave the object out: the field then counts for all of the section";
            out.at(place, &at, what, fix);
        }
        names.push(field.to_owned());
        limits.push(object.map(str::to_owned));
    }
    limits.dedup();
    if limits.len() > 1 && out.faults() == before {
        let what = "the fields of one entry stand in different objects";
        out.at(place, &at, what, "write one entry for each object");
    }
    let limited = limits.into_iter().flatten().collect();
    let right = out.faults() == before;
    (right.then_some(names), limited)
}

/// `Lead.Status` names an object, `Owner.Name` leads to the owner: the section's objects decide.
fn object_and_field<'a>(name: &'a str, objects: &[String]) -> (Option<&'a str>, &'a str) {
    match name.split_once('.') {
        Some((first, field)) if objects.iter().any(|known| known == first) => (Some(first), field),
        Some((first, field)) if !is_readable(name) => (Some(first), field),
        _ => (None, name),
    }
}

fn target_fault(
    name: &str,
    object: Option<&str>,
    field: &str,
    objects: &[String],
) -> Option<(String, String)> {
    let foreign = object.filter(|object| !objects.iter().any(|known| known == object));
    if let Some(object) = foreign {
        let near = did_you_mean(object, objects.iter().map(String::as_str).chain([OWNER]));
        let what = format!("`{name}` names {object}, which this section does not map");
        let known = objects.join(", ");
        let fix = format!("use one of {known}, or add it under objects");
        return Some((what, hint(&near, &fix)));
    }
    if !is_readable(field) {
        let what = format!("`{name}` is no API name of a Salesforce field");
        let fix = "letters, digits and _ as in Setup, such as Company_Size__c";
        return Some((what, fix.into()));
    }
    None
}

/// The near word where there is one, else the general advice.
pub fn hint(near: &str, advice: &str) -> String {
    near.strip_prefix("; ").unwrap_or(advice).to_owned()
}
