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
use crate::sink::pause::{Pause, Pauses, Waiting};
use crate::sink::{intercom, salesforce};
use crate::telemetry::metrics;

/// Longest wait that a remote may ask for; its clock or ours may be wrong.
const ASKED_MAX: Duration = Duration::from_secs(300);

/// What a failed call calls for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Disposition {
    /// Surely not carried out, and only this call is concerned: repeat for ever.
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
    /// Surely not carried out, and the whole system is concerned: repeat for ever, seldom.
    PauseLane { reason: Pause },
}

/// The one place where the sinks branch on errors.
pub fn disposition(error: &Error) -> Disposition {
    match &error.source {
        clients::Error::NotSent(_) => Disposition::PauseLane {
            reason: Pause::Outage,
        },
        clients::Error::Login { refused, .. } => Disposition::PauseLane {
            reason: match refused {
                true => Pause::Credentials,
                false => Pause::Outage,
            },
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
}

impl Default for Options {
    fn default() -> Self {
        Self {
            interval_first: Duration::from_millis(200),
            interval_max: Duration::from_secs(30),
            doubtful_max: 3,
            stale_after: Duration::from_secs(30),
        }
    }
}

/// Repeats the calls of one system.
#[derive(Debug)]
pub struct Retries {
    system: System,
    options: Options,
    pauses: Arc<Pauses>,
}

/// The repetitions of one command.
struct Series<'a> {
    retries: &'a Retries,
    pace: ExponentialBackoff,
    doubtful: u32,
    waiting: Option<Waiting>,
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
            options,
            pauses: Pauses::new(system),
        }
    }

    /// Tries until an outcome stands. `once` is told whether it must read before it writes.
    pub async fn run<F, T>(&self, mut repeat: bool, mut once: F) -> Outcome
    where
        F: FnMut(bool) -> T,
        T: Future<Output = Result<Outcome, Box<Error>>>,
    {
        let started = Instant::now();
        let mut series = Series {
            retries: self,
            pace: self.pace(),
            doubtful: 0,
            waiting: None,
        };
        loop {
            let error = match once(repeat).await {
                Ok(outcome) => return outcome,
                Err(error) => error,
            };
            match series.after(&error).await {
                Next::Again => {}
                Next::ReadFirst => repeat = true,
                Next::Settled(outcome) => return outcome,
            }
            repeat |= started.elapsed() > self.options.stale_after;
        }
    }

    fn pace(&self) -> ExponentialBackoff {
        let mut pace = ExponentialBackoff {
            initial_interval: self.options.interval_first,
            max_interval: self.options.interval_max,
            max_elapsed_time: None,
            ..ExponentialBackoff::default()
        };
        pace.reset();
        pace
    }
}

impl Series<'_> {
    /// Waits as long as the error calls for.
    async fn after(&mut self, error: &Error) -> Next {
        match disposition(error) {
            Disposition::Rejected(rejection) => Next::Settled(Outcome::Rejected(rejection)),
            Disposition::Unknown { reason } => Next::Settled(Outcome::Unknown { reason }),
            Disposition::RetryAfter { reason, after } => {
                self.waiting = None;
                self.wait(reason, after).await;
                Next::Again
            }
            Disposition::PauseLane { reason } => {
                if self.waiting.as_ref().map(Waiting::reason) != Some(reason) {
                    self.waiting = Some(self.retries.pauses.enter(reason, error));
                }
                self.wait(reason.as_str(), None).await;
                Next::Again
            }
            Disposition::ReadFirst { reason } => {
                self.waiting = None;
                self.doubtful += 1;
                if self.doubtful > self.retries.options.doubtful_max {
                    let reason = error.source.to_string();
                    return Next::Settled(Outcome::Unknown { reason });
                }
                self.wait(reason, None).await;
                Next::ReadFirst
            }
        }
    }

    async fn wait(&mut self, reason: &'static str, asked: Option<Duration>) {
        let labels = [self.retries.system.as_str(), reason];
        metrics().retries_total.with_label_values(&labels).inc();
        let interval_max = self.retries.options.interval_max;
        let pace = self.pace.next_backoff().unwrap_or(interval_max);
        tokio::time::sleep(asked.map_or(pace, |asked| asked.min(ASKED_MAX).max(pace))).await;
    }
}
