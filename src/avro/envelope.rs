//! The head that every observation's envelope begins with.

use crate::avro::error::Error;
use crate::avro::wire::{Reader, Writer};
use crate::domain::{BridgeId, Observation, ObservationBody, ObservationId, Timestamp};

/// What an observation is, apart from its body.
pub struct Head {
    id: ObservationId,
    bridge: BridgeId,
    received_at: Timestamp,
    traceparent: Option<String>,
}

pub fn put_head(observation: &Observation, w: &mut Writer) {
    w.field("id", &observation.id);
    w.field("bridge", &observation.bridge);
    w.field("received_at", &observation.received_at);
    w.field("traceparent", &observation.traceparent);
}

pub fn take_head(r: &mut Reader<'_>) -> Result<Head, Error> {
    Ok(Head {
        id: r.field("id")?,
        bridge: r.field("bridge")?,
        received_at: r.field("received_at")?,
        traceparent: r.field("traceparent")?,
    })
}

impl Head {
    pub fn bridge(&self) -> &BridgeId {
        &self.bridge
    }

    pub fn with(self, body: ObservationBody) -> Observation {
        Observation {
            id: self.id,
            bridge: self.bridge,
            received_at: self.received_at,
            traceparent: self.traceparent,
            body,
        }
    }
}
