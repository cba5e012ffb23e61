//! One mapped field: its meaning, owner and direction, its targets, its transform.

use std::collections::BTreeMap;

use phonenumber::country;
use serde_saphyr::Spanned;

use crate::domain::journal::CustomerKind;
use crate::domain::nearest::did_you_mean;
use crate::mapping::field::{Conflict, Direction, FieldMap, System};
use crate::mapping::file::FieldFile;
use crate::mapping::lint::Findings;
use crate::mapping::names::{is_api_name, path_fault};
use crate::mapping::transform::Transform;

const TRANSFORMS: [&str; 3] = ["split_name", "phone_e164", "picklist"];
/// Fields that Salesforce writes itself.
const READ_ONLY: [&str; 8] = [
    "Id",
    "Name",
    "IsConverted",
    "IsDeleted",
    "CreatedDate",
    "CreatedById",
    "LastModifiedDate",
    "SystemModstamp",
];

/// The compiled field, or none with what is wrong in `out`.
pub fn field(
    kind: CustomerKind,
    file: &Spanned<FieldFile>,
    objects: &[String],
    at: &str,
    out: &mut Findings,
) -> Option<FieldMap> {
    let before = out.0.len();
    let path = &file.value.intercom;
    if let Some((what, fix)) = path_fault(kind, &path.value) {
        out.at(path, &format!("{at}.intercom"), what, fix);
    }
    let meaning = required(file, &file.value.meaning, "meaning", at, out);
    let owner = owner(file, at, out);
    let direction = direction(file, at, out);
    let conflict = conflict(file, direction, at, out);
    let (salesforce, limited) = targets(kind, file, objects, at, out);
    let transform = transform(file, salesforce.as_deref(), at, out);
    let field = FieldMap {
        intercom: path.value.clone(),
        salesforce: salesforce.unwrap_or_default(),
        objects: limited,
        meaning: meaning.map_or(String::new(), |given| given.value.clone()),
        owner,
        direction,
        conflict,
        transform,
    };
    (out.0.len() == before).then_some(field)
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
        let what = format!("`{}` has no {name}", place.value.intercom.value);
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

fn direction(file: &Spanned<FieldFile>, at: &str, out: &mut Findings) -> Direction {
    const KNOWN: [&str; 3] = ["to_salesforce", "to_intercom", "both"];
    let Some(given) = required(file, &file.value.direction, "direction", at, out) else {
        return Direction::ToSalesforce;
    };
    match given.value.as_str() {
        "to_salesforce" => Direction::ToSalesforce,
        "to_intercom" => Direction::ToIntercom,
        "both" => Direction::Both,
        other => {
            let name = &file.value.intercom.value;
            let what = format!("direction `{other}` of `{name}` is unknown");
            let near = did_you_mean(other, KNOWN);
            let fix = hint(&near, "write to_salesforce, to_intercom or both");
            out.at(given, &format!("{at}.direction"), what, fix);
            Direction::ToSalesforce
        }
    }
}

/// What counts in a conflict; only a field that flows both ways can have one.
fn conflict(
    file: &Spanned<FieldFile>,
    direction: Direction,
    at: &str,
    out: &mut Findings,
) -> Conflict {
    const KNOWN: [&str; 4] = ["owner_wins", "newest_wins", "restrictive_wins", "review"];
    let at = format!("{at}.conflict");
    let Some(given) = &file.value.conflict else {
        return Conflict::OwnerWins;
    };
    if direction != Direction::Both {
        let what = "conflict says what counts where a field flows both ways, and this one does not";
        out.at(given, &at, what, "leave it out, or write `direction: both`");
    }
    match given.value.as_str() {
        "owner_wins" => Conflict::OwnerWins,
        "newest_wins" => Conflict::NewestWins,
        "restrictive_wins" => Conflict::RestrictiveWins,
        "review" => Conflict::Review,
        other => {
            let what = format!("conflict policy `{other}` is unknown");
            let near = did_you_mean(other, KNOWN);
            let fix = hint(
                &near,
                "write owner_wins, newest_wins, restrictive_wins or review",
            );
            out.at(given, &at, what, fix);
            Conflict::OwnerWins
        }
    }
}

/// The API names of a field, if all are right, and the objects it is limited to.
fn targets(
    kind: CustomerKind,
    file: &Spanned<FieldFile>,
    objects: &[String],
    at: &str,
    out: &mut Findings,
) -> (Option<Vec<String>>, Vec<String>) {
    let at = format!("{at}.salesforce");
    let place = &file.value.salesforce;
    let before = out.0.len();
    let mut names: Vec<String> = Vec::new();
    let mut limits: Vec<Option<String>> = Vec::new();
    for name in place.value.names() {
        let (object, field) = match name.split_once('.') {
            Some((object, field)) => (Some(object), field),
            None => (None, name),
        };
        if let Some((what, fix)) = target_fault(kind, name, object, field, objects) {
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
    if limits.len() > 1 && out.0.len() == before {
        let what = "the fields of one entry stand in different objects";
        out.at(place, &at, what, "write one entry for each object");
    }
    let limited = limits.into_iter().flatten().collect();
    let right = out.0.len() == before;
    (right.then_some(names), limited)
}

fn target_fault(
    kind: CustomerKind,
    name: &str,
    object: Option<&str>,
    field: &str,
    objects: &[String],
) -> Option<(String, String)> {
    let foreign = object.filter(|object| !objects.iter().any(|known| known == object));
    if let Some(object) = foreign {
        let near = did_you_mean(object, objects.iter().map(String::as_str));
        let what = format!("`{name}` names {object}, which this section does not map");
        let known = objects.join(", ");
        let fix = format!("use one of {known}, or add it under objects");
        return Some((what, hint(&near, &fix)));
    }
    if !is_api_name(field) {
        let what = format!("`{name}` is no API name of a Salesforce field");
        let fix = "letters, digits and _ as in Setup, such as Company_Size__c";
        return Some((what, fix.into()));
    }
    // A person's Name is made of its parts; an account's is a field like others.
    let writable = field == "Name" && kind == CustomerKind::Company;
    if READ_ONLY.contains(&field) && !writable {
        let what = format!("`{field}` cannot be written");
        let fix = match field {
            "Name" => "write [FirstName, LastName] with `transform: split_name`",
            _ => "leave it out",
        };
        return Some((what, fix.into()));
    }
    None
}

fn transform(
    file: &Spanned<FieldFile>,
    names: Option<&[String]>,
    at: &str,
    out: &mut Findings,
) -> Transform {
    let wanted = file.value.transform.as_ref();
    let wanted = wanted.map_or("", |given| given.value.as_str());
    let takes = if wanted == "split_name" { 2 } else { 1 };
    if let (Some(names), Some(_)) = (names, known_transform(file, at, out))
        && names.len() != takes
    {
        let who = if wanted.is_empty() {
            "a field without a transform"
        } else {
            wanted
        };
        let what = format!(
            "{who} writes {takes} Salesforce field(s), {} are named",
            names.len()
        );
        let fix = match takes {
            2 => "write [FirstName, LastName]",
            _ => "write one entry for each field",
        };
        let at = format!("{at}.salesforce");
        out.at(&file.value.salesforce, &at, what, fix);
    }
    idle_settings(file, wanted, at, out);
    match wanted {
        "split_name" => Transform::SplitName,
        "picklist" => Transform::Picklist {
            values: file
                .value
                .values
                .as_ref()
                .map_or_else(BTreeMap::new, |given| given.value.clone()),
        },
        "phone_e164" => Transform::PhoneE164 {
            region: region(file, at, out),
        },
        _ => Transform::Same,
    }
}

fn known_transform(file: &Spanned<FieldFile>, at: &str, out: &mut Findings) -> Option<()> {
    let Some(given) = &file.value.transform else {
        return Some(());
    };
    if TRANSFORMS.contains(&given.value.as_str()) {
        return Some(());
    }
    let what = format!("transform `{}` is unknown", given.value);
    let near = did_you_mean(&given.value, TRANSFORMS);
    let fix = hint(
        &near,
        "use split_name, phone_e164 or picklist, or leave it out",
    );
    out.at(given, &format!("{at}.transform"), what, fix);
    None
}

/// Settings of a transform that the field does not have would be ignored in silence.
fn idle_settings(file: &Spanned<FieldFile>, wanted: &str, at: &str, out: &mut Findings) {
    if let Some(values) = file.value.values.as_ref().filter(|_| wanted != "picklist") {
        let what = "values belong to a picklist";
        let fix = "add `transform: picklist`, or leave them out";
        out.at(values, &format!("{at}.values"), what, fix);
    }
    let region = file.value.region.as_ref();
    if let Some(region) = region.filter(|_| wanted != "phone_e164") {
        let what = "a region belongs to a phone number";
        let fix = "add `transform: phone_e164`, or leave it out";
        out.at(region, &format!("{at}.region"), what, fix);
    }
}

fn region(file: &Spanned<FieldFile>, at: &str, out: &mut Findings) -> Option<country::Id> {
    let given = file.value.region.as_ref()?;
    let region = given.value.to_ascii_uppercase().parse().ok();
    if region.is_none() {
        let what = format!("`{}` is no country", given.value);
        let fix = "write its two letters, as in `region: US`";
        out.at(given, &format!("{at}.region"), what, fix);
    }
    region
}

/// Two entries that write one Salesforce field would overwrite each other for ever.
pub fn double_target(
    place: &Spanned<FieldFile>,
    field: &FieldMap,
    known: &[FieldMap],
    at: &str,
    out: &mut Findings,
) {
    for other in known {
        let same_object = field.objects.is_empty()
            || other.objects.is_empty()
            || field
                .objects
                .iter()
                .any(|object| other.objects.contains(object));
        let same = field
            .salesforce
            .iter()
            .find(|name| other.salesforce.contains(name));
        if let (true, Some(name)) = (same_object, same) {
            let what = format!("`{name}` is written by `{}` already", other.intercom);
            let at = format!("{at}.salesforce");
            out.at(&place.value.salesforce, &at, what, "let one entry write it");
        }
    }
}

/// The near word where there is one, else the general advice.
fn hint(near: &str, advice: &str) -> String {
    near.strip_prefix("; ").unwrap_or(advice).to_owned()
}
