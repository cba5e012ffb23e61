//! A member of a consumer group: it hears which partitions are its share, and reads nothing of
//! them.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use rdkafka::TopicPartitionList;
use rdkafka::client::ClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext, Rebalance};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use crate::log::kafka::connect::{self, topic_name};
use crate::log::kafka::lease::{anchor, consumed};
use crate::log::kafka::options::Options;
use crate::log::kafka::refusal::said;
use crate::ports::event_log::{Error, Group};
use crate::ports::membership::{Membership, Share};

/// The longest wait of one poll: a member that does not poll is thrown out.
const POLL: Duration = Duration::from_millis(100);
/// Heartbeats until a process that was cut off has heard that others have its share, with one lost.
const DOUBT_HEARTBEATS: u32 = 3;

pub struct Member {
    consumer: BaseConsumer<Hears>,
    instance: String,
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

impl Member {
    pub fn join(options: &Options, group: Group) -> Result<Self, KafkaError> {
        let share = Share {
            doubt: connect::heartbeat(options) * DOUBT_HEARTBEATS,
            ..Share::default()
        };
        let config = connect::member(options, group);
        let consumer: BaseConsumer<Hears> = config.create_with_context(Hears(Mutex::new(share)))?;
        let topics: BTreeSet<String> = consumed(group)
            .chain([anchor(group)])
            .map(|topic| topic_name(options, topic))
            .collect();
        let topics: Vec<&str> = topics.iter().map(String::as_str).collect();
        consumer.subscribe(&topics)?;
        Ok(Self {
            consumer,
            instance: options.instance.clone(),
            told: 0,
        })
    }

    fn heard(&self) -> Share {
        let share = self.consumer.context().0.lock();
        share.expect("no holder of this lock panics").clone()
    }

    /// What others may repair is waited for; a second process of our name is not.
    fn judge(&self, error: &KafkaError) -> Result<(), Error> {
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
            return Err(Error::Share(format!(
                "another process has the instance name `{}` ({}); give each its own: \
                 log.kafka.instance",
                self.instance,
                said(error)
            )));
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
            if let Some(Err(error)) = self.consumer.poll(left.min(POLL)) {
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
