//! Which command may start: one per lane, in the order in which they came, so many at once.

use std::collections::{BTreeMap, VecDeque};

use crate::domain::Command;

/// A command and where it stood.
#[derive(Debug)]
pub struct Job {
    pub offset: u64,
    pub command: Command,
}

/// Commands that wait, by lane. Bounded by what the caller puts in.
#[derive(Debug)]
pub struct Lanes {
    running_max: usize,
    running: usize,
    /// A lane is listed while one of its commands runs or waits.
    waiting: BTreeMap<String, VecDeque<Job>>,
    /// Lanes with a waiting command and none running, in the order in which they became so.
    ready: VecDeque<String>,
}

impl Lanes {
    pub fn new(running_max: usize) -> Self {
        Self {
            running_max: running_max.max(1),
            running: 0,
            waiting: BTreeMap::new(),
            ready: VecDeque::new(),
        }
    }

    pub fn push(&mut self, job: Job) {
        let lane = job.command.lane.clone();
        match self.waiting.get_mut(&lane) {
            Some(waiting) => waiting.push_back(job),
            None => {
                self.waiting.insert(lane.clone(), VecDeque::from([job]));
                self.ready.push_back(lane);
            }
        }
    }

    /// The next command that may start; it runs until `done` is said of its lane.
    pub fn start(&mut self) -> Option<Job> {
        if self.running >= self.running_max {
            return None;
        }
        let lane = self.ready.pop_front()?;
        let job = self.waiting.get_mut(&lane)?.pop_front()?;
        self.running += 1;
        Some(job)
    }

    pub fn done(&mut self, lane: &str) {
        self.running -= 1;
        if self.waiting.get(lane).is_some_and(VecDeque::is_empty) {
            self.waiting.remove(lane);
        } else {
            self.ready.push_back(lane.to_string());
        }
    }
}
