//! Brakes: what stops writes of ours although they are decided, and who lets them go on.

use std::collections::BTreeSet;

use crate::domain::journal::{Basis, Claim, Desire, DomainEvent as E};
use crate::domain::view::customer_of;
use crate::domain::view::{Customer, Journal, RecordState, ReviewItem, ViewEntry, record_state};
use crate::domain::{FieldWrite, Name, RecordRef, ReviewId, Timestamp, ViewKey};
use crate::mapping::FieldMap;
use crate::processor::decide::{Terms, agree, reconcile};
use crate::sync::writes::is_oscillating;

/// How much is let go before writes stop. Whatever is decided by them stands in events, so a
/// rebuild does not depend on these.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Brakes {
    /// How often somebody may replace what we wrote in a field of a record within the window.
    pub reversals_max: u32,
    /// In milliseconds.
    pub window_ms: i64,
    /// How much of a field's records may be changed through the bridge within an hour, in percent;
    /// 100 is no brake.
    pub changed_percent_max: u32,
    /// As many may be, whatever the share.
    pub changed_records_min: u64,
}

impl Brakes {
    /// Nothing is stopped.
    pub const OFF: Self = Self {
        reversals_max: u32::MAX,
        window_ms: 0,
        changed_percent_max: 100,
        changed_records_min: u64::MAX,
    };
}

impl Default for Brakes {
    fn default() -> Self {
        Self {
            reversals_max: 6,
            window_ms: 10 * 60_000,
            changed_percent_max: 20,
            changed_records_min: 50,
        }
    }
}

/// Trips the breakers of those fields that are to be written and go back and forth. True if any
/// did: what is to be written is another matter then.
pub fn trip<J: Journal>(
    journal: &mut J,
    terms: &Terms<'_>,
    record: &RecordRef,
    state: &RecordState,
    fields: &[FieldWrite],
) -> bool {
    let bounds = (terms.brakes.reversals_max, terms.brakes.window_ms);
    let now = journal.now();
    let mut stopped: BTreeSet<Name> = BTreeSet::new();
    for write in fields {
        let Some(fight) = is_oscillating(state, &write.name, now, bounds) else {
            continue;
        };
        if stopped.contains(&write.name) {
            continue;
        }
        let Some(customer) = customer_of(journal, journal.bridge(), record) else {
            continue;
        };
        let system = terms.mapping.system_of(record);
        let section = terms.mapping.section_of(record);
        let field = section
            .and_then(|section| section.written_as(system, record.object.as_str(), &write.name));
        // A name is one value in two fields: half of it is never written beside the other half.
        let names: Vec<Name> = match field {
            Some(field) => field.names_in(system).to_vec(),
            None => vec![write.name.clone()],
        };
        stopped.extend(names.iter().cloned());
        let claims = field.map_or_else(Vec::new, |field| {
            claims(terms, &customer, record, state, field)
        });
        let field = field.map_or(&write.name, |field| &field.intercom).clone();
        emit(journal, record, field, names, claims, fight);
    }
    !stopped.is_empty()
}

fn emit<J: Journal>(
    journal: &mut J,
    record: &RecordRef,
    field: Name,
    names: Vec<Name>,
    claims: Vec<Claim>,
    (reversals, since): (u32, Timestamp),
) {
    let review = ReviewId::opened_at(journal.bridge(), journal.next_sequence());
    journal.emit(E::BreakerTripped {
        review,
        record: record.clone(),
        field,
        names,
        claims,
        reversals,
        since,
    });
}

/// What a record holds of a field, and what is decided of it.
fn claims(
    terms: &Terms<'_>,
    customer: &Customer,
    record: &RecordRef,
    state: &RecordState,
    field: &FieldMap,
) -> Vec<Claim> {
    let held = Claim {
        record: record.clone(),
        value: field.decided_from(terms.mapping.system_of(record), state),
        version: state.version,
    };
    let decided = customer.decided.get(&field.intercom);
    let decided = decided.map(agree::standing_claim);
    [held].into_iter().chain(decided).collect()
}

/// A person's answer about a breaker: what is desired is written again, or the record keeps what it
/// holds.
pub fn answered<J: Journal>(journal: &mut J, terms: &Terms<'_>, item: &ReviewItem, goes_on: bool) {
    if !goes_on {
        keep_as_it_is(journal, item);
    }
    let how = if goes_on { "tried_again" } else { "dismissed" };
    close(journal, item.id, how);
    reconcile::reconcile(journal, terms, &item.record);
}

/// The fields of a breaker keep what they hold, until somebody changes them.
fn keep_as_it_is<J: Journal>(journal: &mut J, item: &ReviewItem) {
    let Some(state) = record_state(journal, journal.bridge(), &item.record) else {
        return;
    };
    let stopped = state
        .tripped
        .iter()
        .filter(|(_, review)| **review == item.id);
    let kept: Vec<Desire> = stopped
        .map(|(name, _)| Desire {
            name: name.clone(),
            value: state.value_seen(name).clone(),
            basis: Basis::Kept,
        })
        .collect();
    if !kept.is_empty() {
        journal.emit(E::DesiredChanged {
            record: item.record.clone(),
            desires: kept,
        });
    }
}

/// What went back and forth is counted anew on every side of it: a person has decided.
pub fn count_anew<J: Journal>(journal: &mut J, terms: &Terms<'_>, item: &ReviewItem) {
    let customer = customer_of(journal, journal.bridge(), &item.record);
    let section = terms.mapping.section_of(&item.record);
    let (Some(customer), Some(section), Some(name)) = (customer, section, &item.field) else {
        return;
    };
    let field = section
        .fields
        .iter()
        .find(|one| one.intercom == *name.as_str());
    let Some(field) = field else {
        return;
    };
    for (record, state) in agree::live(&customer) {
        let names = field.names_in(terms.mapping.system_of(&record)).iter();
        let known = names.filter(|name| state.reversals.contains_key(*name));
        forget(journal, record, known.cloned().collect());
    }
}

/// Under another mapping everything is counted anew.
pub fn under_new_mapping<J: Journal>(journal: &mut J, record: &RecordRef) {
    set_back(journal, record, "mapping");
    let state = record_state(journal, journal.bridge(), record);
    let names = state.map(|state| state.reversals.keys().cloned().collect());
    forget(journal, record.clone(), names.unwrap_or_default());
}

fn forget<J: Journal>(journal: &mut J, record: RecordRef, names: Vec<Name>) {
    if !names.is_empty() {
        journal.emit(E::BreakerReset { record, names });
    }
}

/// Closes what a person was told of the breakers of a record: they are set back.
pub fn set_back<J: Journal>(journal: &mut J, record: &RecordRef, how: &str) {
    let Some(state) = record_state(journal, journal.bridge(), record) else {
        return;
    };
    let open: BTreeSet<ReviewId> = state.tripped.values().copied().collect();
    for review in open {
        close(journal, review, how);
    }
}

fn close<J: Journal>(journal: &mut J, review: ReviewId, how: &str) {
    let key = ViewKey::review(journal.bridge(), &review);
    if matches!(journal.get(&key).as_deref(), Some(ViewEntry::Review(_))) {
        journal.emit(E::ReviewClosed {
            review,
            how: how.to_owned(),
        });
    }
}
