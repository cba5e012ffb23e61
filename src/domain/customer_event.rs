//! Canonical customer events and profiles: what analysts read. Names are storage format.

use crate::domain::ids::{BridgeId, CustomerId, EventId, ObservationId, RecordRef, ReviewId};
use crate::domain::journal::CustomerKind;
use crate::domain::name::Name;
use crate::domain::record::Fields;
use crate::domain::time::Timestamp;

/// What happened to a customer. Ids and names of fields, never a value of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CustomerEvent {
    /// The id of the journal entry that says so: no entry tells two.
    pub id: EventId,
    pub bridge: BridgeId,
    /// Who held the records right after it.
    pub customer: CustomerId,
    /// The stamp of the journal entry, by our clock.
    pub at: Timestamp,
    pub kind: CustomerEventKind,
    /// The records that it is about, not all that the customer holds.
    pub records: Vec<RecordRef>,
    pub account: Option<AccountContext>,
    /// Names of fields that moved, appeared or are in conflict; sorted.
    pub fields: Vec<Name>,
    /// The observation that led to it; none where time did.
    pub observation: Option<ObservationId>,
    pub lineage: Lineage,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CustomerEventKind {
    ContactCreated,
    ContactChanged,
    LeadCreated,
    LeadConverted,
    CompanyChanged,
    Linked,
    /// A link that made one customer of two.
    Merged,
    /// Records of one customer became two.
    Split,
    Conflict,
}

impl CustomerEventKind {
    pub fn label(self) -> &'static str {
        match self {
            Self::ContactCreated => "contact_created",
            Self::ContactChanged => "contact_changed",
            Self::LeadCreated => "lead_created",
            Self::LeadConverted => "lead_converted",
            Self::CompanyChanged => "company_changed",
            Self::Linked => "linked",
            Self::Merged => "merged",
            Self::Split => "split",
            Self::Conflict => "conflict",
        }
    }
}

/// The company that a person belonged to at that moment; of a company its own account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountContext {
    pub account: RecordRef,
    /// The customer that holds the account, if the account was ever seen.
    pub customer: Option<CustomerId>,
    /// The account at the top of the tree above it; none where none above it is known.
    pub ultimate: Option<RecordRef>,
    /// The customer that holds that one.
    pub ultimate_customer: Option<CustomerId>,
    /// A code for a way up that does not end at a top: `parent_unknown`, `parent_gone`, `circle`,
    /// `too_deep`.
    pub fault: Option<String>,
}

/// Where an event comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lineage {
    /// The journal entry's sequence in its bridge: the order of events across customers.
    pub sequence: u64,
    /// The customer that became an alias of this one.
    pub absorbed: Option<CustomerId>,
    /// The customer that the records are now, where they left this one.
    pub founded: Option<CustomerId>,
    /// The review item in which a person decides.
    pub review: Option<ReviewId>,
    /// The match rule that linked, or the policy that decided a conflict.
    pub policy: Option<String>,
}

/// What is known of a customer now; the newest one of a customer counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    pub customer: CustomerId,
    pub bridge: BridgeId,
    pub at: Timestamp,
    pub kind: CustomerKind,
    pub state: ProfileState,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProfileState {
    /// Decided values by the mapped field's name, and every record that was ever linked.
    Golden {
        fields: Fields,
        records: Vec<RecordRef>,
        /// Where the customer belongs.
        account: Option<AccountContext>,
    },
    /// The customer was merged into another one, which may have been merged since.
    Alias { of: CustomerId },
}
