//! Merging two contacts into one.

use serde_json::{Value, json};

use crate::sandbox::exchange::Answer;
use crate::sandbox::intercom::model::contact::{Contact, Role, State};
use crate::sandbox::intercom::model::life_cycle::gone_item;
use crate::sandbox::intercom::model::problem::Problem;
use crate::sandbox::intercom::model::workspace::Workspace;

/// From here on only duplicates can be merged, unless told to (intercom.md 2.4).
const DUPLICATES_ONLY_SINCE_MINOR: u32 = 16;

// === impl Workspace ===

impl Workspace {
    /// POST /contacts/merge.
    pub(crate) fn merge_contacts(
        &mut self,
        body: &Value,
        version_minor: u32,
        now_ms: i64,
    ) -> Result<Answer, Problem> {
        let text = |name: &str| body.get(name).and_then(Value::as_str);
        let missing = || Problem::missing("from and into must be specified");
        let (from, into) = (
            text("from").ok_or_else(missing)?,
            text("into").ok_or_else(missing)?,
        );
        let (lead, user) = (
            self.readable(from, version_minor)?,
            self.readable(into, version_minor)?,
        );
        let skip = body
            .get("skip_duplicate_validation")
            .and_then(Value::as_bool)
            == Some(true);
        let lead_into_user = lead.role == Role::Lead && user.role == Role::User;
        let twin_users = user.role == Role::User && shares_key(lead, user);
        if !lead_into_user && !twin_users {
            let message = "Only a lead can be merged into a user";
            return Err(Problem::new(400, "invalid_merge", message));
        }
        let checked = version_minor >= DUPLICATES_ONLY_SINCE_MINOR && !skip;
        if checked && !shares_key(lead, user) {
            return Err(Problem::new(
                400,
                "invalid_merge",
                "Contacts can only be merged when they are duplicates (matching email or phone). \
                 Pass skip_duplicate_validation=true to override this check.",
            ));
        }
        let (from, into) = (from.to_owned(), into.to_owned());
        self.merge(&from, &into, now_ms)?;
        Ok(self.contact_answer(&into).wrote([into, from], true))
    }

    /// Merges whatever the API or a person decided to merge.
    pub(crate) fn merge(&mut self, from: &str, into: &str, now_ms: i64) -> Result<(), Problem> {
        if from == into {
            return Err(Problem::new(
                400,
                "invalid_merge",
                "Cannot merge a contact into itself",
            ));
        }
        let active = |id: &str| {
            let contact = self
                .contacts
                .get(id)
                .filter(|contact| contact.state == State::Active);
            contact.cloned().ok_or_else(Problem::user_not_found)
        };
        let (mut absorbed, mut survivor) = (active(from)?, active(into)?);
        for (name, value) in &absorbed.fields {
            survivor
                .fields
                .entry(name.clone())
                .or_insert_with(|| value.clone());
        }
        for (name, value) in &absorbed.custom {
            survivor
                .custom
                .entry(name.clone())
                .or_insert_with(|| value.clone());
        }
        for (tag, at_s) in &absorbed.tags {
            if !survivor.tags.iter().any(|(known, _)| known == tag) {
                survivor.tags.push((tag.clone(), *at_s));
            }
        }
        for company in &absorbed.companies {
            if !survivor.companies.contains(company) {
                survivor.companies.push(company.clone());
            }
        }
        survivor.updated_ms = now_ms;
        survivor.merged.push(json!({
            "source_contact_id": absorbed.id,
            "source_contact_role": absorbed.role.name(),
            "merged_at": now_ms.div_euclid(1_000),
        }));
        absorbed.state = State::Merged {
            into: into.to_owned(),
        };
        let gone = gone_item(&absorbed, "deleted");
        self.store(absorbed);
        self.store(survivor);
        self.recount_companies();
        self.announce_merge(from, into, now_ms);
        if self.settings.switches.merge_sends_deleted {
            self.notify("contact.deleted", from, gone, now_ms);
        }
        Ok(())
    }

    fn announce_merge(&mut self, from: &str, into: &str, now_ms: i64) {
        let Some(mut item) = self.contact_item(into) else {
            return;
        };
        if self.settings.switches.merged_from_present {
            item["merged_from"] = json!({"type": "contact", "id": from});
        }
        self.notify("contact.merged", into, item, now_ms);
    }

    /// GET /contacts/{id}/merge_history: 2.16 and later, users only (intercom.md 2.4).
    pub(crate) fn merge_history(&self, id: &str, version_minor: u32) -> Result<Answer, Problem> {
        let contact = self.readable(id, version_minor)?;
        if version_minor < DUPLICATES_ONLY_SINCE_MINOR || contact.role != Role::User {
            return Err(Problem::resource_not_found());
        }
        let body = json!({
            "type": "list",
            "data": contact.merged,
            "total_count": contact.merged.len(),
        });
        Ok(Answer::json(200, body).read())
    }
}

fn shares_key(left: &Contact, right: &Contact) -> bool {
    let same = |name: &str| {
        left.text(name)
            .zip(right.text(name))
            .is_some_and(|(l, r)| l.eq_ignore_ascii_case(r))
    };
    same("email") || same("phone")
}
