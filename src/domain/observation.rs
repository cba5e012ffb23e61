//! Observations: what a source, an operator or our own sinks told us.

use std::collections::BTreeSet;

use crate::domain::ids::{BridgeId, ObservationId, RecordRef, ReviewId, SourceId};
use crate::domain::journal::BridgeMode;
use crate::domain::record::{Fields, Gone, RecordSnapshot};
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
    /// A person's answer to a review item.
    ReviewAnswered {
        review: ReviewId,
        answer: ReviewAnswer,
        /// Who answered, as the operator names themselves.
        by: String,
    },
    /// What a person did about a dead letter. What follows stands beside it, if anything does.
    LetterSettled {
        /// `PARTITION@OFFSET`, where it stands.
        letter: String,
        how: LetterSettlement,
        by: String,
    },
    /// A person says that two records are one customer, or that they are not.
    LinkDecided {
        left: RecordRef,
        right: RecordRef,
        same: bool,
        by: String,
    },
    /// A person, or the configuration of a new bridge, says whether the bridge writes.
    ModeDecided { mode: BridgeMode, by: String },
    /// A person wants undone what was written under a mapping since a time.
    RevertDecided {
        mapping: [u8; 32],
        since: Timestamp,
        by: String,
    },
    /// A person lets a quarantined bridge go on.
    BridgeReleased {
        /// The observation that is not taken again: the one at which the decision panicked.
        skip: Option<ObservationId>,
        by: String,
    },
}

/// What becomes of a dead letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LetterSettlement {
    /// What it holds was taken up again.
    Redriven,
    /// Nothing is to be done about it.
    Discarded,
}

impl LetterSettlement {
    pub fn label(self) -> &'static str {
        match self {
            Self::Redriven => "redriven",
            Self::Discarded => "discarded",
        }
    }
}

/// What a person can answer. Ids only: values stay in the journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReviewAnswer {
    /// This candidate is the counterpart.
    Link { to: RecordRef },
    /// In a conflict this record's value stands.
    Keep { record: RecordRef },
    /// Try again what was refused.
    Retry,
    /// Nothing is to be done.
    Dismiss,
    /// None of the candidates is the counterpart, whatever they share.
    Apart,
    /// What waits is to be written.
    Approve,
    /// What waits is not to be written.
    Refuse,
}

impl std::fmt::Display for ReviewAnswer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Link { to } => write!(f, "link:{to}"),
            Self::Keep { record } => write!(f, "keep:{record}"),
            Self::Retry => f.write_str("retry"),
            Self::Dismiss => f.write_str("dismiss"),
            Self::Apart => f.write_str("apart"),
            Self::Approve => f.write_str("approve"),
            Self::Refuse => f.write_str("refuse"),
        }
    }
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
    /// A change event of a feed, for one of the records it names.
    Event(RecordEvent),
    /// A row of a sweep or backfill: the record as a query showed it. It loses a tie.
    Row(RecordSnapshot),
    /// A row of an import. It asks for nothing: what follows waits for the end of the run, when
    /// both sides are known, and comes in slices.
    Imported { run: u64, row: RecordSnapshot },
    /// All rows of one of the `of` sources of a run stand before this.
    ImportEnded { run: u64, of: u32, rows: u64 },
    /// What a tag is called: lists and snapshots name tags by id.
    TagNamed { tag_id: String, name: String },
    /// A row of a sweep: what a webhook or event should have shown long ago. It loses a tie.
    Swept(RecordSnapshot),
    /// A sweep found the record deleted; `at`: when the source says it happened.
    SweptGone { record: RecordRef, at: Version },
    /// All rows of a source that were saved in the window stand before this.
    SweepEnded {
        run: u64,
        /// The window, by the source's clock: from and before.
        since: Timestamp,
        until: Timestamp,
        /// Rows of the window that were looked at.
        compared: u64,
    },
}

/// A change event, for one record. Events of one feed come in the order of their commits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordEvent {
    pub record: RecordRef,
    pub kind: EventKind,
    /// When the transaction was committed, to the source's second.
    pub version: Version,
    /// By API name, compounds flattened. An update holds what it names as changed, cleared fields
    /// as `Null`; a creation or an undelete holds the whole record.
    pub fields: Fields,
    /// Fields that changed and whose new value the event does not hold.
    pub unread: BTreeSet<String>,
    pub writer: Writer,
    /// The source's own words on where the change came from (`changeOrigin`).
    pub origin: String,
    /// The user who committed it.
    pub user: String,
    /// The same for all events of one transaction, with their order in it.
    pub transaction: String,
    pub transaction_sequence: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EventKind {
    Created,
    Updated,
    Deleted,
    Undeleted,
    /// Something changed that the event cannot tell: only a read can.
    Gap,
}

/// Who committed a change, as far as its origin tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Writer {
    /// The origin ends in this bridge's client token and the user is the integration's.
    Ours,
    /// The integration's user without our token: not every call keeps it.
    OurUser,
    Foreign,
}
