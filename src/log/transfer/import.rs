//! Import: a file of an export, on empty topics.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use crate::avro;
use crate::domain::{Message, Topic};
use crate::log::kafka::{KafkaLog, Restore};
use crate::log::topics::{Cleanup, Key, Partitions, spec};
use crate::log::transfer::export::group_of;
use crate::log::transfer::file::{Exported, Header, Input};
use crate::log::transfer::{Error, Moved, keeps_offsets};
use crate::ports::event_log::{self, Commit, EventLog, Group, Outgoing, Place, TopicPartition};

/// Entries, and bytes of them, that become visible together.
const APPEND_ENTRIES_MAX: usize = 500;
const APPEND_BYTES_MAX: usize = 2 << 20;

/// Fills empty topics from a file, which is read twice: once to see that all of it can be. `bridge`
/// says which partition a bridge is configured for.
pub fn import(
    path: &Path,
    log: &KafkaLog,
    partitions: Partitions,
    bridge: impl Fn(&str) -> Option<u32>,
    mut told: impl FnMut(Topic, u64),
) -> Result<Moved, Error> {
    let input = Input::open(path)?;
    let header = input.header.clone();
    if header.partitions != partitions.bridges {
        let (has, wants) = (header.partitions, partitions.bridges);
        return Err(Error::Partitions { has, wants });
    }
    input.each(|entry| {
        look(&entry, &header, &bridge)?;
        let (at, offset) = (entry.at, entry.offset);
        let Some(outgoing) = outgoing(entry, &header)? else {
            return Ok(());
        };
        Restore::takes(log, outgoing).map_err(|error| Error::Refused {
            topic: at.topic,
            partition: at.partition,
            offset,
            error,
        })
    })?;
    are_empty(log, partitions)?;
    let mut writing = Writing {
        log,
        restore: Restore::begin(log)?,
        header: &header,
        together: Vec::new(),
        bytes: 0,
        moved: Moved::new(),
    };
    Input::open(path)?.each(|entry| writing.put(entry))?;
    let moved = writing.end().map_err(cut_short)?;
    stand(log, partitions, &header).map_err(cut_short)?;
    for (topic, count) in &moved {
        told(*topic, *count);
    }
    Ok(moved)
}

fn cut_short(error: event_log::Error) -> Error {
    Error::CutShort { error }
}

/// A bridge keeps its partition, and what waits for it waits for somebody.
fn look(
    entry: &Exported,
    header: &Header,
    bridge: impl Fn(&str) -> Option<u32>,
) -> Result<(), Error> {
    let TopicPartition { topic, partition } = entry.at;
    let waits = group_of(topic) == Some(Group::Processor)
        && entry.value.is_some()
        && header
            .position(entry.at)
            .is_none_or(|next| entry.offset >= next);
    match bridge(&entry.key) {
        None if waits => Err(Error::NoBridge {
            bridge: entry.key.clone(),
        }),
        Some(wants) if spec(topic).key == Key::Bridge && wants != partition => {
            Err(Error::Misplaced {
                bridge: entry.key.clone(),
                has: partition,
                wants,
            })
        }
        _ => Ok(()),
    }
}

fn message(entry: &Exported) -> Result<Option<Message>, Error> {
    let Some(bytes) = &entry.value else {
        return Ok(None);
    };
    let message = avro::decode(entry.at.topic, bytes);
    message.map(Some).map_err(|error| Error::Unreadable {
        topic: entry.at.topic,
        partition: entry.at.partition,
        offset: entry.offset,
        reason: error.to_string(),
    })
}

fn are_empty(log: &KafkaLog, partitions: Partitions) -> Result<(), Error> {
    for topic in Topic::ALL {
        for partition in 0..partitions.of(topic) {
            if log.bounds(TopicPartition { topic, partition })?.end > 0 {
                return Err(Error::Occupied { topic, partition });
            }
        }
    }
    Ok(())
}

/// What an entry is appended as; none where it need not be moved.
fn outgoing(entry: Exported, header: &Header) -> Result<Option<Outgoing>, Error> {
    let topic = entry.at.topic;
    let taken = header.position(entry.at);
    if !keeps_offsets(topic) && taken.is_some_and(|next| entry.offset < next) {
        // It was carried out, and its result stands where results do.
        return Ok(None);
    }
    let message = message(&entry)?;
    if message.is_none() && spec(topic).cleanup != Cleanup::Compact {
        // What ended a transaction; its place is kept where places are.
        return Ok(None);
    }
    let place = match spec(topic).key {
        Key::Bridge => Place::Partition(entry.at.partition),
        _ => Place::ByKey,
    };
    Ok(Some(Outgoing {
        topic,
        place,
        key: Arc::from(entry.key),
        message,
    }))
}

struct Writing<'a> {
    log: &'a KafkaLog,
    restore: Restore<'a>,
    header: &'a Header,
    together: Vec<Outgoing>,
    bytes: usize,
    moved: Moved,
}

impl Writing<'_> {
    fn put(&mut self, entry: Exported) -> Result<(), Error> {
        let (topic, offset) = (entry.at.topic, entry.offset);
        let bytes = entry.value.as_ref().map_or(0, Vec::len);
        let Some(outgoing) = outgoing(entry, self.header)? else {
            return Ok(());
        };
        *self.moved.entry(topic).or_default() += 1;
        if keeps_offsets(topic) {
            return self.restore.put(offset, outgoing).map_err(cut_short);
        }
        self.bytes += bytes;
        self.together.push(outgoing);
        if self.together.len() >= APPEND_ENTRIES_MAX || self.bytes >= APPEND_BYTES_MAX {
            self.append().map_err(cut_short)?;
        }
        Ok(())
    }

    fn append(&mut self) -> Result<(), event_log::Error> {
        self.bytes = 0;
        self.log.append(std::mem::take(&mut self.together))
    }

    fn end(mut self) -> Result<Moved, event_log::Error> {
        self.append()?;
        for (at, bounds) in self.header.bounds() {
            if keeps_offsets(at.topic) {
                self.restore.bound(at, bounds)?;
            }
        }
        Ok(self.moved)
    }
}

/// The processor stands in its inputs where it stood. Sinks begin with what waits for them.
fn stand(log: &KafkaLog, partitions: Partitions, header: &Header) -> Result<(), event_log::Error> {
    for partition in 0..partitions.bridges {
        let mut positions = BTreeMap::new();
        for topic in Topic::ALL {
            let at = TopicPartition { topic, partition };
            if group_of(topic) == Some(Group::Processor)
                && let Some(position) = header.position(at)
            {
                positions.insert(at, position);
            }
        }
        let positions: Vec<_> = positions.into_iter().collect();
        let lease = log.acquire(Group::Processor, partition)?;
        match log.commit(&lease, Vec::new(), &positions) {
            Commit::Committed { .. } => {}
            Commit::Aborted { reason, .. } | Commit::Unknown { reason } => {
                return Err(event_log::Error::Append(reason));
            }
        }
    }
    Ok(())
}
