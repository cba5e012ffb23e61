//! Holds: what overlaps a command in flight waits for its answer.

use crate::domain::journal::{DomainEvent as E, HeldObservation, ReadPurpose, ReviewKind};
use crate::domain::journal::{Verdict, Via};
use crate::domain::time::Order;
use crate::domain::view::{HELD_MAX, Held, Journal, RecordState, outstanding, record_state};
use crate::domain::{Gone, Name, ObservationId, RecordRef, RecordSnapshot, RefSet, ReviewId};
use crate::domain::{Timestamp, Value, Version};
use crate::mapping::Section;
use crate::processor::decide::{Terms, fold, overwrite, request};
use crate::sync::conflict::Sent;
use crate::sync::echo::Placed;
use crate::sync::release::{REREADS_MAX, news, verdict};

/// Keeps a snapshot until the record's command in flight has ended. Beyond the bound one goes that
/// later ones cover; else only the fact is kept that the record must be read.
pub fn hold<J: Journal>(
    journal: &mut J,
    terms: &Terms<'_>,
    state: &RecordState,
    snapshot: &RecordSnapshot,
    via: Via,
) {
    let record = &snapshot.record;
    if state.held.len() >= HELD_MAX {
        let waiting = state.writing;
        let waiting = waiting.and_then(|id| outstanding(journal, journal.bridge(), &id));
        let sent = Sent::of(waiting.as_deref());
        let before = match via {
            Via::Webhook => covered(state, sent, snapshot),
            Via::Feed => told_again(state, sent, snapshot),
            _ => None,
        };
        let Some(before) = before else {
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

/// A held webhook that can go, since the one after it, or the new one, shows all that it did: each
/// shows the whole contact. One that shows a write of ours in the place of what was there before
/// does not: that may be somebody's words.
fn covered(
    state: &RecordState,
    sent: Sent<'_>,
    snapshot: &RecordSnapshot,
) -> Option<ObservationId> {
    let whole = |set: &Option<RefSet>| set.as_ref().is_none_or(|set| set.complete);
    let webhooks = state.held.iter().map(|held| &held.observation);
    let mut webhooks: Vec<_> = webhooks.filter(|held| held.via == Via::Webhook).collect();
    webhooks.sort_by_key(|held| held.version.to_ms);
    let kept = webhooks.iter().map(|held| held.snapshot(&snapshot.record));
    let mut shown: Vec<RecordSnapshot> = kept.collect();
    // An older one than all that are held tells nothing that they do not.
    let newest = shown.last()?;
    if snapshot.version.against(&newest.version) == Order::Older {
        return None;
    }
    shown.push(snapshot.clone());
    let covers = |pair: &[RecordSnapshot]| {
        let (before, after) = (&pair[0], &pair[1]);
        whole(&after.tags)
            && whole(&after.companies)
            && before.fields.iter().all(|(name, value)| {
                let next = after.fields.get(name);
                next == Some(value) || next.is_some_and(|next| !is_ours(state, sent, name, next))
            })
    };
    let place = shown.windows(2).position(covers)?;
    webhooks.get(place).map(|held| held.observation)
}

/// A held change event that can go, since later ones, the new one among them, tell of the same
/// fields: a feed keeps its order, so that what the earlier one said was over when they came to be.
fn told_again(
    state: &RecordState,
    sent: Sent<'_>,
    snapshot: &RecordSnapshot,
) -> Option<ObservationId> {
    let events = state.held.iter().map(|held| &held.observation);
    let events: Vec<_> = events.filter(|held| held.via == Via::Feed).collect();
    let is_over = |place: &usize| {
        let later = events[place + 1..].iter().map(|event| &event.fields);
        let later = later.chain([&snapshot.fields]);
        events[*place].fields.keys().all(|name| {
            let mut told = later.clone().filter_map(|fields| fields.get(name));
            told.any(|value| !is_ours(state, sent, name, value))
        })
    };
    let place = (0..events.len()).find(is_over)?;
    Some(events[place].observation)
}

/// Whether one of our last writes sent the value, or the one that is out does.
fn is_ours(state: &RecordState, sent: Sent<'_>, name: &Name, value: &Value) -> bool {
    let hash = value.hash();
    let mut writes = state.recent_writes.iter();
    sent.value(name) == Some(value) || writes.any(|write| write.hashes.get(name) == Some(&hash))
}

/// How the answer that ends a hold can be ordered against what was held.
#[derive(Clone, Copy)]
pub struct Answer {
    /// It carried a version.
    placed: bool,
    /// It is of a read, asked for at this journal sequence: whatever was consumed before that is
    /// in it.
    asked: Option<u64>,
    /// When the read was asked for, by our clock.
    asked_at: Option<Timestamp>,
    /// The journal's sequence at which it was settled: what was asked for from then on follows
    /// from it.
    since: u64,
    /// The newest that was shown of what is in it: older notifications that came later are too.
    covered: Option<Version>,
}

impl Answer {
    pub fn of_write(placed: bool, since: u64) -> Self {
        Self {
            placed,
            asked: None,
            asked_at: None,
            since,
            covered: None,
        }
    }

    pub fn of_read(asked: u64, asked_at: Option<Timestamp>, since: u64) -> Self {
        Self {
            placed: true,
            asked: Some(asked),
            asked_at,
            since,
            covered: None,
        }
    }

    /// Whether something newer of the same clock is in it.
    fn covers(&self, version: Version) -> bool {
        let newer = |covered: Version| version.against(&covered) == Order::Older;
        self.covered.is_some_and(newer)
    }

    /// Whether the two clocks say that something was over when the read was asked for.
    fn is_long_after(&self, version: Version) -> bool {
        let over = version.to_ms.saturating_add(CLOCKS_APART_MS);
        self.asked_at.is_some_and(|asked| over < asked.0)
    }
}

/// How far our clock and a source's may be apart where nothing better than both tells the order.
const CLOCKS_APART_MS: i64 = 1_000;

/// Judges what was held once a command has ended.
pub fn release<J: Journal>(journal: &mut J, terms: &Terms<'_>, record: &RecordRef, answer: Answer) {
    let Some(section) = terms.mapping.section_of(record) else {
        return;
    };
    let covered = drop_superseded(journal, terms, section, record, answer);
    let answer = Answer { covered, ..answer };
    let known = record_state(journal, journal.bridge(), record);
    let Some(known) = known.filter(|state| !waits(journal, state, answer)) else {
        return;
    };
    if known.reread_required && known.gone.is_none() {
        // This answer was overtaken: what waits for it waits for the next one.
        return request::read_record(journal, terms, record, ReadPurpose::Reread);
    }
    let mut reread = known.reread_required;
    let mut before = None;
    for held in in_order(&known) {
        reread |= judge(journal, terms, section, record, (held, before), answer);
        before = Some(&held.observation);
    }
    if reread {
        request::read_record(journal, terms, record, ReadPurpose::Reread);
    }
}

/// Whether something is out that will tell more than this answer. A write that the answer itself
/// has led to does not: it knows nothing of what is held, which would be judged as if it had come
/// after that write. Only where no clock can order the two must they wait for a read behind it.
fn waits<J: Journal>(journal: &J, state: &RecordState, answer: Answer) -> bool {
    let writes = state.writing.is_some_and(|id| {
        let out = outstanding(journal, journal.bridge(), &id);
        !answer.placed || out.is_none_or(|out| out.sequence < answer.since)
    });
    writes || state.reading.is_some()
}

/// What was consumed before a read was asked for is in its answer, also where a write of ours is
/// out again by now. Answers the newest version among the notifications of that.
fn drop_superseded<J: Journal>(
    journal: &mut J,
    terms: &Terms<'_>,
    section: &Section,
    record: &RecordRef,
    answer: Answer,
) -> Option<Version> {
    let (Some(asked), Some(known)) = (
        answer.asked,
        record_state(journal, journal.bridge(), record),
    ) else {
        return None;
    };
    let (mut before, mut covered) = (None, None);
    let superseded = |held: &&Held| held.sequence < asked;
    for held in in_order(&known).into_iter().filter(superseded) {
        judge(journal, terms, section, record, (held, before), answer);
        before = Some(&held.observation);
        if held.observation.via == Via::Webhook {
            covered = Some(held.observation.version);
        }
    }
    covered
}

/// What was held, as it came to be and not as it arrived.
fn in_order(state: &RecordState) -> Vec<&Held> {
    let mut held: Vec<&Held> = state.held.iter().collect();
    held.sort_by_key(|held| held.observation.version.to_ms);
    held
}

/// Releases one held observation; `before` is the one before it. True if only a read can tell.
fn judge<J: Journal>(
    journal: &mut J,
    terms: &Terms<'_>,
    section: &Section,
    record: &RecordRef,
    (held, before): (&Held, Option<&HeldObservation>),
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
        None if observation.via == Via::Webhook && answer.covers(observation.version) => {
            Verdict::Dropped
        }
        None => verdict(&state, watched, record, observation, answer.placed),
    };
    let placed = match observation.via {
        Via::Feed => Placed::Causally,
        Via::Webhook => Placed::ByVersion,
        _ => Placed::Shown,
    };
    // A write's answer shows nothing that could overtake.
    let is_read = answer.asked.is_some();
    let overtaken = is_read && verdict == Verdict::Reread && state.rereads >= REREADS_MAX;
    if overtaken {
        // Reads keep being overtaken: the owner's side counts, which is the one that showed this,
        // unless the clocks say that it was told late.
        verdict = match answer.is_long_after(observation.version) {
            true => Verdict::Dropped,
            false => Verdict::Folded,
        };
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
        let mut snapshot = observation.snapshot(record);
        if observation.via == Via::Webhook
            && let Some(before) = before
        {
            // A contact is shown whole whatever was changed: what it showed before is nothing new.
            let new = |name: &Name, value: &Value| before.fields.get(name) != Some(value);
            snapshot.fields.retain(|name, value| new(name, value));
        }
        overwrite::claims(journal, terms, section, &snapshot, placed);
    }
    if verdict == Verdict::Folded {
        let news = news(&state, observation, record, !overtaken);
        if overtaken {
            // What a write of ours has replaced meanwhile was said all the same.
            let mut replaced = observation.snapshot(record);
            replaced
                .fields
                .retain(|name, _| !news.fields.contains_key(name));
            overwrite::claims(journal, terms, section, &replaced, placed);
        }
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
