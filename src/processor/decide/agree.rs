//! Agree: what a record's moves mean for its customer, and what follows for every linked record.

use std::collections::BTreeSet;

use crate::domain::journal::{Claim, DomainEvent as E};
use crate::domain::view::{Customer, Decided, Journal, RecordState, customer_of, outstanding};
use crate::domain::{Fields, RecordRef, ReviewId, Value, Version};
use crate::identity::pursuit::seen_fields;
use crate::mapping::{Direction, FieldMap, Section};
use crate::processor::decide::{Terms, reconcile, review};
use crate::sync::conflict::{Ruling, Sent, is_pending, rule};
use crate::sync::desires::{self, Target};
use crate::sync::moves::{Proposal, is_spokesman, proposals};

/// A record that moved: as it was before, what moved, and when.
pub struct Move<'a> {
    pub record: &'a RecordRef,
    pub before: &'a RecordState,
    pub fields: &'a Fields,
    pub version: Version,
    /// Those that answer a write of ours with another value.
    pub against: &'a BTreeSet<String>,
}

/// Decides the moved fields for the customer and what its records should hold.
pub fn agree<J: Journal>(journal: &mut J, terms: &Terms<'_>, section: &Section, moved: &Move<'_>) {
    let bridge = journal.bridge().clone();
    let record = moved.record;
    let Some(customer) = customer_of(journal, &bridge, record) else {
        return;
    };
    let system = terms.mapping.system_of(record);
    let now = seen_fields(&customer.records[record]);
    let object = record.object.as_str();
    let mut fields = BTreeSet::new();
    for proposal in proposals(section, system, object, &now, moved.fields) {
        let name = proposal.field.intercom.clone();
        if propose(journal, terms, section, moved, proposal) {
            fields.insert(name);
        }
    }
    follow(journal, terms, section, record, &fields);
}

/// Lets every linked record follow what was decided.
pub fn follow<J: Journal>(
    journal: &mut J,
    terms: &Terms<'_>,
    section: &Section,
    record: &RecordRef,
    fields: &BTreeSet<String>,
) {
    if !fields.is_empty() {
        follow_beside(journal, terms, section, record, fields, &[]);
    }
}

/// Lets the linked records follow, but for those that have just found their own place.
pub fn follow_beside<J: Journal>(
    journal: &mut J,
    terms: &Terms<'_>,
    section: &Section,
    record: &RecordRef,
    fields: &BTreeSet<String>,
    beside: &[&RecordRef],
) {
    let Some(customer) = customer_of(journal, journal.bridge(), record) else {
        return;
    };
    if customer.links.is_empty() {
        return;
    }
    for (other, state) in live(&customer) {
        if beside.contains(&&other) {
            continue;
        }
        let target = Target {
            system: terms.mapping.system_of(&other),
            record: &other,
            state: &state,
        };
        let wanted = desires::after_agreement(section, &customer, target, fields);
        reconcile::desire(journal, terms, &other, wanted);
    }
}

/// The records of a customer that can be written.
pub fn live(customer: &Customer) -> Vec<(RecordRef, RecordState)> {
    let live = |(_, state): &(&RecordRef, &RecordState)| state.gone.is_none();
    let records = customer.records.iter().filter(live);
    records
        .map(|(record, state)| (record.clone(), state.clone()))
        .collect()
}

/// Takes one proposal into the decision. True if the decided value changed.
fn propose<J: Journal>(
    journal: &mut J,
    terms: &Terms<'_>,
    section: &Section,
    moved: &Move<'_>,
    proposal: Proposal<'_>,
) -> bool {
    let bridge = journal.bridge().clone();
    let Some(customer) = customer_of(journal, &bridge, moved.record) else {
        return false;
    };
    let Proposal { field, value } = proposal;
    let salesforce = |record: &RecordRef| terms.mapping.is_salesforce(record);
    if !is_spokesman(section, salesforce, &customer, moved.record, field) {
        return false;
    }
    if let Some(open) = customer.contested.get(&field.intercom) {
        return review::contested_moved(journal, terms, section, &customer, field, *open);
    }
    let claim = Claim {
        record: moved.record.clone(),
        value,
        version: moved.version,
    };
    let standing = customer.decided.get(&field.intercom);
    let Some(standing) = standing else {
        if claim.value.is_blank() {
            return false;
        }
        decided(journal, &customer, field, &claim, Value::Null, "founding");
        return true;
    };
    if standing.value == claim.value {
        return false;
    }
    let writing = moved.before.writing;
    let writing = writing.and_then(|command| outstanding(journal, &bridge, &command));
    let system = terms.mapping.system_of(moved.record);
    let answers = field
        .names_in(system)
        .iter()
        .any(|name| moved.against.contains(name));
    let apart = field.direction == Direction::Both
        && standing.by != *moved.record
        && (answers || is_pending(field, system, moved.before, Sent::of(writing.as_ref())));
    if apart {
        return settle(journal, terms, &customer, field, &claim);
    }
    let previous = standing.value.clone();
    decided(journal, &customer, field, &claim, previous, "moved");
    true
}

/// Decides a conflict by the field's policy. True if the decided value changed.
pub fn settle<J: Journal>(
    journal: &mut J,
    terms: &Terms<'_>,
    customer: &Customer,
    field: &FieldMap,
    claim: &Claim,
) -> bool {
    let Some(standing) = customer.decided.get(&field.intercom) else {
        return false;
    };
    if standing.value == claim.value {
        return false;
    }
    let against = standing_claim(standing);
    let system_of = |record: &RecordRef| terms.mapping.system_of(record);
    let ruling = rule(
        field,
        (&against, system_of(&against.record)),
        (claim, system_of(&claim.record)),
    );
    let policy = field.conflict.as_str();
    let decide = |kept: &Claim, lost: &Claim| E::ConflictDecided {
        customer: customer.id,
        field: field.intercom.clone(),
        policy: policy.to_owned(),
        kept: kept.clone(),
        lost: lost.clone(),
    };
    match ruling {
        Ruling::Challenger => {
            journal.emit(decide(claim, &against));
            decided(journal, customer, field, claim, against.value, policy);
            true
        }
        Ruling::Standing => {
            journal.emit(decide(&against, claim));
            false
        }
        Ruling::Person => {
            open(
                journal,
                terms,
                customer,
                field,
                vec![against, claim.clone()],
            );
            false
        }
    }
}

fn standing_claim(decided: &Decided) -> Claim {
    Claim {
        record: decided.by.clone(),
        value: decided.value.clone(),
        version: decided.version,
    }
}

/// Puts a field before a person. Until the answer every record keeps what it holds.
pub fn open<J: Journal>(
    journal: &mut J,
    terms: &Terms<'_>,
    customer: &Customer,
    field: &FieldMap,
    claims: Vec<Claim>,
) {
    let record = claims.last().map(|claim| claim.record.clone());
    journal.emit(E::ConflictOpened {
        review: ReviewId::opened_at(journal.bridge(), journal.next_sequence()),
        customer: customer.id,
        field: field.intercom.clone(),
        claims,
    });
    let Some(customer) = record.and_then(|record| customer_of(journal, journal.bridge(), &record))
    else {
        return;
    };
    for (other, state) in live(&customer) {
        let target = Target {
            system: terms.mapping.system_of(&other),
            record: &other,
            state: &state,
        };
        let keeps = desires::contested(field, target);
        if !keeps.is_empty() {
            journal.emit(E::DesiredChanged {
                record: other,
                desires: keeps,
            });
        }
    }
}

/// Journals the decision.
pub fn decided<J: Journal>(
    journal: &mut J,
    customer: &Customer,
    field: &FieldMap,
    claim: &Claim,
    previous: Value,
    policy: &str,
) {
    journal.emit(E::FieldAgreed {
        customer: customer.id,
        field: field.intercom.clone(),
        value: claim.value.clone(),
        previous,
        by: claim.record.clone(),
        policy: policy.to_owned(),
        version: claim.version,
    });
}
