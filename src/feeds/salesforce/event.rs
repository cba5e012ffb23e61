//! A change event as the feed needs it, and the seam to the decoder that reads it.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::domain::Fields;

/// Compiles schemas.
pub trait Decode: Send + Sync {
    /// The reader of the events written with that schema. The error names no value.
    fn compile(&self, id: &str, json: &str) -> Result<Arc<dyn Read>, String>;
}

/// Reads the events of one schema.
pub trait Read: Send + Sync {
    /// Never panics, whatever the bytes. The error names no value.
    fn read(&self, payload: &[u8]) -> Result<Event, String>;
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The object's API name.
    pub entity: String,
    pub targets: Vec<Target>,
    pub kind: Kind,
    /// `changeOrigin`.
    pub origin: String,
    /// `commitUser`.
    pub user: String,
    pub transaction: String,
    pub sequence: u32,
    pub committed_ms: i64,
    /// By API name: all of a created or undeleted record, of an update what changed.
    pub fields: Fields,
    /// Changed, to a value that the event does not hold.
    pub unread: BTreeSet<String>,
    /// Whether the event's own lists may lack a field that changed.
    pub doubtful: bool,
}

/// Whom an event is about (salesforce.md 0.7).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// A record's id in 18 characters.
    Record(String),
    /// All records whose id begins so.
    Wildcard(String),
    /// More than an event lists.
    Overflow,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Create,
    Update,
    Delete,
    Undelete,
    /// One of the GAP types.
    Gap,
    /// A type that was added since; only a read can tell what it means.
    Unknown,
}

impl Kind {
    /// A label of metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete => "delete",
            Self::Undelete => "undelete",
            Self::Gap => "gap",
            Self::Unknown => "unknown",
        }
    }
}
