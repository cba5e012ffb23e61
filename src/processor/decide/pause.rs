//! Pauses: a record whose writes end in doubt again and again rests between them, and what was
//! refused is tried again under a new mapping.

use crate::domain::journal::{DomainEvent as E, ReadPurpose, ReviewKind};
use crate::domain::view::{Journal, Pursuit, ViewEntry, outstanding, record_state};
use crate::domain::{RecordRef, ReviewId, ViewKey};
use crate::processor::decide::{Terms, pursue, reconcile, request, settle_lookup};

/// Whether the record rests after an unknown outcome. A person is told when that goes on.
pub fn rests<J: Journal>(journal: &mut J, terms: &Terms<'_>, record: &RecordRef) -> bool {
    let Some(state) = record_state(journal, journal.bridge(), record) else {
        return false;
    };
    if state.paused_until.is_none() {
        return false;
    }
    if state.unknowns >= terms.timing.attempts_before_review && state.told.is_none() {
        let review = ReviewId::opened_at(journal.bridge(), journal.next_sequence());
        journal.emit(E::ReviewOpened {
            review,
            kind: ReviewKind::Unanswered,
            record: record.clone(),
            candidates: Vec::new(),
            reason: format!("unknown_outcomes:{}", state.unknowns),
        });
    }
    true
}

/// A write has ended without doubt: what a person was told is over.
pub fn answered<J: Journal>(journal: &mut J, record: &RecordRef) {
    let state = record_state(journal, journal.bridge(), record);
    if let Some(review) = state
        .filter(|state| state.unknowns == 0)
        .and_then(|state| state.told)
    {
        journal.emit(E::ReviewClosed {
            review,
            how: "answered".into(),
        });
    }
}

/// The pause is over: a read decides what an unknown outcome left behind, a refusal is tried again.
pub fn over<J: Journal>(journal: &mut J, terms: &Terms<'_>, record: &RecordRef) {
    let Some(state) = record_state(journal, journal.bridge(), record) else {
        return;
    };
    journal.emit(E::WriteUnblocked {
        record: record.clone(),
        why: "tried_again".into(),
    });
    let asked = match state.pursuit {
        Pursuit::InReview { review } if is_refusal(journal, &review) => Some(review),
        _ => None,
    };
    for review in state
        .blocked
        .as_ref()
        .map(|blocked| blocked.review)
        .into_iter()
        .chain(asked)
    {
        let key = ViewKey::review(journal.bridge(), &review);
        if journal.get(&key).is_some() {
            journal.emit(E::ReviewClosed {
                review,
                how: "tried_again".into(),
            });
        }
    }
    if terms.mapping.is_salesforce(record) || !state.desired.is_empty() {
        if state.unknowns > 0 {
            request::read_record(journal, terms, record, ReadPurpose::AfterUnknown);
        }
        reconcile::reconcile(journal, terms, record);
        // Salesforce's may still be without a counterpart.
        return pursue::pursue(journal, terms, record, true);
    }
    match state.pursuit {
        Pursuit::Creating { command }
            if outstanding(journal, journal.bridge(), &command).is_none() =>
        {
            settle_lookup::look_again(journal, terms, record);
        }
        _ => pursue::pursue(journal, terms, record, true),
    }
}

/// Whether a review item tells of a refusal.
pub fn is_refusal<J: Journal>(journal: &J, review: &ReviewId) -> bool {
    let key = ViewKey::review(journal.bridge(), review);
    match journal.get(&key).as_deref() {
        Some(ViewEntry::Review(item)) => item.kind == ReviewKind::Rejected,
        _ => false,
    }
}
