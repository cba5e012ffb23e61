//! Merge: Salesforce merges records by deleting all but one. No event names the one that stays:
//! only the row of a deleted one does, in the bin. What is restored from there is one of its own.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::journal::ReviewKind;
use crate::domain::journal::{Basis, DomainEvent as E, RESTORED, ReadEnding, ReadPurpose};
use crate::domain::record::MatchRule;
use crate::domain::tree::{heir, merged_into};
use crate::domain::view::{Customer, Journal, Outstanding, Pursuit, ViewEntry};
use crate::domain::view::{customer_of, matching, record_state};
use crate::domain::{CommandResult, Fields, MatchKey, Name, Outcome, RecordRef, RecordSnapshot};
use crate::domain::{ReviewId, Value, ViewKey};
use crate::mapping::{Direction, Section};
use crate::processor::decide::pursue::RELEASED_MAX;
use crate::processor::decide::{
    Terms, agree, first_link, link, pursue, reconcile, request, settle_read, shared, tree, unlink,
};
use crate::sync::desires::{Target, after_agreement, at_conversion};
use crate::sync::split::parts;

/// The objects whose records an org can merge.
const MERGED: [&str; 3] = ["Lead", "Contact", "Account"];
/// The field of a deleted row that names the record which took its place.
pub const MASTER: &str = "MasterRecordId";

/// Journals that a record left its source. One of Salesforce that others follow may have been
/// merged, which its row in the bin tells; who only waited for a person because of it goes on.
pub fn leave<J: Journal>(journal: &mut J, terms: &Terms<'_>, record: &RecordRef, event: E) {
    let bridge = journal.bridge().clone();
    let before = record_state(journal, &bridge, record);
    let stood = before.as_ref().is_some_and(|state| state.gone.is_none());
    let keys = before
        .map(|state| (*state.keys).clone())
        .unwrap_or_default();
    shared::leave(journal, terms, record, event);
    let customer = customer_of(journal, &bridge, record);
    let is_linked = customer.is_some_and(|customer| customer.records.len() > 1)
        || tree::has_below(journal, record);
    let can_be_merged =
        terms.mapping.is_salesforce(record) && MERGED.contains(&record.object.as_str());
    if stood && is_linked && can_be_merged {
        request::read_gone(journal, terms, record, ReadPurpose::Master);
    }
    less_in_doubt(journal, terms, record, &keys);
}

/// Those who share an identifier with a record that left, and for whom it was a candidate, are
/// decided anew among the others.
fn less_in_doubt<J: Journal>(
    journal: &mut J,
    terms: &Terms<'_>,
    record: &RecordRef,
    keys: &BTreeSet<MatchKey>,
) {
    let mut doubtful: Vec<RecordRef> = Vec::new();
    for key in keys {
        for holder in matching(journal, journal.bridge(), key).records {
            if !doubtful.contains(&holder) && asks_about(journal, &holder, record).is_some() {
                doubtful.push(holder);
            }
        }
    }
    for holder in doubtful.into_iter().take(RELEASED_MAX) {
        let Some(review) = asks_about(journal, &holder, record) else {
            continue;
        };
        let state = record_state(journal, journal.bridge(), &holder);
        let blocked = state.and_then(|state| state.blocked.as_ref().map(|blocked| blocked.review));
        if blocked == Some(review) {
            reconcile::unblock(journal, &holder, "candidate_left");
        } else {
            journal.emit(E::ReviewClosed {
                review,
                how: "candidate_left".into(),
            });
        }
        pursue::pursue(journal, terms, &holder, true);
    }
}

/// The open question who a record is, if it has another one among its candidates.
fn asks_about<J: Journal>(
    journal: &J,
    holder: &RecordRef,
    candidate: &RecordRef,
) -> Option<ReviewId> {
    let state = record_state(journal, journal.bridge(), holder)?;
    let Pursuit::InReview { review } = state.pursuit else {
        return None;
    };
    let entry = journal.get(&ViewKey::review(journal.bridge(), &review))?;
    match &*entry {
        ViewEntry::Review(item) => {
            let asks = item.kind == ReviewKind::Ambiguous && item.candidates.contains(candidate);
            asks.then_some(review)
        }
        _ => None,
    }
}

/// Takes what the bin shows of a record that left.
pub fn answered<J: Journal>(
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
    match &result.outcome {
        Outcome::Read { snapshot } => {
            journal.emit(settled(ReadEnding::Answered));
            match master_of(record, snapshot) {
                Some(master) => merged(journal, terms, record, &master),
                None => {
                    journal.trace("deleted_and_not_merged", Some(record));
                    tree::orphaned(journal, terms, record);
                }
            }
        }
        Outcome::NotFound { .. } => {
            journal.emit(settled(ReadEnding::NotFound));
            journal.trace("gone_from_the_bin", Some(record));
            tree::orphaned(journal, terms, record);
        }
        Outcome::Rejected(rejection) => {
            journal.emit(settled(ReadEnding::Rejected(rejection.clone())));
            settle_read::refused(journal, record, rejection);
        }
        // It changes nothing: the deadline asks again.
        _ => journal.trace("read_unknown", Some(record)),
    }
}

fn master_of(record: &RecordRef, row: &RecordSnapshot) -> Option<RecordRef> {
    let id = row.fields.get(MASTER).and_then(Value::as_text)?;
    let master = RecordRef::new(&record.source, record.object.as_str(), id).ok()?;
    (master != *record).then_some(master)
}

/// Two records are one by the word of their org: one customer, and the master stands for both.
fn merged<J: Journal>(journal: &mut J, terms: &Terms<'_>, loser: &RecordRef, master: &RecordRef) {
    let bridge = journal.bridge().clone();
    let Some(section) = terms.mapping.section_of(loser) else {
        return journal.trace("object_not_mapped", Some(loser));
    };
    let Some(customer) = customer_of(journal, &bridge, loser) else {
        return journal.trace("record_unknown", Some(loser));
    };
    if customer.records[loser].gone.is_none() {
        return journal.trace("restored_since", Some(loser));
    }
    if merged_into(&customer, loser).is_some() {
        return journal.trace("already_merged", Some(loser));
    }
    pursue::close_review(journal, loser, "merged");
    pursue::close_question(journal, master, "merged");
    let mut waiting = pursue::waiting_behind(journal, loser);
    waiting.extend(pursue::waiting_behind(journal, master));
    let following = following(journal, terms, section, [loser, master]);
    let (rule, evidence) = (MatchRule::SourceMerge, MASTER);
    link::join(journal, terms, master, loser, rule, evidence);
    let Some(customer) = customer_of(journal, &bridge, master) else {
        return;
    };
    match heir(&customer, master) {
        Some(heir) if customer.records[&heir].seen.is_empty() => {
            request::read_record(journal, terms, &heir, ReadPurpose::Reread);
        }
        Some(heir) => take_over(journal, terms, section, loser, &heir),
        // It left before anybody followed it: its own row says whether it was merged, too.
        None => request::read_gone(journal, terms, master, ReadPurpose::Master),
    }
    follow_on(journal, terms, section, &following);
    tree::orphaned(journal, terms, loser);
    pursue::release(journal, terms, waiting);
    let records: Vec<RecordRef> = customer.records.keys().cloned().collect();
    for record in &records {
        pursue::pursue(journal, terms, record, true);
    }
}

/// The records of Intercom that show what Salesforce says, with the fields in which they do.
fn following<J: Journal>(
    journal: &J,
    terms: &Terms<'_>,
    section: &Section,
    records: [&RecordRef; 2],
) -> BTreeMap<RecordRef, BTreeSet<Name>> {
    let told = section.fields.iter();
    let told = told.filter(|field| field.direction == Direction::ToIntercom);
    let told: Vec<&Name> = told.map(|field| &field.intercom).collect();
    let mut following = BTreeMap::new();
    let customers = records.map(|record| customer_of(journal, journal.bridge(), record));
    for (record, state) in customers.iter().flatten().flat_map(|one| agree::live(one)) {
        let shows = |name: &&&Name| {
            let desire = state.desired.get(**name);
            desire.is_some_and(|desire| desire.basis == Basis::Agreed)
        };
        let names: BTreeSet<Name> = told.iter().filter(shows).copied().cloned().collect();
        if !terms.mapping.is_salesforce(&record) && !names.is_empty() {
            following.insert(record, names);
        }
    }
    following
}

/// They go on to show it: what the merged record said is nobody's own to keep.
fn follow_on<J: Journal>(
    journal: &mut J,
    terms: &Terms<'_>,
    section: &Section,
    following: &BTreeMap<RecordRef, BTreeSet<Name>>,
) {
    for (record, names) in following {
        let Some(customer) = customer_of(journal, journal.bridge(), record) else {
            continue;
        };
        let target = Target {
            system: terms.mapping.system_of(record),
            record,
            state: &customer.records[record],
        };
        let wanted = after_agreement(section, &customer, target, names);
        reconcile::desire(journal, terms, record, wanted);
    }
}

/// The master speaks for the customer. What it took over from the one that it replaces follows the
/// decisions, as that one did; what it had of its own stays, our key among it.
fn take_over<J: Journal>(
    journal: &mut J,
    terms: &Terms<'_>,
    section: &Section,
    loser: &RecordRef,
    master: &RecordRef,
) {
    let bridge = journal.bridge().clone();
    first_link::spoken_anew(journal, terms, section, master);
    let Some(customer) = customer_of(journal, &bridge, master) else {
        return;
    };
    let (Some(before), Some(state)) = (customer.records.get(loser), customer.records.get(master))
    else {
        return;
    };
    let target = Target {
        system: terms.mapping.system_of(master),
        record: master,
        state,
    };
    let mut desires = at_conversion(section, &customer, before, target, &Fields::new());
    desires.retain(|desire| !state.desired.contains_key(&desire.name));
    reconcile::desire(journal, terms, master, desires);
    let records: Vec<RecordRef> = customer.records.keys().cloned().collect();
    first_link::adopt_all(journal, terms, section, &records);
}

/// Takes the first look at a master that nobody had told of. The record of Intercom that follows it
/// from now on, if there is one: the rest is as at a first link.
pub fn first_look<J: Journal>(
    journal: &mut J,
    terms: &Terms<'_>,
    section: &Section,
    master: &RecordRef,
) {
    let Some(customer) = customer_of(journal, journal.bridge(), master) else {
        return;
    };
    let losers = customer.links.iter();
    let losers = losers.filter(|one| one.rule == MatchRule::SourceMerge && one.left == *master);
    for loser in losers {
        take_over(journal, terms, section, &loser.right, master);
    }
}

/// The first record of Intercom of a customer into whose record another one was merged.
pub fn follower(terms: &Terms<'_>, customer: &Customer, master: &RecordRef) -> Option<RecordRef> {
    let mut links = customer.links.iter();
    links.find(|one| one.rule == MatchRule::SourceMerge && one.left == *master)?;
    let live = customer
        .records
        .iter()
        .filter(|(record, state)| !terms.mapping.is_salesforce(record) && state.gone.is_none());
    let first = live.min_by_key(|(record, state)| (state.entered, (*record).clone()));
    first.map(|(record, _)| record.clone())
}

/// A record is back. One that its org had merged away is a record of its own again, and those whom
/// it brought along go with it, unless others join the two as well.
pub fn returned<J: Journal>(journal: &mut J, terms: &Terms<'_>, record: &RecordRef) {
    journal.emit(E::RecordReturned {
        record: record.clone(),
    });
    tree::orphaned(journal, terms, record);
    let Some(customer) = customer_of(journal, journal.bridge(), record) else {
        return;
    };
    let Some(master) = merged_into(&customer, record).cloned() else {
        return;
    };
    match parts(&customer, record, &master) {
        Ok(parts) => unlink::split(journal, terms, (record, &master), parts, RESTORED),
        Err(_) => journal.trace("restored_and_joined_by_others", Some(record)),
    }
}
