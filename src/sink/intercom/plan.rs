//! A command as requests to Intercom, and what a read before a repeat means. Pure.

use std::collections::BTreeSet;

use serde_json::{Map, Value as Json, json};

use crate::clients::Refusal;
use crate::clients::intercom::client::PAGE_MAX;
use crate::clients::intercom::snapshot::{COMPANY, CONTACT};
use crate::domain::{Command, CommandKind, FieldWrite, LookupQuery, ObjectName, ReadCommand};
use crate::domain::{Name, WriteCommand, WriteTarget};
use crate::domain::{RecordRef, RecordSnapshot, RejectClass, Rejection, Value};
use crate::sink::retry;

/// Filters of one group of a search, and groups of one search (intercom.md 2.4).
const FILTERS_MAX: usize = 15;
/// Companies that one query asks for; each is a request.
const COMPANIES_MAX: usize = 15;
const CUSTOM: &str = "custom_attributes.";

/// The two kinds of record that are read and written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Contact,
    Company,
}

/// What a command asks of Intercom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Plan {
    Read(Kind, RecordRef),
    Update {
        kind: Kind,
        record: RecordRef,
        fields: Vec<FieldWrite>,
    },
    /// Upsert by `company_id`, which is among the fields.
    SaveCompany {
        key: String,
        fields: Vec<FieldWrite>,
    },
    /// `external_id` is among the fields; no two users share one.
    CreateUser {
        key: String,
        fields: Vec<FieldWrite>,
    },
    /// A lead has no key of ours but the marker, which is among the fields.
    CreateLead {
        marker: String,
        key: String,
        fields: Vec<FieldWrite>,
    },
    Attach {
        contact: RecordRef,
        company: RecordRef,
    },
    Lookup(Vec<Query>),
}

/// One query of a lookup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Query {
    Contacts {
        filter: Json,
        rows_max: usize,
    },
    /// (`company_id` or `name`, value): one request each.
    Companies {
        terms: Vec<(&'static str, String)>,
        rows_max: usize,
    },
}

/// What a record shows before a repeated write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// All target values are in place.
    InPlace,
    /// Every field holds what was expected or what is wanted.
    Open,
    /// Somebody else changed a field in between.
    Changed,
}

impl Kind {
    pub fn of(object: &ObjectName) -> Option<Self> {
        match object.as_str() {
            CONTACT => Some(Self::Contact),
            COMPANY => Some(Self::Company),
            _ => None,
        }
    }

    /// The object's name, which is the model of its attributes too.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Contact => CONTACT,
            Self::Company => COMPANY,
        }
    }
}

/// What to ask, or why there is nothing to ask. Intercom answers whole records: the names of
/// fields to be read are not needed.
pub fn plan(command: &Command) -> Result<Plan, Box<Rejection>> {
    match &command.kind {
        CommandKind::Read(ReadCommand::Record { record, .. }) => {
            Ok(Plan::Read(kind(&record.object)?, record.clone()))
        }
        CommandKind::Read(ReadCommand::Gone { .. }) => {
            let text = "Intercom keeps no row of what is gone";
            Err(Box::new(retry::ours(
                RejectClass::Other,
                "UNSUPPORTED",
                text,
                text,
            )))
        }
        CommandKind::Read(ReadCommand::Lookup(lookup)) => {
            let queries = lookup.queries.iter().filter_map(|q| query(q).transpose());
            Ok(Plan::Lookup(queries.collect::<Result<_, _>>()?))
        }
        CommandKind::Write(write) => match &write.target {
            WriteTarget::Record(record) => update(record, write),
            WriteTarget::Create {
                object,
                key_field,
                key_value,
                ..
            } => create(object, key_field, key_value, write),
            WriteTarget::Attach { contact, company } => attach(contact, company),
        },
    }
}

/// The fields as the body of a request, nested by path. `absent` names attributes that do not
/// exist and shall not be made: they are blank already.
pub fn body(fields: &[FieldWrite], absent: &BTreeSet<String>) -> Map<String, Json> {
    let mut body = Map::new();
    let mut custom = Map::new();
    for field in fields {
        let value = json(&field.value);
        match field.name.strip_prefix(CUSTOM) {
            Some(name) if absent.contains(name) => {}
            Some(name) => {
                custom.insert(name.to_string(), value);
            }
            None if field.name == "plan.name" => {
                body.insert("plan".into(), value);
            }
            None => {
                body.insert(field.name.to_string(), value);
            }
        }
    }
    if !custom.is_empty() {
        body.insert("custom_attributes".into(), Json::Object(custom));
    }
    body
}

/// Compares what is there with what a write expects and wants.
pub fn standing(fields: &[FieldWrite], snapshot: &RecordSnapshot) -> Standing {
    let seen = |field: &FieldWrite| {
        let seen = snapshot.fields.get(&field.name);
        seen.cloned().unwrap_or_default()
    };
    let holds = |field: &FieldWrite| same(&field.name, &field.value, &seen(field));
    let expected = |field: &FieldWrite| same(&field.name, &field.expect, &seen(field));
    if fields.iter().all(holds) {
        Standing::InPlace
    } else if fields.iter().all(|field| holds(field) || expected(field)) {
        Standing::Open
    } else {
        Standing::Changed
    }
}

/// What was read to see how a write stands. A contact does not list an attribute that was never
/// set, and whether it lists one that was cleared is its own affair: nothing stands there.
pub fn with_blanks(fields: &[FieldWrite], mut snapshot: RecordSnapshot) -> RecordSnapshot {
    for field in fields {
        if field.name.starts_with("custom_attributes.") {
            snapshot.fields.entry(field.name.clone()).or_default();
        }
    }
    snapshot
}

/// Those of the write's custom attributes that the refusal says do not exist, with the type that
/// their value asks for; none for a blank, which says nothing of a type.
pub fn missing<'a>(
    refusal: &Refusal,
    fields: &'a [FieldWrite],
) -> Vec<(&'a str, Option<&'static str>)> {
    if refusal.status != 400 {
        return Vec::new();
    }
    let says = |name: &str| {
        let said = format!("Custom attribute '{name}' does not exist");
        refusal.problems.iter().any(|one| one.text.contains(&said))
    };
    let custom = fields
        .iter()
        .filter_map(|field| Some((field.name.strip_prefix(CUSTOM)?, data_type(&field.value))));
    custom.filter(|(name, _)| says(name)).collect()
}

/// The search for the lead that carries the marker.
pub fn marked(marker: &str, key: &str) -> Json {
    equals(marker, key)
}

fn equals(field: &str, value: &str) -> Json {
    json!({"field": field, "operator": "=", "value": value})
}

fn update(record: &RecordRef, write: &WriteCommand) -> Result<Plan, Box<Rejection>> {
    let kind = kind(&record.object)?;
    // `company_id` never changes (intercom.md 2.5).
    let without = match kind {
        Kind::Contact => &["id"][..],
        Kind::Company => &["id", "company_id"],
    };
    Ok(Plan::Update {
        kind,
        record: record.clone(),
        fields: writable(kind, &write.fields, without)?,
    })
}

fn create(
    object: &ObjectName,
    key_field: &str,
    key_value: &str,
    write: &WriteCommand,
) -> Result<Plan, Box<Rejection>> {
    let kind = kind(object)?;
    let role = match (kind, key_field) {
        (Kind::Company, "company_id") => None,
        (Kind::Contact, "external_id") => Some("user"),
        (Kind::Contact, marker) if is_custom(marker) => Some("lead"),
        _ => return Err(no_key(kind, key_field)),
    };
    if key_value.trim().is_empty() {
        return Err(no_key(kind, key_field));
    }
    let keyed = |name: &str, value: &str| FieldWrite {
        name: name.to_string().into(),
        value: value.into(),
        expect: Value::Null,
    };
    let mut fields = writable(kind, &write.fields, &["id", "role", key_field])?;
    fields.push(keyed(key_field, key_value));
    fields.extend(role.map(|role| keyed("role", role)));
    let key = key_value.to_string();
    Ok(match role {
        None => Plan::SaveCompany { key, fields },
        Some("user") => Plan::CreateUser { key, fields },
        Some(_) => Plan::CreateLead {
            marker: key_field.to_string(),
            key,
            fields,
        },
    })
}

fn attach(contact: &RecordRef, company: &RecordRef) -> Result<Plan, Box<Rejection>> {
    let kinds = (Kind::of(&contact.object), Kind::of(&company.object));
    if kinds != (Some(Kind::Contact), Some(Kind::Company)) || contact.source != company.source {
        return Err(unsupported(
            "a contact joins a company of its own workspace",
        ));
    }
    Ok(Plan::Attach {
        contact: contact.clone(),
        company: company.clone(),
    })
}

/// None if the query names no identifier, which no record can match.
fn query(query: &LookupQuery) -> Result<Option<Query>, Box<Rejection>> {
    if query.any_of.is_empty() || query.rows_max == 0 {
        return Ok(None);
    }
    // A page holds one row more than may be answered, to know that there are more.
    let rows_max = (query.rows_max as usize).min(PAGE_MAX - 1);
    Ok(Some(match kind(&query.object)? {
        Kind::Contact => Query::Contacts {
            filter: any_of(&query.any_of)?,
            rows_max,
        },
        Kind::Company => Query::Companies {
            terms: company_terms(&query.any_of)?,
            rows_max,
        },
    }))
}

fn any_of(terms: &[(Name, String)]) -> Result<Json, Box<Rejection>> {
    if terms.len() > FILTERS_MAX * FILTERS_MAX {
        return Err(not_askable(
            "a lookup names more identifiers than a search takes",
        ));
    }
    let one = |term: &(Name, String)| equals(&term.0, &term.1);
    let group = |terms: &[(Name, String)]| {
        let filters: Vec<Json> = terms.iter().map(one).collect();
        json!({"operator": "OR", "value": filters})
    };
    if terms.len() <= FILTERS_MAX {
        return Ok(group(terms));
    }
    let groups: Vec<Json> = terms.chunks(FILTERS_MAX).map(group).collect();
    Ok(json!({"operator": "OR", "value": groups}))
}

fn company_terms(terms: &[(Name, String)]) -> Result<Vec<(&'static str, String)>, Box<Rejection>> {
    if terms.len() > COMPANIES_MAX {
        return Err(not_askable(
            "a lookup names more companies than are asked for at once",
        ));
    }
    let term = |(field, value): &(Name, String)| match field.as_str() {
        "company_id" => Ok(("company_id", value.clone())),
        "name" => Ok(("name", value.clone())),
        _ => Err(not_askable(
            "companies are found by company_id and name only",
        )),
    };
    terms.iter().map(term).collect()
}

/// The fields that a request can carry, without those named.
fn writable(
    kind: Kind,
    fields: &[FieldWrite],
    without: &[&str],
) -> Result<Vec<FieldWrite>, Box<Rejection>> {
    let fields = fields
        .iter()
        .filter(|field| !without.contains(&field.name.as_str()));
    let checked = fields.map(|field| {
        let name = field.name.as_str();
        let plan = kind == Kind::Company && name == "plan.name";
        let plain = !name.is_empty() && !name.contains('.') && name != "custom_attributes";
        if plan || plain || is_custom(name) {
            return Ok(field.clone());
        }
        let hint = format!(
            "map another field: Intercom takes no {} field {name}",
            kind.as_str()
        );
        let text = "a field cannot be written";
        let refused = retry::ours(RejectClass::BadData, "NOT_WRITABLE", text, &hint);
        Err(Box::new(Rejection {
            fields: vec![name.to_string()],
            ..refused
        }))
    });
    checked.collect()
}

/// Names of attributes hold no dot and no dollar sign (intercom.md 2.6).
fn is_custom(name: &str) -> bool {
    let attribute = name.strip_prefix(CUSTOM);
    attribute.is_some_and(|name| !name.is_empty() && !name.contains(['.', '$']))
}

/// Blank text was read as null; Intercom trims, lowers e-mail addresses, and tells a number from
/// its text in some fields only (`owner_id`).
fn same(name: &str, ours: &Value, theirs: &Value) -> bool {
    let (left, right) = (ours.display(), theirs.display());
    let (left, right) = (left.trim(), right.trim());
    ours == theirs || left == right || (name == "email" && left.eq_ignore_ascii_case(right))
}

fn json(value: &Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Bool(bool) => Json::Bool(*bool),
        Value::Int(int) => Json::from(*int),
        Value::Float(bits) => Json::from(f64::from_bits(*bits)),
        Value::Text(text) => Json::from(&**text),
    }
}

fn data_type(value: &Value) -> Option<&'static str> {
    match value {
        Value::Null => None,
        Value::Bool(_) => Some("boolean"),
        Value::Int(_) => Some("integer"),
        Value::Float(_) => Some("float"),
        Value::Text(_) => Some("string"),
    }
}

fn kind(object: &ObjectName) -> Result<Kind, Box<Rejection>> {
    let supported = "this version reads and writes contacts and companies of Intercom only";
    Kind::of(object).ok_or_else(|| unsupported(supported))
}

fn no_key(kind: Kind, key_field: &str) -> Box<Rejection> {
    let hint = match kind {
        Kind::Company => "create companies by company_id, with a value".into(),
        Kind::Contact => format!(
            "create users by external_id, and leads by a custom attribute of their own \
             ({CUSTOM}NAME), with a value; not by {key_field}"
        ),
    };
    let text = "nothing tells the new record from others";
    Box::new(retry::ours(RejectClass::BadData, "NO_KEY", text, &hint))
}

fn not_askable(text: &str) -> Box<Rejection> {
    let hint = format!("correct the identifiers in the mapping: {text}");
    Box::new(retry::ours(
        RejectClass::BadData,
        "NOT_ASKABLE",
        text,
        &hint,
    ))
}

fn unsupported(hint: &str) -> Box<Rejection> {
    Box::new(retry::ours(RejectClass::Other, "UNSUPPORTED", hint, hint))
}

#[cfg(test)]
mod tests;
