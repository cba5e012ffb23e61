//! How far a view is that is brought up to its journal: logged, and shown as a metric.

use std::time::{Duration, Instant};

use crate::telemetry::metrics;

/// Between two lines of the log.
const TELL: Duration = Duration::from_secs(10);

/// One bringing up, from where the view stood to where the journal ended then.
pub struct Pace {
    partition: u32,
    first: u64,
    end: u64,
    began: Instant,
    told: Instant,
}

impl Pace {
    pub fn begin(partition: u32, first: u64, end: u64) -> Self {
        let now = Instant::now();
        Self {
            partition,
            first,
            end,
            began: now,
            told: now,
        }
    }

    /// The view stands at `offset` now.
    pub fn at(&mut self, offset: u64) {
        let remaining = self.end.saturating_sub(offset);
        let gauge = &metrics().view.entries_left;
        let gauge = gauge.with_label_values(&[&self.partition.to_string()]);
        gauge.set(i64::try_from(remaining).unwrap_or(i64::MAX));
        if remaining == 0 || self.told.elapsed() < TELL {
            return;
        }
        self.told = Instant::now();
        let (done, of) = (offset - self.first, self.end - self.first);
        tracing::info!(
            partition = self.partition,
            done,
            of,
            seconds_left = left(self.began.elapsed(), done, of).map(|left| left.as_secs()),
            "partition {}: {done} of {of} journal entries are folded",
            self.partition
        );
    }
}

/// How long the rest takes at the pace of what is done; none as long as nothing is.
fn left(taken: Duration, done: u64, of: u64) -> Option<Duration> {
    let seconds = taken.as_secs_f64() / done as f64 * of.saturating_sub(done) as f64;
    Duration::try_from_secs_f64(seconds).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_takes_as_long_as_what_is_done() {
        let taken = Duration::from_secs(20);
        assert_eq!(left(taken, 100, 400), Some(Duration::from_secs(60)));
        assert_eq!(left(taken, 400, 400), Some(Duration::ZERO));
        assert_eq!(left(taken, 0, 400), None);
    }

    #[test]
    fn the_metric_says_how_many_entries_are_left() {
        let mut pace = Pace::begin(4_000_000, 100, 300);
        let shown = || {
            let gauge = &metrics().view.entries_left;
            gauge.with_label_values(&["4000000"]).get()
        };
        pace.at(120);
        assert_eq!(shown(), 180);
        pace.at(300);
        assert_eq!(shown(), 0);
    }
}
