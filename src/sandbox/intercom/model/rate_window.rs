//! The rate limit: fixed windows of ten seconds, aligned to the clock (intercom.md 2.2).

const WINDOW_S: i64 = 10;
/// X-RateLimit-Reset was always two seconds after the true boundary [R] intercom.md 2.2.
const RESET_MARGIN_S: i64 = 2;

/// How much of the current window is used.
#[derive(Debug, Clone, Default)]
pub(crate) struct RateWindow {
    starts_s: i64,
    used: u32,
    exhausted: bool,
}

/// What the headers of an answer say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Allowance {
    pub(crate) limit: u32,
    pub(crate) remaining: u32,
    pub(crate) reset_s: i64,
    pub(crate) refused: bool,
}

// === impl RateWindow ===

impl RateWindow {
    /// Counts one request.
    pub(crate) fn take(&mut self, limit: u32, now_ms: i64) -> Allowance {
        self.turn(now_ms);
        let refused = self.exhausted || self.used >= limit;
        if !refused {
            self.used += 1;
        }
        let remaining = if refused {
            0
        } else {
            limit.saturating_sub(self.used)
        };
        let reset_s = self.starts_s + WINDOW_S + RESET_MARGIN_S;
        Allowance {
            limit,
            remaining,
            reset_s,
            refused,
        }
    }

    /// Uses the current window up.
    pub(crate) fn exhaust(&mut self, now_ms: i64) {
        self.turn(now_ms);
        self.exhausted = true;
    }

    fn turn(&mut self, now_ms: i64) {
        let starts_s = now_ms.div_euclid(1_000).div_euclid(WINDOW_S) * WINDOW_S;
        if starts_s != self.starts_s {
            *self = Self {
                starts_s,
                used: 0,
                exhausted: false,
            };
        }
    }
}
