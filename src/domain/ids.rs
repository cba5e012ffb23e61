//! Typed ids. Ids of ours are derived from natural keys by hashing, never drawn.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Deref;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::domain::record::RecordSnapshot;

/// Longest text id we accept from configuration or a remote system, in bytes.
pub const TEXT_ID_BYTES_MAX: usize = 255;

/// Why a text is no id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error("an id must not be empty")]
    Empty,
    #[error("an id has at most {TEXT_ID_BYTES_MAX} bytes, this one has {0}")]
    TooLong(usize),
    #[error("an id holds no control characters")]
    Control,
    #[error("expected {0} lower-case hex digits")]
    Hex(usize),
}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Takes a text as this kind of id: 1 to 255 bytes, no control characters.
            pub fn new(text: impl Into<String>) -> Result<Self, Error> {
                let text = text.into();
                check_text(&text)?;
                Ok(Self(text.into()))
            }

            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// The text itself, shared.
            pub fn text(&self) -> Arc<str> {
                Arc::clone(&self.0)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self.0)
            }
        }
    };
}

text_id!(
    /// The tenant: the workspaces and orgs whose customers are the same customers.
    BridgeId
);
text_id!(
    /// One Intercom workspace or one Salesforce org, by its name in the configuration.
    SourceId
);
text_id!(
    /// The kind of a record in its own system: `contact`, `company`, `Lead`, `Contact`, `Account`.
    ObjectName
);

/// One object in one source. Record ids are unique only within their source. Nearly everything
/// names records, so a clone shares the name.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RecordRef(Arc<Named>);

impl PartialOrd for RecordRef {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for RecordRef {
    fn cmp(&self, other: &Self) -> Ordering {
        if Arc::ptr_eq(&self.0, &other.0) {
            return Ordering::Equal;
        }
        self.0.name.cmp(&other.0.name)
    }
}

/// A name with its hash, which every look into the view's indexes asks for.
struct Named {
    name: RecordName,
    hash: [u8; 16],
}

/// What a record is named by.
#[derive(PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RecordName {
    pub source: SourceId,
    pub object: ObjectName,
    /// As the remote system writes it; Salesforce ids in their 18-character form.
    pub id: String,
}

impl Deref for RecordRef {
    type Target = RecordName;

    fn deref(&self) -> &RecordName {
        &self.0.name
    }
}

impl From<RecordName> for Named {
    fn from(name: RecordName) -> Self {
        let parts = [name.source.as_str(), name.object.as_str(), &name.id];
        let hash = derive("record", &parts.map(str::as_bytes));
        Self { name, hash }
    }
}

// The hash follows from the name: it takes no part in comparing and writing.

impl PartialEq for Named {
    fn eq(&self, other: &Self) -> bool {
        self.hash == other.hash && self.name == other.name
    }
}

impl Eq for Named {}

impl Hash for Named {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

impl Serialize for Named {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.name.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Named {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        RecordName::deserialize(deserializer).map(Self::from)
    }
}

impl RecordRef {
    pub fn new(source: &SourceId, object: &str, id: impl Into<String>) -> Result<Self, Error> {
        let id = id.into();
        check_text(&id)?;
        let name = RecordName {
            source: source.clone(),
            object: ObjectName::new(object)?,
            id,
        };
        Ok(Self(Arc::new(name.into())))
    }

    /// A record as people write it: `source/object/id`.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let mut parts = text.splitn(3, '/');
        let mut part = || parts.next().unwrap_or_default();
        let (source, object, id) = (SourceId::new(part())?, part(), part());
        Self::new(&source, object, id)
    }

    /// The key under which the view's indexes know this record.
    pub fn hash(&self) -> [u8; 16] {
        self.0.hash
    }
}

impl fmt::Display for RecordRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.source, self.object, self.id)
    }
}

impl fmt::Debug for RecordRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RecordRef({self})")
    }
}

macro_rules! hash_id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub struct $name([u8; 16]);

        impl $name {
            pub const PREFIX: &str = $prefix;

            pub fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(bytes)
            }

            pub fn as_bytes(&self) -> &[u8; 16] {
                &self.0
            }

            /// Reads the text form, with or without its prefix.
            pub fn parse(text: &str) -> Result<Self, Error> {
                let digits = text.strip_prefix(Self::PREFIX).unwrap_or(text);
                let mut bytes = [0; 16];
                hex::decode_to_slice(digits, &mut bytes).map_err(|_| Error::Hex(32))?;
                Ok(Self(bytes))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}{}", Self::PREFIX, hex::encode(self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{self}")
            }
        }
    };
}

hash_id!(
    /// The person or company behind linked records; stable over merges and rebuilds.
    CustomerId,
    "cus_"
);
hash_id!(
    /// One journal event.
    EventId,
    "evt_"
);
hash_id!(
    /// One thing a source told us; equal for every repetition of the same notification.
    ObservationId,
    "obs_"
);
hash_id!(
    /// One write or read of ours; stays the same over its attempts.
    CommandId,
    "cmd_"
);
hash_id!(
    /// An ambiguity or conflict waiting for a person.
    ReviewId,
    "rev_"
);

impl CustomerId {
    /// The id of the customer founded by the journal event at `sequence`.
    pub fn founded_at(bridge: &BridgeId, sequence: u64) -> Self {
        Self(of_sequence("customer", bridge.as_str(), sequence))
    }
}

impl EventId {
    pub fn at(journal_key: &str, sequence: u64) -> Self {
        Self(of_sequence("event", journal_key, sequence))
    }
}

impl CommandId {
    /// The id of the command first requested by the journal event at `sequence`.
    pub fn requested_at(bridge: &BridgeId, sequence: u64) -> Self {
        Self(of_sequence("command", bridge.as_str(), sequence))
    }
}

impl ReviewId {
    pub fn opened_at(bridge: &BridgeId, sequence: u64) -> Self {
        Self(of_sequence("review", bridge.as_str(), sequence))
    }
}

impl ObservationId {
    /// A webhook: the workspace and the notification's own id, equal on each of its deliveries.
    pub fn of_notification(app_id: &str, notification_id: &str) -> Self {
        Self(derive(
            "notification",
            &[app_id.as_bytes(), notification_id.as_bytes()],
        ))
    }

    /// The result of one attempt of a command.
    pub fn of_result(command: &CommandId, attempt: u32) -> Self {
        Self(derive(
            "result",
            &[command.as_bytes(), &attempt.to_be_bytes()],
        ))
    }

    /// A change event, for one of the records it names: the org, the event's own id, which each
    /// of its publications has, and the record as the event names it.
    pub fn of_change_event(org_id: &str, event_id: &str, record_id: &str) -> Self {
        let parts = [org_id, event_id, record_id];
        Self(derive("change_event", &parts.map(str::as_bytes)))
    }

    /// A row of a sweep: equal as long as it shows the same. The time of its last change is told to
    /// the second, in which the record can have been saved again.
    pub fn of_swept_row(row: &RecordSnapshot) -> Self {
        let mut parts: Vec<Vec<u8>> = vec![
            row.record.hash().to_vec(),
            row.version.from_ms.to_be_bytes().to_vec(),
        ];
        for (name, value) in &row.fields {
            parts.extend([name.as_bytes().to_vec(), value.hash().to_vec()]);
        }
        for list in [&row.tags, &row.companies] {
            let ids = list.iter().flat_map(|list| &list.ids);
            parts.push(derive_from("list", ids.map(String::as_bytes)).to_vec());
        }
        Self(derive_from("swept_row", parts.iter().map(Vec::as_slice)))
    }

    /// A record that a sweep found among the deleted ones.
    pub fn of_swept_gone(record: &RecordRef, modified_ms: i64) -> Self {
        let parts: [&[u8]; 2] = [&record.hash(), &modified_ms.to_be_bytes()];
        Self(derive("swept_gone", &parts))
    }

    /// A row of an import: the same however often the run shows it.
    pub fn of_imported_row(record: &RecordRef, run: u64) -> Self {
        let parts: [&[u8]; 2] = [&record.hash(), &run.to_be_bytes()];
        Self(derive("imported_row", &parts))
    }

    /// The end of a sweep: of the run and its window, since the count of runs begins anew with a
    /// new log.
    pub fn of_sweep(source: &SourceId, run: u64, until_ms: i64) -> Self {
        let parts: [&[u8]; 3] = [
            source.as_str().as_bytes(),
            &run.to_be_bytes(),
            &until_ms.to_be_bytes(),
        ];
        Self(derive("sweep", &parts))
    }

    /// What an import says beside its rows: `what` names it within the run.
    pub fn of_import(source: &SourceId, run: u64, what: &str) -> Self {
        let parts: [&[u8]; 3] = [
            source.as_str().as_bytes(),
            &run.to_be_bytes(),
            what.as_bytes(),
        ];
        Self(derive("import", &parts))
    }

    /// An operator's decision or a mapping to activate, by its own id.
    pub fn of_decision(id: &str) -> Self {
        Self(derive("decision", &[id.as_bytes()]))
    }
}

/// Hashes length-prefixed parts under a name: equal parts give equal ids on every machine.
pub fn derive(kind: &str, parts: &[&[u8]]) -> [u8; 16] {
    derive_from(kind, parts.iter().copied())
}

fn derive_from<'p>(kind: &str, parts: impl IntoIterator<Item = &'p [u8]>) -> [u8; 16] {
    let mut hasher = blake3::Hasher::new();
    let mut part = |bytes: &[u8]| {
        hasher.update(&(bytes.len() as u64).to_be_bytes());
        hasher.update(bytes);
    };
    part(kind.as_bytes());
    parts.into_iter().for_each(part);
    let mut id = [0; 16];
    id.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
    id
}

fn of_sequence(kind: &str, journal_key: &str, sequence: u64) -> [u8; 16] {
    derive(kind, &[journal_key.as_bytes(), &sequence.to_be_bytes()])
}

fn check_text(text: &str) -> Result<(), Error> {
    if text.is_empty() {
        return Err(Error::Empty);
    }
    if text.len() > TEXT_ID_BYTES_MAX {
        return Err(Error::TooLong(text.len()));
    }
    if text.chars().any(char::is_control) {
        return Err(Error::Control);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{RefSet, Value, Version};

    #[test]
    fn parts_are_kept_apart_in_derived_ids() {
        assert_ne!(derive("k", &[b"ab", b"c"]), derive("k", &[b"a", b"bc"]));
        assert_ne!(derive("k", &[b"a"]), derive("l", &[b"a"]));
    }

    #[test]
    fn a_derived_id_is_the_same_for_ever() {
        let id = ObservationId::of_notification("abc123def", "notif_1");
        assert_eq!(id.to_string(), "obs_6af4bfdb1b8f620d3439071d974a473c");
        assert_eq!(ObservationId::parse(&id.to_string()), Ok(id));
    }

    #[test]
    fn a_row_of_a_sweep_is_another_once_it_shows_something_else() {
        let source = SourceId::new("sales").unwrap();
        let row = |title: &str, tags: &[&str]| RecordSnapshot {
            record: RecordRef::new(&source, "Lead", "00Q000000000001AAA").unwrap(),
            version: Version::second(40),
            fields: [("Title".into(), Value::text(title))].into(),
            tags: Some(RefSet {
                ids: tags.iter().map(|tag| (*tag).to_owned()).collect(),
                complete: true,
            }),
            companies: None,
        };
        let id = |row: RecordSnapshot| ObservationId::of_swept_row(&row);
        assert_eq!(id(row("Chief", &["1"])), id(row("Chief", &["1"])));
        assert_ne!(id(row("Chief", &["1"])), id(row("Analyst", &["1"])));
        assert_ne!(id(row("Chief", &["1"])), id(row("Chief", &["1", "2"])));
        let record = row("Chief", &[]).record;
        let gone = ObservationId::of_swept_gone(&record, 40_000);
        assert_ne!(gone, id(row("Chief", &[])));
    }

    #[test]
    fn text_ids_refuse_what_would_break_keys_and_logs() {
        assert_eq!(BridgeId::new(""), Err(Error::Empty));
        assert_eq!(BridgeId::new("a\nb"), Err(Error::Control));
        assert_eq!(BridgeId::new("x".repeat(256)), Err(Error::TooLong(256)));
    }
}
