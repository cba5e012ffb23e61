//! The driver on real logs, the embedded one and Kafka: crashes, aborts, unknown outcomes, a second
//! owner.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crosswalk::domain::{
    BridgeId, Change, Fields, Message, Observation, ObservationBody, ObservationId, RawPayload,
    RecordRef, RecordSnapshot, SourceId, Timestamp, Topic, Value, Version,
};
use crosswalk::log::topics::spec;
use crosswalk::log::{EmbeddedLog, Fault, Faults, KafkaLog, Options as LogOptions, Point, kafka};
use crosswalk::mapping::{Offer, Sources};
use crosswalk::ports::clock::SystemClock;
use crosswalk::ports::event_log::{
    EntryBody, EventLog, Outgoing, Place, ReadFrom, ReadLimit, TopicPartition,
};
use crosswalk::ports::view_store::Error as StoreError;
use crosswalk::ports::view_store::{Checkpoint, KeyValue, MemoryStore, Standing, ViewStore};
use crosswalk::processor::decide::{Brakes, Timing};
use crosswalk::processor::driver::{Driver, Error, Options};
use crosswalk::processor::recovery::{self, bring_up, recover};
use crosswalk::processor::step::Settings;
use crosswalk::processor::view::View;
use crosswalk::store::{Options as StoreOptions, SledStore};

use crate::brokers;

const MAPPING: &str = r#"
version: 1
people:
  objects: {intercom: contact, salesforce: [Contact, Lead]}
  match:
    - explicit: {salesforce: Intercom_Contact_ID__c}
    - email: {salesforce: Email, intercom: email}
  fields:
    - intercom: email
      salesforce: Email
      owner: intercom
      direction: to_salesforce
      meaning: where the person is written to
"#;

/// Makes the next commit fail in one way.
#[derive(Default)]
struct Next {
    once: Mutex<Option<(Point, Fault)>>,
    always: Mutex<Option<(Point, Fault)>>,
}

impl Next {
    fn always(&self, fault: Option<(Point, Fault)>) {
        *self.always.lock().unwrap() = fault;
    }
}

impl Faults for Next {
    fn at(&self, point: Point) -> Fault {
        if let Some((at, fault)) = *self.always.lock().unwrap()
            && at == point
        {
            return fault;
        }
        let mut next = self.once.lock().unwrap();
        match next.take() {
            Some((at, fault)) if at == point => fault,
            other => {
                *next = other;
                Fault::None
            }
        }
    }
}

struct Bench {
    folder: tempfile::TempDir,
    faults: Arc<Next>,
    /// Brokers and a prefix of topics on them; none for the embedded log.
    brokers: Option<(String, String)>,
    log: Arc<dyn EventLog>,
}

impl Bench {
    fn new() -> Self {
        Self::on(None)
    }

    /// A bench on each kind of log that is there.
    fn each() -> Vec<Self> {
        let brokers = brokers::bootstrap().map(|bootstrap| (bootstrap, brokers::fresh_prefix()));
        let kafka = brokers.map(|(bootstrap, prefix)| {
            brokers::create_topics(&bootstrap, &prefix, Default::default());
            Self::on(Some((bootstrap, prefix)))
        });
        std::iter::once(Self::new()).chain(kafka).collect()
    }

    fn on(brokers: Option<(String, String)>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let faults = Arc::new(Next::default());
        let log = Self::open_log(folder.path(), brokers.as_ref(), &faults);
        Self {
            folder,
            faults,
            brokers,
            log,
        }
    }

    fn open_log(
        folder: &Path,
        brokers: Option<&(String, String)>,
        faults: &Arc<Next>,
    ) -> Arc<dyn EventLog> {
        if let Some((bootstrap, prefix)) = brokers {
            let options = kafka::Options {
                bootstrap: bootstrap.clone(),
                prefix: prefix.clone(),
                timeout: Duration::from_secs(20),
                faults: Some(faults.clone()),
                ..kafka::Options::default()
            };
            return Arc::new(KafkaLog::open(options).unwrap());
        }
        let options = LogOptions {
            faults: Some(faults.clone()),
            ..LogOptions::default()
        };
        Arc::new(EmbeddedLog::open(folder.join("log.sqlite"), options).unwrap())
    }

    /// The process is gone: another one opens the same log.
    fn reopen(&mut self) {
        self.log = Self::open_log(self.folder.path(), self.brokers.as_ref(), &self.faults);
    }

    /// Turns until nothing is left to be taken. Kafka shows late what it took.
    fn settle(&self, driver: &mut Driver) {
        let mut last = Instant::now();
        loop {
            if driver.turn().unwrap() > 0 {
                last = Instant::now();
            } else if last.elapsed() >= self.patience() {
                return;
            }
        }
    }

    fn options(&self, version: u64, file: &str) -> Options {
        let offer = Offer {
            sources: Sources {
                salesforce: SourceId::new("sales").unwrap(),
                intercom: BTreeMap::from([(support(), "abc123".to_owned())]),
            },
            file: file.to_owned(),
        };
        Options {
            settings: Settings {
                partition: 0,
                bridges: vec![bridge()],
                timing: Timing {
                    command_deadline_ms: 60_000,
                    command_deadline_ms_max: 900_000,
                    attempts_before_review: 5,
                    deferral_deadline_ms: 120_000,
                },
                brakes: Brakes::default(),
                resting: BTreeMap::new(),
            },
            offers: BTreeMap::from([(bridge(), (version, offer))]),
            begin_in_shadow: Default::default(),
            batch_entries_max: 10,
            batch_bytes_max: 1 << 20,
            walk_commands_per_second_max: 60,
            poll_wait: Duration::from_millis(5),
            checkpoint_interval: Duration::from_secs(3_600),
            digest_interval_events: 20,
            overlay_entries_max: 50_000,
        }
    }

    fn driver_on(&self, store: Box<dyn ViewStore>) -> Result<Driver, Error> {
        let options = self.options(1, MAPPING);
        Driver::open(self.log.clone(), Arc::new(SystemClock), store, options)
    }

    fn driver(&self) -> Driver {
        self.driver_on(Box::new(MemoryStore::default())).unwrap()
    }

    fn sled(&self) -> Box<dyn ViewStore> {
        let path = self.folder.path().join("view");
        Box::new(SledStore::open(path, StoreOptions::default()).unwrap().0)
    }

    /// Appends contacts `from..to` as webhooks would.
    fn show(&self, numbers: std::ops::Range<u32>) {
        let batch = numbers.map(|n| Outgoing {
            topic: Topic::IntercomObserved,
            place: Place::Partition(0),
            key: "main".into(),
            message: Some(Message::Observation(Box::new(shown(n)))),
        });
        self.log.append(batch.collect()).unwrap();
    }

    fn fail_next(&self, point: Point, fault: Fault) {
        *self.faults.once.lock().unwrap() = Some((point, fault));
    }

    /// Puts foreign bytes into the newest entry of a topic.
    fn plant_in_last(&self, topic: Topic, bytes: &[u8]) {
        let conn = rusqlite::Connection::open(self.folder.path().join("log.sqlite")).unwrap();
        let slot = i64::from(spec(topic).number) << 12;
        let sql = "UPDATE entries SET value = ?1
            WHERE place = (SELECT max(place) FROM entries WHERE place >> 44 = ?2)";
        let changed = conn.execute(sql, rusqlite::params![bytes, slot]).unwrap();
        assert_eq!(changed, 1);
    }

    /// All that a topic holds.
    fn read(&self, topic: Topic) -> Vec<crosswalk::ports::event_log::Entry> {
        let at = TopicPartition {
            topic,
            partition: 0,
        };
        let limit = ReadLimit {
            entries_max: 10_000,
            bytes_max: 64 << 20,
        };
        let mut entries: Vec<crosswalk::ports::event_log::Entry> = Vec::new();
        loop {
            let offset = entries.last().map_or(0, |last| last.offset + 1);
            let more = self
                .log
                .read(&[ReadFrom { at, offset }], limit, self.patience());
            let more = more.unwrap();
            if more.is_empty() {
                return entries;
            }
            entries.extend(more);
        }
    }

    /// Turns until the driver stops, and says why.
    fn stopped(&self, driver: &mut Driver) -> Error {
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            if let Err(error) = driver.turn() {
                return error;
            }
            assert!(Instant::now() < deadline, "it goes on");
        }
    }

    fn patience(&self) -> Duration {
        let millis = self.brokers.as_ref().map_or(0, |_| 300);
        Duration::from_millis(millis)
    }

    /// How many customers the journal founded, each one counted as often as it stands there.
    fn founded(&self) -> usize {
        let founds = |entry: &crosswalk::ports::event_log::Entry| match &entry.body {
            EntryBody::Message(Message::Journal(entry)) => entry.event.name() == "customer_founded",
            _ => false,
        };
        self.read(Topic::Journal)
            .iter()
            .filter(|entry| founds(entry))
            .count()
    }

    /// The digest of a view that is rebuilt from the whole journal.
    fn rebuilt(&self) -> String {
        let end = self.read(Topic::Journal).last().unwrap().offset + 1;
        let store = Box::new(MemoryStore::default());
        let (view, _) = recover(&self.log, store, 0, end).unwrap();
        view.digest().to_string()
    }
}

fn bridge() -> BridgeId {
    BridgeId::new("main").unwrap()
}

fn support() -> SourceId {
    SourceId::new("support").unwrap()
}

fn shown(n: u32) -> Observation {
    let record = RecordRef::new(&support(), "contact", format!("c{n}")).unwrap();
    let email = Value::text(format!("c{n}@example.com"));
    let snapshot = RecordSnapshot {
        record,
        version: Version::exact_ms(1_000),
        fields: Fields::from([("email".into(), email)]),
        tags: None,
        companies: None,
    };
    Observation {
        id: ObservationId::of_notification("abc123", &format!("notif_{n}")),
        bridge: bridge(),
        received_at: Timestamp(1_000),
        traceparent: None,
        body: ObservationBody::Changed {
            source: support(),
            topic: "contact.lead.created".into(),
            change: Change::Shown(snapshot),
            raw: RawPayload {
                content_type: "application/json".into(),
                bytes: b"{}".to_vec(),
            },
        },
    }
}

#[test]
fn a_second_owner_fences_the_first_and_nothing_is_decided_twice() {
    for bench in Bench::each() {
        let mut first = bench.driver();
        bench.settle(&mut first);
        let mut second = bench.driver();
        bench.show(0..3);
        bench.settle(&mut second);
        assert!(matches!(
            bench.stopped(&mut first),
            Error::Fenced { partition: 0 }
        ));
        assert_eq!(bench.founded(), 3);
        assert_eq!(second.view().digest().to_string(), bench.rebuilt());
    }
}

/// A process that is told to stop while it rebuilds ends, and the next one goes on from there.
#[test]
fn a_rebuild_that_is_told_to_stop_ends_and_keeps_what_it_has_folded() {
    let bench = Bench::new();
    let mut driver = bench.driver();
    bench.show(0..1_000);
    bench.settle(&mut driver);
    let end = driver.view().journal_offset();
    assert!(end > 2_500, "{end} entries are read at once");
    let mut view = View::open(bench.sled()).unwrap();
    let asked = AtomicUsize::new(0);
    let once = || asked.fetch_add(1, Ordering::Relaxed) == 0;
    let stopped = bring_up(&bench.log, &mut view, 0, end, &once);
    assert!(
        matches!(stopped, Err(recovery::Error::Stopped)),
        "{stopped:?}"
    );
    let folded = view.journal_offset();
    assert!((1..end).contains(&folded), "{folded} of {end}");
    view.checkpoint().unwrap();
    drop(view);
    let mut view = View::open(bench.sled()).unwrap();
    assert_eq!(view.journal_offset(), folded);
    let recovered = bring_up(&bench.log, &mut view, 0, end, &|| true).unwrap();
    assert!(!recovered.rebuilt && recovered.entries < end);
    assert_eq!(view.digest(), driver.view().digest());
}

#[test]
fn an_aborted_commit_is_made_again_and_counts_once() {
    for bench in Bench::each() {
        let mut driver = bench.driver();
        bench.settle(&mut driver);
        bench.show(0..3);
        bench.fail_next(Point::BeforeCommit, Fault::Fail);
        bench.settle(&mut driver);
        assert_eq!(bench.founded(), 3);
        assert_eq!(driver.view().digest().to_string(), bench.rebuilt());
    }
}

#[test]
fn a_commit_whose_answer_was_lost_counts_once() {
    for bench in Bench::each() {
        let mut driver = bench.driver();
        bench.settle(&mut driver);
        bench.show(0..3);
        bench.fail_next(Point::AfterCommit, Fault::Fail);
        bench.settle(&mut driver);
        assert_eq!(bench.founded(), 3);
        assert_eq!(driver.view().digest().to_string(), bench.rebuilt());
    }
}

#[test]
fn a_crash_before_or_after_a_commit_loses_nothing_and_doubles_nothing() {
    for point in [Point::BeforeCommit, Point::AfterCommit] {
        for mut bench in Bench::each() {
            let mut driver = bench.driver();
            bench.settle(&mut driver);
            bench.show(0..25);
            bench.fail_next(point, Fault::Crash);
            bench.stopped(&mut driver);
            // Everything is opened anew, the view from nothing.
            drop(driver);
            bench.reopen();
            let mut next = bench.driver();
            bench.settle(&mut next);
            assert_eq!(bench.founded(), 25, "{point:?}");
            assert_eq!(next.view().digest().to_string(), bench.rebuilt());
        }
    }
}

#[test]
fn a_checkpointed_view_goes_on_from_where_it_stands() {
    for bench in Bench::each() {
        let mut driver = bench.driver_on(bench.sled()).unwrap();
        bench.show(0..25);
        bench.settle(&mut driver);
        driver.run(|| false).unwrap();
        let digest = driver.view().digest();
        drop(driver);
        let again = bench.driver_on(bench.sled()).unwrap();
        assert_eq!(again.recovered().entries, 0, "the store has everything");
        assert_eq!(again.view().digest(), digest);
    }
}

#[test]
fn a_view_ahead_of_its_journal_is_rebuilt() {
    let ahead = Bench::new();
    let mut driver = ahead.driver_on(ahead.sled()).unwrap();
    ahead.show(0..25);
    ahead.settle(&mut driver);
    driver.run(|| false).unwrap();
    drop(driver);
    // The log was restored from an older backup; the view was not.
    let restored = Bench::new();
    let mut older = restored.driver();
    restored.show(0..2);
    restored.settle(&mut older);
    drop(older);
    let driver = restored.driver_on(ahead.sled()).unwrap();
    assert!(driver.recovered().rebuilt);
    assert_eq!(driver.view().digest().to_string(), restored.rebuilt());
}

#[test]
fn a_digest_is_recorded_now_and_then_and_holds_in_a_rebuild() {
    for bench in Bench::each() {
        let mut driver = bench.driver();
        bench.show(0..60);
        bench.settle(&mut driver);
        let recorded = bench.read(Topic::Journal).iter().any(|entry| {
            matches!(&entry.body, EntryBody::Message(Message::Journal(entry))
            if entry.event.name() == "digest_recorded")
        });
        assert!(recorded);
        assert_eq!(driver.view().digest().to_string(), bench.rebuilt());
    }
}

#[test]
fn a_rebuild_hashes_what_changed_and_not_the_view_for_every_entry() {
    let bench = Bench::new();
    let mut driver = bench.driver();
    bench.show(0..200);
    bench.settle(&mut driver);
    drop(driver);
    let driver = bench.driver();
    let entries = driver.view().journal_offset();
    let hashes = driver.view().hashes();
    assert!(entries > 800, "{entries}");
    assert!(hashes < 10 * entries, "{hashes} for {entries} entries");
}

#[test]
fn a_mapping_that_changed_without_a_higher_version_is_refused() {
    let bench = Bench::new();
    let mut driver = bench.driver();
    bench.settle(&mut driver);
    drop(driver);
    let changed = MAPPING.replace("meaning: where", "meaning: here");
    let options = bench.options(1, &changed);
    let store = Box::new(MemoryStore::default());
    let opened = Driver::open(bench.log.clone(), Arc::new(SystemClock), store, options);
    let error = opened.err().unwrap().to_string();
    assert!(error.contains("raise `version`"), "{error}");
    let higher = bench.options(2, &changed);
    let store = Box::new(MemoryStore::default());
    let mut driver = Driver::open(bench.log.clone(), Arc::new(SystemClock), store, higher).unwrap();
    bench.settle(&mut driver);
    assert_eq!(driver.counts().events.get("mapping_activated"), Some(&1));
}

#[test]
fn undecodable_bytes_become_a_dead_letter_with_them_and_the_rest_goes_on() {
    let bench = Bench::new();
    let mut driver = bench.driver();
    bench.settle(&mut driver);
    bench.show(0..1);
    bench.plant_in_last(Topic::IntercomObserved, b"{\"not\":\"ours\"}");
    bench.show(1..2);
    bench.settle(&mut driver);
    let letters = bench.read(Topic::DeadLetters);
    let Some(EntryBody::Message(Message::DeadLetter(letter))) = letters.first().map(|e| &e.body)
    else {
        panic!("the bytes are kept as a dead letter");
    };
    assert_eq!(letter.bytes, b"{\"not\":\"ours\"}");
    assert!(
        letter.reason.starts_with("undecodable"),
        "{}",
        letter.reason
    );
    assert_eq!(bench.founded(), 1, "the one behind it is decided");
}

#[test]
fn a_commit_that_cannot_be_settled_is_looked_up_in_the_journal() {
    for bench in Bench::each() {
        let mut driver = bench.driver();
        bench.settle(&mut driver);
        bench.show(0..3);
        bench.faults.always(Some((Point::AfterCommit, Fault::Fail)));
        assert!(matches!(
            bench.stopped(&mut driver),
            Error::Unsettled { .. }
        ));
        bench.faults.always(None);
        driver.reacquire().unwrap();
        bench.settle(&mut driver);
        assert_eq!(bench.founded(), 3);
        assert_eq!(driver.view().digest().to_string(), bench.rebuilt());
    }
}

#[test]
fn a_checkpoint_and_the_journal_behind_it_give_the_whole_view() {
    for bench in Bench::each() {
        let mut driver = bench.driver_on(bench.sled()).unwrap();
        bench.show(0..10);
        bench.settle(&mut driver);
        driver.run(|| false).unwrap();
        bench.show(10..25);
        bench.settle(&mut driver);
        // Ends without a checkpoint, as a crash does.
        drop(driver);
        let again = bench.driver_on(bench.sled()).unwrap();
        assert!(!again.recovered().rebuilt);
        assert!(again.recovered().entries > 0);
        assert_eq!(again.view().digest().to_string(), bench.rebuilt());
    }
}

/// A store that can stop to be readable.
struct Failing {
    inner: MemoryStore,
    fails: Arc<AtomicBool>,
}

impl ViewStore for Failing {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        if self.fails.load(Ordering::Relaxed) {
            return Err(StoreError::Failed {
                step: "read",
                reason: "the disk is gone".into(),
            });
        }
        self.inner.get(key)
    }

    fn first(&self, from: &[u8], to: &[u8]) -> Result<Option<KeyValue>, StoreError> {
        self.inner.first(from, to)
    }

    fn checkpoint(&mut self, batch: Checkpoint) -> Result<(), StoreError> {
        self.inner.checkpoint(batch)
    }

    fn standing(&self) -> Result<Option<Standing>, StoreError> {
        self.inner.standing()
    }

    fn clear(&mut self) -> Result<(), StoreError> {
        self.inner.clear()
    }
}

#[test]
fn nothing_is_committed_that_was_decided_on_a_failed_read() {
    let bench = Bench::new();
    let fails = Arc::new(AtomicBool::new(false));
    let store = Failing {
        inner: MemoryStore::default(),
        fails: fails.clone(),
    };
    let mut driver = bench.driver_on(Box::new(store)).unwrap();
    bench.settle(&mut driver);
    let before = bench.read(Topic::Journal).len();
    bench.show(0..1);
    fails.store(true, Ordering::Relaxed);
    assert!(matches!(driver.turn(), Err(Error::ViewFailed { .. })));
    assert_eq!(bench.read(Topic::Journal).len(), before);
}
