//! What a batch consumed: input ranges, topics, dedupe ids.

use crate::avro::error::Error;
use crate::avro::scalar::Item;
use crate::avro::wire::{Reader, Wire, Writer};
use crate::domain::journal::InputRange;
use crate::domain::{BridgeId, CustomerId, ObservationId, Topic};

record!(InputRange {
    topic,
    partition,
    from,
    to
});

impl Item for InputRange {}

symbols!(Topic {
    1 "INTERCOM_OBSERVED" => IntercomObserved,
    2 "RESULTS" => Results,
    3 "DECISIONS" => Decisions,
    4 "CURSORS" => Cursors,
    5 "JOURNAL" => Journal,
    6 "SALESFORCE_WRITES" => SalesforceWrites,
    7 "INTERCOM_WRITES" => IntercomWrites,
    8 "NOTIFICATIONS" => Notifications,
    9 "TRACE" => Trace,
    10 "DEAD_LETTERS" => DeadLetters,
    11 "SALESFORCE_OBSERVED" => SalesforceObserved,
    12 "SOURCE_SCHEMAS" => SourceSchemas,
    13 "CUSTOMER_EVENTS" => CustomerEvents,
    14 "CUSTOMER_PROFILES" => CustomerProfiles,
});

/// `ConsumedObservation`.
impl Wire for (BridgeId, ObservationId) {
    fn put(&self, w: &mut Writer) {
        w.field("bridge", &self.0);
        w.field("observation", &self.1);
    }

    fn take(r: &mut Reader<'_>) -> Result<Self, Error> {
        Ok((r.field("bridge")?, r.field("observation")?))
    }
}

impl Item for (BridgeId, ObservationId) {}
impl Item for ObservationId {}
impl Item for CustomerId {}
