//! Positions that are committed within a transaction. Of the calls of a transaction only this one
//! can take for ever, whatever time it is given (librdkafka issues 5456 and 5511: a coordinator
//! that went away at the wrong moment): it is made on a thread of its own, which may be left
//! behind.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

use rdkafka::TopicPartitionList;
use rdkafka::consumer::ConsumerGroupMetadata;
use rdkafka::producer::{BaseProducer, Producer, ProducerContext};

use crate::log::kafka::producer::retried;
use crate::log::kafka::refusal::Refusal;

/// What the call is given beyond its time: it ends late by the length of a request that was under
/// way, and that is no reason to give a lease up.
const GRACE: Duration = Duration::from_secs(5);

/// Positions to be committed, and in whose name.
pub struct Offsets {
    pub list: TopicPartitionList,
    pub group: ConsumerGroupMetadata,
}

struct Job {
    offsets: Offsets,
    answer: SyncSender<Result<(), Refusal>>,
}

/// Adds positions to a producer's transaction, in bounded time.
pub struct Adder {
    jobs: SyncSender<Job>,
    timeout: Duration,
}

impl Adder {
    pub fn start<C: ProducerContext + 'static>(
        producer: Arc<BaseProducer<C>>,
        timeout: Duration,
    ) -> io::Result<Self> {
        let (jobs, waiting) = sync_channel(1);
        let thread = std::thread::Builder::new().name("txn-offsets".to_owned());
        thread.spawn(move || add_on(&producer, &waiting, timeout))?;
        Ok(Self { jobs, timeout })
    }

    /// Refused as broken where no answer comes.
    pub fn add(&self, offsets: Offsets) -> Result<(), Refusal> {
        let (answer, answered) = sync_channel(1);
        let gone = || Refusal::broken("the positions of a transaction got no answer".to_owned());
        self.jobs
            .try_send(Job { offsets, answer })
            .map_err(|_| gone())?;
        let most = self.timeout + GRACE;
        answered.recv_timeout(most).unwrap_or_else(|_| Err(gone()))
    }
}

fn add_on<C: ProducerContext>(
    producer: &BaseProducer<C>,
    waiting: &Receiver<Job>,
    timeout: Duration,
) {
    while let Ok(Job { offsets, answer }) = waiting.recv() {
        let Offsets { list, group } = offsets;
        let added = retried(timeout, |left| {
            producer.send_offsets_to_transaction(&list, &group, left)
        });
        // Nobody waits any more where it took too long.
        let _ = answer.try_send(added);
    }
}

#[cfg(test)]
mod tests {
    use rdkafka::consumer::{BaseConsumer, Consumer};
    use rdkafka::mocking::{MockCluster, MockCoordinator};
    use rdkafka::topic_partition_list::Offset;

    use super::*;
    use crate::domain::Topic;
    use crate::log::kafka::connect::{self, topic_name};
    use crate::log::kafka::options::Options;
    use crate::log::kafka::producer::Transactional;
    use crate::ports::event_log::Group;

    const TRANSACTIONS: i32 = 1;
    const GROUPS: i32 = 2;
    const GROUP: &str = "crosswalk-processor";

    fn offsets(options: &Options) -> Offsets {
        let client = connect::of_group(options, Group::Processor);
        let client: BaseConsumer = client.create().unwrap();
        let mut list = TopicPartitionList::new();
        let topic = topic_name(options, Topic::Decisions);
        list.add_partition_offset(&topic, 0, Offset::Offset(7))
            .unwrap();
        let group = client.group_metadata().unwrap();
        Offsets { list, group }
    }

    /// Of real brokers none can be made to go away between the two requests of this call; those of
    /// librdkafka's own mock can.
    #[test]
    fn positions_whose_coordinator_is_away_break_the_producer_in_time_and_the_next_one_goes_on() {
        let brokers = MockCluster::new(2).unwrap();
        let coordinator = |of, broker| brokers.coordinator(of, broker).unwrap();
        let id = "crosswalk-processor-0";
        coordinator(MockCoordinator::Transaction(id.to_owned()), TRANSACTIONS);
        coordinator(MockCoordinator::Group(GROUP.to_owned()), GROUPS);
        let options = Options {
            bootstrap: brokers.bootstrap_servers(),
            timeout: Duration::from_secs(1),
            ..Options::default()
        };
        let topic = topic_name(&options, Topic::Decisions);
        brokers.create_topic(&topic, 1, 1).unwrap();
        let write = || {
            let options = options.clone();
            let (told, written) = sync_channel(1);
            std::thread::spawn(move || {
                let producer = Transactional::open(&options, id).unwrap();
                let written = producer.write(&options, &[]);
                let written = written.and_then(|_| producer.add(offsets(&options)));
                let written = written.and_then(|()| producer.commit());
                told.send(written).unwrap();
            });
            let most = Duration::from_secs(1) + GRACE * 4;
            written
                .recv_timeout(most)
                .expect("an answer in bounded time")
        };
        brokers.broker_down(GROUPS).unwrap();
        let refused = write().unwrap_err();
        assert!(refused.is_broken && !refused.is_fenced, "{refused:?}");
        brokers.broker_up(GROUPS).unwrap();
        write().unwrap();
    }
}
