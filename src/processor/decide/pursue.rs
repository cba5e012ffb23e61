//! Pursue: takes the next step of a record towards its counterpart.

use std::collections::BTreeSet;

use crate::domain::journal::{DomainEvent as E, ReadPurpose, ReviewKind};
use crate::domain::view::{Journal, Pursuit, RecordState, ViewEntry};
use crate::domain::view::{customer_of, matching, record_state};
use crate::domain::{MatchKey, MatchRule, RecordRef, RecordSnapshot, ReviewId, ViewKey};
use crate::identity::candidates::{Verdict, in_view};
use crate::identity::keys::telling;
use crate::identity::outward;
use crate::identity::pursuit::{Step, next};
use crate::processor::decide::{Terms, agree, link, pause, reconcile, request, shadow};

/// Takes the next step of a record, if there is one to take.
pub fn pursue<J: Journal>(
    journal: &mut J,
    terms: &Terms<'_>,
    record: &RecordRef,
    keys_changed: bool,
) {
    let bridge = journal.bridge().clone();
    let Some(section) = terms.mapping.section_of(record) else {
        return;
    };
    let salesforce = terms.mapping.is_salesforce(record);
    if salesforce && outward::rule_for(section, record).is_none() {
        return;
    }
    reconsider(journal, terms, record, keys_changed);
    if salesforce && !is_in_intercom(journal, terms, record) {
        // Whoever is there takes the step from Intercom's side.
        counterparts(journal, terms, record);
    }
    let Some(customer) = customer_of(journal, &bridge, record) else {
        return;
    };
    let mapping = terms.mapping;
    let step = if salesforce {
        outward::next(
            journal,
            &bridge,
            mapping,
            section,
            &customer,
            record,
            keys_changed,
        )
    } else {
        next(
            journal,
            &bridge,
            mapping,
            section,
            &customer,
            record,
            keys_changed,
        )
    };
    let again = matches!(step, Step::LookUp(_)) && !keys_changed && shadow::is_on(journal);
    if again && shadow::creates(&customer.records[record]) {
        return journal.trace("would_be_created", Some(record));
    }
    take(journal, terms, record, step);
}

/// Whether the customer of a record has, or had, a record in Intercom.
pub fn is_in_intercom<J: Journal>(journal: &J, terms: &Terms<'_>, record: &RecordRef) -> bool {
    let customer = customer_of(journal, journal.bridge(), record);
    customer.is_some_and(|customer| outward::is_in_intercom(terms.mapping, &customer))
}

fn take<J: Journal>(journal: &mut J, terms: &Terms<'_>, record: &RecordRef, step: Step) {
    match step {
        Step::Rest { .. } => shadow::rests(journal, record),
        Step::Wait { .. } | Step::Defer { .. } | Step::LookUp(_) if terms.quiet => {}
        Step::Found(verdict) => found(journal, terms, record, verdict, &[]),
        Step::Wait { missing } => {
            journal.emit(E::RecordWaiting {
                record: record.clone(),
                missing,
            });
            shadow::rests(journal, record);
        }
        Step::StopWaiting => journal.emit(E::WaitingEnded {
            record: record.clone(),
        }),
        Step::Defer { behind } => {
            let deadline = journal.now().plus_ms(terms.timing.deferral_deadline_ms);
            journal.emit(E::LinkDeferred {
                record: record.clone(),
                behind,
                deadline,
            });
        }
        Step::LookUp(lookup) => {
            request::look_up(journal, terms, lookup, ReadPurpose::FirstLookup);
        }
    }
}

/// The Intercom records that share an identifier with a record of Salesforce take their next step:
/// it may be the counterpart that one of them lacks.
pub fn counterparts<J: Journal>(journal: &mut J, terms: &Terms<'_>, record: &RecordRef) {
    let state = record_state(journal, journal.bridge(), record);
    let (Some(section), Some(state)) = (terms.mapping.section_of(record), state) else {
        return;
    };
    let mut others: Vec<RecordRef> = Vec::new();
    // Those that share the strongest identifiers come first.
    for key in &telling(journal, journal.bridge(), section, &state) {
        let holders = matching(journal, journal.bridge(), key).records.into_iter();
        let holders = holders.filter(|other| !terms.mapping.is_salesforce(other));
        let holders: Vec<RecordRef> = holders.collect();
        if key.rule == MatchRule::Explicit && holders.iter().any(|one| creates(journal, one)) {
            // It is being created from that one, whose answer is still to come: the others with
            // one of its identifiers join it then.
            return;
        }
        for holder in holders {
            if !others.contains(&holder) {
                others.push(holder);
            }
        }
    }
    for other in others.into_iter().take(RELEASED_MAX) {
        pursue(journal, terms, &other, false);
    }
}

/// Whether a creation from a record is in flight.
pub fn creates<J: Journal>(journal: &J, record: &RecordRef) -> bool {
    let state = record_state(journal, journal.bridge(), record);
    state.is_some_and(|state| matches!(state.pursuit, Pursuit::Creating { .. }))
}

/// A record that waits for a person goes on by itself when what was in doubt has changed.
fn reconsider<J: Journal>(
    journal: &mut J,
    terms: &Terms<'_>,
    record: &RecordRef,
    keys_changed: bool,
) {
    let Some(state) = record_state(journal, journal.bridge(), record) else {
        return;
    };
    let Pursuit::InReview { review } = state.pursuit else {
        return;
    };
    if state
        .blocked
        .as_ref()
        .is_some_and(|blocked| blocked.review == review)
    {
        // A refused creation: asked again by `create`, if what it would hold has changed.
        journal.emit(E::WaitingEnded {
            record: record.clone(),
        });
    } else if keys_changed {
        journal.emit(E::ReviewClosed {
            review,
            how: "identifiers_changed".into(),
        });
    } else if is_outranked(journal, terms, record, &review) {
        journal.emit(E::ReviewClosed {
            review,
            how: "a_stronger_rule_says".into(),
        });
    } else if pause::is_refusal(journal, &review) {
        // A refused lookup says nothing of who matches: any change of the record tries again.
        journal.emit(E::ReviewClosed {
            review,
            how: "record_changed".into(),
        });
    }
}

/// Whether the view now knows the counterpart by a stronger rule than the one whose candidates a
/// person was asked about.
fn is_outranked<J: Journal>(
    journal: &J,
    terms: &Terms<'_>,
    record: &RecordRef,
    review: &ReviewId,
) -> bool {
    let bridge = journal.bridge();
    let entry = journal.get(&ViewKey::review(bridge, review));
    let (Some(ViewEntry::Review(item)), Some(section), Some(customer)) = (
        entry.as_deref(),
        terms.mapping.section_of(record),
        customer_of(journal, bridge, record),
    ) else {
        return false;
    };
    if item.kind != ReviewKind::Ambiguous || terms.mapping.is_salesforce(record) {
        return false;
    }
    let state = &customer.records[record];
    let found = in_view(journal, bridge, terms.mapping, section, &customer, state);
    let (Verdict::One { key, .. } | Verdict::All { key, .. }) = found else {
        return false;
    };
    let asked = section
        .rules
        .iter()
        .find(|by| asked_by(&item.reason, by.rule));
    asked.is_some_and(|asked| key.rule < asked.rule)
}

/// Closes the question who a record is; what the remote refused of it stays.
pub fn close_question<J: Journal>(journal: &mut J, record: &RecordRef, how: &str) {
    let state = record_state(journal, journal.bridge(), record);
    let Some(Pursuit::InReview { review }) = state.map(|state| state.pursuit.clone()) else {
        return;
    };
    if journal
        .get(&ViewKey::review(journal.bridge(), &review))
        .is_some()
    {
        let how = how.to_owned();
        journal.emit(E::ReviewClosed { review, how });
    }
}

/// Closes what a person was asked about a record that is no longer in doubt.
pub fn close_review<J: Journal>(journal: &mut J, record: &RecordRef, how: &str) {
    let Some(state) = record_state(journal, journal.bridge(), record) else {
        return;
    };
    let blocked = state.blocked.as_ref().map(|blocked| blocked.review);
    match state.pursuit {
        Pursuit::InReview { review } if blocked != Some(review) => {
            let how = how.to_owned();
            journal.emit(E::ReviewClosed { review, how });
        }
        _ => {}
    }
    reconcile::unblock(journal, record, how);
}

/// Carries out what the candidates of a record amount to. `rows` is what a lookup showed of them.
pub fn found<J: Journal>(
    journal: &mut J,
    terms: &Terms<'_>,
    record: &RecordRef,
    verdict: Verdict,
    rows: &[RecordSnapshot],
) {
    let (records, key) = match verdict {
        Verdict::Nobody => return,
        Verdict::One { record, key } => (vec![record], key),
        Verdict::All { records, key } => (records, key),
        Verdict::Asked { records, key } => {
            let why = match is_proposed(terms, record, &key) {
                true => Asked::Proposed,
                false => Asked::Several,
            };
            return ask(journal, terms, record, records, &key, why);
        }
    };
    if is_too_large(journal, terms, record, &records) {
        return ask(journal, terms, record, records, &key, Asked::TooLarge);
    }
    for to in records {
        let row = rows.iter().find(|row| row.record == to);
        link::link(journal, terms, record, &to, &key, row);
    }
}

fn ask<J: Journal>(
    journal: &mut J,
    terms: &Terms<'_>,
    record: &RecordRef,
    candidates: Vec<RecordRef>,
    key: &MatchKey,
    why: Asked,
) {
    let behind = waiting_behind(journal, record);
    review(journal, record, candidates, key, why);
    release(journal, terms, behind);
}

fn is_proposed(terms: &Terms<'_>, record: &RecordRef, key: &MatchKey) -> bool {
    let section = terms.mapping.section_of(record);
    let rule = section.and_then(|section| section.rule(key.rule));
    rule.is_some_and(|by| by.proposes)
}

/// Whether a customer would hold more records than people have: what makes them one is wrong then,
/// mostly an identifier that many use.
fn is_too_large<J: Journal>(
    journal: &J,
    terms: &Terms<'_>,
    record: &RecordRef,
    to: &[RecordRef],
) -> bool {
    let Some(section) = terms.mapping.section_of(record) else {
        return false;
    };
    let mut all: BTreeSet<RecordRef> = to.iter().cloned().collect();
    for one in [record].into_iter().chain(to) {
        if let Some(customer) = customer_of(journal, journal.bridge(), one) {
            all.extend(agree::live(&customer).into_iter().map(|(record, _)| record));
        }
    }
    all.len() > section.protection.records_max
}

/// Why a person is asked who a record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    Several,
    /// The rule only proposes.
    Proposed,
    /// The customer would hold more records than the mapping allows.
    TooLarge,
}

impl Asked {
    fn code(self) -> &'static str {
        match self {
            Self::Several => "several_match_by",
            Self::Proposed => "proposed_by",
            Self::TooLarge => "too_many_records_by",
        }
    }
}

/// A person decides, nothing is guessed.
pub fn review<J: Journal>(
    journal: &mut J,
    record: &RecordRef,
    candidates: Vec<RecordRef>,
    key: &MatchKey,
    why: Asked,
) {
    let review = ReviewId::opened_at(journal.bridge(), journal.next_sequence());
    journal.emit(E::ReviewOpened {
        review,
        kind: ReviewKind::Ambiguous,
        record: record.clone(),
        candidates,
        reason: format!("{}:{:?}", why.code(), key.rule),
    });
}

/// Whether a person was asked because of what a rule found.
pub fn asked_by(reason: &str, rule: MatchRule) -> bool {
    let code = reason.rsplit_once(':').map(|(_, rule)| rule);
    code == Some(format!("{rule:?}").as_str())
}

/// The records that stand in line behind this one: at its keys, or as the same customer.
pub fn waiting_behind<J: Journal>(journal: &J, record: &RecordRef) -> Vec<RecordRef> {
    let Some(customer) = customer_of(journal, journal.bridge(), record) else {
        return Vec::new();
    };
    let state = &customer.records[record];
    let stands = |state: &RecordState| match &state.pursuit {
        Pursuit::Deferred { behind, .. } => behind == record,
        _ => false,
    };
    let own = customer.records.iter().filter(|(_, state)| stands(state));
    let mut waiting: Vec<RecordRef> = own.map(|(other, _)| other.clone()).collect();
    for key in &state.claimed {
        let matching = matching(journal, journal.bridge(), key);
        if matching.in_flight.as_ref() != Some(record) {
            continue;
        }
        for other in matching.deferred {
            if !waiting.contains(&other) {
                waiting.push(other);
            }
        }
    }
    waiting
}

/// Records let go on by one observation; the rest go on at their deadlines, a few in each step.
pub const RELEASED_MAX: usize = 50;

/// Lets records go on that stood behind another one, in the order in which they came.
pub fn release<J: Journal>(journal: &mut J, terms: &Terms<'_>, waiting: Vec<RecordRef>) {
    for record in waiting.into_iter().take(RELEASED_MAX) {
        end_deferral(journal, terms, &record, "settled");
    }
}

/// Ends one deferral and decides the record anew.
pub fn end_deferral<J: Journal>(journal: &mut J, terms: &Terms<'_>, record: &RecordRef, why: &str) {
    let state = record_state(journal, journal.bridge(), record);
    let deferred = |pursuit: &Pursuit| matches!(pursuit, Pursuit::Deferred { .. });
    if !state.is_some_and(|state| deferred(&state.pursuit)) {
        return;
    }
    journal.emit(E::DeferralEnded {
        record: record.clone(),
        why: why.to_owned(),
    });
    pursue(journal, terms, record, true);
    reconcile_counterparts(journal, terms, record);
}

fn reconcile_counterparts<J: Journal>(journal: &mut J, terms: &Terms<'_>, record: &RecordRef) {
    let Some(customer) = customer_of(journal, journal.bridge(), record) else {
        return;
    };
    for (other, state) in agree::live(&customer) {
        if state.desired.is_empty() {
            continue;
        }
        reconcile::reconcile(journal, terms, &other);
    }
}
