//! The world: one queue of events in virtual time, and everything that can happen in it.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::runtime::Runtime;

use crate::clients::transport::{Failure, Request, Response};
use crate::domain::{Observation, Outcome, Topic};
use crate::sim::checker;
use crate::sim::crossing::Crossing;
use crate::sim::edges::{Feed, of_post};
use crate::sim::executions::{Execution, Mishap};
use crate::sim::faults::Faults;
use crate::sim::history::{By, Repeat};
use crate::sim::import::Import;
use crate::sim::operator::Operator;
use crate::sim::pipeline::{Fate, Pipeline};
use crate::sim::prng::Prng;
use crate::sim::remotes::Remotes;
use crate::sim::sinks::{Job, Sink};
use crate::sim::sweep::Sweep;
use crate::sim::wire::WorldClock;

/// 2026-01-05, a Monday.
const START_MS: i64 = 1_767_600_000_000;
pub(super) const MINUTE_MS: i64 = 60_000;
/// How long it may take to come to rest.
const QUIET_MAX_MS: i64 = 24 * 60 * MINUTE_MS;
const IDLE_POLL_MS: i64 = 5_000;
/// More than any story needs: something goes round in circles.
const REQUESTS_MAX: usize = 20_000;
/// Each so many seeds, people of Salesforce become contacts too.
const OUTWARD_EACH: u64 = 5;

/// What a run is told.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    pub seed: u64,
    /// What people do before the quiet.
    pub actions: usize,
    /// Whether anything goes wrong on the way.
    pub faults: bool,
    /// Whether the journal and the requests are written down.
    pub tells: bool,
}

/// What a run leaves behind.
#[derive(Debug)]
pub struct Story {
    pub failures: Vec<String>,
    /// Everything that stands in the journal, and every request, byte for byte the same each time;
    /// if it was asked for.
    pub transcript: Option<String>,
    pub edits: usize,
    pub writes: usize,
    /// Contacts that a row carries the key of, at the end.
    pub pairs: usize,
    pub requests: usize,
    pub journal: usize,
    pub faults: Faults,
    /// What the people, the operator and the import did.
    pub operations: usize,
    /// How long the story took in its own time.
    pub virtual_ms: i64,
    /// What the judge looked at.
    pub checked: usize,
}

pub(super) enum Event {
    Act,
    Poll,
    Observed(Topic, Box<Observation>),
    Start(Topic, Box<Job>),
    Arrive(u64, Box<Request>, Mishap),
    Answer(u64, Result<Response, Failure>),
    Result(u64, Box<Outcome>),
    SinkCrash(Topic),
    SinkUp(Topic),
}

pub struct World {
    pub now: i64,
    pub chance: Prng,
    pub remotes: Remotes,
    pub pipeline: Pipeline,
    pub repeats: Vec<Repeat>,
    pub(super) clock: Arc<WorldClock>,
    pub(super) runtime: Runtime,
    pub(super) queue: BTreeMap<(i64, u64), Event>,
    sequence: u64,
    feed: Feed,
    /// The feed keeps its order: nothing overtakes what was committed before.
    feed_at: i64,
    pub(super) sinks: BTreeMap<Topic, Sink>,
    pub(super) executions: BTreeMap<u64, Execution>,
    pub(super) started: u64,
    polls_at: Option<i64>,
    actions_left: usize,
    pub(super) faults: bool,
    /// Words drawn so far: each is said once.
    pub(super) words: usize,
    pub(super) tally: Faults,
    pub(super) operations: usize,
    /// Whether people that reps enter become contacts.
    pub outward: bool,
    pub(super) import: Import,
    pub(super) sweep: Sweep,
    pub(super) operator: Operator,
    pub(super) crossing: Crossing,
}

/// Runs one seed.
pub fn run(options: Options) -> Story {
    let mut world = World::new(options);
    world.arrange();
    world.later(0, Event::Act);
    world.poll_in(0);
    let mut verdict = checker::Verdict::default();
    match world.until_rest() {
        Ok(()) => verdict = checker::check(&world),
        Err(why) => verdict.expect(Some(why)),
    }
    if verdict.failures.is_empty() {
        world.afterwards(&mut verdict);
    }
    let transcript = options.tells.then(|| world.transcript());
    let ours = |edit: &&crate::sim::history::Edit| matches!(edit.by, By::Us { .. });
    Story {
        failures: verdict.failures,
        checked: verdict.checked,
        virtual_ms: world.now - START_MS,
        operations: world.operations,
        faults: world.tally.clone(),
        transcript,
        pairs: checker::linked(&world),
        requests: world.remotes.arrived,
        journal: world.pipeline.journal.len(),
        edits: world.remotes.edits.len(),
        writes: world.remotes.edits.iter().filter(ours).count(),
    }
}

impl World {
    fn new(options: Options) -> Self {
        let mut chance = Prng::new(options.seed);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .expect("a runtime can be built");
        let sinks = [Topic::SalesforceWrites, Topic::IntercomWrites];
        let copies = chance.permille(500);
        let outward = options.seed.is_multiple_of(OUTWARD_EACH);
        Self {
            now: START_MS,
            remotes: Remotes::new(
                START_MS,
                copies,
                options.seed.is_multiple_of(2),
                options.tells,
            ),
            chance,
            pipeline: Pipeline::new(START_MS, outward),
            outward,
            import: Import::of(options.seed),
            sweep: Sweep::of(options.seed, START_MS),
            operator: Operator::of(options.seed),
            crossing: Crossing::default(),
            repeats: Vec::new(),
            clock: Arc::default(),
            runtime,
            queue: BTreeMap::new(),
            sequence: 0,
            feed: Feed::default(),
            feed_at: START_MS,
            sinks: sinks
                .into_iter()
                .map(|topic| (topic, Sink::new()))
                .collect(),
            executions: BTreeMap::new(),
            started: 0,
            polls_at: None,
            actions_left: options.actions,
            faults: options.faults,
            words: 0,
            tally: Faults::default(),
            operations: 0,
        }
    }

    fn transcript(&self) -> String {
        let journal = self.pipeline.journal.iter();
        let mut transcript: String = journal.map(|entry| format!("{entry:?}\n")).collect();
        for request in self.remotes.requests.iter().flatten() {
            transcript.push_str(request);
            transcript.push('\n');
        }
        transcript.push_str(&self.pipeline.digest());
        transcript
    }

    pub(super) fn later(&mut self, after: i64, event: Event) {
        self.sequence += 1;
        self.queue.insert((self.now + after, self.sequence), event);
    }

    pub(super) fn tell(&mut self, after: i64, topic: Topic, told: Observation) {
        self.later(after, Event::Observed(topic, Box::new(told)));
    }

    fn poll_in(&mut self, after: i64) {
        let at = self.now + after;
        if self.polls_at.is_none_or(|planned| at < planned) {
            self.polls_at = Some(at);
            self.later(after, Event::Poll);
        }
    }

    /// Lets everything happen until nothing is outstanding.
    fn until_rest(&mut self) -> Result<(), String> {
        let mut quiet_since = None;
        while let Some((&key, _)) = self.queue.first_key_value() {
            let Some(event) = self.queue.remove(&key) else {
                break;
            };
            self.now = key.0;
            self.clock.0.store(self.now, Ordering::Relaxed);
            self.happens(event);
            if self.actions_left > 0 {
                continue;
            }
            self.faults = false;
            let since = *quiet_since.get_or_insert(self.now);
            if self.is_at_rest() {
                if !std::mem::take(&mut self.sweep.is_final_due) {
                    return Ok(());
                }
                self.sweeps();
            }
            let endless = self.remotes.arrived > REQUESTS_MAX;
            if endless || self.now - since > QUIET_MAX_MS {
                let (unrest, waiting) = (self.pipeline.unrest(), self.pipeline.waiting());
                let running = self.executions.len();
                return Err(format!(
                    "it does not come to rest: {unrest} outstanding or due, {waiting} not taken, \
                     {running} running"
                ));
            }
        }
        Ok(())
    }

    fn is_at_rest(&self) -> bool {
        let underway = |event: &Event| !matches!(event, Event::Poll);
        let idle = |(topic, sink): (&Topic, &Sink)| {
            sink.is_idle(self.pipeline.writes.get(topic).map_or(0, Vec::len) as u64)
        };
        self.executions.is_empty()
            && self.pipeline.waiting() == 0
            && self.sinks.iter().all(idle)
            && !self.queue.values().any(underway)
            && self.pipeline.unrest() == 0
    }

    fn happens(&mut self, event: Event) {
        match event {
            Event::Act => self.act(),
            Event::Poll => self.poll(),
            Event::Observed(topic, observation) => {
                self.pipeline.append(topic, *observation, self.now);
                let soon = self.chance.delay(50, 400, 100);
                self.poll_in(soon);
            }
            Event::Start(topic, job) => self.start(topic, *job),
            Event::Arrive(id, request, mishap) => self.arrive(id, &request, mishap),
            Event::Answer(id, answer) => {
                if let Some(execution) = self.executions.get_mut(&id) {
                    execution.run.answer(answer);
                    self.advance(id);
                }
            }
            Event::Result(id, outcome) => self.result(id, *outcome),
            Event::SinkCrash(topic) => self.crash(topic),
            Event::SinkUp(topic) => {
                if let Some(sink) = self.sinks.get_mut(&topic) {
                    sink.up = true;
                }
                self.feed_sinks();
            }
        }
    }

    fn act(&mut self) {
        if self.actions_left == 0 {
            return;
        }
        self.actions_left -= 1;
        self.operations += 1;
        self.somebody_acts();
        self.operator_speaks();
        self.import_goes_on();
        self.sweep_goes_on();
        let crosses = self.crosses_in();
        self.observe(None);
        let pause = match self.chance.below(100) {
            _ if crosses.is_some() => crosses.unwrap_or_default(),
            0..40 => self.chance.between(0, 900),
            40..75 => self.chance.between(900, 8_000),
            75..96 => self.chance.between(8_000, 2 * MINUTE_MS),
            _ => self.chance.between(30 * MINUTE_MS, 90 * MINUTE_MS),
        };
        if self.faults && self.chance.permille(30) {
            let topics = [Topic::SalesforceWrites, Topic::IntercomWrites];
            let topic = *self.chance.one_of(&topics);
            let after = self.chance.between(0, 3_000);
            self.later(after, Event::SinkCrash(topic));
        }
        if self.actions_left > 0 {
            self.later(pause, Event::Act);
        } else {
            self.import_is_finished();
        }
    }

    /// Takes what both systems have to tell. `echo`: it was a request of ours that made them.
    pub(super) fn observe(&mut self, echo: Option<Topic>) {
        for post in self.remotes.intercom.take_posts() {
            if self.faults && echo.is_some() && self.chance.permille(200) {
                self.tally.count("echo lost", true);
                continue;
            }
            let times = 1 + usize::from(self.faults && self.chance.permille(80));
            if times > 1 {
                self.tally.count("notification twice", true);
            }
            for _ in 0..times {
                let long = if self.faults { 60 } else { 0 };
                let after = self.chance.delay(1_500, 4 * MINUTE_MS, long);
                if after > 1_500 {
                    self.tally.count("notification late", true);
                }
                if let Some(observation) = of_post(&post, self.now + after) {
                    if echo.is_none() && self.is_lost(&observation) {
                        break;
                    }
                    let topic = Topic::IntercomObserved;
                    self.later(after, Event::Observed(topic, Box::new(observation)));
                }
            }
        }
        let told = self.feed.take(&mut self.remotes, self.now);
        if self.is_gap() {
            self.tally.count("feed has a gap", !told.is_empty());
            self.falls(&told);
            return;
        }
        for observation in told {
            let long = if self.faults { 40 } else { 0 };
            let delay = self.chance.delay(1_500, 4 * MINUTE_MS, long);
            self.feed_at = self.feed_at.max(self.now + delay);
            let after = self.feed_at - self.now;
            let topic = Topic::SalesforceObserved;
            if self.faults && self.chance.permille(50) {
                self.tally.count("change event twice", true);
                let again = Box::new(observation.clone());
                let later = after + self.chance.between(1, MINUTE_MS);
                self.later(later, Event::Observed(topic, again));
            }
            self.later(after, Event::Observed(topic, Box::new(observation)));
        }
    }

    fn poll(&mut self) {
        if self.polls_at != Some(self.now) {
            return;
        }
        self.polls_at = None;
        let most = 1 + self.chance.below(8);
        let fate = match self.faults {
            true if self.chance.permille(15) => Fate::DiesBefore,
            true if self.chance.permille(15) => Fate::DiesAfter,
            _ => Fate::Commits,
        };
        match fate {
            Fate::Commits => {}
            Fate::DiesBefore => self.tally.count(
                "processor dies before its commit",
                self.pipeline.waiting() > 0,
            ),
            Fate::DiesAfter => self.tally.count(
                "processor dies after its commit",
                self.pipeline.waiting() > 0,
            ),
        }
        let checkpoints = self.chance.permille(50);
        if self.pipeline.poll(most, fate, checkpoints, self.now) {
            self.feed_sinks();
        }
        let again = match self.pipeline.waiting() {
            0 => IDLE_POLL_MS,
            _ => self.chance.between(5, 200),
        };
        self.poll_in(again);
    }

    /// Invariants 4 and 6, once everything rests.
    fn afterwards(&mut self, verdict: &mut checker::Verdict) {
        verdict.holds(self.pipeline.rebuilds(), || {
            "6: a rebuild from the journal gives another view".to_owned()
        });
        let customers = self.pipeline.customers();
        let again = self.pipeline.taken.len().saturating_sub(50);
        let again: Vec<_> = self.pipeline.taken[again..].to_vec();
        for (topic, observation) in again {
            self.pipeline.append(topic, observation, self.now);
        }
        let before = self.pipeline.journal.len();
        while self.pipeline.waiting() > 0 {
            self.now += 1;
            self.pipeline.poll(100, Fate::Commits, false, self.now);
        }
        let quiet = ["batch_consumed", "time_advanced"];
        for entry in &self.pipeline.journal[before..] {
            let name = entry.event.name();
            verdict.holds(quiet.contains(&name), || {
                format!("4: fed again, it led to {name}")
            });
        }
        verdict.holds(self.pipeline.customers() == customers, || {
            "4: fed again, it changed the customers".to_owned()
        });
    }
}

impl fmt::Display for Story {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for failure in &self.failures {
            writeln!(f, "{failure}")?;
        }
        let (edits, writes, pairs) = (self.edits, self.writes, self.pairs);
        let (requests, journal) = (self.requests, self.journal);
        write!(
            f,
            "{edits} edits, {writes} of them ours, {pairs} pairs, {requests} requests, \
             {journal} events"
        )
    }
}
