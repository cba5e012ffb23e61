//! From the file to the `Mapping` that the rules use, or to everything that is wrong with it.

use std::collections::{BTreeMap, BTreeSet};

use serde_saphyr::Spanned;

use crate::domain::RecordRef;
use crate::domain::journal::CustomerKind;
use crate::domain::record::MatchRule;
use crate::mapping::compile_section::section;
use crate::mapping::condition::Condition;
use crate::mapping::field::{FieldMap, OnFirstLink, System};
use crate::mapping::file::File;
use crate::mapping::lint::Findings;
use crate::mapping::offer::Sources;
use crate::mapping::read::read;

/// Most mapped fields of a section; a write of all of them must stay one request.
pub const FIELDS_MAX: usize = 200;

/// A mapping that can work.
#[derive(Debug)]
pub struct Mapping {
    pub version: u64,
    pub hash: [u8; 32],
    pub sources: Sources,
    pub people: Section,
    pub companies: Option<Section>,
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
    pub create: Option<CreateRule>,
    pub on_first_link: OnFirstLink,
    /// The Intercom paths that matter; others are not kept in the view.
    pub watched_intercom: BTreeSet<String>,
    /// The Salesforce fields that matter, by object.
    pub watched_salesforce: BTreeMap<String, BTreeSet<String>>,
}

/// How two records are found to be one customer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MatchBy {
    pub rule: MatchRule,
    /// API name in every Salesforce object of the section.
    pub salesforce: String,
    /// Intercom's path; `id` for the explicit rule.
    pub intercom: String,
}

/// When a contact becomes a Lead, and with what.
#[derive(Debug)]
pub struct CreateRule {
    pub object: String,
    pub when: Condition,
    pub needs: Vec<String>,
    pub set: BTreeMap<String, String>,
    pub company_name: Option<String>,
    pub placeholders: BTreeMap<String, String>,
    pub auto_assign: bool,
}

impl Mapping {
    /// Compiles the text of a file. The same text gives the same mapping, or the same findings in
    /// the order of its lines, on every machine.
    pub fn compile(text: &str, sources: Sources, hash: [u8; 32]) -> Result<Self, Findings> {
        let file = read(text)?;
        let mut findings = Findings::default();
        let version = version(&file.version, &mut findings);
        let people = section(CustomerKind::Person, &file.people, &mut findings);
        let companies = file
            .companies
            .as_ref()
            .map(|file| section(CustomerKind::Company, file, &mut findings));
        across_sections(&file, &mut findings);
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

    /// The value of the explicit key for an Intercom record.
    pub fn explicit_key(&self, record: &RecordRef) -> Option<String> {
        let app_id = self.sources.intercom.get(&record.source)?;
        Some(format!("{app_id}:{}", record.id))
    }
}

impl Section {
    pub fn rule(&self, rule: MatchRule) -> Option<&MatchBy> {
        self.rules.iter().find(|by| by.rule == rule)
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

    /// Every field to ask for when a row of this object is read.
    pub fn salesforce_fields(&self, object: &str) -> Vec<String> {
        let known = self.watched_salesforce.get(object);
        known
            .map(|fields| fields.iter().cloned().collect())
            .unwrap_or_default()
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
}
