//! Release: what becomes of a held observation when the command it overlapped has ended.

use std::collections::BTreeSet;

use crate::domain::Name;
use crate::domain::journal::{HeldObservation, Verdict};
use crate::domain::time::Order;
use crate::domain::view::{RecentWrite, RecordState};
use crate::domain::{RecordRef, RecordSnapshot};
use crate::sync::moves::moved;

/// Reads in a row that may be overtaken before the owner decides and a person is told.
pub const REREADS_MAX: u32 = 3;

/// Judges a held observation against the record as it now stands. `placed` says that the command's
/// answer carried a version, so that clocks can order the two.
pub fn verdict(
    state: &RecordState,
    watched: &BTreeSet<Name>,
    record: &RecordRef,
    held: &HeldObservation,
    placed: bool,
) -> Verdict {
    let order = held.version.against(&state.version);
    if placed && order == Order::Older {
        return Verdict::Dropped;
    }
    if moved(state, watched, &held.snapshot(record)).is_nothing() {
        return Verdict::Dropped;
    }
    if placed && order == Order::Newer {
        Verdict::Folded
    } else {
        Verdict::Reread
    }
}

/// What is left of a held observation when it is folded: a field of which something newer was told
/// meanwhile is not set back. Where nobody can tell which came last, what one of our last writes
/// sent is that write coming back.
pub fn news(
    state: &RecordState,
    held: &HeldObservation,
    record: &RecordRef,
    is_clear: bool,
) -> RecordSnapshot {
    let mut snapshot = held.snapshot(record);
    snapshot.fields.retain(|name, value| {
        let seen = state.seen.get(name);
        let is_older = seen.is_some_and(|seen| held.version.against(&seen.version) == Order::Older);
        let hash = value.hash();
        let sent = |write: &RecentWrite| write.hashes.get(name) == Some(&hash);
        !is_older && (is_clear || !state.writes().any(sent))
    });
    snapshot
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::journal::Via;
    use crate::domain::view::Seen;
    use crate::domain::{ObservationId, SourceId, Value, Version};

    #[test]
    fn what_was_told_since_is_not_set_back_by_what_was_held() {
        let mut state = RecordState::default();
        let seen = |second| Seen {
            value: Value::text("seen"),
            version: Version::second(second),
            via: Via::Feed,
            confirmed: true,
        };
        for (name, second) in [("Title", 12), ("Phone", 11), ("City", 10)] {
            state.seen.insert(name.into(), seen(second));
        }
        let names = ["Title", "Phone", "City", "Street"];
        let held = HeldObservation {
            observation: ObservationId::from_bytes([7; 16]),
            via: Via::Feed,
            version: Version::second(11),
            fields: names.map(|name| (name.into(), Value::text("held"))).into(),
            tags: None,
            companies: None,
        };
        let source = SourceId::new("sales").unwrap();
        let record = RecordRef::new(&source, "Lead", "00Q000000000001AAA").unwrap();
        let left = news(&state, &held, &record, true).fields;
        let left: Vec<&str> = left.keys().map(|name| name.as_str()).collect();
        assert_eq!(left, ["City", "Phone", "Street"]);
        // Where nobody can tell which came last, a write of ours coming back is no news.
        let sent = RecentWrite {
            sequence: 1,
            hashes: [("Phone".into(), Value::text("held").hash())].into(),
            before: [("Phone".into(), Value::text("seen"))].into(),
            since: Version::second(10),
            asked: Default::default(),
            echoed: BTreeSet::new(),
            doubtful: false,
            looked: false,
            forms: Default::default(),
        };
        state.recent_writes.push_back(sent.into());
        let left = news(&state, &held, &record, false).fields;
        let left: Vec<&str> = left.keys().map(|name| name.as_str()).collect();
        assert_eq!(left, ["City", "Street"]);
    }
}
