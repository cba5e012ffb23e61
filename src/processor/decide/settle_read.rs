//! Settle: the answers to reads by id.

use std::collections::BTreeSet;

use crate::domain::journal::{DomainEvent as E, ReadEnding, ReviewKind, Via};
use crate::domain::record::Gone;
use crate::domain::view::{Journal, Outstanding, RecordState, outstanding, record_state};
use crate::domain::{CommandResult, Fields, Name, Outcome, RecordRef, RecordSnapshot, ReviewId};
use crate::domain::{Rejection, Value, Version};
use crate::mapping::Section;
use crate::processor::decide::{Terms, create, fold, holds, link, pursue, reconcile, source_merge};
use crate::sync::conflict::Sent;
use crate::sync::moves::moved;

/// Settles a read of one record.
pub fn read<J: Journal>(
    journal: &mut J,
    terms: &Terms<'_>,
    waiting: &Outstanding,
    record: &RecordRef,
    result: &CommandResult,
) {
    let settled = |ending| E::ReadSettled {
        command: waiting.command.id,
        attempt: result.attempt,
        ending,
    };
    let since = journal.next_sequence();
    match &result.outcome {
        Outcome::Read { snapshot } => {
            let state = record_state(journal, journal.bridge(), record);
            let overtaken = state.as_ref().is_some_and(|state| {
                let since = state.folded > waiting.folded && differs(terms, state, snapshot);
                since || crosses_write(journal, terms, state, snapshot)
            });
            journal.emit(settled(ReadEnding::Answered));
            if overtaken && terms.mapping.is_salesforce(record) {
                // A write of ours ended while it was out, or has not ended: it may show what was
                // there before, or what somebody made of it.
                journal.emit(E::RereadRequired {
                    record: record.clone(),
                });
            } else {
                answered(journal, terms, record, snapshot);
            }
        }
        Outcome::NotFound { .. } => {
            journal.emit(settled(ReadEnding::NotFound));
            let state = record_state(journal, journal.bridge(), record);
            // Deleted is final, and more than not found.
            if state.is_some_and(|state| state.gone.is_none()) {
                let behind = pursue::waiting_behind(journal, record);
                let left = E::RecordLeft {
                    record: record.clone(),
                    how: Gone::NotFound,
                    at: None,
                };
                source_merge::leave(journal, terms, record, left);
                pursue::release(journal, terms, behind);
            }
        }
        Outcome::Rejected(rejection) => {
            journal.emit(settled(ReadEnding::Rejected(rejection.clone())));
            refused(journal, record, rejection);
        }
        // Reads change nothing: the deadline asks again.
        _ => return journal.trace("read_unknown", Some(record)),
    }
    create::company_changed(journal, terms, record);
    // The answer to an earlier attempt may have been read before this one was asked for.
    let command = &waiting.command;
    let asked_at = (result.attempt == command.attempt).then_some(command.requested_at);
    let answer = holds::Answer::of_read(waiting.sequence, asked_at, since);
    holds::release(journal, terms, record, answer);
    if !terms.mapping.is_salesforce(record) {
        pursue::pursue(journal, terms, record, false);
    }
    reconcile::reconcile(journal, terms, record);
}

/// Tells a person that a record cannot be read.
pub fn refused<J: Journal>(journal: &mut J, record: &RecordRef, rejection: &Rejection) {
    let review = ReviewId::opened_at(journal.bridge(), journal.next_sequence());
    journal.emit(E::ReviewOpened {
        review,
        kind: ReviewKind::Rejected,
        record: record.clone(),
        candidates: Vec::new(),
        reason: format!("read_{}:{}", rejection.class.as_str(), rejection.code),
    });
}

/// Whether a read shows anything else than what is seen now.
fn differs(terms: &Terms<'_>, state: &RecordState, snapshot: &RecordSnapshot) -> bool {
    let section = terms.mapping.section_of(&snapshot.record);
    section.is_some_and(|section| {
        let watched = fold::watched(terms, section, &snapshot.record);
        !moved(state, watched, snapshot).is_nothing()
    })
}

/// Whether a read shows another value in a field of a write in flight than the one that was there
/// and the one that was sent: nobody can say whether the write put its own over it, or was put
/// over.
fn crosses_write<J: Journal>(
    journal: &J,
    terms: &Terms<'_>,
    state: &RecordState,
    snapshot: &RecordSnapshot,
) -> bool {
    let record = &snapshot.record;
    let (Some(id), Some(section)) = (state.writing, terms.mapping.section_of(record)) else {
        return false;
    };
    let waiting = outstanding(journal, journal.bridge(), &id);
    let sent = Sent::of(waiting.as_deref());
    let system = terms.mapping.system_of(record);
    let other = |(name, shown): (&Name, &Value)| {
        let Some(sent) = sent.value(name) else {
            return false;
        };
        let field = section.written_as(system, record.object.as_str(), name);
        let same = sent == shown || field.is_some_and(|one| one.equivalent(sent, shown));
        !same && shown != state.value_seen(name)
    };
    snapshot.fields.iter().any(other)
}

/// A read supersedes everything that was consumed before it was asked for, whatever the clocks say.
fn answered<J: Journal>(
    journal: &mut J,
    terms: &Terms<'_>,
    record: &RecordRef,
    snapshot: &RecordSnapshot,
) {
    let Some(section) = terms.mapping.section_of(record) else {
        return;
    };
    let state = record_state(journal, journal.bridge(), record);
    let version = state
        .as_ref()
        .map_or(snapshot.version, |state| merged(state.version, snapshot));
    match state.and_then(|state| state.gone) {
        Some(Gone::NotFound) => source_merge::returned(journal, terms, record),
        // It left after it was read.
        Some(_) => return journal.trace("record_gone", Some(record)),
        None => {}
    }
    let snapshot = RecordSnapshot {
        version,
        ..snapshot.clone()
    };
    if !link::first_look(journal, terms, section, &snapshot) {
        own_writes(journal, terms, section, &snapshot);
        let against = set_back(journal, &snapshot);
        fold::fold_against(journal, terms, section, &snapshot, Via::Read, &against);
    }
}

/// What a read shows as it was before a write of ours that nothing has confirmed: somebody, or
/// something, set it back.
fn set_back<J: Journal>(journal: &J, snapshot: &RecordSnapshot) -> BTreeSet<Name> {
    let Some(state) = record_state(journal, journal.bridge(), &snapshot.record) else {
        return BTreeSet::new();
    };
    let is_back = |(name, shown): &(&Name, &Value)| {
        let writes = || state.recent_writes.iter().rev();
        let last = writes().find(|write| write.hashes.contains_key(*name));
        let unconfirmed = state.seen.get(*name);
        let unconfirmed = unconfirmed.is_some_and(|one| one.via == Via::Write && !one.confirmed);
        unconfirmed && last.is_some_and(|write| write.before.get(*name) == Some(shown))
    };
    let back = snapshot.fields.iter().filter(is_back);
    back.map(|(name, _)| name.clone()).collect()
}

/// Takes what a read shows of a write of ours as that write, of one in flight and of one that
/// nothing has confirmed, which the remote may show in a form of its own: it moves nothing, also
/// where something else has been decided since.
fn own_writes<J: Journal>(
    journal: &mut J,
    terms: &Terms<'_>,
    section: &Section,
    snapshot: &RecordSnapshot,
) {
    let record = &snapshot.record;
    let system = terms.mapping.system_of(record);
    let Some(state) = record_state(journal, journal.bridge(), record) else {
        return;
    };
    let writing = state.writing;
    let waiting = writing.and_then(|id| outstanding(journal, journal.bridge(), &id));
    let in_flight = Sent::of(waiting.as_deref());
    let mut shown = Fields::new();
    for (name, stored) in &snapshot.fields {
        if stored == state.value_seen(name) {
            continue;
        }
        let unconfirmed = state.seen.get(name);
        let unconfirmed = unconfirmed.filter(|seen| seen.via == Via::Write && !seen.confirmed);
        let unconfirmed = unconfirmed.map(|seen| &seen.value);
        let in_flight = in_flight.value(name);
        let in_flight = in_flight.filter(|_| !state.echoed.contains(name));
        let field = section.written_as(system, record.object.as_str(), name);
        let means = |sent: &&Value| field.is_some_and(|field| field.equivalent(sent, stored));
        if in_flight == Some(stored) {
            shown.insert(name.clone(), stored.clone());
        } else if let Some(sent) = in_flight.or(unconfirmed).filter(means) {
            journal.emit(E::FormAccepted {
                record: record.clone(),
                name: name.clone(),
                desired: sent.clone(),
                stored: stored.clone(),
            });
            shown.insert(name.clone(), stored.clone());
        }
    }
    if !shown.is_empty() {
        let shown = RecordSnapshot {
            fields: shown,
            tags: None,
            companies: None,
            ..snapshot.clone()
        };
        fold::confirm(journal, terms, section, &shown, Via::Read);
    }
}

/// A read's second must not reach back before a version that is already known.
fn merged(known: Version, snapshot: &RecordSnapshot) -> Version {
    let read = snapshot.version;
    Version {
        from_ms: read.from_ms,
        to_ms: read.to_ms.max(known.to_ms),
    }
}
