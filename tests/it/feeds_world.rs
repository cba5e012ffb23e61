//! An org that publishes change events from memory, and a log that remembers its commits.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use crosswalk::domain::observation::RecordEvent;
use crosswalk::domain::{
    BridgeId, Change, Cursor, Message, Notification, Observation, ObservationBody, SourceId,
    Timestamp, Topic, Value,
};
use crosswalk::feeds::Book;
use crosswalk::feeds::salesforce::source::Answer;
use crosswalk::feeds::salesforce::subscribe::{Options, Parts};
use crosswalk::feeds::salesforce::{
    Batch, Decode, Destination, Event, Failure, Feed, Identity, Kind, Org, Read, Received, Source,
    Start, Stream, Target,
};
use crosswalk::log::{EmbeddedLog, Options as LogOptions, topics::Partitions};
use crosswalk::ports::clock::Clock;
use crosswalk::ports::event_log::{
    Bounds, Commit, Entry, EntryBody, Error, EventLog, Group, Lease, Outgoing, ReadFrom, ReadLimit,
    TopicPartition,
};
use crosswalk::telemetry::Health;
use serde_json::{Value as Json, json};
use tokio::sync::{Notify, watch};

pub const OUR_USER: &str = "005D000000AbCdEFGH";
pub const T0: i64 = 1_768_018_994_000;

/// A change event in the form that `PlainDecoder` reads: about these records.
pub fn event(schema: &str, kind: &str, ids: &[&str]) -> Json {
    json!({"schema": schema, "entity": "Lead", "kind": kind, "ids": ids, "user": OUR_USER,
           "origin": "com/salesforce/api/rest/66.0;client=crosswalk-main", "at": T0 + 789,
           "fields": {"Phone": "1"}, "unread": ["Description"]})
}

#[derive(Default)]
pub struct Remote {
    state: Mutex<RemoteState>,
    changed: Notify,
}

#[derive(Default)]
struct RemoteState {
    published: Vec<Received>,
    /// What the next connects answer instead.
    refusals: VecDeque<Failure>,
    /// After how many events the next subscriptions break.
    breaks: VecDeque<usize>,
    starts: Vec<Start>,
    schema_calls: Vec<String>,
    schemas: BTreeMap<String, String>,
    keepalives: usize,
}

impl Remote {
    pub fn new() -> Arc<Self> {
        let remote = Self::default();
        for schema in ["schema-a", "schema-b"] {
            let json = json!({"reads": schema}).to_string();
            remote.lock().schemas.insert(schema.into(), json);
        }
        Arc::new(remote)
    }

    /// Publishes under a replay id of its own; returns it.
    pub fn publish(&self, id: &str, event: &Json) -> Vec<u8> {
        let replay_id = format!("replay-{:03}", self.lock().published.len()).into_bytes();
        self.publish_at(id, event, replay_id)
    }

    pub fn publish_at(&self, id: &str, event: &Json, replay_id: Vec<u8>) -> Vec<u8> {
        self.lock().published.push(Received {
            id: id.into(),
            schema_id: event["schema"].as_str().unwrap_or_default().into(),
            replay_id: replay_id.clone(),
            payload: event.to_string().into_bytes(),
        });
        self.changed.notify_waiters();
        replay_id
    }

    pub fn published(&self) -> Vec<Received> {
        self.lock().published.clone()
    }

    pub fn refuse(&self, failure: Failure) {
        self.lock().refusals.push_back(failure);
    }

    pub fn break_after(&self, events: usize) {
        self.lock().breaks.push_back(events);
    }

    pub fn keepalive(&self) {
        self.lock().keepalives += 1;
        self.changed.notify_waiters();
    }

    pub fn starts(&self) -> Vec<Start> {
        self.lock().starts.clone()
    }

    pub fn schema_calls(&self) -> Vec<String> {
        self.lock().schema_calls.clone()
    }

    fn lock(&self) -> MutexGuard<'_, RemoteState> {
        self.state.lock().unwrap()
    }

    fn open(self: &Arc<Self>, start: &Start) -> Result<Box<dyn Stream>, Failure> {
        let mut state = self.lock();
        state.starts.push(start.clone());
        if let Some(failure) = state.refusals.pop_front() {
            return Err(failure);
        }
        let next = match start {
            Start::Earliest => 0,
            Start::Latest => state.published.len(),
            Start::After(id) => {
                let last = state.published.iter().rposition(|e| e.replay_id == *id);
                last.map_or(0, |at| at + 1)
            }
        };
        let left = state.breaks.pop_front();
        Ok(Box::new(Subscription {
            remote: Arc::clone(self),
            next,
            left,
        }))
    }
}

/// The remote as the feed holds it.
pub struct Api(pub Arc<Remote>);

impl Source for Api {
    fn identity(&self) -> Answer<'_, Identity> {
        let identity = Identity {
            org_id: "00DD0000000FJrtMAG".into(),
            user_id: OUR_USER.into(),
        };
        Box::pin(async { Ok(identity) })
    }

    fn connect<'a>(&'a self, channel: &'a str, start: &'a Start) -> Answer<'a, Box<dyn Stream>> {
        assert_eq!(channel, "/data/ChangeEvents");
        Box::pin(async move { self.0.open(start) })
    }

    fn schema<'a>(&'a self, id: &'a str) -> Answer<'a, String> {
        Box::pin(async move {
            let mut state = self.0.lock();
            state.schema_calls.push(id.into());
            let found = state.schemas.get(id).cloned();
            found.ok_or(Failure::Refused("schema.validation.failed".into()))
        })
    }
}

struct Subscription {
    remote: Arc<Remote>,
    next: usize,
    left: Option<usize>,
}

impl Stream for Subscription {
    fn next(&mut self) -> Answer<'_, Batch> {
        Box::pin(async move {
            loop {
                let remote = Arc::clone(&self.remote);
                let changed = remote.changed.notified();
                if let Some(batch) = self.look()? {
                    return Ok(batch);
                }
                changed.await;
            }
        })
    }
}

impl Subscription {
    fn look(&mut self) -> Result<Option<Batch>, Failure> {
        if self.left == Some(0) {
            return Err(Failure::Broken("test".into()));
        }
        let mut state = self.remote.lock();
        let many = self.left.unwrap_or(5).min(5);
        let events: Vec<Received> = state
            .published
            .iter()
            .skip(self.next)
            .take(many)
            .cloned()
            .collect();
        if events.is_empty() && state.keepalives == 0 {
            return Ok(None);
        }
        if events.is_empty() {
            state.keepalives -= 1;
        }
        self.next += events.len();
        self.left = self.left.map(|left| left - events.len());
        let latest_replay_id = format!("latest-{:03}", self.next).into_bytes();
        Ok(Some(Batch {
            events,
            latest_replay_id,
        }))
    }
}

/// A schema reads only what was written with it.
pub struct PlainDecoder;

struct PlainReader(String);

impl Decode for PlainDecoder {
    fn compile(&self, _: &str, json: &str) -> Result<Arc<dyn Read>, String> {
        let schema: Json = serde_json::from_str(json).map_err(|_| "no JSON".to_owned())?;
        let reads = schema["reads"].as_str().ok_or("no schema")?;
        Ok(Arc::new(PlainReader(reads.into())))
    }
}

impl Read for PlainReader {
    fn read(&self, payload: &[u8]) -> Result<Event, String> {
        let event: Json = serde_json::from_slice(payload).map_err(|_| "no JSON".to_owned())?;
        let text = |name: &str| event[name].as_str().unwrap_or_default().to_owned();
        if text("schema") != self.0 {
            return Err("written with another schema".into());
        }
        let list = |name: &str| -> Vec<String> {
            let entries = event[name].as_array().into_iter().flatten();
            entries
                .filter_map(|e| e.as_str().map(str::to_owned))
                .collect()
        };
        let target = |id: String| match id.strip_suffix('*') {
            Some(prefix) => Target::Wildcard(prefix.into()),
            None if id.is_empty() => Target::Overflow,
            None => Target::Record(id),
        };
        let fields = event["fields"].as_object().into_iter().flatten();
        Ok(Event {
            entity: text("entity"),
            targets: list("ids").into_iter().map(target).collect(),
            kind: match event["kind"].as_str().unwrap_or_default() {
                "create" => Kind::Create,
                "update" => Kind::Update,
                "delete" => Kind::Delete,
                "undelete" => Kind::Undelete,
                "gap" => Kind::Gap,
                _ => Kind::Unknown,
            },
            origin: text("origin"),
            user: text("user"),
            transaction: text("transaction"),
            sequence: 1,
            committed_ms: event["at"].as_i64().unwrap_or_default(),
            fields: fields
                .map(|(name, value)| {
                    (
                        name.as_str().into(),
                        Value::text(value.as_str().unwrap_or("")),
                    )
                })
                .collect(),
            unread: list("unread").into_iter().collect(),
            doubtful: event["doubtful"].as_bool().unwrap_or_default(),
        })
    }
}

/// The embedded log, with every commit that happened and what the next ones answer instead.
pub struct WatchedLog {
    inner: EmbeddedLog,
    commits: Mutex<Vec<Vec<Outgoing>>>,
    told: Mutex<VecDeque<Told>>,
}

/// How a commit is made to go wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// It does not happen.
    Fails,
    /// It happens, and its answer is lost for good: nothing works any more.
    CrashesAfter,
}

impl WatchedLog {
    pub fn open(path: &std::path::Path) -> Arc<Self> {
        let bridges = Partitions {
            bridges: 4,
            lanes: 1,
        };
        let options = LogOptions {
            partitions: Some(bridges),
            ..LogOptions::default()
        };
        Arc::new(Self {
            inner: EmbeddedLog::open(path, options).unwrap(),
            commits: Mutex::default(),
            told: Mutex::default(),
        })
    }

    pub fn tell(&self, told: Told, times: usize) {
        self.told
            .lock()
            .unwrap()
            .extend(std::iter::repeat_n(told, times));
    }

    pub fn commits(&self) -> Vec<Vec<Outgoing>> {
        self.commits.lock().unwrap().clone()
    }

    fn messages(&self) -> Vec<Message> {
        let entries = self.commits().into_iter().flatten();
        entries.filter_map(|entry| entry.message).collect()
    }

    pub fn observations(&self) -> Vec<Observation> {
        let seen = self
            .messages()
            .into_iter()
            .filter_map(|message| match message {
                Message::Observation(observation) => Some(*observation),
                _ => None,
            });
        seen.collect()
    }

    pub fn notifications(&self) -> Vec<Notification> {
        let notes = self
            .messages()
            .into_iter()
            .filter_map(|message| match message {
                Message::Notification(note) => Some(note),
                _ => None,
            });
        notes.collect()
    }

    /// Of the notifications of the bridge `main`.
    pub fn kinds(&self) -> Vec<String> {
        let notes = self.notifications().into_iter();
        notes
            .filter(|note| note.bridge.as_str() == "main")
            .map(|note| note.kind)
            .collect()
    }

    /// Reason and bytes.
    pub fn dead_letters(&self) -> Vec<(String, Vec<u8>)> {
        let letters = self
            .messages()
            .into_iter()
            .filter_map(|message| match message {
                Message::DeadLetter(letter) => Some((letter.reason, letter.bytes)),
                _ => None,
            });
        letters.collect()
    }

    /// Where it stands, once the commit that moved it is among the commits.
    pub fn cursor(&self) -> Option<Cursor> {
        let _commits = self.commits.lock().unwrap();
        match self
            .inner
            .latest(Topic::Cursors, "sales/cdc")
            .unwrap()?
            .body
        {
            crosswalk::ports::event_log::EntryBody::Message(Message::Cursor(cursor)) => {
                Some(cursor)
            }
            other => panic!("{other:?}"),
        }
    }
}

impl EventLog for WatchedLog {
    fn bounds(&self, at: TopicPartition) -> Result<Bounds, Error> {
        self.inner.bounds(at)
    }

    fn append(&self, _: Vec<Outgoing>) -> Result<(), Error> {
        unreachable!("a feed commits under its lease")
    }

    fn read(
        &self,
        from: &[ReadFrom],
        limit: ReadLimit,
        wait: Duration,
    ) -> Result<Vec<Entry>, Error> {
        self.inner.read(from, limit, wait)
    }

    fn decode(&self, topic: Topic, value: &[u8]) -> Result<EntryBody, Error> {
        self.inner.decode(topic, value)
    }

    fn latest(&self, topic: Topic, key: &str) -> Result<Option<Entry>, Error> {
        self.inner.latest(topic, key)
    }

    fn acquire(&self, group: Group, partition: u32) -> Result<Lease, Error> {
        assert_eq!(group, Group::Feeds);
        self.inner.acquire(group, partition)
    }

    fn commit(
        &self,
        lease: &Lease,
        outputs: Vec<Outgoing>,
        at: &[(TopicPartition, u64)],
    ) -> Commit {
        let reason = || "told by the test".to_owned();
        // A log that crashed stays so.
        let told = {
            let mut told = self.told.lock().unwrap();
            match told.front() {
                Some(Told::CrashesAfter) => Some(Told::CrashesAfter),
                _ => told.pop_front(),
            }
        };
        if told == Some(Told::Fails) {
            return Commit::Aborted {
                fenced: false,
                reason: reason(),
            };
        }
        if told == Some(Told::CrashesAfter) && self.told.lock().unwrap().len() == 1 {
            self.tell(Told::CrashesAfter, 1);
        } else if told == Some(Told::CrashesAfter) {
            return Commit::Unknown { reason: reason() };
        }
        let mut commits = self.commits.lock().unwrap();
        let done = self.inner.commit(lease, outputs.clone(), at);
        if matches!(done, Commit::Committed { .. }) {
            commits.push(outputs);
        }
        drop(commits);
        match told {
            Some(_) => Commit::Unknown { reason: reason() },
            None => done,
        }
    }
}

#[derive(Default)]
pub struct TestClock(AtomicI64);

impl TestClock {
    pub fn advance(&self, by: Duration) {
        self.0.fetch_add(by.as_millis() as i64, Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp(T0 + 60_000 + self.0.load(Ordering::SeqCst))
    }
}

pub struct World {
    pub directory: tempfile::TempDir,
    pub log: Arc<WatchedLog>,
    pub remote: Arc<Remote>,
    pub clock: Arc<TestClock>,
    pub health: Health,
    pub options: Options,
}

/// A feed that runs until it is stopped.
pub struct Running {
    stop: watch::Sender<bool>,
    task: tokio::task::JoinHandle<()>,
}

impl World {
    pub fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        Self {
            log: WatchedLog::open(&directory.path().join("log.db")),
            directory,
            remote: Remote::new(),
            clock: Arc::default(),
            health: Health::new(),
            options: Options {
                pause_first: Duration::from_millis(2),
                pause_max: Duration::from_millis(20),
                liveness: Duration::from_secs(20),
                ..Options::default()
            },
        }
    }

    pub fn run(&self) -> Running {
        let source = Arc::new(Api(Arc::clone(&self.remote)));
        self.run_with(source, Arc::new(PlainDecoder))
    }

    /// A feed over another source than the one in memory.
    pub fn run_with(&self, source: Arc<dyn Source>, decoder: Arc<dyn Decode>) -> Running {
        let destination = |bridge: &str, partition| Destination {
            bridge: BridgeId::new(bridge).unwrap(),
            partition,
        };
        let log: Arc<dyn EventLog> = self.log.clone();
        let feed = Feed::new(Parts {
            org: Org {
                source: SourceId::new("sales").unwrap(),
                client_token: "crosswalk-main".into(),
                bridges: vec![destination("main", 0), destination("second", 3)],
            },
            source,
            decoder,
            book: Book::new(log),
            clock: self.clock.clone(),
            health: self.health.register("feeds"),
            options: self.options.clone(),
        });
        let (stop, stopped) = watch::channel(false);
        let task = tokio::spawn(feed.run(stopped));
        Running { stop, task }
    }

    /// A feed that has begun: it has a cursor.
    pub async fn begun(&self) -> Running {
        let running = self.run();
        self.remote.keepalive();
        self.until(|log| log.cursor().is_some()).await;
        running
    }

    /// The same files after the process died.
    pub fn reopen(&mut self) {
        self.log = WatchedLog::open(&self.directory.path().join("log.db"));
    }

    pub async fn until(&self, met: impl Fn(&WatchedLog) -> bool) {
        self.wait(|| met(&self.log)).await;
    }

    pub async fn wait(&self, met: impl Fn() -> bool) {
        for _ in 0..2_000 {
            if met() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("did not happen; commits: {:?}", self.log.commits());
    }
}

impl Running {
    pub async fn stop(self) {
        self.stop.send_replace(true);
        self.task.await.unwrap();
    }

    pub fn kill(self) {
        self.task.abort();
    }
}

pub fn record_event(observation: &Observation) -> &RecordEvent {
    match &observation.body {
        ObservationBody::Changed {
            change: Change::Event(event),
            ..
        } => event,
        other => panic!("{other:?}"),
    }
}
