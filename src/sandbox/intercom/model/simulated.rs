//! A workspace without sockets, for a simulation that brings its own time: requests and acts go
//! in, answers and notifications come out.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::sandbox::error::Error;
use crate::sandbox::exchange::{Content, Request};
use crate::sandbox::intercom::model::contact::Contact;
use crate::sandbox::intercom::model::workspace::{Settings, Workspace};
use crate::sandbox::intercom::options::Options;

/// A simulated workspace as a state machine. Times are milliseconds since the Unix epoch and must
/// not run backwards.
#[derive(Debug)]
pub struct Simulated {
    workspace: Workspace,
    /// Contacts as they were last looked at.
    shown: BTreeMap<String, Contact>,
}

/// What a REST request was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SimulatedAnswer {
    /// The HTTP status.
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body, empty if there is none.
    pub body: Vec<u8>,
}

/// A notification as it would be posted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Posted {
    /// The notification's own id, the same on each delivery.
    pub id: String,
    /// The contact or company it is about.
    pub record_id: String,
    /// The envelope, as JSON.
    pub body: Vec<u8>,
}

// === impl Settings ===

impl Settings {
    /// The model's part of the options.
    pub(crate) fn of(options: &Options) -> Self {
        Self {
            app_id: options.app_id.clone(),
            access_token: options.access_token.clone(),
            rate_limit_per_10s: options.rate_limit_per_10s,
            search_lag_ms: i64::try_from(options.search_lag.as_millis()).unwrap_or(i64::MAX),
            utc_offset_minutes: options.workspace_utc_offset_minutes,
            switches: options.switches.clone(),
        }
    }
}

// === impl Simulated ===

impl Simulated {
    /// An empty workspace.
    pub fn new(options: &Options) -> Self {
        Self {
            workspace: Workspace::new(Settings::of(options)),
            shown: BTreeMap::new(),
        }
    }

    /// Answers a REST request; `target` is the path with its query, header names are in lower
    /// case.
    pub fn request(
        &mut self,
        (method, target): (&str, &str),
        headers: &[(&str, &str)],
        body: Vec<u8>,
        now_ms: i64,
    ) -> SimulatedAnswer {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let mut request = Request::new(method, path, query, body);
        for (name, value) in headers {
            let (name, value) = ((*name).to_owned(), (*value).to_owned());
            request.headers.insert(name, value);
        }
        let answer = self.workspace.handle(&request, now_ms);
        SimulatedAnswer {
            status: answer.status,
            headers: answer
                .headers
                .into_iter()
                .map(|(name, value)| (name.to_ascii_lowercase(), value))
                .collect(),
            body: match answer.content {
                Content::Empty => Vec::new(),
                Content::Json(body) => body.to_string().into_bytes(),
                Content::Html(page) => page.into_bytes(),
            },
        }
    }

    /// Acts as a person; verbs in [`crate::sandbox::intercom::acts`].
    pub fn act(&mut self, act: &Value, now_ms: i64) -> Result<Value, Error> {
        self.workspace.act(act, now_ms).map_err(Error::Refused)
    }

    /// The notifications since the last call, in the order they came about.
    pub fn take_posts(&mut self) -> Vec<Posted> {
        let notifications = self.workspace.take_notifications();
        let posted = |one: crate::sandbox::intercom::model::Notification| Posted {
            body: one
                .envelope(&one.id, 1, one.created_s)
                .to_string()
                .into_bytes(),
            id: one.id,
            record_id: one.record_id,
        };
        notifications.into_iter().map(posted).collect()
    }

    /// The contacts that are others than at the last call, as REST shows them with their life
    /// beside, and the ids of those that are there no more.
    pub fn take_changed_contacts(&mut self) -> (Vec<Value>, Vec<String>) {
        let mut changed = Vec::new();
        for (id, contact) in &self.workspace.contacts {
            if self.shown.get(id) != Some(contact) {
                changed.push(self.workspace.whole_contact(contact));
                self.shown.insert(id.clone(), contact.clone());
            }
        }
        let contacts = &self.workspace.contacts;
        let is_gone = |id: &&String| !contacts.contains_key(*id);
        let gone: Vec<String> = self.shown.keys().filter(is_gone).cloned().collect();
        for id in &gone {
            self.shown.remove(id);
        }
        (changed, gone)
    }
}
