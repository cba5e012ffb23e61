//! Evolve: what stops writes of ours, and lets them go on.

use crate::domain::brakes::{Brake, FieldRef, Hold, Suppressed, Withheld};
use crate::domain::brakes::{brakes, is_counted, replaces};
use crate::domain::journal::{BridgeMode, DomainEvent as E, ReviewKind};
use crate::domain::view::record_state;
use crate::domain::view::{REVERSALS_KEPT_MAX, RecordState, ReviewItem, ViewEntry, ViewWrite};
use crate::domain::{Command, CommandKind, Name, RecordRef, ReviewId, Timestamp, ViewKey};
use crate::domain::{WriteCommand, WriteTarget};
use crate::processor::evolve::edit::Edit;
use crate::processor::evolve::{bookkeeping, commands};

pub fn apply<V: ViewWrite>(edit: &mut Edit<'_, V>, event: &E) {
    match event {
        E::BreakerTripped { .. } => tripped(edit, event),
        E::BreakerReset { record, names } => edit.record(record, |state| {
            for name in names {
                state.reversals.remove(name);
            }
        }),
        E::MassChangeBraked { .. } => braked(edit, event),
        E::MassChangeSettled {
            review,
            approved_until,
        } => settled(edit, *review, *approved_until),
        E::ModeChanged { mode, .. } => {
            let since = (*mode == BridgeMode::Shadow).then_some(edit.at);
            bookkeeping::of_bridge(edit.view, edit.bridge, |state| state.shadow = since);
        }
        E::WriteSuppressed { command, pair } => suppressed(edit, command, *pair),
        E::SuppressionEnded { record } => edit.record(record, |state| state.suppressed = None),
        other => unreachable!("{} is no event of a brake", other.name()),
    }
}

fn tripped<V: ViewWrite>(edit: &mut Edit<'_, V>, event: &E) {
    let E::BreakerTripped {
        review,
        record,
        field,
        names,
        claims,
        reversals,
        ..
    } = event
    else {
        unreachable!("the caller matched the event");
    };
    edit.record(record, |state| {
        let names = names.iter().map(|name| (name.clone(), *review));
        state.tripped.extend(names);
    });
    let item = ReviewItem {
        id: *review,
        kind: ReviewKind::Oscillating,
        record: record.clone(),
        candidates: claims.iter().map(|claim| claim.record.clone()).collect(),
        reason: format!("changed_back_and_forth:{field} {reversals} times"),
        opened_at: edit.at,
        field: Some(field.to_string()),
        claims: claims.clone(),
    };
    let key = ViewKey::review(edit.bridge, review);
    edit.view.put(key, ViewEntry::Review(Box::new(item)));
}

fn braked<V: ViewWrite>(edit: &mut Edit<'_, V>, event: &E) {
    let E::MassChangeBraked {
        review,
        record,
        field,
        names,
        changed,
        records,
    } = event
    else {
        unreachable!("the caller matched the event");
    };
    for name in names {
        brake(edit, FieldRef::of(record, name), |brake| {
            brake.hold = Hold::Stopped { review: *review };
        });
    }
    let (source, object) = (&record.source, &record.object);
    let item = ReviewItem {
        id: *review,
        kind: ReviewKind::MassChange,
        record: record.clone(),
        candidates: Vec::new(),
        reason: format!(
            "mass_change:{field} of {source}/{object}, {changed} of {records} records in an hour"
        ),
        opened_at: edit.at,
        field: Some(field.to_string()),
        claims: Vec::new(),
    };
    let key = ViewKey::review(edit.bridge, review);
    edit.view.put(key, ViewEntry::Review(Box::new(item)));
}

fn settled<V: ViewWrite>(
    edit: &mut Edit<'_, V>,
    review: ReviewId,
    approved_until: Option<Timestamp>,
) {
    let since = edit.sequence;
    let hold = match approved_until {
        Some(until) => Hold::Approved {
            since,
            until,
            walked: false,
        },
        None => Hold::Refused { since },
    };
    for known in brakes(edit.view, edit.bridge) {
        if known.hold == (Hold::Stopped { review }) {
            brake(edit, known.field, |brake| {
                brake.hold = hold.clone();
                brake.clear();
            });
        }
    }
}

/// The walk over what waited for a person is over.
pub fn walked<V: ViewWrite>(edit: &mut Edit<'_, V>, walk: u64) {
    for known in brakes(edit.view, edit.bridge) {
        match known.hold {
            Hold::Refused { since } if since < walk => {
                brake(edit, known.field, |brake| brake.hold = Hold::Free);
            }
            Hold::Approved { since, until, .. } if since < walk => {
                brake(edit, known.field, |brake| {
                    brake.hold = Hold::Approved {
                        since,
                        until,
                        walked: true,
                    };
                });
            }
            _ => {}
        }
    }
}

/// Counts the fields that a write is about to change.
pub fn written<V: ViewWrite>(edit: &mut Edit<'_, V>, record: &RecordRef, write: &WriteCommand) {
    let Some(state) = record_state(edit.view, edit.bridge, record) else {
        return;
    };
    let at = edit.at;
    for field in &write.fields {
        if replaces(&state, field) && !is_counted(&state, &field.name, at) {
            brake(edit, FieldRef::of(record, &field.name), |brake| {
                brake.count(at);
            });
        }
    }
}

/// Counts records to which fields are written: one more, or one fewer.
pub fn tally<V: ViewWrite>(
    edit: &mut Edit<'_, V>,
    record: &RecordRef,
    names: impl IntoIterator<Item = Name>,
    comes: bool,
) {
    for name in names {
        brake(edit, FieldRef::of(record, &name), |brake| {
            brake.records = match comes {
                true => brake.records + 1,
                false => brake.records.saturating_sub(1),
            };
        });
    }
}

/// Changes the brake of a field where it stands.
fn brake<V: ViewWrite>(edit: &mut Edit<'_, V>, field: FieldRef, change: impl FnOnce(&mut Brake)) {
    let key = ViewKey::brake(edit.bridge, &field);
    let mut change = Some(change);
    edit.view.change(&key, &mut |entry| {
        if let (ViewEntry::Brake(brake), Some(change)) = (entry, change.take()) {
            change(brake);
        }
    });
    if let Some(change) = change {
        let mut brake = Brake::new(field);
        change(&mut brake);
        edit.view.put(key, ViewEntry::Brake(Box::new(brake)));
    }
}

fn suppressed<V: ViewWrite>(edit: &mut Edit<'_, V>, command: &Command, pair: [u8; 16]) {
    let CommandKind::Write(write) = &command.kind else {
        panic!("{} is no write, and shadow mode lets it pass", command.id);
    };
    let what = match &write.target {
        WriteTarget::Record(_) => Withheld::Update,
        WriteTarget::Create { object, .. } => Withheld::Create(object.clone()),
        WriteTarget::Attach { .. } => Withheld::Attach,
    };
    let names = write.fields.iter().map(|field| field.name.clone());
    let suppressed = Suppressed {
        pair,
        what,
        names: names.collect(),
    };
    edit.record(&commands::subject(command), |state| {
        state.suppressed = Some(suppressed);
    });
}

/// Somebody replaced what we had written.
pub fn replaced(state: &mut RecordState, name: &Name, at: Timestamp) {
    let known = state.reversals.entry(name.clone()).or_default();
    if known.len() == REVERSALS_KEPT_MAX {
        known.pop_front();
    }
    known.push_back(at);
}

/// The item about a breaker is closed: its fields are written again, and are counted anew.
pub fn reset(state: &mut RecordState, review: ReviewId) {
    if !state.tripped.values().any(|open| *open == review) {
        return;
    }
    let over = state.tripped.iter().filter(|(_, open)| **open == review);
    let over: Vec<Name> = over.map(|(name, _)| name.clone()).collect();
    for name in over {
        state.tripped.remove(&name);
        state.reversals.remove(&name);
    }
}
