//! A transaction that the brokers' coordinator holds to be over, and that no marker ended: what
//! Apache Kafka 4.3.1 leaves behind where it aborts one while a partition has no leader.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crosswalk::domain::Topic;
use crosswalk::log::kafka::{KafkaLog, Options};
use crosswalk::log::topics::{self, Partitions};
use crosswalk::log::{Fault, Faults, Point};
use crosswalk::ports::event_log::{Commit, EntryBody, EventLog, Group};
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::message::{Message as _, OwnedMessage};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::{Offset, TopicPartitionList};

use super::bench::*;
use crate::brokers::{self, Own};

const PREFIX: &str = "crosswalk.";
const GROUP: &str = "crosswalk-processor";
const ID: &str = "crosswalk-processor-0";
const ONE: Partitions = Partitions {
    bridges: 1,
    lanes: 1,
};
/// The coordinator's own log, of four partitions on the tests' brokers.
const STATE: &str = "__transaction_state";
/// Where a record of it says how the transaction stands (TransactionLogValue of Apache Kafka: a
/// version, the producer's id and epoch, a timeout, the status), and what says that it is over.
const STATUS: usize = 2 + 8 + 2 + 4;
const COMPLETE_COMMIT: u8 = 4;
const COMPLETE_ABORT: u8 = 5;

/// The last record of the coordinator about our transactions.
fn last_record(bootstrap: &str) -> Option<OwnedMessage> {
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", bootstrap)
        .set("group.id", "looks")
        .set("enable.partition.eof", "true");
    let consumer: BaseConsumer = config.create().unwrap();
    let mut list = TopicPartitionList::new();
    for partition in 0..4 {
        list.add_partition_offset(STATE, partition, Offset::Beginning)
            .unwrap();
    }
    consumer.assign(&list).unwrap();
    let (mut last, mut ends) = (None, 0);
    while ends < 4 {
        match consumer.poll(PATIENCE).unwrap() {
            Ok(message) => {
                let key = String::from_utf8_lossy(message.key().unwrap_or_default()).into_owned();
                if key.contains(ID) {
                    last = Some(message.detach());
                }
            }
            Err(_) => ends += 1,
        }
    }
    last
}

fn end(options: &Options, isolation: &str) -> i64 {
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", &options.bootstrap)
        .set("isolation.level", isolation);
    let consumer: BaseConsumer = config.create().unwrap();
    let topic = topics::name(PREFIX, Topic::Journal);
    consumer.fetch_watermarks(&topic, 0, PATIENCE).unwrap().1
}

/// What the coordinator wrote down when it had committed the owner's first transaction.
fn record_of_one_that_is_over(bootstrap: &str) -> OwnedMessage {
    let deadline = Instant::now() + PATIENCE;
    loop {
        assert!(Instant::now() < deadline, "it is never over");
        let last = last_record(bootstrap);
        let over = last.filter(|one| one.payload().unwrap()[STATUS] == COMPLETE_COMMIT);
        if let Some(over) = over {
            return over;
        }
    }
}

/// The coordinator is made to believe that it has ended what is open.
fn believe(broker: &mut Own, over: &OwnedMessage, status: u8) {
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", &broker.address)
        .set("client.id", "__admin_client");
    let producer: BaseProducer = config.create().unwrap();
    let mut payload = over.payload().unwrap().to_vec();
    payload[STATUS] = status;
    let record = BaseRecord::to(STATE)
        .partition(over.partition())
        .key(over.key().unwrap())
        .payload(&payload);
    producer.send(record).map_err(|(error, _)| error).unwrap();
    producer.flush(PATIENCE).unwrap();
    broker.restart();
}

fn options(bootstrap: &str, faults: Arc<dyn Faults>) -> Options {
    Options {
        bootstrap: bootstrap.to_owned(),
        partitions: ONE,
        timeout: Duration::from_secs(20),
        faults: Some(faults),
        ..Options::default()
    }
}

/// A processor was killed within a transaction that wrote entry 1 to the journal, and the brokers,
/// which hold it to be over, wrote no marker.
struct Unmarked {
    options: Options,
    /// The first entry that is open, and behind the last.
    open: (i64, i64),
    _broker: Own,
}

impl Unmarked {
    fn left() -> Option<Self> {
        let mut broker = Own::start()?;
        brokers::create_topics(&broker.address, PREFIX, ONE);
        let next = Arc::new(Next::default());
        let options = options(&broker.address, next.clone());
        let killed = KafkaLog::open(options.clone()).unwrap();
        let lease = killed.acquire(Group::Processor, 0).unwrap();
        let over = record_of_one_that_is_over(&broker.address);
        next.set(Mishap::CrashBefore);
        killed.commit(&lease, vec![journaled(1)], &[]);
        believe(&mut broker, &over, COMPLETE_COMMIT);

        let (stable, all) = ends(&options);
        assert!(stable < all, "nothing was left open: {stable} of {all}");
        let open = (stable, all);
        Some(Self {
            options,
            open,
            _broker: broker,
        })
    }

    /// What was committed beside the position of the processor, as the owner before wrote it.
    fn group_holds(&self, metadata: &str) {
        let mut config = ClientConfig::new();
        config
            .set("bootstrap.servers", &self.options.bootstrap)
            .set("group.id", GROUP);
        let consumer: BaseConsumer = config.create().unwrap();
        let mut list = TopicPartitionList::new();
        let topic = topics::name(PREFIX, Topic::Decisions);
        let mut element = list.add_partition(&topic, 0);
        element.set_offset(Offset::Offset(0)).unwrap();
        element.set_metadata(metadata);
        consumer.commit(&list, CommitMode::Sync).unwrap();
    }

    /// The next owner commits entry 2; answers what it took back, and what the journal's `count`
    /// entries say then.
    fn next_owner(&self, count: usize) -> (Option<u64>, Vec<u64>) {
        let log = KafkaLog::open(self.options.clone()).unwrap();
        let lease = log.acquire(Group::Processor, 0).unwrap();
        let (stable, all) = ends(&self.options);
        assert_eq!(stable, all, "whoever reads committed entries comes past it");
        let ended = log.commit(&lease, vec![journaled(2)], &[]);
        assert!(matches!(ended, Commit::Committed { .. }), "{ended:?}");
        let mut entries = read_exactly(&log, JOURNAL, count);
        // What ends a transaction is an entry without a body.
        entries.retain(|entry| entry.body != EntryBody::Tombstone);
        (lease.taken_back, entries.iter().map(number).collect())
    }
}

/// Where the journal's committed entries end, and where all do.
fn ends(options: &Options) -> (i64, i64) {
    (
        end(options, "read_committed"),
        end(options, "read_uncommitted"),
    )
}

#[test]
fn what_no_marker_ended_is_aborted_by_the_next_owner_and_never_committed() {
    let Some(unmarked) = Unmarked::left() else {
        return;
    };
    let first = unmarked.open.0 as u64;
    unmarked.group_holds(&format!("epoch=1 5/0={first}"));
    assert_eq!(unmarked.next_owner(1), (Some(first), vec![2]));
}

/// The process that knew is gone; what it wrote beside its position came through.
#[test]
fn a_commit_that_lacks_its_marker_is_committed_by_the_next_owner() {
    let Some(unmarked) = Unmarked::left() else {
        return;
    };
    let end = unmarked.open.1;
    unmarked.group_holds(&format!("epoch=1 5/0={end}"));
    assert_eq!(unmarked.next_owner(3), (None, vec![1, 2]));
}

/// Has the next transaction aborted, once the brokers hold that to have happened.
struct AbortsUnmarked {
    broker: Mutex<Own>,
    over: Mutex<Option<OwnedMessage>>,
}

impl Faults for AbortsUnmarked {
    fn at(&self, point: Point) -> Fault {
        let mut over = self.over.lock().unwrap();
        if point != Point::BeforeCommit || over.is_none() {
            return Fault::None;
        }
        let mut broker = self.broker.lock().unwrap();
        believe(&mut broker, &over.take().unwrap(), COMPLETE_ABORT);
        Fault::Fail
    }
}

/// An owner that lives on commits nothing of what it has taken back, either.
#[test]
fn an_abort_that_lacks_its_marker_is_made_good_before_the_next_commit() {
    let Some(broker) = Own::start() else {
        return;
    };
    let address = broker.address.clone();
    brokers::create_topics(&address, PREFIX, ONE);
    let faults = Arc::new(AbortsUnmarked {
        broker: Mutex::new(broker),
        over: Mutex::default(),
    });
    let options = options(&address, faults.clone());
    let log = KafkaLog::open(options.clone()).unwrap();
    let lease = log.acquire(Group::Processor, 0).unwrap();
    *faults.over.lock().unwrap() = Some(record_of_one_that_is_over(&address));

    let ended = log.commit(&lease, vec![journaled(1)], &[]);
    let is_held = matches!(ended, Commit::Aborted { fenced: false, .. });
    assert!(is_held, "{ended:?}");
    let (stable, all) = ends(&options);
    assert!(stable < all, "nothing was left open: {stable} of {all}");

    let ended = log.commit(&lease, vec![journaled(2)], &[]);
    assert!(matches!(ended, Commit::Committed { .. }), "{ended:?}");
    let mut entries = read_exactly(&log, JOURNAL, 1);
    entries.retain(|entry| entry.body != EntryBody::Tombstone);
    assert_eq!(entries.iter().map(number).collect::<Vec<_>>(), [2]);
}
