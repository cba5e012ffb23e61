//! The transform of a mapped field, with the settings that belong to it.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use phonenumber::country;
use serde_saphyr::Spanned;

use crate::domain::nearest::did_you_mean;
use crate::mapping::compile_field::hint;
use crate::mapping::compile_owners::owners;
use crate::mapping::compile_set::set;
use crate::mapping::compile_text::{concat, constant, country_forms, html_to_text};
use crate::mapping::field::Direction;
use crate::mapping::file::FieldFile;
use crate::mapping::lint::Findings;
use crate::mapping::moment;
use crate::mapping::number::Decimal;
use crate::mapping::transform::{Band, Transform, Unknown, lost_on_the_way_back};

const TRANSFORMS: [&str; 13] = [
    "split_name",
    "phone_e164",
    "picklist",
    "date",
    "date_time",
    "number",
    "bands",
    "set",
    "country",
    "html_to_text",
    "concat",
    "constant",
    "owner",
];
/// Bands of one field.
const BANDS_MAX: usize = 100;

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
    let reads_many = wanted == "concat" && direction == Direction::ToIntercom;
    if let (Some(names), Some(_)) = (names, known_transform(file, at, out))
        && names.len() != takes
        && !reads_many
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
    if file.value.intercom.value.names().len() > 1 && wanted != "concat" {
        let what = "several paths make one value only where they are joined";
        let fix = "add `transform: concat`, or write one entry for each path";
        out.at(&file.value.intercom, &format!("{at}.intercom"), what, fix);
    }
    match wanted {
        "split_name" => Transform::SplitName,
        "picklist" => picklist(file, direction, at, out),
        "phone_e164" => Transform::PhoneE164 {
            region: region(file, at, out),
        },
        "date" => Transform::Date {
            zone: zone(file, at, out),
        },
        "date_time" => Transform::DateTime,
        "number" => Transform::Number {
            decimal: decimal(file, at, out),
        },
        "bands" => bands(file, direction, at, out),
        "set" => set(file, direction, at, out),
        "country" => country_forms(file, at, out),
        "html_to_text" => html_to_text(file, direction, at, out),
        "concat" => concat(file, names, direction, at, out),
        "constant" => constant(file, direction, at, out),
        "owner" => owners(file, direction, at, out),
        _ => Transform::Same,
    }
}

fn zone(file: &Spanned<FieldFile>, at: &str, out: &mut Findings) -> TimeZone {
    let Some(given) = &file.value.time_zone else {
        let what = "a day begins at another moment in each time zone, and none is named";
        let fix = "add `time_zone: UTC`, or the one that the dates are meant in";
        out.at(file, &format!("{at}.time_zone"), what, fix);
        return TimeZone::UTC;
    };
    moment::zone(given.value.trim()).unwrap_or_else(|| {
        let what = format!("`{}` is no time zone", given.value);
        let fix = "write it as in the time zone database, such as Europe/Berlin";
        out.at(given, &format!("{at}.time_zone"), what, fix);
        TimeZone::UTC
    })
}

fn decimal(file: &Spanned<FieldFile>, at: &str, out: &mut Findings) -> Decimal {
    let given = file.value.decimal.as_ref();
    match given.map(|given| (given, given.value.as_str())) {
        None | Some((_, "point")) => Decimal::Point,
        Some((_, "comma")) => Decimal::Comma,
        Some((given, other)) => {
            let what = format!("`{other}` is no sign before a fraction");
            let near = did_you_mean(other, ["point", "comma"]);
            let fix = hint(&near, "write point or comma");
            out.at(given, &format!("{at}.decimal"), what, fix);
            Decimal::Point
        }
    }
}

fn bands(
    file: &Spanned<FieldFile>,
    direction: Direction,
    at: &str,
    out: &mut Findings,
) -> Transform {
    let at = format!("{at}.bands");
    let Some(given) = &file.value.bands else {
        out.at(
            file,
            &at,
            "no band is named",
            "add `bands: [1-10, 11-50, 51+]`",
        );
        return Transform::Bands(Vec::new());
    };
    if direction != Direction::ToSalesforce {
        let what = "a band does not say which number it was";
        out.at(given, &at, what, "write `direction: to_salesforce`");
    }
    if given.value.is_empty() || given.value.len() > BANDS_MAX {
        let what = format!("{} bands are named", given.value.len());
        out.at(given, &at, what, format!("name 1 to {BANDS_MAX}"));
    }
    let mut bands: Vec<Band> = Vec::new();
    for label in given.value.iter().take(BANDS_MAX) {
        let Some(band) = Band::parse(label) else {
            let what = format!("`{label}` is no band");
            out.at(given, &at, what, "write it as 11-50 or 51+");
            continue;
        };
        let follows = bands
            .last()
            .is_none_or(|before| before.to.is_some_and(|to| to < band.from));
        if !follows {
            let what = format!("`{label}` does not lie behind the band before it");
            out.at(
                given,
                &at,
                what,
                "write the lowest first, and no number twice",
            );
        }
        bands.push(band);
    }
    Transform::Bands(bands)
}

fn picklist(
    file: &Spanned<FieldFile>,
    direction: Direction,
    at: &str,
    out: &mut Findings,
) -> Transform {
    Transform::Picklist {
        unknown: unknown(file, at, out),
        values: list(file, direction, at, out),
    }
}

/// Intercom's values to Salesforce's values. Where the way back is used, each has one.
pub fn list(
    file: &Spanned<FieldFile>,
    direction: Direction,
    at: &str,
    out: &mut Findings,
) -> BTreeMap<String, String> {
    let Some(given) = &file.value.values else {
        return BTreeMap::new();
    };
    let at = format!("{at}.values");
    let texts = given.value.iter().flat_map(|(ours, theirs)| [ours, theirs]);
    if let Some(text) = texts.into_iter().find(|text| text.trim() != text.as_str()) {
        let what = format!("`{text}` has white space around it, which no value keeps");
        out.advise(given, &at, (what, "write it without".to_owned()));
    }
    let lost = lost_on_the_way_back(&given.value);
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
    given.value.clone()
}

pub fn unknown(file: &Spanned<FieldFile>, at: &str, out: &mut Findings) -> Unknown {
    let given = file.value.unknown.as_ref();
    match given.map(|given| (given, given.value.as_str())) {
        None | Some((_, "pass")) => Unknown::Pass,
        Some((_, "refuse")) => Unknown::Refuse,
        Some((given, other)) => {
            let what = format!("`{other}` is nothing that can become of an unknown value");
            let near = did_you_mean(other, ["pass", "refuse"]);
            let fix = hint(&near, "write pass or refuse");
            out.at(given, &format!("{at}.unknown"), what, fix);
            Unknown::Pass
        }
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
    let (last, others) = TRANSFORMS.split_last().unwrap_or((&"", &[]));
    let known = others.join(", ");
    let fix = hint(&near, &format!("use {known} or {last}, or leave it out"));
    out.at(given, &format!("{at}.transform"), what, fix);
    None
}

/// Settings of a transform that the field does not have would be ignored in silence.
fn idle_settings(file: &Spanned<FieldFile>, wanted: &str, at: &str, out: &mut Findings) {
    let field = &file.value;
    let lists = ["picklist", "set"];
    if let Some(values) = field.values.as_ref().filter(|_| !lists.contains(&wanted)) {
        let what = "values belong to a picklist or a set";
        let fix = "add `transform: picklist`, or leave them out";
        out.at(values, &format!("{at}.values"), what, fix);
    }
    let others: [(_, _, &[&str]); 5] = [
        (field.unknown.as_ref(), "unknown", &lists),
        (field.time_zone.as_ref(), "time_zone", &["date"]),
        (field.decimal.as_ref(), "decimal", &["number"]),
        (field.separator.as_ref(), "separator", &["set", "concat"]),
        (field.value.as_ref(), "value", &["constant"]),
    ];
    for (given, name, of) in others {
        if let Some(given) = given.filter(|_| !of.contains(&wanted)) {
            let first = of[0];
            let what = format!("{name} belongs to the transform {first}");
            let fix = format!("add `transform: {first}`, or leave it out");
            out.at(given, &format!("{at}.{name}"), what, fix);
        }
    }
    if let Some(bands) = field.bands.as_ref().filter(|_| wanted != "bands") {
        let what = "bands belongs to the transform bands";
        let fix = "add `transform: bands`, or leave it out";
        out.at(bands, &format!("{at}.bands"), what, fix);
    }
    if let Some(forms) = field.forms.as_ref().filter(|_| wanted != "country") {
        let what = "forms belongs to the transform country";
        let fix = "add `transform: country`, or leave it out";
        out.at(forms, &format!("{at}.forms"), what, fix);
    }
    if let Some(users) = field.users.as_ref().filter(|_| wanted != "owner") {
        let what = "users belongs to the transform owner";
        let fix = "add `transform: owner`, or leave it out";
        out.at(users, &format!("{at}.users"), what, fix);
    }
    if let Some(fallback) = field.fallback.as_ref().filter(|_| wanted != "owner") {
        let what = "fallback belongs to the transform owner";
        let fix = "add `transform: owner`, or leave it out";
        out.at(fallback, &format!("{at}.fallback"), what, fix);
    }
    if let Some(max) = field
        .max_chars
        .as_ref()
        .filter(|_| wanted != "html_to_text")
    {
        let what = "max_chars belongs to the transform html_to_text";
        let fix = "add `transform: html_to_text`, or leave it out";
        out.at(max, &format!("{at}.max_chars"), what, fix);
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
