//! The mapping as a sheet: what flows, in a table that people read, one row for each field.

use std::collections::BTreeMap;

use crate::mapping::compile::{Mapping, Section};
use crate::mapping::field::{Direction, FieldMap, System};
use crate::mapping::transform::Transform;

/// The heads of the columns.
pub const COLUMNS: [&str; 9] = [
    "section",
    "intercom",
    "salesforce",
    "meaning",
    "owner",
    "direction",
    "transform",
    "policy",
    "used by",
];

/// One row for each mapped field, in the order of the file, in the words of the file. The policy
/// of a field that flows one way only is blank: nothing can conflict.
pub fn rows(mapping: &Mapping) -> Vec<[String; 9]> {
    let rows = mapping.sections().flat_map(|(name, section)| {
        let fields = section.fields.iter();
        fields.map(move |field| row(name, section, field))
    });
    rows.collect()
}

fn row(name: &str, section: &Section, field: &FieldMap) -> [String; 9] {
    let policy = match field.direction {
        Direction::Both => field.conflict.as_str(),
        Direction::ToSalesforce | Direction::ToIntercom => "",
    };
    let owner = match field.owner {
        System::Intercom => "intercom",
        System::Salesforce => "salesforce",
    };
    [
        name.to_owned(),
        intercom(section, field),
        salesforce(section, field),
        field.meaning.clone(),
        owner.to_owned(),
        field.direction.as_str().to_owned(),
        transform(&field.transform),
        policy.to_owned(),
        field.used_by.join(", "),
    ]
}

fn intercom(section: &Section, field: &FieldMap) -> String {
    let paths = field.paths.iter();
    let paths = paths.map(|path| format!("{}.{path}", section.intercom_object));
    paths.collect::<Vec<_>>().join(" + ")
}

/// Every API name with its object.
fn salesforce(section: &Section, field: &FieldMap) -> String {
    let objects = match field.objects.is_empty() {
        true => &section.salesforce_objects,
        false => &field.objects,
    };
    let of = |object: &String| {
        let names = field.salesforce.iter();
        let names = names.map(|name| format!("{object}.{name}"));
        names.collect::<Vec<_>>().join(" + ")
    };
    objects.iter().map(of).collect::<Vec<_>>().join(", ")
}

fn transform(transform: &Transform) -> String {
    match transform {
        Transform::Same => String::new(),
        Transform::SplitName => "split_name".to_owned(),
        Transform::PhoneE164 { region: None } => "phone_e164".to_owned(),
        Transform::PhoneE164 { region: Some(id) } => format!("phone_e164 ({id:?})"),
        Transform::Date { zone } => {
            let name = zone.iana_name().unwrap_or("UTC");
            format!("date ({name})")
        }
        Transform::DateTime => "date_time".to_owned(),
        Transform::Number { decimal } => {
            let name = format!("{decimal:?}").to_lowercase();
            format!("number ({name})")
        }
        Transform::Bands(bands) => {
            let labels: Vec<&str> = bands.iter().map(|band| band.label.as_str()).collect();
            format!("bands ({})", labels.join(", "))
        }
        Transform::Set(set) => {
            let sign = set.separator().trim();
            match set.values().is_empty() {
                true => format!("set ({sign})"),
                false => format!("set ({sign}: {})", listed(set.values())),
            }
        }
        Transform::Country {
            intercom,
            salesforce,
        } => {
            format!("country ({} = {})", intercom.as_str(), salesforce.as_str())
        }
        Transform::HtmlToText { chars_max } => format!("html_to_text (up to {chars_max})"),
        Transform::Concat { separator } => format!("concat ({separator:?})"),
        Transform::Owner(owners) => format!("owner ({} of them)", owners.count()),
        Transform::Constant(value) => format!("constant ({})", value.display()),
        Transform::Picklist { values, .. } if values.is_empty() => "picklist".to_owned(),
        Transform::Picklist { values, .. } => format!("picklist ({})", listed(values)),
    }
}

fn listed(values: &BTreeMap<String, String>) -> String {
    let pairs = values.iter().map(|(from, to)| format!("{from} = {to}"));
    pairs.collect::<Vec<_>>().join(", ")
}
