//! Export: every entry that a log keeps, and where each group stands.

use std::path::Path;

use crate::domain::Topic;
use crate::log::topics::{Partitions, group_topics};
use crate::log::transfer::file::{Header, Output};
use crate::log::transfer::{Error, Moved};
use crate::ports::event_log::{
    Bounds, EntryBody, EventLog, Group, ReadLimit, TopicPartition, each_within,
};

const READ_LIMIT: ReadLimit = ReadLimit {
    entries_max: 1_000,
    bytes_max: 8 << 20,
};

/// Writes a log to a file. Nobody may write to the log meanwhile: that is noticed, and refused.
pub fn export(
    log: &dyn EventLog,
    partitions: Partitions,
    path: &Path,
    mut told: impl FnMut(Topic, u64),
) -> Result<Moved, Error> {
    let stands = stand(log, partitions)?;
    let mut header = Header::new(partitions.bridges);
    for (at, bounds, position) in &stands {
        header.add(*at, *bounds, *position);
    }
    let mut output = Output::begin(path, &header)?;
    let mut moved = Moved::new();
    for (at, bounds, position) in &stands {
        let count = moved.entry(at.topic).or_default();
        each_within(log, *at, *bounds, READ_LIMIT, |entry| {
            let is_taken = position.is_some_and(|next| entry.offset < next);
            if is_taken && matches!(entry.body, EntryBody::Undecodable { .. }) {
                // It has become a dead letter, with its bytes.
                return Ok(());
            }
            *count += 1;
            output.put(&entry)
        })?;
        if at.partition + 1 == partitions.of(at.topic) {
            told(at.topic, *count);
        }
    }
    let now = stand(log, partitions)?;
    if let Some(((at, ..), _)) = now.iter().zip(&stands).find(|(now, then)| now != then) {
        let TopicPartition { topic, partition } = *at;
        return Err(Error::Busy { topic, partition });
    }
    output.end()?;
    Ok(moved)
}

type Stand = (TopicPartition, Bounds, Option<u64>);

/// Where every partition begins and ends, and where the group that consumes it stands.
fn stand(log: &dyn EventLog, partitions: Partitions) -> Result<Vec<Stand>, Error> {
    let mut stands = Vec::new();
    for topic in Topic::ALL {
        for partition in 0..partitions.of(topic) {
            let at = TopicPartition { topic, partition };
            let position = match group_of(topic) {
                Some(group) => log.positions(group, partition)?.get(&topic).copied(),
                None => None,
            };
            stands.push((at, log.bounds(at)?, position));
        }
    }
    Ok(stands)
}

/// The group whose positions in a topic count.
pub fn group_of(topic: Topic) -> Option<Group> {
    let consumes = |group: &Group| topic != Topic::Journal && group_topics(*group).contains(&topic);
    Group::ALL.into_iter().find(consumes)
}
