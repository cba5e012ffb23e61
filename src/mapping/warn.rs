//! What works, and may still mislead people: told by `mapping lint`, never a refusal.

use std::collections::BTreeMap;

use crate::mapping::compile::{Mapping, Section};
use crate::mapping::field::FieldMap;
use crate::mapping::transform::Transform;

/// Warnings, each a sentence with its fix, in the order of the file.
pub fn warnings(mapping: &Mapping) -> Vec<String> {
    let entries: Vec<Entry<'_>> = entries(mapping).collect();
    let mut found = unused(&entries);
    found.extend(one_label_many_kinds(&entries));
    found
}

/// A mapped field with the section that it stands in.
struct Entry<'a> {
    name: &'static str,
    section: &'a Section,
    field: &'a FieldMap,
}

impl Entry<'_> {
    /// `people: contact.phone`, as the sheet names it.
    fn place(&self) -> String {
        let object = &self.section.intercom_object;
        format!("{}: {object}.{}", self.name, self.field.intercom)
    }
}

fn entries(mapping: &Mapping) -> impl Iterator<Item = Entry<'_>> {
    mapping.sections().flat_map(|(name, section)| {
        section.fields.iter().map(move |field| Entry {
            name,
            section,
            field,
        })
    })
}

/// Fields that nobody is named for, once the file says of some who uses them: what nobody uses is
/// clutter on both sides.
fn unused(entries: &[Entry<'_>]) -> Vec<String> {
    if entries.iter().all(|entry| entry.field.used_by.is_empty()) {
        return Vec::new();
    }
    let nobodys = entries
        .iter()
        .filter(|entry| entry.field.used_by.is_empty());
    let told = nobodys.map(|entry| {
        let place = entry.place();
        format!("{place} has no `used_by`; name who uses it, or map it no longer")
    });
    told.collect()
}

/// Fields that people see under one label and that are of different kinds: "Status" is a trap.
fn one_label_many_kinds(entries: &[Entry<'_>]) -> Vec<String> {
    let mut labels: BTreeMap<String, Vec<&Entry<'_>>> = BTreeMap::new();
    for entry in entries {
        if kind(&entry.field.transform).is_none() {
            continue;
        }
        let names = entry.field.salesforce.iter().chain(&entry.field.paths);
        let mut own: Vec<String> = names.map(|name| label(name)).collect();
        own.sort();
        own.dedup();
        for label in own {
            labels.entry(label).or_default().push(entry);
        }
    }
    let mut told = Vec::new();
    for (label, entries) in labels {
        let first = entries[0];
        let of = |entry: &Entry<'_>| kind(&entry.field.transform).unwrap_or_default();
        let other = entries.iter().find(|other| of(other) != of(first));
        if let Some(other) = other {
            told.push(format!(
                "`{label}` is {} in {} and {} in {}; give both the same transform, or one of them \
                 a name of its own",
                of(first),
                first.place(),
                of(other),
                other.place(),
            ));
        }
    }
    told
}

/// What people read of a field's name: `Renewal_Date__c` and `custom_attributes.renewal date` are
/// one.
fn label(name: &str) -> String {
    let own = name.strip_prefix("custom_attributes.").unwrap_or(name);
    let own = own.strip_suffix("__c").unwrap_or(own);
    let letters = own.chars().filter(|one| one.is_alphanumeric());
    letters.flat_map(char::to_lowercase).collect()
}

/// What kind of value a field holds, where its transform says so.
fn kind(transform: &Transform) -> Option<&'static str> {
    Some(match transform {
        Transform::Same => return None,
        Transform::SplitName => "a person's name",
        Transform::PhoneE164 { .. } => "a telephone number",
        Transform::Picklist { .. } => "one of a list",
        Transform::Date { .. } => "a day",
        Transform::DateTime => "a moment",
        Transform::Number { .. } => "a number",
        Transform::Bands(_) => "a band of numbers",
        Transform::Set(_) => "a set",
        Transform::Country { .. } => "a country",
        Transform::HtmlToText { .. } => "a text",
        Transform::Concat { .. } => "a joined text",
        Transform::Constant(_) => return None,
        Transform::Owner(_) => "an owner",
    })
}
