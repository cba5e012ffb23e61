//! Evolve: what sweeps found.

use crate::domain::journal::DomainEvent as E;
use crate::domain::view::{SweepReport, SweepState, ViewEntry, ViewWrite};
use crate::domain::{SourceId, ViewKey, view};
use crate::processor::evolve::edit::Edit;

pub fn apply<V: ViewWrite>(edit: &mut Edit<'_, V>, event: &E) {
    match event {
        E::RecordHealed { record, .. } => of_source(edit, &record.source, |state| {
            state.healed += 1;
            state.healed_ever += 1;
        }),
        E::SweepEnded {
            source,
            run,
            since,
            until,
            compared,
            healed,
        } => {
            let ended_at = view::bridge_state(edit.view, edit.bridge).last_at;
            of_source(edit, source, |state| {
                state.healed = 0;
                state.last = Some(SweepReport {
                    source: source.clone(),
                    run: *run,
                    since: *since,
                    until: *until,
                    compared: *compared,
                    healed: *healed,
                    ended_at,
                });
            });
        }
        other => unreachable!("{} is no event of a sweep", other.name()),
    }
}

fn of_source<V: ViewWrite>(
    edit: &mut Edit<'_, V>,
    source: &SourceId,
    change: impl FnOnce(&mut SweepState),
) {
    let key = ViewKey::sweep(edit.bridge, source);
    let mut state = match edit.view.get(&key).as_deref() {
        Some(ViewEntry::Sweep(state)) => state.clone(),
        _ => SweepState::default(),
    };
    change(&mut state);
    edit.view.put(key, ViewEntry::Sweep(state));
}
