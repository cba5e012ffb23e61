//! The edges inwards: notifications and change events as the product's own translations make
//! observations of them.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::domain::{Message, Observation, ObservationBody, ObservationId, RawPayload, Timestamp};
use crate::feeds::salesforce::org::{Destination, Org};
use crate::feeds::salesforce::translate::Context;
use crate::feeds::salesforce::{Decode, Decoder, Identity, Read, Received};
use crate::ingest::intercom::{Envelope, translate};
use crate::sandbox::intercom::Posted;
use crate::sandbox::salesforce::{ChangeEvent, Topic as Stream};
use crate::sim::mapping::{APP_ID, CLIENT_TOKEN, SALES, SUPPORT};
use crate::sim::pipeline::{bridge, source};
use crate::sim::remotes::Remotes;

const CHANNEL: &str = "/data/ChangeEvents";
/// Events taken at once; a step of the world makes far fewer.
const EVENTS_MAX: usize = 1_000;

/// What a posted notification is taken as.
pub fn of_post(post: &Posted, now: i64) -> Option<Observation> {
    let envelope = Envelope::parse(&post.body).expect("the workspace posts notifications");
    let source = source(SUPPORT);
    let translated = translate(&source, &envelope).expect("its shapes are those captured");
    Some(Observation {
        id: ObservationId::of_notification(APP_ID, &translated.notification_id),
        bridge: bridge(),
        received_at: Timestamp(now),
        traceparent: None,
        body: ObservationBody::Changed {
            source,
            topic: translated.topic,
            change: translated.change,
            raw: RawPayload {
                content_type: "application/json".into(),
                bytes: post.body.clone(),
            },
        },
    })
}

/// The subscription to an org's change events.
#[derive(Default)]
pub struct Feed {
    position: u64,
    readers: BTreeMap<String, Arc<dyn Read>>,
}

impl Feed {
    /// The observations of what was committed since the last call, in the order of commits.
    pub fn take(&mut self, remotes: &mut Remotes, now: i64) -> Vec<Observation> {
        let events = remotes
            .salesforce
            .events_after(self.position, Stream::All, EVENTS_MAX, now);
        let mut observations = Vec::new();
        for event in events {
            self.position = event.position;
            observations.extend(self.translate(remotes, &event, now));
        }
        observations
    }

    fn translate(&mut self, remotes: &Remotes, event: &ChangeEvent, now: i64) -> Vec<Observation> {
        let received = Received {
            id: event.event_uuid.clone(),
            schema_id: event.schema_id.clone(),
            replay_id: event.replay_id.clone(),
            payload: event.payload.clone(),
        };
        let reader = self
            .readers
            .entry(event.schema_id.clone())
            .or_insert_with(|| {
                let json = remotes.salesforce.schema(&event.schema_id);
                let json = json.expect("the org knows its schemas");
                Decoder
                    .compile(&event.schema_id, json)
                    .expect("its schemas can be read")
            });
        let read = reader.read(&event.payload).expect("its events can be read");
        let org = Org {
            source: source(SALES),
            client_token: CLIENT_TOKEN.into(),
            bridges: vec![Destination {
                bridge: bridge(),
                partition: 0,
            }],
        };
        let identity = Identity {
            org_id: remotes.org_id.clone(),
            user_id: remotes.user_id.clone(),
        };
        let context = Context {
            org: &org,
            identity: &identity,
            channel: CHANNEL,
        };
        let mut observations = Vec::new();
        for index in 0..read.targets.len() {
            let translated = context.translate(&received, &read, index, Timestamp(now));
            let translated = translated.unwrap_or_else(|_| panic!("every target is a record"));
            for entry in translated.entries {
                if let Some(Message::Observation(observation)) = entry.message {
                    observations.push(*observation);
                }
            }
        }
        observations
    }
}
