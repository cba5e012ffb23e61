//! Small edits of the view's aggregates and indexes, shared by the event families.

use std::collections::BTreeSet;

use crate::domain::view::{Customer, Due, Matching, Pursuit, RecordState, ViewEntry, ViewWrite};
use crate::domain::view::{customer_id_of, matching, record_state};
use crate::domain::{BridgeId, MatchKey, ObservationId, RecordRef, Timestamp, ViewKey};

/// The view, opened for one event.
pub struct Edit<'a, V: ViewWrite> {
    pub view: &'a mut V,
    pub bridge: &'a BridgeId,
    pub sequence: u64,
    /// The event's stamp; those of a bridge never go back.
    pub at: Timestamp,
    /// The observation that was being decided.
    pub cause: Option<ObservationId>,
}

impl<V: ViewWrite> Edit<'_, V> {
    pub fn put_customer(&mut self, customer: Customer) {
        let key = ViewKey::customer(self.bridge, &customer.id);
        self.view.put(key, ViewEntry::Customer(customer));
    }

    /// Changes what is known of a record. The journal names records that it made known only.
    pub fn record(&mut self, record: &RecordRef, change: impl FnOnce(&mut RecordState)) {
        self.customer(record, |customer| {
            let state = customer.records.get_mut(record);
            change(state.expect("the index and the customer agree"));
        });
    }

    /// Changes the customer that holds a record.
    pub fn customer(&mut self, record: &RecordRef, change: impl FnOnce(&mut Customer)) {
        let id = customer_id_of(self.view, self.bridge, record)
            .unwrap_or_else(|| panic!("the journal named {record} before it made it known"));
        let mut change = Some(change);
        let key = ViewKey::customer(self.bridge, &id);
        self.view.change(&key, &mut |entry| {
            let ViewEntry::Customer(customer) = entry else {
                unreachable!("the key is a customer's");
            };
            if let Some(change) = change.take() {
                change(customer);
            }
        });
    }

    /// Whether the record is known.
    pub fn knows(&self, record: &RecordRef) -> bool {
        self.view
            .get(&ViewKey::customer_of(self.bridge, record))
            .is_some()
    }

    /// Whether a creation from this record is in flight.
    pub fn creates(&self, record: &RecordRef) -> bool {
        record_state(self.view, self.bridge, record)
            .is_some_and(|state| matches!(state.pursuit, Pursuit::Creating { .. }))
    }

    /// Moves a pursuit. One that no longer looks or creates gives its match keys back; one that no
    /// longer stands in line loses its deadline, whatever ended it.
    pub fn pursue(&mut self, record: &RecordRef, next: Pursuit) {
        let keeps = matches!(
            next,
            Pursuit::LookingUp { .. } | Pursuit::AwaitingCompany { .. } | Pursuit::Creating { .. }
        );
        let mut given_back = BTreeSet::new();
        let mut before = Pursuit::Idle;
        self.record(record, |state| {
            if !keeps {
                given_back = std::mem::take(&mut state.claimed);
            }
            before = std::mem::replace(&mut state.pursuit, next);
        });
        if let Pursuit::Deferred { deadline, .. } = before {
            self.remove_due(deadline, &Due::Deferral(record.clone()));
        }
        for key in given_back {
            self.matching(&key, |matching| {
                matching.deferred.retain(|other| other != record);
                if matching.in_flight.as_ref() == Some(record) {
                    matching.in_flight = None;
                }
            });
        }
    }

    /// Lets a record rest: nothing is tried before the deadline.
    pub fn pause(&mut self, record: &RecordRef, until: Timestamp) {
        self.unpause(record);
        self.record(record, |state| state.paused_until = Some(until));
        self.put_due(until, Due::Pause(record.clone()));
    }

    /// Ends a rest and its deadline.
    pub fn unpause(&mut self, record: &RecordRef) {
        let mut until = None;
        self.record(record, |state| until = state.paused_until.take());
        if let Some(until) = until {
            self.remove_due(until, &Due::Pause(record.clone()));
        }
    }

    /// Changes an identifier's entry; an empty one is removed.
    pub fn matching(&mut self, key: &MatchKey, change: impl FnOnce(&mut Matching)) {
        let mut entry = matching(self.view, self.bridge, key);
        change(&mut entry);
        let at = ViewKey::matching(self.bridge, key);
        if entry == Matching::default() {
            self.view.remove(&at);
        } else {
            self.view.put(at, ViewEntry::Match(entry));
        }
    }

    /// Replaces the identifiers of a record in its state and in the index.
    pub fn keys(&mut self, record: &RecordRef, keys: &BTreeSet<MatchKey>) {
        let mut before = BTreeSet::new();
        self.record(record, |state| {
            before = std::mem::replace(&mut state.keys, keys.clone());
        });
        for gone in before.difference(keys) {
            self.matching(gone, |matching| {
                matching.remove(record);
            });
        }
        for new in keys.difference(&before) {
            self.matching(new, |matching| {
                matching.add(record);
            });
        }
    }

    pub fn put_due(&mut self, at: Timestamp, due: Due) {
        self.view.put(due.key(self.bridge, at), ViewEntry::Due(due));
    }

    pub fn remove_due(&mut self, at: Timestamp, due: &Due) {
        self.view.remove(&due.key(self.bridge, at));
    }
}
