//! Reconcile: where *seen* differs from *desired* and nothing is in the way, a write follows.

use crate::domain::brakes::Withheld;
use crate::domain::journal::{Desire, DomainEvent as E, ReviewKind};
use crate::domain::view::{Journal, record_state};
use crate::domain::{Name, RecordRef, ReviewId};
use crate::processor::decide::{Terms, brake, mass_change, relation, request, shadow};
use crate::sync::writes::{Plan, plan};

/// Journals what a record should hold and reconciles it.
pub fn desire<J: Journal>(
    journal: &mut J,
    terms: &Terms<'_>,
    record: &RecordRef,
    desires: Vec<Desire>,
) {
    if !desires.is_empty() {
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
    match plan(record, &state, waits) {
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
