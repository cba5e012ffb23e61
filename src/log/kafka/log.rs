//! The adapter itself: the port's calls, handed to producers, readers and leases.

use std::borrow::Borrow;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use crate::domain::{Timestamp, Topic};
use crate::log::encoded::{Encoded, call_id, checked, encode};
use crate::log::faults::{Fault, Point};
use crate::log::kafka::anchor::{self, Ends};
use crate::log::kafka::compacted::Compacted;
use crate::log::kafka::connect::topic_name;
use crate::log::kafka::frames::Frames;
use crate::log::kafka::lease::{Owned, lost};
use crate::log::kafka::left_open;
use crate::log::kafka::look::Looks;
use crate::log::kafka::member::Member;
use crate::log::kafka::options::Options;
use crate::log::kafka::producer::{Appender, Transactional};
use crate::log::kafka::reader::Readers;
use crate::log::kafka::refusal::{Refusal, said};
use crate::log::kafka::topics;
use crate::log::topics::{APPENDED, group_name, group_topics};
use crate::ports::event_log::{Bounds, Commit, Entry, EntryBody, Error, EventLog, Group, Lease};
use crate::ports::event_log::{Outgoing, ReadFrom, ReadLimit, TopicPartition};
use crate::ports::membership::Membership;

/// Between two tries to end what an append left open: appends wait for them.
const LEFT_OPEN_PAUSE: Duration = Duration::from_secs(30);

type Owners = BTreeMap<(Group, u32), Arc<Mutex<Owned>>>;

/// The event log on Kafka. Share it in an `Arc`; its calls block.
pub struct KafkaLog {
    options: Options,
    appender: Appender,
    /// Appends of several entries at once; anew after an error.
    together: Mutex<Option<Transactional>>,
    /// Whether the one before it could not end what it had begun.
    is_left_open: AtomicBool,
    /// When it was tried to end that.
    tried: Mutex<Option<Instant>>,
    frames: Arc<Frames>,
    readers: Readers,
    compacted: Compacted,
    looks: Looks,
    owners: Mutex<Owners>,
    /// Where the commits of each lease ended, as this process was told, also those whose word
    /// [`Anchor`](crate::log::kafka::anchor::Anchor) did not come through.
    committed: Mutex<BTreeMap<(Group, u32), Ends>>,
}

impl KafkaLog {
    /// Connects, looks whether the topics are there with as many partitions as configured, and ends
    /// what a predecessor of this name left open.
    pub fn open(options: Options) -> Result<Self, Error> {
        let log = Self::beside(options)?;
        let marked = anchor::is_marked(&log.options);
        if marked.map_err(|error| Error::Open(said(&error)))? {
            let prefix = &log.options.prefix;
            return Err(Error::Open(format!(
                "the topics hold part of an import that has not ended; delete them \
                 (kafka-topics.sh --delete --topic '{prefix}.*'), make them anew \
                 (crosswalk topics apply) and import again"
            )));
        }
        log.frames.prepare(&log.options).map_err(Error::Open)?;
        // Behind a transaction that nobody ends, nothing is readable until it times out: the id is
        // taken over now and not when there is something to append.
        let together = Self::open_together(&log.options);
        let together = together.map_err(|refusal| Error::Open(refusal.reason))?;
        *log.together.lock().expect("no holder of this lock panics") = Some(together);
        Ok(log)
    }

    /// For a look from beside a running process of the same name: leaves what it holds alone.
    pub fn beside(options: Options) -> Result<Self, Error> {
        let failed = |reason: String| Error::Open(reason);
        options
            .check()
            .map_err(|refused| failed(refused.to_string()))?;
        let appender = Appender::open(&options).map_err(|error| failed(said(&error)))?;
        topics::look(&options, appender.client()).map_err(failed)?;
        let frames = Arc::new(Frames::open(&options).map_err(failed)?);
        Ok(Self {
            options,
            appender,
            together: Mutex::default(),
            is_left_open: AtomicBool::default(),
            tried: Mutex::default(),
            readers: Readers::new(Arc::clone(&frames)),
            looks: Looks::new(Arc::clone(&frames)),
            frames,
            compacted: Compacted::default(),
            owners: Mutex::default(),
            committed: Mutex::default(),
        })
    }

    fn check(&self, at: TopicPartition) -> Result<(), Error> {
        let Options {
            partitions, prefix, ..
        } = &self.options;
        checked(at.topic, at.partition, *partitions, prefix).map(|_| ())
    }

    pub(super) fn options(&self) -> &Options {
        &self.options
    }

    pub(super) fn encode<B>(&self, batch: B) -> Result<Vec<Encoded>, Error>
    where
        B: IntoIterator,
        B::Item: Borrow<Outgoing>,
    {
        let Options {
            partitions, prefix, ..
        } = &self.options;
        let id = |topic| {
            let id = self.frames.id(&self.options, topic);
            id.map_err(Error::Append)
        };
        let encoded = encode(batch, *partitions, prefix, &id)?;
        let large = encoded
            .iter()
            .find(|one| one.bytes() > self.options.entry_bytes_max);
        match large {
            None => Ok(encoded),
            Some(one) => Err(Error::Encode {
                topic: topic_name(&self.options, one.at.topic),
                reason: format!("{} bytes are too many", one.bytes()),
            }),
        }
    }

    fn open_together(options: &Options) -> Result<Transactional, Refusal> {
        let id = format!("{}append-{}", options.prefix, options.instance);
        let producer = Transactional::open(options, &id)?;
        left_open::end(options, &APPENDED, &producer, &Ends::new())?;
        Ok(producer)
    }

    /// Nobody who reads comes past what was left open, whether or not several entries are ever
    /// appended again.
    fn end_left_open(&self) {
        if !self.is_left_open.load(Ordering::Relaxed) {
            return;
        }
        let mut tried = self.tried.lock().expect("no holder of this lock panics");
        if tried.is_some_and(|at| at.elapsed() < LEFT_OPEN_PAUSE) {
            return;
        }
        *tried = Some(Instant::now());
        let mut together = self.together.lock().expect("no holder of this lock panics");
        if together.is_none() {
            let opened = Self::open_together(&self.options);
            if let Err(refusal) = &opened {
                tracing::debug!(reason = refusal.reason, "what was left open stays so");
            }
            *together = opened.ok();
        }
        self.is_left_open
            .store(together.is_none(), Ordering::Relaxed);
    }

    /// Appends several entries, all or none: that takes a transaction.
    fn append_together(&self, entries: &[Encoded]) -> Result<(), Refusal> {
        let mut together = self.together.lock().expect("no holder of this lock panics");
        let producer = match together.take() {
            Some(producer) => producer,
            None => Self::open_together(&self.options)?,
        };
        let written = producer.write(&self.options, entries);
        let fault = self.options.fault(Point::BeforeCommit);
        if fault == Fault::Crash {
            // Left open, as by a process that is killed.
            return Err(Refusal::abortable("the handle has crashed".to_owned()));
        }
        let written = written.and_then(|_| match fault {
            Fault::None => producer.commit(),
            _ => Err(Refusal::abortable("a test says so".to_owned())),
        });
        match written {
            Ok(()) => {
                *together = Some(producer);
                Ok(())
            }
            Err(refusal) => {
                // One that cannot be aborted ends when the next one takes over its id.
                let is_usable = !refusal.is_fenced && !refusal.is_broken;
                if is_usable
                    && producer.abort().is_ok()
                    && left_open::end(&self.options, &APPENDED, &producer, &Ends::new()).is_ok()
                {
                    *together = Some(producer);
                }
                self.is_left_open
                    .store(together.is_none(), Ordering::Relaxed);
                Err(refusal)
            }
        }
    }

    fn committed(&self) -> MutexGuard<'_, BTreeMap<(Group, u32), Ends>> {
        let committed = self.committed.lock();
        committed.expect("no holder of this lock panics")
    }

    fn owners(&self) -> MutexGuard<'_, Owners> {
        self.owners.lock().expect("no holder of this lock panics")
    }
}

impl EventLog for KafkaLog {
    fn bounds(&self, at: TopicPartition) -> Result<Bounds, Error> {
        self.check(at)?;
        self.looks.bounds(&self.options, at).map_err(Error::Read)
    }

    fn positions(&self, group: Group, partition: u32) -> Result<BTreeMap<Topic, u64>, Error> {
        let found = self.looks.positions(&self.options, group, partition);
        found.map_err(Error::Read)
    }

    fn first_appended(&self, from: ReadFrom, end: u64) -> Result<Option<Timestamp>, Error> {
        self.check(from.at)?;
        let found = self.looks.first_appended(&self.options, from, end);
        found.map_err(Error::Read)
    }

    fn append(&self, batch: Vec<Outgoing>) -> Result<(), Error> {
        self.append_all(Arc::new(vec![batch]))
    }

    /// A transaction waits until the brokers have ended the one before it, a tenth of a second and
    /// more: batches of one entry need none.
    fn append_all(&self, batches: Arc<Vec<Vec<Outgoing>>>) -> Result<(), Error> {
        let (alone, together): (Vec<_>, Vec<_>) =
            batches.iter().partition(|batch| batch.len() <= 1);
        let alone = self.encode(alone.into_iter().flatten())?;
        let together = self.encode(together.into_iter().flatten())?;
        let appended = self.appender.append(&self.options, &alone);
        let appended = appended.map_err(Error::Append);
        if together.is_empty() {
            self.end_left_open();
            return appended;
        }
        appended?;
        let appended = self.append_together(&together);
        appended.map_err(|refusal| Error::Append(refusal.reason))
    }

    fn read(
        &self,
        from: &[ReadFrom],
        limit: ReadLimit,
        wait: Duration,
    ) -> Result<Vec<Entry>, Error> {
        for start in from {
            self.check(start.at)?;
        }
        if from.is_empty() {
            return Ok(Vec::new());
        }
        let read = self.readers.read(&self.options, from, limit, wait);
        read.map_err(Error::Read)
    }

    fn read_below(&self, from: ReadFrom, end: u64, limit: ReadLimit) -> Result<Vec<Entry>, Error> {
        self.check(from.at)?;
        let read = self.readers.read_below(&self.options, from, end, limit);
        read.map_err(Error::Read)
    }

    fn decode(&self, topic: Topic, value: &[u8]) -> Result<EntryBody, Error> {
        let read = self.frames.decode(topic, Some(value));
        read.map_err(Error::Read)
    }

    fn latest(&self, topic: Topic, key: &str) -> Result<Option<Entry>, Error> {
        let partition = crate::log::murmur2::partition_of(key, self.options.partitions.of(topic));
        let at = TopicPartition { topic, partition };
        let found = self.compacted.latest(&self.options, &self.readers, at, key);
        found.map_err(Error::Read)
    }

    fn join(&self, group: Group, _partitions: u32) -> Result<Box<dyn Membership>, Error> {
        let member = Member::join(&self.options, group);
        let member = member.map_err(|error| Error::Share(said(&error)))?;
        Ok(Box::new(member))
    }

    fn acquire(&self, group: Group, partition: u32) -> Result<Lease, Error> {
        for topic in group_topics(group) {
            let topic = *topic;
            self.check(TopicPartition { topic, partition })?;
        }
        // What this process held of it is of no use any more, and waits for nobody.
        self.owners().remove(&(group, partition));
        let name = group_name(group);
        let failed = |reason| Error::Acquire(format!("{name}, partition {partition}: {reason}"));
        let before = self.committed().get(&(group, partition)).cloned();
        let before = before.unwrap_or_default();
        let mut owned = Owned::acquire(&self.options, group, partition, &before)
            .map_err(|refusal| failed(refusal.reason))?;
        for (at, from, end) in owned.untaken() {
            let offset = ReadFrom { at, offset: from };
            let one = ReadLimit {
                entries_max: 1,
                bytes_max: 1,
            };
            let untaken = self.readers.read_below(&self.options, offset, end, one);
            if untaken.map_err(failed)?.is_empty() {
                owned.nothing_waits(at.topic);
            }
        }
        let lease = owned.lease().clone();
        let owned = Arc::new(Mutex::new(owned));
        self.owners().insert((group, partition), owned);
        Ok(lease)
    }

    fn commit(
        &self,
        lease: &Lease,
        outputs: Vec<Outgoing>,
        positions: &[(TopicPartition, u64)],
    ) -> Commit {
        let entries = match self.encode(outputs) {
            Ok(entries) => entries,
            Err(error) => {
                let (fenced, reason) = (false, error.to_string());
                return Commit::Aborted { fenced, reason };
            }
        };
        let owned = self.owners().get(&(lease.group, lease.partition)).cloned();
        let Some(owned) = owned else {
            return lost("this process does not hold the lease".to_owned());
        };
        let mut owned = owned.lock().expect("no holder of this lock panics");
        if owned.lease().epoch != lease.epoch {
            return lost("the lease was acquired anew since".to_owned());
        }
        let call = call_id(lease.epoch, &entries, positions);
        let ended = owned.commit(&self.options, call, &entries, positions);
        if matches!(ended, Commit::Committed { .. }) {
            let key = (lease.group, lease.partition);
            self.committed().insert(key, owned.committed().clone());
        }
        ended
    }
}
