//! Reconcile: where *seen* differs from *desired* and nothing is in the way, a write follows.

use crate::domain::brakes::Withheld;
use crate::domain::journal::{Basis, Desire, DomainEvent as E, ReviewKind};
use crate::domain::view::{Journal, RecordState, record_state};
use crate::domain::{Name, RecordRef, ReviewId};
use crate::identity::participation::{Out, left_out};
use crate::processor::decide::{Terms, brake, mass_change, relation, request, shadow};
use crate::sync::writes::{Plan, plan};

/// Journals what a record should hold and reconciles it.
pub fn desire<J: Journal>(
    journal: &mut J,
    terms: &Terms<'_>,
    record: &RecordRef,
    desires: Vec<Desire>,
) {
    if let (Some(out), false) = (
        left_out(journal, journal.bridge(), terms.mapping, record),
        desires.is_empty(),
    ) {
        journal.trace(out.code(), Some(record));
    } else if !desires.is_empty() {
        journal.emit(E::DesiredChanged {
            record: record.clone(),
            desires,
        });
    }
    reconcile(journal, terms, record);
}

pub fn reconcile<J: Journal>(journal: &mut J, terms: &Terms<'_>, record: &RecordRef) {
    if terms.quiet {
        return;
    }
    let Some(state) = record_state(journal, journal.bridge(), record) else {
        return;
    };
    if state.desired.is_empty() {
        // Nothing is written to it; a block tells of a creation from it, which is another matter.
        return;
    }
    let waits = |name: &Name| mass_change::waits(journal, record, name);
    let plan = plan(record, &state, waits);
    if let (Plan::Write { .. } | Plan::Fought { .. }, Some(out)) = (
        &plan,
        left_out(journal, journal.bridge(), terms.mapping, record),
    ) {
        stay(journal, record, &state, out);
        return reconcile(journal, terms, record);
    }
    match plan {
        Plan::Nothing { why } => {
            if why == "in_agreement" {
                let attaching = relation::is_refused(journal, terms, record, &state);
                if !attaching {
                    unblock(journal, record, "in_agreement");
                }
                shadow::ended(journal, record, |what| *what == Withheld::Update);
                relation::join_company(journal, terms, record);
            }
        }
        Plan::Fought { pair, names } => {
            unblock(journal, record, "desired_changed");
            let review = ReviewId::opened_at(journal.bridge(), journal.next_sequence());
            journal.emit(E::ReviewOpened {
                review,
                kind: ReviewKind::Unsettled,
                record: record.clone(),
                candidates: Vec::new(),
                reason: format!("changed_back_each_time:{}", names.join(",")),
            });
            journal.emit(E::WriteBlocked {
                record: record.clone(),
                pair,
                review,
            });
        }
        Plan::Write { fields, .. }
            if brake::trip(journal, terms, record, &state, &fields)
                || mass_change::brake(journal, terms, record, &state, &fields) =>
        {
            // Without those that were stopped.
            reconcile(journal, terms, record);
        }
        Plan::Write { fields, unblocks } => {
            if unblocks {
                unblock(journal, record, "desired_changed");
            }
            request::update(journal, terms, record, &state, fields);
        }
    }
}

/// A record that takes no part keeps what it holds: what it should have held is not written later
/// over what people make of it meanwhile.
fn stay<J: Journal>(journal: &mut J, record: &RecordRef, state: &RecordState, out: Out) {
    let differs = |desire: &&Desire| desire.value != *state.value_seen(&desire.name);
    let kept = state.desired.values().filter(differs).map(|desire| Desire {
        name: desire.name.clone(),
        value: state.value_seen(&desire.name).clone(),
        basis: Basis::Kept,
    });
    let desires: Vec<Desire> = kept.collect();
    unblock(journal, record, out.code());
    journal.trace(out.code(), Some(record));
    journal.emit(E::DesiredChanged {
        record: record.clone(),
        desires,
    });
}

/// Takes the block off a record and closes the review item that it led to.
pub fn unblock<J: Journal>(journal: &mut J, record: &RecordRef, why: &str) {
    let state = record_state(journal, journal.bridge(), record);
    let Some(blocked) = state.and_then(|state| state.blocked.clone()) else {
        return;
    };
    journal.emit(E::WriteUnblocked {
        record: record.clone(),
        why: why.to_owned(),
    });
    journal.emit(E::ReviewClosed {
        review: blocked.review,
        how: why.to_owned(),
    });
}
