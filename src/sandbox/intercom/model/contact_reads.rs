//! Reading, listing and searching contacts.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::sandbox::exchange::{Answer, Request};
use crate::sandbox::intercom::model::contact::{Contact, Reader, State};
use crate::sandbox::intercom::model::paging::Wanted;
use crate::sandbox::intercom::model::problem::Problem;
use crate::sandbox::intercom::model::workspace::Workspace;
use crate::sandbox::intercom::options::MergedReads;
use crate::sandbox::intercom::search;

/// The version from which reading a merged-away contact is 410 (intercom.md 0.7).
const GONE_SINCE_MINOR: u32 = 16;

// === impl Workspace ===

impl Workspace {
    /// The contact if it may be read, else the refusal its state asks for.
    pub(crate) fn readable(&self, id: &str, version_minor: u32) -> Result<&Contact, Problem> {
        let contact = self.contacts.get(id).ok_or_else(Problem::user_not_found)?;
        let gone = match self.settings.switches.merged_reads {
            MergedReads::ByVersion => version_minor >= GONE_SINCE_MINOR,
            MergedReads::NotFound => false,
            MergedReads::Gone => true,
        };
        match &contact.state {
            State::Active => Ok(contact),
            State::Archived if !self.settings.switches.archived_reads_not_found => Ok(contact),
            State::Merged { into } if gone => Err(Problem::merged(into)),
            _ => Err(Problem::user_not_found()),
        }
    }

    /// GET /contacts/{id}.
    pub(crate) fn read_contact(&self, id: &str, version_minor: u32) -> Result<Answer, Problem> {
        self.readable(id, version_minor)?;
        Ok(self.contact_answer(id).read())
    }

    /// GET /contacts/find_by_external_id/{external_id}: users only (intercom.md 2.4).
    pub(crate) fn find_by_external_id(&self, external_id: &str) -> Result<Answer, Problem> {
        let users = self.users_with_external_id(external_id);
        let active = users.into_iter().find(|user| user.state == State::Active);
        let id = active.ok_or_else(Problem::user_not_found)?.id.clone();
        Ok(self.contact_answer(&id).read())
    }

    /// GET /contacts.
    pub(crate) fn list_contacts(&self, request: &Request) -> Result<Answer, Problem> {
        let wanted = Wanted::new(request.number("per_page"), request.param("starting_after"))?;
        let active = self
            .contacts
            .values()
            .filter(|contact| contact.state == State::Active);
        Ok(self.contact_page(&wanted, active.collect()))
    }

    /// POST /contacts/search.
    pub(crate) fn search_contacts(
        &self,
        body: &Value,
        exact_dates: bool,
        now_ms: i64,
    ) -> Result<Answer, Problem> {
        let days = search::Days {
            offset_minutes: self.settings.utc_offset_minutes,
            exact_dates,
        };
        let query = search::Query::read(body, days)?;
        let lag_ms = self
            .settings
            .switches
            .search_lag_ms
            .map_or(self.settings.search_lag_ms, |lag_ms| {
                i64::try_from(lag_ms).unwrap_or(i64::MAX)
            });
        let known_before_ms = now_ms.saturating_sub(lag_ms);
        let mut found: Vec<&Contact> = self
            .candidates(&query)
            .into_iter()
            .filter(|contact| contact.state == State::Active)
            .filter(|contact| lag_ms == 0 || contact.created_ms <= known_before_ms)
            .filter(|contact| query.matches(contact))
            .collect();
        query.sort(&mut found);
        Ok(self.contact_page(&query.page, found))
    }

    /// The contacts that a search has to look at, in the order of their ids.
    fn candidates(&self, query: &search::Query) -> Vec<&Contact> {
        let Some((field, values)) = query.pinned() else {
            return self.contacts.values().collect();
        };
        let mut ids = BTreeSet::new();
        for value in values {
            match field {
                "email" => ids.extend(
                    self.by_email
                        .get(&value.to_lowercase())
                        .into_iter()
                        .flatten(),
                ),
                _ => ids.extend(self.contacts.get(value).map(|contact| &contact.id)),
            }
        }
        ids.into_iter()
            .filter_map(|id| self.contacts.get(id))
            .collect()
    }

    fn contact_page(&self, wanted: &Wanted, contacts: Vec<&Contact>) -> Answer {
        let page = wanted.cut(contacts, |contact| &contact.id);
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
        Answer::json(200, body).read()
    }

    /// The contact as the body of an answer.
    pub(crate) fn contact_answer(&self, id: &str) -> Answer {
        let shape = self
            .contacts
            .get(id)
            .map(|c| c.shape(&self.settings.app_id, Reader::Rest));
        Answer::json(200, shape.unwrap_or(Value::Null))
    }
}
