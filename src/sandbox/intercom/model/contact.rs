//! One contact: what is stored, and how it looks by REST and in notifications.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::sandbox::intercom::options::WebhookTimestamps;
use crate::sandbox::moment;

/// At most this many tags, companies and notes are shown in a contact (intercom.md 1.5).
const SHOWN_MAX: usize = 10;

/// Lead or user; a lead can become a user, never back (intercom.md 3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Lead,
    User,
}

/// Where a contact is in its life.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum State {
    Active,
    Archived,
    Deleted,
    Merged { into: String },
}

/// A contact as stored. Field values are as REST shows them: times in unix seconds.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Contact {
    pub(crate) id: String,
    pub(crate) role: Role,
    pub(crate) external_id: Option<String>,
    pub(crate) fields: BTreeMap<String, Value>,
    pub(crate) custom: Map<String, Value>,
    /// Tag ids and when each was put on, in unix seconds.
    pub(crate) tags: Vec<(String, i64)>,
    pub(crate) companies: Vec<String>,
    pub(crate) created_ms: i64,
    pub(crate) updated_ms: i64,
    pub(crate) state: State,
    pub(crate) merged: Vec<Value>,
}

/// For whom a contact is written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reader {
    Rest,
    Webhook(WebhookTimestamps),
}

/// What comes between the names and the times, in the order of the captures.
const FLAGS: [(&str, bool); 3] = [
    ("has_hard_bounced", false),
    ("marked_email_as_spam", false),
    ("unsubscribed_from_emails", false),
];
const TIMES: [&str; 6] = [
    "signed_up_at",
    "last_seen_at",
    "last_replied_at",
    "last_contacted_at",
    "last_email_opened_at",
    "last_email_clicked_at",
];
const SURROUNDINGS: [&str; 5] = [
    "language_override",
    "browser",
    "browser_version",
    "browser_language",
    "os",
];
const DEVICES: [&str; 12] = [
    "android_app_name",
    "android_app_version",
    "android_device",
    "android_os_version",
    "android_sdk_version",
    "android_last_seen_at",
    "ios_app_name",
    "ios_app_version",
    "ios_device",
    "ios_os_version",
    "ios_sdk_version",
    "ios_last_seen_at",
];
const ORIGINS: [&str; 6] = [
    "utm_campaign",
    "utm_content",
    "utm_medium",
    "utm_source",
    "utm_term",
    "referrer",
];

// === impl Role ===

impl Role {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Lead => "lead",
            Self::User => "user",
        }
    }
}

// === impl State ===

impl State {
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Archived => "archived",
            Self::Deleted => "deleted",
            Self::Merged { .. } => "merged",
        }
    }
}

// === impl Contact ===

impl Contact {
    /// A stored field as text.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.fields
            .get(name)
            .and_then(Value::as_str)
            .filter(|text| !text.is_empty())
    }

    /// The whole contact, fields and order as captured (fixtures/intercom/webhooks).
    pub(crate) fn shape(&self, app_id: &str, reader: Reader) -> Value {
        let mut shape = Map::new();
        let mut put = |name: &str, value: Value| {
            shape.insert(name.to_owned(), value);
        };
        put("type", json!("contact"));
        put("id", json!(self.id));
        put("workspace_id", json!(app_id));
        put("external_id", json!(self.external_id));
        put("role", json!(self.role.name()));
        for name in ["email", "phone", "name", "avatar", "owner_id"] {
            put(name, self.field(name));
            if name == "phone" && self.fields.contains_key("formatted_phone") {
                put("formatted_phone", self.field("formatted_phone"));
            }
        }
        if reader == Reader::Rest {
            let domain = self.text("email").and_then(|email| email.split_once('@'));
            put("email_domain", json!(domain.map(|(_, host)| host)));
        }
        put("social_profiles", json!({"type": "list", "data": []}));
        for (name, usual) in FLAGS {
            put(name, self.fields.get(name).cloned().unwrap_or(json!(usual)));
        }
        put("created_at", moment_of(self.created_ms, reader));
        put("updated_at", moment_of(self.updated_ms, reader));
        for name in TIMES {
            let seconds = self.fields.get(name).and_then(Value::as_i64);
            put(
                name,
                seconds.map_or(Value::Null, |s| moment_of(s.saturating_mul(1_000), reader)),
            );
        }
        for name in SURROUNDINGS {
            put(name, self.field(name));
        }
        put("location", location());
        for name in DEVICES {
            put(name, Value::Null);
        }
        put("custom_attributes", Value::Object(self.custom.clone()));
        for (name, list) in self.lists() {
            put(name, list);
        }
        for name in ORIGINS {
            put(name, self.field(name));
        }
        put("sms_consent", json!(false));
        put("unsubscribed_from_sms", json!(false));
        if matches!(reader, Reader::Webhook(_)) {
            put("enabled_push_messaging", Value::Null);
        }
        Value::Object(shape)
    }

    fn field(&self, name: &str) -> Value {
        self.fields.get(name).cloned().unwrap_or(Value::Null)
    }

    fn lists(&self) -> [(&'static str, Value); 5] {
        let tag_ids: Vec<&str> = self.tags.iter().map(|(id, _)| id.as_str()).collect();
        let company_ids: Vec<&str> = self.companies.iter().map(String::as_str).collect();
        [
            ("tags", self.list("tags", "tag", &tag_ids)),
            ("notes", self.list("notes", "note", &[])),
            ("companies", self.list("companies", "company", &company_ids)),
            (
                "opted_out_subscription_types",
                self.list("subscriptions", "subscription", &[]),
            ),
            (
                "opted_in_subscription_types",
                self.list("subscriptions", "subscription", &[]),
            ),
        ]
    }

    fn list(&self, path: &str, kind: &str, ids: &[&str]) -> Value {
        let plural = if kind == "company" {
            "companies".to_owned()
        } else {
            format!("{kind}s")
        };
        let data: Vec<Value> = ids
            .iter()
            .take(SHOWN_MAX)
            .map(|id| json!({"id": id, "type": kind, "url": format!("/{plural}/{id}")}))
            .collect();
        json!({
            "type": "list",
            "data": data,
            "url": format!("/contacts/{}/{path}", self.id),
            "total_count": ids.len(),
            "has_more": ids.len() > SHOWN_MAX,
        })
    }
}

/// A moment as this reader gets it.
pub(crate) fn moment_of(at_ms: i64, reader: Reader) -> Value {
    match reader {
        Reader::Webhook(WebhookTimestamps::Iso) => json!(moment::intercom_iso(at_ms)),
        Reader::Rest | Reader::Webhook(WebhookTimestamps::Unix) => {
            json!(at_ms.div_euclid(1_000))
        }
    }
}

fn location() -> Value {
    json!({
        "type": "location",
        "country": null,
        "region": null,
        "city": null,
        "country_code": null,
        "continent_code": null,
    })
}
