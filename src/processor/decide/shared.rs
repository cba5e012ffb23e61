//! Shared: identifiers that too many records hold. They say nothing of who somebody is.

use std::collections::BTreeSet;

use crate::domain::journal::DomainEvent as E;
use crate::domain::view::{Journal, Matching, Pursuit, matching, record_state};
use crate::domain::{MatchKey, MatchRule, RecordRef, ReviewId, ViewKey};
use crate::identity::keys::is_shared;
use crate::processor::decide::pursue::RELEASED_MAX;
use crate::processor::decide::{Terms, brake, pursue, unlink};

/// Holders of a shared identifier that are named to a person.
const TOLD_MAX: usize = 20;

/// The identifiers of a record are others than before. A person is told of one that has just become
/// one of too many; it matches nobody from now on, and those whom it has joined stay joined. Those
/// who wait because of one that is held by fewer again, or of our key on another record, go on.
pub fn changed<J: Journal>(
    journal: &mut J,
    terms: &Terms<'_>,
    record: &RecordRef,
    before: &BTreeSet<MatchKey>,
) {
    let state = record_state(journal, journal.bridge(), record);
    let (Some(section), Some(state)) = (terms.mapping.section_of(record), state) else {
        return;
    };
    for key in state.keys.difference(before) {
        let holders = matching(journal, journal.bridge(), key);
        if holders.shared.is_none() && is_shared(journal, journal.bridge(), section, key) {
            tell(journal, record, key, holders);
        }
    }
    for key in before.difference(&state.keys) {
        if key.rule == MatchRule::Explicit {
            unlink::key_taken(journal, terms, section, record, key);
            continue;
        }
        let holders = matching(journal, journal.bridge(), key);
        if let Some(review) = holders.shared
            && !is_shared(journal, journal.bridge(), section, key)
        {
            free(journal, terms, key, review);
        }
    }
}

/// Another mapping may have another bound.
pub fn revisit<J: Journal>(journal: &mut J, terms: &Terms<'_>, record: &RecordRef) {
    let state = record_state(journal, journal.bridge(), record);
    let (Some(section), Some(state)) = (terms.mapping.section_of(record), state) else {
        return;
    };
    for key in &state.keys {
        let holders = matching(journal, journal.bridge(), key);
        match (
            holders.shared,
            is_shared(journal, journal.bridge(), section, key),
        ) {
            (None, true) => tell(journal, record, key, holders),
            (Some(review), false) => free(journal, terms, key, review),
            _ => {}
        }
    }
}

/// A record leaves, or can be a match no more: it holds its identifiers no longer.
pub fn leave<J: Journal>(journal: &mut J, terms: &Terms<'_>, record: &RecordRef, event: E) {
    let state = record_state(journal, journal.bridge(), record);
    let before = state.map(|state| (*state.keys).clone()).unwrap_or_default();
    brake::set_back(journal, record, "left");
    journal.emit(event);
    changed(journal, terms, record, &before);
}

fn tell<J: Journal>(journal: &mut J, record: &RecordRef, key: &MatchKey, holders: Matching) {
    let review = ReviewId::opened_at(journal.bridge(), journal.next_sequence());
    let others = holders.records.into_iter().filter(|one| one != record);
    journal.emit(E::IdentifierShared {
        review,
        record: record.clone(),
        key: *key,
        others: others.take(TOLD_MAX).collect(),
    });
}

fn free<J: Journal>(journal: &mut J, terms: &Terms<'_>, key: &MatchKey, review: ReviewId) {
    journal.emit(E::IdentifierFreed { key: *key });
    if journal
        .get(&ViewKey::review(journal.bridge(), &review))
        .is_some()
    {
        journal.emit(E::ReviewClosed {
            review,
            how: "fewer_hold_it".into(),
        });
    }
    let holders = matching(journal, journal.bridge(), key).records;
    let waits = |journal: &J, record: &RecordRef| {
        let state = record_state(journal, journal.bridge(), record);
        state.is_some_and(|state| matches!(state.pursuit, Pursuit::Waiting { .. } | Pursuit::Idle))
    };
    let waiting: Vec<RecordRef> = holders
        .into_iter()
        .filter(|one| waits(journal, one))
        .collect();
    for record in waiting.into_iter().take(RELEASED_MAX) {
        pursue::pursue(journal, terms, &record, true);
    }
}
