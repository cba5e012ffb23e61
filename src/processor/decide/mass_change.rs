//! The brake on mass changes: when too many records of a field are changed through the bridge
//! within an hour, no more are until a person says so. What waits is kept as what is desired.

use std::collections::BTreeSet;

use crate::domain::brakes::{Brake, FieldRef, Hold, brake_of, brakes, is_counted, replaces};
use crate::domain::journal::{Basis, Desire, DomainEvent as E, WalkReason};
use crate::domain::view::{Journal, RecordState, ReviewItem, record_state};
use crate::domain::{FieldWrite, Name, RecordRef, ReviewId};
use crate::processor::decide::{Terms, shadow, walk};
use crate::sync::writes::difference;

/// How long a person's yes holds at least, in milliseconds: what belongs to one change of many may
/// come over hours.
const APPROVED_MS: i64 = 24 * 60 * 60_000;

/// Whether a field of a record waits for a person.
pub fn waits<J: Journal>(journal: &J, record: &RecordRef, name: &Name) -> bool {
    let brake = brake_of(journal, journal.bridge(), &FieldRef::of(record, name));
    brake.is_some_and(|brake| brake.is_stopped())
}

/// Stops those of the fields that are to be written of which too many records were changed. True if
/// any was stopped: what is to be written is another matter then.
pub fn brake<J: Journal>(
    journal: &mut J,
    terms: &Terms<'_>,
    record: &RecordRef,
    state: &RecordState,
    fields: &[FieldWrite],
) -> bool {
    if terms.brakes.changed_percent_max >= 100 || shadow::is_on(journal) {
        return false;
    }
    let now = journal.now();
    let mut stopped: BTreeSet<Name> = BTreeSet::new();
    for write in fields {
        if stopped.contains(&write.name)
            || !replaces(state, write)
            || is_counted(state, &write.name, now)
        {
            continue;
        }
        let known = brake_of(
            journal,
            journal.bridge(),
            &FieldRef::of(record, &write.name),
        );
        let Some(known) = known.filter(|known| !known.is_approved(now)) else {
            continue;
        };
        let changed = known.changed(now) + 1;
        if !is_too_many(terms, &known, changed) {
            continue;
        }
        let (field, names) = mapped(terms, record, &write.name);
        stopped.extend(names.iter().cloned());
        let review = ReviewId::opened_at(journal.bridge(), journal.next_sequence());
        journal.emit(E::MassChangeBraked {
            review,
            record: record.clone(),
            field,
            names,
            changed,
            records: known.records,
        });
    }
    !stopped.is_empty()
}

fn is_too_many(terms: &Terms<'_>, brake: &Brake, changed: u64) -> bool {
    let share = u64::from(terms.brakes.changed_percent_max).saturating_mul(brake.records);
    changed > terms.brakes.changed_records_min && changed.saturating_mul(100) > share
}

/// The mapped field behind a name, and all names that it has in the record: a name is one value in
/// two fields, of which none is written without the other.
pub fn mapped(terms: &Terms<'_>, record: &RecordRef, name: &Name) -> (Name, Vec<Name>) {
    let system = terms.mapping.system_of(record);
    let section = terms.mapping.section_of(record);
    let field =
        section.and_then(|section| section.written_as(system, record.object.as_str(), name));
    match field {
        Some(field) => (field.intercom.clone(), field.names_in(system).to_vec()),
        None => (name.clone(), vec![name.clone()]),
    }
}

/// A person's answer. What waited is written, or given up, as a walk.
pub fn answered<J: Journal>(journal: &mut J, item: &ReviewItem, approved: bool) {
    let until = journal.now().plus_ms(APPROVED_MS);
    journal.emit(E::MassChangeSettled {
        review: item.id,
        approved_until: approved.then_some(until),
    });
    let how = if approved { "approved" } else { "refused" };
    journal.emit(E::ReviewClosed {
        review: item.id,
        how: how.to_owned(),
    });
    walk::start(journal, WalkReason::Brake, None, 0);
}

/// What a person refused is given up: the record keeps what it holds, until somebody changes it.
pub fn give_up<J: Journal>(journal: &mut J, record: &RecordRef) {
    let Some(state) = record_state(journal, journal.bridge(), record) else {
        return;
    };
    let is_refused = |name: &Name| {
        let brake = brake_of(journal, journal.bridge(), &FieldRef::of(record, name));
        brake.is_some_and(|brake| matches!(brake.hold, Hold::Refused { .. }))
    };
    let kept = difference(&state)
        .into_iter()
        .filter(|field| is_refused(&field.name));
    let kept: Vec<Desire> = kept
        .map(|field| Desire {
            name: field.name,
            value: field.expect,
            basis: Basis::Kept,
        })
        .collect();
    if !kept.is_empty() {
        journal.emit(E::DesiredChanged {
            record: record.clone(),
            desires: kept,
        });
    }
}

/// Whether a walk gives up what a person refused: what was decided behind its back is written by
/// another one, once the field is free.
pub fn gives_up<J: Journal>(journal: &J, walk: u64) -> bool {
    let brakes = brakes(journal, journal.bridge());
    brakes
        .iter()
        .any(|brake| matches!(brake.hold, Hold::Refused { since } if since < walk))
}
