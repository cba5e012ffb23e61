//! Review: what a person answered, and what settles an open conflict by itself.

use std::collections::BTreeSet;

use crate::domain::journal::{Claim, DomainEvent as E, ReviewKind, Via};
use crate::domain::record::MatchRule;
use crate::domain::view::{Customer, Journal, ReviewItem, ViewEntry, customer_of, record_state};
use crate::domain::{MatchKey, RecordRef, ReviewAnswer, ReviewId, Value, ViewKey};
use crate::mapping::{FieldMap, Section};
use crate::processor::decide::{Terms, agree, brake, link, mass_change, pause, pursue, reconcile};

/// Carries a person's answer out. An item that was closed meanwhile needs none.
pub fn answered<J: Journal>(
    journal: &mut J,
    terms: &Terms<'_>,
    review: ReviewId,
    answer: &ReviewAnswer,
    by: &str,
) {
    let key = ViewKey::review(journal.bridge(), &review);
    let entry = journal.get(&key);
    let Some(ViewEntry::Review(item)) = entry.as_deref() else {
        return journal.trace("review_closed", None);
    };
    let item = item.clone();
    if !fits(&item, answer) {
        return journal.trace("answer_of_another_kind", Some(&item.record));
    }
    journal.emit(E::ReviewAnswered {
        review,
        answer: answer.to_string(),
        by: by.to_owned(),
    });
    if item.kind == ReviewKind::Oscillating {
        brake::count_anew(journal, terms, &item);
    }
    match answer {
        ReviewAnswer::Retry | ReviewAnswer::Dismiss if item.kind == ReviewKind::Oscillating => {
            let goes_on = *answer == ReviewAnswer::Retry;
            brake::answered(journal, terms, &item, goes_on);
        }
        ReviewAnswer::Approve => mass_change::answered(journal, &item, true),
        ReviewAnswer::Refuse => mass_change::answered(journal, &item, false),
        ReviewAnswer::Link { to } => link_to(journal, terms, &item, to),
        ReviewAnswer::Keep { record } => keep(journal, terms, &item, record),
        ReviewAnswer::Retry => {
            close(journal, &item, "tried_again");
            pause::over(journal, terms, &item.record);
        }
        ReviewAnswer::Dismiss => close(journal, &item, "dismissed"),
        ReviewAnswer::Apart => kept_apart(journal, terms, &item, by),
    }
}

/// Whether an item can be answered so.
pub fn fits(item: &ReviewItem, answer: &ReviewAnswer) -> bool {
    match answer {
        ReviewAnswer::Link { to } => {
            item.kind == ReviewKind::Ambiguous && item.candidates.contains(to)
        }
        ReviewAnswer::Keep { record } => {
            let asks = matches!(item.kind, ReviewKind::Conflict | ReviewKind::Oscillating);
            asks && item.candidates.contains(record)
        }
        ReviewAnswer::Retry => !matches!(
            item.kind,
            ReviewKind::Conflict | ReviewKind::Shared | ReviewKind::MassChange | ReviewKind::Tree
        ),
        // Nothing else would say why it waits.
        ReviewAnswer::Dismiss => item.kind != ReviewKind::MassChange,
        ReviewAnswer::Approve | ReviewAnswer::Refuse => item.kind == ReviewKind::MassChange,
        ReviewAnswer::Apart => {
            // Two records of which one bears our key for the other are no question of likeness.
            let by_key = pursue::asked_by(&item.reason, MatchRule::Explicit);
            item.kind == ReviewKind::Ambiguous && !item.candidates.is_empty() && !by_key
        }
    }
}

fn close<J: Journal>(journal: &mut J, item: &ReviewItem, how: &str) {
    let key = ViewKey::review(journal.bridge(), &item.id);
    if journal.get(&key).is_some() {
        journal.emit(E::ReviewClosed {
            review: item.id,
            how: how.to_owned(),
        });
    }
}

fn link_to<J: Journal>(journal: &mut J, terms: &Terms<'_>, item: &ReviewItem, to: &RecordRef) {
    close(journal, item, "linked");
    let key = MatchKey::new(MatchRule::Operator, &item.id.to_string());
    let (record, to) = match terms.mapping.is_salesforce(&item.record) {
        true => (to, &item.record),
        false => (&item.record, to),
    };
    link::link(journal, terms, record, to, &key, None);
}

/// None of the candidates is the one: they are kept apart, and the record goes on as if they were
/// not there.
fn kept_apart<J: Journal>(journal: &mut J, terms: &Terms<'_>, item: &ReviewItem, by: &str) {
    for candidate in &item.candidates {
        journal.emit(E::RecordsKeptApart {
            left: item.record.clone(),
            right: candidate.clone(),
            by: by.to_owned(),
        });
    }
    let state = record_state(journal, journal.bridge(), &item.record);
    let blocked = state.and_then(|state| state.blocked.as_ref().map(|blocked| blocked.review));
    if blocked == Some(item.id) {
        reconcile::unblock(journal, &item.record, "kept_apart");
    } else {
        close(journal, item, "kept_apart");
    }
    pursue::pursue(journal, terms, &item.record, true);
    // They may have stood back for it.
    for candidate in &item.candidates {
        pursue::pursue(journal, terms, candidate, false);
    }
}

/// The value that one of the two records holds now is the customer's.
fn keep<J: Journal>(journal: &mut J, terms: &Terms<'_>, item: &ReviewItem, record: &RecordRef) {
    close(journal, item, "person");
    let bridge = journal.bridge().clone();
    let (Some(section), Some(customer)) = (
        terms.mapping.section_of(record),
        customer_of(journal, &bridge, record),
    ) else {
        return;
    };
    let name = item.field.as_deref().unwrap_or_default();
    let field = section.fields.iter().find(|field| field.intercom == name);
    let (Some(field), Some(state)) = (field, customer.records.get(record)) else {
        return;
    };
    let system = terms.mapping.system_of(record);
    let names = field.names_in(system);
    let replaced = names.iter().any(|name| {
        let seen = state.seen.get(name);
        seen.is_some_and(|seen| seen.via == Via::Write)
    });
    let claimed = item
        .claims
        .iter()
        .rev()
        .find(|claim| claim.record == *record);
    let claim = match claimed {
        // A write of ours has replaced what was claimed: the claim is what the person saw.
        Some(claim) if replaced => claim.clone(),
        _ => Claim {
            record: record.clone(),
            value: field.decided_from(system, state),
            version: state.version,
        },
    };
    decide_by(journal, terms, section, &customer, field, &claim, "person");
}

fn decide_by<J: Journal>(
    journal: &mut J,
    terms: &Terms<'_>,
    section: &Section,
    customer: &Customer,
    field: &FieldMap,
    claim: &Claim,
    policy: &str,
) {
    let standing = customer.decided.get(&field.intercom);
    let previous = standing.map_or(Value::Null, |decided| decided.value.clone());
    agree::decided(journal, customer, field, claim, previous, policy);
    let fields = BTreeSet::from([field.intercom.clone()]);
    agree::follow(journal, terms, section, &claim.record, &fields);
}

/// A side of an open conflict moved. When all sides say the same, nobody has to decide any more.
pub fn contested_moved<J: Journal>(
    journal: &mut J,
    terms: &Terms<'_>,
    section: &Section,
    customer: &Customer,
    field: &FieldMap,
    review: ReviewId,
) -> bool {
    let claims = agree::live(customer)
        .into_iter()
        .filter_map(|(record, state)| {
            let system = terms.mapping.system_of(&record);
            let has = field
                .names_in(system)
                .iter()
                .any(|name| state.seen.contains_key(name));
            has.then(|| Claim {
                value: field.decided_from(system, &*state),
                version: state.version,
                record,
            })
        });
    let claims: Vec<Claim> = claims.collect();
    let Some(last) = claims.last() else {
        return false;
    };
    if claims.iter().any(|claim| claim.value != last.value) {
        return false;
    }
    journal.emit(E::ReviewClosed {
        review,
        how: "agreed".into(),
    });
    decide_by(journal, terms, section, customer, field, last, "agreed");
    false
}
