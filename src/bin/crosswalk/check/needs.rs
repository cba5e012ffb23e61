//! What a mapping asks of the org and of the workspaces. Pure.

use std::collections::{BTreeMap, BTreeSet};

use crosswalk::domain::journal::CustomerKind;
use crosswalk::domain::record::MatchRule;
use crosswalk::mapping::{FieldMap, Mapping, Section, System, Transform};

const CUSTOM: &str = "custom_attributes.";
/// What the sink reads of a lead besides the mapped fields: a converted one cannot be written.
const OF_LEADS: [&str; 2] = ["IsConverted", "ConvertedContactId"];

/// What is asked of one Salesforce object.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Object {
    /// Whether records of it are created.
    pub is_created: bool,
    pub fields: BTreeMap<String, Field>,
    /// Fields of other records that are read through it: `Owner.Name`.
    pub parents: BTreeSet<String>,
}

/// What is asked of one field. Each is read.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Field {
    pub is_updated: bool,
    /// Whether a creation sets it.
    pub is_created: bool,
    /// Records are searched for by it.
    pub is_searched: bool,
    pub key: Option<Key>,
    /// What a transform or a constant may write.
    pub values: BTreeSet<String>,
    /// A transform makes and reads text only.
    pub is_text: bool,
    /// Where its values come from or go to unchanged.
    pub same: Vec<Same>,
}

/// What a field that tells records apart is for, the more weighty first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Key {
    /// Records are created by upsert on it.
    Created,
    /// It holds our key.
    Ours,
    /// People or other systems write it.
    Theirs,
}

/// An Intercom path that a field shares its values with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Same {
    pub model: String,
    pub path: String,
    pub to_salesforce: bool,
    pub to_intercom: bool,
}

/// What is asked of one custom attribute.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attribute {
    pub is_written: bool,
}

/// Model and name of each custom attribute that is read or written.
pub type Attributes = BTreeMap<(String, String), Attribute>;

/// The objects of the org, by API name.
pub fn of_org(mapping: &Mapping) -> BTreeMap<String, Object> {
    let mut objects = BTreeMap::new();
    for section in sections(mapping) {
        for name in &section.salesforce_objects {
            let object: &mut Object = objects.entry(name.clone()).or_default();
            watched(object, name, section);
            rules(object, section);
            for field in section.fields.iter().filter(|field| field.applies_to(name)) {
                mapped(object, name, section, field);
            }
        }
        created(&mut objects, section);
    }
    objects
}

/// Object and field of everything that is written to the org.
pub fn written(mapping: &Mapping) -> BTreeSet<String> {
    let objects = of_org(mapping);
    let fields = objects.iter().flat_map(|(object, need)| {
        let written = need.fields.iter();
        let written = written.filter(|(_, field)| field.is_updated || field.is_created);
        written.map(move |(name, _)| format!("{object}.{name}"))
    });
    fields.collect()
}

/// The custom attributes of a workspace.
pub fn of_workspace(mapping: &Mapping) -> Attributes {
    let mut attributes = Attributes::new();
    for section in sections(mapping) {
        let model = section.intercom_object.as_str();
        for path in &section.watched_intercom {
            if let Some(name) = path.strip_prefix(CUSTOM) {
                let key = (model.to_owned(), name.to_owned());
                attributes.entry(key).or_default();
            }
        }
        // What is created is created with all that its origin holds.
        let creates = section.create_in_intercom.as_ref();
        let mapped = section.fields.iter().flat_map(|field| {
            let written = field.flows_to(System::Intercom) || creates.is_some();
            let is_one = field.path().is_some();
            field
                .paths
                .iter()
                .map(move |path| (path.as_str(), written && is_one))
        });
        let key = creates.map(|rule| (rule.key.intercom.as_str(), true));
        for (path, written) in mapped.chain(key) {
            if let Some(name) = path.strip_prefix(CUSTOM) {
                let key = (model.to_owned(), name.to_owned());
                attributes.entry(key).or_default().is_written |= written;
            }
        }
    }
    attributes
}

/// Whether anything that happens in Salesforce leads to a write in Intercom.
pub fn listens_to_org(mapping: &Mapping) -> bool {
    sections(mapping).any(|section| {
        let mut fields = section.fields.iter();
        section.create_in_intercom.is_some() || fields.any(|field| field.flows_to(System::Intercom))
    })
}

fn sections(mapping: &Mapping) -> impl Iterator<Item = &Section> {
    std::iter::once(&mapping.people).chain(&mapping.companies)
}

fn watched(object: &mut Object, name: &str, section: &Section) {
    for field in section.watched_salesforce.get(name).into_iter().flatten() {
        if field.starts_with("Owner.") {
            object.parents.insert(field.to_string());
        } else if field != "Id" && field != "attributes.type" {
            object.field(field);
        }
    }
    if name == "Lead" {
        for field in OF_LEADS {
            object.field(field);
        }
    }
}

fn rules(object: &mut Object, section: &Section) {
    // Every record has its id.
    let rules = section.rules.iter().filter(|rule| rule.salesforce != "Id");
    for rule in rules {
        let field = object.field(&rule.salesforce);
        field.is_searched = true;
        match rule.rule {
            MatchRule::Explicit => {
                field.key(Key::Ours);
                // It is written into blanks when two records are linked.
                field.is_updated = true;
            }
            MatchRule::ExternalId | MatchRule::AccountKey => field.key(Key::Theirs),
            _ => {}
        }
    }
}

fn mapped(object: &mut Object, name: &str, section: &Section, map: &FieldMap) {
    let creates = section.create.as_ref().is_some_and(|c| c.object == name);
    let to_salesforce = map.flows_to(System::Salesforce);
    for name in map.salesforce.iter().filter(|name| !is_derived(name)) {
        let field = object.field(name);
        field.is_updated |= to_salesforce;
        field.is_created |= to_salesforce && creates;
        match &map.transform {
            Transform::Same => field.same.push(Same {
                model: model(section.kind).to_owned(),
                path: map.intercom.to_string(),
                to_salesforce,
                to_intercom: map.flows_to(System::Intercom),
            }),
            Transform::Picklist { values, .. } if to_salesforce => {
                field.is_text = true;
                field.values.extend(values.values().cloned());
            }
            Transform::Set(set) if to_salesforce => {
                field.is_text = true;
                field.values.extend(set.values().values().cloned());
            }
            // What these make is as the field is: a day, a number, whatever the constant says.
            Transform::Date { .. }
            | Transform::DateTime
            | Transform::Number { .. }
            | Transform::Constant(_) => {}
            _ => field.is_text = true,
        }
    }
}

fn created(objects: &mut BTreeMap<String, Object>, section: &Section) {
    let Some(create) = &section.create else {
        return;
    };
    let object = objects.entry(create.object.clone()).or_default();
    object.is_created = true;
    for rule in &section.rules {
        if rule.is_our_key() {
            let field = object.field(&rule.salesforce);
            field.is_created = true;
            field.key(Key::Created);
        }
    }
    for (name, value) in create.set.iter().chain(&create.placeholders) {
        let field = object.field(name);
        field.is_created = true;
        field.values.insert(value.clone());
    }
    if let Some(name) = &create.company_name {
        let field = object.field(name);
        // The real name replaces the placeholder.
        (field.is_created, field.is_updated) = (true, true);
    }
}

fn is_derived(name: &str) -> bool {
    name == "Id" || name == "attributes.type" || name.contains('.')
}

fn model(kind: CustomerKind) -> &'static str {
    match kind {
        CustomerKind::Person => "contact",
        CustomerKind::Company => "company",
    }
}

// === impl Object ===

impl Object {
    fn field(&mut self, name: &str) -> &mut Field {
        self.fields.entry(name.to_owned()).or_default()
    }

    pub fn is_updated(&self) -> bool {
        self.fields.values().any(|field| field.is_updated)
    }
}

// === impl Field ===

impl Field {
    fn key(&mut self, key: Key) {
        self.key = Some(self.key.map_or(key, |known| known.min(key)));
    }
}
