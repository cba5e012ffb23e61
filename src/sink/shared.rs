//! The repetitions of a request that several commands share. It is repeated as a whole only while
//! all wait; anything else is for each command alone.

use std::future::Future;
use std::time::Duration;

use backoff::backoff::Backoff as _;
use tokio::time::Instant;

use crate::domain::Outcome;
use crate::sink::error::Error;
use crate::sink::executor::{Alone, Answer};
use crate::sink::gate::{ASKED_MAX, Gate};
use crate::sink::retry::{BUSY_WAIT_MAX, Disposition, Retries, disposition};

/// Tries of a shared request that the remote is too busy for: one of its rows may be the reason,
/// and must not hold the others for long.
const BUSY_TRIES_MAX: u32 = 3;

impl Retries {
    /// Tries until the remote takes the request, and returns what it answered; otherwise how each
    /// of the commands goes on.
    pub async fn run_shared<F, T, A>(&self, gate: &Gate, mut once: F) -> Result<A, Alone>
    where
        F: FnMut() -> T,
        T: Future<Output = Result<A, Box<Error>>>,
    {
        let started = Instant::now();
        let mut pace = self.pace();
        let mut busy = 0;
        loop {
            let pass = gate.pass().await;
            if started.elapsed() > self.options.stale_after {
                return Err(first_read(Duration::ZERO));
            }
            let error = match once().await {
                Ok(answer) => {
                    pass.answered();
                    return Ok(answer);
                }
                Err(error) => error,
            };
            let wait = pace.next_backoff().unwrap_or(self.options.interval_max);
            match disposition(&error) {
                Disposition::PauseLane { reason, after } => {
                    self.count(reason.as_str());
                    pass.paused(reason, after, &error);
                }
                Disposition::RetryAfter { reason, after } => {
                    pass.answered();
                    self.count(reason);
                    busy += 1;
                    let wait = after.map_or(wait, |asked| asked.min(ASKED_MAX).max(wait));
                    if busy >= BUSY_TRIES_MAX || wait > BUSY_WAIT_MAX {
                        return Err(Alone::default());
                    }
                    tokio::time::sleep(wait).await;
                }
                Disposition::ReadFirst { reason } => {
                    pass.answered();
                    self.count(reason);
                    return Err(first_read(wait));
                }
                Disposition::Unknown { .. } => {
                    pass.answered();
                    return Err(first_read(wait));
                }
                // Nothing was carried out, and one row may be what was refused.
                Disposition::Rejected(_) => {
                    pass.answered();
                    return Err(Alone::default());
                }
            }
        }
    }

    /// What one row's failure calls for, while the other rows of its request stand.
    pub fn of_row(&self, error: &Error) -> Answer {
        match disposition(error) {
            Disposition::Rejected(rejection) => Answer::Settled(Outcome::Rejected(rejection)),
            Disposition::Unknown { reason } => Answer::Settled(Outcome::Unknown { reason }),
            Disposition::RetryAfter { reason, .. } => {
                self.count(reason);
                Answer::Alone(Alone {
                    after: self.first_wait(),
                    ..Alone::default()
                })
            }
            Disposition::ReadFirst { reason } => {
                self.count(reason);
                Answer::Alone(first_read(self.first_wait()))
            }
            // By itself it finds out whether that concerns everything there.
            Disposition::PauseLane { .. } => Answer::Alone(Alone::default()),
        }
    }

    /// With jitter: rows that met one lock do not meet again.
    fn first_wait(&self) -> Duration {
        let wait = self.pace().next_backoff();
        wait.unwrap_or(self.options.interval_max)
    }
}

fn first_read(after: Duration) -> Alone {
    Alone {
        repeat: true,
        after,
        ..Alone::default()
    }
}
