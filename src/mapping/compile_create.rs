//! The rule by which a contact becomes a Lead.

use std::collections::BTreeMap;

use serde_saphyr::Spanned;

use crate::domain::Name;
use crate::domain::journal::CustomerKind;
use crate::domain::record::MatchRule;
use crate::mapping::compile::{CreateRule, Section};
use crate::mapping::compile_section::name;
use crate::mapping::condition::Condition;
use crate::mapping::field::{FieldMap, System};
use crate::mapping::file::CreateLeadFile;
use crate::mapping::lint::Findings;
use crate::mapping::names::{field_fault, path_fault};

const LEAD: &str = "Lead";
/// What every org demands of a new Lead.
const REQUIRED: [&str; 2] = ["LastName", "Company"];

/// The rule, or none with what is wrong in `out`. The section's fields and match rules are known.
pub fn create(
    file: &Spanned<CreateLeadFile>,
    section: &Section,
    out: &mut Findings,
) -> Option<CreateRule> {
    let before = out.faults();
    let at = format!("{}.create.salesforce_lead", name(section.kind));
    if section.kind == CustomerKind::Company {
        let what = "a Lead is made of a contact, not of a company";
        out.at(file, &at, what, "move it under people");
        return None;
    }
    if !section.salesforce_objects.iter().any(|one| one == LEAD) {
        let what = "a Lead is to be created, and objects.salesforce does not name Lead";
        out.at(file, &at, what, "add Lead to objects.salesforce");
    }
    if section.rule(MatchRule::Explicit).is_none() {
        let what = "a Lead is created by upsert on the explicit key, and no rule names it";
        let fix = "add `- explicit: {salesforce: Intercom_Contact_ID__c}` as the first rule";
        out.at(file, &at, what, fix);
    }
    let when = Condition::compile(&file.value.when.value);
    if let Err(what) = &when {
        let fix = "see \"Conditions\" in docs/mapping.md";
        out.at(&file.value.when, &format!("{at}.when"), what, fix);
    }
    for need in &file.value.needs {
        if let Some((what, fix)) = path_fault(section.kind, &need.value) {
            out.at(need, &format!("{at}.needs"), what, fix);
        }
    }
    targets(file, section, &at, out);
    required(file, section, &at, out);
    let rule = CreateRule {
        object: LEAD.into(),
        when: when.ok()?,
        needs: file.value.needs.iter().map(|n| n.value.clone()).collect(),
        set: values(&file.value.set),
        company_name: file
            .value
            .company_name
            .as_ref()
            .map(|f| f.value.as_str().into()),
        placeholders: values(&file.value.placeholders),
        auto_assign: file.value.auto_assign,
    };
    (out.faults() == before).then_some(rule)
}

fn values(given: &BTreeMap<String, Spanned<String>>) -> BTreeMap<Name, String> {
    let pairs = given.iter();
    pairs
        .map(|(name, value)| (name.as_str().into(), value.value.clone()))
        .collect()
}

/// Each field of the Lead has one source of its value.
fn targets(file: &Spanned<CreateLeadFile>, section: &Section, at: &str, out: &mut Findings) {
    let file = &file.value;
    let constants = file.set.iter().map(|one| ("set", one));
    let stand_ins = file.placeholders.iter().map(|one| ("placeholders", one));
    for (key, (field, value)) in constants.chain(stand_ins) {
        let at = format!("{at}.{key}");
        if let Some((what, fix)) = field_fault(field) {
            out.at(value, &at, what, fix);
        }
        if value.value.trim().is_empty() {
            let what = format!("`{field}` is set to nothing");
            out.at(value, &at, what, "write a value, or leave it out");
        }
    }
    for (field, value) in &file.set {
        let at = format!("{at}.set");
        if let Some(by) = mapped_by(section, field).map(|by| &by.intercom) {
            let what = format!("`{field}` is written by `{by}` already");
            let fix = "write it under placeholders if it stands in for a blank value";
            out.at(value, &at, what, fix);
        }
        if file.placeholders.contains_key(field) {
            let what = format!("`{field}` has a placeholder too, which never shows");
            out.at(value, &at, what, "keep one of them");
        }
        if key_field(section).is_some_and(|key| key == field) {
            let what = format!("`{field}` holds the explicit key");
            out.at(value, &at, what, "leave it out: crosswalk writes it itself");
        }
    }
    let Some(company) = &file.company_name else {
        return;
    };
    let at = format!("{at}.company_name");
    if let Some((what, fix)) = field_fault(&company.value) {
        out.at(company, &at, what, fix);
    }
    let fix = "let one of them write it";
    if let Some(by) = mapped_by(section, &company.value).map(|by| &by.intercom) {
        let what = format!("`{}` is written by `{by}` already", company.value);
        out.at(company, &at, what, fix);
    }
    if file.set.contains_key(&company.value) {
        let what = format!("`{}` is set to a constant already", company.value);
        out.at(company, &at, what, fix);
    }
}

/// What Salesforce demands is there whatever the contact lacks, so that no creation is refused.
fn required(file: &Spanned<CreateLeadFile>, section: &Section, at: &str, out: &mut Findings) {
    for field in REQUIRED {
        let needed = |path: &str| file.value.needs.iter().any(|need| need.value == path);
        let given = file.value.set.contains_key(field)
            || file.value.placeholders.contains_key(field)
            || mapped_by(section, field)
                .is_some_and(|field| field.paths.iter().any(|path| needed(path)));
        if !given {
            let what = format!("a Lead must have {field}, and nothing makes sure of it");
            let fix = format!("add `placeholders: {{{field}: \"[not provided]\"}}`");
            out.at(file, &format!("{at}.placeholders"), what, fix);
        }
    }
}

fn mapped_by<'a>(section: &'a Section, name: &str) -> Option<&'a FieldMap> {
    let writes = |field: &&FieldMap| {
        let written = field.applies_to(LEAD) && field.flows_to(System::Salesforce);
        written && field.salesforce.iter().any(|one| one == name)
    };
    section.fields.iter().find(writes)
}

fn key_field(section: &Section) -> Option<&Name> {
    section.rule(MatchRule::Explicit).map(|by| &by.salesforce)
}
