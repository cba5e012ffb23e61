//! Which records take part: the inclusion filter, the scopes that nothing crosses, and the pilot.

use std::collections::{BTreeMap, BTreeSet};

use serde_saphyr::Spanned;

use crate::domain::journal::CustomerKind;
use crate::domain::nearest::did_you_mean;
use crate::domain::{Fields, Name, Shows, Value};
use crate::mapping::compile::{Mapping, Section};
use crate::mapping::compile_section::name;
use crate::mapping::condition::Condition;
use crate::mapping::field::System;
use crate::mapping::file::{CreateFile, IncludeFile, PilotFile, ScopeFile};
use crate::mapping::lint::Findings;
use crate::mapping::names::{field_fault, path_fault};

/// The governed key of a company of Intercom.
pub const COMPANY_ID: &str = "company_id";
/// Accounts and companies of a pilot.
const PILOT_MAX: usize = 1_000;
/// Of a record id in Salesforce without its checksum.
const SALESFORCE_ID_LENGTH: usize = 15;

/// Conditions that a record must meet to take part.
#[derive(Debug, Default)]
pub struct Include {
    pub intercom: Option<Condition>,
    pub salesforce: Option<Condition>,
}

/// What no link and no write crosses: records with another value here are others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope {
    pub intercom: Name,
    pub salesforce: Name,
    /// Intercom's value to Salesforce's; where it is empty they are written alike.
    values: BTreeMap<String, String>,
    /// The bridge's own, in Salesforce's words; empty for all.
    only: BTreeSet<String>,
}

/// The accounts of a pilot.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Pilot {
    /// Without their checksums, which not every page shows.
    accounts: BTreeSet<String>,
    companies: BTreeSet<String>,
}

impl Include {
    fn of(&self, system: System) -> Option<&Condition> {
        match system {
            System::Intercom => self.intercom.as_ref(),
            System::Salesforce => self.salesforce.as_ref(),
        }
    }

    /// Whether a record meets its system's condition. `tags` are names.
    pub fn holds(
        &self,
        system: System,
        object: &str,
        fields: &Fields,
        tags: &BTreeSet<String>,
    ) -> bool {
        let Some(condition) = self.of(system) else {
            return true;
        };
        match system {
            System::Intercom => condition.holds(fields, tags),
            System::Salesforce => condition.holds_for(object, fields),
        }
    }
}

impl Scope {
    /// The scope of a record, in Salesforce's words; none where it has none, or one that is not
    /// the bridge's.
    pub fn of(&self, system: System, record: &impl Shows) -> Option<String> {
        let shown = match system {
            System::Intercom => record.shown(&self.intercom),
            System::Salesforce => record.shown(&self.salesforce),
        };
        let own = shown
            .filter(|value| !value.is_blank())
            .map(Value::display)?;
        let own = own.trim();
        let scope = match system {
            System::Intercom if !self.values.is_empty() => self.values.get(own)?.clone(),
            System::Salesforce if !self.values.is_empty() => {
                let mut known = self.values.values();
                known.find(|known| *known == own)?.clone()
            }
            _ => own.to_owned(),
        };
        let ours = self.only.is_empty() || self.only.contains(&scope);
        ours.then_some(scope)
    }

    /// The scopes that a bridge can have records of; none where they are not told.
    fn told(&self) -> Option<BTreeSet<&str>> {
        let told: BTreeSet<&str> = match self.only.is_empty() {
            false => self.only.iter().map(String::as_str).collect(),
            true => self.values.values().map(String::as_str).collect(),
        };
        (!told.is_empty()).then_some(told)
    }
}

impl Pilot {
    pub fn has_account(&self, id: &str) -> bool {
        let id = id.get(..SALESFORCE_ID_LENGTH).unwrap_or(id);
        self.accounts.contains(id)
    }

    /// By the id that Intercom gave it, or by its `company_id`.
    pub fn has_company(&self, id: &str) -> bool {
        self.companies.contains(id)
    }
}

impl Section {
    /// Whether anything of a record can keep it from taking part.
    pub fn parts(&self) -> bool {
        let include = &self.include;
        include.intercom.is_some() || include.salesforce.is_some() || self.scope.is_some()
    }

    /// The fields of a system that say whether a record takes part.
    pub fn parting(&self, system: System) -> BTreeSet<Name> {
        let condition = self.include.of(system);
        let paths = condition.into_iter().flat_map(Condition::paths);
        let mut names: BTreeSet<Name> = paths.map(Name::from).collect();
        names.extend(self.scope.as_ref().map(|scope| match system {
            System::Intercom => scope.intercom.clone(),
            System::Salesforce => scope.salesforce.clone(),
        }));
        names
    }
}

pub fn include(
    kind: CustomerKind,
    file: &Option<Spanned<IncludeFile>>,
    at: &str,
    out: &mut Findings,
) -> Include {
    let Some(file) = file else {
        return Include::default();
    };
    let at = format!("{at}.include");
    let IncludeFile {
        intercom,
        salesforce,
    } = &file.value;
    if intercom.is_none() && salesforce.is_none() {
        let fix = "write a condition under intercom or salesforce, or leave it out";
        out.at(file, &at, "include names nothing", fix);
    }
    let compile = match kind {
        CustomerKind::Person => Condition::compile,
        CustomerKind::Company => Condition::compile_company,
    };
    let mut condition = |given: &Option<Spanned<String>>, of, compile: fn(&str) -> _| {
        let given = given.as_ref()?;
        let compiled: Result<Condition, String> = compile(&given.value);
        if let Err(what) = &compiled {
            let fix = "see \"Conditions\" in docs/mapping.md";
            out.at(given, &format!("{at}.{of}"), what, fix);
        }
        compiled.ok()
    };
    Include {
        intercom: condition(intercom, "intercom", compile),
        salesforce: condition(salesforce, "salesforce", Condition::compile_record),
    }
}

pub fn scope(
    kind: CustomerKind,
    file: &Option<Spanned<ScopeFile>>,
    at: &str,
    out: &mut Findings,
) -> Option<Scope> {
    let file = file.as_ref()?;
    let at = format!("{at}.scope");
    let ScopeFile {
        intercom,
        salesforce,
        values,
        only,
    } = &file.value;
    if let Some((what, fix)) = path_fault(kind, &intercom.value) {
        out.at(intercom, &format!("{at}.intercom"), what, fix);
    }
    if let Some((what, fix)) = field_fault(&salesforce.value) {
        out.at(salesforce, &format!("{at}.salesforce"), what, fix);
    }
    let known = values.as_ref().map(|values| values.value.clone());
    let known = known.unwrap_or_default();
    let mut taken = BTreeSet::new();
    for (ours, theirs) in &known {
        let place = values.as_ref().expect("they are its own");
        let at = format!("{at}.values");
        if ours.trim().is_empty() || theirs.trim().is_empty() {
            out.at(place, &at, "a scope has no name", "write a value");
        } else if !taken.insert(theirs) {
            let what = format!("`{theirs}` stands for two scopes");
            out.at(place, &at, what, "give each scope a value of its own");
        }
    }
    let mut own = BTreeSet::new();
    for one in only {
        let named = match known.is_empty() {
            true => Some(one.value.trim().to_owned()).filter(|one| !one.is_empty()),
            false => known.get(one.value.trim()).cloned(),
        };
        if named.is_none() {
            let what = format!("`{}` is no scope", one.value);
            let near = did_you_mean(&one.value, known.keys().map(String::as_str));
            let fix = format!("use a value that a record has{near}");
            out.at(one, &format!("{at}.only"), what, fix);
        }
        own.extend(named);
    }
    Some(Scope {
        intercom: intercom.value.as_str().into(),
        salesforce: salesforce.value.as_str().into(),
        values: known,
        only: own,
    })
}

/// What is made must be of the scope of what it is made from, or it would never be written again.
pub fn made_in_scope(file: &Spanned<CreateFile>, section: &Section, out: &mut Findings) {
    let Some(scope) = &section.scope else {
        return;
    };
    let flows = |system: System, name: &Name| {
        let mut fields = section.fields.iter();
        fields.any(|field| field.flows_to(system) && field.names_in(system).contains(name))
    };
    let at = format!("{}.create", name(section.kind));
    let fix = |name: &Name| format!("map the scope to `{name}`, or leave the rule out");
    if let Some(create) = &section.create
        && !flows(System::Salesforce, &scope.salesforce)
        && !create.set.contains_key(&scope.salesforce)
    {
        let what = "a new Lead would be of no scope";
        out.at(file, &at, what, fix(&scope.salesforce));
    }
    if section.create_in_intercom.is_some() && !flows(System::Intercom, &scope.intercom) {
        let what = "what is new in Intercom would be of no scope";
        out.at(file, &at, what, fix(&scope.intercom));
    }
}

pub fn pilot(file: &Option<Spanned<PilotFile>>, out: &mut Findings) -> Option<Pilot> {
    let file = file.as_ref()?;
    let PilotFile {
        accounts,
        companies,
    } = &file.value;
    let named = accounts.len() + companies.len();
    if named == 0 {
        let fix = "list accounts or companies, or leave it out for everybody";
        out.at(file, "pilot", "the pilot names nobody", fix);
    }
    if named > PILOT_MAX {
        let what = format!("{named} accounts and companies are listed, at most {PILOT_MAX} can be");
        out.at(file, "pilot", what, "list fewer");
    }
    let mut pilot = Pilot::default();
    for one in accounts {
        let id = one.value.trim();
        let form = matches!(id.len(), 15 | 18) && id.bytes().all(|b| b.is_ascii_alphanumeric());
        if form && id.starts_with("001") {
            pilot.accounts.insert(id[..SALESFORCE_ID_LENGTH].to_owned());
        } else {
            let what = format!("`{id}` is no id of an Account");
            let fix = "copy it from the address of the account's page, such as 0015g00000ABCDEEA5";
            out.at(one, "pilot.accounts", what, fix);
        }
    }
    for one in companies {
        let id = one.value.trim();
        if id.is_empty() {
            let fix = "write the company's id in Intercom, or its company_id";
            out.at(one, "pilot.companies", "a company has no id", fix);
        } else {
            pilot.companies.insert(id.to_owned());
        }
    }
    Some(pilot)
}

/// How two bridges share an org, as far as their mappings tell.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sharing {
    /// Objects whose records never take part in both: no scope of the one is one of the other.
    pub apart: BTreeSet<String>,
    /// Scopes that both take, as `Lead.Region__c = EMEA`.
    pub both: BTreeSet<String>,
}

/// Compares what two bridges take of one org. What their scopes do not tell is in neither.
pub fn sharing(one: &Mapping, other: &Mapping) -> Sharing {
    let mut sharing = Sharing::default();
    for (_, section) in one.sections() {
        for (_, theirs) in other.sections() {
            let objects = section.salesforce_objects.iter();
            for object in objects.filter(|one| theirs.salesforce_objects.contains(one)) {
                let scopes = section.scope.as_ref().zip(theirs.scope.as_ref());
                let Some((ours, theirs)) = scopes.filter(|(a, b)| a.salesforce == b.salesforce)
                else {
                    continue;
                };
                let (Some(own), Some(other)) = (ours.told(), theirs.told()) else {
                    continue;
                };
                let field = &ours.salesforce;
                let common = own.intersection(&other);
                let common: Vec<String> = common
                    .map(|scope| format!("{object}.{field} = {scope}"))
                    .collect();
                if common.is_empty() {
                    sharing.apart.insert(object.clone());
                }
                sharing.both.extend(common);
            }
        }
    }
    sharing
}
