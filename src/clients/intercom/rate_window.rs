//! The workspace's request window. Intercom counts in fixed windows of ten seconds and says with
//! each answer how many requests remain and when the next window surely began.

use std::sync::Mutex;
use std::time::Duration;

use crate::clients::measured;
use crate::clients::system::System;
use crate::clients::transport::Response;
use crate::domain::Timestamp;

/// Requests left to others of the workspace: the limit is shared with every app in it.
const RESERVE_SHARE: i64 = 20;
/// Windows last ten seconds; a longer wait means that our clock or theirs is wrong.
const WAIT_MAX: Duration = Duration::from_secs(30);

#[derive(Debug, Default)]
pub struct RateWindow {
    seen: Mutex<Option<Seen>>,
}

/// The window as last told, counted down by what was sent since.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Seen {
    limit: i64,
    remaining: i64,
    resets_at: Timestamp,
}

impl RateWindow {
    /// Takes one request out of the window, or says how long to wait for the next one.
    pub fn take(&self, now: Timestamp) -> Result<(), Duration> {
        let mut seen = self.seen.lock().expect("no holder of this lock panics");
        let Some(window) = seen.as_mut() else {
            return Ok(());
        };
        if now >= window.resets_at {
            *seen = None;
            return Ok(());
        }
        if window.remaining > window.limit / RESERVE_SHARE {
            window.remaining -= 1;
            return Ok(());
        }
        Err(wait(window.resets_at, now))
    }

    /// Learns from an answer; one without the headers says nothing.
    pub fn learn(&self, response: &Response) {
        let number = |name| response.header(name)?.trim().parse::<i64>().ok();
        let (Some(limit), Some(remaining), Some(reset)) = (
            number("x-ratelimit-limit"),
            number("x-ratelimit-remaining"),
            number("x-ratelimit-reset"),
        ) else {
            return;
        };
        measured::set_api_calls(System::Intercom, limit.saturating_sub(remaining), limit);
        let told = Seen {
            limit,
            remaining,
            resets_at: Timestamp(reset.saturating_mul(1000)),
        };
        let mut seen = self.seen.lock().expect("no holder of this lock panics");
        *seen = Some(match *seen {
            // Answers overtake one another: within a window the lowest count is the latest.
            Some(known) if known.resets_at == told.resets_at => Seen {
                remaining: known.remaining.min(told.remaining),
                ..told
            },
            Some(known) if known.resets_at > told.resets_at => known,
            _ => told,
        });
    }

    /// How long a 429 asks to wait.
    pub fn retry_after(response: &Response, now: Timestamp) -> Option<Duration> {
        let reset: i64 = response.header("x-ratelimit-reset")?.trim().parse().ok()?;
        Some(wait(Timestamp(reset.saturating_mul(1000)), now))
    }
}

fn wait(until: Timestamp, now: Timestamp) -> Duration {
    let ms = until.0.saturating_sub(now.0).max(0);
    Duration::from_millis(ms as u64).min(WAIT_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(remaining: i64, reset: i64) -> Response {
        let header = |name: &str, value: i64| (name.to_string(), value.to_string());
        Response {
            status: 200,
            headers: vec![
                header("x-ratelimit-limit", 160),
                header("x-ratelimit-remaining", remaining),
                header("x-ratelimit-reset", reset),
            ],
            body: Vec::new(),
        }
    }

    #[test]
    fn the_window_is_counted_down_to_the_reserve_and_then_waited_out() {
        let window = RateWindow::default();
        assert_eq!(window.take(Timestamp(0)), Ok(()));
        window.learn(&told(10, 12));
        assert_eq!(window.take(Timestamp(4_000)), Ok(()));
        assert_eq!(window.take(Timestamp(4_000)), Ok(()));
        assert_eq!(window.take(Timestamp(4_000)), Err(Duration::from_secs(8)));
        assert_eq!(window.take(Timestamp(12_000)), Ok(()));
    }

    #[test]
    fn an_answer_that_was_overtaken_does_not_raise_the_count() {
        let window = RateWindow::default();
        window.learn(&told(8, 12));
        window.learn(&told(100, 12));
        window.learn(&told(100, 2));
        assert!(window.take(Timestamp(3_000)).is_err());
    }

    #[test]
    fn a_clock_that_is_wrong_by_hours_does_not_stop_the_sink_for_hours() {
        let window = RateWindow::default();
        window.learn(&told(0, 1_000_000));
        assert_eq!(window.take(Timestamp(0)), Err(WAIT_MAX));
    }
}
