//! The rules by which a Salesforce record becomes a contact or a company of Intercom.

use serde_saphyr::Spanned;

use crate::domain::journal::CustomerKind;
use crate::domain::nearest::did_you_mean;
use crate::domain::record::MatchRule;
use crate::mapping::compile::{ContactRole, CreateCompanyRule, CreateContactRule, Section};
use crate::mapping::compile_field::hint;
use crate::mapping::condition::Condition;
use crate::mapping::file::{CreateCompanyFile, CreateContactFile, OneOrMany};
use crate::mapping::lint::Findings;
use crate::mapping::names::field_fault;

/// The rule for contacts, or none with what is wrong in `out`.
pub fn create_contact(
    file: &Spanned<CreateContactFile>,
    section: &Section,
    out: &mut Findings,
) -> Option<CreateContactRule> {
    let before = out.faults();
    if section.kind == CustomerKind::Company {
        let what = "a contact is a person";
        let at = "companies.create.intercom_contact";
        out.at(file, at, what, "move it under people");
        return None;
    }
    let at = "people.create.intercom_contact";
    if section.rule(MatchRule::Explicit).is_none() {
        let what = "the id of a new contact is kept in the explicit key, and no rule names it";
        let fix = "add `- explicit: {salesforce: Intercom_Contact_ID__c}` as the first rule";
        out.at(file, at, what, fix);
    }
    let objects = objects(&file.value.from, section, at, out);
    let when = condition(&file.value.when, at, out);
    let role = role(&file.value.role, at, out);
    identified(file, role, section, at, out);
    let rule = CreateContactRule {
        objects,
        when: when?,
        role: role?,
        external_id: file.value.external_id.as_ref().map(|id| id.value.clone()),
    };
    (out.faults() == before).then_some(rule)
}

/// The rule for companies, or none with what is wrong in `out`.
pub fn create_company(
    file: &Spanned<CreateCompanyFile>,
    section: &Section,
    out: &mut Findings,
) -> Option<CreateCompanyRule> {
    let before = out.faults();
    if section.kind == CustomerKind::Person {
        let what = "a company is made of an Account, not of a person";
        let at = "people.create.intercom_company";
        out.at(file, at, what, "move it under companies");
        return None;
    }
    let at = "companies.create.intercom_company";
    let objects = objects(&file.value.from, section, at, out);
    let when = condition(&file.value.when, at, out);
    let id = &file.value.company_id;
    if let Some((what, fix)) = field_fault(&id.value) {
        out.at(id, &format!("{at}.company_id"), what, fix);
    }
    let rule = CreateCompanyRule {
        objects,
        when: when?,
        company_id: id.value.clone(),
    };
    (out.faults() == before).then_some(rule)
}

/// The objects whose records are looked at, in the order of the section.
fn objects(
    given: &Option<Spanned<OneOrMany>>,
    section: &Section,
    at: &str,
    out: &mut Findings,
) -> Vec<String> {
    let known = &section.salesforce_objects;
    let Some(given) = given else {
        return known.clone();
    };
    let named = given.value.names();
    let at = format!("{at}.from");
    if named.is_empty() {
        let fix = "name one at least, or leave it out for all of the section";
        out.at(given, &at, "no object is named", fix);
    }
    for name in &named {
        if !known.iter().any(|object| object == name) {
            let near = did_you_mean(name, known.iter().map(String::as_str));
            let what = format!("`{name}` is an object which this section does not map");
            let fix = hint(&near, "use one of objects.salesforce");
            out.at(given, &at, what, fix);
        }
    }
    let mut objects = known.clone();
    objects.retain(|object| named.contains(&object.as_str()));
    objects
}

fn condition(given: &Spanned<String>, at: &str, out: &mut Findings) -> Option<Condition> {
    let when = Condition::compile_record(&given.value);
    if let Err(what) = &when {
        let fix = "see \"Conditions\" in docs/mapping.md";
        out.at(given, &format!("{at}.when"), what, fix);
    }
    when.ok()
}

fn role(given: &Spanned<String>, at: &str, out: &mut Findings) -> Option<ContactRole> {
    match given.value.as_str() {
        "lead" => Some(ContactRole::Lead),
        "user" => Some(ContactRole::User),
        other => {
            let what = format!("`{other}` is no role of a contact");
            out.at(given, &format!("{at}.role"), what, "write lead or user");
            None
        }
    }
}

/// Intercom takes a user with an external id or an e-mail, and gives a lead an id of its own
/// (intercom.md 2.4).
fn identified(
    file: &Spanned<CreateContactFile>,
    role: Option<ContactRole>,
    section: &Section,
    at: &str,
    out: &mut Findings,
) {
    let given = file.value.external_id.as_ref();
    let at = format!("{at}.external_id");
    if let Some(given) = given {
        if let Some((what, fix)) = field_fault(&given.value) {
            out.at(given, &at, what, fix);
        }
        if role == Some(ContactRole::Lead) {
            let what = "Intercom gives a lead an external id of its own";
            out.at(given, &at, what, "leave it out, or write `role: user`");
        }
    }
    let by_mail = section.rule(MatchRule::Email).is_some();
    if role == Some(ContactRole::User) && given.is_none() && !by_mail {
        let what = "a user needs an external id or an e-mail, and nothing gives one";
        let fix = "add `external_id: FIELD`, or a match rule `email`";
        out.at(&file.value.role, &at, what, fix);
    }
}
