//! Results: how one attempt of a command ended.

use crate::domain::ids::{BridgeId, CommandId, RecordRef, SourceId};
use crate::domain::record::{Fields, RecordSnapshot};
use crate::domain::time::{Timestamp, Version};

/// The answer to one attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandResult {
    pub command: CommandId,
    pub bridge: BridgeId,
    pub source: SourceId,
    pub attempt: u32,
    /// By our clock, when the outcome was known.
    pub finished_at: Timestamp,
    pub outcome: Outcome,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The write holds. `values` are what the remote answered; none where it answers no values.
    Written {
        record: RecordRef,
        created: bool,
        values: Option<Fields>,
        version: Option<Version>,
    },
    /// A repeat found all target values in place and did not write again.
    AlreadyThere { snapshot: RecordSnapshot },
    /// A repeat found neither the expected nor the target value somewhere and did not write.
    FoundOther { snapshot: RecordSnapshot },
    /// The record that was read by id.
    Read { snapshot: RecordSnapshot },
    /// No record has that id.
    NotFound { record: RecordRef },
    /// The rows of a lookup, in the order of its queries.
    LookedUp {
        rows: Vec<RecordSnapshot>,
        truncated: bool,
    },
    /// The remote refused for good; asking again without a change would be refused again.
    Rejected(Rejection),
    /// The request may or may not have taken effect. Followed by a read, never by a write.
    Unknown { reason: String },
}

/// A refusal, for the dead letter and the review item.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Rejection {
    pub class: RejectClass,
    /// The remote's own error code, `DUPLICATE_VALUE`.
    pub code: String,
    /// The remote's words; may quote personal values, so it is sealed outside the journal.
    pub text: String,
    /// API names the remote complained about.
    pub fields: Vec<String>,
    /// Records the remote named, candidates of a 300 or of a duplicate rule.
    pub records: Vec<RecordRef>,
    /// What a person can do.
    pub hint: String,
}

/// Why the remote refused.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
pub enum RejectClass {
    /// A value breaks a rule of the remote.
    BadData,
    /// The integration may not do this, or a field does not exist.
    Permission,
    /// Several records match the key.
    Ambiguous,
    /// A duplicate rule or a unique field holds the value already.
    Duplicate,
    /// The record is deleted, merged or converted.
    Gone,
    Other,
}

impl RejectClass {
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::BadData => "bad_data",
            Self::Permission => "permission",
            Self::Ambiguous => "ambiguous",
            Self::Duplicate => "duplicate",
            Self::Gone => "gone",
            Self::Other => "other",
        }
    }
}
