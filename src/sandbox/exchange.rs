//! One HTTP request and its answer as plain values, so that the models know nothing of sockets.

use std::collections::BTreeMap;

use serde_json::Value;

/// A request as a model sees it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) segments: Vec<String>,
    pub(crate) raw_query: String,
    pub(crate) query: Vec<(String, String)>,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Vec<u8>,
}

/// What a request did, for the request log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// It asked for data.
    Read,
    /// It asked for a change.
    Write,
    /// It asked for a token.
    Auth,
    /// It was turned away before its meaning mattered.
    None,
}

/// The body of an answer.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Content {
    Empty,
    Json(Value),
    Html(String),
}

/// An answer as a model gives it.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) content: Content,
    pub(crate) effect: Effect,
    pub(crate) changed: Vec<String>,
    pub(crate) applied: bool,
}

// === impl Request ===

impl Request {
    /// Builds a request from its parts; `raw_query` is without the question mark.
    pub(crate) fn new(method: &str, path: &str, raw_query: &str, body: Vec<u8>) -> Self {
        let segments = path
            .split('/')
            .filter(|segment| !segment.is_empty())
            .map(|segment| percent_decode(segment, false))
            .collect();
        Self {
            method: method.to_owned(),
            path: path.to_owned(),
            segments,
            raw_query: raw_query.to_owned(),
            query: form_pairs(raw_query),
            headers: BTreeMap::new(),
            body,
        }
    }

    /// The header with this lower-case name.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    /// The first query parameter with this name.
    pub(crate) fn param(&self, name: &str) -> Option<&str> {
        self.query
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// A query parameter as a number.
    pub(crate) fn number(&self, name: &str) -> Option<u64> {
        self.param(name)?.parse().ok()
    }

    /// The body as JSON.
    pub(crate) fn json(&self) -> Result<Value, String> {
        serde_json::from_slice(&self.body).map_err(|error| error.to_string())
    }

    /// The body as an HTML form.
    pub(crate) fn form(&self) -> Vec<(String, String)> {
        form_pairs(&String::from_utf8_lossy(&self.body))
    }

    /// The path's segments as string slices, for matching.
    pub(crate) fn route(&self) -> Vec<&str> {
        self.segments.iter().map(String::as_str).collect()
    }
}

// === impl Answer ===

impl Answer {
    fn new(status: u16, content: Content, effect: Effect) -> Self {
        let headers = Vec::new();
        Self {
            status,
            headers,
            content,
            effect,
            changed: Vec::new(),
            applied: false,
        }
    }

    /// An answer with a JSON body.
    pub(crate) fn json(status: u16, body: Value) -> Self {
        Self::new(status, Content::Json(body), Effect::None)
    }

    /// An answer without a body.
    pub(crate) fn empty(status: u16) -> Self {
        Self::new(status, Content::Empty, Effect::None)
    }

    /// An answer with a page for people, as a gateway gives it.
    pub(crate) fn html(status: u16, page: &str) -> Self {
        Self::new(status, Content::Html(page.to_owned()), Effect::None)
    }

    /// Marks the answer as that of a read.
    pub(crate) fn read(mut self) -> Self {
        self.effect = Effect::Read;
        self
    }

    /// Marks the answer as that of a write that named these records; `applied` says whether
    /// stored state is different now.
    pub(crate) fn wrote<I: Into<String>>(
        mut self,
        changed: impl IntoIterator<Item = I>,
        applied: bool,
    ) -> Self {
        self.effect = Effect::Write;
        self.changed = changed.into_iter().map(Into::into).collect();
        self.applied = applied;
        self
    }

    /// Sets what kind of request this was.
    pub(crate) fn effect(mut self, effect: Effect) -> Self {
        self.effect = effect;
        self
    }

    /// Adds a header.
    pub(crate) fn with_header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }
}

fn form_pairs(text: &str) -> Vec<(String, String)> {
    text.split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            (percent_decode(key, true), percent_decode(value, true))
        })
        .collect()
}

fn percent_decode(text: &str, plus_is_space: bool) -> String {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let pair = bytes
            .get(at + 1..at + 3)
            .and_then(|digits| hex::decode(digits).ok());
        match (byte, pair) {
            (b'%', Some(value)) => {
                decoded.extend(value);
                at += 3;
                continue;
            }
            (b'+', _) if plus_is_space => decoded.push(b' '),
            _ => decoded.push(byte),
        }
        at += 1;
    }
    String::from_utf8_lossy(&decoded).into_owned()
}
