//! Storms: seeded chance drives a naive Intercom and a naive Salesforce against the processor, and
//! naive checks look at every step and at the quiet afterwards.
//!
//! `STORM_COUNT=2000` runs more seeds; `STORM_SEED=17 STORM_COUNT=1` replays one and tells it.

pub mod prng;
mod intercom;
mod salesforce;
mod sink;
mod history;
mod structure;
mod quiet;

use std::any::Any;
use std::collections::{BTreeMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::domain::{Command, Observation, Topic};
use crate::ports::view_store::MemoryStore;
use crate::processor::decide::Brakes;
use crate::processor::evolve::evolve;
use crate::processor::overlay::Overlay;
use crate::processor::tests::world::{DEADLINE_MS, World};
use crate::processor::view::View;
use history::History;
use intercom::{Intercom, Told};
use prng::Prng;
use salesforce::Salesforce;

const OPERATIONS: usize = 60;
const COUNT: u64 = 200;
/// Rounds in which a storm must have calmed down.
const CALM_ROUNDS_MAX: usize = 300;
/// Failures told of one by one.
const TOLD_MAX: usize = 1_000;

/// A notification on its way.
struct Underway {
    about: String,
    in_order: bool,
    observation: Observation,
}

pub struct Storm {
    pub world: World,
    pub chance: Prng,
    pub intercom: Intercom,
    pub salesforce: Salesforce,
    pub history: History,
    notifications: Vec<Underway>,
    delivered: Vec<Observation>,
    lanes: BTreeMap<String, VecDeque<Command>>,
    results: Vec<(String, Observation)>,
    answered: Vec<Observation>,
    follower: View,
    followed: usize,
    tells: bool,
}

#[test]
fn no_storm_leaves_a_wrong_or_unfinished_record_behind() {
    let setting = |name: &str| std::env::var(name).ok()?.parse::<u64>().ok();
    let first = setting("STORM_SEED").unwrap_or(1);
    let count = setting("STORM_COUNT").unwrap_or(COUNT);
    let mut failed = Vec::new();
    for seed in first..first + count {
        let storm = AssertUnwindSafe(|| Storm::new(seed, count == 1).run());
        if let Err(panic) = catch_unwind(storm) {
            failed.push((seed, said(&*panic)));
        }
    }
    for (seed, why) in failed.iter().take(TOLD_MAX) {
        eprintln!("STORM_SEED={seed} STORM_COUNT=1 cargo test --lib storms # {why}");
    }
    assert!(
        failed.is_empty(),
        "{} of {count} storms failed",
        failed.len()
    );
}

/// What a failed check said.
fn said(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
    text.unwrap_or_default()
}

impl Storm {
    fn new(seed: u64, tells: bool) -> Self {
        let mut chance = Prng::new(seed);
        let mut world = World::new();
        world.rebuild_is_checked = false;
        // What it does within seconds takes people days.
        world.settings.brakes = Brakes::OFF;
        Self {
            salesforce: Salesforce::seeded(&mut chance),
            world,
            chance,
            intercom: Intercom::default(),
            history: History::default(),
            notifications: Vec::new(),
            delivered: Vec::new(),
            lanes: BTreeMap::new(),
            results: Vec::new(),
            answered: Vec::new(),
            follower: View::open(Box::new(MemoryStore::default())).unwrap(),
            followed: 0,
            tells,
        }
    }

    fn run(mut self) {
        for _ in 0..OPERATIONS {
            match self.chance.below(100) {
                0..35 => self.act(),
                35..60 => self.deliver(),
                60..75 => self.execute(),
                75..88 => self.answer(),
                88..92 => self.repeat(),
                92..95 => self.salesforce.edit(&mut self.chance, self.world.now),
                _ => self.pass(),
            }
        }
        self.calm();
        let rebuilt = self.world.rebuilt();
        assert_eq!(rebuilt.digest(), self.world.view.digest(), "rebuild");
        quiet::check(&self);
    }

    fn act(&mut self) {
        // Some changes share a millisecond, most share a second with another.
        if self.chance.percent(70) {
            self.world.now += self.chance.one_of(&[1, 300, 2000]);
        }
        for told in self.intercom.act(&mut self.chance, self.world.now) {
            let Told {
                change,
                about,
                in_order,
            } = told;
            let observation = self.world.changed(change);
            self.notifications.push(Underway {
                about,
                in_order,
                observation,
            });
        }
    }

    /// Brings notifications in any order; one or two in a batch.
    fn deliver(&mut self) {
        let mut batch = Vec::new();
        for _ in 0..=self.chance.below(2) {
            if self.notifications.is_empty() {
                break;
            }
            let mut place = self.chance.below(self.notifications.len());
            let about = self.notifications[place].about.clone();
            if self.notifications[place].in_order {
                let of_it = |one: &Underway| one.about == about;
                place = self.notifications.iter().position(of_it).unwrap();
            }
            let underway = self.notifications.remove(place);
            self.delivered.push(underway.observation.clone());
            batch.push((Topic::IntercomObserved, underway.observation));
        }
        self.step(batch);
    }

    /// Something that was delivered comes again.
    fn repeat(&mut self) {
        let (topic, from) = if self.chance.percent(50) {
            (Topic::IntercomObserved, &self.delivered)
        } else {
            (Topic::Results, &self.answered)
        };
        if from.is_empty() {
            return;
        }
        let again = from[self.chance.below(from.len())].clone();
        self.step(vec![(topic, again)]);
        assert!(
            self.world
                .events()
                .iter()
                .all(|name| *name == "time_advanced"
                    || self.world.last.unchanged.get("duplicate") == Some(&1))
        );
    }

    fn pass(&mut self) {
        let most = [1_000, DEADLINE_MS, 3 * DEADLINE_MS, 20 * DEADLINE_MS];
        self.world.now += self.chance.one_of(&most);
        self.step(Vec::new());
    }

    /// No more is injected, everything is delivered and answered honestly, deadlines pass.
    fn calm(&mut self) {
        self.tell(|| "calm".into());
        for _ in 0..CALM_ROUNDS_MAX {
            while !self.notifications.is_empty() {
                self.deliver();
            }
            while let Some((lane, command)) = self.next_command() {
                let outcome = self.carry_out(&command, self.world.now);
                self.tell(|| format!("executed {command:?} -> {outcome:?}"));
                self.result(lane, &command, outcome);
            }
            while !self.results.is_empty() {
                self.answer();
            }
            if !self.lanes.values().any(|lane| !lane.is_empty()) {
                if !structure::waits(&self.world.view) {
                    return;
                }
                self.world.now += DEADLINE_MS;
                self.step(Vec::new());
            }
        }
        panic!("it does not calm down");
    }

    fn step(&mut self, batch: Vec<(Topic, Observation)>) {
        for (_, observation) in &batch {
            self.tell(|| format!("took {:?}", observation.body));
        }
        let commands = self.world.batch(batch);
        assert!(self.world.last.quarantined.is_empty(), "quarantined");
        for command in commands {
            let lane = self.lanes.entry(command.lane.clone()).or_default();
            lane.push_back(command);
        }
        let fresh = &self.world.journal[self.followed..];
        for entry in fresh {
            if self.tells {
                eprintln!("    {} {:?}", entry.sequence, entry.event);
            }
            let mut overlay = Overlay::new(&self.follower);
            evolve(&mut overlay, entry);
            let changes = overlay.into_changes();
            self.follower.apply(changes, 0);
            self.history.note(entry);
        }
        self.followed = self.world.journal.len();
        assert_eq!(self.follower.digest(), self.world.view.digest(), "rebuild");
        structure::check(&self.world.view, &self.history);
    }

    fn tell(&self, what: impl Fn() -> String) {
        if self.tells {
            eprintln!("{} {}", self.world.now, what());
        }
    }
}
