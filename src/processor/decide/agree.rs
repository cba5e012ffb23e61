//! Agree: what a record's moves mean for its customer, and what follows for every linked record.

use std::collections::BTreeSet;

use crate::domain::journal::{Basis, Claim, Desire, DomainEvent as E, HeldObservation, Via};
use crate::domain::shared::Shared;
use crate::domain::time::Order;
use crate::domain::view::{Customer, Decided, Journal, RecordState, customer_of, outstanding};
use crate::domain::{Fields, Name, RecordRef, ReviewId, Value, Version};
use crate::identity::participation::left_out;
use crate::mapping::set::Base;
use crate::mapping::{Conflict, Direction, FieldMap, Section, System};
use crate::processor::decide::{Terms, merge, reconcile, review};
use crate::sync::conflict::{Ruling, Sent, is_pending, rule};
use crate::sync::desires::{self, Target};
use crate::sync::moves::{Proposal, is_spokesman, proposals};

/// A record that moved: as it was before, what moved, and when.
pub struct Move<'a> {
    pub record: &'a RecordRef,
    pub before: &'a RecordState,
    pub fields: &'a Fields,
    pub version: Version,
    pub via: Via,
    /// Those that answer a write of ours with another value.
    pub against: &'a BTreeSet<Name>,
}

impl Move<'_> {
    /// When the values of some of the fields came to be. What tells of a change tells its time; an
    /// answer only shows that the value is there: it came after what was known before, unless
    /// something that waits for the answer has told of it.
    fn happened(&self, names: &[Name]) -> Version {
        if matches!(self.via, Via::Feed | Via::Webhook) {
            return self.version;
        }
        let moved = || {
            names
                .iter()
                .filter_map(|name| self.fields.get_key_value(name))
        };
        let held = self.before.held.iter().map(|held| &held.observation).rev();
        let tells = held.filter(|one| names.iter().any(|name| one.fields.contains_key(name)));
        let shows = |one: &&HeldObservation| {
            moved().all(|(name, value)| one.fields.get(name) == Some(value))
        };
        // A contact is shown whole: the first of those that show the values told of them.
        let told = tells.skip_while(|one| !shows(one)).take_while(shows).last();
        // What our own write made the contact tell has the time of that write.
        let told = told.filter(|told| {
            self.via != Via::Write || told.version.against(&self.version) != Order::Overlaps
        });
        told.map_or_else(|| self.interval(names), |told| told.version)
    }

    /// Whether the record shows what it showed before: under a new mapping it says it in another
    /// form.
    fn is_said_anew(&self, field: &FieldMap, system: System) -> bool {
        let names = field.names_in(system).iter();
        let mut told = names.filter_map(|name| self.fields.get_key_value(name));
        told.all(|(name, value)| value == self.before.value_seen(name))
    }

    /// From when the old value was last known to be there to the answer.
    fn interval(&self, names: &[Name]) -> Version {
        let known = |name| {
            let seen = self.before.seen.get(name);
            seen.map_or(0, |seen| seen.version.from_ms)
        };
        // What waits for the answer and shows another value tells what was there before.
        let held = self.before.held.iter().map(|held| &held.observation);
        let showed = held.filter(|one| {
            names.iter().any(|name| {
                let shown = one.fields.get(name);
                shown.is_some_and(|shown| self.fields.get(name) != Some(shown))
            })
        });
        let before = showed.map(|one| one.version.from_ms);
        let before = before.filter(|at| *at <= self.version.to_ms).max();
        let from_ms = names.iter().map(known).min().max(before).unwrap_or(0);
        Version {
            from_ms: from_ms.min(self.version.from_ms),
            to_ms: self.version.to_ms,
        }
    }
}

/// Decides the moved fields for the customer and what its records should hold.
pub fn agree<J: Journal>(journal: &mut J, terms: &Terms<'_>, section: &Section, moved: &Move<'_>) {
    let bridge = journal.bridge().clone();
    let record = moved.record;
    let Some(customer) = customer_of(journal, &bridge, record) else {
        return;
    };
    let out = left_out(journal, &bridge, terms.mapping, record);
    if let (Some(out), false) = (out, customer.links.is_empty()) {
        // Alone it speaks for itself; linked, what it says reaches nobody.
        return journal.trace(out.code(), Some(record));
    }
    let system = terms.mapping.system_of(record);
    let now: &RecordState = &customer.records[record];
    let object = record.object.as_str();
    let mut fields = BTreeSet::new();
    for proposal in proposals(section, system, object, now, moved.fields) {
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
    fields: &BTreeSet<Name>,
) {
    if !fields.is_empty() {
        spread(journal, terms, section, record, fields, |_, _, _| true);
    }
}

/// Lets the linked records follow after a link, but for those that have just found their own
/// place. Nobody has changed anything: what a record keeps as its own stays.
pub fn follow_beside<J: Journal>(
    journal: &mut J,
    terms: &Terms<'_>,
    section: &Section,
    record: &RecordRef,
    fields: &BTreeSet<Name>,
    beside: &[&RecordRef],
) {
    let follows = |other: &RecordRef, state: &RecordState, desire: &Desire| {
        let known = state.desired.get(&desire.name);
        let kept = known.is_some_and(|one| one.basis == Basis::Kept && !one.value.is_blank());
        !beside.contains(&other) && !kept
    };
    spread(journal, terms, section, record, fields, follows);
}

fn spread<J: Journal>(
    journal: &mut J,
    terms: &Terms<'_>,
    section: &Section,
    record: &RecordRef,
    fields: &BTreeSet<Name>,
    follows: impl Fn(&RecordRef, &RecordState, &Desire) -> bool,
) {
    let Some(customer) = customer_of(journal, journal.bridge(), record) else {
        return;
    };
    if customer.links.is_empty() {
        return;
    }
    for (other, state) in live(&customer) {
        let target = Target {
            system: terms.mapping.system_of(&other),
            record: &other,
            state: &state,
        };
        for refusal in desires::refused(section, &customer, target, fields) {
            journal.trace(refusal.0, Some(&other));
        }
        let mut wanted = desires::after_agreement(section, &customer, target, fields);
        wanted.retain(|desire| follows(&other, &state, desire));
        reconcile::desire(journal, terms, &other, wanted);
    }
}

/// Two customers became one: what their records were to hold stays theirs where the decision is
/// now another, until somebody changes it.
pub fn keep_apart<J: Journal>(
    journal: &mut J,
    terms: &Terms<'_>,
    section: &Section,
    customer: &Customer,
) {
    let names = section.fields.iter().map(|field| field.intercom.clone());
    let all: BTreeSet<Name> = names.collect();
    for (record, state) in live(customer) {
        let target = Target {
            system: terms.mapping.system_of(&record),
            record: &record,
            state: &state,
        };
        let mut kept = desires::after_agreement(section, customer, target, &all);
        kept.retain_mut(|desire| {
            let known = state.desired.get(&desire.name);
            let known = known.filter(|one| one.basis == Basis::Agreed && one.value != desire.value);
            desire.basis = Basis::Kept;
            known.is_some_and(|known| {
                desire.value = known.value.clone();
                true
            })
        });
        if !kept.is_empty() {
            journal.emit(E::DesiredChanged {
                record,
                desires: kept,
            });
        }
    }
}

/// The records of a customer that can be written.
pub fn live(customer: &Customer) -> Vec<(RecordRef, Shared<RecordState>)> {
    let live = |(_, state): &(&RecordRef, &Shared<RecordState>)| state.gone.is_none();
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
    let system = terms.mapping.system_of(moved.record);
    let claim = Claim {
        record: moved.record.clone(),
        value,
        version: moved.happened(field.names_in(system)),
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
        if is_followed(terms, section, &customer, field) {
            return false;
        }
        // Records that were linked with values of their own kept them: this is a change since, and
        // they follow it as they would follow any other.
        let previous = standing.value.clone();
        decided(journal, &customer, field, &claim, previous, "moved");
        return true;
    }
    if field.is_set() && field.direction == Direction::Both && !moved.is_said_anew(field, system) {
        let shown = field.decided_from(system, moved.before);
        if shown == claim.value {
            // The same values in another order.
            return false;
        }
        if field.conflict == Conflict::Merge {
            let base = merge::base(moved.before, field.names_in(system), &shown);
            return merge::merge(journal, &customer, field, &claim, base);
        }
    }
    let writing = moved.before.writing;
    let writing = writing.and_then(|command| outstanding(journal, &bridge, &command));
    let answers = field
        .names_in(system)
        .iter()
        .any(|name| moved.against.contains(name));
    let apart = field.direction == Direction::Both
        && standing.by != *moved.record
        && (answers || is_pending(field, system, moved.before, Sent::of(writing.as_deref())));
    if apart {
        return settle(journal, terms, &customer, field, &claim, Base::Unknown);
    }
    let previous = standing.value.clone();
    decided(journal, &customer, field, &claim, previous, "moved");
    true
}

/// Whether what is decided is what every linked record should hold.
fn is_followed(
    terms: &Terms<'_>,
    section: &Section,
    customer: &Customer,
    field: &FieldMap,
) -> bool {
    let fields = BTreeSet::from([field.intercom.clone()]);
    customer.links.is_empty()
        || live(customer).iter().all(|(record, state)| {
            let target = Target {
                system: terms.mapping.system_of(record),
                record,
                state,
            };
            let wanted = desires::after_agreement(section, customer, target, &fields);
            wanted.iter().all(|desire| {
                let known = state.desired.get(&desire.name);
                known.is_some_and(|known| known.value == desire.value)
            })
        })
}

/// Decides a conflict by the field's policy. `base`: what a set was before the claim changed it.
/// True if the decided value changed.
pub fn settle<J: Journal>(
    journal: &mut J,
    terms: &Terms<'_>,
    customer: &Customer,
    field: &FieldMap,
    claim: &Claim,
    base: Base<'_>,
) -> bool {
    let Some(standing) = customer.decided.get(&field.intercom) else {
        return false;
    };
    if standing.value == claim.value {
        return false;
    }
    if field.conflict == Conflict::Merge {
        return merge::merge(journal, customer, field, claim, base);
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
        policy: policy.into(),
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

/// What is decided, as the claim of the record that said it.
pub fn standing_claim(decided: &Decided) -> Claim {
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
        policy: policy.into(),
        version: claim.version,
    });
}
