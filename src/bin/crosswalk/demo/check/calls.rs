//! Write calls as the Salesforce sandbox logged them, each with the record it was about.

use std::collections::BTreeSet;

use crosswalk::sandbox::request_log::Entry;

/// One PATCH, POST or DELETE on a row, whether or not it was carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    pub object: String,
    /// The record's id, or the value of the key it was upserted by.
    pub target: String,
    /// An upsert: it names a key and not an id.
    pub by_key: bool,
    pub fields: Vec<String>,
    pub applied: bool,
}

impl Call {
    pub fn is_about(&self, ids: &BTreeSet<&str>, keys: &BTreeSet<String>) -> bool {
        ids.contains(self.target.as_str()) || (self.by_key && keys.contains(&self.target))
    }
}

pub fn write_calls(log: &[Entry]) -> Vec<Call> {
    log.iter().filter_map(write_call).collect()
}

fn write_call(entry: &Entry) -> Option<Call> {
    if matches!(entry.method.as_str(), "GET" | "HEAD") {
        return None;
    }
    let (_, rest) = entry.path.split_once("/sobjects/")?;
    let mut parts = rest.split('/').map(decoded);
    let object = parts.next()?;
    let (target, by_key) = match (parts.next(), parts.next()) {
        (Some(id), None) => (id, false),
        (Some(_), Some(key)) => (key, true),
        (None, _) => (entry.changed.first().cloned().unwrap_or_default(), false),
    };
    let fields = entry.body.as_object();
    Some(Call {
        object,
        target,
        by_key,
        fields: fields.map_or_else(Vec::new, |fields| fields.keys().cloned().collect()),
        applied: entry.applied,
    })
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
