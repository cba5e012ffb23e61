//! Which commands may be written without a read before.

use std::sync::Arc;
use std::time::Duration;

use crate::domain::Command;
use crate::ports::clock::Clock;

/// What tells a first try from one that an earlier owner or attempt may have carried out.
#[derive(Clone)]
pub struct FirstTries {
    pub clock: Arc<dyn Clock>,
    /// Commands below it may have been executed by the predecessor without a trace.
    pub end: u64,
    /// A first try that is older reads before it writes.
    pub age_max: Duration,
}

impl FirstTries {
    /// Whether the command at `offset` must read before it writes, as of now.
    pub fn read_first(&self, offset: u64, command: &Command) -> bool {
        let age = self.clock.now().0.saturating_sub(command.requested_at.0);
        let old = i128::from(age) > self.age_max.as_millis() as i128;
        let below_end = offset < self.end;
        below_end || command.attempt > 1 || old
    }
}
