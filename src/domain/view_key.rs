//! The bytes of every key in the view. Kind bytes are storage format: never reused.
//!
//! ```text
//! <bridge> 00 01 <customer id 16>              Customer
//! <bridge> 00 02 <record hash 16>              CustomerOf: the customer that holds a record
//! <bridge> 00 03 <customer id 16>              Alias: what an absorbed customer became
//! <bridge> 00 04 <match key hash 16>           Match: records that hold an identifier
//! <bridge> 00 05 <command id 16>               Outstanding command
//! <bridge> 00 06 <due ms, big endian 8> <16>   Due: what a deadline is for
//! <bridge> 00 07 <review id 16>                Review item
//! <bridge> 00 08 <observation id 16>           Deduped: its place in the window
//! <bridge> 00 09 <place, big endian 8>         Window: the observation at a place
//! <bridge> 00 0a <tag hash 16>                 TagName
//! <bridge> 00 0b                               Mapping
//! <bridge> 00 0c                               Bridge
//! _partition/<p> 00 0d                         Partition
//! <bridge> 00 0e <record hash 16>              Owner: a user who can own records
//! <bridge> 00 0f <sequence, big endian 8>      Walk: by the sequence that started it
//! <bridge> 00 10 <source hash 16>              Sweep: what the sweeps of a source found
//! <bridge> 00 11 <field hash 16>               Brake: how much of a field is changed
//! <bridge> 00 12 <record hash 16> <hash 16>    Below: a record right below an account
//! ```
//! A bridge id holds no NUL byte, so no bridge's keys stand between another's.

use smallvec::SmallVec;

use crate::domain::brakes::FieldRef;
use crate::domain::ids::{BridgeId, CommandId, CustomerId, ObservationId, RecordRef};
use crate::domain::ids::{ReviewId, SourceId, derive};
use crate::domain::journal::JournalKey;
use crate::domain::record::MatchKey;
use crate::domain::time::Timestamp;

/// One key, encoded.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ViewKey(SmallVec<[u8; INLINE_BYTES]>);

/// Keys up to this length are kept in place: those of a bridge whose name has up to 20 bytes.
const INLINE_BYTES: usize = 46;

impl ViewKey {
    pub fn customer(bridge: &BridgeId, id: &CustomerId) -> Self {
        Self::of(bridge.as_str(), 0x01, id.as_bytes())
    }

    pub fn customer_of(bridge: &BridgeId, record: &RecordRef) -> Self {
        Self::of(bridge.as_str(), 0x02, &record.hash())
    }

    pub fn alias(bridge: &BridgeId, id: &CustomerId) -> Self {
        Self::of(bridge.as_str(), 0x03, id.as_bytes())
    }

    pub fn matching(bridge: &BridgeId, key: &MatchKey) -> Self {
        Self::of(bridge.as_str(), 0x04, &key.hash)
    }

    pub fn outstanding(bridge: &BridgeId, id: &CommandId) -> Self {
        Self::of(bridge.as_str(), 0x05, id.as_bytes())
    }

    pub fn due(bridge: &BridgeId, at: Timestamp, what: &[u8; 16]) -> Self {
        let mut suffix = [0; 24];
        suffix[..8].copy_from_slice(&(at.0.max(0) as u64).to_be_bytes());
        suffix[8..].copy_from_slice(what);
        Self::of(bridge.as_str(), 0x06, &suffix)
    }

    /// The first key that is due later than `at`; the range of due keys ends before it.
    pub fn due_after(bridge: &BridgeId, at: Timestamp) -> Self {
        Self::due(bridge, at.plus_ms(1), &[0; 16])
    }

    pub fn review(bridge: &BridgeId, id: &ReviewId) -> Self {
        Self::of(bridge.as_str(), 0x07, id.as_bytes())
    }

    pub fn deduped(bridge: &BridgeId, id: &ObservationId) -> Self {
        Self::of(bridge.as_str(), 0x08, id.as_bytes())
    }

    pub fn window(bridge: &BridgeId, place: u64) -> Self {
        Self::of(bridge.as_str(), 0x09, &place.to_be_bytes())
    }

    pub fn tag_name(bridge: &BridgeId, source: &SourceId, tag_id: &str) -> Self {
        let hash = derive("tag", &[source.as_str().as_bytes(), tag_id.as_bytes()]);
        Self::of(bridge.as_str(), 0x0a, &hash)
    }

    pub fn mapping(bridge: &BridgeId) -> Self {
        Self::of(bridge.as_str(), 0x0b, &[])
    }

    pub fn bridge(bridge: &BridgeId) -> Self {
        Self::of(bridge.as_str(), 0x0c, &[])
    }

    pub fn owner(bridge: &BridgeId, owner: &RecordRef) -> Self {
        Self::of(bridge.as_str(), 0x0e, &owner.hash())
    }

    pub fn walk(bridge: &BridgeId, started: u64) -> Self {
        Self::of(bridge.as_str(), 0x0f, &started.to_be_bytes())
    }

    /// The sequence that started the walk of this key.
    pub fn walk_of(&self) -> Option<u64> {
        let (_, last) = self.0.split_last_chunk::<8>()?;
        Some(u64::from_be_bytes(*last))
    }

    pub fn sweep(bridge: &BridgeId, source: &SourceId) -> Self {
        let hash = derive("sweep", &[source.as_str().as_bytes()]);
        Self::of(bridge.as_str(), 0x10, &hash)
    }

    pub fn brake(bridge: &BridgeId, field: &FieldRef) -> Self {
        Self::of(bridge.as_str(), 0x11, &field.hash())
    }

    pub fn below(bridge: &BridgeId, account: &RecordRef, record: &RecordRef) -> Self {
        Self::of_below(bridge, account, &record.hash())
    }

    /// The range of all that stands right below an account: first key and first key past.
    pub fn below_all(bridge: &BridgeId, account: &RecordRef) -> (Self, Self) {
        let last = Self::of_below(bridge, account, &[0xff; 16]);
        (Self::of_below(bridge, account, &[0; 16]), last.next())
    }

    fn of_below(bridge: &BridgeId, account: &RecordRef, record: &[u8; 16]) -> Self {
        let mut suffix = [0; 32];
        suffix[..16].copy_from_slice(&account.hash());
        suffix[16..].copy_from_slice(record);
        Self::of(bridge.as_str(), 0x12, &suffix)
    }

    pub fn partition(partition: u32) -> Self {
        Self::of(&JournalKey::Partition(partition).to_string(), 0x0d, &[])
    }

    /// The range of all keys of one kind of a bridge, by kind byte: first key and first key past.
    pub fn range(bridge: &BridgeId, kind: u8) -> (Self, Self) {
        (
            Self::of(bridge.as_str(), kind, &[]),
            Self::of(bridge.as_str(), kind + 1, &[]),
        )
    }

    /// The key right behind this one: no other stands between a key and itself with a zero byte.
    pub fn next(&self) -> Self {
        let mut bytes = self.0.clone();
        bytes.push(0);
        Self(bytes)
    }

    /// The byte that says what kind of entry it is of.
    pub fn kind(&self) -> Option<u8> {
        let owner = self.0.iter().position(|byte| *byte == 0)?;
        self.0.get(owner + 1).copied()
    }

    /// Whether keys of its kind are asked for in order with every step: deadlines and walks. The
    /// others are many and are looked up; somebody who walks them has them put in order first.
    pub fn is_in_order(&self) -> bool {
        matches!(self.kind(), Some(0x06 | 0x0f))
    }

    /// Whether somebody is likely to ask for its entry again after it has reached the store: not
    /// for the dedupe window, nor for a deadline or a command that has ended.
    pub fn is_asked_for_again(&self) -> bool {
        !matches!(self.kind(), Some(0x05 | 0x06 | 0x08 | 0x09))
    }

    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    pub fn from_bytes(bytes: &[u8]) -> Self {
        Self(SmallVec::from_slice(bytes))
    }

    fn of(owner: &str, kind: u8, suffix: &[u8]) -> Self {
        let mut bytes = SmallVec::with_capacity(owner.len() + 2 + suffix.len());
        bytes.extend_from_slice(owner.as_bytes());
        bytes.push(0);
        bytes.push(kind);
        bytes.extend_from_slice(suffix);
        Self(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deadlines_stand_in_the_order_of_time() {
        let bridge = BridgeId::new("main").unwrap();
        let early = ViewKey::due(&bridge, Timestamp(255), &[0xff; 16]);
        let late = ViewKey::due(&bridge, Timestamp(256), &[0; 16]);
        assert!(early < late);
        assert!(early < ViewKey::due_after(&bridge, Timestamp(255)));
        assert!(late >= ViewKey::due_after(&bridge, Timestamp(255)));
    }

    #[test]
    fn one_bridge_never_stands_inside_another() {
        let (first, past) = ViewKey::range(&BridgeId::new("a").unwrap(), 0x01);
        let other = ViewKey::customer(
            &BridgeId::new("ab").unwrap(),
            &CustomerId::from_bytes([7; 16]),
        );
        assert!(other < first || other >= past);
    }
}
