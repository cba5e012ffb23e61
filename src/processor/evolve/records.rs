//! Evolve: what is known of records.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::journal::{DomainEvent as E, Via};
use crate::domain::view::record_state;
use crate::domain::view::{Asked, Customer, Pursuit, RecordState, Seen, ViewEntry, ViewWrite};
use crate::domain::{CustomerId, Fields, Gone, Name, RecordRef, Value, ViewKey};
use crate::processor::evolve::edit::Edit;
use crate::processor::evolve::{brakes, commands};

pub fn apply<V: ViewWrite>(edit: &mut Edit<'_, V>, event: &E) {
    match event {
        E::CustomerFounded {
            customer,
            kind,
            record,
        } => {
            let state = RecordState {
                entered: edit.sequence,
                ..RecordState::default()
            };
            edit.put_customer(Customer {
                id: *customer,
                kind: *kind,
                founded: edit.sequence,
                records: BTreeMap::from([(record.clone(), state.into())]),
                links: Vec::new().into(),
                decided: BTreeMap::new().into(),
                contested: BTreeMap::new(),
            });
            index(edit, record, customer);
        }
        E::RecordSeen { .. } => seen(edit, event),
        E::TagNamed {
            source,
            tag_id,
            name,
        } => {
            let key = ViewKey::tag_name(edit.bridge, source, tag_id);
            edit.view.put(key, ViewEntry::TagName(name.clone()));
        }
        E::RecordLeft { record, how, at } => {
            // A creation in flight keeps its keys until it is answered: the Lead may stand.
            if !edit.creates(record) {
                edit.pursue(record, Pursuit::Idle);
            }
            edit.keys(record, &BTreeSet::new());
            count(edit, record, false);
            edit.record(record, |state| {
                state.gone = Some(*how);
                if let Some(at) = at {
                    // What is told of before it left, and comes late, does not bring it back.
                    state.version.from_ms = state.version.from_ms.max(at.from_ms);
                    state.version.to_ms = state.version.to_ms.max(at.to_ms);
                }
                state.reread_required = false;
            });
        }
        E::RecordReturned { record } => {
            count(edit, record, true);
            edit.record(record, |state| state.gone = None);
        }
        E::LeadConverted { lead, .. } => {
            // Neither does this end a creation in flight: the contact would be made a second time.
            if !edit.creates(lead) {
                edit.pursue(lead, Pursuit::Idle);
            }
            edit.keys(lead, &BTreeSet::new());
            count(edit, lead, false);
            edit.record(lead, |state| {
                state.gone = Some(Gone::Converted);
                state.reread_required = false;
            });
        }
        E::OwnerSeen { owner, fields } => {
            let key = ViewKey::owner(edit.bridge, owner);
            edit.view.put(key, ViewEntry::Owner(fields.clone()));
        }
        other => unreachable!("{} is no record event", other.name()),
    }
}

/// A record leaves or comes back: its fields are those of one fewer or more, if that is news.
fn count<V: ViewWrite>(edit: &mut Edit<'_, V>, record: &RecordRef, comes: bool) {
    let Some(state) = record_state(edit.view, edit.bridge, record) else {
        return;
    };
    if state.gone.is_some() == comes {
        brakes::tally(edit, record, state.desired.keys().cloned(), comes);
    }
}

/// Notes in the index which customer holds a record.
pub fn index<V: ViewWrite>(edit: &mut Edit<'_, V>, record: &RecordRef, customer: &CustomerId) {
    let key = ViewKey::customer_of(edit.bridge, record);
    edit.view.put(key, ViewEntry::CustomerOf(*customer));
}

/// What a record shows of a field is its own unless it is what we wrote there, in whatever form.
/// True where it was what we had written and somebody has replaced it.
fn own(
    state: &mut RecordState,
    (sent, asked): (&Fields, Asked),
    name: &Name,
    value: &Value,
) -> bool {
    if let Some(sent) = sent.get(name)
        && is_ours(state, sent, name, value)
    {
        commands::put_aside(state, name, asked);
        return false;
    }
    if state.value_seen(name) == value {
        return false;
    }
    let last = state
        .writes()
        .rfind(|write| write.hashes.contains_key(name));
    let sent = last.is_some_and(|write| write.hashes[name] == value.hash());
    let doubtful = last.is_some_and(|write| write.doubtful);
    let last_asked = last.map_or_else(Asked::default, |write| write.asked);
    let form = state.accepted.get(name);
    let stored = form.is_some_and(|form| form.stored == *value);
    match (state.own.contains_key(name), sent || stored) {
        // Nobody knew whether it had taken effect.
        (false, true) if doubtful => {
            commands::put_aside(state, name, last_asked);
            false
        }
        (true, false) => state.own.remove(name).is_some(),
        _ => false,
    }
}

/// Whether a value is what was sent, or the form of it that the remote stores.
fn is_ours(state: &RecordState, sent: &Value, name: &Name, value: &Value) -> bool {
    let accepted = state.accepted.get(name);
    sent == value || accepted.is_some_and(|form| form.stored == *value && form.desired == *sent)
}

fn seen<V: ViewWrite>(edit: &mut Edit<'_, V>, event: &E) {
    let E::RecordSeen {
        record,
        version,
        via,
        fields,
        tags,
        companies,
        keys,
    } = event
    else {
        unreachable!("the caller matched the event");
    };
    let (sequence, at) = (edit.sequence, edit.at);
    let (sent, asked) = commands::sent_in_flight(edit, record);
    edit.record(record, |state| {
        for (name, value) in fields {
            let mut replaced = own(state, (&sent, asked), name, value);
            let writes = *via == Via::Feed && sent.contains_key(name);
            if writes && *value != *state.value_seen(name) {
                // What others change is held meanwhile: this is what automation made of the write
                // in flight, whose answer tells of nothing newer.
                state.echoed.insert(name.clone());
                replaced |= !is_ours(state, &sent[name], name, value);
            }
            if replaced {
                brakes::replaced(state, name, at);
            }
            let seen = Seen {
                value: value.clone(),
                version: *version,
                via: *via,
                confirmed: true,
            };
            state.seen.insert(name.clone(), seen);
        }
        state.version = *version;
        state.folded = sequence;
        if let Some(tags) = tags {
            state.tags = tags.clone().into();
        }
        if let Some(companies) = companies {
            state.companies = companies.clone().into();
        }
    });
    if let Some(keys) = keys {
        edit.keys(record, keys);
        if edit.creates(record) {
            // What is being created will hold them: nobody else may create with them meanwhile.
            commands::claim(edit, record);
        }
    }
}
