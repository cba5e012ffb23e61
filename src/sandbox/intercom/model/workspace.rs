//! The workspace itself: everything it stores, its indexes and its ids.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::sandbox::derive;
use crate::sandbox::intercom::model::attributes::Attribute;
use crate::sandbox::intercom::model::company::Company;
use crate::sandbox::intercom::model::contact::{Contact, Reader, Role, State};
use crate::sandbox::intercom::model::conversation::Conversation;
use crate::sandbox::intercom::model::notification::Notification;
use crate::sandbox::intercom::model::rate_window::RateWindow;
use crate::sandbox::intercom::options::Switches;

/// What a workspace is set up with.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) app_id: String,
    pub(crate) access_token: String,
    pub(crate) rate_limit_per_10s: u32,
    pub(crate) search_lag_ms: i64,
    pub(crate) utc_offset_minutes: i32,
    pub(crate) switches: Switches,
}

/// One open scroll over the companies.
#[derive(Debug, Clone)]
pub(crate) struct Scroll {
    pub(crate) param: String,
    pub(crate) left: Vec<String>,
    pub(crate) used_ms: i64,
}

/// A simulated workspace.
#[derive(Debug)]
pub(crate) struct Workspace {
    pub(crate) settings: Settings,
    pub(crate) contacts: BTreeMap<String, Contact>,
    pub(crate) by_email: BTreeMap<String, BTreeSet<String>>,
    pub(crate) by_external_id: BTreeMap<String, BTreeSet<String>>,
    pub(crate) companies: BTreeMap<String, Company>,
    pub(crate) by_company_id: BTreeMap<String, String>,
    /// Tag names by id.
    pub(crate) tags: BTreeMap<String, String>,
    pub(crate) attributes: Vec<Attribute>,
    pub(crate) conversations: BTreeMap<String, Conversation>,
    pub(crate) scroll: Option<Scroll>,
    pub(crate) rate: RateWindow,
    pub(crate) revoked: bool,
    outbox: Vec<Notification>,
    drawn: u64,
}

/// The teammates of every simulated workspace: id, name, e-mail.
pub(crate) const ADMINS: [(&str, &str, &str); 3] = [
    ("9608799", "John Doe", "admin@example.com"),
    ("9608800", "Ana Lucia Reyes", "ana@example.com"),
    ("9608801", "crosswalk", "integration@example.com"),
];

// === impl Workspace ===

impl Workspace {
    pub(crate) fn new(settings: Settings) -> Self {
        Self {
            settings,
            contacts: BTreeMap::new(),
            by_email: BTreeMap::new(),
            by_external_id: BTreeMap::new(),
            companies: BTreeMap::new(),
            by_company_id: BTreeMap::new(),
            tags: BTreeMap::new(),
            attributes: Attribute::preset(),
            conversations: BTreeMap::new(),
            scroll: None,
            rate: RateWindow::default(),
            revoked: false,
            outbox: Vec::new(),
            drawn: 0,
        }
    }

    /// The notifications since the last call, in the order they came about.
    pub(crate) fn take_notifications(&mut self) -> Vec<Notification> {
        std::mem::take(&mut self.outbox)
    }

    /// How many notifications wait to be taken.
    pub(crate) fn untaken(&self) -> &[Notification] {
        &self.outbox
    }

    /// A number that no one had before.
    pub(crate) fn draw(&mut self) -> u64 {
        self.drawn += 1;
        self.drawn
    }

    /// An id in the style of contacts and companies: 24 hex digits that grow with time.
    pub(crate) fn object_id(&mut self, now_ms: i64) -> String {
        let number = self.draw();
        let machine = derive::digest_hex(&self.settings.app_id, "machine", 0);
        let seconds = now_ms.div_euclid(1_000) & 0xffff_ffff;
        format!("{seconds:08x}{}{:06x}", &machine[..10], number & 0xff_ffff)
    }

    pub(crate) fn uuid(&mut self, kind: &str) -> String {
        let number = self.draw();
        derive::uuid(&self.settings.app_id, kind, number)
    }

    /// Queues a notification.
    pub(crate) fn notify(&mut self, topic: &str, record_id: &str, item: Value, now_ms: i64) {
        let id = format!("notif_{}", self.uuid("notification"));
        self.outbox.push(Notification {
            id,
            app_id: self.settings.app_id.clone(),
            topic: topic.to_owned(),
            record_id: record_id.to_owned(),
            item,
            created_s: now_ms.div_euclid(1_000),
        });
    }

    /// Queues a notification whose item is the contact.
    pub(crate) fn notify_contact(&mut self, topic: &str, id: &str, now_ms: i64) {
        if let Some(item) = self.contact_item(id) {
            self.notify(topic, id, item, now_ms);
        }
    }

    /// The contact as notifications show it.
    pub(crate) fn contact_item(&self, id: &str) -> Option<Value> {
        let contact = self.contacts.get(id)?;
        Some(contact.shape(&self.settings.app_id, self.webhook_reader()))
    }

    pub(crate) fn webhook_reader(&self) -> Reader {
        Reader::Webhook(self.settings.switches.webhook_timestamps)
    }

    /// Stores a contact and keeps the indexes true.
    pub(crate) fn store(&mut self, contact: Contact) {
        if let Some(before) = self.contacts.remove(&contact.id) {
            self.unindex(&before);
        }
        if let Some(email) = contact.text("email") {
            let ids = self.by_email.entry(email.to_lowercase()).or_default();
            ids.insert(contact.id.clone());
        }
        if let Some(external_id) = &contact.external_id {
            let ids = self.by_external_id.entry(external_id.clone()).or_default();
            ids.insert(contact.id.clone());
        }
        self.contacts.insert(contact.id.clone(), contact);
    }

    fn unindex(&mut self, before: &Contact) {
        if let Some(email) = before.text("email")
            && let Some(ids) = self.by_email.get_mut(&email.to_lowercase())
        {
            ids.remove(&before.id);
        }
        if let Some(external_id) = &before.external_id
            && let Some(ids) = self.by_external_id.get_mut(external_id)
        {
            ids.remove(&before.id);
        }
    }

    /// The users that have this e-mail and were not merged away.
    pub(crate) fn users_with_email(&self, email: &str) -> Vec<&Contact> {
        let ids = self.by_email.get(&email.to_lowercase());
        self.live_users(ids)
    }

    /// The users that have this external id and were not merged away.
    pub(crate) fn users_with_external_id(&self, external_id: &str) -> Vec<&Contact> {
        let ids = self.by_external_id.get(external_id);
        self.live_users(ids)
    }

    fn live_users(&self, ids: Option<&BTreeSet<String>>) -> Vec<&Contact> {
        ids.into_iter()
            .flatten()
            .filter_map(|id| self.contacts.get(id))
            .filter(|contact| contact.role == Role::User)
            .filter(|contact| !matches!(contact.state, State::Merged { .. }))
            .collect()
    }

    /// Everything, for the control API and the judge of a demo.
    pub(crate) fn state(&self) -> Value {
        let app_id = &self.settings.app_id;
        let contacts: Vec<Value> = self
            .contacts
            .values()
            .map(|c| self.whole_contact(c))
            .collect();
        let companies: Vec<Value> = self
            .companies
            .values()
            .map(|company| {
                let mut shape = company.rest(app_id);
                let state = if company.deleted { "deleted" } else { "active" };
                shape["sandbox_state"] = json!(state);
                shape
            })
            .collect();
        let tags: Vec<Value> = self
            .tags
            .iter()
            .map(|(id, name)| json!({"id": id, "name": name}))
            .collect();
        let attributes: Vec<Value> = self.attributes.iter().map(Attribute::shape).collect();
        let conversations: Vec<&str> = self.conversations.keys().map(String::as_str).collect();
        json!({
            "app_id": app_id,
            "contacts": contacts,
            "companies": companies,
            "tags": tags,
            "data_attributes": attributes,
            "conversations": conversations,
            "switches": self.settings.switches,
        })
    }

    /// A contact with what its public shape hides: its life, and all its tags and companies.
    pub(crate) fn whole_contact(&self, contact: &Contact) -> Value {
        let mut shape = contact.shape(&self.settings.app_id, Reader::Rest);
        let tags: Vec<&str> = contact
            .tags
            .iter()
            .filter_map(|(id, _)| self.tags.get(id).map(String::as_str))
            .collect();
        shape["sandbox_state"] = json!(contact.state.name());
        shape["sandbox_tags"] = json!(tags);
        shape["sandbox_companies"] = json!(contact.companies);
        if let State::Merged { into } = &contact.state {
            shape["sandbox_merged_into"] = json!(into);
        }
        shape
    }
}
