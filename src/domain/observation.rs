//! Observations: what a source, an operator or our own sinks told us.

use crate::domain::ids::{BridgeId, ObservationId, RecordRef, SourceId};
use crate::domain::record::{Gone, RecordSnapshot};
use crate::domain::result::CommandResult;
use crate::domain::time::{Timestamp, Version};

/// One thing that was observed, for one bridge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observation {
    /// Hash of the source's natural key: equal on every repetition.
    pub id: ObservationId,
    pub bridge: BridgeId,
    /// When our edge received it, by our clock.
    pub received_at: Timestamp,
    /// W3C trace context of the request that brought it.
    pub traceparent: Option<String>,
    pub body: ObservationBody,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ObservationBody {
    /// A change in a source, normalised, with the bytes it came as.
    Changed {
        source: SourceId,
        topic: String,
        change: Change,
        raw: RawPayload,
    },
    /// The answer to a write or read of ours.
    Answered(CommandResult),
    /// A mapping file to be activated for the bridge.
    MappingOffered {
        version: u64,
        hash: [u8; 32],
        body: String,
    },
}

/// The payload byte for byte.
#[derive(Clone, PartialEq, Eq)]
pub struct RawPayload {
    /// Media type, `application/json` for webhooks.
    pub content_type: String,
    pub bytes: Vec<u8>,
}

/// Payloads are personal: debug output names type and size only.
impl std::fmt::Debug for RawPayload {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "RawPayload({}, {} bytes)",
            self.content_type,
            self.bytes.len()
        )
    }
}

/// What changed, in terms every source shares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// The record as it now is. Also creation, un-archiving and the sign-up of a lead.
    Shown(RecordSnapshot),
    /// A tag was put on (`added`) or taken off the record; the source names the tag here only.
    Tagged {
        snapshot: RecordSnapshot,
        tag_id: String,
        tag_name: String,
        added: bool,
    },
    /// A contact joined (`attached`) or left a company; both are shown.
    Attached {
        company: RecordSnapshot,
        contact: RecordSnapshot,
        attached: bool,
    },
    /// The source merged two records. Some versions of Intercom do not name the absorbed one.
    Merged {
        survivor: RecordSnapshot,
        absorbed: Option<RecordRef>,
    },
    /// `at`: when the source says it happened, where it says so.
    Left {
        record: RecordRef,
        how: Gone,
        at: Option<Version>,
    },
    /// A topic of a known source that this version does not interpret; kept whole in `raw`.
    Kept,
}
