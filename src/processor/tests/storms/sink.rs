//! The sinks of a storm: they take the commands of a lane in order, with every outcome that a sink
//! can have, and their results come when they come.

use crate::domain::command::ReadCommand;
use crate::domain::{Command, CommandKind, CommandResult, ObservationBody, Outcome};
use crate::domain::{RejectClass, Timestamp, Topic};
use crate::processor::tests::storms::Storm;
use crate::processor::tests::storms::salesforce::refusal;
use crate::processor::tests::world::{bridge, support};

impl Storm {
    /// The sink takes the next command of some lane, with some outcome.
    pub fn execute(&mut self) {
        let Some((lane, command)) = self.next_command() else {
            return;
        };
        let now = self.world.now;
        let is_write = matches!(command.kind, CommandKind::Write(_));
        let unknown = || Outcome::Unknown {
            reason: "timeout".into(),
        };
        let outcome = match self.chance.below(100) {
            0..60 => Some(self.carry_out(&command, now)),
            60..68 => {
                self.carry_out(&command, now);
                Some(unknown())
            }
            68..74 => Some(unknown()),
            74..80 => {
                self.carry_out(&command, now);
                None
            }
            80..86 => None,
            86..92 if is_write => Some(Outcome::Rejected(refusal(RejectClass::BadData))),
            _ => Some(self.carry_out(&command, now)),
        };
        self.tell(|| format!("executed {command:?} -> {outcome:?}"));
        if let Some(outcome) = outcome {
            self.result(lane, &command, outcome);
        }
    }

    pub fn next_command(&mut self) -> Option<(String, Command)> {
        self.lanes.retain(|_, lane| !lane.is_empty());
        if self.lanes.is_empty() {
            return None;
        }
        let place = self.chance.below(self.lanes.len());
        let (name, lane) = self.lanes.iter_mut().nth(place)?;
        Some((name.clone(), lane.pop_front()?))
    }

    pub fn carry_out(&mut self, command: &Command, now: i64) -> Outcome {
        match &command.kind {
            CommandKind::Read(ReadCommand::Record { record, .. })
                if command.source == support() =>
            {
                self.intercom.read(record)
            }
            _ => self.salesforce.execute(command, now),
        }
    }

    pub fn result(&mut self, lane: String, command: &Command, outcome: Outcome) {
        let result = CommandResult {
            command: command.id,
            bridge: bridge(),
            source: command.source.clone(),
            attempt: command.attempt,
            finished_at: Timestamp(self.world.now),
            outcome,
        };
        let observation = self.world.observation(ObservationBody::Answered(result));
        self.results.push((lane, observation));
    }

    /// Brings a result; results of one lane keep their order.
    pub fn answer(&mut self) {
        if self.results.is_empty() {
            return;
        }
        let place = self.chance.below(self.results.len());
        let lane = self.results[place].0.clone();
        let first = self.results.iter().position(|(of, _)| *of == lane).unwrap();
        let (_, observation) = self.results.remove(first);
        self.answered.push(observation.clone());
        self.shows_edits(&observation.body);
        self.step(vec![(Topic::Results, observation)]);
    }

    /// What people changed before a read that counts is known from then on.
    fn shows_edits(&mut self, body: &ObservationBody) {
        let ObservationBody::Answered(result) = body else {
            return;
        };
        let counts = self.history.outstanding.contains_key(&result.command);
        if let (Outcome::Read { snapshot }, true) = (&result.outcome, counts) {
            let (read, at) = (&snapshot.record, result.finished_at.0);
            let edited = &mut self.salesforce.edited;
            edited.retain(|(record, _), edited_at| record != read || *edited_at >= at);
        }
    }
}
