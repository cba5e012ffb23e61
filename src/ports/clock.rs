//! The clock port: the only way to the time of day.

use crate::domain::Timestamp;

/// Tells the time. Given to the shells; the pure code gets time as a field of its input.
pub trait Clock: Send + Sync {
    /// Wall clock, milliseconds since the epoch. May step; callers that need order keep their own.
    fn now(&self) -> Timestamp;
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        Timestamp(since.map_or(0, |since| since.as_millis() as i64))
    }
}
