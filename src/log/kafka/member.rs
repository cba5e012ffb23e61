//! A member of a consumer group: it hears which partitions are its share, and reads nothing of
//! them.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use rdkafka::TopicPartitionList;
use rdkafka::client::ClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext, Rebalance};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use crate::log::kafka::connect::{self, topic_name};
use crate::log::kafka::lease::{anchor_of, consumed};
use crate::log::kafka::options::Options;
use crate::log::kafka::refusal::said;
use crate::ports::event_log::{Error, Group};
use crate::ports::membership::{Membership, Share};

/// The longest wait of one poll: a member that does not poll is thrown out.
const POLL: Duration = Duration::from_millis(100);
/// How often in how long the coordinator may say that another has our name. After an outage it may
/// be ourselves: a request to join from before it, answered late, puts the next one out.
const FENCED_MAX: usize = 4;
const FENCED_WITHIN: Duration = Duration::from_secs(60);
/// Heartbeats until a process that was cut off has heard that others have its share, with one lost.
const DOUBT_HEARTBEATS: u32 = 3;

pub struct Member {
    consumer: BaseConsumer<Hears>,
    options: Options,
    group: Group,
    /// When it was put out by one of its name.
    fenced: VecDeque<Instant>,
    /// The generation that was told last.
    told: u64,
}

/// What the member has heard.
struct Hears(Mutex<Share>);

impl ClientContext for Hears {}

impl ConsumerContext for Hears {
    fn post_rebalance(&self, consumer: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        match rebalance {
            Rebalance::Assign(list) => {
                // What is read is read elsewhere, from positions of the view's or the lease's.
                if let Err(error) = consumer.pause(list) {
                    tracing::debug!(error = said(&error), "a member's partitions are not paused");
                }
                let mut share = self.0.lock().expect("no holder of this lock panics");
                share.partitions = numbers(list);
                share.generation += 1;
            }
            // Until the next share is known the work goes on: whoever gets it acquires the leases,
            // and that ends ours.
            Rebalance::Revoke(_) => {}
            Rebalance::Error(error) => {
                tracing::warn!(error = said(error), "partitions cannot be shared");
            }
        }
    }
}

/// Of several topics the same numbers are assigned.
fn numbers(list: &TopicPartitionList) -> BTreeSet<u32> {
    let elements = list.elements();
    elements
        .iter()
        .map(|element| element.partition().max(0) as u32)
        .collect()
}

fn subscribed(
    options: &Options,
    group: Group,
    share: Share,
) -> Result<BaseConsumer<Hears>, KafkaError> {
    let config = connect::member(options, group);
    let consumer: BaseConsumer<Hears> = config.create_with_context(Hears(Mutex::new(share)))?;
    let topics: BTreeSet<String> = consumed(group)
        .chain([anchor_of(group)])
        .map(|topic| topic_name(options, topic))
        .collect();
    let topics: Vec<&str> = topics.iter().map(String::as_str).collect();
    consumer.subscribe(&topics)?;
    Ok(consumer)
}

impl Member {
    pub fn join(options: &Options, group: Group) -> Result<Self, KafkaError> {
        let share = Share {
            doubt: connect::heartbeat(options) * DOUBT_HEARTBEATS,
            ..Share::default()
        };
        Ok(Self {
            consumer: subscribed(options, group, share)?,
            options: options.clone(),
            group,
            fenced: VecDeque::new(),
            told: 0,
        })
    }

    /// Joins anew, unless somebody else keeps putting it out. What was its share stays so until it
    /// hears of the next.
    fn rejoin(&mut self, error: &KafkaError) -> Result<(), Error> {
        let is_old = |at: &Instant| at.elapsed() > FENCED_WITHIN;
        while self.fenced.front().is_some_and(is_old) {
            self.fenced.pop_front();
        }
        self.fenced.push_back(Instant::now());
        if self.fenced.len() >= FENCED_MAX {
            return Err(Error::Share(format!(
                "another process has the instance name `{}` ({}); give each its own: \
                 log.kafka.instance",
                self.options.instance,
                said(error)
            )));
        }
        tracing::warn!("a member was put out by one of its name, and joins anew");
        let consumer = subscribed(&self.options, self.group, self.heard());
        self.consumer = consumer.map_err(|error| Error::Share(said(&error)))?;
        Ok(())
    }

    fn heard(&self) -> Share {
        let share = self.consumer.context().0.lock();
        share.expect("no holder of this lock panics").clone()
    }

    /// What others may repair is waited for; a second process of our name is not.
    fn judge(&mut self, error: &KafkaError) -> Result<(), Error> {
        if error.rdkafka_error_code() == Some(RDKafkaErrorCode::InvalidSessionTimeout) {
            return Err(Error::Share(
                "the brokers do not take log.kafka.session_timeout_seconds: see their \
                 group.min.session.timeout.ms"
                    .to_owned(),
            ));
        }
        let fenced = matches!(
            error.rdkafka_error_code(),
            Some(RDKafkaErrorCode::FencedInstanceId | RDKafkaErrorCode::Fatal)
        );
        if fenced {
            return self.rejoin(error);
        }
        tracing::debug!(error = said(error), "a member hears of an error");
        Ok(())
    }
}

impl Membership for Member {
    fn share(&mut self, wait: Duration) -> Result<Share, Error> {
        let deadline = Instant::now() + wait;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let polled = self.consumer.poll(left.min(POLL)).map(|came| came.err());
            if let Some(Some(error)) = polled {
                self.judge(&error)?;
            }
            let share = self.heard();
            if share.generation != self.told || left.is_zero() {
                self.told = share.generation;
                return Ok(share);
            }
        }
    }
}
