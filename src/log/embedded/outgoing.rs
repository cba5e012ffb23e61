//! Turns what a stage wants to write into rows, on the caller's thread.

use crate::avro;
use crate::domain::Topic;
use crate::log::embedded::options::Options;
use crate::log::embedded::place::slot;
use crate::log::headers::Headers;
use crate::log::murmur2::partition_of;
use crate::log::topics::{self, Cleanup, Partitions};
use crate::ports::event_log::{Error, Outgoing, Place, TopicPartition};

/// One entry, ready to be inserted.
#[derive(Debug)]
pub struct Row {
    pub slot: i64,
    pub compacted: bool,
    pub key: String,
    pub headers: Vec<u8>,
    pub value: Option<Vec<u8>>,
}

impl Row {
    pub fn bytes(&self) -> usize {
        self.key.len() + self.headers.len() + self.value.as_ref().map_or(0, Vec::len)
    }
}

/// Encodes a batch; the first entry that cannot stand on its topic refuses all of it.
pub fn rows(
    batch: Vec<Outgoing>,
    partitions: Partitions,
    options: &Options,
) -> Result<Vec<Row>, Error> {
    let row = |entry| row(entry, partitions, options);
    batch.into_iter().map(row).collect()
}

fn row(entry: Outgoing, partitions: Partitions, options: &Options) -> Result<Row, Error> {
    let topic = entry.topic;
    let refuse = |reason: String| Error::Encode {
        topic: topics::name(&options.prefix, topic),
        reason,
    };
    let compacted = topics::spec(topic).cleanup == Cleanup::Compact;
    let (headers, value) = match &entry.message {
        Some(message) if !avro::fits(topic, message) => {
            return Err(refuse("another kind of message belongs there".to_owned()));
        }
        Some(message) => {
            let value = avro::encode(message).map_err(|error| refuse(error.to_string()))?;
            let headers = Headers::of(topic, &entry.key, message).pack();
            (headers, Some(value))
        }
        None if compacted => (Vec::new(), None),
        None => return Err(refuse("only compacted topics take tombstones".to_owned())),
    };
    let row = Row {
        slot: slot(target(&entry, partitions, &options.prefix)?),
        compacted,
        key: entry.key.to_string(),
        headers,
        value,
    };
    if row.bytes() > options.entry_bytes_max {
        return Err(refuse(format!("{} bytes are too many", row.bytes())));
    }
    Ok(row)
}

fn target(entry: &Outgoing, partitions: Partitions, prefix: &str) -> Result<TopicPartition, Error> {
    let partition = match entry.place {
        Place::Partition(partition) => partition,
        Place::ByKey => partition_of(&entry.key, partitions.of(entry.topic)),
    };
    checked(entry.topic, partition, partitions, prefix)
}

/// Refuses partitions that do not exist.
pub fn checked(
    topic: Topic,
    partition: u32,
    partitions: Partitions,
    prefix: &str,
) -> Result<TopicPartition, Error> {
    if partition < partitions.of(topic) {
        return Ok(TopicPartition { topic, partition });
    }
    Err(Error::NoPartition {
        topic: topics::name(prefix, topic),
        partition,
    })
}
