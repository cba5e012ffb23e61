//! One row: what is stored, and how each field of it reads.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::sandbox::moment;

/// A record as stored; a field without an entry is null.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Row {
    pub(crate) id: String,
    pub(crate) fields: BTreeMap<&'static str, Value>,
    pub(crate) deleted: bool,
    pub(crate) created_ms: i64,
    pub(crate) created_by: String,
    pub(crate) modified_ms: i64,
    pub(crate) modified_by: String,
    pub(crate) stamp_ms: i64,
    /// Where the last change came from.
    pub(crate) origin: String,
}

// === impl Row ===

impl Row {
    /// The field with this canonical name.
    pub(crate) fn get(&self, name: &str) -> Value {
        match name {
            "Id" => json!(self.id),
            "IsDeleted" => json!(self.deleted),
            "CreatedDate" => json!(moment::salesforce(whole(self.created_ms))),
            "CreatedById" => json!(self.created_by),
            "LastModifiedDate" => json!(moment::salesforce(whole(self.modified_ms))),
            "LastModifiedById" => json!(self.modified_by),
            "SystemModstamp" => json!(moment::salesforce(whole(self.stamp_ms))),
            "Name" if !self.fields.contains_key("Name") => self.full_name(),
            _ => self.fields.get(name).cloned().unwrap_or(Value::Null),
        }
    }

    /// A field as text.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.fields.get(name).and_then(Value::as_str)
    }

    pub(crate) fn flag(&self, name: &str) -> bool {
        self.fields.get(name).and_then(Value::as_bool) == Some(true)
    }

    /// A person's name is made of its parts.
    fn full_name(&self) -> Value {
        let parts: Vec<&str> = ["FirstName", "LastName"]
            .iter()
            .filter_map(|part| self.text(part))
            .collect();
        if parts.is_empty() {
            Value::Null
        } else {
            json!(parts.join(" "))
        }
    }
}

/// Dates of rows have whole seconds.
fn whole(at_ms: i64) -> i64 {
    at_ms.div_euclid(1_000) * 1_000
}
