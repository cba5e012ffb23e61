//! One company: what is stored, and how it looks by REST and in notifications.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::sandbox::intercom::model::contact::{Reader, moment_of};

/// A company as stored.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Company {
    pub(crate) id: String,
    /// The customer's own key: the key of upserts, never changed (intercom.md 2.5).
    pub(crate) company_id: String,
    pub(crate) fields: BTreeMap<String, Value>,
    pub(crate) custom: Map<String, Value>,
    pub(crate) tags: Vec<String>,
    pub(crate) user_count: usize,
    pub(crate) created_ms: i64,
    pub(crate) updated_ms: i64,
    pub(crate) deleted: bool,
}

// === impl Company ===

impl Company {
    /// As the REST API shows it; fields without a value are left out, as the examples of the
    /// vendor's own specification do.
    pub(crate) fn rest(&self, app_id: &str) -> Value {
        let mut shape = Map::new();
        let mut put = |name: &str, value: Value| {
            shape.insert(name.to_owned(), value);
        };
        put("type", json!("company"));
        put("company_id", json!(self.company_id));
        put("id", json!(self.id));
        put("app_id", json!(app_id));
        put("name", self.field("name"));
        for name in ["remote_created_at", "last_request_at"] {
            if let Some(seconds) = self.fields.get(name) {
                put(name, seconds.clone());
            }
        }
        put("created_at", moment_of(self.created_ms, Reader::Rest));
        put("updated_at", moment_of(self.updated_ms, Reader::Rest));
        put("monthly_spend", self.number("monthly_spend"));
        put("session_count", json!(0));
        put("user_count", json!(self.user_count));
        for name in ["size", "website", "industry"] {
            if let Some(value) = self.fields.get(name) {
                put(name, value.clone());
            }
        }
        let tags: Vec<Value> = self
            .tags
            .iter()
            .map(|id| json!({"type": "tag", "id": id}))
            .collect();
        put("tags", json!({"type": "tag.list", "tags": tags}));
        put("segments", json!({"type": "segment.list", "segments": []}));
        put("plan", self.plan().unwrap_or_else(|| json!({})));
        put("custom_attributes", Value::Object(self.custom.clone()));
        Value::Object(shape)
    }

    /// As `company.created` and `company.updated` show it (captured).
    pub(crate) fn webhook(&self, app_id: &str, reader: Reader) -> Value {
        json!({
            "type": "company",
            "id": self.id,
            "name": self.field("name"),
            "app_id": app_id,
            "plan": self.plan(),
            "company_id": self.company_id,
            "remote_created_at": self.moment("remote_created_at", reader),
            "created_at": moment_of(self.created_ms, reader),
            "updated_at": moment_of(self.updated_ms, reader),
            "last_request_at": self.moment("last_request_at", reader),
            "size": self.field("size"),
            "website": self.field("website"),
            "industry": self.field("industry"),
            "monthly_spend": self.number("monthly_spend"),
            "session_count": 0,
            "user_count": self.user_count,
            "custom_attributes": self.custom,
            "tag_ids": self.tags,
        })
    }

    /// As `company.contact.attached` shows it: flattened, `plan_id` for the plan, without size,
    /// website and industry (intercom.md 1.5).
    pub(crate) fn flattened(&self, app_id: &str, reader: Reader) -> Value {
        json!({
            "id": self.id,
            "name": self.field("name"),
            "app_id": app_id,
            "plan_id": self.plan().and_then(|plan| plan.get("id").cloned()),
            "company_id": self.company_id,
            "remote_created_at": self.moment("remote_created_at", reader),
            "created_at": moment_of(self.created_ms, reader),
            "updated_at": moment_of(self.updated_ms, reader),
            "last_request_at": self.moment("last_request_at", reader),
            "monthly_spend": self.number("monthly_spend"),
            "session_count": 0,
            "user_count": self.user_count,
            "custom_attributes": self.custom,
            "tag_ids": self.tags,
        })
    }

    fn plan(&self) -> Option<Value> {
        let name = self.fields.get("plan")?.as_str()?;
        let id = name.bytes().fold(7_u32, |id, byte| {
            id.wrapping_mul(31).wrapping_add(u32::from(byte)) % 1_000_000
        });
        Some(json!({"type": "plan", "id": id.to_string(), "name": name}))
    }

    fn field(&self, name: &str) -> Value {
        self.fields.get(name).cloned().unwrap_or(Value::Null)
    }

    fn number(&self, name: &str) -> Value {
        self.fields.get(name).cloned().unwrap_or(json!(0))
    }

    fn moment(&self, name: &str, reader: Reader) -> Value {
        let seconds = self.fields.get(name).and_then(Value::as_i64);
        seconds.map_or(Value::Null, |s| moment_of(s.saturating_mul(1_000), reader))
    }
}
