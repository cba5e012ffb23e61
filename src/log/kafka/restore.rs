//! Entries written at the offsets that they had in another log: positions, and whatever names an
//! entry by its offset, go on meaning the same.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

use rdkafka::admin::{AdminClient, AdminOptions};
use rdkafka::client::{ClientContext, DefaultClientContext};
use rdkafka::message::{DeliveryResult, Message};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer, ProducerContext};
use rdkafka::topic_partition_list::Offset;
use rdkafka::{ClientConfig, TopicPartitionList};

use crate::log::kafka::anchor;
use crate::log::kafka::connect::{self, topic_name};
use crate::log::kafka::log::KafkaLog;
use crate::log::kafka::options::Options;
use crate::log::kafka::producer::{is_full, record, until_delivered};
use crate::log::kafka::refusal::said;
use crate::log::topics::{Cleanup, spec};
use crate::ports::event_log::{Bounds, Error, EventLog, Outgoing, TopicPartition};

/// The key of what stands in the place of entries that are not there any more.
const FILLER: &[u8] = b"not-kept";

/// Writes to partitions that are empty and that nobody else writes to.
pub struct Restore<'a> {
    log: &'a KafkaLog,
    producer: BaseProducer<Placed>,
    next: BTreeMap<TopicPartition, u64>,
}

/// What stands elsewhere than it should.
#[derive(Default)]
struct Placed(Mutex<Option<String>>);

impl ClientContext for Placed {}

impl ProducerContext for Placed {
    /// The offset that the entry belongs to.
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, belongs: usize) {
        let failed = match result {
            Ok(message) if message.offset() == belongs as i64 => return,
            Ok(message) => format!(
                "what belongs to offset {belongs} of {}/{} stands at {}: others write there",
                message.topic(),
                message.partition(),
                message.offset()
            ),
            Err((error, _)) => said(error),
        };
        self.failed().get_or_insert(failed);
    }
}

impl Placed {
    fn failed(&self) -> MutexGuard<'_, Option<String>> {
        self.0.lock().expect("no holder of this lock panics")
    }
}

impl<'a> Restore<'a> {
    /// From now on nothing but an import may use the log: whoever opens it is told so.
    pub fn begin(log: &'a KafkaLog) -> Result<Self, Error> {
        anchor::mark(log.options()).map_err(|error| Error::Open(said(&error)))?;
        let mut config: ClientConfig = connect::appender(log.options());
        // What one of them waits for, all the others wait for: there is no hurry with any.
        config
            .set("linger.ms", "20")
            .set("queue.buffering.max.kbytes", "65536");
        let producer = config.create_with_context(Placed::default());
        Ok(Self {
            log,
            producer: producer.map_err(|error| Error::Open(said(&error)))?,
            next: BTreeMap::new(),
        })
    }

    /// Whether the log takes an entry like this.
    pub fn takes(log: &KafkaLog, entry: Outgoing) -> Result<(), Error> {
        log.encode(vec![entry]).map(|_| ())
    }

    /// Writes an entry behind those of its partition that were written before.
    pub fn put(&mut self, offset: u64, entry: Outgoing) -> Result<(), Error> {
        let entries = self.log.encode(vec![entry])?;
        for entry in &entries {
            self.fill(entry.at, offset)?;
            let topic = topic_name(self.log.options(), entry.at.topic);
            self.send(record(&topic, entry, offset as usize))?;
            self.next.insert(entry.at, offset + 1);
        }
        Ok(())
    }

    /// Makes a partition begin and end as it did.
    pub fn bound(&mut self, at: TopicPartition, bounds: Bounds) -> Result<(), Error> {
        self.fill(at, bounds.end)?;
        self.settle()?;
        if bounds.start > 0 && matches!(spec(at.topic).cleanup, Cleanup::Delete { .. }) {
            remove_below(self.log.options(), at, bounds.start)?;
        }
        let found = self.log.bounds(at)?;
        if found.end != bounds.end {
            let (found, end) = (found.end, bounds.end);
            let topic = topic_name(self.log.options(), at.topic);
            let reason = format!("{topic}/{} ends at {found} and not at {end}", at.partition);
            return Err(Error::Append(reason));
        }
        Ok(())
    }

    fn fill(&mut self, at: TopicPartition, end: u64) -> Result<(), Error> {
        let topic = topic_name(self.log.options(), at.topic);
        let next = self.next.get(&at).copied().unwrap_or(0);
        for offset in next..end {
            let bare = BaseRecord::with_opaque_to(&topic, offset as usize);
            self.send(bare.partition(at.partition as i32).key(FILLER))?;
        }
        self.next.insert(at, end.max(next));
        Ok(())
    }

    fn send(&self, mut record: BaseRecord<'_, [u8], [u8], usize>) -> Result<(), Error> {
        let deadline = Instant::now() + self.log.options().timeout;
        loop {
            self.check()?;
            match self.producer.send(record) {
                Ok(()) => {
                    self.producer.poll(Duration::ZERO);
                    return Ok(());
                }
                Err((error, given)) if is_full(&error) && Instant::now() < deadline => {
                    record = given;
                    self.producer.poll(Duration::ZERO);
                    std::thread::sleep(Duration::from_millis(1));
                }
                Err((error, _)) => return Err(Error::Append(said(&error))),
            }
        }
    }

    fn settle(&self) -> Result<(), Error> {
        let flushed = until_delivered(&self.producer, self.log.options().timeout);
        self.check()?;
        flushed.map_err(|error| Error::Append(said(&error)))
    }

    fn check(&self) -> Result<(), Error> {
        match &*self.producer.context().failed() {
            None => Ok(()),
            Some(reason) => Err(Error::Append(reason.clone())),
        }
    }
}

fn remove_below(options: &Options, at: TopicPartition, start: u64) -> Result<(), Error> {
    let failed = |reason: String| Error::Append(format!("what is not kept stays: {reason}"));
    let client = connect::appender(options).create();
    let client: AdminClient<DefaultClientContext> = client.map_err(|error| failed(said(&error)))?;
    let mut list = TopicPartitionList::new();
    let topic = topic_name(options, at.topic);
    list.add_partition_offset(&topic, at.partition as i32, Offset::Offset(start as i64))
        .map_err(|error| failed(said(&error)))?;
    let wait = AdminOptions::new()
        .operation_timeout(Some(options.timeout))
        .request_timeout(Some(options.timeout));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .map_err(|error| failed(error.to_string()))?;
    let removed = runtime.block_on(client.delete_records(&list, &wait));
    removed.map_err(|error| failed(said(&error)))?;
    Ok(())
}
