//! How long to wait before a subscription is opened again, by what ended the last one.

use std::time::Duration;

use backoff::ExponentialBackoff;
use backoff::backoff::Backoff as _;

use crate::feeds::book;
use crate::feeds::salesforce::source::Failure;

/// The allocation rolls off over 24 h; events are kept 72 h (salesforce.md 1.5, 1.6).
const LIMIT_FIRST: Duration = Duration::from_secs(15 * 60);
const LIMIT_LONGEST: Duration = Duration::from_secs(60 * 60);
/// A person has to act first, but nobody restarts us when they have.
const REFUSED_FIRST: Duration = Duration::from_secs(60);
const REFUSED_LONGEST: Duration = Duration::from_secs(15 * 60);
const SLOW_DOWN: Duration = Duration::from_secs(30);

/// Why a subscription ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    Remote(Failure),
    /// Nothing came for too long.
    Silent,
    Book(book::Error),
}

impl Trouble {
    /// A label of metrics and health.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Remote(failure) => failure.reason(),
            Self::Silent => "silent",
            Self::Book(book::Error::Lost) => "lease_lost",
            Self::Book(book::Error::Failed(_)) => "log_failed",
        }
    }
}

impl std::fmt::Display for Trouble {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Remote(failure) => failure.fmt(f),
            Self::Silent => f.write_str("nothing came for too long"),
            Self::Book(error) => error.fmt(f),
        }
    }
}

pub struct Pace {
    first: Duration,
    longest: Duration,
    backoff: ExponentialBackoff,
    limit: Duration,
    refused: Duration,
    /// Tokens refused in a row.
    tokens: u32,
}

impl Pace {
    /// The shortest and the longest pause after what passes by itself.
    pub fn new(first: Duration, longest: Duration) -> Self {
        Self {
            first,
            longest,
            backoff: ExponentialBackoff {
                current_interval: first,
                initial_interval: first,
                max_interval: longest,
                max_elapsed_time: None,
                ..ExponentialBackoff::default()
            },
            limit: LIMIT_FIRST,
            refused: REFUSED_FIRST,
            tokens: 0,
        }
    }

    /// The pause after this trouble. Random, so that many feeds do not come back at once.
    pub fn pause(&mut self, trouble: &Trouble) -> Duration {
        match trouble {
            Trouble::Remote(Failure::LimitUsedUp) => double(&mut self.limit, LIMIT_LONGEST),
            Trouble::Remote(Failure::Refused(_)) => double(&mut self.refused, REFUSED_LONGEST),
            Trouble::Remote(Failure::SlowDown(_)) => self.step().max(SLOW_DOWN),
            Trouble::Remote(Failure::Unauthorised) => {
                self.tokens += 1;
                // A token that ended is replaced at once; one that is refused again is not.
                match self.tokens {
                    1 => Duration::ZERO,
                    _ => self.step(),
                }
            }
            _ => self.step(),
        }
    }

    /// Something came: the next trouble is a first one.
    pub fn progress(&mut self) {
        *self = Self::new(self.first, self.longest);
    }

    fn step(&mut self) -> Duration {
        let next = self.backoff.next_backoff().unwrap_or(self.longest);
        next.clamp(self.first, self.longest)
    }
}

fn double(next: &mut Duration, longest: Duration) -> Duration {
    let pause = *next;
    *next = (pause * 2).min(longest);
    pause
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: Duration = Duration::from_secs(1);
    const LONGEST: Duration = Duration::from_secs(60);

    #[test]
    fn pauses_grow_to_their_bound_and_start_again_after_progress() {
        let mut pace = Pace::new(FIRST, LONGEST);
        let broken = Trouble::Remote(Failure::Broken("x".into()));
        for _ in 0..50 {
            let pause = pace.pause(&broken);
            assert!((FIRST..=LONGEST).contains(&pause), "{pause:?}");
        }
        assert!(pace.pause(&broken) > Duration::from_secs(20));
        pace.progress();
        assert!(pace.pause(&broken) < Duration::from_secs(2));
        let limit = Trouble::Remote(Failure::LimitUsedUp);
        let minutes: Vec<u64> = (0..4).map(|_| pace.pause(&limit).as_secs() / 60).collect();
        assert_eq!(minutes, [15, 30, 60, 60]);
    }

    #[test]
    fn a_token_is_replaced_at_once_only_the_first_time() {
        let mut pace = Pace::new(FIRST, LONGEST);
        let refused = Trouble::Remote(Failure::Unauthorised);
        assert_eq!(pace.pause(&refused), Duration::ZERO);
        assert!(pace.pause(&refused) >= FIRST);
    }
}
