//! Fold: a snapshot that counts becomes *seen*, its moves are decided, and what follows is asked
//! for.

use std::collections::BTreeSet;

use crate::domain::journal::{Basis, CustomerKind, Desire, DomainEvent as E, ReadPurpose, Via};
use crate::domain::shared::Shared;
use crate::domain::view::{Customer, Journal, RecordState, customer_of, record_state};
use crate::domain::{Fields, Name, Over, RecordRef, RecordSnapshot, Value, Version};
use crate::identity::keys::keys_of;
use crate::mapping::{Mapping, Section, System};
use crate::processor::decide::agree::{self, Move};
use crate::processor::decide::request;
use crate::processor::decide::{
    Terms, convert, create, owner, pursue, reconcile, relation, shared, sweep, tree,
};
use crate::sync::moves;

/// The fields of a record that the mapping watches.
pub fn watched<'s>(
    terms: &Terms<'_>,
    section: &'s Section,
    record: &RecordRef,
) -> &'s BTreeSet<Name> {
    static NOTHING: BTreeSet<Name> = BTreeSet::new();
    if terms.mapping.is_salesforce(record) {
        let known = section.watched_salesforce.get(record.object.as_str());
        known.unwrap_or(&NOTHING)
    } else {
        &section.watched_intercom
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
    fold_against(journal, terms, section, snapshot, via, &BTreeSet::new());
}

/// Folds a snapshot; `against` names the moves that answer a write of ours with another value.
pub fn fold_against<J: Journal>(
    journal: &mut J,
    terms: &Terms<'_>,
    section: &Section,
    snapshot: &RecordSnapshot,
    via: Via,
    against: &BTreeSet<Name>,
) {
    let record = &snapshot.record;
    let Some(before) = record_state(journal, journal.bridge(), record) else {
        return;
    };
    let snapshot = owner::enriched(journal, terms, section, snapshot);
    let Some((moved, keys_changed)) = note(journal, terms, section, &snapshot, via) else {
        tree::seen(journal, terms, record, &before);
        return journal.trace("nothing_moved", Some(record));
    };
    let moved = Move {
        record,
        before: &before,
        fields: &moved,
        version: snapshot.version,
        via,
        against,
    };
    after(journal, terms, section, &moved, keys_changed);
    tree::seen(journal, terms, record, &before);
}

/// What follows when a record has moved: decisions, links, writes.
pub fn after<J: Journal>(
    journal: &mut J,
    terms: &Terms<'_>,
    section: &Section,
    moved: &Move<'_>,
    keys_changed: bool,
) {
    let record = moved.record;
    let keys_changed = keys_changed || may_enter(journal, terms, section, moved);
    agree::agree(journal, terms, section, moved);
    if terms.mapping.is_salesforce(record) {
        if convert::converted(journal, terms, section, record) {
            return;
        }
        reconcile::unblock(journal, record, "record_changed");
        reconcile::reconcile(journal, terms, record);
        if keys_changed {
            pursue::counterparts(journal, terms, record);
        }
        pursue::pursue(journal, terms, record, keys_changed);
        if moved.fields.contains_key("AccountId") {
            relation::of_contact(journal, terms, record);
        }
        if moved.fields.contains_key("OwnerId") && owner::is_missing(journal, terms, record) {
            request::read_record(journal, terms, record, ReadPurpose::Owner);
        }
        return;
    }
    if section.kind == CustomerKind::Company {
        create::company_changed(journal, terms, record);
    }
    pursue::pursue(journal, terms, record, keys_changed);
    create::name_company(journal, terms, record);
    if is_written(journal, record) {
        reconcile::unblock(journal, record, "record_changed");
        reconcile::reconcile(journal, terms, record);
    }
}

/// Whether a move can have made a record take part that did not: it is looked for as one that is
/// new.
fn may_enter<J: Journal>(
    journal: &J,
    terms: &Terms<'_>,
    section: &Section,
    moved: &Move<'_>,
) -> bool {
    let pilot = terms.mapping.pilot.is_some();
    if !section.parts() && !pilot {
        return false;
    }
    let parting = section.parting(terms.mapping.system_of(moved.record));
    let told = moved.fields.keys().any(|name| parting.contains(name));
    let now = record_state(journal, journal.bridge(), moved.record);
    let sets = now.is_some_and(|now| {
        now.tags != moved.before.tags || (pilot && now.companies != moved.before.companies)
    });
    told || sets || (pilot && moved.fields.contains_key("AccountId"))
}

/// Takes what an echo or a read shows of our own writes as confirmed; it decides nothing.
pub fn confirm<J: Journal>(
    journal: &mut J,
    terms: &Terms<'_>,
    section: &Section,
    snapshot: &RecordSnapshot,
    via: Via,
) {
    let record = &snapshot.record;
    let Some(state) = record_state(journal, journal.bridge(), record) else {
        return;
    };
    let now = Over(&snapshot.fields, &*state);
    let keys = keys_of(terms.mapping, section, record, &now);
    journal.emit(E::RecordSeen {
        record: record.clone(),
        version: later(state.version, snapshot.version),
        via,
        fields: snapshot.fields.clone(),
        tags: None,
        companies: None,
        keys: (keys != *state.keys).then_some(keys),
    });
    shared::changed(journal, terms, record, &state.keys);
}

/// Whether anything is desired of a record: of an Intercom record only once it is linked.
fn is_written<J: Journal>(journal: &J, record: &RecordRef) -> bool {
    let state = record_state(journal, journal.bridge(), record);
    state.is_some_and(|state| !state.desired.is_empty())
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
    let moved = moves::moved(&state, watched(terms, section, record), snapshot);
    let now = Over(&moved.fields, &*state);
    let keys = keys_of(terms.mapping, section, record, &now);
    let keys_changed = keys != *state.keys;
    let nothing = moved.is_nothing() && !keys_changed;
    let confirmed = confirmed(&state, snapshot);
    // A value that went and came back shows as nothing but a newer version: without it, what was
    // told in between and comes late would count as news. A feed keeps its own order.
    let older = snapshot.version.to_ms <= state.version.to_ms;
    if nothing && confirmed.is_empty() && (older || via == Via::Feed) {
        return None;
    }
    let version = match via {
        Via::Feed => later(state.version, snapshot.version),
        _ => snapshot.version,
    };
    let mut shown = moved.fields.clone();
    shown.extend(confirmed);
    let healed = sweep::heals(via, &moved);
    journal.emit(E::RecordSeen {
        record: record.clone(),
        version,
        via,
        fields: shown,
        tags: moved.tags,
        companies: moved.companies,
        keys: keys_changed.then_some(keys),
    });
    if keys_changed {
        shared::changed(journal, terms, record, &state.keys);
    }
    if let Some(fields) = healed {
        journal.emit(E::RecordHealed {
            record: record.clone(),
            fields,
        });
    }
    keep(journal, terms, section, record, &state, &moved.fields);
    (!nothing).then_some((moved.fields, keys_changed))
}

/// What was sent and not answered with values, and is now shown as it was sent.
fn confirmed(state: &RecordState, snapshot: &RecordSnapshot) -> Fields {
    let waits = state
        .seen
        .iter()
        .filter(|(name, seen)| !seen.confirmed && snapshot.fields.get(*name) == Some(&seen.value));
    waits
        .map(|(name, seen)| (name.clone(), seen.value.clone()))
        .collect()
}

/// An event can be older than what a read showed of other fields.
fn later(known: Version, event: Version) -> Version {
    if event.to_ms >= known.to_ms {
        event
    } else {
        known
    }
}

/// A value of the record's own follows what people make of it, and so do what the record was
/// created with, a stand-in that somebody replaced, and a field that its own system owns: none of
/// them is ours to write back.
fn keep<J: Journal>(
    journal: &mut J,
    terms: &Terms<'_>,
    section: &Section,
    record: &RecordRef,
    state: &RecordState,
    moved: &Fields,
) {
    let system = terms.mapping.system_of(record);
    let own = |name: &str| {
        let field = section.written_as(system, record.object.as_str(), name);
        field.is_some_and(|field| field.owner == system && !field.flows_from(system))
    };
    let stands_in = |name: &str, value: &Value| {
        let mut fields = section
            .fields_of(system, record.object.as_str(), name)
            .into_iter();
        fields.any(|field| field.stands_in(value))
    };
    let mut kept = Vec::new();
    for (name, value) in moved {
        let Some(desire) = state.desired.get(name) else {
            continue;
        };
        let ours_to_keep = match desire.basis {
            Basis::Kept | Basis::Contested | Basis::Constant => true,
            Basis::Placeholder => !value.is_blank(),
            Basis::Agreed => desire.value != *value && own(name),
            Basis::Key => false,
        };
        if ours_to_keep {
            let basis = match desire.basis {
                Basis::Contested => Basis::Contested,
                // Another word for nothing gives way to a value as the first one did.
                Basis::Placeholder if stands_in(name, value) => Basis::Placeholder,
                _ => Basis::Kept,
            };
            kept.push(Desire {
                name: name.clone(),
                value: value.clone(),
                basis,
            });
        }
    }
    kept.extend(own_forms(journal, section, system, record, state, moved));
    if !kept.is_empty() {
        journal.emit(E::DesiredChanged {
            record: record.clone(),
            desires: kept,
        });
    }
}

/// What means the decided value in another way of writing it stays as it is: nobody is corrected
/// for the form.
fn own_forms<J: Journal>(
    journal: &J,
    section: &Section,
    system: System,
    record: &RecordRef,
    before: &RecordState,
    moved: &Fields,
) -> Vec<Desire> {
    let mut forms = Vec::new();
    let Some(customer) = customer_of(journal, journal.bridge(), record) else {
        return forms;
    };
    let now: &RecordState = &customer.records[record];
    let agreed = |name: &Name| {
        let desire = before.desired.get(name);
        desire.is_some_and(|desire| desire.basis == Basis::Agreed)
    };
    for name in moved.keys().filter(|name| agreed(name)) {
        let field = section.written_as(system, record.object.as_str(), name);
        let says = field.is_some_and(|field| {
            let decided = customer.decided.get(&field.intercom);
            decided.is_some_and(|decided| field.says(system, now, &decided.value))
        });
        let shown = now.value_seen(name);
        if says && before.desired[name].value != *shown {
            forms.push(Desire {
                name: name.clone(),
                value: shown.clone(),
                basis: Basis::Agreed,
            });
        }
    }
    forms
}

/// The live Salesforce records of a customer.
pub fn salesforce_records(
    mapping: &Mapping,
    customer: &Customer,
) -> Vec<(RecordRef, Shared<RecordState>)> {
    let mut records = agree::live(customer);
    records.retain(|(record, _)| mapping.system_of(record) == System::Salesforce);
    records
}
