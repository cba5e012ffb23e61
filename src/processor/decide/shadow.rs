//! Shadow mode: all is decided, nothing is written. What would be asked for is journaled, once for
//! each record and what it would hold.

use crate::domain::brakes::{Suppressed, Withheld};
use crate::domain::journal::{BridgeMode, DomainEvent as E, WalkReason};
use crate::domain::view::{Journal, Pursuit, RecordState, bridge_state, matching, record_state};
use crate::domain::{Command, RecordRef, ViewKey};
use crate::identity::keys::telling;
use crate::mapping::Section;
use crate::processor::decide::walk;

/// Whether the bridge writes nothing.
pub fn is_on<J: Journal>(journal: &J) -> bool {
    bridge_state(journal, journal.bridge()).shadow.is_some()
}

/// The bridge is to write, or to write no more. What is under way is finished; once it writes, what
/// is desired by then follows in slices.
pub fn decided<J: Journal>(journal: &mut J, mode: BridgeMode, by: &str) {
    let now = match is_on(journal) {
        true => BridgeMode::Shadow,
        false => BridgeMode::Live,
    };
    if now == mode {
        return journal.trace("mode_is_so_already", None);
    }
    let by = by.to_owned();
    journal.emit(E::ModeChanged { mode, by });
    let mapped = journal.get(&ViewKey::mapping(journal.bridge())).is_some();
    if mode == BridgeMode::Live && mapped {
        walk::start(journal, WalkReason::Live, None, 0);
    }
}

/// Notes what would be asked for.
pub fn withhold<J: Journal>(journal: &mut J, record: &RecordRef, pair: [u8; 16], command: Command) {
    let state = record_state(journal, journal.bridge(), record);
    let known = state.and_then(|state| state.suppressed.as_ref().map(|known| known.pair));
    if known == Some(pair) {
        return journal.trace("suppressed_already", Some(record));
    }
    journal.emit(E::WriteSuppressed { command, pair });
}

/// Nothing of this kind would be asked for any more.
pub fn ended<J: Journal>(journal: &mut J, record: &RecordRef, what: fn(&Withheld) -> bool) {
    let state = record_state(journal, journal.bridge(), record);
    let known = state.as_ref().and_then(|state| state.suppressed.as_ref());
    if known.is_some_and(|known| what(&known.what)) {
        journal.emit(E::SuppressionEnded {
            record: record.clone(),
        });
    }
}

/// Whether a record was looked for and would be created: one look is enough while it stays so.
pub fn creates(state: &RecordState) -> bool {
    let made = |one: &Suppressed| matches!(one.what, Withheld::Create(_));
    state.suppressed.as_ref().is_some_and(made)
}

/// Whether the creation from another record that shares an identifier would stand for this one's.
pub fn stands_behind<J: Journal>(
    journal: &J,
    section: &Section,
    record: &RecordRef,
    state: &RecordState,
) -> bool {
    let bridge = journal.bridge();
    let keys = telling(journal, bridge, section, state);
    let holders = keys
        .iter()
        .flat_map(|key| matching(journal, bridge, key).records);
    let mut others = holders.filter(|other| other != record);
    others.any(|other| record_state(journal, bridge, &other).is_some_and(|state| creates(&state)))
}

/// A record is pursued no further for now: whether a creation from it is still wanted.
pub fn rests<J: Journal>(journal: &mut J, record: &RecordRef) {
    let state = record_state(journal, journal.bridge(), record);
    let rests = state.is_some_and(|state| {
        creates(&state) && matches!(state.pursuit, Pursuit::Idle | Pursuit::Waiting { .. })
    });
    if rests {
        ended(journal, record, |what| matches!(what, Withheld::Create(_)));
    }
}
