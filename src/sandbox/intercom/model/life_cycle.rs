//! Archiving, unarchiving and deleting contacts.

use serde_json::{Value, json};

use crate::sandbox::exchange::Answer;
use crate::sandbox::intercom::model::contact::{Contact, State};
use crate::sandbox::intercom::model::problem::Problem;
use crate::sandbox::intercom::model::workspace::Workspace;

// === impl Workspace ===

impl Workspace {
    /// POST /contacts/{id}/archive.
    pub(crate) fn archive_contact(&mut self, id: &str, now: i64) -> Result<Answer, Problem> {
        let mut contact = self.contact_in(id, &[State::Active, State::Archived])?;
        let applied = contact.state == State::Active;
        if applied {
            contact.state = State::Archived;
            contact.updated_ms = now;
            let item = gone_item(&contact, "archived");
            self.store(contact);
            self.notify("contact.archived", id, item, now);
        }
        let body = json!({"id": id, "object": "contact", "archived": true});
        Ok(Answer::json(200, body).wrote([id], applied))
    }

    /// POST /contacts/{id}/unarchive.
    pub(crate) fn unarchive_contact(&mut self, id: &str, now: i64) -> Result<Answer, Problem> {
        if self
            .contacts
            .get(id)
            .is_some_and(|contact| contact.state == State::Deleted)
        {
            // Two of three recorded calls gave 500, the third 400 (intercom.md 2.3).
            return Err(if self.settings.switches.unarchive_deleted_is_500 {
                Problem::new(500, "server_error", "An unexpected error occurred")
            } else {
                let message = "This contact has been marked for permanent deletion";
                Problem::new(400, "bad_request", message)
            });
        }
        let mut contact = self.contact_in(id, &[State::Active, State::Archived])?;
        let applied = contact.state == State::Archived;
        if applied {
            contact.state = State::Active;
            contact.updated_ms = now;
            self.store(contact);
            self.notify_contact("contact.unarchived", id, now);
        }
        let body = json!({"id": id, "object": "contact", "archived": false});
        Ok(Answer::json(200, body).wrote([id], applied))
    }

    /// DELETE /contacts/{id}: the key of a deleted user stays taken (intercom.md 0.6).
    pub(crate) fn delete_contact(&mut self, id: &str, now: i64) -> Result<Answer, Problem> {
        let mut contact = self.contact_in(id, &[State::Active, State::Archived])?;
        contact.state = State::Deleted;
        contact.updated_ms = now;
        let item = gone_item(&contact, "deleted");
        let body = json!({
            "type": "contact",
            "id": id,
            "external_id": contact.external_id,
            "deleted": true,
        });
        self.store(contact);
        self.recount_companies();
        self.notify("contact.deleted", id, item, now);
        Ok(Answer::json(200, body).wrote([id], true))
    }

    fn contact_in(&self, id: &str, states: &[State]) -> Result<Contact, Problem> {
        let contact = self
            .contacts
            .get(id)
            .filter(|contact| states.contains(&contact.state));
        contact.cloned().ok_or_else(Problem::user_not_found)
    }
}

/// `contact.deleted` and `contact.archived` carry only this (intercom.md 1.5).
pub(crate) fn gone_item(contact: &Contact, how: &str) -> Value {
    let mut item = json!({
        "id": contact.id,
        "external_id": contact.external_id,
        "type": "contact",
    });
    item[how] = json!(true);
    item
}
