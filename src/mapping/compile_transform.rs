//! The transform of a mapped field, with the settings that belong to it.

use std::collections::BTreeMap;

use phonenumber::country;
use serde_saphyr::Spanned;

use crate::domain::nearest::did_you_mean;
use crate::mapping::compile_field::hint;
use crate::mapping::field::Direction;
use crate::mapping::file::FieldFile;
use crate::mapping::lint::Findings;
use crate::mapping::transform::Transform;

const TRANSFORMS: [&str; 3] = ["split_name", "phone_e164", "picklist"];

/// The transform of a field, with its settings; what is wrong with them is in `out`.
pub fn transform(
    file: &Spanned<FieldFile>,
    names: Option<&[String]>,
    direction: Direction,
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
        "picklist" => picklist(file, direction, at, out),
        "phone_e164" => Transform::PhoneE164 {
            region: region(file, at, out),
        },
        _ => Transform::Same,
    }
}

/// Where the way back is used, each of its values has one.
fn picklist(
    file: &Spanned<FieldFile>,
    direction: Direction,
    at: &str,
    out: &mut Findings,
) -> Transform {
    let Some(given) = &file.value.values else {
        return Transform::Picklist {
            values: BTreeMap::new(),
        };
    };
    let at = format!("{at}.values");
    let texts = given.value.iter().flat_map(|(ours, theirs)| [ours, theirs]);
    if let Some(text) = texts.into_iter().find(|text| text.trim() != text.as_str()) {
        let what = format!("`{text}` has white space around it, which no value keeps");
        out.advise(given, &at, (what, "write it without".to_owned()));
    }
    let list = Transform::Picklist {
        values: given.value.clone(),
    };
    let lost = list.lost_on_the_way_back();
    if let Some((one, other)) = lost.filter(|_| direction != Direction::ToSalesforce) {
        let what = match one {
            "" => format!("`{other}` is a blank in Salesforce, which has no way back"),
            _ => {
                format!("`{one}` and `{other}` are one value in Salesforce, which has one way back")
            }
        };
        let fix = "give each its own value, or write `direction: to_salesforce`";
        out.at(given, &at, what, fix);
    }
    list
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
    country(file.value.region.as_ref()?, at, out)
}

/// A country by its two letters.
pub fn country(given: &Spanned<String>, at: &str, out: &mut Findings) -> Option<country::Id> {
    let region = given.value.to_ascii_uppercase().parse().ok();
    if region.is_none() {
        let what = format!("`{}` is no country", given.value);
        let fix = "write its two letters, as in `region: US`";
        out.at(given, &format!("{at}.region"), what, fix);
    }
    region
}
