//! Reading: consumers that are assigned what the caller names, at the positions that it keeps.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use rdkafka::TopicPartitionList;
use rdkafka::consumer::base_consumer::PartitionQueue;
use rdkafka::consumer::{BaseConsumer, Consumer, DefaultConsumerContext};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{BorrowedMessage, Message};
use rdkafka::topic_partition_list::Offset;

use crate::domain::Timestamp;
use crate::log::kafka::connect::{self, topic_name};
use crate::log::kafka::frames::Frames;
use crate::log::kafka::options::Options;
use crate::log::kafka::refusal::said;
use crate::ports::event_log::{Entry, ReadFrom, ReadLimit, TopicPartition};
use crate::telemetry::metrics;

/// Idle readers kept.
const READERS_MAX: usize = 8;
/// How long a reader that waits goes without looking at errors of its client.
const LOOK: Duration = Duration::from_millis(100);

/// A pool of consumers, each with what it was last assigned. The same inputs get the same one.
pub struct Readers {
    frames: Arc<Frames>,
    idle: Mutex<Vec<Reader>>,
}

impl Readers {
    pub fn new(frames: Arc<Frames>) -> Self {
        Self {
            frames,
            idle: Mutex::default(),
        }
    }

    /// Reads on from the given positions, merged in their order.
    pub fn read(
        &self,
        options: &Options,
        from: &[ReadFrom],
        limit: ReadLimit,
        wait: Duration,
    ) -> Result<Vec<Entry>, String> {
        self.with(options, from, |reader| reader.read(limit, wait))
    }

    /// Reads what stands below `end`; nothing only where nothing more stands there.
    pub fn read_below(
        &self,
        options: &Options,
        from: ReadFrom,
        end: u64,
        limit: ReadLimit,
    ) -> Result<Vec<Entry>, String> {
        self.with(options, &[from], |reader| {
            reader.read_below(options, end, limit)
        })
    }

    fn with<T>(
        &self,
        options: &Options,
        from: &[ReadFrom],
        read: impl Fn(&mut Reader) -> Result<T, String>,
    ) -> Result<T, String> {
        let mut reader = match self.take(from) {
            Some(mut reader) => {
                reader.seek(options, from).map_err(|error| said(&error))?;
                reader
            }
            None => {
                let frames = Arc::clone(&self.frames);
                Reader::open(options, frames, from).map_err(|error| said(&error))?
            }
        };
        let mut done = reader.settle(options).and_then(|()| read(&mut reader));
        if done.is_err()
            && let Some(beyond) = reader.beyond_what_is_gone(options)?
        {
            reader = beyond;
            done = reader.settle(options).and_then(|()| read(&mut reader));
        }
        let done = done?;
        let mut readers = self.lock();
        readers.push(reader);
        if readers.len() > READERS_MAX {
            readers.remove(0);
        }
        Ok(done)
    }

    fn take(&self, from: &[ReadFrom]) -> Option<Reader> {
        let mut readers = self.lock();
        let place = readers.iter().position(|reader| reader.is_of(from))?;
        Some(readers.remove(place))
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Reader>> {
        self.idle.lock().expect("no holder of this lock panics")
    }
}

/// A consumer of some partitions.
struct Reader {
    // Queues are dropped before their consumer.
    parts: Vec<Part>,
    consumer: Arc<BaseConsumer>,
    woken: Arc<Woken>,
    frames: Arc<Frames>,
}

/// One partition: what has come of it and was not yet asked for.
struct Part {
    at: TopicPartition,
    queue: PartitionQueue<DefaultConsumerContext>,
    came: VecDeque<Came>,
    /// What was handed out last: after an abort the same is asked for again, and is there at once.
    handed: VecDeque<Came>,
    /// The offset that the next entry asked for has at least.
    next: u64,
    /// Whether the end was reached since the last entry came.
    is_at_end: bool,
    /// Whether it was opened or sought, and has shown nothing since.
    is_placed_anew: bool,
    /// Whether what was to come next is not there any more.
    is_overtaken: bool,
    /// Why nothing comes: told to whoever asks next, once what had come before is handed out.
    failed: Option<String>,
    /// What stands below is not there any more, as far as is known.
    first: u64,
}

/// An entry as it came.
struct Came {
    offset: u64,
    appended_at: Timestamp,
    key: Vec<u8>,
    /// None is a tombstone.
    value: Option<Vec<u8>>,
}

impl Came {
    fn new(message: &BorrowedMessage<'_>) -> Self {
        Self {
            offset: message.offset().max(0) as u64,
            appended_at: Timestamp(message.timestamp().to_millis().unwrap_or(0)),
            key: message.key().unwrap_or_default().to_vec(),
            value: message.payload().map(<[u8]>::to_vec),
        }
    }

    fn bytes(&self) -> usize {
        self.key.len() + self.value.as_ref().map_or(0, Vec::len)
    }

    fn entry(&self, at: TopicPartition, frames: &Frames) -> Result<Entry, String> {
        Ok(Entry {
            at,
            offset: self.offset,
            appended_at: self.appended_at,
            key: String::from_utf8_lossy(&self.key).into_owned(),
            body: frames.decode(at.topic, self.value.as_deref())?,
        })
    }
}

/// Tells a waiting reader that something came.
#[derive(Default)]
struct Woken {
    came: Mutex<bool>,
    change: Condvar,
}

impl Woken {
    fn wake(&self) {
        *self.came.lock().expect("no holder of this lock panics") = true;
        self.change.notify_all();
    }

    fn wait(&self, timeout: Duration) {
        let came = self.came.lock().expect("no holder of this lock panics");
        let waited = self.change.wait_timeout_while(came, timeout, |came| !*came);
        *waited.expect("no holder of this lock panics").0 = false;
    }
}

impl Reader {
    fn open(options: &Options, frames: Arc<Frames>, from: &[ReadFrom]) -> Result<Self, KafkaError> {
        let consumer: Arc<BaseConsumer> = Arc::new(connect::reader(options).create()?);
        let mut list = TopicPartitionList::new();
        for start in from {
            let topic = topic_name(options, start.at.topic);
            let offset = Offset::Offset(start.offset as i64);
            list.add_partition_offset(&topic, start.at.partition as i32, offset)?;
        }
        let woken = Arc::new(Woken::default());
        let mut parts = Vec::new();
        for start in from {
            let topic = topic_name(options, start.at.topic);
            let queue = consumer.split_partition_queue(&topic, start.at.partition as i32);
            let mut queue = queue.ok_or_else(|| KafkaError::ClientCreation(topic.clone()))?;
            let wakes = Arc::clone(&woken);
            queue.set_nonempty_callback(move || wakes.wake());
            parts.push(Part {
                at: start.at,
                queue,
                came: VecDeque::new(),
                handed: VecDeque::new(),
                next: start.offset,
                is_at_end: false,
                is_placed_anew: true,
                is_overtaken: false,
                failed: None,
                first: 0,
            });
        }
        // Not before the queues are there: an end that came to the client itself would not say of
        // which topic it is.
        consumer.assign(&list)?;
        Ok(Self {
            parts,
            consumer,
            woken,
            frames,
        })
    }

    fn is_of(&self, from: &[ReadFrom]) -> bool {
        let parts = self.parts.iter().map(|part| part.at);
        parts.eq(from.iter().map(|start| start.at))
    }

    /// Goes to where the caller stands, which mostly is where the reader stands.
    fn seek(&mut self, options: &Options, from: &[ReadFrom]) -> Result<(), KafkaError> {
        for (place, start) in from.iter().enumerate() {
            let part = &mut self.parts[place];
            let offset = start.offset.max(part.first);
            if offset < part.next && !part.rewind(offset) {
                self.place(place, options, offset)?;
            }
            self.parts[place].next = offset;
        }
        Ok(())
    }

    /// Has a part read anew from an offset.
    fn place(&mut self, place: usize, options: &Options, offset: u64) -> Result<(), KafkaError> {
        let part = &mut self.parts[place];
        let topic = topic_name(options, part.at.topic);
        let (partition, to) = (part.at.partition as i32, Offset::Offset(offset as i64));
        self.consumer.seek(&topic, partition, to, options.timeout)?;
        part.came.clear();
        part.handed.clear();
        part.is_at_end = false;
        part.is_placed_anew = true;
        Ok(())
    }

    /// A reader that goes on with the first entry that is there, if retention has removed what was
    /// to come next; none if it has not. A client that was refused an offset cannot be sent to
    /// another one.
    fn beyond_what_is_gone(&self, options: &Options) -> Result<Option<Self>, String> {
        if self.parts.iter().all(|part| !part.is_overtaken) {
            return Ok(None);
        }
        let (mut from, mut firsts) = (Vec::new(), Vec::new());
        for part in &self.parts {
            let (at, next) = (part.at, part.next);
            let (first, end) =
                connect::watermarks(options, &self.consumer, at).map_err(|error| said(&error))?;
            if part.is_overtaken && next > end {
                let topic = topic_name(options, at.topic);
                let partition = at.partition;
                return Err(format!("{topic}/{partition} ends at {end}, below {next}"));
            }
            if next < first {
                gone(&topic_name(options, at.topic), at, next, first);
            }
            let offset = next.max(first);
            from.push(ReadFrom { at, offset });
            firsts.push(first);
        }
        let frames = Arc::clone(&self.frames);
        let mut reader = Self::open(options, frames, &from).map_err(|error| said(&error))?;
        for (part, first) in reader.parts.iter_mut().zip(firsts) {
            part.first = first;
        }
        Ok(Some(reader))
    }

    /// Waits until each partition that was opened or sought has shown what it has: an entry, or
    /// that it is at its end. What stands when a reader is placed is there for its first read.
    fn settle(&mut self, options: &Options) -> Result<(), String> {
        let deadline = Instant::now() + options.timeout;
        loop {
            self.serve()?;
            let mut waits = None;
            for part in self.parts.iter_mut().filter(|part| part.is_placed_anew) {
                part.is_placed_anew = !part.fill()? && !part.is_at_end;
                waits = waits.or(part.is_placed_anew.then_some(part.at));
            }
            let Some(at) = waits else {
                return Ok(());
            };
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                let topic = topic_name(options, at.topic);
                return Err(format!("{topic}/{} does not answer", at.partition));
            }
            self.woken.wait(left.min(LOOK));
        }
    }

    fn read(&mut self, limit: ReadLimit, wait: Duration) -> Result<Vec<Entry>, String> {
        self.read_unless(limit, wait, |_| false)
    }

    /// Reads, and waits for nothing more where the parts are as said.
    fn read_unless(
        &mut self,
        limit: ReadLimit,
        wait: Duration,
        enough: impl Fn(&[Part]) -> bool,
    ) -> Result<Vec<Entry>, String> {
        let deadline = Instant::now() + wait;
        loop {
            self.serve()?;
            let entries = self.take(limit)?;
            let left = deadline.saturating_duration_since(Instant::now());
            if !entries.is_empty() || left.is_zero() || enough(&self.parts) {
                return Ok(entries);
            }
            self.woken.wait(left.min(LOOK));
        }
    }

    fn read_below(
        &mut self,
        options: &Options,
        end: u64,
        limit: ReadLimit,
    ) -> Result<Vec<Entry>, String> {
        let deadline = Instant::now() + options.timeout;
        let part = self.parts[0].at;
        let topic = topic_name(options, part.topic);
        // Whether the end that is seen is one of after the brokers had `end` stable entries. One
        // that was seen before says nothing of what came since.
        let mut is_sought = false;
        loop {
            let (_, stable) =
                connect::watermarks(options, &self.consumer, part).map_err(|error| said(&error))?;
            let mut entries = self.read_unless(limit, LOOK, |parts| parts[0].is_at_end)?;
            let all = entries.len();
            entries.retain(|entry| entry.offset < end);
            let is_past = entries.len() < all;
            if !entries.is_empty() || is_past {
                return Ok(entries);
            }
            if stable >= end && self.parts[0].is_at_end {
                if is_sought {
                    return Ok(entries);
                }
                let next = self.parts[0].next;
                self.place(0, options, next).map_err(|error| said(&error))?;
                is_sought = true;
            }
            if Instant::now() >= deadline {
                let what = match stable >= end {
                    true => "its end is not told".to_owned(),
                    false => format!("the brokers have stable entries below {stable} only"),
                };
                let at = part.partition;
                return Err(format!("{topic}/{at} does not come to {end}: {what}"));
            }
        }
    }

    /// Takes what came to the client itself, which are errors.
    fn serve(&self) -> Result<(), String> {
        match self.consumer.poll(Duration::ZERO) {
            None => Ok(()),
            Some(Err(error)) => Err(said(&error)),
            Some(Ok(message)) => Err(format!(
                "entry {} of {}/{} came past the queue of its partition",
                message.offset(),
                message.topic(),
                message.partition()
            )),
        }
    }

    fn take(&mut self, limit: ReadLimit) -> Result<Vec<Entry>, String> {
        let (mut entries, mut bytes) = (Vec::new(), 0_usize);
        for part in &mut self.parts {
            let mut is_first = true;
            while entries.len() < limit.entries_max {
                match part.fill() {
                    Ok(true) => {}
                    Ok(false) => break,
                    Err(error) if entries.is_empty() => return Err(error),
                    Err(error) => {
                        part.failed = Some(error);
                        return Ok(entries);
                    }
                }
                let Some(first) = part.came.front() else {
                    break;
                };
                let next = bytes.saturating_add(first.bytes());
                if !entries.is_empty() && next > limit.bytes_max {
                    return Ok(entries);
                }
                bytes = next;
                if std::mem::take(&mut is_first) {
                    part.handed.clear();
                }
                entries.push(part.hand_out(&self.frames)?);
            }
        }
        Ok(entries)
    }
}

impl Part {
    /// Goes back within what was handed out last. False if that does not reach so far.
    fn rewind(&mut self, to: u64) -> bool {
        if self.handed.front().is_none_or(|first| first.offset > to) {
            return false;
        }
        while let Some(last) = self.handed.pop_back() {
            self.came.push_front(last);
        }
        true
    }

    fn hand_out(&mut self, frames: &Frames) -> Result<Entry, String> {
        let came = self.came.pop_front().expect("somebody looked at it");
        self.next = came.offset + 1;
        let entry = came.entry(self.at, frames);
        self.handed.push_back(came);
        entry
    }

    /// Whether an entry is there to be taken.
    fn fill(&mut self) -> Result<bool, String> {
        loop {
            while let Some(first) = self.came.front() {
                if first.offset >= self.next {
                    return Ok(true);
                }
                self.came.pop_front();
            }
            if let Some(error) = self.failed.take() {
                return Err(error);
            }
            match self.queue.poll(Duration::ZERO) {
                None => return Ok(false),
                Some(Ok(message)) => {
                    self.is_at_end = false;
                    self.came.push_back(Came::new(&message));
                }
                Some(Err(KafkaError::PartitionEOF(_))) => self.is_at_end = true,
                Some(Err(KafkaError::MessageConsumption(RDKafkaErrorCode::AutoOffsetReset))) => {
                    self.is_overtaken = true;
                    return Err("what was to come next is not there".to_owned());
                }
                Some(Err(error)) => return Err(said(&error)),
            }
        }
    }
}

/// Nothing that was decided depends on it, but somebody may have changed something there.
fn gone(topic: &str, at: TopicPartition, next: u64, first: u64) {
    let TopicPartition { partition, .. } = at;
    let count = first - next;
    let counter = &metrics().lag.entries_gone_total;
    counter.with_label_values(&[at.topic.label()]).inc_by(count);
    tracing::error!(
        topic,
        partition,
        from = next,
        to = first,
        "{count} entries were removed by retention before they were read: if that is an input of a \
         processor, take in what they told with crosswalk backfill"
    );
}

#[cfg(test)]
mod tests {
    use rdkafka::mocking::MockCluster;
    use rdkafka::producer::{BaseProducer, BaseRecord, Producer};

    use super::*;
    use crate::domain::Topic;

    const AT: TopicPartition = TopicPartition {
        topic: Topic::Journal,
        partition: 0,
    };

    fn below(readers: &Readers, options: &Options, offset: u64, end: u64) -> usize {
        let limit = ReadLimit {
            entries_max: 10,
            bytes_max: 1 << 20,
        };
        let read = readers.read_below(options, ReadFrom { at: AT, offset }, end, limit);
        read.unwrap().len()
    }

    /// Brokers that are to wait for more answer later than a reader waits, as busy ones do.
    #[test]
    fn an_end_that_was_seen_before_hides_nothing_that_came_since() {
        let brokers = MockCluster::new(1).unwrap();
        let lazy = [
            ("fetch.min.bytes", "1000000"),
            ("fetch.wait.max.ms", "2500"),
        ];
        let properties = lazy.map(|(property, value)| (property.to_owned(), value.to_owned()));
        let options = Options {
            bootstrap: brokers.bootstrap_servers(),
            properties: properties.into(),
            ..Options::default()
        };
        let topic = topic_name(&options, AT.topic);
        brokers.create_topic(&topic, 1, 1).unwrap();
        let producer: BaseProducer = connect::appender(&options).create().unwrap();
        let append = || {
            let record = BaseRecord::to(&topic).partition(0).key("k").payload("p");
            producer.send(record).unwrap();
            producer.flush(options.timeout).unwrap();
        };
        append();
        let readers = Readers::new(Arc::new(Frames::open(&options).unwrap()));
        assert_eq!(below(&readers, &options, 0, 1), 1);
        assert_eq!(below(&readers, &options, 1, 1), 0);
        append();
        assert_eq!(below(&readers, &options, 1, 2), 1);
    }
}
