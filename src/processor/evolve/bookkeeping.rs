//! Evolve: sequences, input positions, the dedupe window, quarantine.

use crate::domain::journal::DomainEvent as E;
use crate::domain::view::{DEDUPE_WINDOW_MAX, PartitionState, ViewEntry, ViewWrite, bridge_state};
use crate::domain::{BridgeId, JournalEntry, ObservationId, ViewKey};

/// Whether an entry comes next in its sequence; false if the view has it.
///
/// # Panics
/// When an entry between is missing.
pub fn is_next(next_sequence: u64, entry: &JournalEntry) -> bool {
    assert!(
        entry.sequence <= next_sequence,
        "the journal of {} jumps from {next_sequence} to {}",
        entry.key,
        entry.sequence
    );
    entry.sequence == next_sequence
}

pub fn evolve<V: ViewWrite>(view: &mut V, partition: u32, entry: &JournalEntry) -> bool {
    let key = ViewKey::partition(partition);
    let mut state = match view.get(&key).as_deref() {
        Some(ViewEntry::Partition(state)) => state.clone(),
        _ => PartitionState::default(),
    };
    if !is_next(state.next_sequence, entry) {
        return false;
    }
    state.next_sequence += 1;
    state.last_at = state.last_at.max(entry.at);
    match &entry.event {
        E::BatchConsumed {
            inputs,
            observations,
            ..
        } => {
            for range in inputs {
                state.positions.insert(range.topic, range.to);
            }
            for (bridge, observation) in observations {
                remember(view, bridge, observation);
            }
        }
        E::BridgeQuarantined {
            bridge, positions, ..
        } => {
            let mut bridge_state = bridge_state(view, bridge);
            bridge_state.quarantined = Some(positions.clone());
            view.put(ViewKey::bridge(bridge), ViewEntry::Bridge(bridge_state));
        }
        E::DigestRecorded { .. } => {}
        other => panic!("{} belongs to a bridge, not to a partition", other.name()),
    }
    view.put(key, ViewEntry::Partition(state));
    true
}

/// Puts an observation at the end of its bridge's window; the oldest leaves when it is full.
fn remember<V: ViewWrite>(view: &mut V, bridge: &BridgeId, observation: &ObservationId) {
    let mut state = bridge_state(view, bridge);
    let place = state.window_to;
    state.window_to += 1;
    if state.window_to - state.window_from > DEDUPE_WINDOW_MAX {
        let oldest = ViewKey::window(bridge, state.window_from);
        let entry = view.get(&oldest);
        if let Some(ViewEntry::Window(id)) = entry.as_deref() {
            view.remove(&ViewKey::deduped(bridge, id));
        }
        view.remove(&oldest);
        state.window_from += 1;
    }
    view.put(
        ViewKey::deduped(bridge, observation),
        ViewEntry::Deduped(place),
    );
    view.put(
        ViewKey::window(bridge, place),
        ViewEntry::Window(*observation),
    );
    view.put(ViewKey::bridge(bridge), ViewEntry::Bridge(state));
}
