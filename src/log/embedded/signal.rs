//! Wakes readers when something was committed in this process.

use std::sync::{Condvar, Mutex, MutexGuard};
use std::time::Duration;

/// Counts commits; readers wait for the count to pass what they saw.
#[derive(Debug, Default)]
pub struct Signal {
    commits: Mutex<u64>,
    changed: Condvar,
}

impl Signal {
    pub fn current(&self) -> u64 {
        *self.lock()
    }

    pub fn notify(&self) {
        *self.lock() += 1;
        self.changed.notify_all();
    }

    /// Waits until the count is past `seen`; false when the time is over first.
    pub fn wait_past(&self, seen: u64, time: Duration) -> bool {
        let waited = self
            .changed
            .wait_timeout_while(self.lock(), time, |commits| *commits == seen);
        let (commits, _) = waited.expect("no holder of this lock panics");
        *commits != seen
    }

    fn lock(&self) -> MutexGuard<'_, u64> {
        self.commits.lock().expect("no holder of this lock panics")
    }
}

#[cfg(test)]
mod tests {
    use std::thread;
    use std::time::Instant;

    use super::*;

    #[test]
    fn a_waiting_reader_wakes_at_the_next_commit_and_not_for_an_old_one() {
        let signal = Signal::default();
        signal.notify();
        let seen = signal.current();
        assert!(!signal.wait_past(seen, Duration::from_millis(5)));
        let long = Duration::from_secs(20);
        let started = Instant::now();
        thread::scope(|scope| {
            let waiting = scope.spawn(|| signal.wait_past(seen, long));
            thread::sleep(Duration::from_millis(20));
            signal.notify();
            assert!(waiting.join().unwrap());
        });
        assert!(started.elapsed() < long / 2);
        assert!(signal.wait_past(seen, Duration::ZERO));
    }
}
