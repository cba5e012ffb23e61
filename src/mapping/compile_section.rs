//! One section: its objects, its match rules, its policies, and what it watches.

use std::collections::{BTreeMap, BTreeSet};

use serde_saphyr::Spanned;

use crate::domain::Name;
use crate::domain::journal::CustomerKind;
use crate::domain::nearest::did_you_mean;
use crate::domain::record::MatchRule;
use crate::mapping::compile::{FIELDS_MAX, MatchBy, Section};
use crate::mapping::compile_create::create;
use crate::mapping::compile_create_intercom::{create_company, create_contact};
use crate::mapping::compile_field::field;
use crate::mapping::compile_flows::{Placed, circles, double_target, lagging, own_decision};
use crate::mapping::compile_match::{ambiguous, protection, rules};
use crate::mapping::compile_part::{include, made_in_scope, scope};
use crate::mapping::field::{FieldMap, OnFirstLink, System};
use crate::mapping::file::{CreateFile, Objects, SectionFile};
use crate::mapping::lint::Findings;
use crate::mapping::names::{is_api_name, is_owner_path};

const LEAD: &str = "Lead";
/// What tells that a Lead has become a Contact.
const CONVERSION: [&str; 4] = [
    "IsConverted",
    "ConvertedContactId",
    "ConvertedAccountId",
    "ConvertedOpportunityId",
];

pub fn section(kind: CustomerKind, file: &SectionFile, out: &mut Findings) -> Section {
    let at = name(kind);
    let objects = objects(kind, &file.objects, at, out);
    let rules = rules(kind, &file.matching, at, out);
    let ambiguous = ambiguous(kind, &file.ambiguous, &format!("{at}.ambiguous"), out);
    let protection = protection(&file.protect, &format!("{at}.protect"), out);
    let on_first_link = format!("{at}.on_first_link");
    let on_first_link = first_link(&file.on_first_link, &on_first_link, out);
    let fields = fields(kind, file, &objects, &rules, out);
    let mut section = Section {
        kind,
        intercom_object: file.objects.intercom.value.clone(),
        salesforce_objects: objects,
        rules,
        fields,
        ambiguous,
        protection,
        create: None,
        create_in_intercom: None,
        on_first_link,
        include: include(kind, &file.include, at, out),
        scope: scope(kind, &file.scope, at, out),
        watched_intercom: BTreeSet::new(),
        watched_salesforce: BTreeMap::new(),
    };
    if let Some(file) = &file.create {
        creation(file, &mut section, out);
        made_in_scope(file, &section, out);
    }
    stand_ins(&mut section);
    watch(&mut section);
    section
}

/// What a Lead is created with for want of a value says nothing wherever it is read.
fn stand_ins(section: &mut Section) {
    let Some(create) = &section.create else {
        return;
    };
    for field in &mut section.fields {
        let given = field.salesforce.iter();
        let given = given.filter_map(|name| create.placeholders.get(name));
        let given: Vec<String> = given.map(|text| text.trim().to_owned()).collect();
        field.stand_ins.extend(given);
    }
}

/// The rules of creation. Each looks at the section as it is without them.
fn creation(file: &Spanned<CreateFile>, section: &mut Section, out: &mut Findings) {
    let CreateFile {
        salesforce_lead,
        intercom_contact,
        intercom_company,
    } = &file.value;
    if salesforce_lead.is_none() && intercom_contact.is_none() && intercom_company.is_none() {
        let at = format!("{}.create", name(section.kind));
        out.at(file, &at, "create names nothing", "leave it out");
    }
    if let Some(file) = salesforce_lead {
        section.create = create(file, section, out);
    }
    let mut rule = None;
    if let Some(file) = intercom_contact {
        rule = create_contact(file, section, out);
    }
    if let Some(file) = intercom_company {
        rule = create_company(file, section, out).or(rule);
    }
    let Some(rule) = rule else {
        return;
    };
    if !section.rules.contains(&rule.key) {
        // What is made must be known by its key when it is shown before the answer comes.
        section.rules.push(rule.key.clone());
        section.rules.sort_by_key(|by| by.rule);
    }
    section.create_in_intercom = Some(rule);
}

fn first_link(given: &Option<Spanned<String>>, at: &str, out: &mut Findings) -> OnFirstLink {
    const KNOWN: [&str; 4] = ["fill_blank", "owner", "review", "report_only"];
    let Some(given) = given else {
        return OnFirstLink::default();
    };
    match given.value.as_str() {
        "fill_blank" => OnFirstLink::FillBlank,
        "owner" => OnFirstLink::Owner,
        "review" => OnFirstLink::Review,
        "report_only" => OnFirstLink::ReportOnly,
        other => {
            let what = format!("`{other}` is no policy for the first link");
            let near = did_you_mean(other, KNOWN);
            let fix = format!("use one of {}{near}", KNOWN.join(", "));
            out.at(given, at, what, fix);
            OnFirstLink::default()
        }
    }
}

/// The section's key in the file.
pub fn name(kind: CustomerKind) -> &'static str {
    match kind {
        CustomerKind::Person => "people",
        CustomerKind::Company => "companies",
    }
}

fn objects(kind: CustomerKind, file: &Objects, at: &str, out: &mut Findings) -> Vec<String> {
    let intercom = match kind {
        CustomerKind::Person => "contact",
        CustomerKind::Company => "company",
    };
    if file.intercom.value != intercom {
        let what = format!("`{}` is no object of {at} in Intercom", file.intercom.value);
        let at = format!("{at}.objects.intercom");
        out.at(&file.intercom, &at, what, format!("write `{intercom}`"));
    }
    let at = format!("{at}.objects.salesforce");
    if file.salesforce.value.is_empty() {
        let fix = "name one at least, the preferred one first";
        out.at(&file.salesforce, &at, "no object is named", fix);
    }
    let mut objects: Vec<String> = Vec::new();
    for object in &file.salesforce.value {
        if !is_api_name(&object.value) {
            let what = format!("`{}` is no API name of an object", object.value);
            out.at(object, &at, what, "write it as in Setup, such as Lead");
        } else if objects.contains(&object.value) {
            let what = format!("`{}` stands twice", object.value);
            out.at(object, &at, what, "keep the first");
        } else {
            objects.push(object.value.clone());
        }
    }
    objects
}

fn fields(
    kind: CustomerKind,
    file: &SectionFile,
    objects: &[String],
    rules: &[MatchBy],
    out: &mut Findings,
) -> Vec<FieldMap> {
    let at = format!("{}.fields", name(kind));
    if let Some(first_beyond) = file.fields.get(FIELDS_MAX) {
        let count = file.fields.len();
        let what = format!("{count} fields are mapped, at most {FIELDS_MAX} can be");
        out.at(first_beyond, &at, what, "map fewer");
    }
    let explicit = rules.iter().find(|by| by.rule == MatchRule::Explicit);
    let mut fields: Vec<Placed<'_>> = Vec::new();
    // What is too much is not compared with everything before it.
    for one in file.fields.iter().take(FIELDS_MAX) {
        let Some(mut field) = field(kind, one, objects, &at, out) else {
            continue;
        };
        own_decision(&mut field, &fields);
        if let Some(key) = explicit.filter(|by| field.salesforce.contains(&by.salesforce)) {
            let what = format!("`{}` holds the explicit key", key.salesforce);
            let fix = "leave it out: crosswalk writes it itself";
            out.at(&one.value.salesforce, &at, what, fix);
        }
        double_target(one, &field, &fields, &at, out);
        fields.push((one, field));
    }
    circles(&fields, &at, out);
    lagging(&fields, &at, out);
    fields.into_iter().map(|(_, field)| field).collect()
}

/// Collects the fields that rules, conditions and mapped fields read.
fn watch(section: &mut Section) {
    let by_rule = section.rules.iter().filter(|by| !by.is_our_key());
    let mut intercom: BTreeSet<Name> = by_rule.map(|by| by.intercom.clone()).collect();
    intercom.extend(section.fields.iter().flat_map(|field| field.paths.clone()));
    if let Some(create) = &section.create {
        intercom.extend(create.when.paths().into_iter().map(Name::from));
        intercom.extend(create.needs.iter().map(|name| Name::from(name.as_str())));
    }
    if section.rule(MatchRule::ExternalId).is_some() {
        // A lead's external id is Intercom's own invention; only the role tells it from a user's.
        intercom.insert("role".into());
    }
    if section.kind == CustomerKind::Company {
        // The name fills the company field of leads.
        intercom.insert("name".into());
    }
    intercom.extend(section.parting(System::Intercom));
    section.watched_intercom = intercom;
    for object in &section.salesforce_objects {
        let fields = watched_in(section, object);
        section.watched_salesforce.insert(object.clone(), fields);
    }
}

/// The Salesforce fields of one object that something reads.
fn watched_in(section: &Section, object: &String) -> BTreeSet<Name> {
    let rules = section.rules.iter().map(|by| by.salesforce.clone());
    let mut fields: BTreeSet<Name> = rules.collect();
    let mapped = section.fields.iter();
    for field in mapped.filter(|field| field.applies_to(object)) {
        fields.extend(field.salesforce.iter().cloned());
    }
    let create = section.create.as_ref();
    if let Some(create) = create.filter(|create| create.object == *object) {
        fields.extend(create.set.keys().cloned());
        fields.extend(create.placeholders.keys().cloned());
        fields.extend(create.company_name.clone());
    }
    let rule = section.create_in_intercom.as_ref();
    if let Some(rule) = rule.filter(|rule| rule.objects.contains(object)) {
        fields.extend(rule.when.paths().into_iter().map(Name::from));
    }
    fields.extend(section.parting(System::Salesforce));
    // A change event tells that the owner is another one, not what the owner is called.
    if fields.iter().any(|name| is_owner_path(name)) {
        fields.insert("OwnerId".into());
    }
    if object == LEAD {
        fields.extend(CONVERSION.map(Name::from));
    }
    fields
}
