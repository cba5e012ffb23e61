//! Link: two records are one customer from now on.

use crate::domain::journal::{DomainEvent as E, Via};
use crate::domain::record::MatchRule;
use crate::domain::view::{Customer, Journal, customer_id_of, customer_of, record_state};
use crate::domain::{CustomerId, MatchKey, RecordRef, RecordSnapshot};
use crate::processor::decide::reconcile;
use crate::processor::decide::{Terms, create, first_link, fold, holds, owner, pursue};
use crate::sync::moves;

/// Counts changes of the meaning of the rules; stands on every link.
pub const RULE_VERSION: u32 = 1;

/// Links an Intercom record to its counterpart. `row` is what a lookup showed of it.
pub fn link<J: Journal>(
    journal: &mut J,
    terms: &Terms<'_>,
    record: &RecordRef,
    to: &RecordRef,
    key: &MatchKey,
    row: Option<&RecordSnapshot>,
) {
    let waiting = pursue::waiting_behind(journal, record);
    reconcile::unblock(journal, record, "linked");
    join(journal, terms, record, to, key.rule, &hex::encode(key.hash));
    if let Some(row) = row {
        show_row(journal, terms, row);
    }
    adopt(journal, terms, record, to);
    pursue::release(journal, terms, waiting);
    create::name_company(journal, terms, record);
}

/// Journals the link and what it means for the two customers.
pub fn join<J: Journal>(
    journal: &mut J,
    terms: &Terms<'_>,
    left: &RecordRef,
    right: &RecordRef,
    rule: MatchRule,
    evidence: &str,
) {
    let bridge = journal.bridge().clone();
    let ours = customer_of(journal, &bridge, left).expect("the linked record has a customer");
    let theirs = customer_of(journal, &bridge, right);
    let (customer, absorbed) = survivor(&ours, theirs.as_ref());
    journal.emit(E::RecordLinked {
        left: left.clone(),
        right: right.clone(),
        rule,
        rule_version: RULE_VERSION,
        evidence: evidence.to_owned(),
        customer,
        absorbed,
    });
    let Some(theirs) = theirs.filter(|theirs| theirs.id != ours.id) else {
        return;
    };
    let has_counterpart = |one: &Customer| {
        one.records
            .keys()
            .any(|record| terms.mapping.is_salesforce(record))
    };
    let settled = if has_counterpart(&theirs) {
        theirs
    } else {
        ours
    };
    let merged = customer_of(journal, &bridge, left).expect("it was linked above");
    for one in moves::kept_at_merge(&settled, &merged) {
        journal.emit(E::FieldAgreed {
            customer,
            field: one.field,
            value: one.value,
            previous: one.previous,
            by: one.by,
            policy: "fill_blank".into(),
            version: one.version,
        });
    }
}

/// The customer founded earlier keeps its id; the other becomes an alias.
fn survivor(ours: &Customer, theirs: Option<&Customer>) -> (CustomerId, Option<CustomerId>) {
    match theirs {
        None => (ours.id, None),
        Some(theirs) if theirs.id == ours.id => (ours.id, None),
        Some(theirs) if theirs.founded < ours.founded => (theirs.id, Some(ours.id)),
        Some(theirs) => (ours.id, Some(theirs.id)),
    }
}

/// Takes a lookup's row as what was seen; one that overlaps a write of ours is held.
fn show_row<J: Journal>(journal: &mut J, terms: &Terms<'_>, row: &RecordSnapshot) {
    let state = record_state(journal, journal.bridge(), &row.record).expect("it was linked");
    if state.writing.is_some() || state.reading.is_some() {
        return holds::hold(journal, terms, &state, row, Via::Lookup);
    }
    if let Some(section) = terms.mapping.section_of(&row.record) {
        let row = owner::enriched(journal, terms, section, row);
        fold::note(journal, terms, section, &row, Via::Lookup);
    }
}

/// Decides what the two records mean for each other, and fills what follows from it.
fn adopt<J: Journal>(journal: &mut J, terms: &Terms<'_>, record: &RecordRef, to: &RecordRef) {
    if let Some(section) = terms.mapping.section_of(to)
        && terms.mapping.is_salesforce(to)
        && customer_id_of(journal, journal.bridge(), to).is_some()
    {
        first_link::connect(journal, terms, section, record, to);
    }
}
