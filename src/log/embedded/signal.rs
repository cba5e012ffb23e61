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
