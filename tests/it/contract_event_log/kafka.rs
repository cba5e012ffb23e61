//! The log on Kafka, against real brokers: the whole contract, what is refused, what others read.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crosswalk::domain::{Message, Topic};
use crosswalk::log::kafka::{KafkaLog, Options, Restore};
use crosswalk::log::topics;
use crosswalk::ports::event_log::{Commit, EventLog, Group, TopicPartition};
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{Headers, Message as _};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};

use super::bench::*;
use crate::brokers;

crate::contract_event_log::whole_contract!(Kafka::new());

/// Topics of its own on the brokers.
pub struct Kafka {
    bootstrap: String,
    prefix: String,
    next: Arc<Next>,
    opened: AtomicU64,
}

impl Kafka {
    pub fn new() -> Option<Self> {
        let kafka = Self {
            bootstrap: brokers::bootstrap()?,
            prefix: brokers::fresh_prefix(),
            next: Arc::default(),
            opened: AtomicU64::new(0),
        };
        brokers::create_topics(&kafka.bootstrap, &kafka.prefix, TWO);
        Some(kafka)
    }

    fn options(&self) -> Options {
        let opened = self.opened.fetch_add(1, Ordering::Relaxed);
        Options {
            bootstrap: self.bootstrap.clone(),
            prefix: self.prefix.clone(),
            partitions: TWO,
            instance: opened.to_string(),
            timeout: Duration::from_secs(20),
            faults: Some(self.next.clone()),
            ..Options::default()
        }
    }
}

impl Bench for Kafka {
    fn open(&self) -> Box<dyn EventLog> {
        Box::new(KafkaLog::open(self.options()).unwrap())
    }

    fn fail_next(&self, how: Mishap) {
        self.next.set(how);
    }

    fn plant(&self, at: TopicPartition, bytes: &[u8]) {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &self.bootstrap);
        let producer: BaseProducer = config.create().unwrap();
        let topic = topics::name(&self.prefix, at.topic);
        let record = BaseRecord::to(&topic)
            .partition(at.partition as i32)
            .key("main")
            .payload(bytes);
        producer.send(record).map_err(|(error, _)| error).unwrap();
        producer.flush(Duration::from_secs(10)).unwrap();
    }
}

#[test]
fn topics_that_are_missing_are_named_with_what_to_do() {
    let Some(bootstrap) = brokers::bootstrap() else {
        return;
    };
    let options = Options {
        bootstrap,
        prefix: brokers::fresh_prefix(),
        timeout: Duration::from_secs(20),
        ..Options::default()
    };
    let first = topics::name(&options.prefix, Topic::ALL[0]);
    let error = KafkaLog::open(options).err().unwrap().to_string();
    assert!(error.contains(&first), "{error}");
    assert!(error.contains("create the topics"), "{error}");
}

/// Until somebody owns it, which is how an import ends.
#[test]
fn a_log_that_holds_part_of_an_import_is_refused() {
    let Some(kafka) = Kafka::new() else {
        return;
    };
    let log = KafkaLog::open(kafka.options()).unwrap();
    drop(Restore::begin(&log).unwrap());
    let refused = KafkaLog::open(kafka.options()).err().unwrap().to_string();
    assert!(refused.contains("part of an import"), "{refused}");
    let lease = log.acquire(Group::Processor, 0).unwrap();
    let ended = log.commit(&lease, vec![], &[]);
    assert!(matches!(ended, Commit::Committed { .. }), "{ended:?}");
    KafkaLog::open(kafka.options()).unwrap();
}

/// Kafka refuses to read from there.
#[test]
fn what_retention_has_removed_is_passed_over_and_holds_nobody_up() {
    let Some(kafka) = Kafka::new() else {
        return;
    };
    let log = kafka.open();
    for number in 1..=4 {
        log.append(vec![journaled(number)]).unwrap();
    }
    assert_eq!(numbers(log.as_ref(), JOURNAL, 4), [1, 2, 3, 4]);
    let topic = topics::name(&kafka.prefix, Topic::Journal);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(brokers::remove_below(&kafka.bootstrap, &topic, 2));
    let log = kafka.open();
    assert_eq!(numbers(log.as_ref(), JOURNAL, 2), [3, 4]);
    log.append(vec![journaled(5)]).unwrap();
    // From the same place again: nothing was taken.
    assert_eq!(numbers(log.as_ref(), JOURNAL, 3), [3, 4, 5]);
}

/// A transaction's marker takes an offset of its own.
#[test]
fn batches_of_one_entry_are_appended_without_a_transaction() {
    let Some(kafka) = Kafka::new() else {
        return;
    };
    let log = kafka.open();
    let alone = (1..=3).map(|number| vec![observed(number)]).collect();
    log.append_all(Arc::new(alone)).unwrap();
    assert_eq!(log.bounds(OBSERVED).unwrap().end, 3);
    let both = vec![vec![observed(4)], vec![observed(5), observed_in(1, 5, 0)]];
    log.append_all(Arc::new(both)).unwrap();
    assert_eq!(numbers(log.as_ref(), OBSERVED, 5), [1, 2, 3, 4, 5]);
}

#[test]
fn brokers_that_do_not_answer_are_named() {
    let options = Options {
        bootstrap: "127.0.0.1:9".to_owned(),
        timeout: Duration::from_secs(1),
        ..Options::default()
    };
    let error = KafkaLog::open(options).err().unwrap().to_string();
    assert!(error.contains("127.0.0.1:9"), "{error}");
}

#[test]
fn a_property_that_is_ours_stops_the_start() {
    let options = Options {
        properties: [("isolation.level".to_owned(), "read_uncommitted".to_owned())].into(),
        ..Options::default()
    };
    let error = KafkaLog::open(options).err().unwrap().to_string();
    assert!(error.contains("`isolation.level`"), "{error}");
}

/// Nothing behind an open transaction is readable: a successor that waited for its timeout, a
/// minute, would stand still as long.
#[test]
fn what_a_killed_process_was_appending_ends_when_it_comes_back() {
    let Some(kafka) = Kafka::new() else {
        return;
    };
    let options = kafka.options();
    let killed = KafkaLog::open(options.clone()).unwrap();
    kafka.fail_next(Mishap::CrashBefore);
    let appended = killed.append(vec![observed(1), observed(2)]);
    assert!(appended.is_err(), "{appended:?}");
    drop(killed);
    let back = KafkaLog::open(options).unwrap();
    back.append(vec![observed(3)]).unwrap();
    assert_eq!(numbers(&back, OBSERVED, 1), [3]);
}

/// A consumer that knows nothing of us.
#[test]
fn others_read_committed_entries_with_their_headers() {
    let Some(kafka) = Kafka::new() else {
        return;
    };
    let log = kafka.open();
    let lease = log.acquire(Group::Processor, 0).unwrap();
    kafka.fail_next(Mishap::Abort);
    log.commit(&lease, vec![journaled(1)], &[]);
    let ended = log.commit(&lease, vec![journaled(2)], &[]);
    assert!(matches!(ended, Commit::Committed { .. }));
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", &kafka.bootstrap)
        .set("group.id", "somebody")
        .set("isolation.level", "read_committed")
        .set("auto.offset.reset", "earliest");
    let consumer: BaseConsumer = config.create().unwrap();
    let topic = topics::name(&kafka.prefix, Topic::Journal);
    consumer.subscribe(&[&topic]).unwrap();
    let deadline = Instant::now() + PATIENCE;
    let message = loop {
        assert!(Instant::now() < deadline, "nothing comes");
        if let Some(message) = consumer.poll(Duration::from_millis(100)) {
            break message.unwrap();
        }
    };
    assert_eq!(message.key(), Some(b"main".as_slice()));
    let headers = message.headers().unwrap();
    let header = |name: &str| {
        let found = headers.iter().find(|header| header.key == name);
        String::from_utf8(found?.value?.to_vec()).ok()
    };
    assert_eq!(header("ce_specversion").as_deref(), Some("1.0"));
    assert_eq!(header("content-type").as_deref(), Some("application/avro"));
    let entry = crosswalk::avro::decode(Topic::Journal, message.payload().unwrap()).unwrap();
    let Message::Journal(entry) = entry else {
        panic!("no journal entry");
    };
    assert_eq!(header("ce_id"), Some(entry.id().to_string()));
    assert_eq!(entry.sequence, 2, "what was taken back is not shown");
}
