//! Creating, changing, reading and listing companies.

use serde_json::{Map, Value, json};

use crate::sandbox::exchange::{Answer, Request};
use crate::sandbox::intercom::model::company::Company;
use crate::sandbox::intercom::model::contact::{Contact, Reader, State};
use crate::sandbox::intercom::model::paging::Wanted;
use crate::sandbox::intercom::model::problem::Problem;
use crate::sandbox::intercom::model::workspace::{Scroll, Workspace};

const SCROLL_PAGE: usize = 100;
/// A scroll that nobody uses for this long is closed (intercom.md 2.5).
const SCROLL_IDLE_MS: i64 = 60_000;
/// `monthly_spend` is a whole number of 32 bits; fractions are cut off (intercom.md 2.5).
const SPEND_MAX: f64 = 2_147_483_647.0;

// === impl Workspace ===

impl Workspace {
    /// POST /companies: creates, or updates the one with this `company_id`.
    pub(crate) fn save_company(&mut self, body: &Value, now: i64) -> Result<Answer, Problem> {
        let (id, applied) = self.put_company(body, now)?;
        Ok(self.company_answer(&id).wrote([id], applied))
    }

    /// Creates or updates by `company_id`; answers the id and whether anything is different.
    pub(crate) fn put_company(
        &mut self,
        body: &Value,
        now: i64,
    ) -> Result<(String, bool), Problem> {
        let key = match body.get("company_id") {
            Some(Value::String(key)) if !key.is_empty() => key.clone(),
            Some(Value::Number(key)) => key.to_string(),
            _ => return Err(Problem::missing("company_id not specified")),
        };
        if let Some(id) = self.by_company_id.get(&key).cloned() {
            let applied = self.change_company(&id, body, now)?;
            return Ok((id, applied));
        }
        let mut company = Company {
            id: self.object_id(now),
            company_id: key.clone(),
            fields: Default::default(),
            custom: Map::new(),
            tags: Vec::new(),
            user_count: 0,
            created_ms: now,
            updated_ms: now,
            deleted: false,
        };
        self.lay_company(&mut company, body)?;
        let id = company.id.clone();
        self.by_company_id.insert(key, id.clone());
        self.companies.insert(id.clone(), company);
        self.announce_company("company.created", &id, now);
        Ok((id, true))
    }

    /// PUT /companies/{id}; `company_id` cannot change.
    pub(crate) fn update_company(
        &mut self,
        id: &str,
        body: &Value,
        now: i64,
    ) -> Result<Answer, Problem> {
        let applied = self.change_company(id, body, now)?;
        Ok(self.company_answer(id).wrote([id], applied))
    }

    /// Changes a company and announces it; answers whether anything is different.
    pub(crate) fn change_company(
        &mut self,
        id: &str,
        body: &Value,
        now: i64,
    ) -> Result<bool, Problem> {
        let before = self.live_company(id)?.clone();
        let mut after = before.clone();
        self.lay_company(&mut after, body)?;
        let changed = after != before;
        if !changed && self.settings.switches.noop_put_is_silent {
            return Ok(false);
        }
        after.updated_ms = now;
        self.companies.insert(id.to_owned(), after);
        self.announce_company("company.updated", id, now);
        Ok(changed)
    }

    fn lay_company(&self, company: &mut Company, body: &Value) -> Result<(), Problem> {
        let fields = body
            .as_object()
            .ok_or_else(|| Problem::invalid("body must be an object"))?;
        for (name, value) in fields {
            let bad = || Problem::new(400, "bad_request", format!("bad '{name}' parameter"));
            let sound = match name.as_str() {
                "name" | "website" | "industry" => value.is_string() || value.is_null(),
                "plan" => value.is_string() || value.is_null(),
                "size" | "remote_created_at" => value.is_i64() || value.is_null(),
                "monthly_spend" => value.as_f64().is_some_and(|spend| spend.abs() <= SPEND_MAX),
                "custom_attributes" => {
                    let mut custom = company.custom.clone();
                    self.lay_custom("company", &mut custom, value)?;
                    company.custom = custom;
                    continue;
                }
                _ => continue,
            };
            if !sound {
                return Err(bad());
            }
            let value = match value.as_f64() {
                // Bounded by SPEND_MAX, so the cast only cuts the fraction off.
                Some(spend) if name == "monthly_spend" => json!(spend.trunc() as i64),
                _ => value.clone(),
            };
            if value.is_null() {
                company.fields.remove(name);
            } else {
                company.fields.insert(name.clone(), value);
            }
        }
        Ok(())
    }

    /// GET /companies/{id}.
    pub(crate) fn read_company(&self, id: &str) -> Result<Answer, Problem> {
        self.live_company(id)?;
        Ok(self.company_answer(id).read())
    }

    /// GET /companies?company_id=|name=|tag_id=, or all of them.
    pub(crate) fn find_companies(&self, request: &Request) -> Result<Answer, Problem> {
        if let Some(key) = request.param("company_id") {
            let id = self
                .by_company_id
                .get(key)
                .ok_or_else(Problem::company_not_found)?;
            return self.read_company(id);
        }
        if let Some(name) = request.param("name") {
            let named = |c: &&Company| c.fields.get("name").and_then(Value::as_str) == Some(name);
            let found = self.companies.values().filter(|c| !c.deleted).find(named);
            let id = found.ok_or_else(Problem::company_not_found)?.id.clone();
            return self.read_company(&id);
        }
        self.list_companies(request)
    }

    /// POST /companies/list: pages by number; companies without contacts are not listed
    /// (intercom.md 2.5).
    pub(crate) fn list_companies(&self, request: &Request) -> Result<Answer, Problem> {
        let tag = request.param("tag_id");
        let per_page = request.number("per_page").unwrap_or(15).clamp(1, 60);
        let page = request.number("page").unwrap_or(1).max(1);
        let per_page_size = usize::try_from(per_page).unwrap_or(15);
        let skipped = usize::try_from((page - 1).saturating_mul(per_page)).unwrap_or(usize::MAX);
        let listed: Vec<&Company> = self
            .companies
            .values()
            .filter(|company| !company.deleted && company.user_count > 0)
            .filter(|company| tag.is_none_or(|tag| company.tags.iter().any(|t| t == tag)))
            .collect();
        let app_id = &self.settings.app_id;
        let shown = listed.iter().skip(skipped).take(per_page_size);
        let data: Vec<Value> = shown.map(|company| company.rest(app_id)).collect();
        let body = json!({
            "type": "list",
            "data": data,
            "pages": {
                "type": "pages",
                "next": null,
                "page": page,
                "per_page": per_page,
                "total_pages": listed.len().div_ceil(per_page_size),
            },
            "total_count": listed.len(),
        });
        Ok(Answer::json(200, body).read())
    }

    /// GET /companies/scroll: one at a time in the whole workspace (intercom.md 2.5).
    pub(crate) fn scroll_companies(
        &mut self,
        request: &Request,
        now: i64,
    ) -> Result<Answer, Problem> {
        let open = self
            .scroll
            .take()
            .filter(|scroll| now - scroll.used_ms < SCROLL_IDLE_MS);
        let mut scroll = match (request.param("scroll_param"), open) {
            (None, Some(open)) => {
                self.scroll = Some(open);
                let message = "scroll already exists for this workspace";
                return Err(Problem::new(400, "scroll_exists", message));
            }
            (None, None) => {
                let listed = self
                    .companies
                    .values()
                    .filter(|c| !c.deleted && c.user_count > 0);
                let left = listed.map(|company| company.id.clone()).collect();
                Scroll {
                    param: self.uuid("scroll"),
                    left,
                    used_ms: now,
                }
            }
            (Some(param), Some(open)) if open.param == param => open,
            (Some(_), other) => {
                self.scroll = other;
                let message = "scroll parameter not found";
                return Err(Problem::new(404, "not_found", message));
            }
        };
        let rest = scroll.left.split_off(scroll.left.len().min(SCROLL_PAGE));
        let page = std::mem::replace(&mut scroll.left, rest);
        let app_id = &self.settings.app_id;
        let shown = page.iter().filter_map(|id| self.companies.get(id));
        let data: Vec<Value> = shown.map(|company| company.rest(app_id)).collect();
        let body = json!({
            "type": "list",
            "data": data,
            "pages": null,
            "total_count": null,
            "scroll_param": scroll.param,
        });
        scroll.used_ms = now;
        // The empty page is the end of the scroll and closes it.
        self.scroll = (!page.is_empty()).then_some(scroll);
        Ok(Answer::json(200, body).read())
    }

    /// DELETE /companies/{id}: archives, detaches its contacts, sends company.deleted.
    pub(crate) fn delete_company(&mut self, id: &str, now: i64) -> Result<Answer, Problem> {
        self.live_company(id)?;
        if let Some(company) = self.companies.get_mut(id) {
            company.deleted = true;
            company.updated_ms = now;
            self.by_company_id.remove(&company.company_id);
        }
        for contact in self.contacts.values_mut() {
            contact.companies.retain(|company| company != id);
        }
        // company.deleted carries no company_id (intercom.md 1.5).
        let item = json!({"id": id, "type": "company", "deleted": true});
        self.notify("company.deleted", id, item, now);
        let body = json!({"id": id, "object": "company", "deleted": true});
        Ok(Answer::json(200, body).wrote([id], true))
    }

    /// GET /companies/{id}/contacts.
    pub(crate) fn company_contacts(&self, id: &str, request: &Request) -> Result<Answer, Problem> {
        self.live_company(id)?;
        let wanted = Wanted::new(request.number("per_page"), request.param("starting_after"))?;
        let members: Vec<&Contact> = self
            .contacts
            .values()
            .filter(|contact| contact.state == State::Active)
            .filter(|contact| contact.companies.iter().any(|company| company == id))
            .collect();
        let page = wanted.cut(members, |contact| &contact.id);
        let app_id = &self.settings.app_id;
        let data: Vec<Value> = page
            .rows
            .iter()
            .map(|contact| contact.shape(app_id, Reader::Rest))
            .collect();
        let body = json!({
            "type": "list",
            "data": data,
            "total_count": page.total,
            "pages": page.pages,
        });
        Ok(Answer::json(200, body).read())
    }

    pub(crate) fn live_company(&self, id: &str) -> Result<&Company, Problem> {
        let company = self.companies.get(id).filter(|company| !company.deleted);
        company.ok_or_else(Problem::company_not_found)
    }

    pub(crate) fn announce_company(&mut self, topic: &str, id: &str, now_ms: i64) {
        let reader = self.webhook_reader();
        let Some(company) = self.companies.get(id) else {
            return;
        };
        let item = company.webhook(&self.settings.app_id, reader);
        self.notify(topic, id, item, now_ms);
    }

    pub(crate) fn company_answer(&self, id: &str) -> Answer {
        let shape = self
            .companies
            .get(id)
            .map(|company| company.rest(&self.settings.app_id));
        Answer::json(200, shape.unwrap_or(Value::Null))
    }

    /// Counts the contacts of every company anew.
    pub(crate) fn recount_companies(&mut self) {
        for company in self.companies.values_mut() {
            company.user_count = 0;
        }
        for contact in self.contacts.values() {
            if matches!(contact.state, State::Deleted | State::Merged { .. }) {
                continue;
            }
            for id in &contact.companies {
                if let Some(company) = self.companies.get_mut(id) {
                    company.user_count += 1;
                }
            }
        }
    }
}
