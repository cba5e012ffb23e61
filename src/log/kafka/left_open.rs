//! What a predecessor left open, and the brokers did not end.
//!
//! Taking a transactional id over ends what was open under it: the coordinator has a marker
//! written to each partition of the transaction. A coordinator that does so while a partition has
//! no leader takes the partition for a deleted one and writes it no marker (seen with Apache
//! Kafka 4.3.1, whose one broker was frozen for longer than its session). Then nobody who reads
//! committed entries comes past that place; and the next commit that writes to the partition
//! under the same id writes the marker that was missing, and so commits what was to be aborted.
//! Therefore an owner first aborts a transaction of its own on each partition on which anything
//! is open.

use std::collections::BTreeMap;

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::topic_partition_list::Offset;
use rdkafka::{ClientConfig, TopicPartitionList};

use crate::domain::Topic;
use crate::log::kafka::anchor::Ends;
use crate::log::kafka::connect::{self, topic_name};
use crate::log::kafka::options::Options;
use crate::log::kafka::producer::Transactional;
use crate::log::kafka::refusal::Refusal;
use crate::ports::event_log::TopicPartition;

/// What was found open and is aborted now: partitions, with where their committed entries ended.
pub type Found = BTreeMap<TopicPartition, u64>;

/// Ends what is open under the producer's id on the topics it writes to. What others have open
/// there stays so. `committed` is where the last commit of this id that is known of ended: what is
/// open on a partition before that lacks its marker only, and is committed. Answers what was
/// aborted.
pub fn end(
    options: &Options,
    topics: &[Topic],
    producer: &Transactional,
    committed: &Ends,
) -> Result<Found, Refusal> {
    let lacks_marker = |at: &TopicPartition, stable: &u64| {
        let end = committed.get(at);
        end.is_some_and(|end| stable < end)
    };
    let found = open(options, topics)?;
    let (unmarked, undone): (Found, Found) = found
        .into_iter()
        .partition(|(at, stable)| lacks_marker(at, stable));
    if !unmarked.is_empty() || !undone.is_empty() {
        tracing::info!(
            committed = unmarked.len(),
            aborted = undone.len(),
            "what may have been left open is ended"
        );
    }
    let partitions = |found: &Found| found.keys().copied().collect::<Vec<_>>();
    if !unmarked.is_empty() {
        producer.touch(options, &partitions(&unmarked))?;
        producer.commit()?;
    }
    if !undone.is_empty() {
        producer.touch(options, &partitions(&undone))?;
        producer.abort()?;
    }
    Ok(undone)
}

/// The partitions whose committed entries end before their entries. Of one that does not answer
/// nothing is known, and nothing can be done: it is looked at again by whoever comes next.
fn open(options: &Options, topics: &[Topic]) -> Result<Found, KafkaError> {
    let stable = ends(options, topics, &connect::reader(options))?;
    let all = ends(options, topics, &connect::anybody(options))?;
    let mut found = Found::new();
    for (at, (stable, end)) in partitions(options, topics).zip(stable.into_iter().zip(all)) {
        if let (Offset::Offset(stable), Offset::Offset(end)) = (stable, end)
            && stable < end
        {
            found.insert(at, stable.max(0) as u64);
        }
    }
    Ok(found)
}

fn partitions(options: &Options, topics: &[Topic]) -> impl Iterator<Item = TopicPartition> {
    topics.iter().flat_map(|topic| {
        let topic = *topic;
        let partitions = 0..options.partitions.of(topic);
        partitions.map(move |partition| TopicPartition { topic, partition })
    })
}

/// The end of each partition as the client's isolation sees it, in their order.
fn ends(
    options: &Options,
    topics: &[Topic],
    config: &ClientConfig,
) -> Result<Vec<Offset>, KafkaError> {
    let client: BaseConsumer = config.create()?;
    let mut list = TopicPartitionList::new();
    for at in partitions(options, topics) {
        let topic = topic_name(options, at.topic);
        // In the place of a time: the end.
        list.add_partition_offset(&topic, at.partition as i32, Offset::End)?;
    }
    let found = connect::patiently(options, || {
        client.offsets_for_times(list.clone(), options.timeout)
    })?;
    let end = |at: TopicPartition| {
        let found = found.find_partition(&topic_name(options, at.topic), at.partition as i32);
        let known = found.filter(|element| element.error().is_ok());
        known.map_or(Offset::Invalid, |element| element.offset())
    };
    Ok(partitions(options, topics).map(end).collect())
}
