//! Creating and changing contacts, by the REST API or by a person.

use serde_json::{Map, Value, json};

use crate::sandbox::exchange::Answer;
use crate::sandbox::intercom::model::contact::{Contact, Role, State};
use crate::sandbox::intercom::model::problem::Problem;
use crate::sandbox::intercom::model::workspace::{ADMINS, Workspace};

/// Who changes a contact: the API can set fewer fields than the product itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Writer {
    Api,
    Person,
}

// === impl Workspace ===

impl Workspace {
    /// POST /contacts.
    pub(crate) fn create_contact(&mut self, body: &Value, now: i64) -> Result<Answer, Problem> {
        let id = self.add_contact(body, Writer::Api, now)?;
        Ok(self.contact_answer(&id).wrote([id], true))
    }

    /// Makes a contact and announces it.
    pub(crate) fn add_contact(
        &mut self,
        body: &Value,
        writer: Writer,
        now_ms: i64,
    ) -> Result<String, Problem> {
        let fields = body
            .as_object()
            .ok_or_else(|| Problem::invalid("body must be an object"))?;
        let text = |name: &str| {
            fields
                .get(name)
                .and_then(Value::as_str)
                .filter(|value| !value.is_empty())
        };
        let role = match text("role") {
            Some("lead") => Role::Lead,
            // "contact" is accepted as user [R] intercom.md 2.4.
            None | Some("user" | "contact") => Role::User,
            Some(_) => return Err(Problem::invalid("role must be either user or lead")),
        };
        if role == Role::User {
            if text("external_id").is_none() && text("email").is_none() {
                return Err(Problem::missing("external_id or email must be specified"));
            }
            self.refuse_twin(text("external_id"), text("email"))?;
        }
        let early_ms = i64::from(self.settings.switches.updated_before_created) * 2;
        let mut contact = Contact {
            id: self.object_id(now_ms),
            role,
            external_id: None,
            fields: Default::default(),
            custom: Map::new(),
            tags: Vec::new(),
            companies: Vec::new(),
            created_ms: now_ms,
            updated_ms: now_ms.saturating_sub(early_ms),
            state: State::Active,
            merged: Vec::new(),
        };
        if role == Role::Lead {
            // A lead's external id is Intercom's to assign (intercom.md 0.8).
            contact.external_id = Some(self.uuid("lead"));
        }
        self.lay_fields(&mut contact, fields, writer)?;
        let id = contact.id.clone();
        self.store(contact);
        self.notify_contact(&format!("contact.{}.created", role.name()), &id, now_ms);
        Ok(id)
    }

    /// PUT /contacts/{id}.
    pub(crate) fn update_contact(
        &mut self,
        id: &str,
        body: &Value,
        version_minor: u32,
        now_ms: i64,
    ) -> Result<Answer, Problem> {
        self.readable(id, version_minor)?;
        let applied = self.change_contact(id, body, Writer::Api, now_ms)?;
        Ok(self.contact_answer(id).wrote([id], applied))
    }

    /// Changes a contact and announces it; answers whether anything is different.
    pub(crate) fn change_contact(
        &mut self,
        id: &str,
        body: &Value,
        writer: Writer,
        now_ms: i64,
    ) -> Result<bool, Problem> {
        let fields = body
            .as_object()
            .ok_or_else(|| Problem::invalid("body must be an object"))?;
        let before = self
            .contacts
            .get(id)
            .cloned()
            .ok_or_else(Problem::user_not_found)?;
        let mut after = before.clone();
        match fields.get("role").and_then(Value::as_str) {
            Some("lead") if before.role == Role::User => {
                let message = "user role can't be converted to a lead";
                return Err(Problem::new(400, "client_error", message));
            }
            Some("user") => after.role = Role::User,
            _ => {}
        }
        self.lay_fields(&mut after, fields, writer)?;
        let changed = after != before;
        if !changed && self.settings.switches.noop_put_is_silent {
            return Ok(false);
        }
        after.updated_ms = now_ms;
        self.store(after);
        self.announce_change(&before, now_ms);
        Ok(changed)
    }

    /// One change can be several notifications (intercom.md 1.6).
    fn announce_change(&mut self, before: &Contact, now_ms: i64) {
        let Some(after) = self.contacts.get(&before.id) else {
            return;
        };
        let (id, role) = (before.id.as_str(), after.role);
        let (old, new) = (before.text("email"), after.text("email"));
        let email_topic = match (old, new) {
            (None, Some(_)) if before.role == Role::Lead => Some("contact.lead.added_email"),
            (old, new) if old != new => Some("contact.email.updated"),
            _ => None,
        };
        let signed_up = before.role == Role::Lead && role == Role::User;
        if signed_up {
            self.notify_contact("contact.lead.signed_up", id, now_ms);
        }
        self.notify_contact(&format!("contact.{}.updated", role.name()), id, now_ms);
        if let Some(topic) = email_topic {
            self.notify_contact(topic, id, now_ms);
        }
    }

    fn refuse_twin(&self, external_id: Option<&str>, email: Option<&str>) -> Result<(), Problem> {
        let mut twins = Vec::new();
        if let Some(external_id) = external_id {
            twins = self.users_with_external_id(external_id);
        }
        // Without an external id the e-mail is the key; with one, whether it counts is open.
        let email_counts = external_id.is_none() || self.settings.switches.email_conflict_on_create;
        if let (true, true, Some(email)) = (twins.is_empty(), email_counts, email) {
            twins = self.users_with_email(email);
        }
        let active: Vec<&&Contact> = twins
            .iter()
            .filter(|twin| twin.state == State::Active)
            .collect();
        match (active.as_slice(), twins.first()) {
            ([], None) => Ok(()),
            ([one], _) => Err(Problem::conflict(&one.id, false)),
            // A hard-deleted user blocks with the same text as an archived one (intercom.md 0.6).
            ([], Some(twin)) => Err(Problem::conflict(&twin.id, true)),
            _ => Err(Problem::several_users()),
        }
    }

    fn lay_fields(
        &self,
        contact: &mut Contact,
        fields: &Map<String, Value>,
        writer: Writer,
    ) -> Result<(), Problem> {
        for (name, value) in fields {
            match name.as_str() {
                "role" => {}
                "external_id" => self.lay_external_id(contact, value)?,
                "email" => lay_email(contact, value, self.settings.switches.emails_are_lowercased)?,
                "phone" => {
                    lay_text(contact, name, value)?;
                    self.format_phone(contact);
                }
                "name" | "language_override" => lay_text(contact, name, value)?,
                "avatar" => {
                    let shape = value
                        .as_str()
                        .map(|url| json!({"type": "avatar", "image_url": url}));
                    set(contact, name, shape.unwrap_or(Value::Null));
                }
                "signed_up_at" | "last_seen_at" => lay_seconds(contact, name, value)?,
                "unsubscribed_from_emails" => {
                    let flag = value.as_bool().or(value.is_null().then_some(false));
                    let flag = flag.ok_or_else(|| Problem::invalid(format!("bad '{name}'")))?;
                    set(contact, name, json!(flag));
                }
                "owner_id" => lay_owner(contact, value)?,
                "custom_attributes" => {
                    let mut custom = contact.custom.clone();
                    self.lay_custom("contact", &mut custom, value)?;
                    contact.custom = custom;
                }
                _ if writer == Writer::Person && is_product_field(name) => {
                    set(contact, name, value.clone());
                }
                // A field that the API does not know is ignored, as recorded suites rely on.
                _ => {}
            }
        }
        Ok(())
    }

    /// Keeps `formatted_phone` true: the number in groups, as the product shows it to people.
    fn format_phone(&self, contact: &mut Contact) {
        let shown = self.settings.switches.formatted_phone_present;
        let phone = contact.text("phone").filter(|_| shown).map(grouped);
        set(contact, "formatted_phone", json!(phone));
    }

    /// `null` is ignored; a lead ignores any value; another contact's value is a conflict
    /// (intercom.md 2.4).
    fn lay_external_id(&self, contact: &mut Contact, value: &Value) -> Result<(), Problem> {
        let text = match value {
            Value::String(text) if !text.is_empty() => text.clone(),
            Value::Number(number) => number.to_string(),
            _ => return Ok(()),
        };
        if contact.role == Role::Lead {
            return Ok(());
        }
        let twin = self
            .users_with_external_id(&text)
            .into_iter()
            .find(|c| c.id != contact.id);
        if let Some(twin) = twin {
            return Err(Problem::conflict(&twin.id, twin.state != State::Active));
        }
        contact.external_id = Some(text);
        Ok(())
    }
}

fn set(contact: &mut Contact, name: &str, value: Value) {
    if value.is_null() {
        contact.fields.remove(name);
    } else {
        contact.fields.insert(name.to_owned(), value);
    }
}

fn lay_text(contact: &mut Contact, name: &str, value: &Value) -> Result<(), Problem> {
    match value {
        Value::String(_) | Value::Null => {
            set(contact, name, value.clone());
            Ok(())
        }
        _ => Err(Problem::invalid(format!("bad '{name}' parameter"))),
    }
}

/// `+14155550100` is `+1 415-555-0100`; other numbers with a plus are in groups of three.
fn grouped(phone: &str) -> String {
    let digits: String = phone.chars().filter(char::is_ascii_digit).collect();
    match (phone.starts_with('+'), digits.strip_prefix('1')) {
        (true, Some(national)) if national.len() == 10 => {
            let (area, rest) = national.split_at(3);
            let (exchange, line) = rest.split_at(3);
            format!("+1 {area}-{exchange}-{line}")
        }
        (true, _) => {
            let digits: Vec<char> = digits.chars().collect();
            let groups = digits.rchunks(3).rev();
            let groups: Vec<String> = groups.map(|group| group.iter().collect()).collect();
            format!("+{}", groups.join(" "))
        }
        _ => phone.to_owned(),
    }
}

/// `null` is stored and read back as "" [R] intercom.md 2.4.
fn lay_email(contact: &mut Contact, value: &Value, lower: bool) -> Result<(), Problem> {
    let text = match value {
        Value::Null => "",
        Value::String(text) => text.as_str(),
        _ => return Err(Problem::invalid("bad 'email' parameter")),
    };
    let had_one = contact.fields.contains_key("email");
    if text.is_empty() {
        if had_one {
            set(contact, "email", json!(""));
        }
        return Ok(());
    }
    let sound = text.split_once('@').is_some_and(|(user, host)| {
        !user.is_empty() && host.contains('.') && !text.contains(char::is_whitespace)
    });
    if !sound {
        return Err(Problem::invalid("email is invalid"));
    }
    let text = if lower {
        text.to_lowercase()
    } else {
        text.to_owned()
    };
    set(contact, "email", json!(text));
    Ok(())
}

fn lay_seconds(contact: &mut Contact, name: &str, value: &Value) -> Result<(), Problem> {
    if !value.is_null() && value.as_i64().is_none() {
        return Err(Problem::invalid(format!("bad '{name}' parameter")));
    }
    set(contact, name, value.clone());
    Ok(())
}

fn lay_owner(contact: &mut Contact, value: &Value) -> Result<(), Problem> {
    let id = match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    if id.is_empty() {
        set(contact, "owner_id", Value::Null);
        return Ok(());
    }
    if !ADMINS.iter().any(|(admin, _, _)| *admin == id) {
        return Err(Problem::invalid(format!("owner '{id}' does not exist")));
    }
    set(contact, "owner_id", json!(id));
    Ok(())
}

fn is_product_field(name: &str) -> bool {
    name.starts_with("utm_")
        || matches!(
            name,
            "referrer"
                | "last_replied_at"
                | "last_contacted_at"
                | "last_email_opened_at"
                | "last_email_clicked_at"
                | "browser"
                | "browser_language"
                | "os"
                | "has_hard_bounced"
                | "marked_email_as_spam"
        )
}
