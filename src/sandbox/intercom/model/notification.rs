//! Notifications: the envelope around what happened, as captured (intercom.md 1.3).

use serde_json::{Value, json};

/// Something to tell the app's endpoint.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Notification {
    /// `notif_<uuid>`.
    pub(crate) id: String,
    pub(crate) app_id: String,
    pub(crate) topic: String,
    /// The id of the contact, company or conversation it is about.
    pub(crate) record_id: String,
    pub(crate) item: Value,
    pub(crate) created_s: i64,
}

// === impl Notification ===

impl Notification {
    /// The body on the wire. `id` differs from ours on a retry if a switch says so.
    pub(crate) fn envelope(&self, id: &str, attempt: u32, first_sent_s: i64) -> Value {
        let ping = self.topic == "ping";
        json!({
            "type": "notification_event",
            "app_id": self.app_id,
            "data": {"type": "notification_event_data", "item": self.item},
            "links": {},
            "id": if ping { Value::Null } else { json!(id) },
            "topic": self.topic,
            "delivery_status": if ping { Value::Null } else { json!("pending") },
            "delivery_attempts": attempt,
            "delivered_at": 0,
            "first_sent_at": first_sent_s,
            "created_at": self.created_s,
            "self": null,
        })
    }
}
