//! Decide: what a source showed.

use std::collections::BTreeSet;

use crate::domain::Fields;
use crate::domain::journal::{DomainEvent as E, EchoSignal, ReadPurpose, Via};
use crate::domain::record::{Gone, MatchRule};
use crate::domain::time::Order;
use crate::domain::view::{Journal, Pursuit, RecordState, StateHeld, ViewEntry};
use crate::domain::view::{customer_id_of, outstanding};
use crate::domain::view::{customer_of, record_state};
use crate::domain::{
    Change, CustomerId, Name, RecordRef, RecordSnapshot, SourceId, Version, ViewKey,
};
use crate::mapping::Section;
use crate::processor::decide::{
    Terms, feed, first_link, fold, holds, link, overwrite, owner, shared,
};
use crate::processor::decide::{pursue, request, sweep, walk};
use crate::sync::conflict::Sent;
use crate::sync::echo::{Placed, awaits_echo, shown_again};
use crate::sync::moves::moved;

pub fn decide<J: Journal>(journal: &mut J, terms: &Terms<'_>, source: &SourceId, change: &Change) {
    match change {
        Change::Shown(snapshot) => show(journal, terms, snapshot),
        Change::Tagged {
            snapshot,
            tag_id,
            tag_name,
            added,
        } => {
            name_tag(journal, source, tag_id, tag_name);
            let mut snapshot = snapshot.clone();
            if let Some(tags) = &mut snapshot.tags {
                if *added {
                    tags.ids.insert(tag_id.clone())
                } else {
                    tags.ids.remove(tag_id)
                };
            }
            show(journal, terms, &snapshot);
            let state = record_state(journal, journal.bridge(), &snapshot.record);
            if state.is_some_and(|state| state.pursuit == Pursuit::Idle) {
                // A newer snapshot may have brought the tag's id before its name was known, and
                // another record's notification may have named it since.
                pursue::pursue(journal, terms, &snapshot.record, false);
            }
        }
        Change::Attached {
            company,
            contact,
            attached,
        } => {
            show(journal, terms, company);
            let mut contact = contact.clone();
            if let Some(companies) = &mut contact.companies {
                let id = company.record.id.clone();
                if *attached {
                    companies.ids.insert(id)
                } else {
                    companies.ids.remove(&id)
                };
            }
            show(journal, terms, &contact);
        }
        Change::Merged { survivor, absorbed } => {
            show(journal, terms, survivor);
            match absorbed {
                Some(absorbed) => merge(journal, terms, &survivor.record, absorbed),
                None => journal.trace("merge_names_no_absorbed", Some(&survivor.record)),
            }
        }
        Change::Left { record, how, at } => leave(journal, terms, record, *how, *at),
        Change::Event(event) => feed::decide(journal, terms, event),
        Change::Row(row) => row_read(journal, terms, row, Via::Row),
        Change::Imported { row, .. } => {
            let terms = Terms {
                quiet: true,
                ..*terms
            };
            row_read(journal, &terms, row, Via::Row);
        }
        Change::ImportEnded { run, of, rows } => {
            walk::import_ended(journal, source, *run, *of, *rows);
        }
        Change::Swept(row) => sweep::row(journal, terms, row),
        Change::SweptGone { record, at } => sweep::gone(journal, terms, record, *at),
        Change::SweepEnded {
            run,
            since,
            until,
            compared,
        } => sweep::ended(journal, source, *run, (*since, *until), *compared),
        Change::TagNamed { tag_id, name } => name_tag(journal, source, tag_id, name),
        Change::Kept => journal.trace("not_interpreted", None),
    }
}

/// Learns the name of a tag; snapshots carry ids only.
fn name_tag<J: Journal>(journal: &mut J, source: &SourceId, tag_id: &str, name: &str) {
    let key = ViewKey::tag_name(journal.bridge(), source, tag_id);
    if let Some(ViewEntry::TagName(known)) = journal.get(&key).as_deref()
        && known == name
    {
        return;
    }
    journal.emit(E::TagNamed {
        source: source.clone(),
        tag_id: tag_id.to_owned(),
        name: name.to_owned(),
    });
}

fn show<J: Journal>(journal: &mut J, terms: &Terms<'_>, snapshot: &RecordSnapshot) {
    let record = &snapshot.record;
    let Some(section) = terms.mapping.section_of(record) else {
        return journal.trace("object_not_mapped", Some(record));
    };
    let state = known_or_founded(journal, section, record);
    match state.gone {
        Some(Gone::Deleted | Gone::Converted) => return journal.trace("record_gone", Some(record)),
        Some(Gone::Archived | Gone::NotFound) => {
            if snapshot.version.against(&state.version) != Order::Newer {
                return journal.trace("record_gone", Some(record));
            }
            journal.emit(E::RecordReturned {
                record: record.clone(),
            });
        }
        None => {}
    }
    place(journal, terms, section, &state, snapshot);
}

/// Orders a webhook's snapshot against what is known: drops, holds, reads or folds it.
fn place<J: Journal>(
    journal: &mut J,
    terms: &Terms<'_>,
    section: &Section,
    state: &RecordState,
    snapshot: &RecordSnapshot,
) {
    let record = &snapshot.record;
    let order = snapshot.version.against(&state.version);
    if order == Order::Older {
        if !overwrite::claims(journal, terms, section, snapshot, Placed::ByVersion) {
            journal.trace("older", Some(record));
        }
        return;
    }
    let watched = fold::watched(terms, section, record);
    if state.writing.is_some() || state.reading.is_some() {
        if is_write_in_flight(journal, state, watched, snapshot) {
            return;
        }
        return holds::hold(journal, terms, state, snapshot, Via::Webhook);
    }
    if let Some((write, fields)) = shown_again(state, snapshot) {
        journal.emit(E::EchoSuppressed {
            record: record.clone(),
            signal: EchoSignal::Seen,
            write,
            fields,
        });
    }
    if order == Order::Overlaps {
        if moved(state, watched, snapshot).is_nothing() {
            return journal.trace("nothing_moved", Some(record));
        }
        return request::read_record(journal, terms, record, ReadPurpose::Tie);
    }
    fold::fold(journal, terms, section, snapshot, Via::Webhook);
}

/// Whether all that a snapshot moves is what a write in flight sends: its echo, which came before
/// the answer. The write still ends at the answer.
fn is_write_in_flight<J: Journal>(
    journal: &mut J,
    state: &RecordState,
    watched: &BTreeSet<Name>,
    snapshot: &RecordSnapshot,
) -> bool {
    let writing = state.writing.filter(|_| state.reading.is_none());
    let waiting = writing.and_then(|id| outstanding(journal, journal.bridge(), &id));
    let sent = Sent::of(waiting.as_deref());
    let shown = moved(state, watched, snapshot);
    let ours = |(name, value): (&Name, &crate::domain::Value)| sent.value(name) == Some(value);
    let echo = !shown.fields.is_empty()
        && shown.tags.is_none()
        && shown.companies.is_none()
        && shown.fields.iter().all(ours);
    if echo {
        journal.emit(E::EchoSuppressed {
            record: snapshot.record.clone(),
            signal: EchoSignal::InFlight,
            write: state.write_sequence,
            fields: shown.fields.into_keys().collect(),
        });
    }
    echo
}

/// A row of a sweep, a backfill or a search. It was read at some time before it came: it loses
/// every tie.
pub fn row_read<J: Journal>(journal: &mut J, terms: &Terms<'_>, row: &RecordSnapshot, via: Via) {
    let record = &row.record;
    if terms.mapping.is_salesforce(record) && record.object.as_str() == owner::USER {
        return owner::seen_user(journal, row);
    }
    let Some(section) = terms.mapping.section_of(record) else {
        return journal.trace("object_not_mapped", Some(record));
    };
    let state = known_or_founded(journal, section, record);
    if state.gone.is_some() {
        return journal.trace("record_gone", Some(record));
    }
    let known = state.folded > 0;
    if known && row.version.against(&state.version) != Order::Newer {
        return fill_in(journal, terms, section, &state, row, via);
    }
    if state.writing.is_some() || state.reading.is_some() {
        return holds::hold(journal, terms, &state, row, via);
    }
    let shown = moved(&state, fold::watched(terms, section, record), row);
    if shown.fields.keys().any(|name| awaits_echo(&state, name)) {
        // A write of ours was answered without a version: the row may have been read before it.
        let terms = Terms {
            quiet: false,
            ..*terms
        };
        return request::read_record(journal, &terms, record, ReadPurpose::Tie);
    }
    fold::fold(journal, terms, section, row, via);
}

/// A row that is not newer than what is known loses, but for fields that nobody has told of: a
/// change event names only what it changed, and whatever changed since would have been told.
fn fill_in<J: Journal>(
    journal: &mut J,
    terms: &Terms<'_>,
    section: &Section,
    state: &RecordState,
    row: &RecordSnapshot,
    via: Via,
) {
    let record = &row.record;
    let watched = fold::watched(terms, section, record);
    let untold = row.fields.iter().filter(|(name, value)| {
        watched.contains(*name) && !state.seen.contains_key(*name) && !value.is_blank()
    });
    let fields: Fields = untold
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    if fields.is_empty() {
        return journal.trace("row_not_newer", Some(record));
    }
    let row = RecordSnapshot {
        record: record.clone(),
        version: state.version,
        fields,
        tags: None,
        companies: None,
    };
    if state.writing.is_some() || state.reading.is_some() {
        return holds::hold(journal, terms, state, &row, via);
    }
    fold::fold(journal, terms, section, &row, via);
}

/// What is known of a record; a new one founds a customer of its own.
pub fn known_or_founded<J: Journal>(
    journal: &mut J,
    section: &Section,
    record: &RecordRef,
) -> StateHeld {
    if let Some(state) = record_state(journal, journal.bridge(), record) {
        return state;
    }
    let customer = CustomerId::founded_at(journal.bridge(), journal.next_sequence());
    journal.emit(E::CustomerFounded {
        customer,
        kind: section.kind,
        record: record.clone(),
    });
    record_state(journal, journal.bridge(), record).expect("it was founded above")
}

fn leave<J: Journal>(
    journal: &mut J,
    terms: &Terms<'_>,
    record: &RecordRef,
    how: Gone,
    at: Option<Version>,
) {
    let Some(section) = terms.mapping.section_of(record) else {
        return journal.trace("object_not_mapped", Some(record));
    };
    // Also one that was never shown: what was sent before it left may still come.
    let state = known_or_founded(journal, section, record);
    if state.gone == Some(how) || state.gone == Some(Gone::Deleted) {
        return journal.trace("already_gone", Some(record));
    }
    // What was archived can have come back since; what was deleted cannot.
    let order = at.map(|at| at.against(&state.version));
    if how == Gone::Archived && order == Some(Order::Older) {
        return journal.trace("older", Some(record));
    }
    pursue::close_review(journal, record, "left");
    let waiting = pursue::waiting_behind(journal, record);
    let left = E::RecordLeft {
        record: record.clone(),
        how,
        at,
    };
    shared::leave(journal, terms, record, left);
    pursue::release(journal, terms, waiting);
}

/// Intercom merged two contacts: one customer, and the absorbed id is dead.
fn merge<J: Journal>(
    journal: &mut J,
    terms: &Terms<'_>,
    survivor: &RecordRef,
    absorbed: &RecordRef,
) {
    let bridge = journal.bridge().clone();
    let known = record_state(journal, &bridge, absorbed);
    if known
        .as_ref()
        .is_some_and(|state| state.gone == Some(Gone::Deleted))
    {
        return journal.trace("already_merged", Some(absorbed));
    }
    if customer_id_of(journal, &bridge, survivor).is_none() {
        return journal.trace("merge_of_unmapped", Some(survivor));
    }
    pursue::close_review(journal, absorbed, "merged");
    pursue::close_review(journal, survivor, "merged");
    let mut waiting = pursue::waiting_behind(journal, absorbed);
    waiting.extend(pursue::waiting_behind(journal, survivor));
    link::join(
        journal,
        terms,
        survivor,
        absorbed,
        MatchRule::SourceMerge,
        "contact.merged",
    );
    let left = E::RecordLeft {
        record: absorbed.clone(),
        how: Gone::Deleted,
        at: None,
    };
    shared::leave(journal, terms, absorbed, left);
    if let Some(section) = terms.mapping.section_of(survivor)
        && let Some(customer) = customer_of(journal, &bridge, survivor)
    {
        let records: Vec<RecordRef> = customer.records.keys().cloned().collect();
        first_link::adopt_all(journal, terms, section, &records);
    }
    pursue::release(journal, terms, waiting);
    pursue::pursue(journal, terms, survivor, true);
}
