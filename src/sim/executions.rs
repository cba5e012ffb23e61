//! Commands on their way: what the sinks start, what becomes of their requests, and what a sink
//! leaves behind that dies.

use crate::clients::transport::{Failure, Request, Response};
use crate::domain::{Command, CommandKind, CommandResult, Observation, ObservationBody};
use crate::domain::{ObservationId, Outcome, Timestamp, Topic, WriteTarget};
use crate::sim::history::{By, Repeat};
use crate::sim::mapping::APP_ID;
use crate::sim::sinks::Job;
use crate::sim::wire::{Progress, REQUEST_TIMEOUT_MS, Run};
use crate::sim::world::{Event, MINUTE_MS, World};

/// What happens to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mishap {
    None,
    /// It never arrives.
    Lost,
    /// It is carried out and its answer never arrives.
    AnswerLost,
    /// A gateway fails before it is carried out.
    FailsBefore,
    /// A gateway fails after it was carried out.
    FailsAfter,
    /// Too many requests.
    Limited,
}

pub struct Execution {
    pub topic: Topic,
    pub job: Job,
    pub run: Run,
}

impl World {
    pub(super) fn feed_sinks(&mut self) {
        for topic in [Topic::SalesforceWrites, Topic::IntercomWrites] {
            let Some(sink) = self.sinks.get_mut(&topic) else {
                continue;
            };
            if sink.up {
                sink.read(
                    self.pipeline
                        .writes
                        .get(&topic)
                        .map_or(&[][..], Vec::as_slice),
                );
            }
            let jobs = sink.start();
            for job in jobs {
                let long = if self.faults { 50 } else { 0 };
                let after = self.chance.delay(200, 3 * MINUTE_MS, long);
                self.later(after, Event::Start(topic, Box::new(job)));
            }
        }
    }

    pub(super) fn start(&mut self, topic: Topic, mut job: Job) {
        let crashed = self.sinks.get(&topic).is_none_or(|sink| !sink.holds(&job));
        if crashed {
            self.tally.count("command of a dead sink", true);
            return;
        }
        // A first try that waited for long looks before it writes.
        job.repeat |= self.now - job.command.requested_at.0 > MINUTE_MS;
        job.repeat |= job.command.reads_first();
        self.started += 1;
        let id = self.started;
        let login = self.remotes.login.clone();
        let run = Run::new(
            topic,
            job.command.clone(),
            job.repeat,
            self.clock.clone(),
            login,
        );
        self.executions.insert(id, Execution { topic, job, run });
        self.advance(id);
    }

    pub(super) fn advance(&mut self, id: u64) {
        let Some(execution) = self.executions.get_mut(&id) else {
            return;
        };
        match execution.run.advance(&self.runtime) {
            Progress::Asks(request) => {
                let mishap = self.mishap();
                let after = self.chance.delay(150, 5_000, 50);
                self.later(after, Event::Arrive(id, Box::new(request), mishap));
            }
            Progress::Done(outcome) => {
                let after = self.chance.delay(50, 5_000, 30);
                self.later(after, Event::Result(id, Box::new(outcome)));
            }
        }
    }

    fn mishap(&mut self) -> Mishap {
        if !self.faults {
            return Mishap::None;
        }
        let (name, mishap) = match self.chance.below(1_000) {
            0..15 => ("request lost", Mishap::Lost),
            15..35 => ("answer lost", Mishap::AnswerLost),
            35..45 => ("5xx, not carried out", Mishap::FailsBefore),
            45..60 => ("5xx, carried out", Mishap::FailsAfter),
            60..75 => ("429", Mishap::Limited),
            _ => return Mishap::None,
        };
        self.tally.count(name, true);
        mishap
    }

    pub(super) fn arrive(&mut self, id: u64, request: &Request, mishap: Mishap) {
        // A request under way arrives even if its sink has died since.
        let known = self.executions.get(&id);
        let Some((topic, command, repeat)) = known.map(|execution| {
            let job = &execution.job;
            (execution.topic, job.command.clone(), execution.run.repeat)
        }) else {
            return;
        };
        let back = self.chance.delay(150, 5_000, 50);
        let failed = |status| Response {
            status,
            headers: Vec::new(),
            body: Vec::new(),
        };
        let timeout = (REQUEST_TIMEOUT_MS, Err(Failure::NoAnswer("it timed out")));
        let carried_out = matches!(
            mishap,
            Mishap::None | Mishap::AnswerLost | Mishap::FailsAfter
        );
        let mut answered = None;
        if carried_out {
            if request.method.as_str() == "GET" {
                self.note_repeat(&command);
            }
            let by = By::Us {
                command: command.id.to_string(),
                repeat,
            };
            answered = Some(self.remotes.request(topic, request, &by, self.now));
            self.observe(Some(topic));
        }
        let (after, answer) = match (mishap, answered) {
            (Mishap::None, Some(answer)) => (back, Ok(answer)),
            (Mishap::FailsBefore | Mishap::FailsAfter, _) => (back, Ok(failed(500))),
            (Mishap::Limited, _) => (back, Ok(limited(topic))),
            _ => timeout,
        };
        self.later(after, Event::Answer(id, answer));
    }

    /// What a repeat is about to see: it may only write over what it expected.
    fn note_repeat(&mut self, command: &Command) {
        let CommandKind::Write(write) = &command.kind else {
            return;
        };
        let WriteTarget::Record(record) = &write.target else {
            return;
        };
        let shown = self.remotes.contacts.get(&record.id);
        let Some(shown) = shown.or_else(|| self.remotes.rows.get(&record.id)) else {
            return;
        };
        for field in &write.fields {
            let value = shown.get(field.name.as_str()).cloned().unwrap_or_default();
            self.repeats.push(Repeat {
                record: record.id.clone(),
                field: format!("{} {}", command.id, field.name),
                at: self.now,
                shown: value,
                expected: plain(&field.expect.display()),
                target: plain(&field.value.display()),
            });
        }
    }

    pub(super) fn result(&mut self, id: u64, outcome: Outcome) {
        let Some(execution) = self.executions.remove(&id) else {
            return;
        };
        let (topic, job) = (execution.topic, execution.job);
        if let Some(sink) = self.sinks.get_mut(&topic) {
            sink.settle(&job, !matches!(outcome, Outcome::Unknown { .. }));
        }
        let lost = self.faults && self.chance.permille(15);
        if lost {
            self.tally.count("result lost", true);
        } else {
            let command = &job.command;
            let result = CommandResult {
                command: command.id,
                bridge: command.bridge.clone(),
                source: command.source.clone(),
                attempt: command.attempt,
                finished_at: Timestamp(self.now),
                outcome,
            };
            let observation = Observation {
                id: ObservationId::of_result(&command.id, command.attempt),
                bridge: command.bridge.clone(),
                received_at: Timestamp(self.now),
                traceparent: None,
                body: ObservationBody::Answered(result),
            };
            let after = self.chance.delay(50, 2_000, 50);
            self.later(
                after,
                Event::Observed(Topic::Results, Box::new(observation)),
            );
        }
        self.feed_sinks();
    }

    /// A sink dies with all it was at; its requests under way still arrive.
    pub(super) fn crash(&mut self, topic: Topic) {
        let end = self.pipeline.writes.get(&topic).map_or(0, Vec::len) as u64;
        let Some(sink) = self.sinks.get_mut(&topic).filter(|sink| sink.up) else {
            return;
        };
        let works = !sink.is_idle(end);
        sink.crash(end);
        self.tally.count("sink dies", works);
        let dead: Vec<u64> = self
            .executions
            .iter()
            .filter(|(_, execution)| execution.topic == topic)
            .map(|(id, _)| *id)
            .collect();
        let underway: Vec<(i64, u64)> = self
            .queue
            .iter()
            .filter(|(_, event)| matches!(event, Event::Arrive(id, ..) if dead.contains(id)))
            .map(|(key, _)| *key)
            .collect();
        for key in underway {
            self.arrives_orphaned(key);
        }
        self.executions.retain(|id, _| !dead.contains(id));
        self.later(REQUEST_TIMEOUT_MS, Event::SinkUp(topic));
    }

    /// The request of a dead sink is carried out at once: it was on its way, nobody hears of it.
    fn arrives_orphaned(&mut self, key: (i64, u64)) {
        if let Some(Event::Arrive(id, request, mishap)) = self.queue.remove(&key)
            && mishap != Mishap::Lost
        {
            self.arrive(id, &request, Mishap::AnswerLost);
        }
    }
}

/// A value of ours as the remotes' are taken down: our key without the workspace.
fn plain(value: &str) -> String {
    let key = value
        .strip_prefix(APP_ID)
        .and_then(|rest| rest.strip_prefix(':'));
    key.unwrap_or(value).to_owned()
}

fn limited(topic: Topic) -> Response {
    let (status, body) = match topic {
        Topic::SalesforceWrites => {
            let code = "REQUEST_LIMIT_EXCEEDED";
            let error = serde_json::json!([{"errorCode": code, "message": "TotalRequests"}]);
            (403, error.to_string())
        }
        _ => (429, "{}".to_owned()),
    };
    Response {
        status,
        headers: Vec::new(),
        body: body.into_bytes(),
    }
}
