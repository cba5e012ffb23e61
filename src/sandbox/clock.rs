//! Time for the sandboxes: one monotonic clock per process, and a wall clock per sandbox that a
//! script can move forward.

use std::sync::LazyLock;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tokio::sync::watch;

static START: LazyLock<Instant> = LazyLock::new(Instant::now);

/// Nanoseconds since this process first asked, the same scale for every sandbox in the process,
/// so that a webhook sent by one and a write received by the other can be subtracted.
pub fn now_ns() -> u64 {
    u64::try_from(START.elapsed().as_nanos()).unwrap_or(u64::MAX)
}

/// The wall clock of one sandbox: the machine's time plus an offset.
#[derive(Debug)]
pub struct Clock {
    offset_ms: watch::Sender<i64>,
}

impl Clock {
    /// A clock that shows the machine's time.
    pub fn new() -> Self {
        let _ = *START;
        Self {
            offset_ms: watch::Sender::new(0),
        }
    }

    /// Milliseconds since the Unix epoch, as this sandbox sees it.
    pub fn now_ms(&self) -> i64 {
        let real = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |passed| {
                i64::try_from(passed.as_millis()).unwrap_or(i64::MAX)
            });
        real.saturating_add(*self.offset_ms.borrow())
    }

    /// Moves the clock; waiters whose time has come wake at once.
    pub fn advance_ms(&self, by_ms: i64) {
        self.offset_ms
            .send_modify(|offset| *offset = offset.saturating_add(by_ms));
    }

    /// Forgets every advance.
    pub fn reset(&self) {
        self.offset_ms.send_replace(0);
    }

    /// Waits until this clock shows `due_ms`, by itself or because it was advanced.
    pub async fn until_ms(&self, due_ms: i64) {
        let mut moved = self.offset_ms.subscribe();
        loop {
            let left_ms = due_ms.saturating_sub(self.now_ms());
            let Ok(left_ms) = u64::try_from(left_ms) else {
                return;
            };
            if left_ms == 0 {
                return;
            }
            tokio::select! {
                () = tokio::time::sleep(Duration::from_millis(left_ms)) => {}
                _ = moved.changed() => {}
            }
        }
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::new()
    }
}
