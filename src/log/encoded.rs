//! Entries as bytes, the same in every adapter.

use std::borrow::Borrow;
use std::sync::Arc;

use crate::avro;
use crate::domain::Topic;
use crate::log::headers::Headers;
use crate::log::murmur2::partition_of;
use crate::log::topics::{self, Cleanup, Partitions, group_name, group_outputs};
use crate::ports::event_log::{EntryBody, Error, Group, Outgoing, Place, TopicPartition};

/// An entry that can be written, and where to.
#[derive(Debug)]
pub struct Encoded {
    pub at: TopicPartition,
    pub key: Arc<str>,
    pub headers: Headers,
    /// None is a tombstone.
    pub value: Option<Vec<u8>>,
}

impl Encoded {
    /// Bytes of key, headers and value.
    pub fn bytes(&self) -> usize {
        let headers = self
            .headers
            .iter()
            .map(|(name, text)| name.len() + text.len());
        self.key.len() + headers.sum::<usize>() + self.value.as_ref().map_or(0, Vec::len)
    }
}

/// Names a call of `commit`: equal calls under one lease are one commit.
pub type CallId = [u8; 32];

pub fn call_id(epoch: u64, entries: &[Encoded], positions: &[(TopicPartition, u64)]) -> CallId {
    let mut hasher = blake3::Hasher::new();
    let mut part = |bytes: &[u8]| {
        hasher.update(&(bytes.len() as u64).to_be_bytes());
        hasher.update(bytes);
    };
    let place = |at: &TopicPartition| {
        let [a, b, c, d] = at.partition.to_be_bytes();
        [topics::spec(at.topic).number, a, b, c, d]
    };
    part(&epoch.to_be_bytes());
    for entry in entries {
        part(&place(&entry.at));
        part(entry.key.as_bytes());
        // A tombstone is not an empty value.
        part(&[u8::from(entry.value.is_some())]);
        part(entry.value.as_deref().unwrap_or_default());
    }
    for (at, next) in positions {
        part(&place(at));
        part(&next.to_be_bytes());
    }
    *hasher.finalize().as_bytes()
}

/// The ids that a registry gave to today's schemas; none where entries name fingerprints.
pub type Ids<'a> = &'a dyn Fn(Topic) -> Result<Option<u32>, Error>;

/// Entries name the fingerprints of their schemas.
pub fn no_ids(_: Topic) -> Result<Option<u32>, Error> {
    Ok(None)
}

/// Encodes a batch; the first entry that cannot stand on its topic refuses all of it.
pub fn encode<B>(
    batch: B,
    partitions: Partitions,
    prefix: &str,
    ids: Ids<'_>,
) -> Result<Vec<Encoded>, Error>
where
    B: IntoIterator,
    B::Item: Borrow<Outgoing>,
{
    let one = |entry: B::Item| encode_one(entry.borrow(), partitions, prefix, ids);
    batch.into_iter().map(one).collect()
}

fn encode_one(
    entry: &Outgoing,
    partitions: Partitions,
    prefix: &str,
    ids: Ids<'_>,
) -> Result<Encoded, Error> {
    let topic = entry.topic;
    let refuse = |reason: String| Error::Encode {
        topic: topics::name(prefix, topic),
        reason,
    };
    let (headers, value) = match &entry.message {
        Some(message) if !avro::fits(topic, message) => {
            return Err(refuse("another kind of message belongs there".to_owned()));
        }
        Some(message) => {
            let value = match ids(topic)? {
                Some(id) => avro::encode_registered(message, id),
                None => avro::encode(message),
            };
            let value = value.map_err(|error| refuse(error.to_string()))?;
            let datum = avro::Framing::split(&value).map_or(&value[..], |(_, datum)| datum);
            (Headers::of(topic, &entry.key, message, datum), Some(value))
        }
        None if topics::spec(topic).cleanup == Cleanup::Compact => (Headers::default(), None),
        None => return Err(refuse("only compacted topics take tombstones".to_owned())),
    };
    let partition = match entry.place {
        Place::Partition(partition) => partition,
        Place::ByKey => partition_of(&entry.key, partitions.of(topic)),
    };
    Ok(Encoded {
        at: checked(topic, partition, partitions, prefix)?,
        key: Arc::clone(&entry.key),
        headers,
        value,
    })
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

/// What stands in the value of an entry.
pub fn decode(topic: Topic, value: Option<&[u8]>) -> EntryBody {
    let Some(bytes) = value else {
        return EntryBody::Tombstone;
    };
    match avro::decode(topic, bytes) {
        Ok(message) => EntryBody::Message(message),
        Err(error) => EntryBody::Undecodable {
            bytes: bytes.to_vec(),
            reason: error.to_string(),
        },
    }
}

/// Refuses entries for topics that the role of a lease does not write to.
pub fn check_outputs(group: Group, entries: &[Encoded]) -> Result<(), String> {
    let outputs = group_outputs(group);
    let other = entries.iter().find(|one| !outputs.contains(&one.at.topic));
    other.map_or(Ok(()), |one| {
        let (topic, role) = (one.at.topic.label(), group_name(group));
        Err(format!("{topic} is no output of {role}"))
    })
}
