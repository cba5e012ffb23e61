//! A world's log as somebody reads it afterwards: its journal and what it was given.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::world::World;
use crate::domain::{Message, Timestamp, Topic};
use crate::ports::event_log::{
    Bounds, Commit, Entry, EntryBody, Error, EventLog, Group, Lease, Outgoing, ReadFrom, ReadLimit,
    TopicPartition,
};

/// Entries by topic, each at its offset. Read only.
pub struct PastLog {
    topics: BTreeMap<Topic, Vec<Entry>>,
    /// What retention has removed.
    starts: BTreeMap<Topic, u64>,
}

impl PastLog {
    pub fn of(world: &World) -> Self {
        let mut topics: BTreeMap<Topic, Vec<Entry>> = BTreeMap::new();
        for entry in &world.entries {
            topics
                .entry(entry.at.topic)
                .or_default()
                .push(entry.clone());
        }
        let journal = world
            .journal
            .iter()
            .enumerate()
            .map(|(offset, entry)| Entry {
                at: journal(),
                offset: offset as u64,
                appended_at: entry.at,
                key: entry.key.to_string(),
                body: EntryBody::Message(Message::Journal(Box::new(entry.clone()))),
            });
        topics.insert(Topic::Journal, journal.collect());
        let starts = BTreeMap::new();
        Self { topics, starts }
    }

    /// The same after retention removed what stands before an offset.
    pub fn kept_from(mut self, topic: Topic, start: u64) -> Self {
        self.starts.insert(topic, start);
        self
    }

    pub fn shared(self) -> Arc<dyn EventLog> {
        Arc::new(self)
    }
}

pub fn journal() -> TopicPartition {
    TopicPartition {
        topic: Topic::Journal,
        partition: 0,
    }
}

fn read_only<T>() -> Result<T, Error> {
    Err(Error::Read("it is only read".to_owned()))
}

impl EventLog for PastLog {
    fn append(&self, _: Vec<Outgoing>) -> Result<(), Error> {
        read_only()
    }

    fn read(&self, from: &[ReadFrom], limit: ReadLimit, _: Duration) -> Result<Vec<Entry>, Error> {
        let mut found = Vec::new();
        for place in from {
            let entries = self.topics.get(&place.at.topic).into_iter().flatten();
            let start = self.bounds(place.at)?.start.max(place.offset);
            let wanted = entries.filter(|entry| entry.offset >= start);
            // Small parts, so that whoever reads goes on where a part ends.
            let room = limit.entries_max.min(7) - found.len();
            found.extend(wanted.take(room).cloned());
        }
        Ok(found)
    }

    fn bounds(&self, at: TopicPartition) -> Result<Bounds, Error> {
        let end = self.topics.get(&at.topic).map_or(0, Vec::len) as u64;
        let start = self.starts.get(&at.topic).copied().unwrap_or(0);
        Ok(Bounds { start, end })
    }

    fn first_appended(&self, _: ReadFrom, _: u64) -> Result<Option<Timestamp>, Error> {
        read_only()
    }

    fn decode(&self, _: Topic, _: &[u8]) -> Result<EntryBody, Error> {
        read_only()
    }

    fn latest(&self, _: Topic, _: &str) -> Result<Option<Entry>, Error> {
        read_only()
    }

    fn acquire(&self, _: Group, _: u32) -> Result<Lease, Error> {
        read_only()
    }

    fn commit(&self, _: &Lease, _: Vec<Outgoing>, _: &[(TopicPartition, u64)]) -> Commit {
        Commit::Aborted {
            fenced: true,
            reason: "it is only read".to_owned(),
        }
    }
}
