//! The stored change events: what a subscriber can read, at which position, and for how long
//! (salesforce.md 1.5).

use std::collections::{BTreeMap, VecDeque};

use crate::sandbox::derive;
use crate::sandbox::salesforce::model::allocation::Allocation;
use crate::sandbox::salesforce::model::change_payload::{Commit, Delta, encode};
use crate::sandbox::salesforce::model::change_schema::{Addition, ENTITIES, Layout};
use crate::sandbox::salesforce::model::event_hazards::Hazards;
use crate::sandbox::salesforce::objects;

/// How many events one org keeps, whatever their age.
pub(crate) const EVENTS_MAX: usize = 200_000;
/// How many positions told by keepalives are remembered; of older ones the age is not known.
const MARKS_MAX: usize = 10_000;
/// Commit numbers are beyond what a double holds exactly (salesforce.md 2.2).
const COMMIT_NUMBER_FIRST: i64 = 1_652_977_933_433_528_300;
const COMMIT_NUMBER_STEP: i64 = 17;
/// Positions of one stream; a reset of the stream begins the next so many.
const ERA: u64 = 1 << 40;
/// The first position of a stream; a real org's is never small.
const FIRST: u64 = 1 << 20;

/// A change event as a subscriber gets it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangeEvent {
    /// Where it stands; rises from event to event, with holes.
    pub position: u64,
    /// The opaque form of the position.
    pub replay_id: Vec<u8>,
    /// The same when an event is published twice.
    pub event_uuid: String,
    /// The object, as `Lead`.
    pub entity: &'static str,
    /// The schema that the payload was written with.
    pub schema_id: String,
    /// Bare Avro binary.
    pub payload: Vec<u8>,
    /// When it was committed, by the sandbox's clock.
    pub commit_ms: i64,
    /// From when on it is delivered: late while a script delays deliveries.
    pub visible_ms: i64,
}

/// What a subscription is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Topic {
    /// `/data/ChangeEvents`: all entities selected.
    All,
    /// `/data/LeadChangeEvent`.
    One(&'static str),
}

/// How the stream is set up.
#[derive(Debug, Clone)]
pub(crate) struct EventSettings {
    /// The entities with change events.
    pub(crate) selected: Vec<String>,
    pub(crate) retention_ms: i64,
    /// Events delivered in a rolling day, over all subscribers.
    pub(crate) delivered_daily_max: u64,
}

/// The log of one org.
#[derive(Debug)]
pub(crate) struct EventLog {
    seed: String,
    layouts: BTreeMap<&'static str, Layout>,
    additions: BTreeMap<&'static str, Vec<Addition>>,
    /// Every schema that was ever in use, by id.
    schemas: BTreeMap<String, String>,
    events: VecDeque<ChangeEvent>,
    /// Positions told without an event, and when.
    marks: VecDeque<(u64, i64)>,
    /// The newest position told.
    last: u64,
    /// The newest position that is no longer kept.
    floor: u64,
    /// Positions from here on are of this stream.
    era: u64,
    drawn: u64,
    pub(crate) delivered: Allocation,
    pub(crate) hazards: Hazards,
}

// === impl Topic ===

impl Topic {
    /// Reads a topic's name, which has case.
    pub fn parse(name: &str) -> Option<Self> {
        let rest = name.strip_prefix("/data/")?;
        if rest == "ChangeEvents" {
            return Some(Self::All);
        }
        let entity = rest.strip_suffix("ChangeEvent")?;
        let known = ENTITIES.into_iter().find(|known| *known == entity)?;
        Some(Self::One(known))
    }

    fn has(self, entity: &str) -> bool {
        match self {
            Self::All => true,
            Self::One(only) => only == entity,
        }
    }
}

// === impl EventSettings ===

impl Default for EventSettings {
    fn default() -> Self {
        let selected = ENTITIES.iter().take(5);
        Self {
            selected: selected.map(ToString::to_string).collect(),
            retention_ms: 72 * 60 * 60 * 1_000,
            delivered_daily_max: 125_000,
        }
    }
}

// === impl EventLog ===

impl EventLog {
    /// An empty log; the seed makes its ids.
    pub(crate) fn new(seed: &str) -> Self {
        let mut log = Self {
            seed: seed.to_owned(),
            layouts: BTreeMap::new(),
            additions: BTreeMap::new(),
            schemas: BTreeMap::new(),
            events: VecDeque::new(),
            marks: VecDeque::new(),
            last: FIRST,
            floor: 0,
            era: 0,
            drawn: 0,
            delivered: Allocation::default(),
            hazards: Hazards::default(),
        };
        for entity in ENTITIES {
            log.lay_out(entity);
        }
        log
    }

    /// The layout that events of this object are written with now.
    pub(crate) fn layout(&self, entity: &str) -> Option<&Layout> {
        self.layouts.get(entity)
    }

    /// Puts a field into the schema of an object: later events have another schema id.
    pub(crate) fn add_field(&mut self, entity: &'static str, addition: Addition) {
        self.additions.entry(entity).or_default().push(addition);
        self.lay_out(entity);
    }

    /// The schema with this id, if it ever was in use.
    pub(crate) fn schema(&self, schema_id: &str) -> Option<&str> {
        self.schemas.get(schema_id).map(String::as_str)
    }

    /// Stores an event, twice if a script asked for that.
    pub(crate) fn append(&mut self, entity: &str, commit: &Commit, delta: &Delta) {
        let Some(layout) = self.layouts.get(entity) else {
            return;
        };
        self.drawn += 1;
        let mut commit = commit.clone();
        let steps = i64::try_from(self.drawn).unwrap_or(0) * COMMIT_NUMBER_STEP;
        commit.number = COMMIT_NUMBER_FIRST + steps;
        let event = ChangeEvent {
            position: 0,
            replay_id: Vec::new(),
            event_uuid: derive::uuid(&self.seed, "event", self.drawn),
            entity: layout.object,
            schema_id: layout.schema_id.clone(),
            payload: encode(layout, &commit, delta),
            commit_ms: commit.at_ms,
            visible_ms: commit.at_ms.saturating_add(self.hazards.delay_ms),
        };
        let times = if self.hazards.takes_duplicate() { 2 } else { 1 };
        for _ in 0..times {
            let position = self.next();
            self.events.push_back(ChangeEvent {
                position,
                ..event.clone()
            });
        }
        while self.events.len() > EVENTS_MAX {
            self.drop_oldest();
        }
    }

    /// Up to `max` events after a position, oldest first, without their replay ids.
    pub(crate) fn after(&self, position: u64, topic: Topic, max: usize) -> Vec<ChangeEvent> {
        let first = self
            .events
            .partition_point(|event| event.position <= position);
        let later = self.events.range(first..);
        later
            .filter(|event| topic.has(event.entity))
            .take(max)
            .cloned()
            .collect()
    }

    /// The newest position.
    pub(crate) fn last(&self) -> u64 {
        self.last
    }

    /// The position before the oldest event kept.
    pub(crate) fn oldest(&self) -> u64 {
        self.floor.max(self.era)
    }

    /// A fresh position without an event, for a keepalive.
    pub(crate) fn mark(&mut self, now_ms: i64) -> u64 {
        let position = self.next();
        if self.marks.len() >= MARKS_MAX {
            self.marks.pop_front();
        }
        self.marks.push_back((position, now_ms));
        position
    }

    /// Forgets what is older than the retention.
    pub(crate) fn purge(&mut self, before_ms: i64) {
        while self
            .events
            .front()
            .is_some_and(|event| event.commit_ms < before_ms)
        {
            self.drop_oldest();
        }
        while let Some((position, _)) = self.marks.front().filter(|mark| mark.1 < before_ms) {
            self.floor = self.floor.max(*position);
            self.marks.pop_front();
        }
    }

    /// The position behind a replay id; `None` if it is of another stream or too old.
    pub(crate) fn position(&self, replay_id: &[u8]) -> Option<u64> {
        let (number, rest) = replay_id.split_first_chunk::<8>()?;
        if !matches!(rest, [] | [0, 0]) {
            return None;
        }
        let position = u64::from_be_bytes(*number);
        let kept = position > self.floor && position >= self.era + FIRST;
        (kept && position <= self.last).then_some(position)
    }

    /// Starts a new stream: what is kept gets new positions, and no old replay id is accepted.
    pub(crate) fn reset_stream(&mut self) {
        self.era += ERA;
        self.last = self.era + FIRST;
        self.floor = self.era;
        self.marks.clear();
        let events = std::mem::take(&mut self.events);
        for event in events {
            let position = self.next();
            self.events.push_back(ChangeEvent { position, ..event });
        }
        self.hazards.cut();
    }

    /// A position with a hole before it.
    fn next(&mut self) -> u64 {
        let dice = derive::digest_hex(&self.seed, "position", self.last);
        let hole = u64::from_str_radix(&dice[..2], 16).unwrap_or_default() % 5;
        self.last += 1 + hole;
        self.last
    }

    fn drop_oldest(&mut self) {
        if let Some(event) = self.events.pop_front() {
            self.floor = self.floor.max(event.position);
        }
    }

    fn lay_out(&mut self, entity: &'static str) {
        let Some(object) = objects::named(entity) else {
            return;
        };
        let none = Vec::new();
        let additions = self.additions.get(entity).unwrap_or(&none);
        let layout = Layout::of(object, additions);
        self.schemas
            .insert(layout.schema_id.clone(), layout.schema_json.clone());
        self.layouts.insert(entity, layout);
    }
}

/// The opaque form of a position: 10 bytes as captured since 2023, 8 before.
pub(crate) fn replay_id(position: u64, short: bool) -> Vec<u8> {
    let mut bytes = position.to_be_bytes().to_vec();
    if !short {
        bytes.extend([0, 0]);
    }
    bytes
}
