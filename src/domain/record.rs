//! What a source says of one record: a snapshot of its scalars, its tags, its companies.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::domain::ids::{RecordRef, derive};
use crate::domain::name::Name;
use crate::domain::time::Version;
use crate::domain::value::Value;

/// Field name (an API name or a path such as `custom_attributes.job_title`) to value.
pub type Fields = BTreeMap<Name, Value>;

/// What shows values of fields: a snapshot, or what was seen of a record.
pub trait Shows {
    /// The value of a field; none where nothing is shown of it.
    fn shown(&self, name: &str) -> Option<&Value>;
}

impl Shows for Fields {
    fn shown(&self, name: &str) -> Option<&Value> {
        self.get(name)
    }
}

/// What the first shows, and what the second shows of fields that the first does not show.
#[derive(Clone, Copy)]
pub struct Over<'a, A, B>(pub &'a A, pub &'a B);

impl<A: Shows, B: Shows> Shows for Over<'_, A, B> {
    fn shown(&self, name: &str) -> Option<&Value> {
        self.0.shown(name).or_else(|| self.1.shown(name))
    }
}

/// A set of ids that the source may have cut short (Intercom lists at most 10 tags, companies).
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct RefSet {
    pub ids: BTreeSet<String>,
    /// False when the source said that there are more than it listed.
    pub complete: bool,
}

/// A record as its source showed it at one moment. Values keep the source's own form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordSnapshot {
    pub record: RecordRef,
    pub version: Version,
    /// Every scalar of the record that the source showed, by path. A path that is absent was not
    /// shown; one that is `Null` is blank.
    pub fields: Fields,
    pub tags: Option<RefSet>,
    pub companies: Option<RefSet>,
}

/// How a record left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Gone {
    Archived,
    Deleted,
    /// A read by id found nothing: merged, archived or deleted, the source does not say which.
    NotFound,
    /// A lead that became a contact: it stands, and can no longer be written.
    Converted,
}

/// The rule by which two records are one customer, in the order in which they are asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum MatchRule {
    /// Our key in the other system's field.
    Explicit,
    /// A configured id that both systems hold.
    ExternalId,
    /// The normalised e-mail address.
    Email,
    /// The telephone number in E.164.
    Phone,
    /// The governed company key.
    AccountKey,
    /// The domain of a company's web address.
    Domain,
    /// We created the one from the other.
    Created,
    /// The source merged the two itself.
    SourceMerge,
    /// The lead was converted into the contact.
    Conversion,
    /// A person said so.
    Operator,
}

impl MatchRule {
    /// Its name in hashes and in what people read.
    pub fn label(self) -> &'static str {
        match self {
            Self::Explicit => "explicit",
            Self::ExternalId => "external_id",
            Self::Email => "email",
            Self::Phone => "phone",
            Self::AccountKey => "account_key",
            Self::Domain => "domain",
            Self::Created => "created",
            Self::SourceMerge => "source_merge",
            Self::Conversion => "conversion",
            Self::Operator => "operator",
        }
    }
}

/// A normalised identifier, hashed: the index of the view holds no personal value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct MatchKey {
    pub rule: MatchRule,
    pub hash: [u8; 16],
}

impl MatchKey {
    pub fn new(rule: MatchRule, normalised: &str) -> Self {
        let name = rule.label();
        Self {
            rule,
            hash: derive("match", &[name.as_bytes(), normalised.as_bytes()]),
        }
    }
}
