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
use crate::mapping::compile_flows::{Placed, circles, double_target};
use crate::mapping::field::{FieldMap, OnFirstLink};
use crate::mapping::file::{CreateFile, ExplicitFile, MatchFile, Objects, PairFile, SectionFile};
use crate::mapping::lint::Findings;
use crate::mapping::names::{field_fault, is_api_name, is_owner_path, path_fault};

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
    one_policy(&file.ambiguous, "review", &format!("{at}.ambiguous"), out);
    let on_first_link = format!("{at}.on_first_link");
    let on_first_link = first_link(&file.on_first_link, &on_first_link, out);
    let fields = fields(kind, file, &objects, &rules, out);
    let mut section = Section {
        kind,
        intercom_object: file.objects.intercom.value.clone(),
        salesforce_objects: objects,
        rules,
        fields,
        create: None,
        create_in_intercom: None,
        on_first_link,
        watched_intercom: BTreeSet::new(),
        watched_salesforce: BTreeMap::new(),
    };
    if let Some(file) = &file.create {
        creation(file, &mut section, out);
    }
    watch(&mut section);
    section
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

fn rules(
    kind: CustomerKind,
    file: &Spanned<Vec<Spanned<MatchFile>>>,
    at: &str,
    out: &mut Findings,
) -> Vec<MatchBy> {
    let at = format!("{at}.match");
    if file.value.is_empty() {
        let what = "no way to find a counterpart is named";
        out.at(file, &at, what, "add a rule, such as `- explicit: {…}`");
    }
    let mut rules: Vec<MatchBy> = Vec::new();
    for item in &file.value {
        let Some(by) = match_by(kind, item, &at, out) else {
            continue;
        };
        if rules.iter().any(|known| known.rule == by.rule) {
            let what = "a rule of this kind stands above already";
            out.at(item, &at, what, "keep one of each kind");
        } else {
            rules.push(by);
        }
    }
    // The order of the rules is fixed: our own key, an id both systems hold, the address.
    rules.sort_by_key(|by| by.rule);
    rules
}

fn match_by(
    kind: CustomerKind,
    file: &Spanned<MatchFile>,
    at: &str,
    out: &mut Findings,
) -> Option<MatchBy> {
    let MatchFile {
        explicit,
        external_id,
        email,
        account_key,
    } = &file.value;
    let mut ways: Vec<MatchBy> = Vec::new();
    if let Some(file) = explicit {
        ways.push(explicit_rule(file, at, out));
    }
    let pairs = [
        (MatchRule::ExternalId, external_id),
        (MatchRule::Email, email),
        (MatchRule::AccountKey, account_key),
    ];
    for (rule, file) in pairs {
        if let Some(file) = file {
            ways.push(pair_rule(kind, rule, file, at, out));
        }
    }
    if ways.len() != 1 {
        let what = format!("a match rule names one way, this one names {}", ways.len());
        let fix = "write one of explicit, external_id, email, account_key per list item";
        out.at(file, at, what, fix);
        return None;
    }
    let by = ways.pop()?;
    let fits = match by.rule {
        MatchRule::Email | MatchRule::ExternalId => kind == CustomerKind::Person,
        MatchRule::AccountKey => kind == CustomerKind::Company,
        _ => true,
    };
    if !fits {
        let (what, fix) = match kind {
            CustomerKind::Person => ("account_key is a rule for companies", "use external_id"),
            CustomerKind::Company => (
                "email and external_id are rules for people",
                "use account_key",
            ),
        };
        out.at(file, at, what, fix);
        return None;
    }
    Some(by)
}

fn explicit_rule(file: &ExplicitFile, at: &str, out: &mut Findings) -> MatchBy {
    MatchBy {
        rule: MatchRule::Explicit,
        salesforce: salesforce_field(&file.salesforce, at, out).into(),
        intercom: "id".into(),
    }
}

fn pair_rule(
    kind: CustomerKind,
    rule: MatchRule,
    file: &PairFile,
    at: &str,
    out: &mut Findings,
) -> MatchBy {
    if let Some((what, fix)) = path_fault(kind, &file.intercom.value) {
        out.at(&file.intercom, at, what, fix);
    }
    MatchBy {
        rule,
        salesforce: salesforce_field(&file.salesforce, at, out).into(),
        intercom: file.intercom.value.clone().into(),
    }
}

fn salesforce_field(given: &Spanned<String>, at: &str, out: &mut Findings) -> String {
    if let Some((what, fix)) = field_fault(&given.value) {
        out.at(given, at, what, fix);
    }
    given.value.clone()
}

/// Policies of which this version has one; the others are refused, not ignored.
fn one_policy(given: &Option<Spanned<String>>, only: &str, at: &str, out: &mut Findings) {
    if let Some(given) = given.as_ref().filter(|given| given.value != only) {
        let what = match did_you_mean(&given.value, [only]).as_str() {
            "" => format!("`{}` is not available in this version", given.value),
            _ => format!("`{}` is no policy", given.value),
        };
        out.at(given, at, what, format!("write `{only}`"));
    }
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
        let Some(field) = field(kind, one, objects, &at, out) else {
            continue;
        };
        if let Some(key) = explicit.filter(|by| field.salesforce.contains(&by.salesforce)) {
            let what = format!("`{}` holds the explicit key", key.salesforce);
            let fix = "leave it out: crosswalk writes it itself";
            out.at(&one.value.salesforce, &at, what, fix);
        }
        double_target(one, &field, &fields, &at, out);
        fields.push((one, field));
    }
    circles(&fields, &at, out);
    fields.into_iter().map(|(_, field)| field).collect()
}

/// Collects the fields that rules, conditions and mapped fields read.
fn watch(section: &mut Section) {
    let by_rule = section.rules.iter().filter(|by| !by.is_our_key());
    let mut intercom: BTreeSet<Name> = by_rule.map(|by| by.intercom.clone()).collect();
    intercom.extend(section.fields.iter().map(|field| field.intercom.clone()));
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
    // A change event tells that the owner is another one, not what the owner is called.
    if fields.iter().any(|name| is_owner_path(name)) {
        fields.insert("OwnerId".into());
    }
    if object == LEAD {
        fields.extend(CONVERSION.map(Name::from));
    }
    fields
}
