//! Evolve: observations that wait until the write or read they overlap has ended.

use crate::domain::journal::DomainEvent as E;
use crate::domain::view::{Due, HELD_MAX, Held, ViewWrite};
use crate::processor::evolve::edit::Edit;

pub fn apply<V: ViewWrite>(edit: &mut Edit<'_, V>, event: &E) {
    match event {
        E::ObservationHeld {
            record,
            held,
            deadline,
        } => {
            let sequence = edit.sequence;
            edit.record(record, |state| {
                assert!(
                    state.held.len() < HELD_MAX,
                    "decide holds {HELD_MAX} and no more"
                );
                state.held.push(Held {
                    observation: held.clone(),
                    deadline: *deadline,
                    sequence,
                });
            });
            edit.put_due(*deadline, Due::Hold(record.clone(), held.observation));
        }
        E::HoldReleased {
            record,
            observation,
            ..
        } => {
            let mut released = None;
            edit.record(record, |state| {
                let place = state
                    .held
                    .iter()
                    .position(|held| held.observation.observation == *observation);
                released = place.map(|place| state.held.remove(place));
                if state.held.is_empty() {
                    // Whatever is held next has not been overtaken yet.
                    state.rereads = 0;
                }
            });
            if let Some(held) = released {
                edit.remove_due(held.deadline, &Due::Hold(record.clone(), *observation));
            }
        }
        E::RereadRequired { record } => edit.record(record, |state| state.reread_required = true),
        other => unreachable!("{} is no hold", other.name()),
    }
}
