//! From the file to the `Mapping` that the rules use, or to everything that is wrong with it.

use std::collections::{BTreeMap, BTreeSet};

use serde_saphyr::Spanned;

use crate::domain::RecordRef;
use crate::domain::journal::CustomerKind;
use crate::domain::record::MatchRule;
use crate::mapping::condition::Condition;
use crate::mapping::field::{FieldMap, System};
use crate::mapping::file::{CreateLeadFile, FieldFile, File, MatchFile, SectionFile};
use crate::mapping::lint::{Finding, Findings};
use crate::mapping::offer::Sources;
use crate::mapping::transform::Transform;

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
    pub fn compile(text: &str, sources: Sources, hash: [u8; 32]) -> Result<Self, Findings> {
        let file: File =
            serde_saphyr::from_str(text).map_err(|error| Findings::of_reader(&error))?;
        let mut findings = Findings::default();
        let people = section(CustomerKind::Person, &file.people, "people", &mut findings);
        let companies = file
            .companies
            .as_ref()
            .map(|file| section(CustomerKind::Company, file, "companies", &mut findings));
        if !findings.0.is_empty() {
            return Err(findings);
        }
        Ok(Self {
            version: file.version,
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

    /// Every field to ask for when a row of this object is read.
    pub fn salesforce_fields(&self, object: &str) -> Vec<String> {
        let known = self.watched_salesforce.get(object);
        known
            .map(|fields| fields.iter().cloned().collect())
            .unwrap_or_default()
    }
}

fn section(kind: CustomerKind, file: &SectionFile, at: &str, out: &mut Findings) -> Section {
    let rules = file
        .matching
        .iter()
        .filter_map(|by| match_by(by, at, out))
        .collect::<Vec<_>>();
    one_policy(&file.ambiguous, "review", &format!("{at}.ambiguous"), out);
    one_policy(
        &file.on_first_link,
        "fill_blank",
        &format!("{at}.on_first_link"),
        out,
    );
    let objects: Vec<String> = file
        .objects
        .salesforce
        .iter()
        .map(|o| o.value.clone())
        .collect();
    if file.fields.len() > FIELDS_MAX {
        let what = format!(
            "{} fields are mapped, at most {FIELDS_MAX} can be",
            file.fields.len()
        );
        out.at(
            &file.fields[FIELDS_MAX],
            &format!("{at}.fields"),
            what,
            "map fewer",
        );
    }
    let mut fields = Vec::new();
    for one in &file.fields {
        if let Some(field) = field(one, &objects, at, out) {
            double_target(one, &field, &fields, at, out);
            fields.push(field);
        }
    }
    let create = file
        .create
        .as_ref()
        .and_then(|c| create(&c.salesforce_lead, &objects, at, out));
    let mut section = Section {
        kind,
        intercom_object: file.objects.intercom.value.clone(),
        salesforce_objects: objects,
        rules,
        fields,
        create,
        watched_intercom: BTreeSet::new(),
        watched_salesforce: BTreeMap::new(),
    };
    if section.create.is_some() && section.rule(MatchRule::Explicit).is_none() {
        out.0.push(Finding {
            line: 0,
            column: 0,
            field: format!("{at}.match"),
            what: "a Lead is created by upsert on the explicit key, and there is none".into(),
            fix: "add `- explicit: {salesforce: Intercom_Contact_ID__c}` as the first rule".into(),
        });
    }
    watch(&mut section);
    section
}

/// Collects the fields that rules, conditions and mapped fields read.
fn watch(section: &mut Section) {
    let by_rule = section
        .rules
        .iter()
        .filter(|by| by.rule != MatchRule::Explicit);
    let mut intercom: BTreeSet<String> = by_rule.map(|by| by.intercom.clone()).collect();
    intercom.extend(section.fields.iter().map(|field| field.intercom.clone()));
    if let Some(create) = &section.create {
        intercom.extend(create.when.paths());
        intercom.extend(create.needs.iter().cloned());
    }
    if section.kind == CustomerKind::Company {
        // The name fills the company field of leads.
        intercom.insert("name".into());
    }
    section.watched_intercom = intercom;
    for object in &section.salesforce_objects {
        let mut fields: BTreeSet<String> = section
            .rules
            .iter()
            .map(|by| by.salesforce.clone())
            .collect();
        for field in section
            .fields
            .iter()
            .filter(|field| field.applies_to(object))
        {
            fields.extend(field.salesforce.iter().cloned());
        }
        if let Some(create) = section
            .create
            .as_ref()
            .filter(|create| create.object == *object)
        {
            fields.extend(create.set.keys().cloned());
            fields.extend(create.placeholders.keys().cloned());
            fields.extend(create.company_name.clone());
        }
        section.watched_salesforce.insert(object.clone(), fields);
    }
}

fn match_by(file: &Spanned<MatchFile>, at: &str, out: &mut Findings) -> Option<MatchBy> {
    let pair = |rule, pair: &crate::mapping::file::PairFile| MatchBy {
        rule,
        salesforce: pair.salesforce.clone(),
        intercom: pair.intercom.clone(),
    };
    let explicit = file.value.explicit.as_ref().map(|explicit| MatchBy {
        rule: MatchRule::Explicit,
        salesforce: explicit.salesforce.clone(),
        intercom: "id".into(),
    });
    let external = file
        .value
        .external_id
        .as_ref()
        .map(|p| pair(MatchRule::ExternalId, p));
    let email = file.value.email.as_ref().map(|p| pair(MatchRule::Email, p));
    let account = file
        .value
        .account_key
        .as_ref()
        .map(|p| pair(MatchRule::AccountKey, p));
    let mut set: Vec<MatchBy> = [explicit, external, email, account]
        .into_iter()
        .flatten()
        .collect();
    if set.len() != 1 {
        let what = format!("a match rule names one way, this one names {}", set.len());
        let fix = "write one of explicit, external_id, email, account_key per list item";
        out.at(file, &format!("{at}.match"), what, fix);
        return None;
    }
    set.pop()
}

/// Policies of which this version has one; the others are refused, not ignored.
fn one_policy(given: &Option<Spanned<String>>, only: &str, at: &str, out: &mut Findings) {
    if let Some(given) = given.as_ref().filter(|given| given.value != only) {
        let what = format!("`{}` is not available in this version", given.value);
        out.at(given, at, what, &format!("write `{only}`"));
    }
}

fn field(
    file: &Spanned<FieldFile>,
    objects: &[String],
    at: &str,
    out: &mut Findings,
) -> Option<FieldMap> {
    let before = out.0.len();
    let at = format!("{at}.fields");
    let meaning = required(file, &file.value.meaning, "meaning", &at, out);
    let owner = match required(file, &file.value.owner, "owner", &at, out).as_str() {
        "" | "intercom" => System::Intercom,
        "salesforce" => System::Salesforce,
        other => {
            let what = format!("owner `{other}` is neither intercom nor salesforce");
            out.at(file, &at, what, "name the system whose value counts");
            System::Intercom
        }
    };
    direction(file, &at, out);
    let (salesforce, limited) = targets(file, objects, &at, out);
    let transform = transform(file, salesforce.len(), &at, out);
    let field = FieldMap {
        intercom: file.value.intercom.value.clone(),
        salesforce,
        objects: limited,
        meaning,
        owner,
        transform,
    };
    (out.0.len() == before).then_some(field)
}

fn required(
    place: &Spanned<FieldFile>,
    value: &Option<Spanned<String>>,
    name: &str,
    at: &str,
    out: &mut Findings,
) -> String {
    match value
        .as_ref()
        .filter(|value| !value.value.trim().is_empty())
    {
        Some(value) => value.value.clone(),
        None => {
            let what = format!("`{}` has no {name}", place.value.intercom.value);
            let fix = "every mapped field says its meaning, its owner and its direction";
            out.at(place, at, what, fix);
            String::new()
        }
    }
}

fn direction(file: &Spanned<FieldFile>, at: &str, out: &mut Findings) {
    let given = required(file, &file.value.direction, "direction", at, out);
    let name = &file.value.intercom.value;
    match given.as_str() {
        "" | "to_salesforce" => {}
        "to_intercom" | "both" => {
            let what = format!("`{name}` flows {given}, and this version has no Intercom sink");
            out.at(
                file,
                at,
                what,
                "write `direction: to_salesforce`, or leave the field out",
            );
        }
        other => {
            let what = format!("direction `{other}` of `{name}` is unknown");
            out.at(file, at, what, "write `direction: to_salesforce`");
        }
    }
}

/// The API names of a field and the objects it is limited to.
fn targets(
    file: &Spanned<FieldFile>,
    objects: &[String],
    at: &str,
    out: &mut Findings,
) -> (Vec<String>, Vec<String>) {
    let given = file.value.salesforce.value.names();
    let mut names = Vec::new();
    let mut limited = Vec::new();
    for name in &given {
        let (object, field) = match name.split_once('.') {
            Some((object, field)) if objects.iter().any(|known| known == object) => {
                (Some(object.to_owned()), field)
            }
            Some((object, _)) => {
                let what = format!("`{name}` names {object}, which this section does not map");
                let fix = format!("use one of {}, or add it under objects", objects.join(", "));
                out.at(&file.value.salesforce, at, what, &fix);
                continue;
            }
            None => (None, *name),
        };
        names.push(field.to_owned());
        limited.extend(object);
    }
    limited.dedup();
    if limited.len() > 1 {
        let what = "the fields of one entry stand in different objects".to_owned();
        out.at(
            &file.value.salesforce,
            at,
            what,
            "write one entry for each object",
        );
    }
    (names, limited)
}

fn transform(file: &Spanned<FieldFile>, fields: usize, at: &str, out: &mut Findings) -> Transform {
    let wanted = file
        .value
        .transform
        .as_ref()
        .map_or("", |given| given.value.as_str());
    let takes = if wanted == "split_name" { 2 } else { 1 };
    if fields != takes {
        let name = if wanted.is_empty() {
            "a field without a transform"
        } else {
            wanted
        };
        let what = format!("{name} writes {takes} Salesforce field(s), {fields} are named");
        out.at(
            &file.value.salesforce,
            at,
            what,
            "split_name takes [FirstName, LastName]",
        );
    }
    match wanted {
        "" => Transform::Same,
        "split_name" => Transform::SplitName,
        "picklist" => Transform::Picklist {
            values: file.value.values.clone(),
        },
        "phone_e164" => Transform::PhoneE164 {
            region: region(file, at, out),
        },
        other => {
            let what = format!("transform `{other}` is unknown");
            out.at(
                file,
                at,
                what,
                "use split_name, phone_e164 or picklist, or leave it out",
            );
            Transform::Same
        }
    }
}

fn region(
    file: &Spanned<FieldFile>,
    at: &str,
    out: &mut Findings,
) -> Option<phonenumber::country::Id> {
    let given = file.value.region.as_ref()?;
    let region = given.value.parse().ok();
    if region.is_none() {
        let what = format!("`{}` is no country", given.value);
        out.at(given, at, what, "write its two letters, as in `region: US`");
    }
    region
}

/// Two entries that write one Salesforce field would overwrite each other for ever.
fn double_target(
    place: &Spanned<FieldFile>,
    field: &FieldMap,
    known: &[FieldMap],
    at: &str,
    out: &mut Findings,
) {
    for other in known {
        let same_object = field.objects.is_empty()
            || other.objects.is_empty()
            || field
                .objects
                .iter()
                .any(|object| other.objects.contains(object));
        let same = field
            .salesforce
            .iter()
            .find(|name| other.salesforce.contains(name));
        if let (true, Some(name)) = (same_object, same) {
            let what = format!("`{name}` is written by `{}` already", other.intercom);
            out.at(
                place,
                &format!("{at}.fields"),
                what,
                "let one entry write it",
            );
        }
    }
}

fn create(
    file: &Spanned<CreateLeadFile>,
    objects: &[String],
    at: &str,
    out: &mut Findings,
) -> Option<CreateRule> {
    let at = format!("{at}.create.salesforce_lead");
    if !objects.iter().any(|object| object == "Lead") {
        let what = "a Lead is to be created, and objects.salesforce does not name Lead".to_owned();
        out.at(file, &at, what, "add Lead to objects.salesforce");
        return None;
    }
    let when = match Condition::compile(&file.value.when.value) {
        Ok(when) => when,
        Err(what) => {
            out.at(
                &file.value.when,
                &format!("{at}.when"),
                what,
                "see docs/mapping.md",
            );
            return None;
        }
    };
    Some(CreateRule {
        object: "Lead".into(),
        when,
        needs: file
            .value
            .needs
            .iter()
            .map(|need| need.value.clone())
            .collect(),
        set: file.value.set.clone(),
        company_name: file
            .value
            .company_name
            .as_ref()
            .map(|field| field.value.clone()),
        placeholders: file.value.placeholders.clone(),
        auto_assign: file.value.auto_assign,
    })
}
