//! The rules by which a Salesforce record becomes a contact or a company of Intercom.

use serde_saphyr::Spanned;

use crate::domain::journal::CustomerKind;
use crate::domain::nearest::did_you_mean;
use crate::domain::record::MatchRule;
use crate::mapping::compile::{CreateInIntercom, MARKER, MatchBy, Section};
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
) -> Option<CreateInIntercom> {
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
    let key = contact_key(file, section, at, out);
    let rule = CreateInIntercom {
        objects,
        when: when?,
        key: key?,
    };
    (out.faults() == before).then_some(rule)
}

/// The rule for companies, or none with what is wrong in `out`.
pub fn create_company(
    file: &Spanned<CreateCompanyFile>,
    section: &Section,
    out: &mut Findings,
) -> Option<CreateInIntercom> {
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
    let key = MatchBy::exact(
        MatchRule::AccountKey,
        id.value.clone().into(),
        "company_id".into(),
    );
    keyed(id, &key, section, &format!("{at}.company_id"), out);
    let rule = CreateInIntercom {
        objects,
        when: when?,
        key,
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

/// What the contact is known by. Intercom takes a user with an external id of ours, and gives a
/// lead one of its own (intercom.md 2.4).
fn contact_key(
    file: &Spanned<CreateContactFile>,
    section: &Section,
    at: &str,
    out: &mut Findings,
) -> Option<MatchBy> {
    let (role, given) = (&file.value.role, file.value.external_id.as_ref());
    let id_at = format!("{at}.external_id");
    match (role.value.as_str(), given) {
        ("lead", None) => Some(MatchBy::exact(
            MatchRule::Explicit,
            "Id".into(),
            MARKER.into(),
        )),
        ("lead", Some(given)) => {
            let what = "Intercom gives a lead an external id of its own";
            out.at(given, &id_at, what, "leave it out, or write `role: user`");
            None
        }
        ("user", Some(given)) => {
            let key = MatchBy::exact(
                MatchRule::ExternalId,
                given.value.clone().into(),
                "external_id".into(),
            );
            keyed(given, &key, section, &id_at, out);
            Some(key)
        }
        ("user", None) => {
            let what = "a user is created by an external id, and nothing gives one";
            let fix = "add `external_id: FIELD`, or write `role: lead`";
            out.at(role, &id_at, what, fix);
            None
        }
        (other, _) => {
            let what = format!("`{other}` is no role of a contact");
            out.at(role, &format!("{at}.role"), what, "write lead or user");
            None
        }
    }
}

/// What a record is created with must be what records are found by: otherwise the next look would
/// not find what was made.
fn keyed(given: &Spanned<String>, key: &MatchBy, section: &Section, at: &str, out: &mut Findings) {
    if let Some((what, fix)) = field_fault(&given.value) {
        out.at(given, at, what, fix);
    }
    let Some(known) = section.rule(key.rule).filter(|known| *known != key) else {
        return;
    };
    let what = format!(
        "records are found by `{}` in Salesforce and `{}` in Intercom, not by this",
        known.salesforce, known.intercom
    );
    let fix = format!(
        "write `{}` here, or make the rule {{salesforce: {}, intercom: {}}}",
        known.salesforce, key.salesforce, key.intercom
    );
    out.at(given, at, what, fix);
}
