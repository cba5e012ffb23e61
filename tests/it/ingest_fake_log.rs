//! An event log in memory that can be made to fail or to hang, for the tests of ingest.

use std::sync::{Condvar, Mutex};
use std::time::Duration;

use crosswalk::domain::{DeadLetter, Message, Observation, Topic};
use crosswalk::ports::event_log::{
    Bounds, Commit, Entry, EntryBody, Error, EventLog, Group, Lease, Outgoing, ReadFrom, ReadLimit,
    TopicPartition,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mood {
    Works,
    Fails,
    /// Waits inside `append` until the mood changes, then does what the new mood says.
    Hangs,
    /// Refuses batches that hold this many bytes or more as not encodable.
    RefusesFrom(usize),
}

#[derive(Default)]
pub struct FakeLog {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    mood: Mood,
    appended: Vec<Vec<Outgoing>>,
    /// Calls of `append` that have begun.
    begun: usize,
}

impl Default for State {
    fn default() -> Self {
        Self {
            mood: Mood::Works,
            appended: Vec::new(),
            begun: 0,
        }
    }
}

impl FakeLog {
    pub fn set(&self, mood: Mood) {
        self.state.lock().unwrap().mood = mood;
        self.changed.notify_all();
    }

    /// Waits until an append has begun.
    pub fn wait_for_append(&self, calls: usize) {
        let state = self.state.lock().unwrap();
        let wait = Duration::from_secs(5);
        let (state, timeout) = self
            .changed
            .wait_timeout_while(state, wait, |state| state.begun < calls)
            .unwrap();
        assert!(
            !timeout.timed_out(),
            "{} of {calls} appends began",
            state.begun
        );
    }

    pub fn appends(&self) -> Vec<Vec<Outgoing>> {
        self.state.lock().unwrap().appended.clone()
    }

    pub fn entries(&self) -> Vec<Outgoing> {
        self.appends().into_iter().flatten().collect()
    }

    pub fn observations(&self) -> Vec<Observation> {
        let observation = |entry: Outgoing| match entry.message {
            Some(Message::Observation(observation)) => Some(*observation),
            _ => None,
        };
        self.entries().into_iter().filter_map(observation).collect()
    }

    pub fn dead_letters(&self) -> Vec<DeadLetter> {
        let letter = |entry: Outgoing| match entry.message {
            Some(Message::DeadLetter(letter)) => Some(*letter),
            _ => None,
        };
        self.entries().into_iter().filter_map(letter).collect()
    }
}

impl EventLog for FakeLog {
    fn bounds(&self, _at: TopicPartition) -> Result<Bounds, Error> {
        unreachable!("ingest only appends")
    }

    fn append(&self, batch: Vec<Outgoing>) -> Result<(), Error> {
        let mut state = self.state.lock().unwrap();
        state.begun += 1;
        self.changed.notify_all();
        let mut state = self
            .changed
            .wait_while(state, |s| s.mood == Mood::Hangs)
            .unwrap();
        match state.mood {
            Mood::Fails => return Err(Error::Append("the disk is full".into())),
            Mood::RefusesFrom(bytes) if batch.iter().map(bytes_of).max() >= Some(bytes) => {
                return Err(Error::Encode {
                    topic: "observed".into(),
                    reason: "too long".into(),
                });
            }
            _ => {}
        }
        state.appended.push(batch);
        Ok(())
    }

    fn read(&self, _: &[ReadFrom], _: ReadLimit, _: Duration) -> Result<Vec<Entry>, Error> {
        unreachable!("ingest reads nothing")
    }

    fn decode(&self, _: Topic, _: &[u8]) -> Result<EntryBody, Error> {
        unreachable!("ingest reads nothing")
    }

    fn latest(&self, _: Topic, _: &str) -> Result<Option<Entry>, Error> {
        unreachable!("ingest reads nothing")
    }

    fn acquire(&self, _: Group, _: u32) -> Result<Lease, Error> {
        unreachable!("ingest owns nothing")
    }

    fn commit(&self, _: &Lease, _: Vec<Outgoing>, _: &[(TopicPartition, u64)]) -> Commit {
        unreachable!("ingest owns nothing")
    }
}

fn bytes_of(entry: &Outgoing) -> usize {
    match &entry.message {
        Some(Message::Observation(observation)) => match &observation.body {
            crosswalk::domain::ObservationBody::Changed { raw, .. } => raw.bytes.len(),
            _ => 0,
        },
        _ => 0,
    }
}
