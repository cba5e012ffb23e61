//! Holds: what overlaps a command in flight waits for its answer.

use crate::domain::journal::{DomainEvent as E, HeldObservation, ReadPurpose, ReviewKind};
use crate::domain::journal::{Verdict, Via};
use crate::domain::time::Order;
use crate::domain::view::{HELD_MAX, Held, Journal, RecordState, record_state};
use crate::domain::{Gone, ObservationId, RecordRef, RecordSnapshot, RefSet, ReviewId};
use crate::mapping::Section;
use crate::processor::decide::{Terms, fold, overwrite, request};
use crate::sync::echo::Placed;
use crate::sync::release::{REREADS_MAX, news, verdict};

/// Keeps a snapshot until the record's command in flight has ended. Beyond the bound a webhook's
/// takes the place of the one before it, since each shows the whole record; of anything else only
/// the fact is kept that the record must be read.
pub fn hold<J: Journal>(
    journal: &mut J,
    terms: &Terms<'_>,
    state: &RecordState,
    snapshot: &RecordSnapshot,
    via: Via,
) {
    let record = &snapshot.record;
    if state.held.len() >= HELD_MAX {
        let Some(before) = superseded(state, snapshot, via) else {
            if state.reread_required {
                return journal.trace("reread_is_required", Some(record));
            }
            return journal.emit(E::RereadRequired {
                record: record.clone(),
            });
        };
        journal.emit(E::HoldReleased {
            record: record.clone(),
            observation: before,
            verdict: Verdict::Dropped,
        });
    }
    let Some(section) = terms.mapping.section_of(record) else {
        return;
    };
    let watched = fold::watched(terms, section, record);
    let kept = snapshot
        .fields
        .iter()
        .filter(|(name, _)| watched.contains(*name));
    let held = HeldObservation {
        observation: journal.cause(),
        via,
        version: snapshot.version,
        fields: kept
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect(),
        tags: snapshot.tags.clone(),
        companies: snapshot.companies.clone(),
    };
    let deadline = journal
        .now()
        .plus_ms(terms.timing.command_deadline_ms.saturating_mul(2));
    journal.emit(E::ObservationHeld {
        record: record.clone(),
        held,
        deadline,
    });
}

/// The newest of the held webhooks, if this one is not older and shows everything that it could.
fn superseded(state: &RecordState, snapshot: &RecordSnapshot, via: Via) -> Option<ObservationId> {
    let whole = |set: &Option<RefSet>| set.as_ref().is_none_or(|set| set.complete);
    if via != Via::Webhook || !whole(&snapshot.tags) || !whole(&snapshot.companies) {
        return None;
    }
    let held = state.held.iter().map(|held| &held.observation);
    let webhooks = held.filter(|held| held.via == Via::Webhook);
    let newest = webhooks.max_by_key(|held| held.version.to_ms)?;
    (snapshot.version.against(&newest.version) != Order::Older).then_some(newest.observation)
}

/// How the answer that ends a hold can be ordered against what was held.
#[derive(Clone, Copy)]
pub struct Answer {
    /// It carried a version.
    pub placed: bool,
    /// It is of a read, asked for at this journal sequence: whatever was consumed before that is
    /// in it.
    pub asked: Option<u64>,
}

/// Judges what was held once a command has ended.
pub fn release<J: Journal>(journal: &mut J, terms: &Terms<'_>, record: &RecordRef, answer: Answer) {
    let Some(section) = terms.mapping.section_of(record) else {
        return;
    };
    drop_superseded(journal, terms, section, record, answer);
    let known = record_state(journal, journal.bridge(), record);
    let Some(known) = known.filter(|state| state.writing.is_none() && state.reading.is_none())
    else {
        return;
    };
    if known.reread_required && known.gone.is_none() {
        // This answer was overtaken: what waits for it waits for the next one.
        return request::read_record(journal, terms, record, ReadPurpose::Reread);
    }
    let mut reread = known.reread_required;
    for held in &known.held {
        reread |= judge(journal, terms, section, record, held, answer);
    }
    if reread {
        request::read_record(journal, terms, record, ReadPurpose::Reread);
    }
}

/// What was consumed before a read was asked for is in its answer, also where a write of ours is
/// out again by now.
fn drop_superseded<J: Journal>(
    journal: &mut J,
    terms: &Terms<'_>,
    section: &Section,
    record: &RecordRef,
    answer: Answer,
) {
    let (Some(asked), Some(known)) = (
        answer.asked,
        record_state(journal, journal.bridge(), record),
    ) else {
        return;
    };
    for held in known.held.iter().filter(|held| held.sequence < asked) {
        judge(journal, terms, section, record, held, answer);
    }
}

/// Releases one held observation. True if only a read can tell.
fn judge<J: Journal>(
    journal: &mut J,
    terms: &Terms<'_>,
    section: &Section,
    record: &RecordRef,
    held: &Held,
    answer: Answer,
) -> bool {
    let Some(state) = record_state(journal, journal.bridge(), record) else {
        return false;
    };
    let watched = fold::watched(terms, section, record);
    let observation = &held.observation;
    let mut verdict = match state.gone {
        // Nothing that was shown before can count.
        Some(Gone::Archived | Gone::Deleted | Gone::Converted) => Verdict::Dropped,
        // The read found nothing, and after it was asked for something was shown.
        Some(Gone::NotFound) if state.rereads < REREADS_MAX => Verdict::Reread,
        Some(Gone::NotFound) => Verdict::Dropped,
        None if answer.asked.is_some_and(|asked| held.sequence < asked) => Verdict::Dropped,
        None => verdict(&state, watched, record, observation, answer.placed),
    };
    let overtaken = verdict == Verdict::Reread && state.rereads >= REREADS_MAX;
    if overtaken {
        // Reads keep being overtaken: the owner's side counts, which is the one that showed this.
        verdict = Verdict::Folded;
        let review = ReviewId::opened_at(journal.bridge(), journal.next_sequence());
        journal.emit(E::ReviewOpened {
            review,
            kind: ReviewKind::Unsettled,
            record: record.clone(),
            candidates: Vec::new(),
            reason: format!("overtaken_reads:{REREADS_MAX}"),
        });
    }
    if verdict == Verdict::Reread && state.gone.is_none() {
        // It stays until the read has told: what it said may have been overwritten.
        return true;
    }
    journal.emit(E::HoldReleased {
        record: record.clone(),
        observation: observation.observation,
        verdict,
    });
    if verdict == Verdict::Dropped && state.gone.is_none() {
        let snapshot = observation.snapshot(record);
        let placed = match observation.via {
            Via::Feed => Placed::Causally,
            _ => Placed::Held,
        };
        overwrite::claims(journal, terms, section, &snapshot, placed);
    }
    if verdict == Verdict::Folded {
        let news = news(&state, observation, record);
        fold::fold(journal, terms, section, &news, observation.via);
    }
    verdict == Verdict::Reread
}

/// A hold's deadline: the command did not end in time, so a read decides.
pub fn expired<J: Journal>(journal: &mut J, terms: &Terms<'_>, record: &RecordRef, held: &Held) {
    let state = record_state(journal, journal.bridge(), record);
    let gone = state.as_ref().is_some_and(|state| state.gone.is_some());
    let verdict = if gone {
        Verdict::Dropped
    } else {
        Verdict::Reread
    };
    journal.emit(E::HoldReleased {
        record: record.clone(),
        observation: held.observation.observation,
        verdict,
    });
    if gone {
        return;
    }
    if state.is_some_and(|state| state.reading.is_some()) {
        return journal.emit(E::RereadRequired {
            record: record.clone(),
        });
    }
    request::read_record(journal, terms, record, ReadPurpose::Reread);
}
