//! Tags: the workspace's list, and which contacts wear which.

use serde_json::{Value, json};

use crate::sandbox::exchange::Answer;
use crate::sandbox::intercom::model::problem::Problem;
use crate::sandbox::intercom::model::workspace::{ADMINS, Workspace};

/// The first tag's id; the vendor's are short numbers written as text.
const FIRST_TAG: usize = 10_001;

// === impl Workspace ===

impl Workspace {
    /// GET /tags.
    pub(crate) fn list_tags(&self) -> Answer {
        let data: Vec<Value> = self
            .tags
            .iter()
            .map(|(id, name)| json!({"type": "tag", "id": id, "name": name}))
            .collect();
        Answer::json(200, json!({"type": "list", "data": data})).read()
    }

    /// GET /tags/{id}.
    pub(crate) fn read_tag(&self, id: &str) -> Result<Answer, Problem> {
        let name = self.tags.get(id).ok_or_else(Problem::resource_not_found)?;
        Ok(Answer::json(200, json!({"type": "tag", "id": id, "name": name})).read())
    }

    /// POST /tags: creates or returns; with `companies` or `users` also puts it on them.
    pub(crate) fn save_tag(&mut self, body: &Value, now_ms: i64) -> Result<Answer, Problem> {
        let name = body
            .get("name")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .trim();
        if name.is_empty() {
            return Err(Problem::invalid("invalid tag parameters"));
        }
        let known = self.tags.len();
        let id = self.tag_named(name);
        let mut applied = self.tags.len() != known;
        let mut changed = vec![id.clone()];
        for user in body
            .get("users")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
        {
            let contact = user.get("id").and_then(Value::as_str).unwrap_or_default();
            let untag = user.get("untag").and_then(Value::as_bool) == Some(true);
            applied |= if untag {
                self.take_tag_off(contact, &id, now_ms)?
            } else {
                self.put_tag_on(contact, &id, now_ms)?
            };
            changed.push(contact.to_owned());
        }
        for one in body
            .get("companies")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
        {
            let company = self.tag_company(one, &id, now_ms)?;
            applied = true;
            changed.push(company);
        }
        let name = self.tags.get(&id).cloned().unwrap_or_default();
        Ok(
            Answer::json(200, json!({"type": "tag", "id": id, "name": name}))
                .wrote(changed, applied),
        )
    }

    fn tag_company(&mut self, one: &Value, tag: &str, now_ms: i64) -> Result<String, Problem> {
        let text = |name: &str| one.get(name).and_then(Value::as_str);
        let by_key = text("company_id").and_then(|key| self.by_company_id.get(key).cloned());
        let id = text("id")
            .map(str::to_owned)
            .or(by_key)
            .ok_or_else(Problem::company_not_found)?;
        let company = self
            .companies
            .get_mut(&id)
            .filter(|company| !company.deleted);
        let company = company.ok_or_else(Problem::company_not_found)?;
        company.tags.retain(|known| known != tag);
        if one.get("untag").and_then(Value::as_bool) != Some(true) {
            company.tags.push(tag.to_owned());
        }
        company.updated_ms = now_ms;
        Ok(id)
    }

    /// The tag with this name, made if there is none; names have no case (intercom.md 2.6).
    pub(crate) fn tag_named(&mut self, name: &str) -> String {
        let wanted = name.to_lowercase();
        if let Some((id, _)) = self
            .tags
            .iter()
            .find(|(_, known)| known.to_lowercase() == wanted)
        {
            return id.clone();
        }
        let id = (FIRST_TAG + self.tags.len()).to_string();
        self.tags.insert(id.clone(), name.to_owned());
        id
    }

    /// GET /contacts/{id}/tags.
    pub(crate) fn contact_tags(&self, id: &str, minor: u32) -> Result<Answer, Problem> {
        let contact = self.readable(id, minor)?;
        let data: Vec<Value> = contact
            .tags
            .iter()
            .map(|(tag, at_s)| self.worn_tag(tag, *at_s))
            .collect();
        Ok(Answer::json(200, json!({"type": "list", "data": data})).read())
    }

    /// POST /contacts/{id}/tags.
    pub(crate) fn tag_contact(
        &mut self,
        id: &str,
        body: &Value,
        minor: u32,
        now_ms: i64,
    ) -> Result<Answer, Problem> {
        self.readable(id, minor)?;
        let tag = match body.get("id") {
            Some(Value::String(tag)) => tag.clone(),
            Some(Value::Number(tag)) => tag.to_string(),
            _ => return Err(Problem::missing("tag id not specified")),
        };
        if !self.tags.contains_key(&tag) {
            return Err(Problem::resource_not_found());
        }
        let applied = self.put_tag_on(id, &tag, now_ms)?;
        let at_s = now_ms.div_euclid(1_000);
        Ok(Answer::json(200, self.worn_tag(&tag, at_s)).wrote([id], applied))
    }

    /// DELETE /contacts/{id}/tags/{tag_id}.
    pub(crate) fn untag_contact(
        &mut self,
        id: &str,
        tag: &str,
        minor: u32,
        now_ms: i64,
    ) -> Result<Answer, Problem> {
        self.readable(id, minor)?;
        if !self.tags.contains_key(tag) {
            return Err(Problem::resource_not_found());
        }
        let applied = self.take_tag_off(id, tag, now_ms)?;
        let name = self.tags.get(tag).cloned().unwrap_or_default();
        let body = json!({"type": "tag", "id": tag, "name": name});
        Ok(Answer::json(200, body).wrote([id], applied))
    }

    /// Puts a tag on; answers whether it was not there. A tag moves `updated_at` [R].
    pub(crate) fn put_tag_on(&mut self, id: &str, tag: &str, now: i64) -> Result<bool, Problem> {
        let mut contact = self
            .contacts
            .get(id)
            .cloned()
            .ok_or_else(Problem::user_not_found)?;
        if contact.tags.iter().any(|(known, _)| known == tag) {
            return Ok(false);
        }
        contact.tags.push((tag.to_owned(), now.div_euclid(1_000)));
        contact.updated_ms = now;
        self.store(contact);
        self.announce_tag(id, tag, "created", now);
        Ok(true)
    }

    /// Takes a tag off; answers whether it was there.
    pub(crate) fn take_tag_off(&mut self, id: &str, tag: &str, now: i64) -> Result<bool, Problem> {
        let mut contact = self
            .contacts
            .get(id)
            .cloned()
            .ok_or_else(Problem::user_not_found)?;
        let worn = contact.tags.len();
        contact.tags.retain(|(known, _)| known != tag);
        if contact.tags.len() == worn {
            return Ok(false);
        }
        contact.updated_ms = now;
        self.store(contact);
        self.announce_tag(id, tag, "deleted", now);
        Ok(true)
    }

    fn announce_tag(&mut self, id: &str, tag: &str, what: &str, now_ms: i64) {
        let Some(contact) = self.contact_item(id) else {
            return;
        };
        let role = contact
            .get("role")
            .and_then(Value::as_str)
            .unwrap_or("user")
            .to_owned();
        let item = json!({
            "type": "contact_tag",
            "created_at": contact.get("updated_at"),
            "tag": {"type": "tag", "id": tag, "name": self.tags.get(tag)},
            "contact": contact,
        });
        self.notify(&format!("contact.{role}.tag.{what}"), id, item, now_ms);
        if self.settings.switches.tag_sends_updated {
            self.notify_contact(&format!("contact.{role}.updated"), id, now_ms);
        }
    }

    fn worn_tag(&self, tag: &str, at_s: i64) -> Value {
        json!({
            "type": "tag",
            "id": tag,
            "name": self.tags.get(tag),
            "applied_at": at_s,
            "applied_by": {"type": "admin", "id": ADMINS[0].0},
        })
    }
}
