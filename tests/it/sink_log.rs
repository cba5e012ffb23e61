//! The event log port in memory, for the sink's tests: keeps what was committed, fences by epoch,
//! and answers a commit as told.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Condvar, Mutex, MutexGuard};
use std::time::Duration;

use crosswalk::domain::{Command, CommandResult, Message, ObservationBody, Timestamp, Topic};
use crosswalk::ports::event_log::{
    Bounds, Commit, Entry, EntryBody, Error, EventLog, Group, Lease, Outgoing, Place, ReadFrom,
    ReadLimit, TopicPartition,
};

#[derive(Default)]
pub struct MemoryLog {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    entries: Vec<Entry>,
    epochs: BTreeMap<u32, u64>,
    positions: BTreeMap<Topic, u64>,
    /// Outputs and position of each commit that happened.
    commits: Vec<(Vec<Outgoing>, u64)>,
    /// Every call, whatever its answer.
    calls: Vec<(Vec<Outgoing>, u64)>,
    /// What the next commits answer instead.
    told: VecDeque<Commit>,
}

impl MemoryLog {
    pub fn write(&self, command: &Command) {
        self.put(EntryBody::Message(Message::Command(Box::new(
            command.clone(),
        ))));
    }

    pub fn put(&self, body: EntryBody) {
        let mut state = self.lock();
        let offset = state.entries.len() as u64;
        let at = TopicPartition {
            topic: Topic::SalesforceWrites,
            partition: 0,
        };
        let key = String::new();
        state.entries.push(Entry {
            at,
            offset,
            appended_at: Timestamp(0),
            key,
            body,
        });
        self.changed.notify_all();
    }

    /// The next commit of results answers this instead of happening.
    pub fn answer_next(&self, commit: Commit) {
        self.lock().told.push_back(commit);
    }

    /// Another owner appears.
    pub fn fence(&self) {
        *self.lock().epochs.entry(0).or_default() += 1;
    }

    pub fn epoch(&self) -> u64 {
        self.lock().epochs.get(&0).copied().unwrap_or(0)
    }

    pub fn position(&self) -> u64 {
        let state = self.lock();
        state
            .positions
            .get(&Topic::SalesforceWrites)
            .copied()
            .unwrap_or(0)
    }

    pub fn commits(&self) -> Vec<(Vec<Outgoing>, u64)> {
        self.lock().commits.clone()
    }

    pub fn calls(&self) -> Vec<(Vec<Outgoing>, u64)> {
        self.lock().calls.clone()
    }

    pub fn outputs(&self) -> Vec<Outgoing> {
        let commits = self.commits();
        commits
            .into_iter()
            .flat_map(|(outputs, _)| outputs)
            .collect()
    }

    pub fn results(&self) -> Vec<CommandResult> {
        let outputs = self.outputs();
        outputs.iter().filter_map(result).collect()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}

/// The result that an entry carries, with its place checked.
pub fn result(output: &Outgoing) -> Option<CommandResult> {
    let Some(Message::Observation(observation)) = &output.message else {
        return None;
    };
    let ObservationBody::Answered(result) = &observation.body else {
        return None;
    };
    assert_eq!(output.topic, Topic::Results);
    assert_eq!(output.place, Place::Partition(3));
    assert_eq!(&*output.key, "main");
    Some(result.clone())
}

impl EventLog for MemoryLog {
    fn bounds(&self, _at: TopicPartition) -> Result<Bounds, Error> {
        unreachable!("a sink reads on from its position")
    }

    fn append(&self, _batch: Vec<Outgoing>) -> Result<(), Error> {
        Err(Error::Append("the sink appends by commits only".into()))
    }

    fn read(
        &self,
        from: &[ReadFrom],
        limit: ReadLimit,
        wait: Duration,
    ) -> Result<Vec<Entry>, Error> {
        let offset = from[0].offset as usize;
        let state = self.lock();
        let empty = |state: &mut State| state.entries.len() <= offset;
        let (state, _) = self.changed.wait_timeout_while(state, wait, empty).unwrap();
        let batch = state.entries.iter().skip(offset).take(limit.entries_max);
        Ok(batch.cloned().collect())
    }

    fn decode(&self, _: Topic, _: &[u8]) -> Result<EntryBody, Error> {
        unreachable!("a sink decodes nothing itself")
    }

    fn latest(&self, topic: Topic, key: &str) -> Result<Option<Entry>, Error> {
        let outputs = self.outputs();
        let mut newest = outputs.into_iter().rev();
        let newest = newest.find(|one| one.topic == topic && *one.key == *key);
        Ok(newest.and_then(|one| {
            Some(Entry {
                at: TopicPartition {
                    topic,
                    partition: 0,
                },
                offset: 0,
                appended_at: Timestamp(0),
                key: one.key.to_string(),
                body: EntryBody::Message(one.message?),
            })
        }))
    }

    fn acquire(&self, group: Group, partition: u32) -> Result<Lease, Error> {
        assert_eq!(group, Group::SalesforceSink);
        let mut state = self.lock();
        let epoch = state.epochs.entry(partition).or_default();
        *epoch += 1;
        let epoch = *epoch;
        let end = state.entries.len() as u64;
        Ok(Lease {
            group,
            partition,
            epoch,
            positions: state.positions.clone(),
            ends: BTreeMap::from([(Topic::SalesforceWrites, end)]),
            taken_back: None,
        })
    }

    fn commit(
        &self,
        lease: &Lease,
        outputs: Vec<Outgoing>,
        positions: &[(TopicPartition, u64)],
    ) -> Commit {
        let mut state = self.lock();
        let position = positions[0].1;
        state.calls.push((outputs.clone(), position));
        if !outputs.is_empty()
            && let Some(told) = state.told.pop_front()
        {
            return told;
        }
        if state.epochs.get(&lease.partition) != Some(&lease.epoch) {
            let reason = "another owner".into();
            return Commit::Aborted {
                fenced: true,
                reason,
            };
        }
        state.positions.insert(positions[0].0.topic, position);
        state.commits.push((outputs, position));
        Commit::Committed {
            ends: Default::default(),
        }
    }
}
