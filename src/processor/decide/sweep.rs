//! Sweep: rows that a comparison showed, long after a webhook or event should have told of them.

use crate::domain::journal::{DomainEvent as E, ReadPurpose, Via};
use crate::domain::record::Gone;
use crate::domain::time::Order;
use crate::domain::view::{Journal, RecordState, ViewEntry, record_state};
use crate::domain::{Name, RecordRef, RecordSnapshot, SourceId, Timestamp, Version, ViewKey};
use crate::processor::decide::observed::row_read;
use crate::processor::decide::{Terms, fold, pursue, request, source_merge};
use crate::sync::moves::{Moved, moved};

/// How a sweep's tags and companies stand among the names of fields.
const TAGS: &str = "tags";
const COMPANIES: &str = "companies";

/// What a row shows and nobody has told is healed; a row that is not newer than what is known
/// loses.
pub fn row<J: Journal>(journal: &mut J, terms: &Terms<'_>, row: &RecordSnapshot) {
    let record = &row.record;
    let Some(section) = terms.mapping.section_of(record) else {
        return journal.trace("object_not_mapped", Some(record));
    };
    let known = record_state(journal, journal.bridge(), record);
    let gone = known.filter(|state| state.gone.is_some());
    if gone.is_some_and(|state| !comes_back(journal, terms, &state, row)) {
        return journal.trace("record_gone", Some(record));
    }
    if let Some(state) = record_state(journal, journal.bridge(), record) {
        let ties = row.version.against(&state.version) == Order::Overlaps;
        let busy = state.writing.is_some() || state.reading.is_some();
        let watched = fold::watched(terms, section, record);
        let told = |name: &Name| state.seen.contains_key(name);
        if ties && moved(&state, watched, row).fields.keys().any(told) {
            // Of two changes in one second one may have been lost: a read tells. Our own writes,
            // too, set the second of a change that nobody told of.
            if !busy {
                return request::read_record(journal, terms, record, ReadPurpose::Tie);
            }
            if !state.reread_required {
                journal.emit(E::RereadRequired {
                    record: record.clone(),
                });
            }
        }
    }
    row_read(journal, terms, row, Via::Sweep);
}

/// What a row heals, if it came by a sweep: all that it moves was news.
pub fn heals(via: Via, moved: &Moved) -> Option<Vec<Name>> {
    if via != Via::Sweep || moved.is_nothing() {
        return None;
    }
    let mut fields: Vec<Name> = moved.fields.keys().cloned().collect();
    fields.extend(moved.tags.is_some().then(|| TAGS.into()));
    fields.extend(moved.companies.is_some().then(|| COMPANIES.into()));
    Some(fields)
}

/// Whether a record that was gone is back, as a row shows. A contact that Intercom deleted and a
/// lead that was converted do not come back. What a write or read did not find may have been
/// something else than gone: a lead that was converted in the second of its last change.
fn comes_back<J: Journal>(
    journal: &mut J,
    terms: &Terms<'_>,
    state: &RecordState,
    row: &RecordSnapshot,
) -> bool {
    let record = &row.record;
    let order = row.version.against(&state.version);
    let is_back = match state.gone {
        None | Some(Gone::Converted) => false,
        Some(Gone::Deleted) => terms.mapping.is_salesforce(record) && order == Order::Newer,
        Some(Gone::Archived) => order == Order::Newer,
        Some(Gone::NotFound) => order != Order::Older,
    };
    if !is_back {
        return false;
    }
    source_merge::returned(journal, terms, record);
    journal.emit(E::RecordHealed {
        record: record.clone(),
        fields: Vec::new(),
    });
    true
}

/// A record stands among the deleted ones, and no event said so.
pub fn gone<J: Journal>(journal: &mut J, terms: &Terms<'_>, record: &RecordRef, at: Version) {
    let Some(state) = record_state(journal, journal.bridge(), record) else {
        return journal.trace("gone_and_never_known", Some(record));
    };
    if state.gone.is_some() {
        return journal.trace("already_gone", Some(record));
    }
    match at.against(&state.version) {
        // It was restored since, or changed: the row was read before that.
        Order::Older => return journal.trace("older", Some(record)),
        Order::Overlaps => {
            return request::read_record(journal, terms, record, ReadPurpose::Tie);
        }
        Order::Newer => {}
    }
    pursue::close_review(journal, record, "left");
    let waiting = pursue::waiting_behind(journal, record);
    let left = E::RecordLeft {
        record: record.clone(),
        how: Gone::Deleted,
        at: Some(at),
    };
    source_merge::leave(journal, terms, record, left);
    journal.emit(E::RecordHealed {
        record: record.clone(),
        fields: Vec::new(),
    });
    pursue::release(journal, terms, waiting);
}

/// The report of one source: what was compared, and what was healed since the report before.
pub fn ended<J: Journal>(
    journal: &mut J,
    source: &SourceId,
    run: u64,
    (since, until): (Timestamp, Timestamp),
    compared: u64,
) {
    let key = ViewKey::sweep(journal.bridge(), source);
    let healed = match journal.get(&key).as_deref() {
        Some(ViewEntry::Sweep(state)) => state.healed,
        _ => 0,
    };
    journal.emit(E::SweepEnded {
        source: source.clone(),
        run,
        since,
        until,
        compared,
        healed,
    });
}
