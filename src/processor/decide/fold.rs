//! Fold: a snapshot that counts becomes *seen*, its moves are decided, and what follows is asked
//! for.

use std::collections::BTreeSet;

use crate::domain::journal::{Basis, Desire, DomainEvent as E, Via};
use crate::domain::view::{Customer, Journal, RecordState, customer_of, record_state};
use crate::domain::{Fields, RecordRef, RecordSnapshot, Version};
use crate::identity::keys::keys_of;
use crate::identity::pursuit::seen_fields;
use crate::mapping::{Mapping, Section, System};
use crate::processor::decide::{Terms, create, pursue, reconcile};
use crate::sync::{desires, moves};

/// The fields of a record that the mapping watches.
pub fn watched(terms: &Terms<'_>, section: &Section, record: &RecordRef) -> BTreeSet<String> {
    if terms.mapping.is_salesforce(record) {
        section
            .salesforce_fields(record.object.as_str())
            .into_iter()
            .collect()
    } else {
        section.watched_intercom.clone()
    }
}

/// Folds a snapshot into a known record and lets everything follow that depends on it.
pub fn fold<J: Journal>(
    journal: &mut J,
    terms: &Terms<'_>,
    section: &Section,
    snapshot: &RecordSnapshot,
    via: Via,
) {
    let record = &snapshot.record;
    let Some((moved, keys_changed)) = note(journal, terms, section, snapshot, via) else {
        return journal.trace("nothing_moved", Some(record));
    };
    if terms.mapping.is_salesforce(record) {
        reconcile::unblock(journal, record, "record_changed");
        return reconcile::reconcile(journal, terms, record);
    }
    agree(journal, terms, section, record, &moved);
    if section.kind == crate::domain::journal::CustomerKind::Company {
        create::company_changed(journal, terms, record);
    }
    pursue::pursue(journal, terms, record, keys_changed);
    create::name_company(journal, terms, record);
}

/// Journals what a snapshot moves. None if nothing but the version; else the moved fields and
/// whether the record's match keys changed.
pub fn note<J: Journal>(
    journal: &mut J,
    terms: &Terms<'_>,
    section: &Section,
    snapshot: &RecordSnapshot,
    via: Via,
) -> Option<(Fields, bool)> {
    let record = &snapshot.record;
    let state = record_state(journal, journal.bridge(), record)?;
    let moved = moves::moved(&state, &watched(terms, section, record), snapshot);
    let mut fields = seen_fields(&state);
    fields.extend(moved.fields.clone());
    let keys = keys_of(terms.mapping, section, record, &fields);
    let keys_changed = keys != state.keys;
    let nothing = moved.is_nothing() && !keys_changed;
    // A value that went and came back shows as nothing but a newer version: without it, what was
    // told in between and comes late would count as news.
    if nothing && snapshot.version.to_ms <= state.version.to_ms {
        return None;
    }
    journal.emit(E::RecordSeen {
        record: record.clone(),
        version: snapshot.version,
        via,
        fields: moved.fields.clone(),
        tags: moved.tags,
        companies: moved.companies,
        keys: keys_changed.then_some(keys),
    });
    keep(journal, section, record, &state, &moved.fields);
    (!nothing).then_some((moved.fields, keys_changed))
}

/// A value of the record's own follows what people make of it, and so do a stand-in that somebody
/// replaced and a field that Salesforce owns: none of them is ours to write back.
fn keep<J: Journal>(
    journal: &mut J,
    section: &Section,
    record: &RecordRef,
    state: &RecordState,
    moved: &Fields,
) {
    let mut kept = Vec::new();
    for (name, value) in moved {
        let Some(desire) = state.desired.get(name) else {
            continue;
        };
        let ours_to_keep = match desire.basis {
            Basis::Kept => true,
            Basis::Placeholder => !value.is_blank(),
            Basis::Agreed => {
                desire.value != *value
                    && section
                        .written_as(System::Salesforce, record.object.as_str(), name)
                        .is_some_and(|field| field.owner == System::Salesforce)
            }
            Basis::Contested => true,
            Basis::Constant | Basis::Key => false,
        };
        if ours_to_keep {
            kept.push(Desire {
                name: name.clone(),
                value: value.clone(),
                basis: Basis::Kept,
            });
        }
    }
    if !kept.is_empty() {
        journal.emit(E::DesiredChanged {
            record: record.clone(),
            desires: kept,
        });
    }
}

/// Decides the moved fields for the customer and what its Salesforce records should hold.
fn agree<J: Journal>(
    journal: &mut J,
    terms: &Terms<'_>,
    section: &Section,
    record: &RecordRef,
    moved: &Fields,
) {
    let bridge = journal.bridge().clone();
    let customer = customer_of(journal, &bridge, record).expect("a folded record has a customer");
    let mut fields = BTreeSet::new();
    for one in moves::agreements(section, &customer, moved) {
        let policy = if customer.decided.contains_key(&one.field) {
            "moved"
        } else {
            "founding"
        };
        fields.insert(one.field.clone());
        journal.emit(E::FieldAgreed {
            customer: customer.id,
            field: one.field,
            value: one.value,
            previous: one.previous,
            by: record.clone(),
            policy: policy.to_owned(),
            version: Version::default(),
        });
    }
    if fields.is_empty() {
        return;
    }
    let customer = customer_of(journal, &bridge, record).expect("it was there above");
    for (other, state) in salesforce_records(terms.mapping, &customer) {
        let wanted = desires::after_agreement(section, &customer, &other, &state, &fields);
        reconcile::desire(journal, terms, &other, wanted);
    }
}

/// The live Salesforce records of a customer.
pub fn salesforce_records(
    mapping: &Mapping,
    customer: &Customer,
) -> Vec<(RecordRef, crate::domain::view::RecordState)> {
    let live = |(record, state): &(&RecordRef, &crate::domain::view::RecordState)| {
        mapping.is_salesforce(record) && state.gone.is_none()
    };
    let records = customer.records.iter().filter(live);
    records
        .map(|(record, state)| (record.clone(), state.clone()))
        .collect()
}
