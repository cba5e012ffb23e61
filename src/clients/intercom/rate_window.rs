//! The workspace's request window. Intercom counts in fixed windows of ten seconds and says with
//! each answer how many requests remain and when the next window surely began (intercom.md 2.2).

use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use crate::clients::measured;
use crate::clients::system::System;
use crate::clients::transport::Response;
use crate::domain::Timestamp;

/// Windows last ten seconds; a longer wait means that our clock or theirs is wrong.
const WAIT_MAX: Duration = Duration::from_secs(30);
const WINDOW_MS: i64 = 10_000;
/// Requests under way while the workspace has not said how large its window is.
const UNTOLD_MAX: i64 = 8;
/// How soon somebody asks again who waits for the first answer.
const UNTOLD_WAIT: Duration = Duration::from_millis(10);

/// One window for all callers of a workspace. A share of it is left to the workspace's other
/// apps, who draw on the same limit.
#[derive(Debug)]
pub struct RateWindow {
    /// Percent of each window.
    reserve: i64,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    window: Option<Window>,
    /// Permits that are out: their requests may or may not be counted by the workspace yet.
    under_way: i64,
}

/// The window as last told, counted down by what was sent since.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Window {
    limit: i64,
    remaining: i64,
    resets_at: Timestamp,
}

/// Leave to send one request; held until its answer has been learnt from.
#[derive(Debug)]
pub struct Permit<'a>(&'a RateWindow);

impl RateWindow {
    /// `reserve` is the percentage of each window that stays with others.
    pub fn new(reserve: u32) -> Self {
        Self {
            reserve: i64::from(reserve.min(99)),
            state: Mutex::default(),
        }
    }

    /// Takes one request out of the window, or says how long to wait for the next one.
    pub fn take(&self, now: Timestamp) -> Result<Permit<'_>, Duration> {
        let mut state = self.lock();
        let under_way = state.under_way;
        match state.window.as_mut() {
            None if under_way >= UNTOLD_MAX => return Err(UNTOLD_WAIT),
            None => {}
            Some(window) => {
                window.turn(now, under_way);
                if window.remaining <= window.kept(self.reserve) {
                    return Err(wait(window.resets_at, now));
                }
                window.remaining -= 1;
            }
        }
        state.under_way += 1;
        Ok(Permit(self))
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
        let mut state = self.lock();
        // All but the one that is answered here may still have to be counted.
        let others = (state.under_way - 1).max(0);
        let told = Window {
            limit,
            remaining: remaining.saturating_sub(others),
            resets_at: Timestamp(reset.saturating_mul(1000)),
        };
        state.window = Some(match state.window {
            // Answers overtake one another: within a window the lowest count is the latest.
            Some(known) if known.resets_at == told.resets_at => Window {
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

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no holder of this lock panics")
    }
}

impl Window {
    /// Begins the next window when this one is over: full, but for what is under way.
    fn turn(&mut self, now: Timestamp, under_way: i64) {
        let late = now.0.saturating_sub(self.resets_at.0);
        if late >= 0 {
            let windows = late / WINDOW_MS + 1;
            self.resets_at = self.resets_at.plus_ms(windows * WINDOW_MS);
            self.remaining = self.limit.saturating_sub(under_way);
        }
    }

    /// Requests left to others. A window so small that the reserve would take all of it lets one
    /// request through.
    fn kept(&self, reserve: i64) -> i64 {
        let kept = (self.limit.saturating_mul(reserve) + 99) / 100;
        kept.min(self.limit - 1).max(0)
    }
}

/// Also when the caller is cut off: what was sent is counted, what was not is learnt later.
impl Drop for Permit<'_> {
    fn drop(&mut self) {
        self.0.lock().under_way -= 1;
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

    /// A request that is answered at once.
    fn taken(window: &RateWindow, ms: i64) -> Result<(), Duration> {
        window.take(Timestamp(ms)).map(drop)
    }

    #[test]
    fn the_window_is_counted_down_to_the_reserve_and_then_waited_out() {
        let window = RateWindow::new(20);
        assert_eq!(taken(&window, 0), Ok(()));
        window.learn(&told(34, 12));
        assert_eq!(taken(&window, 4_000), Ok(()));
        assert_eq!(taken(&window, 4_000), Ok(()));
        assert_eq!(taken(&window, 4_000), Err(Duration::from_secs(8)));
        for _ in 0..128 {
            assert_eq!(taken(&window, 12_000), Ok(()));
        }
        // Untold, the next window is as large as the last one, and ends ten seconds later.
        assert_eq!(taken(&window, 12_000), Err(Duration::from_secs(10)));
    }

    #[test]
    fn an_answer_that_was_overtaken_does_not_raise_the_count() {
        let window = RateWindow::new(20);
        window.learn(&told(8, 12));
        window.learn(&told(100, 12));
        window.learn(&told(100, 2));
        assert!(window.take(Timestamp(3_000)).is_err());
    }

    #[test]
    fn what_is_under_way_counts_as_sent_until_it_is_answered() {
        let window = RateWindow::new(20);
        let mut out: Vec<_> = (0..8)
            .map(|_| window.take(Timestamp(0)).expect("nothing is told yet"))
            .collect();
        assert_eq!(taken(&window, 0), Err(UNTOLD_WAIT));
        // The workspace has counted the first of them only; seven are still to come.
        window.learn(&told(40, 12));
        out.pop();
        assert_eq!(taken(&window, 0), Ok(()));
        assert_eq!(taken(&window, 0), Err(Duration::from_secs(12)));
    }

    #[test]
    fn a_reserve_never_takes_the_whole_window() {
        let window = RateWindow::new(250);
        let one = Response {
            headers: vec![
                ("x-ratelimit-limit".into(), "1".into()),
                ("x-ratelimit-remaining".into(), "1".into()),
                ("x-ratelimit-reset".into(), "12".into()),
            ],
            ..Response::default()
        };
        window.learn(&one);
        assert_eq!(taken(&window, 0), Ok(()));
        assert!(taken(&window, 0).is_err());
    }

    #[test]
    fn a_clock_that_is_wrong_by_hours_does_not_stop_the_sink_for_hours() {
        let window = RateWindow::new(20);
        window.learn(&told(0, 1_000_000));
        assert_eq!(taken(&window, 0), Err(WAIT_MAX));
    }
}
