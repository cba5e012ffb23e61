//! What several journal events are made of: reasons, endings, claims, desires. Names are storage
//! format, as those of the events.

use serde::{Deserialize, Serialize};

use crate::domain::ids::{ObservationId, RecordRef};
use crate::domain::name::Name;
use crate::domain::record::{Fields, RecordSnapshot, RefSet};
use crate::domain::result::Rejection;
use crate::domain::time::Version;
use crate::domain::value::Value;

/// Who took two records apart where their source did: it restored one that it had merged away.
pub const RESTORED: &str = "source:restored";

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum CustomerKind {
    Person,
    Company,
}

/// Whether a bridge writes what it decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum BridgeMode {
    Live,
    /// All is decided, nothing is written: what would be is journaled.
    Shadow,
}

impl BridgeMode {
    /// Its name in what people read and write.
    pub fn label(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Shadow => "shadow",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        [Self::Live, Self::Shadow]
            .into_iter()
            .find(|mode| mode.label() == text)
    }
}

/// Why every customer of a bridge is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum WalkReason {
    /// An import is over: what it brought is pursued and written.
    Import,
    /// A mapping was activated.
    Mapping,
    /// A user who owns records has another name, address or role.
    Owner,
    /// An account and a company became one customer: its people join the company.
    Relations,
    /// The bridge has left shadow mode: what is desired by now is pursued and written.
    Live,
    /// What was written under a mapping is undone.
    Revert,
    /// A person has let a mass change go on, or said no: what waited is written or given up.
    Brake,
    /// An account stands below another one: so do those below it, and nobody else is looked at.
    Tree,
}

impl WalkReason {
    /// Its name in what people read.
    pub fn label(self) -> &'static str {
        match self {
            Self::Import => "import",
            Self::Mapping => "mapping",
            Self::Owner => "owner",
            Self::Relations => "relations",
            Self::Tree => "tree",
            Self::Live => "live",
            Self::Brake => "brake",
            Self::Revert => "revert",
        }
    }
}

/// By which way a value became known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Via {
    Webhook,
    Read,
    Lookup,
    /// The remote's answer to our write, or a repeat that looked before writing.
    Write,
    /// A change event.
    Feed,
    /// A row of an import, or of the sweep of users.
    Row,
    /// A row of a sweep.
    Sweep,
}

/// What one side says a field holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    pub record: RecordRef,
    /// In the decided form, so that both sides compare.
    pub value: Value,
    pub version: Version,
}

/// By which sign an echo was known (design section 8).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum EchoSignal {
    /// Our token and our user on the change.
    Tag,
    /// The write in flight has the same values.
    InFlight,
    /// The values are those seen since our write.
    Seen,
    /// An earlier write than the latest: it confirms that one and sets nothing back.
    Late,
}

/// What one field of one record should hold, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Desire {
    /// API name in the record's system.
    pub name: Name,
    pub value: Value,
    pub basis: Basis,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Basis {
    /// A decided value through the record's transform.
    Agreed,
    /// At the first link the record held a value of its own, which stays.
    Kept,
    /// A constant of the creation rule.
    Constant,
    /// A stand-in for a value that is not known yet; the real one replaces it.
    Placeholder,
    /// Our explicit key.
    Key,
    /// Two sides disagree and a person decides: meanwhile the record keeps what it holds.
    Contested,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum ReadPurpose {
    /// Before a first create: is there a counterpart already?
    FirstLookup,
    /// Two versions of a record that cannot be ordered.
    Tie,
    /// A write whose outcome is unknown.
    AfterUnknown,
    /// More was held than is kept, or a read was overtaken.
    Reread,
    /// A company that a record names and the view does not know.
    Company,
    /// The name of an owner that the view does not know.
    Owner,
    /// A change event that does not say what changed.
    Incomplete,
    /// A record left: its org may have merged it into another one.
    Master,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WriteEnding {
    /// Holds. `values`: as the remote answered, else as sent and unconfirmed.
    Done {
        created: bool,
        values: Option<Fields>,
        version: Option<Version>,
    },
    /// A repeat looked first and found other values; it did not write.
    FoundOther,
    Rejected(Rejection),
    Unknown {
        reason: String,
    },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReadEnding {
    Answered,
    NotFound,
    Rejected(Rejection),
    Unknown { reason: String },
}

/// A change kept until the write or read that it overlaps has ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldObservation {
    pub observation: ObservationId,
    pub via: Via,
    pub version: Version,
    pub fields: Fields,
    pub tags: Option<RefSet>,
    pub companies: Option<RefSet>,
}

impl HeldObservation {
    /// The snapshot again, for the fold that follows the release.
    pub fn snapshot(&self, record: &RecordRef) -> RecordSnapshot {
        RecordSnapshot {
            record: record.clone(),
            version: self.version,
            fields: self.fields.clone(),
            tags: self.tags.clone(),
            companies: self.companies.clone(),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Verdict {
    /// Strictly older than the result.
    Dropped,
    /// Strictly newer: folded as a change of its own.
    Folded,
    /// Cannot be ordered: a read decides.
    Reread,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum ReviewKind {
    /// Several records match.
    Ambiguous,
    /// The remote refused a write.
    Rejected,
    /// A command has not been answered in many attempts.
    Unanswered,
    /// Reads keep being overtaken.
    Unsettled,
    /// Two sides changed one field.
    Conflict,
    /// So many records hold an identifier that it matches nobody any more.
    Shared,
    /// A field goes back and forth, and is written no more.
    Oscillating,
    /// Too many records of a field would change at once.
    MassChange,
    /// The accounts above an account lead to no top.
    Tree,
}

impl ReviewKind {
    pub fn label(self) -> &'static str {
        match self {
            Self::Ambiguous => "ambiguous",
            Self::Rejected => "rejected",
            Self::Unanswered => "unanswered",
            Self::Unsettled => "unsettled",
            Self::Conflict => "conflict",
            Self::Shared => "shared",
            Self::Tree => "tree",
            Self::Oscillating => "oscillating",
            Self::MassChange => "mass_change",
        }
    }
}
