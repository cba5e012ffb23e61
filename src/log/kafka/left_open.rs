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

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::topic_partition_list::Offset;
use rdkafka::{ClientConfig, TopicPartitionList};

use crate::domain::Topic;
use crate::log::kafka::connect::{self, topic_name};
use crate::log::kafka::options::Options;
use crate::log::kafka::producer::Transactional;
use crate::log::kafka::refusal::Refusal;
use crate::ports::event_log::TopicPartition;

/// Ends what is open under the producer's id on the topics it writes to. What others have open
/// there stays so.
pub fn end(options: &Options, topics: &[Topic], producer: &Transactional) -> Result<(), Refusal> {
    let open = open(options, topics)?;
    if open.is_empty() {
        return Ok(());
    }
    tracing::info!(
        partitions = open.len(),
        "what may have been left open is aborted"
    );
    producer.touch(options, &open)?;
    producer.abort()
}

/// The partitions whose committed entries end before their entries.
fn open(options: &Options, topics: &[Topic]) -> Result<Vec<TopicPartition>, KafkaError> {
    let stable = ends(options, topics, &connect::reader(options))?;
    let all = ends(options, topics, &connect::anybody(options))?;
    let is_behind = |ends: &(Offset, Offset)| match ends {
        (Offset::Offset(stable), Offset::Offset(end)) => stable < end,
        _ => false,
    };
    let open = partitions(options, topics).zip(stable.into_iter().zip(all));
    let open = open.filter(|(_, ends)| is_behind(ends));
    Ok(open.map(|(at, _)| at).collect())
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
        let found = client.offsets_for_times(list.clone(), options.timeout)?;
        for element in found.elements() {
            element.error()?;
        }
        Ok(found)
    })?;
    let end = |at: TopicPartition| {
        let found = found.find_partition(&topic_name(options, at.topic), at.partition as i32);
        found.map_or(Offset::Invalid, |element| element.offset())
    };
    Ok(partitions(options, topics).map(end).collect())
}
