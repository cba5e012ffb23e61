//! The processor with its log: topics in memory, the pure step, commits, and crashes in between.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::journal::DomainEvent;
use crate::domain::view::{ReviewItem, ViewEntry, ViewRead};
use crate::domain::{BridgeId, Command, CustomerId, JournalEntry, Message, Observation};
use crate::domain::{
    ObservationBody, ObservationId, RecordRef, SourceId, Timestamp, Topic, ViewKey,
};
use crate::ports::event_log::{Entry, EntryBody, TopicPartition};
use crate::processor::decide::{Brakes, Timing};
use crate::processor::evolve::evolve;
use crate::processor::overlay::Overlay;
use crate::processor::step::{Mappings, Settings, step};
use crate::processor::view::View;
use crate::sim::mapping::{BRIDGE, compiled, offer};
use crate::sim::store::Disk;

/// How long a command may stay unanswered.
pub const DEADLINE_MS: i64 = 60_000;
/// The kinds of the view's keys that are walked over: see `ViewKey::range`.
const CUSTOMERS: u8 = 0x01;
const OUTSTANDING: u8 = 0x05;
const DUE: u8 = 0x06;
const REVIEWS: u8 = 0x07;

/// How a poll ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    Commits,
    /// The process dies before its commit; its successor reads the batch again.
    DiesBefore,
    /// The process dies after its commit.
    DiesAfter,
}

pub struct Pipeline {
    view: View,
    disk: Disk,
    settings: Settings,
    mappings: Mappings,
    inputs: BTreeMap<Topic, Vec<Entry>>,
    positions: BTreeMap<Topic, u64>,
    pub journal: Vec<JournalEntry>,
    /// The topics that the sinks read.
    pub writes: BTreeMap<Topic, Vec<Command>>,
    /// What was taken, to be fed again.
    pub taken: Vec<(Topic, Observation)>,
}

pub fn bridge() -> BridgeId {
    BridgeId::new(BRIDGE).expect("it is a well-formed id")
}

pub fn source(name: &str) -> SourceId {
    SourceId::new(name).expect("it is a well-formed id")
}

impl Pipeline {
    pub fn new(now: i64, outward: bool) -> Self {
        let disk = Disk::default();
        let timing = Timing {
            command_deadline_ms: DEADLINE_MS,
            command_deadline_ms_max: 15 * DEADLINE_MS,
            attempts_before_review: 5,
            deferral_deadline_ms: 2 * DEADLINE_MS,
        };
        let offer = offer(outward);
        let mut pipeline = Self {
            view: View::open(Box::new(disk.clone())).expect("memory can be opened"),
            disk,
            settings: Settings {
                partition: 0,
                bridges: vec![bridge()],
                timing,
                brakes: Brakes::OFF,
                resting: BTreeMap::new(),
            },
            mappings: Mappings::knowing(offer.hash(), compiled(outward)),
            inputs: BTreeMap::new(),
            positions: BTreeMap::new(),
            journal: Vec::new(),
            writes: BTreeMap::new(),
            taken: Vec::new(),
        };
        let observation = Observation {
            id: ObservationId::of_decision("mapping"),
            bridge: bridge(),
            received_at: Timestamp(now),
            traceparent: None,
            body: ObservationBody::MappingOffered {
                version: 1,
                hash: offer.hash(),
                body: offer.body(),
            },
        };
        pipeline.append(Topic::Decisions, observation, now);
        pipeline
    }

    pub fn append(&mut self, topic: Topic, observation: Observation, now: i64) {
        let entries = self.inputs.entry(topic).or_default();
        entries.push(Entry {
            at: TopicPartition {
                topic,
                partition: 0,
            },
            offset: entries.len() as u64,
            appended_at: Timestamp(now),
            key: BRIDGE.into(),
            body: EntryBody::Message(Message::Observation(Box::new(observation))),
        });
    }

    pub fn waiting(&self) -> usize {
        let left = |(topic, entries): (&Topic, &Vec<Entry>)| {
            entries.len().saturating_sub(self.position(*topic) as usize)
        };
        self.inputs.iter().map(left).sum()
    }

    fn position(&self, topic: Topic) -> u64 {
        self.positions.get(&topic).copied().unwrap_or(0)
    }

    /// Takes up to `most` entries of each input. True if commands were requested.
    pub fn poll(&mut self, most: usize, fate: Fate, checkpoints: bool, now: i64) -> bool {
        let mut batch = Vec::new();
        for topic in Topic::INPUTS {
            let from = self.position(topic) as usize;
            let entries = self.inputs.get(&topic);
            let entries = entries.map_or(&[][..], |all| all.get(from..).unwrap_or_default());
            batch.extend(entries.iter().take(most).cloned());
        }
        let now = Timestamp(now);
        let output = step(&self.view, &self.settings, &mut self.mappings, &batch, now);
        let output = output.expect("the mapping can be read");
        assert!(
            output.quarantined.is_empty(),
            "a decision panicked: the bridge is quarantined"
        );
        if fate == Fate::DiesBefore {
            self.reopen();
            return false;
        }
        let mut requested = false;
        for outgoing in output.outputs {
            match outgoing.message {
                Some(Message::Journal(entry)) => self.journal.push(*entry),
                Some(Message::Command(command)) => {
                    requested = true;
                    self.writes
                        .entry(outgoing.topic)
                        .or_default()
                        .push(*command);
                }
                _ => {}
            }
        }
        for (at, to) in output.positions {
            self.positions.insert(at.topic, to);
        }
        self.view.apply(output.changes, self.journal.len() as u64);
        for entry in batch {
            if let EntryBody::Message(Message::Observation(observation)) = entry.body {
                self.taken.push((entry.at.topic, *observation));
            }
        }
        if checkpoints {
            self.view.checkpoint().expect("memory can be written");
        }
        if fate == Fate::DiesAfter {
            self.reopen();
        }
        requested
    }

    /// What a successor does: the last checkpoint, and the journal from there on.
    fn reopen(&mut self) {
        let before = self.view.digest();
        let view = View::open(Box::new(self.disk.clone())).expect("memory can be opened");
        self.view = self.caught_up(view);
        assert_eq!(before, self.view.digest(), "a reopened view is another one");
    }

    fn caught_up(&self, mut view: View) -> View {
        let from = view.journal_offset() as usize;
        for (place, entry) in self.journal.iter().enumerate().skip(from) {
            let mut overlay = Overlay::new(&view);
            evolve(&mut overlay, entry);
            let changes = overlay.into_changes();
            view.apply(changes, place as u64 + 1);
        }
        view
    }

    /// Invariant 6: the journal alone gives the same view, and so the same customer ids.
    pub fn rebuilds(&self) -> bool {
        let empty = View::open(Box::new(Disk::default())).expect("memory can be opened");
        self.caught_up(empty).digest() == self.view.digest()
    }

    /// What keeps it from being at rest: outstanding commands and deadlines.
    pub fn unrest(&self) -> usize {
        self.entries(OUTSTANDING).len() + self.entries(DUE).len()
    }

    pub fn digest(&self) -> String {
        self.view.digest().to_string()
    }

    /// The records of each customer, with ids as text.
    pub fn customers(&self) -> BTreeMap<CustomerId, Vec<RecordRef>> {
        let entries = self.entries(CUSTOMERS).into_iter();
        let customers = entries.filter_map(|entry| match entry {
            ViewEntry::Customer(customer) => {
                Some((customer.id, customer.records.keys().cloned().collect()))
            }
            _ => None,
        });
        customers.collect()
    }

    /// Customers in the order of their founding, each with its first record's id.
    pub fn founded(&self) -> Vec<(CustomerId, String)> {
        let events = self.journal.iter().map(|entry| &entry.event);
        let founded = events.filter_map(|event| match event {
            DomainEvent::CustomerFounded {
                customer, record, ..
            } => Some((*customer, record.id.clone())),
            _ => None,
        });
        founded.collect()
    }

    /// Open questions to people.
    pub fn questions(&self) -> Vec<ReviewItem> {
        let entries = self.entries(REVIEWS).into_iter();
        let items = entries.filter_map(|entry| match entry {
            ViewEntry::Review(item) => Some(*item),
            _ => None,
        });
        items.collect()
    }

    /// The records of open questions to people.
    pub fn asked(&self) -> BTreeSet<String> {
        let questions = self.questions().into_iter();
        questions.map(|item| item.record.id.to_string()).collect()
    }

    /// One line per record that tells what the view knows of it, for a failure's story.
    pub fn tells(&self, ids: &[String]) -> Vec<String> {
        let mut lines = Vec::new();
        for entry in self.entries(CUSTOMERS) {
            let ViewEntry::Customer(customer) = entry else {
                continue;
            };
            for (record, state) in &customer.records {
                if !ids.contains(&record.id) {
                    continue;
                }
                lines.push(format!("{record} gone {:?} of {}", state.gone, customer.id));
                lines.push(format!(
                    "  writing {:?}, reading {:?}, to be read {}, paused {:?}, blocked {}, held {}",
                    state.writing,
                    state.reading,
                    state.reread_required,
                    state.paused_until,
                    state.blocked.is_some(),
                    state.held.len(),
                ));
                for (name, desire) in &state.desired {
                    let seen = state.seen.get(name);
                    lines.push(format!(
                        "  {name}: desired {:?} ({:?}), seen {:?}, accepted {:?}",
                        desire.value.display(),
                        desire.basis,
                        seen.map(|seen| seen.value.display()),
                        state.accepted.get(name).map(|form| form.stored.display()),
                    ));
                }
            }
            let told = customer
                .records
                .keys()
                .any(|record| ids.contains(&record.id));
            for (field, decided) in customer.decided.iter().filter(|_| told) {
                let (value, policy) = (decided.value.display(), &decided.policy);
                lines.push(format!(
                    "  decided {field} = {value:?} by {} ({policy})",
                    decided.by
                ));
            }
        }
        lines
    }

    fn entries(&self, kind: u8) -> Vec<ViewEntry> {
        let (mut from, to) = ViewKey::range(&bridge(), kind);
        let mut found = Vec::new();
        while let Some((key, entry)) = self.view.first(&from, &to) {
            found.push((*entry).clone());
            from = key.next();
        }
        found
    }
}
