//! Producers: one that appends single entries, and those that write in transactions.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::mpsc::{SyncSender, TryRecvError, sync_channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rdkafka::client::{Client, ClientContext};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{DeliveryResult, Header, Message, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer, ProducerContext};
use rdkafka::util::IntoOpaque;

use crate::log::encoded::Encoded;
use crate::log::kafka::anchor::Ends;
use crate::log::kafka::connect::{self, topic_name};
use crate::log::kafka::offsets::{Adder, Offsets};
use crate::log::kafka::options::Options;
use crate::log::kafka::refusal::{Refusal, said};
use crate::ports::event_log::TopicPartition;

/// What a repeated call is given at least: it may only have to fetch an answer that is there.
const LEFT_MIN: Duration = Duration::from_millis(100);

/// An abort is resumed this often.
const ABORT_SLICE: Duration = Duration::from_millis(200);

/// Between two looks at what the brokers have answered, shorter at first. `rdkafka`'s own waits
/// return when their time is over, whatever has come, and spin through its last millisecond.
const LOOK_FIRST: Duration = Duration::from_micros(50);
const LOOK_MAX: Duration = Duration::from_millis(1);

/// The pauses between looks.
struct Pauses(Duration);

impl Pauses {
    fn new() -> Self {
        Self(LOOK_FIRST)
    }

    fn wait(&mut self) {
        std::thread::sleep(self.0);
        self.0 = (self.0 * 2).min(LOOK_MAX);
    }

    /// Something came: more of it is near.
    fn came(&mut self) {
        self.0 = LOOK_FIRST;
    }
}

/// Returns once everything that was handed to the producer was delivered or refused, and its
/// context has heard of it. The error is that this took too long.
pub(super) fn until_delivered<C>(
    producer: &BaseProducer<C>,
    timeout: Duration,
) -> Result<(), KafkaError>
where
    C: ProducerContext + 'static,
{
    let deadline = Instant::now() + timeout;
    let mut pauses = Pauses::new();
    loop {
        let before = producer.in_flight_count();
        producer.poll(Duration::ZERO);
        let left = producer.in_flight_count();
        if left == 0 {
            return Ok(());
        }
        if left < before {
            pauses.came();
        } else if Instant::now() >= deadline {
            let timed_out = RDKafkaErrorCode::OperationTimedOut;
            return Err(KafkaError::Flush(timed_out));
        } else {
            pauses.wait();
        }
    }
}

type Told = SyncSender<Result<(), String>>;

/// Appends entries without transactions. Whoever appends waits until the brokers have them.
pub struct Appender(BaseProducer<Answers>);

struct Answers;

impl ClientContext for Answers {}

impl ProducerContext for Answers {
    type DeliveryOpaque = Box<Told>;

    fn delivery(&self, result: &DeliveryResult<'_>, told: Box<Told>) {
        let result = result
            .as_ref()
            .map(|_| ())
            .map_err(|(error, _)| said(error));
        // Nobody listens any more where the caller's wait was over.
        let _ = told.try_send(result);
    }
}

impl Appender {
    pub fn open(options: &Options) -> Result<Self, KafkaError> {
        let config = connect::appender(options);
        Ok(Self(config.create_with_context(Answers)?))
    }

    pub fn client(&self) -> &Client<impl ClientContext> {
        self.0.client()
    }

    /// Appends entries, each for itself, and waits for all of them. The error is that of the first
    /// that did not come through.
    pub fn append(&self, options: &Options, entries: &[Encoded]) -> Result<(), String> {
        let (told, answers) = sync_channel(entries.len());
        let sent = entries.iter().try_for_each(|entry| {
            let told = Box::new(told.clone());
            self.send(options, entry, told)
        });
        drop(told);
        // librdkafka itself gives up after the timeout: this one is for the case that it does not.
        let deadline = Instant::now() + options.timeout + Duration::from_secs(5);
        let mut outcome = sent;
        let mut pauses = Pauses::new();
        loop {
            // Takes answers to others too, who find them in their own channel.
            self.0.poll(Duration::ZERO);
            match answers.try_recv() {
                Ok(answer) => {
                    outcome = outcome.and(answer);
                    pauses.came();
                }
                Err(TryRecvError::Disconnected) => return outcome,
                Err(TryRecvError::Empty) if Instant::now() < deadline => pauses.wait(),
                Err(TryRecvError::Empty) => {
                    let late = "the brokers have not answered in time".to_owned();
                    return outcome.and(Err(late));
                }
            }
        }
    }

    fn send(&self, options: &Options, entry: &Encoded, mut told: Box<Told>) -> Result<(), String> {
        let deadline = Instant::now() + options.timeout;
        let topic = topic_name(options, entry.at.topic);
        loop {
            match self.0.send(record(&topic, entry, told)) {
                Ok(()) => return Ok(()),
                Err((error, record)) if is_full(&error) && Instant::now() < deadline => {
                    told = record.delivery_opaque;
                    self.0.poll(Duration::ZERO);
                    std::thread::sleep(Duration::from_millis(1));
                }
                Err((error, _)) => return Err(said(&error)),
            }
        }
    }
}

/// Writes in transactions under one id. One call at a time.
pub struct Transactional {
    producer: Arc<BaseProducer<Deliveries>>,
    offsets: Adder,
    timeout: Duration,
}

/// What became of the entries of the open transaction.
#[derive(Default)]
struct Deliveries(Mutex<Delivered>);

#[derive(Default)]
struct Delivered {
    /// The offset behind the last entry, by topic name and partition.
    ends: BTreeMap<(String, i32), u64>,
    failed: Option<String>,
}

impl ClientContext for Deliveries {}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, _: ()) {
        let mut delivered = self.0.lock().expect("no holder of this lock panics");
        match result {
            Ok(message) => {
                let end = message.offset().max(0) as u64 + 1;
                let at = (message.topic().to_owned(), message.partition());
                let known = delivered.ends.entry(at).or_default();
                *known = end.max(*known);
            }
            Err((error, _)) => {
                delivered.failed.get_or_insert_with(|| said(error));
            }
        }
    }
}

impl Transactional {
    /// Takes the id over: whoever had it is fenced, and what was left open has ended.
    pub fn open(options: &Options, id: &str) -> Result<Self, Refusal> {
        let config = connect::transactional(options, id);
        let producer: BaseProducer<Deliveries> =
            config.create_with_context(Deliveries::default())?;
        retried(options.timeout, |left| producer.init_transactions(left))?;
        let producer = Arc::new(producer);
        let offsets = Adder::start(Arc::clone(&producer), options.timeout);
        let offsets = offsets.map_err(|error| Refusal::broken(error.to_string()))?;
        Ok(Self {
            producer,
            offsets,
            timeout: options.timeout,
        })
    }

    /// Begins a transaction and writes entries into it. After an error it is still open, and is to
    /// be aborted.
    pub fn write(&self, options: &Options, entries: &[Encoded]) -> Result<Ends, Refusal> {
        *self.delivered() = Delivered::default();
        self.producer.begin_transaction()?;
        for entry in entries {
            self.send(options, entry)?;
        }
        until_delivered(&self.producer, self.timeout)?;
        let delivered = self.delivered();
        if let Some(reason) = &delivered.failed {
            return Err(Refusal::abortable(reason.clone()));
        }
        let partitions: BTreeSet<TopicPartition> = entries.iter().map(|entry| entry.at).collect();
        let end = |at: TopicPartition| {
            let named = (topic_name(options, at.topic), at.partition as i32);
            Some((at, *delivered.ends.get(&named)?))
        };
        Ok(partitions.into_iter().filter_map(end).collect())
    }

    /// Adds positions to the transaction that is open.
    pub fn add(&self, offsets: Offsets) -> Result<(), Refusal> {
        self.offsets.add(offsets)
    }

    /// Begins a transaction and writes an entry without a body into it on each partition.
    pub fn touch(&self, options: &Options, partitions: &[TopicPartition]) -> Result<(), Refusal> {
        *self.delivered() = Delivered::default();
        self.producer.begin_transaction()?;
        for at in partitions {
            let topic = topic_name(options, at.topic);
            let bare = BaseRecord::to(&topic).partition(at.partition as i32);
            self.enqueue(bare.key(&b"left-open"[..]))?;
        }
        until_delivered(&self.producer, self.timeout)?;
        match &self.delivered().failed {
            None => Ok(()),
            Some(reason) => Err(Refusal::abortable(reason.clone())),
        }
    }

    fn send(&self, options: &Options, entry: &Encoded) -> Result<(), Refusal> {
        let topic = topic_name(options, entry.at.topic);
        self.enqueue(record(&topic, entry, ()))
    }

    fn enqueue(&self, mut record: BaseRecord<'_, [u8], [u8]>) -> Result<(), Refusal> {
        let deadline = Instant::now() + self.timeout;
        loop {
            match self.producer.send(record) {
                Ok(()) => return Ok(()),
                Err((error, given)) if is_full(&error) && Instant::now() < deadline => {
                    record = given;
                    self.producer.poll(Duration::ZERO);
                    std::thread::sleep(Duration::from_millis(1));
                }
                Err((error, _)) => return Err(error.into()),
            }
        }
    }

    /// Ends the transaction. Calling again after an unknown outcome settles it.
    pub fn commit(&self) -> Result<(), Refusal> {
        Ok(self.producer.commit_transaction(self.timeout)?)
    }

    pub fn abort(&self) -> Result<(), Refusal> {
        // It waits for what was sent, whose reports somebody must take.
        retried(self.timeout, |left| {
            self.producer.poll(Duration::ZERO);
            self.producer.abort_transaction(left.min(ABORT_SLICE))
        })
    }

    fn delivered(&self) -> std::sync::MutexGuard<'_, Delivered> {
        let deliveries = self.producer.context();
        deliveries.0.lock().expect("no holder of this lock panics")
    }
}

/// Repeats a call whose error says that it can be repeated. It is handed how much time is left.
pub(super) fn retried(
    timeout: Duration,
    mut call: impl FnMut(Duration) -> Result<(), KafkaError>,
) -> Result<(), Refusal> {
    let deadline = Instant::now() + timeout;
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let Err(error) = call(left.max(LEFT_MIN)) else {
            return Ok(());
        };
        let refusal = Refusal::from(error);
        if !refusal.is_retriable || Instant::now() >= deadline {
            return Err(refusal);
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

pub(super) fn record<'a, D: IntoOpaque>(
    topic: &'a str,
    entry: &'a Encoded,
    opaque: D,
) -> BaseRecord<'a, [u8], [u8], D> {
    let record = BaseRecord::with_opaque_to(topic, opaque)
        .partition(entry.at.partition as i32)
        .key(entry.key.as_bytes());
    let Some(value) = &entry.value else {
        return record;
    };
    let mut headers = OwnedHeaders::new();
    for (key, value) in entry.headers.iter() {
        let value = Some(value);
        headers = headers.insert(Header { key, value });
    }
    record.payload(value.as_slice()).headers(headers)
}

pub(super) fn is_full(error: &KafkaError) -> bool {
    matches!(
        error,
        KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull)
    )
}
