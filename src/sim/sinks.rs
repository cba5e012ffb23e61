//! Both sinks: lanes in order, results with positions, and what a successor repeats.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::domain::Command;

/// A command where it stands in its topic.
#[derive(Debug, Clone)]
pub struct Job {
    pub offset: u64,
    pub command: Command,
    pub repeat: bool,
    /// Which owner of the lease has it.
    epoch: u64,
}

/// One sink: what it has read, and what it is at.
#[derive(Debug, Default)]
pub struct Sink {
    /// Everything below is settled and committed.
    pub committed: u64,
    /// Settled above it.
    settled: BTreeSet<u64>,
    read: u64,
    /// Where the topic ended when the lease was taken.
    end: u64,
    lanes: BTreeMap<String, VecDeque<Job>>,
    busy: BTreeSet<String>,
    epoch: u64,
    /// False between a crash and the successor's first write.
    pub up: bool,
}

impl Sink {
    pub fn new() -> Self {
        Self {
            up: true,
            ..Self::default()
        }
    }

    /// Reads what is new in its topic.
    pub fn read(&mut self, topic: &[Command]) {
        for command in &topic[self.read as usize..] {
            let offset = self.read;
            self.read += 1;
            if self.settled.contains(&offset) {
                continue;
            }
            let job = Job {
                offset,
                command: command.clone(),
                repeat: offset < self.end || command.attempt > 1,
                epoch: self.epoch,
            };
            let lane = self.lanes.entry(command.lane.clone()).or_default();
            lane.push_back(job);
        }
    }

    /// The commands that may start: the first of each lane that is not busy.
    pub fn start(&mut self) -> Vec<Job> {
        let mut jobs = Vec::new();
        if !self.up {
            return jobs;
        }
        for (lane, waiting) in &mut self.lanes {
            if !self.busy.contains(lane)
                && let Some(job) = waiting.pop_front()
            {
                self.busy.insert(lane.clone());
                jobs.push(job);
            }
        }
        self.lanes.retain(|_, waiting| !waiting.is_empty());
        jobs
    }

    /// Whether a command that was handed out is still this owner's to execute.
    pub fn holds(&self, job: &Job) -> bool {
        self.up && job.epoch == self.epoch
    }

    /// A command is settled, and its result stands in one commit with this. `sure`: nobody needs
    /// another attempt that waits behind it.
    pub fn settle(&mut self, job: &Job, sure: bool) {
        self.busy.remove(&job.command.lane);
        self.settled.insert(job.offset);
        if let Some(waiting) = self.lanes.get_mut(&job.command.lane).filter(|_| sure) {
            let again = |other: &Job| other.command.id == job.command.id;
            let offsets = waiting.iter().filter(|other| again(other));
            self.settled.extend(offsets.map(|other| other.offset));
            waiting.retain(|other| !again(other));
        }
        while self.settled.remove(&self.committed) {
            self.committed += 1;
        }
    }

    /// It dies. Its successor reads from the last commit on and repeats what no commit told of.
    pub fn crash(&mut self, end: u64) {
        self.read = self.committed;
        self.end = end;
        self.lanes.clear();
        self.busy.clear();
        self.epoch += 1;
        self.up = false;
    }

    pub fn is_idle(&self, end: u64) -> bool {
        self.up && self.committed >= end
    }
}
