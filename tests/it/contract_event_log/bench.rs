//! What an adapter brings to its contract tests, and the messages they send.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use crosswalk::domain::journal::{DomainEvent, JournalEntry, JournalKey};
use crosswalk::domain::{BridgeId, Change, Cursor, Message, Observation, ObservationBody};
use crosswalk::domain::{Command, CommandId, CommandKind, ReadCommand, RecordRef};
use crosswalk::domain::{ObservationId, RawPayload, SourceId, Timestamp, Topic};
use crosswalk::log::topics::Partitions;
use crosswalk::log::{Fault, Faults, Point};
use crosswalk::ports::event_log::{
    Entry, EntryBody, EventLog, Outgoing, Place, ReadFrom, ReadLimit, TopicPartition,
};

/// An adapter under test. Opening twice gives two handles of one log, as two processes have.
/// The log has two partitions of every topic except the cursors, which have one.
pub trait Bench: Sync {
    fn open(&self) -> Box<dyn EventLog>;

    /// Makes the next transaction on a handle opened by this bench go wrong.
    fn fail_next(&self, how: Mishap);

    /// Puts bytes that are no message of ours at the end of a partition.
    fn plant(&self, at: TopicPartition, bytes: &[u8]);
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mishap {
    /// Nothing happens and the caller is told so.
    Abort,
    /// It happens, but the answer is lost.
    LoseAnswer,
    /// The handle dies before it could happen; it answers nothing any more.
    CrashBefore,
    /// The handle dies after it happened; it answers nothing any more.
    CrashAfter,
}

/// The mishap that the next transaction of a bench meets.
#[derive(Default)]
pub struct Next(Mutex<Option<Mishap>>);

impl Next {
    pub fn set(&self, how: Mishap) {
        *self.0.lock().unwrap() = Some(how);
    }
}

impl Faults for Next {
    fn at(&self, point: Point) -> Fault {
        let mut next = self.0.lock().unwrap();
        let fault = match (*next, point) {
            (Some(Mishap::Abort), Point::BeforeCommit) => Fault::Fail,
            (Some(Mishap::CrashBefore), Point::BeforeCommit) => Fault::Crash,
            (Some(Mishap::LoseAnswer), Point::AfterCommit) => Fault::Fail,
            (Some(Mishap::CrashAfter), Point::AfterCommit) => Fault::Crash,
            _ => return Fault::None,
        };
        *next = None;
        fault
    }
}

/// Two partitions of every topic that has more than one.
pub const TWO: Partitions = Partitions {
    bridges: 2,
    lanes: 2,
};

/// Long enough for a log whose entries become visible late.
pub const PATIENCE: Duration = Duration::from_secs(10);
/// Long enough to believe that nothing comes any more.
pub const QUIET: Duration = Duration::from_millis(80);

pub const LIMIT: ReadLimit = ReadLimit {
    entries_max: 10_000,
    bytes_max: 64 << 20,
};

pub const OBSERVED: TopicPartition = at(Topic::IntercomObserved, 0);
pub const JOURNAL: TopicPartition = at(Topic::Journal, 0);

pub const fn at(topic: Topic, partition: u32) -> TopicPartition {
    TopicPartition { topic, partition }
}

pub fn bridge() -> BridgeId {
    BridgeId::new("main").unwrap()
}

/// An observation that carries a number.
pub fn observed(number: u64) -> Outgoing {
    observed_in(0, number, 0)
}

pub fn observed_in(partition: u32, number: u64, padding: usize) -> Outgoing {
    let mut bytes = number.to_string().into_bytes();
    bytes.resize(bytes.len() + padding, b' ');
    let observation = Observation {
        id: ObservationId::of_notification("app", &number.to_string()),
        bridge: bridge(),
        received_at: Timestamp(number as i64),
        traceparent: None,
        body: ObservationBody::Changed {
            source: SourceId::new("support").unwrap(),
            topic: "contact.created".to_owned(),
            change: Change::Kept,
            raw: RawPayload {
                content_type: "application/json".to_owned(),
                bytes,
            },
        },
    };
    Outgoing {
        topic: Topic::IntercomObserved,
        place: Place::Partition(partition),
        key: "main".into(),
        message: Some(Message::Observation(Box::new(observation))),
    }
}

/// A journal line that carries a number.
pub fn journaled(number: u64) -> Outgoing {
    let entry = JournalEntry {
        key: JournalKey::Bridge(bridge()),
        sequence: number,
        at: Timestamp(0),
        cause: None,
        event: DomainEvent::TimeAdvanced { to: Timestamp(0) },
    };
    Outgoing {
        topic: Topic::Journal,
        place: Place::Partition(0),
        key: "main".into(),
        message: Some(Message::Journal(Box::new(entry))),
    }
}

/// A read command with a number.
pub fn command(number: u64) -> Outgoing {
    let source = SourceId::new("sales").unwrap();
    let record = RecordRef::new(&source, "Lead", format!("00Q{number}")).unwrap();
    let command = Command {
        id: CommandId::requested_at(&bridge(), number),
        bridge: bridge(),
        source,
        attempt: 1,
        requested_at: Timestamp(0),
        deadline: Timestamp(1),
        lane: record.to_string(),
        cause: ObservationId::of_decision("one"),
        caused_at: Timestamp(0),
        kind: CommandKind::Read(ReadCommand::Record {
            record,
            fields: Vec::new(),
        }),
    };
    Outgoing {
        topic: Topic::SalesforceWrites,
        place: Place::Partition(0),
        key: "lane".into(),
        message: Some(Message::Command(Box::new(command))),
    }
}

/// A cursor under a key; a tombstone without a number.
pub fn cursor(key: &str, number: Option<u64>) -> Outgoing {
    let message = number.map(|number| {
        Message::Cursor(Cursor {
            source: SourceId::new("support").unwrap(),
            name: "contacts".to_owned(),
            position: number.to_be_bytes().to_vec(),
            at: Timestamp(0),
        })
    });
    Outgoing {
        topic: Topic::Cursors,
        place: Place::ByKey,
        key: key.into(),
        message,
    }
}

/// The number that a message of this file carries.
pub fn number(entry: &Entry) -> u64 {
    match &entry.body {
        EntryBody::Message(Message::Observation(observation)) => observation.received_at.0 as u64,
        EntryBody::Message(Message::Journal(entry)) => entry.sequence,
        EntryBody::Message(Message::Cursor(cursor)) => {
            u64::from_be_bytes(cursor.position.as_slice().try_into().unwrap())
        }
        other => panic!("no message of this test: {other:?}"),
    }
}

pub fn from(at: TopicPartition, offset: u64) -> ReadFrom {
    ReadFrom { at, offset }
}

/// Tries until it holds; a log may show late what it took.
pub fn poll_until(mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "it never came to hold");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Reads on from an offset until as many entries have come.
pub fn read_from(log: &dyn EventLog, start: ReadFrom, count: usize) -> Vec<Entry> {
    let deadline = Instant::now() + PATIENCE;
    let mut entries: Vec<Entry> = Vec::new();
    while entries.len() < count {
        assert!(
            Instant::now() < deadline,
            "{} of {count} came",
            entries.len()
        );
        let next = entries.last().map_or(start.offset, |last| last.offset + 1);
        entries.extend(log.read(&[from(start.at, next)], LIMIT, QUIET).unwrap());
    }
    entries
}

/// Reads a whole partition, which is to hold as many entries and no more.
pub fn read_exactly(log: &dyn EventLog, at: TopicPartition, count: usize) -> Vec<Entry> {
    let entries = read_from(log, from(at, 0), count);
    let next = entries.last().map_or(0, |last| last.offset + 1);
    let more = log.read(&[from(at, next)], LIMIT, QUIET).unwrap();
    assert_eq!((entries.len(), more.len()), (count, 0), "entries of {at:?}");
    entries
}

/// The numbers a partition holds, which are to be as many and no more.
pub fn numbers(log: &dyn EventLog, at: TopicPartition, count: usize) -> Vec<u64> {
    read_exactly(log, at, count).iter().map(number).collect()
}

/// The offset after the last of some entries.
pub fn after(entries: &[Entry]) -> u64 {
    entries.last().map_or(0, |last| last.offset + 1)
}
