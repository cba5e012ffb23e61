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

    /// Answers the offset of an earlier attempt of the same command that has not started: the new
    /// one takes its turn and stands for both, since it reads before it writes.
    pub fn push(&mut self, job: Job) -> Option<u64> {
        let lane = job.command.lane.clone();
        let Some(waiting) = self.waiting.get_mut(&lane) else {
            self.waiting.insert(lane.clone(), VecDeque::from([job]));
            self.ready.push_back(lane);
            return None;
        };
        // One is enough to look for: attempts come in order, each in the place of the one before.
        let earlier = waiting.iter_mut().find(|earlier| {
            earlier.command.id == job.command.id && earlier.command.attempt < job.command.attempt
        });
        if let Some(earlier) = earlier {
            return Some(std::mem::replace(earlier, job).offset);
        }
        waiting.push_back(job);
        None
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{BridgeId, CommandId, CommandKind, ObservationId, ReadCommand, RecordRef};
    use crate::domain::{SourceId, Timestamp};

    fn job(offset: u64, lane: &str) -> Job {
        let bridge = BridgeId::new("main").unwrap();
        let source = SourceId::new("org").unwrap();
        let read = ReadCommand::Record {
            record: RecordRef::new(&source, "Lead", "1").unwrap(),
            fields: Vec::new(),
        };
        let command = Command {
            id: CommandId::requested_at(&bridge, offset),
            bridge,
            source,
            attempt: 1,
            requested_at: Timestamp(0),
            deadline: Timestamp(0),
            lane: lane.into(),
            cause: ObservationId::of_decision("test"),
            kind: CommandKind::Read(read),
        };
        Job { offset, command }
    }

    fn started(lanes: &mut Lanes) -> Vec<u64> {
        std::iter::from_fn(|| lanes.start().map(|job| job.offset)).collect()
    }

    #[test]
    fn a_later_attempt_takes_the_place_of_one_that_waits_and_of_none_that_runs() {
        let mut lanes = Lanes::new(2);
        let attempt = |offset, number, lane: &str| {
            let mut again = job(offset, lane);
            again.command.id = job(0, lane).command.id;
            again.command.attempt = number;
            again
        };
        assert_eq!(lanes.push(attempt(0, 1, "a")), None);
        assert_eq!(started(&mut lanes), [0]);
        assert_eq!(lanes.push(attempt(1, 2, "a")), None, "the first one runs");
        assert_eq!(lanes.push(job(2, "a")), None, "another command");
        assert_eq!(lanes.push(attempt(3, 3, "a")), Some(1));
        assert_eq!(lanes.push(attempt(4, 4, "a")), Some(3));
        assert_eq!(lanes.push(attempt(5, 4, "a")), None, "the same attempt");
        assert_eq!(lanes.push(attempt(6, 2, "a")), None, "an earlier attempt");
        assert_eq!(lanes.push(attempt(7, 9, "b")), None, "another lane");
        let mut order = started(&mut lanes);
        for _ in 0..4 {
            lanes.done("a");
            order.extend(started(&mut lanes));
        }
        assert_eq!(order, [7, 4, 2, 5, 6], "no attempt loses its turn");
    }

    #[test]
    fn a_lane_that_waits_for_room_starts_its_latest_attempt_once() {
        let mut lanes = Lanes::new(1);
        lanes.push(job(0, "a"));
        assert_eq!(started(&mut lanes), [0]);
        lanes.push(job(1, "b"));
        let mut again = job(2, "b");
        again.command = Command {
            attempt: 2,
            ..job(1, "b").command
        };
        assert_eq!(lanes.push(again), Some(1));
        lanes.done("a");
        assert_eq!(started(&mut lanes), [2]);
        lanes.done("b");
        assert!(lanes.waiting.is_empty() && lanes.ready.is_empty());
    }

    #[test]
    fn one_command_of_a_lane_runs_at_a_time_and_lanes_take_turns() {
        let mut lanes = Lanes::new(2);
        for (offset, lane) in [(0, "a"), (1, "a"), (2, "b"), (3, "c"), (4, "a")] {
            lanes.push(job(offset, lane));
        }
        assert_eq!(started(&mut lanes), [0, 2]);
        lanes.done("a");
        assert_eq!(started(&mut lanes), [3], "c was ready before a was again");
        lanes.done("b");
        assert_eq!(started(&mut lanes), [1]);
        lanes.push(job(5, "b"));
        lanes.done("a");
        lanes.done("c");
        assert_eq!(started(&mut lanes), [5, 4]);
        lanes.done("a");
        lanes.done("b");
        assert!(lanes.waiting.is_empty() && lanes.ready.is_empty());
    }
}
