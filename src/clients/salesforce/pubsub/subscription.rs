//! One stream of events with its credit (salesforce.md 1.4). It ends at the first failure: whoever
//! holds the cursor subscribes anew.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use prost::bytes::Bytes;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Response, Status, Streaming};

use crate::clients::measured;
use crate::clients::salesforce::pubsub::client::{Metadata, Stub};
use crate::clients::salesforce::pubsub::error::{Error, Reaction};
use crate::clients::salesforce::pubsub::proto::{
    ConsumerEvent, FetchRequest, FetchResponse, ReplayPreset,
};
use crate::clients::salesforce::pubsub::refusal;
use crate::clients::salesforce::session::{Session, Token};
use crate::clients::system::System;

/// What the server lets be outstanding on one stream.
pub const CREDIT_MAX: u32 = 100;
/// Requests for more that wait for the connection; one is the rule.
const REQUESTS_MAX: usize = 4;

/// Where a subscription begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Start {
    /// After the event of this replay id: opaque bytes, as they came.
    After(Bytes),
    /// With what happens from now on. Loses what happened meanwhile.
    Latest,
    /// With the oldest that is kept, about 72 h. Can use up a day's deliveries.
    Earliest,
}

/// One answer of the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// Empty in a keepalive.
    pub events: Vec<Event>,
    /// Nothing up to here is still to come on this stream. In a keepalive it is what keeps a
    /// quiet topic's cursor young; store it once everything before it is durable.
    pub latest_replay_id: Bytes,
    /// How many more the server will send unasked; the top-up has been sent already.
    pub pending: u32,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The same when an event is published twice.
    pub uuid: String,
    /// The writer's schema.
    pub schema_id: String,
    /// Bare Avro.
    pub payload: Bytes,
    /// Of 8 or 10 bytes; events that were split from one can share it.
    pub replay_id: Bytes,
}

pub struct Subscription {
    stream: Stream,
    requests: mpsc::Sender<FetchRequest>,
    session: Arc<Session>,
    token: Arc<Token>,
    topic: String,
    credit: Credit,
    silent_after: Duration,
}

type Opening = Pin<Box<dyn Future<Output = Result<Answers, Status>> + Send>>;
type Answers = Response<Streaming<FetchResponse>>;

/// A server need not answer at all before its first message, so opening is a part of waiting.
enum Stream {
    Opening(Opening),
    Open(Box<Streaming<FetchResponse>>),
    Ended,
}

/// How many events are asked for and not yet here.
struct Credit {
    limit: u32,
    outstanding: u32,
    /// Whether more was asked for since the last answer, which may not know of it yet.
    just_topped_up: bool,
}

// === impl Subscription ===

impl Subscription {
    pub(super) fn open(
        mut stub: Stub,
        metadata: Metadata,
        session: Arc<Session>,
        token: Arc<Token>,
        topic: &str,
        start: Start,
        credit: u32,
    ) -> Self {
        let (requests, waiting) = mpsc::channel(REQUESTS_MAX);
        let credit = Credit::new(credit);
        let first = first_request(topic, start, credit.limit);
        // A fresh channel has room for it.
        let _ = requests.try_send(first);
        let request = metadata.request(ReceiverStream::new(waiting));
        Self {
            stream: Stream::Opening(Box::pin(async move { stub.subscribe(request).await })),
            requests,
            session,
            token,
            topic: topic.to_owned(),
            credit,
            silent_after: Duration::MAX,
        }
    }

    pub(super) fn silent_after(self, silent_after: Duration) -> Self {
        Self {
            silent_after,
            ..self
        }
    }

    /// The next answer: events, or a keepalive without any. Asks for more events before it
    /// returns, so that a slow caller does not starve the stream. After an error every further
    /// call is `Error::Ended`. May be dropped while it waits; nothing is lost.
    pub async fn next(&mut self) -> Result<Batch, Error> {
        let answer = match deadline(self.silent_after) {
            Some(deadline) => tokio::time::timeout_at(deadline, self.receive()).await,
            None => Ok(self.receive().await),
        };
        let status = match answer {
            Ok(Ok(Some(answer))) => return Ok(self.take(answer)),
            Ok(Ok(None)) => {
                self.stream = Stream::Ended;
                return Err(Error::Ended);
            }
            Ok(Err(status)) => status,
            Err(_) => {
                self.stream = Stream::Ended;
                return Err(Error::Silent(self.silent_after));
            }
        };
        self.stream = Stream::Ended;
        measured::count(System::Salesforce, "Subscribe", status.code());
        let refusal = refusal::read(&status);
        if refusal.reaction == Reaction::Auth {
            self.session.refuse(&self.token).await;
        }
        Err(Error::Refused(refusal))
    }

    async fn receive(&mut self) -> Result<Option<FetchResponse>, Status> {
        if let Stream::Opening(opening) = &mut self.stream {
            let answers = opening.await?;
            measured::count(System::Salesforce, "Subscribe", Code::Ok);
            self.stream = Stream::Open(Box::new(answers.into_inner()));
        }
        match &mut self.stream {
            Stream::Open(answers) => answers.message().await,
            Stream::Opening(_) | Stream::Ended => Ok(None),
        }
    }

    fn take(&mut self, answer: FetchResponse) -> Batch {
        let pending = u32::try_from(answer.pending_num_requested).unwrap_or_default();
        let count = u32::try_from(answer.events.len()).unwrap_or(u32::MAX);
        let more = self.credit.after(count, pending);
        if more > 0 {
            let request = FetchRequest {
                topic_name: self.topic.clone(),
                num_requested: i32::try_from(more).unwrap_or_default(),
                ..FetchRequest::default()
            };
            // With no room the server does not read; its next answer asks again.
            if self.requests.try_send(request).is_ok() {
                self.credit.asked(more);
            }
        }
        Batch {
            events: answer.events.into_iter().map(Event::of).collect(),
            latest_replay_id: answer.latest_replay_id,
            pending,
        }
    }
}

fn first_request(topic: &str, start: Start, credit: u32) -> FetchRequest {
    let (preset, replay_id) = match start {
        Start::After(replay_id) => (ReplayPreset::Custom, replay_id),
        Start::Latest => (ReplayPreset::Latest, Bytes::new()),
        Start::Earliest => (ReplayPreset::Earliest, Bytes::new()),
    };
    FetchRequest {
        topic_name: topic.to_owned(),
        replay_preset: preset.into(),
        replay_id,
        num_requested: i32::try_from(credit).unwrap_or_default(),
        auth_refresh: String::new(),
    }
}

/// None for a time that no clock reaches.
fn deadline(after: Duration) -> Option<Instant> {
    Instant::now().checked_add(after)
}

// === impl Event ===

impl Event {
    /// An answer without an event, which no server sends, has no schema and decodes to an error.
    fn of(event: ConsumerEvent) -> Self {
        let produced = event.event.unwrap_or_default();
        Self {
            uuid: produced.id,
            schema_id: produced.schema_id,
            payload: produced.payload,
            replay_id: event.replay_id,
        }
    }
}

// === impl Credit ===

impl Credit {
    fn new(limit: u32) -> Self {
        let limit = limit.clamp(1, CREDIT_MAX);
        Self {
            limit,
            outstanding: limit,
            just_topped_up: false,
        }
    }

    /// How many to ask for after an answer with `count` events, whose sender counts `pending`.
    fn after(&mut self, count: u32, pending: u32) -> u32 {
        let own = self.outstanding.saturating_sub(count);
        // The server's count is the truth, but for what it has not read yet.
        self.outstanding = if self.just_topped_up { own } else { pending };
        self.just_topped_up = false;
        if self.outstanding * 2 < self.limit {
            self.limit - self.outstanding
        } else {
            0
        }
    }

    fn asked(&mut self, more: u32) {
        self.outstanding += more;
        self.just_topped_up = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_is_asked_for_below_half_and_never_past_the_limit() {
        let mut credit = Credit::new(1_000);
        assert_eq!(credit.limit, CREDIT_MAX);
        assert_eq!(credit.after(40, 60), 0);
        assert_eq!(credit.after(10, 50), 0);
        assert_eq!(credit.after(1, 49), 51);
        credit.asked(51);
        // An answer that was under way when more was asked for is no reason to ask again.
        assert_eq!(credit.after(9, 40), 0);
        assert_eq!(credit.outstanding, 91);
        assert_eq!(credit.after(0, 91), 0);
    }

    #[test]
    fn a_request_that_the_server_never_read_is_made_up_for() {
        let mut credit = Credit::new(10);
        assert_eq!(credit.after(8, 2), 8);
        credit.asked(8);
        assert_eq!(credit.after(0, 2), 0);
        assert_eq!(credit.after(0, 2), 8);
    }

    #[test]
    fn a_credit_of_one_is_renewed_after_every_event() {
        let mut credit = Credit::new(0);
        assert_eq!(credit.limit, 1);
        assert_eq!(credit.after(1, 0), 1);
        credit.asked(1);
        assert_eq!(credit.after(1, 0), 1);
    }
}
