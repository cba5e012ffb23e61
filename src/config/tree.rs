//! The file as a tree that knows where each of its parts stands.

use std::fmt;

use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::Spanned;

use crate::config::error::{Place, Problem};

/// One value of the file, or of an environment variable that replaces it.
#[derive(Clone)]
pub(super) struct Node {
    pub place: Place,
    pub content: Content,
}

#[derive(Clone)]
pub(super) enum Content {
    Empty,
    /// A scalar as it is written, without its quotes; the field decides what it is.
    Text(String),
    List(Vec<Node>),
    Map(Vec<Entry>),
}

#[derive(Clone)]
pub(super) struct Entry {
    pub place: Place,
    pub key: String,
    pub value: Node,
}

/// Reads YAML. The error tells line and column, and quotes nothing of the file's values.
pub(super) fn parse(text: &str) -> Result<Node, Problem> {
    let options = serde_saphyr::options! { with_snippet: false };
    let raw: Result<Option<Spanned<Raw>>, _> = serde_saphyr::from_str_with_options(text, options);
    match raw {
        Ok(Some(raw)) => Ok(settle(raw, text)),
        Ok(None) => Ok(Node {
            place: Place::File { line: 1, column: 1 },
            content: Content::Empty,
        }),
        Err(error) => {
            let (line, column) = error
                .location()
                .map_or((1, 1), |at| (at.line(), at.column()));
            let text = format!("is not valid YAML here: {}", reason(&error.to_string()));
            Err(Problem::new(&Place::File { line, column }, text))
        }
    }
}

/// The parser's words without its place, which we write ourselves, and its advice to programmers.
fn reason(words: &str) -> &str {
    let words = words.lines().next().unwrap_or_default();
    let end = [" at line ", ", set "]
        .iter()
        .filter_map(|cut| words.find(cut))
        .min();
    &words[..end.unwrap_or(words.len())]
}

impl Node {
    /// The same tree, every part said to come from `place`.
    pub fn at(mut self, place: &Place) -> Self {
        self.place = place.clone();
        self.content = match self.content {
            Content::List(nodes) => {
                Content::List(nodes.into_iter().map(|node| node.at(place)).collect())
            }
            Content::Map(entries) => Content::Map(
                entries
                    .into_iter()
                    .map(|entry| Entry {
                        place: place.clone(),
                        key: entry.key,
                        value: entry.value.at(place),
                    })
                    .collect(),
            ),
            other => other,
        };
        self
    }

    pub fn kind(&self) -> &'static str {
        match self.content {
            Content::Empty => "empty",
            Content::Text(_) => "a single value",
            Content::List(_) => "a list",
            Content::Map(_) => "a map",
        }
    }
}

/// What YAML makes of the text; numbers and booleans are read again as they were written, since
/// an unquoted `66.0` or an id of digits is a text to us.
enum Raw {
    Empty,
    Written,
    Text(String),
    List(Vec<Spanned<Raw>>),
    Map(Vec<(Spanned<String>, Spanned<Raw>)>),
}

fn settle(raw: Spanned<Raw>, text: &str) -> Node {
    let place = place_of(raw.referenced);
    let content = match raw.value {
        Raw::Empty => Content::Empty,
        Raw::Text(text) => Content::Text(text),
        Raw::Written => Content::Text(written(raw.defined, text)),
        Raw::List(nodes) => {
            Content::List(nodes.into_iter().map(|node| settle(node, text)).collect())
        }
        Raw::Map(entries) => Content::Map(
            entries
                .into_iter()
                .map(|(key, value)| Entry {
                    place: place_of(key.referenced),
                    key: key.value,
                    value: settle(value, text),
                })
                .collect(),
        ),
    };
    Node { place, content }
}

fn place_of(at: serde_saphyr::Location) -> Place {
    Place::File {
        line: at.line(),
        column: at.column(),
    }
}

fn written(at: serde_saphyr::Location, text: &str) -> String {
    let span = at.span();
    let start = span.byte_offset().unwrap_or_default() as usize;
    let len = span.byte_len().unwrap_or_default() as usize;
    let slice = text.get(start..start.saturating_add(len));
    slice.unwrap_or_default().trim().to_owned()
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RawVisitor)
    }
}

struct RawVisitor;

impl<'de> Visitor<'de> for RawVisitor {
    type Value = Raw;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value, a list or a map")
    }

    fn visit_unit<E: de::Error>(self) -> Result<Raw, E> {
        Ok(Raw::Empty)
    }

    fn visit_none<E: de::Error>(self) -> Result<Raw, E> {
        Ok(Raw::Empty)
    }

    fn visit_bool<E: de::Error>(self, _: bool) -> Result<Raw, E> {
        Ok(Raw::Written)
    }

    fn visit_i64<E: de::Error>(self, _: i64) -> Result<Raw, E> {
        Ok(Raw::Written)
    }

    fn visit_u64<E: de::Error>(self, _: u64) -> Result<Raw, E> {
        Ok(Raw::Written)
    }

    fn visit_i128<E: de::Error>(self, _: i128) -> Result<Raw, E> {
        Ok(Raw::Written)
    }

    fn visit_u128<E: de::Error>(self, _: u128) -> Result<Raw, E> {
        Ok(Raw::Written)
    }

    fn visit_f64<E: de::Error>(self, _: f64) -> Result<Raw, E> {
        Ok(Raw::Written)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Raw, E> {
        Ok(Raw::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Raw, A::Error> {
        let mut nodes = Vec::new();
        while let Some(node) = seq.next_element()? {
            nodes.push(node);
        }
        Ok(Raw::List(nodes))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Raw, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(Raw::Map(entries))
    }
}
