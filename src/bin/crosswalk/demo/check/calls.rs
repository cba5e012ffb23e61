//! Write calls as the sandboxes logged them, each with the record it was about. A request that
//! carries several rows is one call for each of them.

use std::collections::BTreeSet;

use crosswalk::sandbox::request_log::Entry;
use serde_json::Value;

use crate::demo::script::Fields;

/// One row that a request asked to change, whether or not it was carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    pub method: String,
    pub object: String,
    /// The record's id, or the value of the key it was upserted by.
    pub target: String,
    /// An upsert: it names a key and not an id.
    pub by_key: bool,
    /// Without the key. Intercom's custom attributes are named `custom_attributes.<name>`.
    pub fields: Fields,
    pub applied: bool,
    /// When the request arrived, in nanoseconds.
    pub at_ns: u64,
}

impl Call {
    pub fn is_about(&self, ids: &BTreeSet<&str>, keys: &BTreeSet<String>) -> bool {
        ids.contains(self.target.as_str()) || (self.by_key && keys.contains(&self.target))
    }

    pub fn names(&self) -> BTreeSet<&str> {
        self.fields.keys().map(String::as_str).collect()
    }

    pub fn value(&self, name: &str) -> Option<&str> {
        self.fields.get(name).and_then(Value::as_str)
    }

    fn of(entry: &Entry, object: String, (target, by_key): (String, bool), row: &Value) -> Self {
        Self {
            method: entry.method.clone(),
            object,
            target,
            by_key,
            fields: fields(row),
            applied: entry.applied,
            at_ns: entry.at_ns,
        }
    }
}

/// The calls that asked Salesforce for a change.
pub fn write_calls(log: &[Entry]) -> Vec<Call> {
    log.iter().flat_map(salesforce).collect()
}

/// The calls that asked Intercom for a change; a search is a question.
pub fn intercom_calls(log: &[Entry]) -> Vec<Call> {
    log.iter().filter_map(intercom).collect()
}

fn salesforce(entry: &Entry) -> Vec<Call> {
    if matches!(entry.method.as_str(), "GET" | "HEAD") {
        return Vec::new();
    }
    if let Some((_, rest)) = entry.path.split_once("/composite/sobjects") {
        return collection(entry, rest);
    }
    let Some((_, rest)) = entry.path.split_once("/sobjects/") else {
        return Vec::new();
    };
    let mut parts = rest.split('/').map(decoded);
    let object = parts.next().unwrap_or_default();
    let target = match (parts.next(), parts.next()) {
        (Some(id), None) => (id, false),
        (Some(_), Some(key)) => (key, true),
        (None, _) => (entry.changed.first().cloned().unwrap_or_default(), false),
    };
    vec![Call::of(entry, object, target, &entry.body)]
}

/// The rows of one sObject Collections request.
fn collection(entry: &Entry, rest: &str) -> Vec<Call> {
    let mut parts = rest.split('/').skip(1).map(decoded);
    let upsert = parts.next().zip(parts.next());
    // Rows are read with POST, under the object's name.
    if entry.method == "POST" && rest.len() > 1 {
        return Vec::new();
    }
    let rows = entry.body["records"].as_array();
    let one = |(number, row): (usize, &Value)| {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let (target, key) = match &upsert {
            Some((_, field)) => ((text(&row[field.as_str()]), true), field.as_str()),
            None if entry.method == "POST" => {
                let made = entry.changed.get(number).cloned().unwrap_or_default();
                ((made, false), "id")
            }
            None => ((text(&row["id"]), false), "id"),
        };
        let object = match &upsert {
            Some((object, _)) => object.clone(),
            None => text(&row["attributes"]["type"]),
        };
        let mut call = Call::of(entry, object, target, row);
        call.fields.remove(key);
        call.fields.remove("Id");
        call
    };
    rows.into_iter().flatten().enumerate().map(one).collect()
}

fn intercom(entry: &Entry) -> Option<Call> {
    let reads = matches!(entry.method.as_str(), "GET" | "HEAD");
    if reads || entry.path.ends_with("/search") {
        return None;
    }
    let mut parts = entry.path.trim_matches('/').split('/').map(decoded);
    let object = parts.next()?;
    let target = parts.next();
    let target = target.or_else(|| entry.changed.first().cloned());
    let target = (target.unwrap_or_default(), false);
    Some(Call::of(entry, object, target, &entry.body))
}

fn fields(row: &Value) -> Fields {
    let mut fields = Fields::new();
    for (name, value) in row.as_object().into_iter().flatten() {
        match (name.as_str(), value.as_object()) {
            ("attributes", _) => {}
            ("custom_attributes", Some(custom)) => {
                let custom = custom.iter();
                fields.extend(custom.map(|(name, value)| {
                    let name = format!("custom_attributes.{name}");
                    (name, value.clone())
                }));
            }
            _ => {
                fields.insert(name.clone(), value.clone());
            }
        }
    }
    fields
}

/// `%3A` becomes `:`; what is no escape stays as it is.
fn decoded(part: &str) -> String {
    let mut bytes = Vec::with_capacity(part.len());
    let mut rest = part.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let escaped = after.get(..2).filter(|_| first == b'%');
        let escaped = escaped.and_then(|hex| std::str::from_utf8(hex).ok());
        match escaped.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            None => {
                bytes.push(first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
