//! Link: two records are one customer from now on.

use std::collections::BTreeSet;

use crate::domain::journal::{CustomerKind, DomainEvent as E, ReadPurpose, Via, WalkReason};
use crate::domain::record::{Gone, MatchRule};
use crate::domain::view::{Customer, Journal, RecordState, customer_of, record_state};
use crate::domain::{CustomerId, MatchKey, RecordRef, RecordSnapshot};
use crate::mapping::Section;
use crate::processor::decide::{Terms, agree, convert, create, first_link, fold, holds};
use crate::processor::decide::{owner, pursue, reconcile, request, source_merge, tree, walk};
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
    let mut waiting = pursue::waiting_behind(journal, record);
    // That one may have been about to be made anew in Intercom.
    waiting.extend(pursue::waiting_behind(journal, to));
    reconcile::unblock(journal, record, "linked");
    for one in [record, to] {
        pursue::close_question(journal, one, "linked");
    }
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
    let theirs = customer_of(journal, &bridge, right);
    let ours = customer_of(journal, &bridge, left).or_else(|| theirs.clone());
    let ours = ours.expect("one of the linked records has a customer");
    // Which of the two was made from the other.
    let outward = rule == MatchRule::Created && pursue::creates(journal, right);
    let (customer, absorbed) = survivor(&ours, theirs.as_deref());
    journal.emit(E::RecordLinked {
        left: left.clone(),
        right: right.clone(),
        rule,
        rule_version: RULE_VERSION,
        evidence: evidence.to_owned(),
        customer,
        absorbed,
    });
    if ours.kind == CustomerKind::Company && terms.mapping.relations.contact_company && !terms.quiet
    {
        // The people of the account have a company to join now.
        walk::start(journal, WalkReason::Relations, None, 0);
    }
    let Some(theirs) = theirs.filter(|theirs| theirs.id != ours.id) else {
        return;
    };
    // A record that its source merged away has stood for its customer until then.
    let merged = (rule == MatchRule::SourceMerge).then_some(right);
    let (one, other) = (
        standing(terms, &ours, None),
        standing(terms, &theirs, merged),
    );
    let settled = if outward && one < Standing::Connected {
        theirs
    } else if rule == MatchRule::Created && !outward && other < Standing::Connected {
        // It holds what was decided for the one that it was made from.
        ours
    } else if other > one || (other == one && one == Standing::InSalesforce && merged.is_none()) {
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
    let merged = customer_of(journal, &bridge, left).expect("it was linked above");
    if let Some(section) = terms.mapping.section_of(left) {
        agree::keep_apart(journal, terms, section, &merged);
    }
}

/// How far a customer has come: what was decided for the one that came further stands in a merge.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Standing {
    InIntercom,
    InSalesforce,
    /// In both: its decisions were made for both sides.
    Connected,
}

fn standing(terms: &Terms<'_>, customer: &Customer, merged: Option<&RecordRef>) -> Standing {
    // A converted lead counts: its customer goes on with the contact.
    let counts = |state: &RecordState| matches!(state.gone, None | Some(Gone::Converted));
    let records = customer.records.iter();
    let known = records.filter(|(record, state)| counts(state) || merged == Some(*record));
    let sides: BTreeSet<bool> = known
        .map(|(record, _)| terms.mapping.is_salesforce(record))
        .collect();
    match (sides.contains(&false), sides.contains(&true)) {
        (true, true) => Standing::Connected,
        (false, true) => Standing::InSalesforce,
        (_, false) => Standing::InIntercom,
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

/// Decides what the two records mean for each other, and fills what follows from it. A record that
/// was never seen, such as one that a person chose, is read first: its values are no blanks.
fn adopt<J: Journal>(journal: &mut J, terms: &Terms<'_>, record: &RecordRef, to: &RecordRef) {
    let Some(section) = terms.mapping.section_of(to) else {
        return;
    };
    let state = record_state(journal, journal.bridge(), to);
    let Some(state) = state.filter(|_| terms.mapping.is_salesforce(to)) else {
        return;
    };
    if state.seen.is_empty() {
        request::read_record(journal, terms, to, ReadPurpose::Reread);
    } else {
        first_link::connect(journal, terms, section, record, to);
    }
}

/// Takes the first look at a record that was linked unseen, and fills what follows from the link.
/// False for any other record.
pub fn first_look<J: Journal>(
    journal: &mut J,
    terms: &Terms<'_>,
    section: &Section,
    row: &RecordSnapshot,
) -> bool {
    let Some(customer) = customer_of(journal, journal.bridge(), &row.record) else {
        return false;
    };
    let unseen = customer.records[&row.record].seen.is_empty();
    let mut links = customer.links.iter();
    let linked =
        links.find(|link| link.right == row.record && !terms.mapping.is_salesforce(&link.left));
    let linked = linked.map(|link| link.left.clone());
    let linked = linked.or_else(|| source_merge::follower(terms, &customer, &row.record));
    let Some(linked) = linked.filter(|_| unseen) else {
        return false;
    };
    let row = owner::enriched(journal, terms, section, row);
    let before = record_state(journal, journal.bridge(), &row.record).unwrap_or_default();
    fold::note(journal, terms, section, &row, Via::Read);
    tree::seen(journal, terms, &row.record, &before);
    if !convert::converted(journal, terms, section, &row.record) {
        source_merge::first_look(journal, terms, section, &row.record);
        // Not `adopt`: a row without any mapped field would be read for ever.
        first_link::connect(journal, terms, section, &linked, &row.record);
    }
    true
}
