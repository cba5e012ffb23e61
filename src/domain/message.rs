//! Messages: everything that stands on a topic, and the closed list of topics.

use serde::{Deserialize, Serialize};

use crate::domain::command::Command;
use crate::domain::customer_event::{CustomerEvent, Profile};
use crate::domain::ids::{BridgeId, CommandId, ObservationId, RecordRef, SourceId};
use crate::domain::journal::JournalEntry;
use crate::domain::observation::Observation;
use crate::domain::time::Timestamp;

/// The topics. Their names, keys and retention stand in `log/topics.rs` and `schemas/topics.yaml`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Topic {
    IntercomObserved,
    Results,
    Decisions,
    Cursors,
    Journal,
    SalesforceWrites,
    IntercomWrites,
    Notifications,
    Trace,
    DeadLetters,
    SalesforceObserved,
    SourceSchemas,
    CustomerEvents,
    CustomerProfiles,
}

impl Topic {
    pub const ALL: [Self; 14] = [
        Self::IntercomObserved,
        Self::Results,
        Self::Decisions,
        Self::Cursors,
        Self::Journal,
        Self::SalesforceWrites,
        Self::IntercomWrites,
        Self::Notifications,
        Self::Trace,
        Self::DeadLetters,
        Self::SalesforceObserved,
        Self::SourceSchemas,
        Self::CustomerEvents,
        Self::CustomerProfiles,
    ];

    /// A short name for labels of metrics and for logs; the full names stand in `log/topics.rs`.
    pub fn label(self) -> &'static str {
        match self {
            Self::IntercomObserved => "intercom_observed",
            Self::Results => "results",
            Self::Decisions => "decisions",
            Self::Cursors => "cursors",
            Self::Journal => "journal",
            Self::SalesforceWrites => "salesforce_writes",
            Self::IntercomWrites => "intercom_writes",
            Self::Notifications => "notifications",
            Self::Trace => "trace",
            Self::DeadLetters => "dead_letters",
            Self::SalesforceObserved => "salesforce_observed",
            Self::SourceSchemas => "source_schemas",
            Self::CustomerEvents => "customer_events",
            Self::CustomerProfiles => "customer_profiles",
        }
    }

    /// What the processor reads, in the order in which a batch takes them.
    pub const INPUTS: [Self; 4] = [
        Self::Decisions,
        Self::Results,
        Self::IntercomObserved,
        Self::SalesforceObserved,
    ];
}

/// The value of one log entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    Observation(Box<Observation>),
    Journal(Box<JournalEntry>),
    Command(Box<Command>),
    Cursor(Cursor),
    SourceSchema(SourceSchema),
    Notification(Notification),
    Trace(TraceLine),
    DeadLetter(Box<DeadLetter>),
    CustomerEvent(Box<CustomerEvent>),
    Profile(Box<Profile>),
}

/// Where a feed or sweep stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor {
    pub source: SourceId,
    /// Which feed of the source: `cdc`, `contacts`.
    pub name: String,
    /// Opaque bytes as the remote gave them.
    pub position: Vec<u8>,
    pub at: Timestamp,
}

impl Cursor {
    /// The key under which the newest cursor of a feed stands.
    pub fn key(source: &SourceId, name: &str) -> String {
        format!("{source}/{name}")
    }
}

/// A schema of a source's change events, kept so that raw bytes stay readable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceSchema {
    pub source: SourceId,
    /// The source's own id of it: content-addressed, so an id never changes its meaning.
    pub schema_id: String,
    /// Avro, as the source gave it; its `doc` texts are part of the meaning.
    pub json: String,
}

impl SourceSchema {
    /// The key under which a schema stands. With the source: one id can carry other `doc` texts
    /// in another org (salesforce.md 0.2).
    pub fn key(source: &SourceId, schema_id: &str) -> String {
        format!("{source}/{schema_id}")
    }
}

/// A message for people. Ids and codes, no personal values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notification {
    pub bridge: BridgeId,
    pub at: Timestamp,
    /// `record_waiting`, `review_opened`, `write_rejected`.
    pub kind: String,
    pub text: String,
    pub records: Vec<RecordRef>,
}

/// Why an observation changed nothing. Ids and codes, no personal values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceLine {
    pub bridge: BridgeId,
    pub at: Timestamp,
    pub observation: ObservationId,
    /// `duplicate`, `older`, `nothing_moved`, `not_interpreted`, …
    pub reason: String,
    pub record: Option<RecordRef>,
}

/// What cannot be handled without a person, with its bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// The bridge, or `_unknown` where the source is not ours.
    pub bridge: BridgeId,
    pub at: Timestamp,
    /// Where it came from: `webhook`, `crosswalk.results.v1/0@17`.
    pub origin: String,
    /// A code: `not_json`, `unknown_workspace`, `write_rejected`.
    pub reason: String,
    /// What a person can do.
    pub hint: String,
    pub command: Option<CommandId>,
    pub bytes: Vec<u8>,
}

impl std::fmt::Debug for DeadLetter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "DeadLetter({}, {}, {} bytes)",
            self.origin,
            self.reason,
            self.bytes.len()
        )
    }
}
