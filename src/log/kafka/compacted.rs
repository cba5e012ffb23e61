//! The newest entry of each key of a compacted partition, kept up by reading on.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard};

use rdkafka::consumer::BaseConsumer;

use crate::log::kafka::connect;
use crate::log::kafka::options::Options;
use crate::log::kafka::reader::Readers;
use crate::log::kafka::refusal::said;
use crate::ports::event_log::{Entry, EntryBody, ReadFrom, ReadLimit, TopicPartition};

const LIMIT: ReadLimit = ReadLimit {
    entries_max: 5_000,
    bytes_max: 8 << 20,
};

/// What was read of compacted partitions. Their keys are few: cursors and schemas.
#[derive(Default)]
pub struct Compacted(Mutex<BTreeMap<TopicPartition, Newest>>);

#[derive(Default)]
struct Newest {
    next: u64,
    entries: BTreeMap<String, Entry>,
}

impl Compacted {
    /// The newest entry of a key that stands when it is asked for.
    pub fn latest(
        &self,
        options: &Options,
        readers: &Readers,
        at: TopicPartition,
        key: &str,
    ) -> Result<Option<Entry>, String> {
        let client: BaseConsumer = connect::reader(options)
            .create()
            .map_err(|error| said(&error))?;
        let (first, end) =
            connect::watermarks(options, &client, at).map_err(|error| said(&error))?;
        let mut known = self.lock();
        let newest = known.entry(at).or_default();
        newest.next = newest.next.max(first);
        while newest.next < end {
            let from = ReadFrom {
                at,
                offset: newest.next,
            };
            let entries = readers.read_below(options, from, end, LIMIT)?;
            let Some(last) = entries.last() else {
                newest.next = end;
                break;
            };
            newest.next = last.offset + 1;
            for entry in entries {
                match entry.body {
                    EntryBody::Tombstone => newest.entries.remove(&entry.key),
                    _ => newest.entries.insert(entry.key.clone(), entry),
                };
            }
        }
        Ok(newest.entries.get(key).cloned())
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<TopicPartition, Newest>> {
        self.0.lock().expect("no holder of this lock panics")
    }
}
