//! Evolve: who is who, and who stands in line to find out.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::brakes::{Suppressed, Withheld};
use crate::domain::journal::{DomainEvent as E, ReviewKind};
use crate::domain::shared::Shared;
use crate::domain::view::{APART_MAX, AWAITED_BY_MAX, Customer, Due, Link, Pursuit, RecordState};
use crate::domain::view::{ReviewItem, ViewEntry, ViewWrite, bridge_state, matching};
use crate::domain::{CustomerId, MatchRule, RecordRef, ViewKey};
use crate::processor::evolve::edit::Edit;
use crate::processor::evolve::records::index;

pub fn apply<V: ViewWrite>(edit: &mut Edit<'_, V>, event: &E) {
    match event {
        E::RecordLinked { .. } => linked(edit, event),
        E::RecordsUnlinked { .. } => unlinked(edit, event),
        E::IdentifierShared { .. } => shared(edit, event),
        E::IdentifierFreed { key } => edit.matching(key, |matching| matching.shared = None),
        E::RecordsKeptApart { left, right, .. } => {
            keep_apart(edit, left, right);
            keep_apart(edit, right, left);
        }
        E::LinkDeferred {
            record,
            behind,
            deadline,
        } => {
            defer(edit, record, behind);
            let pursuit = Pursuit::Deferred {
                behind: behind.clone(),
                deadline: *deadline,
            };
            edit.record(record, |state| state.pursuit = pursuit);
            edit.put_due(*deadline, Due::Deferral(record.clone()));
        }
        E::DeferralEnded { record, .. } => edit.pursue(record, Pursuit::Idle),
        E::RecordWaiting { record, missing } => {
            edit.pursue(
                record,
                Pursuit::Waiting {
                    missing: missing.clone(),
                },
            );
        }
        E::WaitingEnded { record } => edit.pursue(record, Pursuit::Idle),
        E::CompanyAwaited { record, company } => {
            edit.pursue(
                record,
                Pursuit::AwaitingCompany {
                    company: company.clone(),
                },
            );
            edit.record(company, |state| {
                if state.awaited_by.len() < AWAITED_BY_MAX {
                    state.awaited_by.insert(record.clone());
                }
            });
        }
        other => unreachable!("{} is no link event", other.name()),
    }
}

fn linked<V: ViewWrite>(edit: &mut Edit<'_, V>, event: &E) {
    let E::RecordLinked {
        left,
        right,
        rule,
        rule_version,
        evidence,
        customer,
        absorbed,
    } = event
    else {
        unreachable!("the caller matched the event");
    };
    let mut kept = load(edit, customer);
    if let Some(absorbed) = absorbed {
        merge(edit, &mut kept, absorbed);
    }
    for record in [left, right] {
        if !kept.records.contains_key(record) {
            let state = RecordState {
                entered: edit.sequence,
                ..RecordState::default()
            };
            kept.records.insert(record.clone(), state.into());
            index(edit, record, customer);
        }
    }
    kept.links.push(Link {
        left: left.clone(),
        right: right.clone(),
        rule: *rule,
        rule_version: *rule_version,
        evidence: evidence.clone(),
        sequence: edit.sequence,
        cause: edit.cause,
    });
    // Whoever joins two that were kept apart has another view of them.
    let all: BTreeSet<RecordRef> = kept.records.keys().cloned().collect();
    for state in kept.records.values_mut() {
        if state.apart.iter().any(|one| all.contains(one)) {
            state.apart.retain(|one| !all.contains(one));
        }
    }
    for record in [left, right] {
        // It has a counterpart: nothing would be made of it.
        let state = kept.records.get_mut(record);
        let made = |one: &Suppressed| matches!(one.what, Withheld::Create(_));
        if let Some(state) = state.filter(|state| state.suppressed.as_ref().is_some_and(made)) {
            state.suppressed = None;
        }
    }
    if *rule == MatchRule::Conversion {
        inherit(&mut kept, left, right);
    }
    edit.put_customer(kept);
    for record in [left, right] {
        // Only its own answer ends a creation in flight.
        if *rule == MatchRule::Created || !edit.creates(record) {
            edit.pursue(record, Pursuit::Idle);
        }
    }
}

/// What a contact took over from the lead that it was, it holds by our hand where the lead did.
fn inherit(kept: &mut Customer, lead: &RecordRef, contact: &RecordRef) {
    let Some(before) = kept.records.get(lead).cloned() else {
        return;
    };
    let Some(now) = kept.records.get_mut(contact) else {
        return;
    };
    for (name, own) in &before.own {
        let same = now.seen.contains_key(name) && now.value_seen(name) == before.value_seen(name);
        if same && !now.own.contains_key(name) {
            now.own.insert(name.clone(), own.clone());
        }
    }
}

fn shared<V: ViewWrite>(edit: &mut Edit<'_, V>, event: &E) {
    let E::IdentifierShared {
        review,
        record,
        key,
        others,
    } = event
    else {
        unreachable!("the caller matched the event");
    };
    edit.matching(key, |matching| matching.shared = Some(*review));
    let item = ReviewItem {
        id: *review,
        kind: ReviewKind::Shared,
        record: record.clone(),
        candidates: others.clone(),
        reason: format!("identifier_of_too_many:{:?}", key.rule),
        opened_at: bridge_state(edit.view, edit.bridge).last_at,
        field: None,
        claims: Vec::new(),
    };
    let at = ViewKey::review(edit.bridge, review);
    edit.view.put(at, ViewEntry::Review(Box::new(item)));
}

fn unlinked<V: ViewWrite>(edit: &mut Edit<'_, V>, event: &E) {
    let E::RecordsUnlinked {
        customer,
        founded,
        moved,
        ..
    } = event
    else {
        unreachable!("the caller matched the event");
    };
    let mut kept = load(edit, customer);
    let mut leaving = BTreeMap::new();
    for record in moved {
        let state = kept.records.remove(record);
        leaving.extend(state.map(|state| (record.clone(), state)));
        index(edit, record, founded);
    }
    let of = |records: &BTreeMap<RecordRef, Shared<RecordState>>| {
        let within = |link: &&Link| {
            let pair = [&link.left, &link.right];
            pair.iter().all(|record| records.contains_key(*record))
        };
        let links: Vec<Link> = kept.links.iter().filter(within).cloned().collect();
        links
    };
    let links = (of(&kept.records), of(&leaving));
    for (stays, state) in &mut kept.records {
        for (leaves, other) in &mut leaving {
            if state.apart.len() < APART_MAX && other.apart.len() < APART_MAX {
                state.apart.insert(leaves.clone());
                other.apart.insert(stays.clone());
            }
        }
    }
    kept.links = links.0.into();
    let split = Customer {
        id: *founded,
        kind: kept.kind,
        founded: edit.sequence,
        records: leaving,
        links: links.1.into(),
        decided: BTreeMap::new().into(),
        contested: BTreeMap::new(),
    };
    edit.put_customer(kept);
    edit.put_customer(split);
}

/// What a lookup showed and nobody has told of has no state: the other side knows.
fn keep_apart<V: ViewWrite>(edit: &mut Edit<'_, V>, record: &RecordRef, from: &RecordRef) {
    if !edit.knows(record) {
        return;
    }
    edit.record(record, |state| {
        if state.apart.len() < APART_MAX {
            state.apart.insert(from.clone());
        }
    });
}

fn load<V: ViewWrite>(edit: &Edit<'_, V>, id: &CustomerId) -> Customer {
    match edit
        .view
        .get(&ViewKey::customer(edit.bridge, id))
        .as_deref()
    {
        Some(ViewEntry::Customer(customer)) => customer.clone(),
        _ => panic!("the journal links into {id}, which no event founded"),
    }
}

/// Moves everything of `absorbed` into `kept` and leaves an alias. What was decided for the kept
/// customer stands; the absorbed one's decisions fill what it has none for.
fn merge<V: ViewWrite>(edit: &mut Edit<'_, V>, kept: &mut Customer, absorbed: &CustomerId) {
    let other = load(edit, absorbed);
    for (record, state) in other.records {
        index(edit, &record, &kept.id);
        kept.records.insert(record, state);
    }
    kept.links.extend(other.links.iter().cloned());
    for (field, decided) in &other.decided {
        if !kept.decided.contains_key(field) {
            kept.decided.insert(field.clone(), decided.clone());
        }
    }
    edit.view.remove(&ViewKey::customer(edit.bridge, absorbed));
    edit.view.put(
        ViewKey::alias(edit.bridge, absorbed),
        ViewEntry::Alias(kept.id),
    );
}

/// Puts the record in line at every key that the other one has in flight.
fn defer<V: ViewWrite>(edit: &mut Edit<'_, V>, record: &RecordRef, behind: &RecordRef) {
    let mut claimed = BTreeSet::new();
    edit.record(record, |state| claimed = (*state.keys).clone());
    claimed.retain(|key| matching(edit.view, edit.bridge, key).in_flight.as_ref() == Some(behind));
    for key in &claimed {
        edit.matching(key, |matching| {
            if !matching.deferred.contains(record) {
                matching.deferred.push(record.clone());
            }
        });
    }
    edit.record(record, |state| state.claimed = claimed);
}
