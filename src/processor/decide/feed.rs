//! Feed: what a change event of Salesforce means, field by field. Events come in the order of
//! their commits; only what overlaps a write or read of ours needs more than the event.

use std::collections::BTreeMap;

use crate::domain::journal::{DomainEvent as E, EchoSignal, ReadPurpose, Via};
use crate::domain::record::Gone;
use crate::domain::view::{Journal, RecordState, outstanding, record_state};
use crate::domain::{EventKind, Fields, Name, RecordEvent, RecordRef, RecordSnapshot, Writer};
use crate::mapping::Section;
use crate::processor::decide::observed::known_or_founded;
use crate::processor::decide::{
    Terms, first_link, fold, holds, overwrite, owner, pursue, request, source_merge,
};
use crate::sync::conflict::Sent;
use crate::sync::echo::{self, Known, Placed, Sorted};

pub fn decide<J: Journal>(journal: &mut J, terms: &Terms<'_>, event: &RecordEvent) {
    let record = &event.record;
    let Some(section) = terms.mapping.section_of(record) else {
        return journal.trace("object_not_mapped", Some(record));
    };
    match event.kind {
        EventKind::Deleted => delete(journal, terms, section, event),
        EventKind::Gap => {
            known_or_founded(journal, section, record);
            reread(journal, terms, record);
        }
        EventKind::Created | EventKind::Updated | EventKind::Undeleted => {
            let state = known_or_founded(journal, section, record);
            if is_back(journal, terms, event, &state) {
                change(journal, terms, section, event);
            }
        }
    }
}

/// A record of Salesforce that was deleted can be restored, until it is purged; it may have been
/// merged into another one.
fn delete<J: Journal>(journal: &mut J, terms: &Terms<'_>, section: &Section, event: &RecordEvent) {
    let record = &event.record;
    let state = known_or_founded(journal, section, record);
    if state.gone == Some(Gone::Deleted) {
        return journal.trace("already_gone", Some(record));
    }
    pursue::close_review(journal, record, "left");
    let waiting = pursue::waiting_behind(journal, record);
    let left = E::RecordLeft {
        record: record.clone(),
        how: Gone::Deleted,
        at: Some(event.version),
    };
    source_merge::leave(journal, terms, record, left);
    pursue::release(journal, terms, waiting);
}

/// Whether the record is there to be changed.
fn is_back<J: Journal>(
    journal: &mut J,
    terms: &Terms<'_>,
    event: &RecordEvent,
    state: &RecordState,
) -> bool {
    let record = &event.record;
    match state.gone {
        None => return true,
        Some(Gone::Converted) => {
            journal.trace("record_gone", Some(record));
            return false;
        }
        // What was sent before the deletion comes before it: only an undelete brings it back.
        Some(Gone::Deleted) if event.kind != EventKind::Undeleted => {
            journal.trace("record_gone", Some(record));
            return false;
        }
        Some(Gone::Deleted | Gone::Archived | Gone::NotFound) => {}
    }
    source_merge::returned(journal, terms, record);
    true
}

fn change<J: Journal>(journal: &mut J, terms: &Terms<'_>, section: &Section, event: &RecordEvent) {
    let bridge = journal.bridge().clone();
    let record = &event.record;
    let Some(state) = record_state(journal, &bridge, record) else {
        return;
    };
    let snapshot = snapshot(event);
    let snapshot = owner::enriched(journal, terms, section, &snapshot);
    let watched = fold::watched(terms, section, record);
    let writing = state
        .writing
        .and_then(|id| outstanding(journal, &bridge, &id));
    let known = Known {
        section,
        system: terms.mapping.system_of(record),
        object: record.object.as_str(),
        state: &state,
        sent: Sent::of(writing.as_deref()),
    };
    let mut sorted = echo::sort(known, watched, event.writer, &snapshot);
    if state.reading.is_some() || state.reread_required {
        // The read may have been carried out before or after: what is not ours waits for it. What
        // automation made of our own write comes from before it was asked for.
        let (ours, foreign) = std::mem::take(&mut sorted.moves)
            .into_iter()
            .partition(|(name, _)| sorted.against.contains(name));
        sorted.moves = ours;
        sorted.held.extend::<Fields>(foreign);
    }
    if sorted == Sorted::default() && event.unread.is_empty() {
        return journal.trace("nothing_moved", Some(record));
    }
    if !sorted.older.is_empty() {
        let awaits = |name: &&Name| echo::awaits_echo(&state, name);
        let replaced = sorted.older.iter().filter(awaits);
        let replaced = replaced.filter_map(|name| snapshot.fields.get_key_value(name));
        let replaced: Fields = replaced
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        let replaced = with(&snapshot, replaced);
        let foreign = event.writer == Writer::Foreign;
        if !(foreign && overwrite::claims(journal, terms, section, &replaced, Placed::Causally)) {
            journal.trace("older", Some(record));
        }
    }
    suppress(journal, terms, section, event, &snapshot, &sorted);
    if !sorted.moves.is_empty() {
        let moves = with(&snapshot, sorted.moves);
        fold::fold_against(journal, terms, section, &moves, Via::Feed, &sorted.against);
    }
    hold(journal, terms, with(&snapshot, sorted.held), &state);
    let unread = event
        .unread
        .iter()
        .any(|name| watched.contains(name.as_str()));
    if unread || !sorted.unclear.is_empty() {
        reread(journal, terms, record);
    }
}

/// Journals what was ours: echoes, with the sign that told them, and forms that are accepted.
fn suppress<J: Journal>(
    journal: &mut J,
    terms: &Terms<'_>,
    section: &Section,
    event: &RecordEvent,
    snapshot: &RecordSnapshot,
    sorted: &Sorted,
) {
    let record = &event.record;
    let mut confirmed = Fields::new();
    let mut by_sign: BTreeMap<(u64, EchoSignal), Vec<Name>> = BTreeMap::new();
    for one in &sorted.echoes {
        let names = by_sign.entry((one.write, one.signal)).or_default();
        names.push(one.name.clone());
        if one.confirms {
            confirmed.insert(one.name.clone(), one.value.clone());
        }
    }
    let state = record_state(journal, journal.bridge(), record);
    let write = state.map_or(0, |state| state.write_sequence);
    for (name, sent, stored) in &sorted.forms {
        let signal = EchoSignal::Tag;
        let names = by_sign.entry((write, signal)).or_default();
        names.push(name.clone());
        confirmed.insert(name.clone(), stored.clone());
        journal.emit(E::FormAccepted {
            record: record.clone(),
            name: name.clone(),
            desired: sent.clone(),
            stored: stored.clone(),
        });
    }
    for ((write, signal), fields) in by_sign {
        journal.emit(E::EchoSuppressed {
            record: record.clone(),
            signal,
            write,
            fields,
        });
    }
    if !confirmed.is_empty() {
        fold::confirm(
            journal,
            terms,
            section,
            &with(snapshot, confirmed),
            Via::Feed,
        );
        // Intercom may show under another name what now stands in Salesforce.
        first_link::spoken_anew(journal, terms, section, record);
    }
}

/// What overlaps a write of ours waits: after the write's result a read tells which came last.
fn hold<J: Journal>(journal: &mut J, terms: &Terms<'_>, held: RecordSnapshot, state: &RecordState) {
    if held.fields.is_empty() {
        return;
    }
    holds::hold(journal, terms, state, &held, Via::Feed);
    if state.writing.is_none() && state.reading.is_none() {
        request::read_record(journal, terms, &held.record, ReadPurpose::Tie);
    }
}

/// Only a read can tell; a read that is out may have been carried out before.
fn reread<J: Journal>(journal: &mut J, terms: &Terms<'_>, record: &RecordRef) {
    let state = record_state(journal, journal.bridge(), record);
    if state.is_some_and(|state| state.reading.is_some()) {
        return journal.emit(E::RereadRequired {
            record: record.clone(),
        });
    }
    request::read_record(journal, terms, record, ReadPurpose::Incomplete);
}

fn snapshot(event: &RecordEvent) -> RecordSnapshot {
    RecordSnapshot {
        record: event.record.clone(),
        version: event.version,
        fields: event.fields.clone(),
        tags: None,
        companies: None,
    }
}

fn with(snapshot: &RecordSnapshot, fields: Fields) -> RecordSnapshot {
    RecordSnapshot {
        record: snapshot.record.clone(),
        version: snapshot.version,
        fields,
        tags: None,
        companies: None,
    }
}
