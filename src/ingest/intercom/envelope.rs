//! The outer part of a notification, the same for every topic (facts: vendor docs "Webhook
//! Notifications", field by field).

use serde_json::Value;

/// A notification, decoded but not interpreted.
#[derive(Clone, Debug, PartialEq)]
pub struct Envelope {
    pub app_id: String,
    /// `notif_…`; null on a ping.
    pub id: Option<String>,
    pub topic: String,
    /// Unix seconds of the event, where the envelope has them.
    pub created_at: Option<i64>,
    /// `data.item`; null where there is none.
    pub item: Value,
}

/// Why bytes are no notification: a code for the dead letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoEnvelope {
    NotJson,
    NoAppId,
    NoTopic,
}

impl NoEnvelope {
    pub fn code(self) -> &'static str {
        match self {
            Self::NotJson => "not_json",
            Self::NoAppId => "no_app_id",
            Self::NoTopic => "no_topic",
        }
    }
}

impl Envelope {
    pub fn parse(bytes: &[u8]) -> Result<Self, NoEnvelope> {
        let mut body: Value = serde_json::from_slice(bytes).map_err(|_| NoEnvelope::NotJson)?;
        let app_id = text(&body["app_id"]).ok_or(NoEnvelope::NoAppId)?;
        let topic = text(&body["topic"]).ok_or(NoEnvelope::NoTopic)?;
        let item = body.pointer_mut("/data/item").map(Value::take);
        Ok(Self {
            app_id,
            id: text(&body["id"]),
            topic,
            created_at: body["created_at"].as_i64(),
            item: item.unwrap_or_default(),
        })
    }

    pub fn is_ping(&self) -> bool {
        self.topic == "ping"
    }
}

fn text(value: &Value) -> Option<String> {
    value
        .as_str()
        .filter(|text| !text.is_empty())
        .map(str::to_owned)
}
