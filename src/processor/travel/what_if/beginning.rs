//! Where the observations begin that are still there.

use std::collections::BTreeMap;

use crate::domain::journal::{DomainEvent as E, InputRange};
use crate::domain::{Message, Topic};
use crate::ports::event_log::{self, EntryBody, EventLog, TopicPartition};
use crate::processor::recovery::READ_LIMIT;

/// The journal offset behind the last decision that rests on an observation which retention has
/// removed: from there on every observation is still there. `tell` hears how far it is.
pub fn beginning(
    log: &dyn EventLog,
    partition: u32,
    tell: &mut dyn FnMut(u64),
) -> Result<u64, event_log::Error> {
    let mut starts: BTreeMap<Topic, u64> = BTreeMap::new();
    for topic in Topic::INPUTS {
        let start = log.bounds(TopicPartition { topic, partition })?.start;
        starts.insert(topic, start);
    }
    let is_gone = |range: &InputRange| {
        let start = starts.get(&range.topic);
        start.is_some_and(|start| range.from < *start)
    };
    let journal = TopicPartition {
        topic: Topic::Journal,
        partition,
    };
    let mut begins = 0;
    event_log::each(log, journal, READ_LIMIT, |entry| {
        tell(entry.offset);
        let EntryBody::Message(Message::Journal(journaled)) = &entry.body else {
            return Ok::<(), event_log::Error>(());
        };
        let gone = match &journaled.event {
            E::BatchConsumed { inputs, .. } => inputs.iter().any(is_gone),
            E::BridgeReread { input, gone, .. } => *gone > 0 || is_gone(input),
            _ => false,
        };
        if gone {
            begins = entry.offset + 1;
        }
        Ok(())
    })?;
    Ok(begins)
}
