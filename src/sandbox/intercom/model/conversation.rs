//! Conversations, as far as a contact's story needs them: opened and replied to by a person.

use serde_json::{Value, json};

use crate::sandbox::exchange::Answer;
use crate::sandbox::intercom::model::problem::Problem;
use crate::sandbox::intercom::model::workspace::Workspace;

/// Conversation ids are long numbers written as text; captured ones look like this.
const FIRST_ID: u64 = 215_472_621_202_000;
const FIRST_PART: u64 = 37_358_429_000;

/// One conversation; times in unix seconds, as conversations always show them.
#[derive(Debug, Clone)]
pub(crate) struct Conversation {
    id: String,
    contact_id: String,
    body: String,
    created_s: i64,
    updated_s: i64,
    parts: Vec<Value>,
}

// === impl Conversation ===

impl Conversation {
    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    pub(crate) fn contact_id(&self) -> &str {
        &self.contact_id
    }
}

// === impl Workspace ===

impl Workspace {
    /// A person opens a conversation.
    pub(crate) fn open_conversation(
        &mut self,
        contact_id: &str,
        body: &str,
        now_ms: i64,
    ) -> Result<String, Problem> {
        if !self.contacts.contains_key(contact_id) {
            return Err(Problem::user_not_found());
        }
        let now_s = now_ms.div_euclid(1_000);
        let id = (FIRST_ID + self.draw()).to_string();
        let conversation = Conversation {
            id: id.clone(),
            contact_id: contact_id.to_owned(),
            body: paragraph(body),
            created_s: now_s,
            updated_s: now_s,
            parts: Vec::new(),
        };
        self.conversations.insert(id.clone(), conversation);
        self.announce_conversation("conversation.user.created", &id, &[], now_ms);
        Ok(id)
    }

    /// A person writes once more.
    pub(crate) fn reply(&mut self, id: &str, body: &str, now_ms: i64) -> Result<(), Problem> {
        let now_s = now_ms.div_euclid(1_000);
        let part_id = (FIRST_PART + self.draw()).to_string();
        let missing = || Problem::new(404, "not_found", "Conversation not found");
        let contact_id = self
            .conversations
            .get(id)
            .ok_or_else(missing)?
            .contact_id
            .clone();
        let part = json!({
            "type": "conversation_part",
            "id": part_id,
            "part_type": "comment",
            "body": paragraph(body),
            "created_at": now_s,
            "updated_at": now_s,
            "notified_at": now_s,
            "assigned_to": null,
            "author": self.author(&contact_id),
            "attachments": [],
            "external_id": null,
            "redacted": false,
            "metadata": {},
            "email_message_metadata": null,
            "state": "open",
            "tags": [],
            "event_details": {},
            "app_package_code": null,
        });
        if let Some(conversation) = self.conversations.get_mut(id) {
            conversation.updated_s = now_s;
            conversation.parts.push(part.clone());
        }
        self.announce_conversation("conversation.user.replied", id, &[part], now_ms);
        Ok(())
    }

    /// GET /conversations/{id}.
    pub(crate) fn read_conversation(&self, id: &str) -> Result<Answer, Problem> {
        let missing = || Problem::new(404, "not_found", "Conversation not found");
        let conversation = self.conversations.get(id).ok_or_else(missing)?;
        let shape = self.conversation_shape(conversation, &conversation.parts);
        Ok(Answer::json(200, shape).read())
    }

    /// A notification holds only the part that caused it (intercom.md 1.5).
    fn announce_conversation(&mut self, topic: &str, id: &str, parts: &[Value], now_ms: i64) {
        let Some(conversation) = self.conversations.get(id) else {
            return;
        };
        let item = self.conversation_shape(conversation, parts);
        self.notify(topic, id, item, now_ms);
    }

    fn author(&self, contact_id: &str) -> Value {
        let contact = self.contacts.get(contact_id);
        json!({
            "type": contact.map_or("user", |contact| contact.role.name()),
            "id": contact_id,
            "name": contact.and_then(|contact| contact.text("name")),
            "email": contact.and_then(|contact| contact.text("email")).unwrap_or_default(),
        })
    }

    fn conversation_shape(&self, conversation: &Conversation, parts: &[Value]) -> Value {
        let Conversation {
            id,
            contact_id,
            body,
            created_s,
            updated_s,
            ..
        } = conversation;
        let external_id = self
            .contacts
            .get(contact_id)
            .and_then(|c| c.external_id.clone());
        let contact = json!({"type": "contact", "id": contact_id, "external_id": external_id});
        json!({
            "type": "conversation",
            "id": id,
            "created_at": created_s,
            "updated_at": updated_s,
            "waiting_since": updated_s,
            "snoozed_until": null,
            "source": {
                "type": "conversation",
                "id": format!("33{}", &id[id.len().saturating_sub(8)..]),
                "delivered_as": "customer_initiated",
                "subject": "",
                "body": body,
                "author": self.author(contact_id),
                "attachments": [],
                "url": "https://shop.example/pricing",
                "redacted": false,
            },
            "contacts": {"type": "contact.list", "contacts": [contact]},
            "first_contact_reply": {
                "created_at": created_s,
                "type": "conversation",
                "url": "https://shop.example/pricing",
            },
            "admin_assignee_id": null,
            "team_assignee_id": null,
            "open": true,
            "state": "open",
            "read": false,
            "tags": {"type": "tag.list", "tags": []},
            "priority": "not_priority",
            "sla_applied": null,
            "statistics": null,
            "conversation_rating": null,
            "teammates": {"type": "admin.list", "admins": []},
            "title": "",
            "custom_attributes": {},
            "topics": {"type": "topic.list", "topics": [], "total_count": 0},
            "ticket": null,
            "linked_objects": {"type": "list", "data": [], "total_count": 0, "has_more": false},
            "ai_agent": null,
            "ai_agent_participated": false,
            "conversation_parts": {
                "type": "conversation_part.list",
                "conversation_parts": parts,
                "total_count": parts.len(),
            },
        })
    }
}

/// Bodies are HTML (before 2.15), so text is escaped.
fn paragraph(text: &str) -> String {
    let escaped = text
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;");
    format!("<p>{escaped}</p>")
}
