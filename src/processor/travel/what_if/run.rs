//! The run: commit by commit through the journal, both views side by side.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::domain::journal::{DomainEvent as E, InputRange};
use crate::domain::view::{Pursuit, ViewEntry, ViewRead, bridge_state, outstanding, record_state};
use crate::domain::{
    BridgeId, Command, CommandId, CommandKind, CommandResult, JournalEntry, JournalKey, Message,
    Observation, ObservationBody, ObservationId, Outcome, ReadCommand, RecordRef, ReviewId,
    SourceId, Timestamp, Topic, ViewKey, WriteTarget,
};
use crate::mapping::Offer;
use crate::ports::event_log::{
    self, Entry, EntryBody, EventLog, ReadFrom, ReadLimit, TopicPartition,
};
use crate::processor::decide::walk;
use crate::processor::evolve::commands::subject;
use crate::processor::evolve::evolve;
use crate::processor::overlay::Overlay;
use crate::processor::recovery::{self, READ_LIMIT, fold, settle};
use crate::processor::step::{self, Mappings, Settings, step};
use crate::processor::travel::what_if::answers::{answer, counterpart};
use crate::processor::travel::what_if::ledger::{Difference, Ledger, Side};
use crate::processor::travel::what_if::retold::Both;
use crate::processor::view::View;

/// Observations of one batch that are read at once.
const INPUT_LIMIT: ReadLimit = ReadLimit {
    entries_max: 1_000,
    bytes_max: 8 << 20,
};
/// Steps after the last observation: what a walk still asks for.
const STEPS_AFTER_MAX: usize = 1_000_000;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the log cannot be read")]
    Log(#[from] event_log::Error),
    #[error("the journal cannot be followed")]
    Recovery(#[from] recovery::Error),
    #[error("a step fails")]
    Step(#[from] step::Error),
    #[error("under this mapping a decision panics at observation {0}")]
    Panicked(String),
}

/// What came of it.
#[derive(Debug, Clone, Default)]
pub struct Report {
    pub differences: Vec<Difference>,
    /// Effects beyond those that can be told apart.
    pub beyond: u64,
    /// Calls by kind: how many were made, and how many would have been.
    pub calls: BTreeMap<&'static str, (u64, u64)>,
    pub observations: u64,
    /// Observations of the batches that are gone although their decision is there.
    pub missing: u64,
}

/// The question, and where both sides stand.
pub struct WhatIf<'a> {
    log: &'a Arc<dyn EventLog>,
    settings: Settings,
    bridge: BridgeId,
    end: u64,
    happened: View,
    would_be: View,
    mappings: Mappings,
    /// Commands of the other side without an answer.
    open: Vec<Command>,
    /// Records whose place in the bin was asked for and not answered yet.
    bins: BTreeMap<RecordRef, CommandId>,
    /// The bridge's org, which answers a write with none of its values.
    org: Option<SourceId>,
    now: Timestamp,
    ledger: Ledger,
    report: Report,
}

impl<'a> WhatIf<'a> {
    /// Both views are of the same journal at the same offset. `settings` names the one bridge.
    pub fn new(
        log: &'a Arc<dyn EventLog>,
        settings: Settings,
        end: u64,
        happened: View,
        would_be: View,
    ) -> Self {
        let bridge = settings.bridges[0].clone();
        let now = bridge_state(&happened, &bridge).last_at;
        Self {
            log,
            settings,
            bridge,
            end,
            happened,
            would_be,
            mappings: Mappings::default(),
            open: Vec::new(),
            bins: BTreeMap::new(),
            org: None,
            now,
            ledger: Ledger::default(),
            report: Report::default(),
        }
    }

    /// Follows the journal to its end. `tell` hears the offset that it has come to.
    pub fn run(mut self, new: &Offer, tell: &mut dyn FnMut(u64)) -> Result<Report, Error> {
        self.org = Some(new.sources.salesforce.clone());
        self.offer(new)?;
        let at = TopicPartition {
            topic: Topic::Journal,
            partition: self.settings.partition,
        };
        let mut offset = self.happened.journal_offset();
        let mut commit: Vec<Entry> = Vec::new();
        while offset < self.end {
            let batch = self
                .log
                .read_below(ReadFrom { at, offset }, self.end, READ_LIMIT)?;
            let Some(last) = batch.last() else { break };
            offset = last.offset + 1;
            for entry in batch {
                let inputs = inputs_of(&entry, &self.bridge);
                commit.push(entry);
                if let Some(inputs) = inputs {
                    self.commit(&std::mem::take(&mut commit), &inputs)?;
                }
            }
            tell(offset);
        }
        for entry in &commit {
            self.fold(entry)?;
        }
        self.finish()
    }

    /// The new mapping becomes active where the observations begin, unless it is already.
    fn offer(&mut self, new: &Offer) -> Result<(), Error> {
        let active = match self
            .would_be
            .get(&ViewKey::mapping(&self.bridge))
            .as_deref()
        {
            Some(ViewEntry::Mapping(active)) => Some((active.version, active.hash)),
            _ => None,
        };
        if active.is_some_and(|(_, hash)| hash == new.hash()) {
            return Ok(());
        }
        let version = active.map_or(1, |(version, _)| version + 1);
        let id = ObservationId::of_decision("what if");
        let body = ObservationBody::MappingOffered {
            version,
            hash: new.hash(),
            body: new.body(),
        };
        let observation = self.observation(id, body);
        self.take(Topic::Decisions, Some(observation))
    }

    fn observation(&self, id: ObservationId, body: ObservationBody) -> Observation {
        Observation {
            id,
            bridge: self.bridge.clone(),
            received_at: self.now,
            traceparent: None,
            body,
        }
    }

    /// One commit of the journal: what it was decided from, one observation after the other.
    fn commit(&mut self, entries: &[Entry], inputs: &[InputRange]) -> Result<(), Error> {
        let mut rest = entries.iter().peekable();
        while let Some(entry) = rest.next_if(|entry| leads(entry)) {
            let due = match journaled(entry) {
                Some(one) if one.key == JournalKey::Bridge(self.bridge.clone()) => {
                    matches!(one.event, E::TimeAdvanced { .. }).then_some(one.at)
                }
                _ => None,
            };
            self.fold(entry)?;
            if let Some(at) = due {
                self.now = self.now.max(at);
                self.take(Topic::Decisions, None)?;
            }
        }
        if let Some(at) = entries.last().and_then(journaled).map(|one| one.at) {
            self.now = self.now.max(at);
        }
        for range in inputs {
            for entry in self.inputs(range)? {
                let EntryBody::Message(Message::Observation(observation)) = &entry.body else {
                    continue;
                };
                let retold = self.retold(observation);
                let key = JournalKey::Bridge(observation.bridge.clone());
                while let Some(entry) = rest.next_if(|entry| {
                    let one = journaled(entry);
                    one.is_some_and(|one| one.cause == Some(observation.id) && one.key == key)
                }) {
                    self.fold(entry)?;
                }
                if observation.bridge != self.bridge {
                    continue;
                }
                self.report.observations += 1;
                if let Some(retold) = retold {
                    self.take(range.topic, Some(retold))?;
                }
                self.answer_alone()?;
            }
        }
        for entry in rest {
            self.fold(entry)?;
        }
        // A walk takes its turn at the end of each step.
        self.take(Topic::Decisions, None)?;
        self.answer_alone()?;
        settle(&mut self.happened)?;
        Ok(settle(&mut self.would_be)?)
    }

    /// The entries of a range that are still there.
    fn inputs(&mut self, range: &InputRange) -> Result<Vec<Entry>, Error> {
        let at = TopicPartition {
            topic: range.topic,
            partition: range.partition,
        };
        let mut all = Vec::new();
        let mut offset = range.from;
        while offset < range.to {
            let from = ReadFrom { at, offset };
            let batch = self.log.read_below(from, range.to, INPUT_LIMIT)?;
            let Some(last) = batch.last() else { break };
            offset = last.offset + 1;
            all.extend(batch);
        }
        if all.is_empty() {
            self.report.missing += range.to - range.from;
        }
        Ok(all)
    }

    /// Evolves what happened by one entry, and takes its effects into the ledger.
    fn fold(&mut self, entry: &Entry) -> Result<(), Error> {
        if let Some(one) = journaled(entry)
            && one.key == JournalKey::Bridge(self.bridge.clone())
        {
            self.ledger
                .take(Side::Happened, &self.happened, &self.bridge, one);
            if let Some(kind) = called(&one.event) {
                self.report.calls.entry(kind).or_default().0 += 1;
            }
            match &one.event {
                E::ReadRequested { command, .. } => {
                    let asked = of_bin(command).map(|record| (record.clone(), command.id));
                    self.bins.extend(asked);
                }
                E::ReadSettled { command, .. } => self.bins.retain(|_, id| id != command),
                _ => {}
            }
        }
        fold(&mut self.happened, entry)?;
        Ok(())
    }

    /// Decides one observation, or what time led to, on the other side.
    fn take(&mut self, topic: Topic, observation: Option<Observation>) -> Result<(), Error> {
        let id = observation.as_ref().map(|one| one.id);
        let entries: Vec<Entry> = observation
            .into_iter()
            .map(|observation| Entry {
                at: TopicPartition {
                    topic,
                    partition: self.settings.partition,
                },
                offset: 0,
                appended_at: self.now,
                key: self.bridge.to_string(),
                body: EntryBody::Message(Message::Observation(Box::new(observation))),
            })
            .collect();
        let output = step(
            &self.would_be,
            &self.settings,
            &mut self.mappings,
            &entries,
            self.now,
        )?;
        if !output.quarantined.is_empty() {
            let at = id.map_or_else(
                || "none: a deadline or a walk".to_owned(),
                |id| id.to_string(),
            );
            return Err(Error::Panicked(at));
        }
        // The entries of a step are looked at as they were decided: each on what stood before it.
        let mut view = Overlay::new(&self.would_be);
        for outgoing in &output.outputs {
            let Some(Message::Journal(one)) = &outgoing.message else {
                continue;
            };
            if one.key == JournalKey::Bridge(self.bridge.clone()) {
                self.ledger.take(Side::WouldBe, &view, &self.bridge, one);
                if let Some(kind) = called(&one.event) {
                    self.report.calls.entry(kind).or_default().1 += 1;
                }
                if let E::WriteRequested { command } | E::ReadRequested { command, .. } = &one.event
                {
                    self.open.retain(|known| known.id != command.id);
                    self.open.push(command.clone());
                }
            }
            evolve(&mut view, one);
        }
        let changes = view.into_changes();
        let offset = self.happened.journal_offset();
        self.would_be.apply(changes, offset);
        Ok(())
    }

    fn both(&self) -> Both<'_, View> {
        Both {
            happened: &self.happened,
            would_be: &self.would_be,
            bridge: &self.bridge,
            creates: self.open.iter().any(is_create),
        }
    }

    /// An observation as the other side would have taken it; none where it would not have come.
    fn retold(&mut self, observation: &Observation) -> Option<Observation> {
        if observation.bridge != self.bridge
            || bridge_state(&self.happened, &self.bridge).aside.is_some()
        {
            return None;
        }
        let mut retold = observation.clone();
        match &mut retold.body {
            ObservationBody::Changed { change, .. } => {
                *change = self.both().change(change)?;
            }
            ObservationBody::Answered(result) => {
                let theirs = outstanding(&self.happened, &self.bridge, &result.command)?;
                if is_create(&theirs.command) && failed(&result.outcome) {
                    // It is tried again, and only then it is known what was made.
                    return None;
                }
                let known = match of_bin(&theirs.command) {
                    Some(_) => {
                        let mut open = self.open.iter();
                        open.find(|one| one.kind == theirs.command.kind)?.clone()
                    }
                    None => {
                        let known = counterpart(&self.would_be, &self.bridge, &theirs.command)?;
                        known.command.clone()
                    }
                };
                let pair = Some((&theirs.command, &result.outcome));
                return Some(self.result(&known, pair));
            }
            ObservationBody::ReviewAnswered { review, .. } => {
                *review = self.same_question(review)?;
            }
            ObservationBody::LinkDecided { .. }
            | ObservationBody::ModeDecided { .. }
            | ObservationBody::RevertDecided { .. } => {}
            ObservationBody::MappingOffered { .. }
            | ObservationBody::LetterSettled { .. }
            | ObservationBody::BridgeReleased { .. } => return None,
        }
        Some(retold)
    }

    fn result(&self, command: &Command, theirs: Option<(&Command, &Outcome)>) -> Observation {
        let salesforce = self.org.as_ref() == Some(&command.source);
        let outcome = answer(&self.both(), command, theirs, salesforce);
        let result = CommandResult {
            command: command.id,
            bridge: self.bridge.clone(),
            source: command.source.clone(),
            attempt: command.attempt,
            finished_at: self.now,
            outcome,
        };
        let id = ObservationId::of_result(&command.id, command.attempt);
        self.observation(id, ObservationBody::Answered(result))
    }

    /// The open question of the other side that asks the same.
    fn same_question(&self, review: &ReviewId) -> Option<ReviewId> {
        let asked = self.happened.get(&ViewKey::review(&self.bridge, review))?;
        let ViewEntry::Review(asked) = &*asked else {
            return None;
        };
        let (mut from, to) = ViewKey::range(&self.bridge, 0x07);
        while let Some((key, entry)) = self.would_be.first(&from, &to) {
            if let ViewEntry::Review(item) = &*entry
                && (item.kind, &item.record, &item.field)
                    == (asked.kind, &asked.record, &asked.field)
            {
                return Some(item.id);
            }
            from = key.next();
        }
        None
    }

    /// Answers the commands that nobody sent: those without one of ours for the same record that
    /// still waits.
    fn answer_alone(&mut self) -> Result<(), Error> {
        loop {
            let (would_be, happened) = (&self.would_be, &self.happened);
            let bridge = &self.bridge;
            self.open
                .retain(|command| outstanding(would_be, bridge, &command.id).is_some());
            let alone = self.open.iter().find(|command| {
                let bin = of_bin(command).is_some_and(|one| self.bins.contains_key(one));
                !bin && !is_awaited(happened, bridge, command)
                    && record_state(would_be, bridge, &subject(command)).is_some()
            });
            let Some(alone) = alone.cloned() else {
                return Ok(());
            };
            let answer = self.result(&alone, None);
            self.take(Topic::Results, Some(answer))?;
            // An answer that settles nothing is not given twice.
            let waits = outstanding(&self.would_be, &self.bridge, &alone.id).is_some();
            if waits {
                self.open.retain(|command| command.id != alone.id);
            }
        }
    }

    /// What a walk still asks for after the last observation.
    fn finish(mut self) -> Result<Report, Error> {
        self.answer_alone()?;
        for _ in 0..STEPS_AFTER_MAX {
            if walk::next(&self.would_be, &self.bridge).is_none() {
                break;
            }
            self.take(Topic::Decisions, None)?;
            self.answer_alone()?;
            settle(&mut self.would_be)?;
        }
        self.report.differences = self.ledger.differences();
        self.report.beyond = self.ledger.beyond;
        Ok(self.report)
    }
}

/// The record of which a command asks what became of it: it stands in no record's state.
fn of_bin(command: &Command) -> Option<&RecordRef> {
    match &command.kind {
        CommandKind::Read(ReadCommand::Gone { record }) => Some(record),
        _ => None,
    }
}

fn is_create(command: &Command) -> bool {
    match &command.kind {
        CommandKind::Write(write) => matches!(write.target, WriteTarget::Create { .. }),
        CommandKind::Read(_) => false,
    }
}

fn failed(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Rejected(_) | Outcome::Unknown { .. })
}

/// Whether one of ours for the same record still waits for its answer, or is to be tried again.
fn is_awaited(happened: &View, bridge: &BridgeId, command: &Command) -> bool {
    let tries = || {
        let state = record_state(happened, bridge, &subject(command));
        state.is_some_and(|state| !matches!(state.pursuit, Pursuit::Idle | Pursuit::Waiting { .. }))
    };
    counterpart(happened, bridge, command).is_some() || (is_create(command) && tries())
}

fn journaled(entry: &Entry) -> Option<&JournalEntry> {
    match &entry.body {
        EntryBody::Message(Message::Journal(journaled)) => Some(journaled),
        _ => None,
    }
}

/// Whether an entry comes before the first observation of its commit: what time led to.
fn leads(entry: &Entry) -> bool {
    journaled(entry).is_none_or(|one| {
        let closes = matches!(one.event, E::BatchConsumed { .. } | E::BridgeReread { .. });
        one.cause.is_none() && !closes
    })
}

/// What a commit was decided from, where the entry closes one.
fn inputs_of(entry: &Entry, bridge: &BridgeId) -> Option<Vec<InputRange>> {
    match &journaled(entry)?.event {
        E::BatchConsumed { inputs, .. } => Some(inputs.clone()),
        E::BridgeReread {
            bridge: of, input, ..
        } if of == bridge => Some(vec![input.clone()]),
        _ => None,
    }
}

/// The kind of call that an event asks for, at its first attempt.
fn called(event: &E) -> Option<&'static str> {
    match event {
        E::WriteRequested { command } if command.attempt == 1 => Some(match &command.kind {
            CommandKind::Write(write) if matches!(write.target, WriteTarget::Create { .. }) => {
                "creations"
            }
            _ => "writes",
        }),
        E::ReadRequested { command, .. } if command.attempt == 1 => Some(match &command.kind {
            CommandKind::Read(ReadCommand::Lookup(_)) => "lookups",
            _ => "reads",
        }),
        _ => None,
    }
}
