//! The draft: one observation's view with a pen. Rules emit events into it and see at once what
//! they changed; it is kept whole or thrown away whole.

use crate::domain::journal::DomainEvent;
use crate::domain::view::{Journal, ViewEntry, ViewRead, bridge_state};
use crate::domain::{BridgeId, CustomerId, JournalEntry, JournalKey, Message, Observation};
use crate::domain::{ObservationId, RecordRef, Timestamp, Topic, TraceLine, ViewKey};
use crate::mapping::Sources;
use crate::ports::event_log::{Outgoing, Place};
use crate::processor::evolve::evolve;
use crate::processor::overlay::{Changes, Overlay};
use crate::processor::project::{history, profile, project};
use std::collections::BTreeSet;
use std::sync::Arc;

/// The most events one observation may lead to; more is a defect and stops the bridge.
pub const EVENTS_MAX: usize = 2_000;

/// Keys that a change of a record touches, as a rule.
const KEYS_EXPECTED: usize = 12;

pub struct Draft<'a, V: ViewRead> {
    overlay: Overlay<'a, V>,
    bridge: BridgeId,
    partition: u32,
    sources: Option<&'a Sources>,
    now: Timestamp,
    cause: Option<ObservationId>,
    caused_at: Timestamp,
    /// The sequence the next event will get.
    next_sequence: u64,
    /// Customers whose profile is told anew at the end, once each.
    touched: BTreeSet<CustomerId>,
    pub written: Written,
}

/// What a draft leaves behind.
#[derive(Debug, Default)]
pub struct Written {
    pub entries: Vec<JournalEntry>,
    pub outputs: Vec<Outgoing>,
    pub traces: Vec<TraceLine>,
}

impl<'a, V: ViewRead> Draft<'a, V> {
    pub fn new(
        base: &'a V,
        bridge: &BridgeId,
        partition: u32,
        sources: Option<&'a Sources>,
        now: Timestamp,
        cause: Option<&Observation>,
    ) -> Self {
        // Stamps of a bridge never go back, also when the machine's clock does.
        let state = bridge_state(base, bridge);
        let now = now.max(state.last_at);
        Self {
            overlay: Overlay::with_capacity(base, KEYS_EXPECTED),
            bridge: bridge.clone(),
            partition,
            sources,
            now,
            cause: cause.map(|observation| observation.id),
            caused_at: cause.map_or(now, |observation| observation.received_at),
            next_sequence: state.next_sequence,
            touched: BTreeSet::new(),
            written: Written::default(),
        }
    }

    pub fn finish(mut self) -> (Changes, Written) {
        for id in &self.touched {
            if let Some(profile) = profile::profile(&self.overlay, &self.bridge, id, self.now) {
                let message = Message::Profile(Box::new(profile));
                let outgoing = of_customer(Topic::CustomerProfiles, id, message);
                self.written.outputs.push(outgoing);
            }
        }
        (self.overlay.into_changes(), self.written)
    }
}

fn of_customer(topic: Topic, customer: &CustomerId, message: Message) -> Outgoing {
    Outgoing {
        topic,
        place: Place::ByKey,
        key: customer.to_string().into(),
        message: Some(message),
    }
}

impl<V: ViewRead> ViewRead for Draft<'_, V> {
    fn get(&self, key: &ViewKey) -> Option<Arc<ViewEntry>> {
        self.overlay.get(key)
    }

    fn first(&self, from: &ViewKey, to: &ViewKey) -> Option<(ViewKey, Arc<ViewEntry>)> {
        self.overlay.first(from, to)
    }
}

impl<V: ViewRead> Journal for Draft<'_, V> {
    fn bridge(&self) -> &BridgeId {
        &self.bridge
    }

    fn now(&self) -> Timestamp {
        self.now
    }

    fn cause(&self) -> ObservationId {
        self.cause.unwrap_or(ObservationId::from_bytes([0; 16]))
    }

    fn caused_at(&self) -> Timestamp {
        self.caused_at
    }

    fn next_sequence(&self) -> u64 {
        self.next_sequence
    }

    fn emit(&mut self, event: DomainEvent) {
        assert!(
            self.written.entries.len() < EVENTS_MAX,
            "one observation leads to no end"
        );
        let entry = JournalEntry {
            key: JournalKey::Bridge(self.bridge.clone()),
            sequence: self.next_sequence(),
            at: self.now,
            cause: self.cause,
            event,
        };
        if let Some(sources) = self.sources {
            let outputs = project(&self.overlay, &self.bridge, sources, self.partition, &entry);
            self.written.outputs.extend(outputs);
        }
        let first_sight = history::is_first_sight(&self.overlay, &self.bridge, &entry.event);
        evolve(&mut self.overlay, &entry);
        self.next_sequence += 1;
        if let Some(event) = history::tell(&self.overlay, &entry, first_sight) {
            let customer = event.customer;
            let message = Message::CustomerEvent(Box::new(event));
            let outgoing = of_customer(Topic::CustomerEvents, &customer, message);
            self.written.outputs.push(outgoing);
        }
        let (overlay, touched) = (&self.overlay, &mut self.touched);
        profile::touch(overlay, &self.bridge, &entry.event, touched);
        self.written.entries.push(entry);
    }

    fn trace(&mut self, reason: &str, record: Option<&RecordRef>) {
        self.written.traces.push(TraceLine {
            bridge: self.bridge.clone(),
            at: self.now,
            observation: self.cause(),
            reason: reason.to_owned(),
            record: record.cloned(),
        });
    }
}
