//! Bridges that stand aside: one in which a decision panicked takes nothing until a person releases
//! it, and then what it was sent meanwhile, before it takes what comes.

use std::collections::BTreeMap;

use crate::domain::journal::{DomainEvent as E, InputRange};
use crate::domain::view::{Aside, ViewRead, bridge_state};
use crate::domain::{BridgeId, DeadLetter, Message, Observation, ObservationBody, ObservationId};
use crate::domain::{Timestamp, Topic};
use crate::ports::event_log::{Entry, EntryBody, Outgoing, Place, TopicPartition};
use crate::processor::step::{Error, Mappings, Output, Settings, Step, partition_state};

/// A part of one input that a released bridge takes again.
#[derive(Debug)]
pub struct Part {
    pub at: TopicPartition,
    pub from: u64,
    /// Excluded. What is below it and not among the entries is no entry, or is gone.
    pub to: u64,
    /// How many positions were not kept any more.
    pub gone: u64,
    /// Of any bridge.
    pub entries: Vec<Entry>,
}

/// What a released bridge is to take again next: an input, from where, and to where.
pub fn waiting<V: ViewRead>(
    view: &V,
    partition: u32,
    bridge: &BridgeId,
) -> Option<(Topic, u64, u64)> {
    let aside = bridge_state(view, bridge).aside?;
    let ends = partition_state(view, partition).positions;
    let of = |topic: Topic| {
        let from = aside.positions.get(&topic).copied().unwrap_or(0);
        let end = ends.get(&topic).copied().unwrap_or(0);
        (from < end).then_some((topic, from, end))
    };
    let mut inputs = Topic::INPUTS.into_iter();
    inputs.find_map(|topic| of(topic).filter(|_| aside.released))
}

/// Decides what of a part is the bridge's. Nothing follows where it does not wait for that.
pub fn reread<V: ViewRead>(
    view: &V,
    settings: &Settings,
    mappings: &mut Mappings,
    bridge: &BridgeId,
    part: &Part,
    now: Timestamp,
) -> Result<Output, Error> {
    let mut step = Step::new(view, settings, mappings, now);
    step.take_again(bridge, part)?;
    Ok(step.finish())
}

impl<V: ViewRead> Step<'_, V> {
    /// Sets a bridge aside with the first position per input that it has not taken.
    pub(super) fn quarantine(&mut self, bridge: &BridgeId, at: Option<(&Entry, ObservationId)>) {
        let partition = self.settings.partition;
        let mut positions: BTreeMap<Topic, u64> = match bridge_state(&self.overlay, bridge).aside {
            // It was reading again.
            Some(aside) => aside.positions,
            None => {
                let mut taken = partition_state(&self.overlay, partition).positions;
                let ranges = self.ranges.iter();
                taken.extend(ranges.map(|range| (range.topic, range.to)));
                taken
            }
        };
        if let Some((entry, _)) = at {
            positions.insert(entry.at.topic, entry.offset);
        }
        let range = |(topic, from)| InputRange {
            topic,
            partition,
            from,
            to: from,
        };
        self.out.quarantined.push(bridge.clone());
        let cause = at.map(|(_, observation)| observation);
        let quarantined = E::BridgeQuarantined {
            bridge: bridge.clone(),
            positions: positions.into_iter().map(range).collect(),
            reason: "a decision panicked".to_owned(),
            cause,
        };
        self.bookkeep(quarantined, cause);
    }

    /// A bridge that stands aside takes its release and nothing else.
    pub(super) fn pass_over(&mut self, observation: &Observation, aside: &Aside) {
        match &observation.body {
            _ if aside.released => self.trace(observation, "rereading"),
            ObservationBody::BridgeReleased { skip, by } if !self.knows(observation) => {
                let released = E::BridgeReleased {
                    bridge: observation.bridge.clone(),
                    skip: *skip,
                    by: by.clone(),
                };
                self.bookkeep(released, Some(observation.id));
                self.remember(observation);
            }
            _ => self.trace(observation, "quarantined"),
        }
    }

    fn take_again(&mut self, bridge: &BridgeId, part: &Part) -> Result<(), Error> {
        let aside = bridge_state(&self.overlay, bridge).aside;
        let Some(aside) = aside.filter(|aside| aside.released) else {
            return Ok(());
        };
        let mut bad = None;
        for entry in &part.entries {
            // What is no observation became a dead letter when it was passed.
            let EntryBody::Message(Message::Observation(observation)) = &entry.body else {
                continue;
            };
            if observation.bridge != *bridge {
                continue;
            }
            if self.knows(observation) {
                self.trace(observation, "duplicate");
            } else if aside.skip == Some(observation.id) {
                self.skip(entry, observation);
            } else if !self.decide(observation)? {
                bad = Some((entry, observation.id));
                break;
            }
        }
        let to = bad.map_or(part.to, |(entry, _)| entry.offset);
        let taken = std::mem::take(&mut self.taken);
        let reread = E::BridgeReread {
            bridge: bridge.clone(),
            input: InputRange {
                topic: part.at.topic,
                partition: part.at.partition,
                from: part.from,
                to,
            },
            gone: part.gone,
            observations: taken.into_iter().map(|(_, id)| id).collect(),
            unchanged: self.out.unchanged.clone(),
            ended: bad.is_none() && self.is_last(&aside, part),
        };
        self.bookkeep(reread, None);
        if bad.is_some() {
            self.quarantine(bridge, bad);
        }
        Ok(())
    }

    /// Whether nothing is left to be read again behind this part.
    fn is_last(&self, aside: &Aside, part: &Part) -> bool {
        let ends = partition_state(&self.overlay, self.settings.partition).positions;
        ends.into_iter().all(|(topic, end)| {
            let at = aside.positions.get(&topic).copied().unwrap_or(0);
            let at = if topic == part.at.topic { part.to } else { at };
            at >= end
        })
    }

    /// What a person wants to be passed over stays among the dead letters.
    fn skip(&mut self, entry: &Entry, observation: &Observation) {
        let bytes = match &observation.body {
            ObservationBody::Changed { raw, .. } => raw.bytes.clone(),
            _ => Vec::new(),
        };
        let (topic, partition) = (entry.at.topic, entry.at.partition);
        let letter = DeadLetter {
            bridge: observation.bridge.clone(),
            at: self.now,
            origin: format!("{topic:?}/{partition}@{}", entry.offset),
            reason: "skipped".to_owned(),
            hint: "it could not be decided, and was passed over when the bridge was released"
                .to_owned(),
            command: None,
            bytes,
        };
        self.out.outputs.push(Outgoing {
            topic: Topic::DeadLetters,
            place: Place::Partition(self.settings.partition),
            key: observation.bridge.text(),
            message: Some(Message::DeadLetter(Box::new(letter))),
        });
        self.trace(observation, "skipped");
        self.remember(observation);
    }
}

/// Makes the decision of an observation panic, where a test wants it: nothing that is known does.
#[cfg(test)]
pub mod poison {
    use std::cell::RefCell;
    use std::collections::BTreeSet;

    use crate::domain::ObservationId;

    thread_local! {
        static POISON: RefCell<BTreeSet<ObservationId>> = const { RefCell::new(BTreeSet::new()) };
    }

    /// From now on on this thread.
    pub fn put(observation: ObservationId) {
        POISON.with_borrow_mut(|poison| poison.insert(observation));
    }

    pub fn clear() {
        POISON.with_borrow_mut(BTreeSet::clear);
    }

    pub fn strikes(cause: Option<ObservationId>) {
        let is_bad = cause.is_some_and(|id| POISON.with_borrow(|poison| poison.contains(&id)));
        assert!(!is_bad, "poison");
    }
}
