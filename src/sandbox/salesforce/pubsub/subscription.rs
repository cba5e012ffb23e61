//! One open stream: credit, delivery, keepalives, its end (salesforce.md 1.4 and 1.5).

use std::sync::Arc;

use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use tonic::{Status, Streaming};

use crate::sandbox::guard::lock;
use crate::sandbox::host::Host;
use crate::sandbox::salesforce::model::{ChangeEvent, Topic, replay_id};
use crate::sandbox::salesforce::pubsub::proto::{
    ConsumerEvent, FetchRequest, FetchResponse, ProducerEvent, ReplayPreset,
};
use crate::sandbox::salesforce::pubsub::refusal::{Call, proxy};
use crate::sandbox::salesforce::pubsub::service::{Timing, topic};
use crate::sandbox::salesforce::server::Salesforce;

/// The most events a stream can have outstanding.
const CREDIT_MAX: usize = 100;
/// The payload bytes of one response; a client takes messages of 4 MB (salesforce.md 1.8).
const RESPONSE_BYTES_MAX: usize = 3 * 1024 * 1024;

/// A stream before its first request.
pub(super) struct Subscription {
    pub(super) host: Arc<Host<Salesforce>>,
    pub(super) call: Call,
    pub(super) inbound: Streaming<FetchRequest>,
    pub(super) outbound: mpsc::Sender<Result<FetchResponse, Status>>,
    pub(super) closed: watch::Receiver<bool>,
    /// Rings after every commit.
    pub(super) bell: watch::Receiver<u64>,
    pub(super) timing: Timing,
}

/// Where a stream stands.
struct Cursor {
    topic: Topic,
    topic_name: String,
    position: u64,
    /// Events asked for and not yet sent.
    credit: usize,
    /// The hazards as they were when it began.
    cuts: u64,
    silences: u64,
}

/// What there is to do now.
enum Look {
    Deliver(FetchResponse),
    /// The next event is held back until then.
    Later(i64),
    Nothing,
    /// This stream says nothing any more.
    Silent,
}

// === impl Subscription ===

impl Subscription {
    pub(super) async fn run(mut self) {
        if let Err(status) = self.serve().await {
            // A client that has gone needs no reason.
            let _ = self.outbound.send(Err(status)).await;
        }
    }

    async fn serve(&mut self) -> Result<(), Status> {
        let first = tokio::select! {
            first = self.inbound.message() => first?,
            () = ended(&mut self.closed) => None,
        };
        let Some(first) = first else {
            return Ok(());
        };
        let mut cursor = self.begin(&first)?;
        let mut listening = true;
        let mut last_sent = Instant::now();
        loop {
            self.bell.borrow_and_update();
            let look = self.look(&mut cursor)?;
            let (silent, held_until) = match look {
                Look::Deliver(response) => {
                    if !self.send(response).await {
                        return Ok(());
                    }
                    last_sent = Instant::now();
                    continue;
                }
                Look::Later(at_ms) => (false, Some(at_ms)),
                Look::Nothing => (false, None),
                Look::Silent => (true, None),
            };
            if cursor.credit == 0 && !listening {
                return Ok(());
            }
            let starved = cursor.credit == 0;
            let wait = if starved {
                self.timing.credit_wait
            } else {
                self.timing.keepalive
            };
            tokio::select! {
                () = ended(&mut self.closed) => return Ok(()),
                () = self.outbound.closed() => return Ok(()),
                request = self.inbound.message(), if listening => match request? {
                    Some(request) => {
                        self.extend(&mut cursor, &request)?;
                        if starved {
                            last_sent = Instant::now();
                        }
                    }
                    None => listening = false,
                },
                _ = self.bell.changed() => {}
                () = self.host.clock.until_ms(held_until.unwrap_or_default()),
                    if held_until.is_some() => {}
                () = tokio::time::sleep_until(last_sent + wait), if !silent => {
                    if starved {
                        return Ok(());
                    }
                    let response = self.keepalive(&mut cursor, held_until.is_some());
                    if !self.send(response).await {
                        return Ok(());
                    }
                    last_sent = Instant::now();
                }
            }
        }
    }

    /// Reads the first request; topic and position come from it alone.
    fn begin(&self, first: &FetchRequest) -> Result<Cursor, Status> {
        let topic = topic(&self.call, &first.topic_name)?;
        let credit = self.credit(first)?;
        let now_ms = self.host.clock.now_ms();
        let mut org = lock(&self.host.vendor.org);
        org.purge_events(now_ms);
        let preset = ReplayPreset::try_from(first.replay_preset);
        let position = match preset.map_err(|_| self.call.bad_preset())? {
            ReplayPreset::Latest => org.events.last(),
            ReplayPreset::Earliest => org.events.oldest(),
            ReplayPreset::Custom if first.replay_id.is_empty() => {
                return Err(self.call.no_replay_id());
            }
            ReplayPreset::Custom => org
                .events
                .position(&first.replay_id)
                .ok_or_else(|| self.call.bad_replay_id())?,
        };
        Ok(Cursor {
            topic,
            topic_name: first.topic_name.clone(),
            position,
            credit,
            cuts: org.events.hazards.cuts,
            silences: org.events.hazards.silences,
        })
    }

    /// Adds what a later request asks for.
    fn extend(&self, cursor: &mut Cursor, request: &FetchRequest) -> Result<(), Status> {
        if !request.topic_name.is_empty() && request.topic_name != cursor.topic_name {
            return Err(self.call.other_topic());
        }
        cursor.credit = (cursor.credit + self.credit(request)?).min(CREDIT_MAX);
        Ok(())
    }

    fn credit(&self, request: &FetchRequest) -> Result<usize, Status> {
        let asked = usize::try_from(request.num_requested).unwrap_or(0);
        if asked == 0 {
            return Err(self.call.bad_number());
        }
        Ok(asked.min(CREDIT_MAX))
    }

    fn look(&self, cursor: &mut Cursor) -> Result<Look, Status> {
        let now_ms = self.host.clock.now_ms();
        let mut org = lock(&self.host.vendor.org);
        let hazards = &org.events.hazards;
        if hazards.cuts > cursor.cuts {
            return Err(proxy());
        }
        if hazards.silences > cursor.silences {
            return Ok(Look::Silent);
        }
        if cursor.credit == 0 {
            return Ok(Look::Nothing);
        }
        let found = org.events_after(cursor.position, cursor.topic, cursor.credit, now_ms);
        let held_until = found.first().map(|event| event.visible_ms);
        let mut bytes = 0;
        let mut due: Vec<ChangeEvent> = found
            .into_iter()
            .take_while(|event| event.visible_ms <= now_ms)
            .take_while(|event| {
                let first = bytes == 0;
                bytes += event.payload.len();
                first || bytes <= RESPONSE_BYTES_MAX
            })
            .collect();
        if due.is_empty() {
            return Ok(held_until.map_or(Look::Nothing, Look::Later));
        }
        let allowed = org.take_deliveries(due.len(), now_ms);
        if allowed == 0 {
            return Err(self.call.used_up());
        }
        due.truncate(allowed);
        if let Some(last) = due.last() {
            cursor.position = last.position;
        }
        cursor.credit -= due.len();
        Ok(Look::Deliver(self.response(cursor, due)))
    }

    fn response(&self, cursor: &Cursor, due: Vec<ChangeEvent>) -> FetchResponse {
        let latest = due.last().map(|last| last.replay_id.clone());
        FetchResponse {
            events: due.into_iter().map(consumer_event).collect(),
            latest_replay_id: latest.unwrap_or_default().into(),
            rpc_id: self.call.rpc_id.clone(),
            pending_num_requested: i32::try_from(cursor.credit).unwrap_or(i32::MAX),
        }
    }

    /// An empty response. Its position is a fresh one, unless that would pass an event that is
    /// held back.
    fn keepalive(&self, cursor: &mut Cursor, held: bool) -> FetchResponse {
        let now_ms = self.host.clock.now_ms();
        let mut org = lock(&self.host.vendor.org);
        // Between the look and now something may have been committed.
        if !held
            && org
                .events_after(cursor.position, cursor.topic, 1, now_ms)
                .is_empty()
        {
            cursor.position = org.events.mark(now_ms);
        }
        let short = org.settings.switches.short_replay_ids;
        let mut response = self.response(cursor, Vec::new());
        response.latest_replay_id = replay_id(cursor.position, short).into();
        response
    }

    /// Answers whether the stream goes on.
    async fn send(&mut self, response: FetchResponse) -> bool {
        tokio::select! {
            sent = self.outbound.send(Ok(response)) => sent.is_ok(),
            () = ended(&mut self.closed) => false,
        }
    }
}

fn consumer_event(event: ChangeEvent) -> ConsumerEvent {
    ConsumerEvent {
        event: Some(ProducerEvent {
            id: event.event_uuid,
            schema_id: event.schema_id,
            payload: event.payload.into(),
            headers: Vec::new(),
        }),
        replay_id: event.replay_id.into(),
    }
}

/// Waits until the port closes or its handle is dropped.
async fn ended(closed: &mut watch::Receiver<bool>) {
    let _ = closed.wait_for(|closing| *closing).await;
}
