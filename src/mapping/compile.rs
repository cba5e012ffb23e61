//! From the file to the `Mapping` that the rules use, or to everything that is wrong with it.

use std::collections::{BTreeMap, BTreeSet};

use serde_saphyr::Spanned;

use crate::domain::journal::CustomerKind;
use crate::domain::record::MatchRule;
use crate::domain::{Name, RecordRef, SourceId, Value};
use crate::mapping::compile_part::{COMPANY_ID, Include, Pilot, Scope, pilot};
use crate::mapping::compile_relations::relations;
use crate::mapping::compile_section::section;
use crate::mapping::condition::Condition;
use crate::mapping::field::{Ambiguous, FieldMap, OnFirstLink, System};
use crate::mapping::file::{FieldFile, File, SectionFile};
use crate::mapping::identifier::{Form, Protection};
use crate::mapping::lint::Findings;
use crate::mapping::names::is_virtual;
use crate::mapping::offer::Sources;
use crate::mapping::read::read;

/// Most mapped fields of a section; a write of all of them must stay one request.
pub const FIELDS_MAX: usize = 200;

const CONTACT: &str = "Contact";
const ACCOUNT: &str = "Account";
/// Where a Contact names its Account, and an Account the one above it.
const ACCOUNT_ID: &str = "AccountId";
const PARENT_ID: &str = "ParentId";

/// A mapping that can work.
#[derive(Debug)]
pub struct Mapping {
    pub version: u64,
    pub hash: [u8; 32],
    pub sources: Sources,
    pub people: Section,
    pub companies: Option<Section>,
    pub relations: Relations,
    /// Whose records are written; everybody's where there is none.
    pub pilot: Option<Pilot>,
}

/// Which relations between records are carried over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Relations {
    /// Contacts join the Intercom company that is linked to the Account of their Contact.
    pub contact_company: bool,
    /// `ParentId` of Accounts is followed to the top of their tree.
    pub account_tree: bool,
}

#[derive(Debug)]
pub struct Section {
    pub kind: CustomerKind,
    pub intercom_object: String,
    /// In the order in which a match is preferred.
    pub salesforce_objects: Vec<String>,
    /// In the order in which they are asked.
    pub rules: Vec<MatchBy>,
    pub fields: Vec<FieldMap>,
    /// What is done where several records match.
    pub ambiguous: Ambiguous,
    pub protection: Protection,
    /// When an Intercom record becomes a Lead; under people only.
    pub create: Option<CreateRule>,
    /// When a Salesforce record becomes a record of Intercom: a contact or a company.
    pub create_in_intercom: Option<CreateInIntercom>,
    pub on_first_link: OnFirstLink,
    /// Which records take part; all do where there is none.
    pub include: Include,
    pub scope: Option<Scope>,
    /// The Intercom paths that matter; others are not kept in the view.
    pub watched_intercom: BTreeSet<Name>,
    /// The Salesforce fields that matter, by object; also `Id` and `attributes.type` where they are
    /// mapped, which every record has without being asked.
    pub watched_salesforce: BTreeMap<String, BTreeSet<Name>>,
}

/// How two records are found to be one customer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MatchBy {
    pub rule: MatchRule,
    /// API name in every Salesforce object of the section.
    pub salesforce: Name,
    /// Intercom's path; `id` for the explicit rule.
    pub intercom: Name,
    /// What is compared.
    pub form: Form,
    /// Whether a match is put before a person instead of being taken.
    pub proposes: bool,
}

/// When a contact becomes a Lead, and with what.
#[derive(Debug)]
pub struct CreateRule {
    pub object: String,
    pub when: Condition,
    pub needs: Vec<String>,
    pub set: BTreeMap<Name, String>,
    pub company_name: Option<Name>,
    pub placeholders: BTreeMap<Name, String>,
    pub auto_assign: bool,
}

/// When a Salesforce record becomes a contact or a company of Intercom.
#[derive(Debug)]
pub struct CreateInIntercom {
    /// The objects whose records are looked at.
    pub objects: Vec<String>,
    /// Over the fields of the record.
    pub when: Condition,
    /// What the new record is known by, and the field that it comes from: the company id, a user's
    /// external id, a lead's `MARKER`. It is one of the section's match rules.
    pub key: MatchBy,
}

/// The attribute that holds the id of the Salesforce record from which a lead was created: Intercom
/// has no key of ours for leads, and a lead that was made must be found again.
pub const MARKER: &str = "custom_attributes.crosswalk_created_from";

impl MatchBy {
    /// A rule that compares texts as they are, and takes what it finds.
    pub fn exact(rule: MatchRule, salesforce: Name, intercom: Name) -> Self {
        Self {
            rule,
            salesforce,
            intercom,
            form: Form::Exact,
            proposes: false,
        }
    }

    /// Whether it compares the explicit key that we write into Salesforce.
    pub fn is_our_key(&self) -> bool {
        self.rule == MatchRule::Explicit && self.intercom == "id"
    }

    /// Whether it compares the marker of the leads that we make in Intercom.
    pub fn is_marker(&self) -> bool {
        self.rule == MatchRule::Explicit && !self.is_our_key()
    }
}

impl Mapping {
    /// The sections of the file with their names, in its order.
    pub fn sections(&self) -> impl Iterator<Item = (&'static str, &Section)> {
        let companies = self
            .companies
            .as_ref()
            .map(|section| ("companies", section));
        [("people", &self.people)].into_iter().chain(companies)
    }

    /// Compiles the text of a file. The same text gives the same mapping, or the same findings in
    /// the order of its lines, on every machine.
    pub fn compile(text: &str, sources: Sources, hash: [u8; 32]) -> Result<Self, Findings> {
        Self::build(text, sources, hash, |findings| findings)
    }

    /// Compiles what the journal holds: refused is only what cannot work.
    pub fn compile_journaled(
        text: &str,
        sources: Sources,
        hash: [u8; 32],
    ) -> Result<Self, Findings> {
        Self::build(text, sources, hash, Findings::without_advice)
    }

    fn build(
        text: &str,
        sources: Sources,
        hash: [u8; 32],
        that_count: impl FnOnce(Findings) -> Findings,
    ) -> Result<Self, Findings> {
        let file = read(text)?;
        let mut findings = Findings::default();
        let version = version(&file.version, &mut findings);
        let mut people = section(CustomerKind::Person, &file.people, &mut findings);
        let mut companies = file
            .companies
            .as_ref()
            .map(|file| section(CustomerKind::Company, file, &mut findings));
        across_sections(&file, &mut findings);
        one_workspace(&file, &sources, &mut findings);
        let relations = relations(&file, &mut findings);
        let pilot = pilot(&file.pilot, &mut findings);
        if relations.contact_company || relations.account_tree || pilot.is_some() {
            people.watch_above(CONTACT, ACCOUNT_ID);
        }
        if let Some(companies) = companies.as_mut().filter(|_| relations.account_tree) {
            companies.watch_above(ACCOUNT, PARENT_ID);
        }
        if let (Some(companies), true) = (&mut companies, pilot.is_some()) {
            companies.watched_intercom.insert(COMPANY_ID.into());
        }
        let findings = that_count(findings);
        if !findings.0.is_empty() {
            return Err(findings.sorted());
        }
        people
            .fields
            .iter()
            .for_each(|field| field.transform.warm_up());
        Ok(Self {
            version,
            hash,
            sources,
            people,
            companies,
            relations,
            pilot,
        })
    }

    /// The section a record belongs to, if any maps its object.
    pub fn section_of(&self, record: &RecordRef) -> Option<&Section> {
        let salesforce = record.source == self.sources.salesforce;
        let has = |section: &&Section| {
            let object = record.object.as_str();
            if salesforce {
                section
                    .salesforce_objects
                    .iter()
                    .any(|known| known == object)
            } else {
                section.intercom_object == object
            }
        };
        Some(&self.people)
            .filter(has)
            .or(self.companies.as_ref().filter(has))
    }

    pub fn is_salesforce(&self, record: &RecordRef) -> bool {
        record.source == self.sources.salesforce
    }

    pub fn system_of(&self, record: &RecordRef) -> System {
        if self.is_salesforce(record) {
            System::Salesforce
        } else {
            System::Intercom
        }
    }

    /// Where the counterpart of a record is looked for and made: the org, or the workspace of a
    /// bridge that has only one.
    pub fn source_opposite(&self, record: &RecordRef) -> Option<&SourceId> {
        if self.is_salesforce(record) {
            self.sources.intercom.keys().next()
        } else {
            Some(&self.sources.salesforce)
        }
    }

    /// The value of the explicit key for an Intercom record.
    pub fn explicit_key(&self, record: &RecordRef) -> Option<String> {
        let app_id = self.sources.intercom.get(&record.source)?;
        Some(format!("{app_id}:{}", record.id))
    }
}

impl Section {
    /// The rule of a kind; of the explicit ones that of the key in Salesforce.
    pub fn rule(&self, rule: MatchRule) -> Option<&MatchBy> {
        self.rules
            .iter()
            .find(|by| by.rule == rule && !by.is_marker())
    }

    /// Whether a value is an identifier by one of the rules, and one that never matches. `name` is
    /// the field that holds it, in either system.
    pub fn blocks(&self, name: &str, value: &Value) -> bool {
        let rules = self.rules.iter();
        let mut of_field = rules.filter(|by| by.intercom == name || by.salesforce == name);
        of_field.any(|by| {
            let compared = by.form.compared(value);
            let written = value.display();
            compared.is_some_and(|text| self.protection.blocks(&text))
                || self.protection.blocks(written.trim())
        })
    }

    /// The mapped fields that have this field of a record of the system.
    pub fn fields_of(&self, system: System, object: &str, name: &str) -> Vec<&FieldMap> {
        let maps = |field: &&FieldMap| {
            let here = system == System::Intercom || field.applies_to(object);
            here && field.names_in(system).iter().any(|known| known == name)
        };
        self.fields.iter().filter(maps).collect()
    }

    /// The mapped field that is written to this field of a record, if one is.
    pub fn written_as(&self, system: System, object: &str, name: &str) -> Option<&FieldMap> {
        let fields = self.fields_of(system, object, name).into_iter();
        fields.into_iter().find(|field| field.flows_to(system))
    }

    /// Every field to ask for when a row of this object is read. Less than what is watched: a
    /// record's id and object come with every row.
    pub fn salesforce_fields(&self, object: &str) -> Vec<String> {
        let known = self.watched_salesforce.get(object).into_iter().flatten();
        known
            .filter(|name| !is_virtual(name))
            .map(|name| name.to_string())
            .collect()
    }

    /// Watches what says which Account is above a record of an object.
    fn watch_above(&mut self, object: &str, field: &str) {
        if let Some(fields) = self.watched_salesforce.get_mut(object) {
            fields.insert(field.into());
        }
    }
}

/// A bridge that has no mapping stands at version 0, so 0 would never become active.
fn version(given: &Spanned<i64>, out: &mut Findings) -> u64 {
    match u64::try_from(given.value) {
        Ok(version) if version > 0 => version,
        _ => {
            let what = format!("the version is {}", given.value);
            out.at(
                given,
                "version",
                what,
                "begin with 1, raise it with each change",
            );
            0
        }
    }
}

fn across_sections(file: &File, out: &mut Findings) {
    let companies = file.companies.as_ref();
    let people = &file.people.objects.salesforce.value;
    for object in companies
        .iter()
        .flat_map(|file| &file.objects.salesforce.value)
    {
        if people.iter().any(|other| other.value == object.value) {
            let what = format!("`{}` is mapped under people already", object.value);
            let fix = "an object belongs to one section";
            out.at(object, "companies.objects.salesforce", what, fix);
        }
    }
    attribute_of_both(file, out);
}

/// A record is created in one workspace, and nothing says in which of several.
fn one_workspace(file: &File, sources: &Sources, out: &mut Findings) {
    if sources.intercom.len() < 2 {
        return;
    }
    let what = "the bridge has several workspaces, and nothing says in which one to create";
    let fix = "leave the rule out, or give each workspace a bridge of its own";
    let people = file.people.create.as_ref();
    if let Some(rule) = people.and_then(|create| create.value.intercom_contact.as_ref()) {
        out.at(rule, "people.create.intercom_contact", what, fix);
    }
    let companies = file
        .companies
        .as_ref()
        .and_then(|file| file.create.as_ref());
    if let Some(rule) = companies.and_then(|create| create.value.intercom_company.as_ref()) {
        out.at(rule, "companies.create.intercom_company", what, fix);
    }
}

/// Intercom keeps the names of attributes unique across contacts and companies (intercom.md 2.6).
fn attribute_of_both(file: &File, out: &mut Findings) {
    let written = |field: &&Spanned<FieldFile>| {
        let path = field.value.path();
        let direction = field.value.direction.as_ref();
        path.starts_with("custom_attributes.")
            && direction.is_some_and(|given| given.value != "to_salesforce")
    };
    let companies = file.companies.iter().flat_map(|file| &file.fields);
    for field in companies.filter(written) {
        let path = field.value.path();
        let mut people = file.people.fields.iter().filter(written);
        if people.any(|other| other.value.path() == path) {
            let what = format!("`{path}` is written for contacts too");
            let name = path.trim_start_matches("custom_attributes.");
            let fix = format!(
                "Intercom has one attribute of a name: take another here, such as \
                 `custom_attributes.account_{name}`"
            );
            let place = &field.value.intercom;
            out.advise(place, "companies.fields.intercom", (what, fix));
        }
    }
}

/// Whether a section maps an object of Salesforce.
pub fn names(section: &SectionFile, object: &str) -> bool {
    let objects = &section.objects.salesforce.value;
    objects.iter().any(|known| known.value == object)
}
