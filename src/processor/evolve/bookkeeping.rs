//! Evolve: sequences, input positions, the dedupe window, bridges that stand aside.

use crate::domain::journal::DomainEvent as E;
use crate::domain::view::{
    Aside, BridgeState, DEDUPE_WINDOW_MAX, PartitionState, ViewEntry, ViewWrite, bridge_state,
};
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
            bridge,
            positions,
            cause,
            ..
        } => {
            let positions = positions.iter().map(|range| (range.topic, range.from));
            let aside = Aside {
                since: entry.at,
                positions: positions.collect(),
                cause: *cause,
                released: false,
                skip: None,
            };
            of_bridge(view, bridge, |state| state.aside = Some(aside));
        }
        E::BridgeReleased { bridge, skip, .. } => of_bridge(view, bridge, |state| {
            if let Some(aside) = &mut state.aside {
                aside.released = true;
                aside.skip = *skip;
            }
        }),
        E::BridgeReread {
            bridge,
            input,
            observations,
            ended,
            ..
        } => {
            for observation in observations {
                remember(view, bridge, observation);
            }
            of_bridge(view, bridge, |state| match &mut state.aside {
                Some(_) if *ended => state.aside = None,
                Some(aside) => {
                    aside.positions.insert(input.topic, input.to);
                }
                None => {}
            });
        }
        E::DigestRecorded { .. } => {}
        other => panic!("{} belongs to a bridge, not to a partition", other.name()),
    }
    view.put(key, ViewEntry::Partition(state));
    true
}

/// Puts an observation at the end of its bridge's window; the oldest leaves when it is full.
fn remember<V: ViewWrite>(view: &mut V, bridge: &BridgeId, observation: &ObservationId) {
    let state = bridge_state(view, bridge);
    let (from, place) = (state.window_from, state.window_to);
    let is_full = place + 1 - from > DEDUPE_WINDOW_MAX;
    if is_full {
        let oldest = ViewKey::window(bridge, from);
        let entry = view.get(&oldest);
        if let Some(ViewEntry::Window(id)) = entry.as_deref() {
            view.remove(&ViewKey::deduped(bridge, id));
        }
        view.remove(&oldest);
    }
    view.put(
        ViewKey::deduped(bridge, observation),
        ViewEntry::Deduped(place),
    );
    view.put(
        ViewKey::window(bridge, place),
        ViewEntry::Window(*observation),
    );
    of_bridge(view, bridge, |state| {
        state.window_to += 1;
        state.window_from += u64::from(is_full);
    });
}

/// Changes the counters of a bridge where they stand.
pub fn of_bridge<V: ViewWrite>(
    view: &mut V,
    bridge: &BridgeId,
    change: impl FnOnce(&mut BridgeState),
) {
    let key = ViewKey::bridge(bridge);
    let mut change = Some(change);
    view.change(&key, &mut |entry| {
        if let (ViewEntry::Bridge(state), Some(change)) = (entry, change.take()) {
            change(state);
        }
    });
    if let Some(change) = change {
        let mut state = BridgeState::default();
        change(&mut state);
        view.put(key, ViewEntry::Bridge(state));
    }
}
