//! A view rebuilt from its journal on Kafka, beside its named parts, each alone on the same bytes.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crosswalk::avro;
use crosswalk::domain::Topic;
use crosswalk::log::kafka::Options;
use crosswalk::log::topics::name;
use crosswalk::ports::event_log::{
    Bounds, Commit, Entry, EntryBody, Error, EventLog, Group, Lease, Outgoing, ReadFrom, ReadLimit,
    TopicPartition, each,
};
use crosswalk::ports::view_store::{Checkpoint, MemoryStore, Standing, ViewStore};
use crosswalk::processor::recovery::recover;
use crosswalk::store::{self, SledStore};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::Message as _;
use rdkafka::{ClientConfig, Offset, TopicPartitionList};

use crate::kafka::{compare, cpu};

const AT: TopicPartition = TopicPartition {
    topic: Topic::Journal,
    partition: 0,
};
/// As many as a rebuild reads at once.
const PART: usize = 2_000;

fn took<T>(work: impl FnOnce() -> T) -> (Duration, T) {
    let began = cpu();
    let done = work();
    (cpu().saturating_sub(began), done)
}

pub fn rebuild(options: &Options, log: &Arc<dyn EventLog>) {
    let end = log.bounds(AT).unwrap().end;
    let mut entries = Vec::new();
    let limit = ReadLimit {
        entries_max: PART,
        bytes_max: 8 << 20,
    };
    each::<Error>(log.as_ref(), AT, limit, |entry| {
        entries.push(entry);
        Ok(())
    })
    .unwrap();
    let count = entries.len();
    let folder = tempfile::tempdir().unwrap();
    let (whole, ()) = took(|| {
        let (store, _) = SledStore::open(folder.path(), store::Options::default()).unwrap();
        let (mut view, _) = recover(log, Box::new(store), 0, end).unwrap();
        view.checkpoint().unwrap();
    });
    let (consumed, bytes) = took(|| consume(options));
    assert_eq!(bytes.len(), count);
    let (decoded, ()) = took(|| {
        for value in &bytes {
            std::hint::black_box(avro::decode(Topic::Journal, value).unwrap());
        }
    });
    let parts: VecDeque<Vec<Entry>> = entries.chunks(PART).map(<[Entry]>::to_vec).collect();
    let typed: Arc<dyn EventLog> = Arc::new(Typed(Mutex::new(parts)));
    let kept = Kept::default();
    let (evolved, ()) = took(|| {
        let (mut view, _) = recover(&typed, Box::new(kept.clone()), 0, end).unwrap();
        view.checkpoint().unwrap();
    });
    let all = kept.0.lock().unwrap().1.clone();
    let (loaded, ()) = took(|| load(&all));
    println!("{count} journal entries, {} entries of the view", all.len());
    let parts = [
        ("librdkafka, consume", consumed),
        ("codec, decode", decoded),
        ("evolve, over a store in memory", evolved),
        ("sled, bulk load", loaded),
    ];
    compare("a view rebuilt from Kafka", whole, &parts, count);
}

/// Bare librdkafka: the values of the journal's entries.
fn consume(options: &Options) -> Vec<Vec<u8>> {
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", &options.bootstrap)
        .set("group.id", format!("{}bare", options.prefix))
        .set("isolation.level", "read_committed")
        .set("enable.partition.eof", "true")
        .set("enable.auto.commit", "false");
    let consumer: BaseConsumer = config.create().unwrap();
    let mut list = TopicPartitionList::new();
    list.add_partition_offset(&name(&options.prefix, Topic::Journal), 0, Offset::Beginning)
        .unwrap();
    consumer.assign(&list).unwrap();
    let mut values = Vec::new();
    loop {
        match consumer.poll(Duration::from_secs(30)).expect("an answer") {
            Ok(message) => values.extend(message.payload().map(<[u8]>::to_vec)),
            Err(KafkaError::PartitionEOF(_)) => return values,
            Err(error) => panic!("{error}"),
        }
    }
}

/// Hands out entries that are decoded already.
struct Typed(Mutex<VecDeque<Vec<Entry>>>);

impl EventLog for Typed {
    fn read_below(&self, _: ReadFrom, _: u64, _: ReadLimit) -> Result<Vec<Entry>, Error> {
        Ok(self.0.lock().unwrap().pop_front().unwrap_or_default())
    }

    fn append(&self, _: Vec<Outgoing>) -> Result<(), Error> {
        unreachable!("a rebuild only reads")
    }

    fn read(&self, _: &[ReadFrom], _: ReadLimit, _: Duration) -> Result<Vec<Entry>, Error> {
        unreachable!("a rebuild reads below an end")
    }

    fn bounds(&self, _: TopicPartition) -> Result<Bounds, Error> {
        unreachable!("a rebuild is told its end")
    }

    fn decode(&self, _: Topic, _: &[u8]) -> Result<EntryBody, Error> {
        unreachable!("what it reads is decoded")
    }

    fn latest(&self, _: Topic, _: &str) -> Result<Option<Entry>, Error> {
        unreachable!("a rebuild reads in order")
    }

    fn acquire(&self, _: Group, _: u32) -> Result<Lease, Error> {
        unreachable!("a rebuild owns nothing")
    }

    fn commit(&self, _: &Lease, _: Vec<Outgoing>, _: &[(TopicPartition, u64)]) -> Commit {
        unreachable!("a rebuild commits nothing")
    }
}

/// Every entry of a view.
type All = BTreeMap<Vec<u8>, Vec<u8>>;

/// A store in memory whose entries are looked at afterwards.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<(MemoryStore, All)>>);

impl ViewStore for Kept {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, crosswalk::ports::view_store::Error> {
        self.0.lock().unwrap().0.get(key)
    }

    fn first(
        &self,
        from: &[u8],
        to: &[u8],
    ) -> Result<Option<(Vec<u8>, Vec<u8>)>, crosswalk::ports::view_store::Error> {
        self.0.lock().unwrap().0.first(from, to)
    }

    fn checkpoint(&mut self, batch: Checkpoint) -> Result<(), crosswalk::ports::view_store::Error> {
        let mut kept = self.0.lock().unwrap();
        for (key, value) in &batch.changes {
            match value {
                Some(value) => kept.1.insert(key.clone(), value.clone()),
                None => kept.1.remove(key),
            };
        }
        kept.0.checkpoint(batch)
    }

    fn standing(&self) -> Result<Option<Standing>, crosswalk::ports::view_store::Error> {
        self.0.lock().unwrap().0.standing()
    }

    fn clear(&mut self) -> Result<(), crosswalk::ports::view_store::Error> {
        self.0.lock().unwrap().0.clear()
    }
}

/// The entries as a rebuild leaves them, in key order, by the thousand.
fn load(all: &All) {
    let folder = tempfile::tempdir().unwrap();
    let (mut store, _) = SledStore::open(folder.path(), store::Options::default()).unwrap();
    let all: Vec<_> = all.iter().collect();
    for part in all.chunks(1_000) {
        let changes = part
            .iter()
            .map(|(key, value)| ((*key).clone(), Some((*value).clone())));
        let batch = Checkpoint {
            changes: changes.collect(),
            standing: Standing::default(),
        };
        store.checkpoint(batch).unwrap();
    }
}
