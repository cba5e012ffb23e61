//! Which commands may start: one per lane, in the order in which they came, so many requests at
//! once for each bridge and source, and those together that may share a request.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ops::Bound;

use crate::domain::{BridgeId, Command, SourceId};
use crate::sink::executor::{Alone, Sharing};

/// Sources whose requests may all be held up before the others must do with one at a time.
const SOURCES_HELD_MAX: usize = 4;

/// A command and where it stood.
#[derive(Debug)]
pub struct Job {
    pub offset: u64,
    pub command: Command,
    /// None for what always goes alone.
    pub sharing: Option<Sharing>,
}

/// What one request is to carry.
#[derive(Debug)]
pub enum Start {
    One(Box<Job>, Alone),
    /// At least two first tries, each of another lane, that share a request.
    Many(Vec<Job>),
}

/// What has requests of its own: a pause of one leaves the others alone.
type Key = (BridgeId, SourceId);

/// Commands that wait, by bridge and source and by lane. Bounded by what the caller puts in.
#[derive(Debug)]
pub struct Lanes {
    /// Requests at once, for one bridge and source.
    each_max: usize,
    /// Requests at once, beside one for each that has none.
    all_max: usize,
    running: usize,
    queues: BTreeMap<Key, Queue>,
    /// Which started last; the ones behind it come first.
    last: Option<Key>,
}

/// The commands for one bridge and source.
#[derive(Debug, Default)]
struct Queue {
    running: usize,
    /// A lane is listed while one of its commands runs or waits.
    waiting: BTreeMap<String, VecDeque<Job>>,
    /// Lanes with a waiting command and none running, in the order in which they became so.
    ready: VecDeque<String>,
    /// Commands that left a shared request. Their lanes count as running.
    apart: VecDeque<(Job, Alone)>,
    /// Whether one of those started last: they and the ready lanes take turns.
    apart_was_last: bool,
}

// === impl Job ===

impl Job {
    fn key(&self) -> Key {
        (self.command.bridge.clone(), self.command.source.clone())
    }
}

// === impl Lanes ===

impl Lanes {
    pub fn new(each_max: usize) -> Self {
        let each_max = each_max.max(1);
        Self {
            each_max,
            all_max: each_max.saturating_mul(SOURCES_HELD_MAX),
            running: 0,
            queues: BTreeMap::new(),
            last: None,
        }
    }

    /// Answers the offset of an earlier attempt of the same command that has not started: the new
    /// one takes its turn and stands for both, since it reads before it writes.
    pub fn push(&mut self, job: Job) -> Option<u64> {
        self.queues.entry(job.key()).or_default().push(job)
    }

    /// The next request that may start; it is under way until `freed` is said of it, its commands'
    /// lanes until `done` is. `read_first` tells which commands may not share a request.
    pub fn start(&mut self, read_first: impl Fn(&Job) -> bool) -> Option<Start> {
        let key = self.next()?;
        let start = self.queues.get_mut(&key)?.start(read_first)?;
        self.running += 1;
        self.last = Some(key);
        Some(start)
    }

    /// A request has ended, whatever became of its commands; `job` is one of them.
    pub fn freed(&mut self, job: &Job) {
        self.running -= 1;
        self.change(job.key(), |queue| queue.running -= 1);
    }

    /// The command is settled: the next of its lane may start. `sure`: its answer holds for the
    /// later attempts of it that wait, too, whose offsets come back.
    pub fn done(&mut self, job: &Job, sure: bool) -> Vec<u64> {
        let mut answered = Vec::new();
        self.change(job.key(), |queue| answered = queue.done(job, sure));
        answered
    }

    /// The command was in a shared request and goes on by itself; its lane stays its own.
    pub fn apart(&mut self, job: Job, alone: Alone) {
        self.change(job.key(), |queue| queue.apart.push_back((job, alone)));
    }

    fn change(&mut self, key: Key, change: impl FnOnce(&mut Queue)) {
        let queue = self.queues.get_mut(&key).expect("its commands run");
        change(queue);
        if queue.running == 0 && queue.waiting.is_empty() {
            self.queues.remove(&key);
        }
    }

    /// Whose turn it is, among those that have room and something to start.
    fn next(&self) -> Option<Key> {
        let may_start = |(_, queue): &(&Key, &Queue)| queue.has_ready() && self.has_room(queue);
        let Some(last) = &self.last else {
            return self.queues.iter().find(may_start).map(key_of);
        };
        let behind = (Bound::Excluded(last), Bound::Unbounded);
        let mut turns = self.queues.range(behind).chain(self.queues.range(..=last));
        turns.find(may_start).map(key_of)
    }

    /// One request is admitted for each, so that many paused ones cannot keep another out.
    fn has_room(&self, queue: &Queue) -> bool {
        let shared = queue.running < self.each_max && self.running < self.all_max;
        queue.running == 0 || shared
    }
}

fn key_of((key, _): (&Key, &Queue)) -> Key {
    key.clone()
}

// === impl Queue ===

impl Queue {
    fn push(&mut self, job: Job) -> Option<u64> {
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

    fn has_ready(&self) -> bool {
        !self.ready.is_empty() || !self.apart.is_empty()
    }

    fn start(&mut self, read_first: impl Fn(&Job) -> bool) -> Option<Start> {
        let turn = self.ready.is_empty() || !self.apart_was_last;
        let apart = if turn { self.apart.pop_front() } else { None };
        let start = match apart {
            Some((job, alone)) => {
                self.apart_was_last = true;
                Start::One(Box::new(job), alone)
            }
            None => {
                self.apart_was_last = false;
                self.start_ready(read_first)?
            }
        };
        self.running += 1;
        Some(start)
    }

    /// The lane that is ready for longest, and what may share its request.
    fn start_ready(&mut self, read_first: impl Fn(&Job) -> bool) -> Option<Start> {
        let lane = self.ready.pop_front()?;
        let first = self.waiting.get_mut(&lane)?.pop_front()?;
        let Some(sharing) = first.sharing.clone().filter(|_| !read_first(&first)) else {
            return Some(Start::One(Box::new(first), Alone::default()));
        };
        let mut rows = BTreeSet::from([sharing.row]);
        let mut jobs = vec![first];
        let mut ready = VecDeque::new();
        for lane in std::mem::take(&mut self.ready) {
            let waiting = self.waiting.get_mut(&lane);
            let waiting = waiting.expect("a ready lane is listed");
            let joins = |job: &Job| {
                let other = job.sharing.as_ref().filter(|_| !read_first(job));
                rows.len() < sharing.rows_max
                    && other.is_some_and(|other| {
                        other.request == sharing.request && rows.insert(other.row.clone())
                    })
            };
            if waiting.front().is_some_and(joins) {
                jobs.extend(waiting.pop_front());
            } else {
                ready.push_back(lane);
            }
        }
        self.ready = ready;
        Some(match jobs.len() {
            1 => Start::One(Box::new(jobs.remove(0)), Alone::default()),
            _ => Start::Many(jobs),
        })
    }

    fn done(&mut self, job: &Job, sure: bool) -> Vec<u64> {
        let lane = &job.command.lane;
        let mut answered = Vec::new();
        if let Some(waiting) = self.waiting.get_mut(lane).filter(|_| sure) {
            let again = |other: &Job| other.command.id == job.command.id;
            let offsets = waiting.iter().filter(|other| again(other));
            answered.extend(offsets.map(|other| other.offset));
            waiting.retain(|other| !again(other));
        }
        if self.waiting.get(lane).is_some_and(VecDeque::is_empty) {
            self.waiting.remove(lane);
        } else {
            self.ready.push_back(lane.clone());
        }
        answered
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
            caused_at: Timestamp(0),
            kind: CommandKind::Read(read),
        };
        Job {
            offset,
            command,
            sharing: None,
        }
    }

    /// A job that may share the request of that name.
    fn sharing(offset: u64, request: &str, row: &str) -> Job {
        let sharing = Sharing {
            request: request.into(),
            row: row.into(),
            rows_max: 3,
        };
        Job {
            sharing: Some(sharing),
            ..job(offset, &offset.to_string())
        }
    }

    fn at(mut job: Job, source: &str) -> Job {
        job.command.source = SourceId::new(source).unwrap();
        job
    }

    /// The requests that start, each as its commands.
    fn requests(lanes: &mut Lanes) -> Vec<Vec<Job>> {
        let start = || {
            Some(match lanes.start(|_| false)? {
                Start::One(job, _) => vec![*job],
                Start::Many(jobs) => jobs,
            })
        };
        std::iter::from_fn(start).collect()
    }

    fn offsets(requests: &[Vec<Job>]) -> Vec<Vec<u64>> {
        let offsets = |jobs: &Vec<Job>| jobs.iter().map(|job| job.offset).collect();
        requests.iter().map(offsets).collect()
    }

    fn started(lanes: &mut Lanes) -> Vec<u64> {
        offsets(&requests(lanes)).concat()
    }

    /// One request, of a command in that lane, is over and its command settled.
    fn end(lanes: &mut Lanes, lane: &str) {
        let job = job(0, lane);
        lanes.freed(&job);
        lanes.done(&job, false);
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
            end(&mut lanes, "a");
            order.extend(started(&mut lanes));
        }
        assert_eq!(order, [7, 4, 2, 5, 6], "no attempt loses its turn");
    }

    #[test]
    fn an_answer_holds_for_the_later_attempts_that_wait() {
        for sure in [true, false] {
            let mut lanes = Lanes::new(4);
            lanes.push(job(0, "a"));
            assert_eq!(started(&mut lanes), [0]);
            let mut again = job(1, "a");
            again.command.id = job(0, "a").command.id;
            again.command.attempt = 2;
            lanes.push(again);
            lanes.push(job(2, "a"));
            lanes.freed(&job(0, "a"));
            let answered = lanes.done(&job(0, "a"), sure);
            assert_eq!(answered, if sure { vec![1] } else { vec![] });
            assert_eq!(started(&mut lanes), [if sure { 2 } else { 1 }]);
        }
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
        end(&mut lanes, "a");
        assert_eq!(started(&mut lanes), [2]);
        end(&mut lanes, "b");
        assert!(lanes.queues.is_empty() && lanes.running == 0);
    }

    #[test]
    fn one_command_of_a_lane_runs_at_a_time_and_lanes_take_turns() {
        let mut lanes = Lanes::new(2);
        for (offset, lane) in [(0, "a"), (1, "a"), (2, "b"), (3, "c"), (4, "a")] {
            lanes.push(job(offset, lane));
        }
        assert_eq!(started(&mut lanes), [0, 2]);
        end(&mut lanes, "a");
        assert_eq!(started(&mut lanes), [3], "c was ready before a was again");
        end(&mut lanes, "b");
        assert_eq!(started(&mut lanes), [1]);
        lanes.push(job(5, "b"));
        end(&mut lanes, "a");
        end(&mut lanes, "c");
        assert_eq!(started(&mut lanes), [5, 4]);
        end(&mut lanes, "a");
        end(&mut lanes, "b");
        assert!(lanes.queues.is_empty() && lanes.running == 0);
    }

    #[test]
    fn what_waits_shares_a_request_up_to_its_limit_with_no_record_twice() {
        let mut lanes = Lanes::new(8);
        for (offset, request, row) in [
            (0, "update Lead", "a"),
            (1, "update Lead", "b"),
            (2, "upsert Lead", "c"),
            (3, "update Lead", "a"),
            (4, "update Lead", "d"),
            (5, "update Lead", "e"),
            (6, "upsert Lead", "f"),
        ] {
            lanes.push(sharing(offset, request, row));
        }
        lanes.push(job(7, "a read"));
        let requests = offsets(&requests(&mut lanes));
        assert_eq!(requests, [vec![0, 1, 4], vec![2, 6], vec![3, 5], vec![7]]);
    }

    #[test]
    fn two_commands_of_a_lane_never_share_a_request() {
        let mut lanes = Lanes::new(8);
        for offset in 0..2 {
            let mut job = sharing(offset, "update", &offset.to_string());
            job.command.lane = "account".into();
            lanes.push(job);
        }
        assert_eq!(offsets(&requests(&mut lanes)), [[0]]);
        end(&mut lanes, "account");
        assert_eq!(offsets(&requests(&mut lanes)), [[1]]);
    }

    #[test]
    fn what_must_read_first_goes_alone() {
        let mut lanes = Lanes::new(8);
        for offset in 0..4 {
            lanes.push(sharing(offset, "update", &offset.to_string()));
        }
        let mut started = Vec::new();
        while let Some(start) = lanes.start(|job| job.offset % 2 == 0) {
            started.push(match start {
                Start::One(job, alone) => (vec![job.offset], alone.repeat),
                Start::Many(jobs) => (jobs.iter().map(|job| job.offset).collect(), false),
            });
        }
        let expected = [(vec![0], false), (vec![1, 3], false), (vec![2], false)];
        assert_eq!(started, expected);
    }

    #[test]
    fn a_command_that_left_its_request_keeps_its_lane_and_goes_alone() {
        let mut lanes = Lanes::new(1);
        for offset in 0..2 {
            lanes.push(sharing(offset, "update", &offset.to_string()));
        }
        let mut many = requests(&mut lanes).remove(0);
        let mut next = sharing(2, "update", "1");
        next.command.lane = "1".into();
        lanes.push(next);
        lanes.push(sharing(3, "update", "3"));
        lanes.freed(&many[0]);
        let (stays, done) = (many.remove(1), many.remove(0));
        lanes.done(&done, true);
        let repeat = true;
        lanes.apart(
            stays,
            Alone {
                repeat,
                ..Alone::default()
            },
        );
        let Some(Start::One(alone, how)) = lanes.start(|_| false) else {
            panic!("it goes on by itself");
        };
        assert_eq!((alone.offset, how.repeat), (1, true));
        lanes.freed(&alone);
        assert_eq!(offsets(&requests(&mut lanes)), [[3]], "the lane is taken");
        end(&mut lanes, "3");
        lanes.done(&alone, true);
        assert_eq!(offsets(&requests(&mut lanes)), [[2]]);
        end(&mut lanes, "1");
        assert!(lanes.queues.is_empty() && lanes.running == 0);
    }

    #[test]
    fn sources_have_requests_of_their_own_and_no_number_of_others_takes_the_last() {
        let mut lanes = Lanes::new(2);
        let mut offset = 0;
        for source in ["a", "b", "c", "d", "e", "f"] {
            for _ in 0..3 {
                lanes.push(at(job(offset, &offset.to_string()), source));
                offset += 1;
            }
            assert_eq!(requests(&mut lanes).len(), if offset <= 12 { 2 } else { 1 });
        }
        assert_eq!(lanes.running, 10, "four times two, and one for each other");
        lanes.freed(&at(job(0, "0"), "a"));
        lanes.done(&at(job(0, "0"), "a"), true);
        assert_eq!(requests(&mut lanes).len(), 0, "all together are too many");
    }
}
