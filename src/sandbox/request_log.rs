//! The request log: what arrived, what it did, when. Bounded; secrets never enter it.

use std::collections::{BTreeMap, VecDeque};

use serde::Serialize;
use serde_json::{Map, Value};

use crate::sandbox::exchange::{Answer, Effect, Request};
use crate::sandbox::moment;

/// How many entries one sandbox keeps; older ones are forgotten first.
pub const ENTRIES_MAX: usize = 200_000;

const HEADERS_KEPT: [&str; 6] = [
    "sforce-call-options",
    "sforce-auto-assign",
    "intercom-version",
    "user-agent",
    "content-type",
    "if-unmodified-since",
];
const SECRET_FIELDS: [&str; 6] = [
    "client_secret",
    "assertion",
    "password",
    "refresh_token",
    "access_token",
    "code",
];

/// One request that arrived.
#[derive(Debug, Clone, Serialize)]
pub struct Entry {
    /// Its number, from 1 without gaps.
    pub n: u64,
    /// When it arrived, in nanoseconds of [`crate::sandbox::clock::now_ns`].
    pub at_ns: u64,
    /// When it arrived, by the sandbox's wall clock, RFC 3339.
    pub at: String,
    /// The method.
    pub method: String,
    /// The path as it was sent, still percent-encoded.
    pub path: String,
    /// The query as it was sent, without the question mark.
    pub query: String,
    /// A few headers; `authorization` is `present` or `absent`, never the token.
    pub headers: BTreeMap<String, String>,
    /// The body: JSON, else text; secrets replaced.
    pub body: Value,
    /// The status that was, or would have been, answered; 0 if the connection was cut first.
    pub status: u16,
    /// What kind of request it was.
    pub effect: Effect,
    /// The records it created or named in a write.
    pub changed: Vec<String>,
    /// Whether stored state is different because of it.
    pub applied: bool,
    /// The fault that struck it.
    pub fault: Option<String>,
}

/// The last [`ENTRIES_MAX`] requests.
#[derive(Debug, Default)]
pub(crate) struct RequestLog {
    entries: VecDeque<Entry>,
    last_n: u64,
}

// === impl RequestLog ===

impl RequestLog {
    pub(crate) fn push(
        &mut self,
        request: &Request,
        answer: Option<&Answer>,
        fault: Option<String>,
        (at_ns, at_ms): (u64, i64),
    ) {
        self.last_n += 1;
        if self.entries.len() >= ENTRIES_MAX {
            self.entries.pop_front();
        }
        self.entries.push_back(Entry {
            n: self.last_n,
            at_ns,
            at: moment::rfc3339(at_ms),
            method: request.method.clone(),
            path: request.path.clone(),
            query: request.raw_query.clone(),
            headers: kept_headers(request),
            body: logged_body(request),
            status: answer.map_or(0, |answer| answer.status),
            effect: answer.map_or(Effect::None, |answer| answer.effect),
            changed: answer
                .map(|answer| answer.changed.clone())
                .unwrap_or_default(),
            applied: answer.is_some_and(|answer| answer.applied),
            fault,
        });
    }

    /// The entries with a number greater than `since`.
    pub(crate) fn since(&self, since: u64) -> Vec<Entry> {
        self.entries
            .iter()
            .filter(|entry| entry.n > since)
            .cloned()
            .collect()
    }

    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }
}

fn kept_headers(request: &Request) -> BTreeMap<String, String> {
    let mut kept: BTreeMap<String, String> = HEADERS_KEPT
        .iter()
        .filter_map(|name| Some(((*name).to_owned(), request.header(name)?.to_owned())))
        .collect();
    let shown = request
        .header("authorization")
        .is_some_and(|value| !value.is_empty());
    let presence = if shown { "present" } else { "absent" };
    kept.insert("authorization".to_owned(), presence.to_owned());
    kept
}

fn logged_body(request: &Request) -> Value {
    if request.body.is_empty() {
        return Value::Null;
    }
    let form = request
        .header("content-type")
        .is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"));
    if form {
        let pairs = request
            .form()
            .into_iter()
            .map(|(key, value)| (key, Value::String(value)));
        return without_secrets(Value::Object(pairs.collect::<Map<_, _>>()));
    }
    request.json().map_or_else(
        |_| Value::String(String::from_utf8_lossy(&request.body).into_owned()),
        without_secrets,
    )
}

fn without_secrets(mut body: Value) -> Value {
    if let Some(fields) = body.as_object_mut() {
        for name in SECRET_FIELDS {
            if let Some(value) = fields.get_mut(name) {
                *value = Value::String("[secret]".to_owned());
            }
        }
    }
    body
}
