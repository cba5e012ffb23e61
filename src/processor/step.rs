//! One step: a batch of input, and the deadlines that are due, become journal events, outputs and
//! a changed view. Pure: the driver polls before it and commits after it, the simulation likewise.

#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

mod aside;

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use crate::domain::journal::{DomainEvent as E, InputRange};
use crate::domain::view::{Journal, PartitionState, ViewEntry, ViewRead, bridge_state};
use crate::domain::{BridgeId, DeadLetter, JournalEntry, JournalKey, Message, Observation};
use crate::domain::{ObservationId, Timestamp, Topic, TraceLine, ViewKey};
use crate::mapping::{Mapping, Offer};
use crate::ports::event_log::{Entry, EntryBody, Outgoing, Place, TopicPartition};
use crate::processor::decide::{Brakes, Terms, Timing, decide, due, walk};
use crate::processor::draft::{Draft, Written};
use crate::processor::evolve::evolve;
use crate::processor::overlay::{Changes, Overlay};
use crate::processor::project::effects::notice_of_partition;

/// Deadlines handled in one step; the rest wait for the next one.
pub const DUE_PER_STEP_MAX: usize = 200;

/// What a step is bound to.
#[derive(Debug, Clone)]
pub struct Settings {
    pub partition: u32,
    pub bridges: Vec<BridgeId>,
    pub timing: Timing,
    pub brakes: Brakes,
    /// Until when the walks of a bridge rest: what they asked for last has its share of time.
    pub resting: BTreeMap<BridgeId, Timestamp>,
}

/// What is to be committed as one.
#[derive(Debug, Default)]
pub struct Output {
    pub changes: Changes,
    pub outputs: Vec<Outgoing>,
    pub positions: Vec<(TopicPartition, u64)>,
    /// How many events, by name.
    pub events: BTreeMap<&'static str, u64>,
    pub unchanged: BTreeMap<String, u64>,
    pub quarantined: Vec<BridgeId>,
    /// Calls that walks asked for, by bridge.
    pub walked: BTreeMap<BridgeId, usize>,
}

impl Output {
    pub fn is_empty(&self) -> bool {
        self.outputs.is_empty() && self.positions.is_empty()
    }
}

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the active mapping of {bridge} cannot be read by this version: {reason}")]
    Mapping { bridge: BridgeId, reason: String },
}

/// Compiled mappings by hash: compiling is pure, so a memo changes nothing.
#[derive(Default)]
pub struct Mappings(BTreeMap<[u8; 32], Arc<Mapping>>);

impl Mappings {
    /// One that is compiled already, for whoever plays many histories under it.
    pub fn knowing(hash: [u8; 32], mapping: Arc<Mapping>) -> Self {
        Self([(hash, mapping)].into())
    }

    /// The active mapping of a bridge, if it has one.
    pub fn of<V: ViewRead>(
        &mut self,
        view: &V,
        bridge: &BridgeId,
    ) -> Result<Option<Arc<Mapping>>, Error> {
        let entry = view.get(&ViewKey::mapping(bridge));
        let Some(ViewEntry::Mapping(active)) = entry.as_deref() else {
            return Ok(None);
        };
        if let Some(known) = self.0.get(&active.hash) {
            return Ok(Some(Arc::clone(known)));
        }
        let mapping = Offer::compile_body(&active.body).map_err(|reason| Error::Mapping {
            bridge: bridge.clone(),
            reason,
        })?;
        let mapping = Arc::new(mapping);
        self.0.insert(active.hash, Arc::clone(&mapping));
        Ok(Some(mapping))
    }
}

#[cfg(test)]
pub use aside::poison;
pub use aside::{Part, reread, waiting};

/// Decides a batch at the poll's stamp `now`.
pub fn step<V: ViewRead>(
    view: &V,
    settings: &Settings,
    mappings: &mut Mappings,
    batch: &[Entry],
    now: Timestamp,
) -> Result<Output, Error> {
    let mut step = Step::new(view, settings, mappings, now);
    step.pass_time()?;
    for entry in batch {
        step.take(entry)?;
    }
    step.walk()?;
    step.consume();
    Ok(step.finish())
}

struct Step<'a, V: ViewRead> {
    overlay: Overlay<'a, V>,
    settings: &'a Settings,
    mappings: &'a mut Mappings,
    now: Timestamp,
    out: Output,
    /// Observations that enter the dedupe window.
    taken: Vec<(BridgeId, ObservationId)>,
    in_batch: BTreeSet<(BridgeId, ObservationId)>,
    /// In the order in which they were taken.
    ranges: Vec<InputRange>,
}

impl<'a, V: ViewRead> Step<'a, V> {
    fn new(
        view: &'a V,
        settings: &'a Settings,
        mappings: &'a mut Mappings,
        now: Timestamp,
    ) -> Self {
        Self {
            overlay: Overlay::new(view),
            settings,
            mappings,
            now,
            out: Output::default(),
            taken: Vec::new(),
            in_batch: BTreeSet::new(),
            ranges: Vec::new(),
        }
    }

    fn finish(self) -> Output {
        let Self {
            overlay, mut out, ..
        } = self;
        out.changes = overlay.into_changes();
        out
    }

    /// Handles what is due, in the order of time, bridge by bridge.
    fn pass_time(&mut self) -> Result<(), Error> {
        let share = (DUE_PER_STEP_MAX / self.settings.bridges.len().max(1)).max(1);
        for bridge in self.settings.bridges.clone() {
            // A bridge with much that is due must not keep the others from theirs.
            let mut left = share;
            let mut advanced = false;
            let (mut from, _) = ViewKey::range(&bridge, 0x06);
            while left > 0 {
                let to = ViewKey::due_after(&bridge, self.now);
                let Some((key, entry)) = self.overlay.first(&from, &to) else {
                    break;
                };
                if bridge_state(&self.overlay, &bridge).aside.is_some() {
                    break;
                }
                let ViewEntry::Due(due) = &*entry else {
                    unreachable!("the range holds deadlines only");
                };
                left -= 1;
                // What it leads to is due later, or in the next step: none is passed over twice.
                from = key.next();
                let now = self.now;
                let done = self.draft(&bridge, None, |draft, terms| {
                    if !advanced {
                        draft.emit(E::TimeAdvanced { to: now });
                    }
                    if let Some(terms) = terms {
                        due::decide(draft, terms, due);
                    }
                    let stays = draft.get(&key).is_some();
                    assert!(!stays, "a deadline that was decided does not stay");
                })?;
                advanced = true;
                if done.is_none() {
                    self.quarantine(&bridge, None);
                }
            }
        }
        Ok(())
    }

    /// Takes the walks of the bridges a slice further.
    fn walk(&mut self) -> Result<(), Error> {
        for bridge in self.settings.bridges.clone() {
            let rests = self.settings.resting.get(&bridge);
            if rests.is_some_and(|until| *until > self.now) {
                continue;
            }
            let Some((id, walk)) = walk::next(&self.overlay, &bridge) else {
                continue;
            };
            let before = self.calls();
            let done = self.draft(&bridge, None, |draft, terms| {
                if let Some(terms) = terms {
                    walk::advance(draft, terms, id, &walk);
                }
            })?;
            let asked = self.calls() - before;
            if done.is_none() {
                self.quarantine(&bridge, None);
            }
            self.out.walked.insert(bridge, asked);
        }
        Ok(())
    }

    /// Calls that the commands so far make: a write that reads first makes two.
    fn calls(&self) -> usize {
        let calls = |one: &Outgoing| match &one.message {
            Some(Message::Command(command)) => 1 + usize::from(command.reads_first()),
            _ => 0,
        };
        self.out.outputs.iter().map(calls).sum()
    }

    fn take(&mut self, entry: &Entry) -> Result<(), Error> {
        self.note_position(entry);
        let observation = match &entry.body {
            EntryBody::Message(Message::Observation(observation)) => observation,
            EntryBody::Tombstone => return Ok(()),
            EntryBody::Message(_) => {
                self.dead_letter(entry, Vec::new(), "not_an_observation");
                return Ok(());
            }
            EntryBody::Undecodable { bytes, reason } => {
                self.dead_letter(entry, bytes.clone(), &format!("undecodable: {reason}"));
                return Ok(());
            }
        };
        let bridge = &observation.bridge;
        if !self.settings.bridges.contains(bridge) {
            self.trace(observation, "bridge_not_configured");
            return Ok(());
        }
        if let Some(aside) = bridge_state(&self.overlay, bridge).aside {
            self.pass_over(observation, &aside);
            return Ok(());
        }
        if self.knows(observation) {
            self.trace(observation, "duplicate");
            return Ok(());
        }
        if !self.decide(observation)? {
            self.quarantine(bridge, Some((entry, observation.id)));
        }
        Ok(())
    }

    /// Whether it is a repetition.
    fn knows(&self, observation: &Observation) -> bool {
        let bridge = &observation.bridge;
        let remembered = ViewKey::deduped(bridge, &observation.id);
        self.overlay.get(&remembered).is_some()
            || self.in_batch.contains(&(bridge.clone(), observation.id))
    }

    fn remember(&mut self, observation: &Observation) {
        let id = (observation.bridge.clone(), observation.id);
        self.in_batch.insert(id.clone());
        self.taken.push(id);
    }

    /// False where the decision panicked, which leaves nothing behind.
    fn decide(&mut self, observation: &Observation) -> Result<bool, Error> {
        let bridge = observation.bridge.clone();
        let done = self.draft(&bridge, Some(observation), |draft, terms| {
            decide(draft, terms, observation);
        })?;
        let Some(why) = done else {
            self.trace(observation, "panicked");
            return Ok(false);
        };
        if let Some(why) = why {
            *self.out.unchanged.entry(why).or_default() += 1;
        }
        self.remember(observation);
        Ok(true)
    }

    /// Runs a decision in a draft of its own. `None` if it panicked, which leaves nothing behind;
    /// else the reason why it changed nothing, if it did not.
    fn draft(
        &mut self,
        bridge: &BridgeId,
        cause: Option<&Observation>,
        decide: impl FnOnce(&mut Draft<'_, Overlay<'_, V>>, Option<&Terms<'_>>),
    ) -> Result<Option<Option<String>>, Error> {
        let mapping = self.mappings.of(&self.overlay, bridge)?;
        let sources = mapping.as_ref().map(|mapping| &mapping.sources);
        let terms = mapping.as_ref().map(|mapping| Terms {
            mapping,
            timing: self.settings.timing,
            brakes: self.settings.brakes,
            quiet: false,
        });
        let partition = self.settings.partition;
        let mut draft = Draft::new(&self.overlay, bridge, partition, sources, self.now, cause);
        let cause = cause.map(|observation| observation.id);
        let ran = catch_unwind(AssertUnwindSafe(|| {
            #[cfg(test)]
            poison::strikes(cause);
            decide(&mut draft, terms.as_ref());
        }));
        if ran.is_err() {
            return Ok(None);
        }
        let (changes, mut written) = draft.finish();
        self.overlay.absorb(changes);
        if let (true, true, Some(observation)) =
            (written.entries.is_empty(), written.traces.is_empty(), cause)
        {
            // Nothing disappears without a line that says why.
            written.traces.push(TraceLine {
                bridge: bridge.clone(),
                at: self.now,
                observation,
                reason: "nothing_follows".to_owned(),
                record: None,
            });
        }
        Ok(Some(self.keep(written)))
    }

    fn keep(&mut self, written: Written) -> Option<String> {
        let nothing = written.entries.is_empty();
        let why = written.traces.first().map(|line| line.reason.clone());
        for entry in written.entries {
            self.journal(entry);
        }
        self.out.outputs.extend(written.outputs);
        for line in written.traces {
            self.put_trace(line);
        }
        if nothing { why } else { None }
    }

    fn journal(&mut self, entry: JournalEntry) {
        *self.out.events.entry(entry.event.name()).or_default() += 1;
        self.out.outputs.push(Outgoing {
            topic: Topic::Journal,
            place: Place::Partition(self.settings.partition),
            key: entry.key.text(),
            message: Some(Message::Journal(Box::new(entry))),
        });
    }

    /// Journals an event of the partition itself.
    fn bookkeep(&mut self, event: E, cause: Option<ObservationId>) {
        let state = partition_state(&self.overlay, self.settings.partition);
        let entry = JournalEntry {
            key: JournalKey::Partition(self.settings.partition),
            sequence: state.next_sequence,
            at: self.now.max(state.last_at),
            cause,
            event,
        };
        evolve(&mut self.overlay, &entry);
        self.out
            .outputs
            .extend(notice_of_partition(self.settings.partition, &entry));
        self.journal(entry);
    }

    fn note_position(&mut self, entry: &Entry) {
        let (topic, partition) = (entry.at.topic, entry.at.partition);
        let to = entry.offset + 1;
        match self.ranges.iter_mut().find(|range| range.topic == topic) {
            Some(range) => range.to = to,
            None => self.ranges.push(InputRange {
                topic,
                partition,
                from: entry.offset,
                to,
            }),
        }
    }

    /// Closes the batch: what was taken, and what of it changed nothing.
    fn consume(&mut self) {
        if self.ranges.is_empty() {
            return;
        }
        let ranges = std::mem::take(&mut self.ranges);
        for range in &ranges {
            let at = TopicPartition {
                topic: range.topic,
                partition: range.partition,
            };
            self.out.positions.push((at, range.to));
        }
        let observations = std::mem::take(&mut self.taken);
        let unchanged = self.out.unchanged.clone();
        let consumed = E::BatchConsumed {
            inputs: ranges,
            observations,
            unchanged,
        };
        self.bookkeep(consumed, None);
    }

    fn trace(&mut self, observation: &Observation, reason: &str) {
        *self.out.unchanged.entry(reason.to_owned()).or_default() += 1;
        self.put_trace(TraceLine {
            bridge: observation.bridge.clone(),
            at: self.now,
            observation: observation.id,
            reason: reason.to_owned(),
            record: None,
        });
    }

    fn put_trace(&mut self, line: TraceLine) {
        self.out.outputs.push(Outgoing {
            topic: Topic::Trace,
            place: Place::Partition(self.settings.partition),
            key: line.bridge.text(),
            message: Some(Message::Trace(line)),
        });
    }

    fn dead_letter(&mut self, entry: &Entry, bytes: Vec<u8>, reason: &str) {
        *self.out.unchanged.entry("dead_letter".into()).or_default() += 1;
        let bridge = BridgeId::new(entry.key.as_str()).unwrap_or_else(|_| unknown_bridge());
        let letter = DeadLetter {
            bridge,
            at: self.now,
            origin: format!(
                "{:?}/{}@{}",
                entry.at.topic, entry.at.partition, entry.offset
            ),
            reason: reason.to_owned(),
            hint: "written by another version or not by crosswalk; see the reason".into(),
            command: None,
            bytes,
        };
        self.out.outputs.push(Outgoing {
            topic: Topic::DeadLetters,
            place: Place::Partition(self.settings.partition),
            key: entry.key.as_str().into(),
            message: Some(Message::DeadLetter(Box::new(letter))),
        });
    }
}

/// The bridge under which dead letters stand whose own one is not known.
pub fn unknown_bridge() -> BridgeId {
    BridgeId::new("_unknown").expect("it is a well-formed id")
}

/// The partition's own bookkeeping.
pub fn partition_state<V: ViewRead>(view: &V, partition: u32) -> PartitionState {
    match view.get(&ViewKey::partition(partition)).as_deref() {
        Some(ViewEntry::Partition(state)) => state.clone(),
        _ => PartitionState::default(),
    }
}

/// Records the digest as the first event of a commit.
pub fn record_digest<V: ViewRead>(
    view: &V,
    partition: u32,
    digest: [u8; 32],
    now: Timestamp,
) -> (Changes, Outgoing) {
    let state = partition_state(view, partition);
    let entry = JournalEntry {
        key: JournalKey::Partition(partition),
        sequence: state.next_sequence,
        at: now.max(state.last_at),
        cause: None,
        event: E::DigestRecorded {
            digest,
            view_version: crate::domain::view::VIEW_VERSION,
        },
    };
    let mut overlay = Overlay::new(view);
    evolve(&mut overlay, &entry);
    let outgoing = Outgoing {
        topic: Topic::Journal,
        place: Place::Partition(partition),
        key: entry.key.text(),
        message: Some(Message::Journal(Box::new(entry))),
    };
    (overlay.into_changes(), outgoing)
}
