//! The journal's domain events: what the processor decided, in past tense. Names are storage
//! format. The view changes by these events and by nothing else.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::domain::command::Command;
use crate::domain::ids::{BridgeId, CommandId, CustomerId, EventId, ObservationId};
use crate::domain::ids::{RecordRef, ReviewId, SourceId};
use crate::domain::message::Topic;
use crate::domain::name::Name;
use crate::domain::record::{Fields, Gone, MatchKey, MatchRule};
use crate::domain::time::{Timestamp, Version};
use crate::domain::value::Value;

pub use crate::domain::vocabulary::{Basis, BridgeMode, Claim, CustomerKind, Desire, EchoSignal};
pub use crate::domain::vocabulary::{
    HeldObservation, RESTORED, ReadEnding, ReadPurpose, ReviewKind,
};
pub use crate::domain::vocabulary::{Verdict, Via, WalkReason, WriteEnding};

/// One line of the journal. Sequences are dense and begin at 0 for each key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JournalEntry {
    pub key: JournalKey,
    pub sequence: u64,
    /// The stamp of the poll in which it was decided, by our clock.
    pub at: Timestamp,
    /// The observation that was being decided; none for time and bookkeeping.
    pub cause: Option<ObservationId>,
    pub event: DomainEvent,
}

impl JournalEntry {
    pub fn id(&self) -> EventId {
        EventId::at(&self.key.text(), self.sequence)
    }
}

/// Whose sequence an event belongs to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum JournalKey {
    Bridge(BridgeId),
    /// Bookkeeping of a partition, written as `_partition/<p>`.
    Partition(u32),
}

impl JournalKey {
    /// As it is written.
    pub fn text(&self) -> Arc<str> {
        match self {
            Self::Bridge(bridge) => bridge.text(),
            Self::Partition(_) => self.to_string().into(),
        }
    }
}

impl fmt::Display for JournalKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bridge(bridge) => write!(f, "{bridge}"),
            Self::Partition(partition) => write!(f, "_partition/{partition}"),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DomainEvent {
    // === what the user wants ===
    MappingActivated {
        version: u64,
        hash: [u8; 32],
        body: String,
    },

    // === what is known of records ===
    CustomerFounded {
        customer: CustomerId,
        kind: CustomerKind,
        record: RecordRef,
    },
    /// Fields that moved, and the whole sets where they changed.
    RecordSeen {
        record: RecordRef,
        version: Version,
        via: Via,
        fields: Fields,
        tags: Option<BTreeSet<String>>,
        companies: Option<BTreeSet<String>>,
        keys: Option<BTreeSet<MatchKey>>,
    },
    TagNamed {
        source: SourceId,
        tag_id: String,
        name: String,
    },
    /// `at`: when the source says it happened; none where only an answer of ours showed it.
    RecordLeft {
        record: RecordRef,
        how: Gone,
        at: Option<Version>,
    },
    RecordReturned {
        record: RecordRef,
    },

    // === who is who ===
    RecordLinked {
        left: RecordRef,
        right: RecordRef,
        rule: MatchRule,
        rule_version: u32,
        /// The hash of the key that matched, or the command that created; never a value.
        evidence: String,
        /// The customer that holds both from now on.
        customer: CustomerId,
        /// The customer that became an alias of it.
        absorbed: Option<CustomerId>,
    },
    /// So many records hold an identifier that it says nothing of who they are: it matches nobody,
    /// and a person is told.
    IdentifierShared {
        review: ReviewId,
        /// The last one that came to hold it.
        record: RecordRef,
        key: MatchKey,
        /// Some of the others.
        others: Vec<RecordRef>,
    },
    /// Few enough hold it again.
    IdentifierFreed {
        key: MatchKey,
    },
    /// Two records were taken apart: those on the one side of what linked them are a customer of
    /// their own now, and none of them is joined to those on the other by what it shares.
    RecordsUnlinked {
        left: RecordRef,
        right: RecordRef,
        /// The person who says so, or `RESTORED`.
        by: String,
        /// The customer that keeps its id.
        customer: CustomerId,
        /// The one that the others are now.
        founded: CustomerId,
        moved: Vec<RecordRef>,
    },
    /// A person said that two records are not the same customer, whatever they share.
    RecordsKeptApart {
        left: RecordRef,
        right: RecordRef,
        by: String,
    },
    LinkDeferred {
        record: RecordRef,
        behind: RecordRef,
        deadline: Timestamp,
    },
    DeferralEnded {
        record: RecordRef,
        why: String,
    },
    /// The record qualifies for creation but lacks something; a later value goes on from here.
    RecordWaiting {
        record: RecordRef,
        missing: Vec<String>,
    },
    WaitingEnded {
        record: RecordRef,
    },
    /// The creation waits for the company's read, or its placeholder waits for the name.
    CompanyAwaited {
        record: RecordRef,
        company: RecordRef,
    },

    // === what should hold ===
    FieldAgreed {
        customer: CustomerId,
        field: Name,
        value: Value,
        previous: Value,
        by: RecordRef,
        /// The policy that decided: `moved`, `fill_blank`, `founding`, a conflict policy, `person`.
        policy: Name,
        /// When the value came to be, by the clock of the source it came from.
        version: Version,
    },
    DesiredChanged {
        record: RecordRef,
        desires: Vec<Desire>,
    },

    /// Two sides changed one field, neither knowing of the other; a policy decided.
    ConflictDecided {
        customer: CustomerId,
        field: Name,
        policy: Name,
        kept: Claim,
        lost: Claim,
    },
    /// Two sides changed one field and a person is to decide; nothing of it is written meanwhile.
    ConflictOpened {
        review: ReviewId,
        customer: CustomerId,
        field: Name,
        claims: Vec<Claim>,
    },
    /// A field of a record went back and forth: somebody replaced what we wrote, again and again.
    /// Nothing is written to it until a person says so or another mapping counts.
    BreakerTripped {
        review: ReviewId,
        record: RecordRef,
        /// The mapped field; the record's own name of a field that nothing is mapped to.
        field: Name,
        /// API names in the record.
        names: Vec<Name>,
        /// What the record holds, and what is decided, where anything is.
        claims: Vec<Claim>,
        /// How often what we wrote was replaced, and since when that is counted.
        reversals: u32,
        since: Timestamp,
    },
    /// What went back and forth in fields of a record is forgotten: it is counted anew.
    BreakerReset {
        record: RecordRef,
        names: Vec<Name>,
    },
    /// So many records of a field were changed within an hour that no more are, until a person
    /// says so.
    MassChangeBraked {
        review: ReviewId,
        /// The one that was not written.
        record: RecordRef,
        /// The mapped field.
        field: Name,
        /// API names, in the record's object and source.
        names: Vec<Name>,
        /// With this one.
        changed: u64,
        /// Records to which the field is written.
        records: u64,
    },
    /// A person let the change of a field go on, until a time, or said no.
    MassChangeSettled {
        review: ReviewId,
        approved_until: Option<Timestamp>,
    },
    /// The remote stores what was desired in a form of its own, which is not fought.
    FormAccepted {
        record: RecordRef,
        name: Name,
        desired: Value,
        stored: Value,
    },
    /// What was observed is our own write coming back.
    EchoSuppressed {
        record: RecordRef,
        signal: EchoSignal,
        /// The record's write that it is the echo of.
        write: u64,
        fields: Vec<Name>,
    },

    // === commands and their endings ===
    WriteRequested {
        command: Command,
    },
    ReadRequested {
        command: Command,
        purpose: ReadPurpose,
    },
    WriteSettled {
        command: CommandId,
        attempt: u32,
        record: RecordRef,
        ending: WriteEnding,
    },
    ReadSettled {
        command: CommandId,
        attempt: u32,
        ending: ReadEnding,
    },
    /// The pair (record, desired) is not written again until something about it changes.
    WriteBlocked {
        record: RecordRef,
        pair: [u8; 16],
        review: ReviewId,
    },
    WriteUnblocked {
        record: RecordRef,
        why: String,
    },

    /// In shadow mode: what would be asked for. The pair names the record and what it would hold.
    WriteSuppressed {
        command: Command,
        pair: [u8; 16],
    },
    /// Nothing would be asked for any more that was suppressed.
    SuppressionEnded {
        record: RecordRef,
    },

    // === waiting for certainty ===
    ObservationHeld {
        record: RecordRef,
        held: HeldObservation,
        deadline: Timestamp,
    },
    HoldReleased {
        record: RecordRef,
        observation: ObservationId,
        verdict: Verdict,
    },
    RereadRequired {
        record: RecordRef,
    },

    // === what stands beside customers ===
    /// A lead became a contact, and its company an account.
    LeadConverted {
        lead: RecordRef,
        contact: Option<RecordRef>,
        account: Option<RecordRef>,
        opportunity: Option<RecordRef>,
    },
    /// A user of the org who can own records.
    OwnerSeen {
        owner: RecordRef,
        fields: Fields,
    },

    // === what touches many, in slices ===
    /// All rows of a source have been taken; a run is over with the last of its `of` sources.
    ImportEnded {
        source: SourceId,
        run: u64,
        of: u32,
        rows: u64,
    },
    /// Every customer is to be looked at. The walk is named by this event's sequence.
    WalkStarted {
        reason: WalkReason,
        /// The user whose name is another one.
        record: Option<RecordRef>,
        /// Of the mapping; the number of the import.
        version: u64,
        /// Since when writes are undone.
        since: Option<Timestamp>,
    },
    /// Customers up to this one have been looked at.
    WalkAdvanced {
        walk: u64,
        to: CustomerId,
        customers: u64,
    },
    WalkEnded {
        walk: u64,
        reason: WalkReason,
        customers: u64,
    },
    /// Accounts above these customers are others than before: their profiles are told anew.
    PlacesTold {
        walk: u64,
        /// Of a walk over a tree: the way down to the last record that was looked at.
        path: Vec<RecordRef>,
        customers: Vec<CustomerId>,
    },

    // === what was lost on the way ===
    /// A sweep showed what no webhook or event had told.
    RecordHealed {
        record: RecordRef,
        /// What it showed; nothing where the record is gone, or back.
        fields: Vec<Name>,
    },
    /// A source was compared over a window of its own clock.
    SweepEnded {
        source: SourceId,
        run: u64,
        since: Timestamp,
        until: Timestamp,
        compared: u64,
        /// Records healed since the report before.
        healed: u64,
    },

    // === people ===
    /// What was written under a mapping since a time is to be undone.
    RevertDecided {
        mapping: [u8; 32],
        since: Timestamp,
        by: String,
    },
    /// The bridge writes from now on, or writes no more.
    ModeChanged {
        mode: BridgeMode,
        by: String,
    },
    /// A person dealt with a dead letter.
    LetterSettled {
        letter: String,
        how: String,
        by: String,
    },
    ReviewAnswered {
        review: ReviewId,
        answer: String,
        by: String,
    },
    ReviewOpened {
        review: ReviewId,
        kind: ReviewKind,
        record: RecordRef,
        candidates: Vec<RecordRef>,
        /// A code and ids; never a value.
        reason: String,
    },
    ReviewClosed {
        review: ReviewId,
        how: String,
    },

    // === time and bookkeeping ===
    TimeAdvanced {
        to: Timestamp,
    },
    BatchConsumed {
        inputs: Vec<InputRange>,
        /// Ids that enter the dedupe window, in order.
        observations: Vec<(BridgeId, ObservationId)>,
        /// How many observations changed nothing, by reason; their lines are in the trace.
        unchanged: BTreeMap<String, u64>,
    },
    DigestRecorded {
        digest: [u8; 32],
        view_version: u32,
    },
    BridgeQuarantined {
        bridge: BridgeId,
        /// The first position not taken, per input.
        positions: Vec<InputRange>,
        reason: String,
        /// The observation that could not be decided; none where it was a deadline or a walk.
        cause: Option<ObservationId>,
    },
    /// A person lets the bridge go on: what it was sent meanwhile is read again first.
    BridgeReleased {
        bridge: BridgeId,
        /// The observation that is not taken again.
        skip: Option<ObservationId>,
        by: String,
    },
    /// A part of what a released bridge was sent while it stood aside.
    BridgeReread {
        bridge: BridgeId,
        /// Taken, or found not to be of this bridge.
        input: InputRange,
        /// How many positions of it were not kept any more.
        gone: u64,
        /// Ids that enter the dedupe window, in order.
        observations: Vec<ObservationId>,
        /// How many observations changed nothing, by reason.
        unchanged: BTreeMap<String, u64>,
        /// Whether nothing is left: the bridge takes what comes again.
        ended: bool,
    },
}

impl DomainEvent {
    /// The kind of review item that the event opens, if it opens one.
    pub fn asks(&self) -> Option<ReviewKind> {
        match self {
            Self::ReviewOpened { kind, .. } => Some(*kind),
            Self::ConflictOpened { .. } => Some(ReviewKind::Conflict),
            Self::IdentifierShared { .. } => Some(ReviewKind::Shared),
            Self::BreakerTripped { .. } => Some(ReviewKind::Oscillating),
            Self::MassChangeBraked { .. } => Some(ReviewKind::MassChange),
            _ => None,
        }
    }

    /// The name under which the event is stored, counted and shown.
    pub fn name(&self) -> &'static str {
        match self {
            Self::MappingActivated { .. } => "mapping_activated",
            Self::CustomerFounded { .. } => "customer_founded",
            Self::RecordSeen { .. } => "record_seen",
            Self::TagNamed { .. } => "tag_named",
            Self::RecordLeft { .. } => "record_left",
            Self::RecordReturned { .. } => "record_returned",
            Self::RecordLinked { .. } => "record_linked",
            Self::IdentifierShared { .. } => "identifier_shared",
            Self::IdentifierFreed { .. } => "identifier_freed",
            Self::RecordsUnlinked { .. } => "records_unlinked",
            Self::RecordsKeptApart { .. } => "records_kept_apart",
            Self::LinkDeferred { .. } => "link_deferred",
            Self::DeferralEnded { .. } => "deferral_ended",
            Self::RecordWaiting { .. } => "record_waiting",
            Self::WaitingEnded { .. } => "waiting_ended",
            Self::CompanyAwaited { .. } => "company_awaited",
            Self::FieldAgreed { .. } => "field_agreed",
            Self::DesiredChanged { .. } => "desired_changed",
            Self::ConflictDecided { .. } => "conflict_decided",
            Self::ConflictOpened { .. } => "conflict_opened",
            Self::BreakerTripped { .. } => "breaker_tripped",
            Self::BreakerReset { .. } => "breaker_reset",
            Self::MassChangeBraked { .. } => "mass_change_braked",
            Self::MassChangeSettled { .. } => "mass_change_settled",
            Self::FormAccepted { .. } => "form_accepted",
            Self::EchoSuppressed { .. } => "echo_suppressed",
            Self::LeadConverted { .. } => "lead_converted",
            Self::OwnerSeen { .. } => "owner_seen",
            Self::ReviewAnswered { .. } => "review_answered",
            Self::ImportEnded { .. } => "import_ended",
            Self::WalkStarted { .. } => "walk_started",
            Self::WalkAdvanced { .. } => "walk_advanced",
            Self::WalkEnded { .. } => "walk_ended",
            Self::PlacesTold { .. } => "places_told",
            Self::LetterSettled { .. } => "letter_settled",
            Self::RecordHealed { .. } => "record_healed",
            Self::SweepEnded { .. } => "sweep_ended",
            Self::WriteRequested { .. } => "write_requested",
            Self::ReadRequested { .. } => "read_requested",
            Self::WriteSettled { .. } => "write_settled",
            Self::ReadSettled { .. } => "read_settled",
            Self::WriteBlocked { .. } => "write_blocked",
            Self::WriteUnblocked { .. } => "write_unblocked",
            Self::WriteSuppressed { .. } => "write_suppressed",
            Self::SuppressionEnded { .. } => "suppression_ended",
            Self::ModeChanged { .. } => "mode_changed",
            Self::RevertDecided { .. } => "revert_decided",
            Self::ObservationHeld { .. } => "observation_held",
            Self::HoldReleased { .. } => "hold_released",
            Self::RereadRequired { .. } => "reread_required",
            Self::ReviewOpened { .. } => "review_opened",
            Self::ReviewClosed { .. } => "review_closed",
            Self::TimeAdvanced { .. } => "time_advanced",
            Self::BatchConsumed { .. } => "batch_consumed",
            Self::DigestRecorded { .. } => "digest_recorded",
            Self::BridgeQuarantined { .. } => "bridge_quarantined",
            Self::BridgeReleased { .. } => "bridge_released",
            Self::BridgeReread { .. } => "bridge_reread",
        }
    }
}

/// The entries of one input that a batch took: `from` included, `to` excluded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InputRange {
    pub topic: Topic,
    pub partition: u32,
    pub from: u64,
    pub to: u64,
}
