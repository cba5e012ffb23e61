//! Which companies a contact belongs to.

use serde_json::{Value, json};

use crate::sandbox::exchange::Answer;
use crate::sandbox::intercom::model::problem::Problem;
use crate::sandbox::intercom::model::workspace::Workspace;

const COMPANIES_MAX: usize = 1_000;

// === impl Workspace ===

impl Workspace {
    /// GET /contacts/{id}/companies.
    pub(crate) fn contact_companies(&self, id: &str, minor: u32) -> Result<Answer, Problem> {
        let contact = self.readable(id, minor)?;
        let app_id = &self.settings.app_id;
        let companies = contact
            .companies
            .iter()
            .filter_map(|id| self.companies.get(id));
        let data: Vec<Value> = companies.map(|company| company.rest(app_id)).collect();
        let body = json!({
            "type": "list",
            "data": data,
            "pages": {
                "type": "pages",
                "next": null,
                "page": 1,
                "per_page": 50,
                "total_pages": contact.companies.len().div_ceil(50).max(1),
            },
            "total_count": contact.companies.len(),
        });
        Ok(Answer::json(200, body).read())
    }

    /// POST /contacts/{id}/companies; the id is Intercom's own. Attaching twice is harmless.
    pub(crate) fn attach_company(
        &mut self,
        id: &str,
        body: &Value,
        minor: u32,
        now_ms: i64,
    ) -> Result<Answer, Problem> {
        self.readable(id, minor)?;
        let company = body.get("id").and_then(Value::as_str).unwrap_or_default();
        if company.is_empty() {
            return Err(Problem::missing("company not specified"));
        }
        let applied = self.attach(id, company, now_ms)?;
        Ok(self.company_answer(company).wrote([id, company], applied))
    }

    /// Attaches; answers whether it was not attached before.
    pub(crate) fn attach(&mut self, id: &str, company: &str, now: i64) -> Result<bool, Problem> {
        self.live_company(company)?;
        let contact = self
            .contacts
            .get_mut(id)
            .ok_or_else(Problem::user_not_found)?;
        if contact.companies.iter().any(|known| known == company) {
            return Ok(false);
        }
        if contact.companies.len() >= COMPANIES_MAX {
            let message = "Contact has reached the maximum of 1000 company associations";
            return Err(Problem::new(400, "contact_company_limit_exceeded", message));
        }
        contact.companies.push(company.to_owned());
        contact.updated_ms = now;
        let role = contact.role.name();
        if let Some(company) = self.companies.get_mut(company) {
            company.user_count += 1;
        }
        self.announce_relation("company.contact.attached", id, company, now);
        if self.settings.switches.attach_sends_updated {
            self.notify_contact(&format!("contact.{role}.updated"), id, now);
        }
        Ok(true)
    }

    /// DELETE /contacts/{id}/companies/{company}.
    pub(crate) fn detach_company(
        &mut self,
        id: &str,
        company: &str,
        minor: u32,
        now_ms: i64,
    ) -> Result<Answer, Problem> {
        self.readable(id, minor)?;
        self.live_company(company)?;
        let contact = self
            .contacts
            .get_mut(id)
            .ok_or_else(Problem::user_not_found)?;
        let attached = contact.companies.len();
        contact.companies.retain(|known| known != company);
        if contact.companies.len() == attached {
            return Err(Problem::company_not_found());
        }
        contact.updated_ms = now_ms;
        if let Some(company) = self.companies.get_mut(company) {
            company.user_count = company.user_count.saturating_sub(1);
        }
        self.announce_relation("company.contact.detached", id, company, now_ms);
        Ok(self.company_answer(company).wrote([id, company], true))
    }

    fn announce_relation(&mut self, topic: &str, contact: &str, company: &str, now_ms: i64) {
        let reader = self.webhook_reader();
        let (Some(person), Some(firm)) = (self.contact_item(contact), self.companies.get(company))
        else {
            return;
        };
        // This item has no type of its own (intercom.md 1.5).
        let firm = firm.flattened(&self.settings.app_id, reader);
        let item = json!({"company": firm, "contact": person});
        self.notify(topic, contact, item, now_ms);
    }
}
