//! Looking at the log without taking part: bounds, positions of groups, when an entry was appended.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rdkafka::consumer::BaseConsumer;

use crate::domain::{Timestamp, Topic};
use crate::log::kafka::connect;
use crate::log::kafka::frames::Frames;
use crate::log::kafka::lease;
use crate::log::kafka::options::Options;
use crate::log::kafka::reader::Readers;
use crate::log::kafka::refusal::said;
use crate::ports::event_log::{Bounds, Group, ReadFrom, ReadLimit, TopicPartition};

/// Clients that look, one for each group, kept: they are asked now and then, for ever. Their
/// readers are not those of the work, which would have to be opened anew.
pub struct Looks {
    clients: Mutex<BTreeMap<Group, Arc<BaseConsumer>>>,
    readers: Readers,
}

impl Looks {
    pub fn new(frames: Arc<Frames>) -> Self {
        Self {
            clients: Mutex::default(),
            readers: Readers::new(frames),
        }
    }

    pub fn bounds(&self, options: &Options, at: TopicPartition) -> Result<Bounds, String> {
        let client = self.client(options, Group::Processor)?;
        let bounds = connect::watermarks(options, &client, at);
        let (start, end) = bounds.map_err(|error| said(&error))?;
        Ok(Bounds { start, end })
    }

    pub fn positions(
        &self,
        options: &Options,
        group: Group,
        partition: u32,
    ) -> Result<BTreeMap<Topic, u64>, String> {
        let client = self.client(options, group)?;
        let found = lease::positions(options, &client, group, partition);
        Ok(found.map_err(|error| said(&error))?.0)
    }

    pub fn first_appended(
        &self,
        options: &Options,
        from: ReadFrom,
        end: u64,
    ) -> Result<Option<Timestamp>, String> {
        let one = ReadLimit {
            entries_max: 1,
            bytes_max: 1,
        };
        let found = self.readers.read_below(options, from, end, one)?;
        Ok(found.first().map(|entry| entry.appended_at))
    }

    fn client(&self, options: &Options, group: Group) -> Result<Arc<BaseConsumer>, String> {
        let mut clients = self.clients.lock().expect("no holder of this lock panics");
        if let Some(client) = clients.get(&group) {
            // What it has to say is told by the calls that fail; it must not pile up.
            while client.poll(Duration::ZERO).is_some() {}
            return Ok(Arc::clone(client));
        }
        let made: BaseConsumer = connect::of_group(options, group)
            .create()
            .map_err(|error| said(&error))?;
        let made = Arc::new(made);
        clients.insert(group, Arc::clone(&made));
        Ok(made)
    }
}
