//! Profiles: what is known of a customer once an observation is decided.

use std::collections::BTreeSet;

use crate::domain::customer_event::{Profile, ProfileState};
use crate::domain::journal::DomainEvent as E;
use crate::domain::tree;
use crate::domain::view::{Customer, ViewEntry, ViewRead, customer_id_of};
use crate::domain::{BridgeId, CustomerId, Timestamp, ViewKey};
use crate::processor::project::account;

/// Notes whose profile an event changes. Asked of the view after the event is folded.
pub fn touch<V: ViewRead + ?Sized>(
    view: &V,
    bridge: &BridgeId,
    event: &E,
    touched: &mut BTreeSet<CustomerId>,
) {
    match event {
        E::CustomerFounded { customer, .. } | E::FieldAgreed { customer, .. } => {
            touched.insert(*customer);
        }
        E::RecordLinked {
            customer, absorbed, ..
        } => {
            touched.insert(*customer);
            touched.extend(*absorbed);
        }
        E::RecordsUnlinked {
            customer, founded, ..
        } => touched.extend([*customer, *founded]),
        E::LeadConverted { lead, .. } => touched.extend(customer_id_of(view, bridge, lead)),
        E::RecordSeen { record, fields, .. } => {
            let above = tree::names_above(record);
            if above.is_some_and(|name| fields.contains_key(name)) {
                touched.extend(customer_id_of(view, bridge, record));
            }
        }
        E::PlacesTold { customers, .. } => touched.extend(customers),
        _ => {}
    }
}

/// The profile of a customer as the view has it; none for one that it never knew.
pub fn profile<V: ViewRead + ?Sized>(
    view: &V,
    bridge: &BridgeId,
    id: &CustomerId,
    at: Timestamp,
) -> Option<Profile> {
    let mut holder = *id;
    while let Some(ViewEntry::Alias(of)) = view.get(&ViewKey::alias(bridge, &holder)).as_deref() {
        holder = *of;
    }
    let entry = view.get(&ViewKey::customer(bridge, &holder))?;
    let ViewEntry::Customer(customer) = &*entry else {
        return None;
    };
    let state = match holder == *id {
        true => golden(view, bridge, customer),
        false => ProfileState::Alias { of: holder },
    };
    Some(Profile {
        customer: *id,
        bridge: bridge.clone(),
        at,
        kind: customer.kind,
        state,
    })
}

fn golden<V: ViewRead + ?Sized>(view: &V, bridge: &BridgeId, customer: &Customer) -> ProfileState {
    let decided = customer.decided.iter();
    ProfileState::Golden {
        fields: decided
            .map(|(field, decided)| (field.clone(), decided.value.clone()))
            .collect(),
        records: customer.records.keys().cloned().collect(),
        account: account::context(view, bridge, customer),
    }
}
