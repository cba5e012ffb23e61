//! Rows as entries of the log: the observation with its bytes, or the dead letter of what could not
//! be read.

use std::sync::Arc;

use serde_json::Value as Json;

use crate::domain::{BridgeId, Change, DeadLetter, Message, Observation, ObservationBody};
use crate::domain::{ObservationId, RawPayload, SourceId, Topic};
use crate::feeds::pages::Phase;
use crate::ports::clock::Clock;
use crate::ports::event_log::{Outgoing, Place};
use crate::telemetry::metrics;

/// Whose rows they are.
pub struct Rows {
    pub bridge: BridgeId,
    /// Of the input topics.
    pub partition: u32,
    pub clock: Arc<dyn Clock>,
}

impl Rows {
    pub fn observation(
        &self,
        id: ObservationId,
        is_salesforce: bool,
        (source, topic, change, raw): (&SourceId, &str, Change, Json),
    ) -> Outgoing {
        let body = ObservationBody::Changed {
            source: source.clone(),
            topic: topic.to_owned(),
            change,
            raw: RawPayload {
                content_type: "application/json".to_owned(),
                bytes: raw.to_string().into_bytes(),
            },
        };
        let observation = Observation {
            id,
            bridge: self.bridge.clone(),
            received_at: self.clock.now(),
            traceparent: None,
            body,
        };
        Outgoing {
            topic: match is_salesforce {
                true => Topic::SalesforceObserved,
                false => Topic::IntercomObserved,
            },
            place: Place::Partition(self.partition),
            key: self.bridge.text(),
            message: Some(Message::Observation(Box::new(observation))),
        }
    }

    pub fn dead_letter(&self, phase: &Phase, why: String, raw: &Json) -> Outgoing {
        let counter = &metrics().dead_letters_total;
        counter.with_label_values(&["row_unreadable"]).inc();
        let letter = DeadLetter {
            bridge: self.bridge.clone(),
            at: self.clock.now(),
            origin: phase.name(),
            reason: "row_unreadable".to_owned(),
            hint: why,
            command: None,
            bytes: raw.to_string().into_bytes(),
        };
        Outgoing {
            topic: Topic::DeadLetters,
            place: Place::Partition(self.partition),
            key: self.bridge.text(),
            message: Some(Message::DeadLetter(Box::new(letter))),
        }
    }
}
