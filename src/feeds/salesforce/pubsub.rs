//! The seams of the feed over the Pub/Sub client and its decoder.

use std::sync::Arc;

use crate::clients::salesforce::Session;
use crate::clients::salesforce::pubsub::change::{ChangeType, RecordTarget, Schema};
use crate::clients::salesforce::pubsub::{self, Client, Error, Reaction, Subscription};
use crate::feeds::salesforce::event::{Decode, Event, Kind, Read, Target};
use crate::feeds::salesforce::source::{
    Answer, Batch, Failure, Identity, Received, Source, Start, Stream,
};

/// Events on their way at once; the server's own limit.
const CREDIT: u32 = 100;

/// One org over gRPC.
pub struct PubSub {
    client: Client,
    session: Arc<Session>,
}

/// The decoder of the client.
#[derive(Clone, Copy, Debug, Default)]
pub struct Decoder;

// === impl PubSub ===

impl PubSub {
    /// `session` is the one that the client shows.
    pub fn new(client: Client, session: Arc<Session>) -> Self {
        Self { client, session }
    }
}

impl Source for PubSub {
    fn identity(&self) -> Answer<'_, Identity> {
        Box::pin(async {
            let identity = self.session.identity().await;
            let identity = identity.map_err(|error| failure(&Error::Session(error)))?;
            Ok(Identity {
                org_id: identity.org_id,
                user_id: identity.user_id,
            })
        })
    }

    fn connect<'a>(&'a self, channel: &'a str, start: &'a Start) -> Answer<'a, Box<dyn Stream>> {
        let start = match start {
            Start::Latest => pubsub::Start::Latest,
            Start::Earliest => pubsub::Start::Earliest,
            Start::After(replay_id) => pubsub::Start::After(replay_id.clone().into()),
        };
        Box::pin(async move {
            let opened = self.client.subscribe(channel, start, CREDIT).await;
            let opened = opened.map_err(|error| failure(&error))?;
            Ok(Box::new(opened) as Box<dyn Stream>)
        })
    }

    fn schema<'a>(&'a self, id: &'a str) -> Answer<'a, String> {
        Box::pin(async move {
            let schema = self.client.get_schema(id).await;
            schema
                .map(|schema| schema.json)
                .map_err(|error| no_schema(&error))
        })
    }
}

impl Stream for Subscription {
    fn next(&mut self) -> Answer<'_, Batch> {
        Box::pin(async move {
            let batch = Self::next(self).await.map_err(|error| failure(&error))?;
            let events = batch.events.into_iter().map(|event| Received {
                id: event.uuid,
                schema_id: event.schema_id,
                replay_id: event.replay_id.to_vec(),
                payload: event.payload.to_vec(),
            });
            Ok(Batch {
                events: events.collect(),
                latest_replay_id: batch.latest_replay_id.to_vec(),
            })
        })
    }
}

fn failure(error: &Error) -> Failure {
    match error.reaction() {
        Reaction::Auth => Failure::Unauthorised,
        Reaction::Retry => Failure::Broken(error.to_string()),
        Reaction::SlowDown => Failure::SlowDown(error.to_string()),
        Reaction::AllocationUsedUp => Failure::LimitUsedUp,
        Reaction::ReplayRejected => Failure::ReplayRejected,
        Reaction::Fatal { .. } => Failure::Refused(error.to_string()),
    }
}

/// An event is given up only if the server says that there is no such schema; whatever else
/// stands in the way of the answer passes.
fn no_schema(error: &Error) -> Failure {
    let unknown = match error {
        Error::Refused(refusal) => {
            let code = refusal.code.as_deref().unwrap_or_default();
            let is_fatal = matches!(refusal.reaction, Reaction::Fatal { .. });
            is_fatal && (code.starts_with("schema.") || refusal.status == tonic::Code::NotFound)
        }
        _ => false,
    };
    match failure(error) {
        Failure::Refused(text) if !unknown => Failure::Broken(text),
        failure => failure,
    }
}

// === impl Decoder ===

impl Decode for Decoder {
    fn compile(&self, id: &str, json: &str) -> Result<Arc<dyn Read>, String> {
        match Schema::parse(id, json) {
            Ok(schema) => Ok(Arc::new(schema)),
            Err(error) => Err(error.to_string()),
        }
    }
}

impl Read for Schema {
    fn read(&self, payload: &[u8]) -> Result<Event, String> {
        let event = self.decode(payload).map_err(|error| error.to_string())?;
        let targets = event.targets().map_err(|error| error.to_string())?;
        let flat = event.flatten();
        let header = event.header;
        Ok(Event {
            entity: header.entity,
            targets: targets.into_iter().map(target).collect(),
            kind: kind(&header.change_type),
            origin: header.change_origin,
            user: header.commit_user,
            transaction: header.transaction_key,
            sequence: u32::try_from(header.sequence_number).unwrap_or_default(),
            committed_ms: header.commit_timestamp_ms,
            fields: flat.fields,
            unread: flat.unread,
            doubtful: !event.anomalies.is_empty(),
        })
    }
}

fn target(target: RecordTarget) -> Target {
    match target {
        RecordTarget::One(id) => Target::Record(id),
        RecordTarget::Wildcard { prefix } => Target::Wildcard(prefix),
        RecordTarget::Overflow => Target::Overflow,
    }
}

fn kind(change: &ChangeType) -> Kind {
    match change {
        ChangeType::Create => Kind::Create,
        ChangeType::Update => Kind::Update,
        ChangeType::Delete => Kind::Delete,
        ChangeType::Undelete => Kind::Undelete,
        ChangeType::GapCreate
        | ChangeType::GapUpdate
        | ChangeType::GapDelete
        | ChangeType::GapUndelete
        | ChangeType::GapOverflow => Kind::Gap,
        ChangeType::Other(symbol) if symbol.starts_with("GAP_") => Kind::Gap,
        ChangeType::Other(_) => Kind::Unknown,
    }
}
