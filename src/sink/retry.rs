//! What to do about a failed call: one pure judgement, and the pace of repeating.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use backoff::ExponentialBackoff;
use backoff::backoff::Backoff as _;
use tokio::time::Instant;

use crate::clients::{self, System};
use crate::domain::{Outcome, RecordRef, RejectClass, Rejection};
use crate::sink::error::{Access, Error};
use crate::sink::gate::{ASKED_MAX, Gate};
use crate::sink::pause::{Pause, Pauses};
use crate::sink::{intercom, salesforce};
use crate::telemetry::RoleHealth;
use crate::telemetry::metrics;

/// Tries of a call that the remote is too busy for. A record that it is always too busy for must
/// not keep its place among the running lanes: the rest is for whoever asked, who can wait longer.
const BUSY_TRIES_MAX: u32 = 8;
/// All the waits between those tries, together.
pub(super) const BUSY_WAIT_MAX: Duration = Duration::from_secs(60);

/// What a failed call calls for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Disposition {
    /// Surely not carried out, and perhaps only this record is concerned: repeat a few times, then
    /// say unknown.
    RetryAfter {
        reason: &'static str,
        after: Option<Duration>,
    },
    /// May have been carried out: repeat a few times, reading first, then say unknown.
    ReadFirst { reason: &'static str },
    /// Cannot be known by repeating.
    Unknown { reason: String },
    /// Refused for good.
    Rejected(Rejection),
    /// Surely not carried out, and everything there is concerned: all wait, for ever, while one
    /// asks again.
    PauseLane {
        reason: Pause,
        after: Option<Duration>,
    },
}

/// The one place where the sinks branch on errors.
pub fn disposition(error: &Error) -> Disposition {
    match &error.source {
        clients::Error::NotSent(_) => Disposition::PauseLane {
            reason: Pause::Outage,
            after: None,
        },
        clients::Error::Login { refused, .. } => Disposition::PauseLane {
            reason: match refused {
                true => Pause::Credentials,
                false => Pause::Outage,
            },
            after: None,
        },
        clients::Error::NoAnswer(_) => Disposition::ReadFirst {
            reason: "no_answer",
        },
        clients::Error::Malformed { .. } if error.access == Access::Write => {
            Disposition::ReadFirst {
                reason: "unreadable_answer",
            }
        }
        clients::Error::Malformed { .. } => Disposition::Unknown {
            reason: error.source.to_string(),
        },
        clients::Error::Unsendable(reason) => {
            let hint = "correct the id or key at its source: no request can be made with it";
            Disposition::Rejected(ours(RejectClass::BadData, "UNSENDABLE", reason, hint))
        }
        clients::Error::Refused(refusal) => match error.system {
            System::Intercom => intercom::classify::refusal(error, refusal),
            System::Salesforce => salesforce::classify::refusal(error, refusal),
        },
    }
}

/// A refusal by the remote, with its words.
pub fn rejected(
    error: &Error,
    refusal: &clients::Refusal,
    class: RejectClass,
    hint: String,
) -> Disposition {
    let codes: Vec<&str> = refusal.problems.iter().map(|p| p.code.as_str()).collect();
    let mut fields: Vec<String> = refusal
        .problems
        .iter()
        .flat_map(|problem| problem.fields.iter().cloned())
        .collect();
    fields.sort();
    fields.dedup();
    let records = refusal
        .records
        .iter()
        .filter_map(|named| RecordRef::new(&error.at, &named.object, &named.id).ok());
    Disposition::Rejected(Rejection {
        class,
        code: codes.first().map_or("NONE", |code| code).to_string(),
        text: refusal.text(),
        fields,
        records: records.collect(),
        hint,
    })
}

/// A refusal of ours, before any request; `text` holds no values.
pub fn ours(class: RejectClass, code: &str, text: &str, hint: &str) -> Rejection {
    Rejection {
        class,
        code: code.into(),
        text: text.into(),
        fields: Vec::new(),
        records: Vec::new(),
        hint: hint.into(),
    }
}

#[derive(Clone, Debug)]
pub struct Options {
    pub interval_first: Duration,
    pub interval_max: Duration,
    /// Repetitions after answers that leave open whether the call was carried out.
    pub doubtful_max: u32,
    /// A command that has been repeated for longer than this reads before it writes.
    pub stale_after: Duration,
    /// Where a pause is told.
    pub health: Option<RoleHealth>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            interval_first: Duration::from_millis(200),
            interval_max: Duration::from_secs(30),
            doubtful_max: 3,
            stale_after: Duration::from_secs(30),
            health: None,
        }
    }
}

/// Repeats the calls of one system.
#[derive(Debug)]
pub struct Retries {
    system: System,
    pub(super) options: Options,
    pauses: Arc<Pauses>,
}

/// The repetitions of one command.
struct Series<'a> {
    retries: &'a Retries,
    pace: ExponentialBackoff,
    doubtful: u32,
    busy: u32,
    busy_waited: Duration,
}

enum Next {
    Again,
    ReadFirst,
    Settled(Outcome),
}

impl Retries {
    pub fn new(system: System, options: Options) -> Self {
        Self {
            system,
            pauses: Pauses::new(system, options.health.clone()),
            options,
        }
    }

    /// A gate for one of the system's remotes, at this pace.
    pub fn gate(&self) -> Gate {
        Gate::new(self.pauses.clone(), self.pace())
    }

    /// Tries until an outcome stands. `once` is told whether it must read before it writes.
    pub async fn run<F, T>(&self, gate: &Gate, mut repeat: bool, mut once: F) -> Outcome
    where
        F: FnMut(bool) -> T,
        T: Future<Output = Result<Outcome, Box<Error>>>,
    {
        let started = Instant::now();
        let mut series = Series {
            retries: self,
            pace: self.pace(),
            doubtful: 0,
            busy: 0,
            busy_waited: Duration::ZERO,
        };
        loop {
            let pass = gate.pass().await;
            repeat |= started.elapsed() > self.options.stale_after;
            let error = match once(repeat).await {
                Ok(outcome) => {
                    pass.answered();
                    return outcome;
                }
                Err(error) => error,
            };
            let disposition = disposition(&error);
            if let Disposition::PauseLane { reason, after } = disposition {
                self.count(reason.as_str());
                pass.paused(reason, after, &error);
                continue;
            }
            pass.answered();
            match series.after(disposition, &error).await {
                Next::Again => {}
                Next::ReadFirst => repeat = true,
                Next::Settled(outcome) => return outcome,
            }
        }
    }

    pub(super) fn pace(&self) -> ExponentialBackoff {
        let mut pace = ExponentialBackoff {
            initial_interval: self.options.interval_first,
            max_interval: self.options.interval_max,
            max_elapsed_time: None,
            ..ExponentialBackoff::default()
        };
        pace.reset();
        pace
    }

    pub(super) fn count(&self, reason: &str) {
        let labels = [self.system.as_str(), reason];
        metrics().retries_total.with_label_values(&labels).inc();
    }
}

impl Series<'_> {
    /// Waits as long as the error calls for.
    async fn after(&mut self, disposition: Disposition, error: &Error) -> Next {
        match disposition {
            Disposition::Rejected(rejection) => Next::Settled(Outcome::Rejected(rejection)),
            Disposition::Unknown { reason } => Next::Settled(Outcome::Unknown { reason }),
            Disposition::RetryAfter { reason, after } => {
                self.busy += 1;
                let wait = self.wait(after);
                self.busy_waited += wait;
                if self.busy >= BUSY_TRIES_MAX || self.busy_waited > BUSY_WAIT_MAX {
                    return unknown(error);
                }
                self.retries.count(reason);
                pause(wait).await;
                Next::Again
            }
            Disposition::ReadFirst { reason } => {
                self.doubtful += 1;
                if self.doubtful > self.retries.options.doubtful_max {
                    return unknown(error);
                }
                self.retries.count(reason);
                let wait = self.wait(None);
                pause(wait).await;
                Next::ReadFirst
            }
            Disposition::PauseLane { .. } => unreachable!("the gate waits for these"),
        }
    }

    fn wait(&mut self, asked: Option<Duration>) -> Duration {
        let interval_max = self.retries.options.interval_max;
        let pace = self.pace.next_backoff().unwrap_or(interval_max);
        asked.map_or(pace, |asked| asked.min(ASKED_MAX).max(pace))
    }
}

async fn pause(wait: Duration) {
    // A timer that is set for no time goes off a millisecond later.
    if !wait.is_zero() {
        tokio::time::sleep(wait).await;
    }
}

fn unknown(error: &Error) -> Next {
    let reason = error.source.to_string();
    Next::Settled(Outcome::Unknown { reason })
}
