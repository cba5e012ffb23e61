//! An org without sockets, for a simulation that brings its own time: requests and acts go in,
//! answers and change events come out.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::sandbox::error::Error;
use crate::sandbox::exchange::{Content, Request};
use crate::sandbox::salesforce::model::changes::Change;
use crate::sandbox::salesforce::model::event_log::{ChangeEvent, EventSettings, Topic, replay_id};
use crate::sandbox::salesforce::model::org::{Org, Settings, whole_row};
use crate::sandbox::salesforce::model::row::Row;
use crate::sandbox::salesforce::objects;
use crate::sandbox::salesforce::options::Options;

/// A simulated org as a state machine. Times are milliseconds since the Unix epoch and must not
/// run backwards.
#[derive(Debug)]
pub struct Simulated {
    org: Org,
    /// Rows by object as they were last looked at.
    shown: BTreeMap<&'static str, BTreeMap<String, Row>>,
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

// === impl Settings ===

impl Settings {
    /// The model's part of the options.
    pub(crate) fn of(options: &Options, base_url: String) -> Self {
        let ms = |wait: std::time::Duration| i64::try_from(wait.as_millis()).unwrap_or(i64::MAX);
        Self {
            client_id: options.client_id.clone(),
            client_secret: options.client_secret.clone(),
            org_id: options.org_id.clone(),
            user_id: options.user_id.clone(),
            base_url,
            api_daily_max: options.api_daily_max,
            session_idle_ms: ms(options.session_idle),
            jwt_public_key: options.jwt_public_key.clone(),
            events: EventSettings {
                selected: options.selected_entities.clone(),
                retention_ms: ms(options.event_retention),
                delivered_daily_max: options.delivered_daily_max,
            },
            switches: options.switches.clone(),
        }
    }
}

// === impl Simulated ===

impl Simulated {
    /// An org that tells its callers this base URL.
    pub fn new(options: &Options, base_url: &str) -> Self {
        Self {
            org: Org::new(Settings::of(options, base_url.to_owned())),
            shown: BTreeMap::new(),
        }
    }

    /// Answers a REST or token request; `target` is the path with its query, header names are
    /// in lower case.
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
        let answer = self.org.handle(&request, now_ms);
        self.org.publish_events();
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

    /// Acts as a person; verbs in [`crate::sandbox::salesforce::acts`].
    pub fn act(&mut self, act: &Value, now_ms: i64) -> Result<Value, Error> {
        let outcome = self.org.act(act, now_ms).map_err(Error::Refused);
        self.org.publish_events();
        outcome
    }

    /// The changes with a number greater than `since`, oldest first.
    pub fn changes_since(&self, since: u64) -> Vec<Change> {
        self.org.changes_since(since)
    }

    /// The rows of an object, deleted ones too, that are others than at the last call.
    pub fn take_changed_rows(&mut self, object: &str) -> Vec<Value> {
        let Some(object) = objects::named(object) else {
            return Vec::new();
        };
        let shown = self.shown.entry(object.name).or_default();
        let mut changed = Vec::new();
        for row in self.org.rows_of(object.name) {
            if shown.get(&row.id) != Some(row) {
                changed.push(whole_row(object, row));
                shown.insert(row.id.clone(), row.clone());
            }
        }
        changed
    }

    /// The whole state; see `GET /__sandbox/state`.
    pub fn state(&mut self, now_ms: i64) -> Value {
        self.org.state(now_ms)
    }

    /// Up to `max` events after a position, oldest first. Position 0 is before everything kept.
    /// An event whose `visible_ms` is later than now is there, but not to be delivered yet.
    pub fn events_after(
        &mut self,
        position: u64,
        topic: Topic,
        max: usize,
        now_ms: i64,
    ) -> Vec<ChangeEvent> {
        self.org.events_after(position, topic, max, now_ms)
    }

    /// The newest position told.
    pub fn latest_position(&mut self) -> u64 {
        self.org.publish_events();
        self.org.events.last()
    }

    /// The position behind a replay id; `None` where the server would call it corrupted.
    pub fn position(&mut self, replay_id: &[u8], now_ms: i64) -> Option<u64> {
        self.org.purge_events(now_ms);
        self.org.events.position(replay_id)
    }

    /// A fresh replay id after everything told, as a keepalive carries it.
    pub fn keepalive(&mut self, now_ms: i64) -> Vec<u8> {
        self.org.publish_events();
        let short = self.org.settings.switches.short_replay_ids;
        replay_id(self.org.events.mark(now_ms), short)
    }

    /// The Avro schema with this id, if events were ever written with it.
    pub fn schema(&self, schema_id: &str) -> Option<&str> {
        self.org.events.schema(schema_id)
    }
}
