//! One commit of results and position, repeated until it is settled. Blocks.

use std::sync::Arc;
use std::time::Duration;

use crate::clients::System;
use crate::ports::event_log::{Commit, EventLog, Lease, Outgoing, TopicPartition};
use crate::telemetry::metrics;

/// Repetitions of one commit before the lease is given up; then what is true is read anew.
const TRIES_MAX: u32 = 5;
const PAUSE: Duration = Duration::from_millis(50);

/// Commits, and repeats the same call where it did not happen or may have: the port promises that
/// this settles it. Anything but `Committed` means that the lease must be acquired anew.
pub fn settle(
    log: &Arc<dyn EventLog>,
    system: System,
    lease: &Lease,
    outputs: &[Outgoing],
    position: (TopicPartition, u64),
) -> Commit {
    let mut tries = 0;
    loop {
        tries += 1;
        let commit = log.commit(lease, outputs.to_vec(), &[position]);
        let (outcome, settled) = match &commit {
            Commit::Committed { .. } => ("committed", true),
            Commit::Aborted { fenced, .. } => ("aborted", *fenced),
            Commit::Unknown { .. } => ("unknown", false),
        };
        let labels = [system.as_str(), outcome];
        metrics().commits_total.with_label_values(&labels).inc();
        if settled || tries >= TRIES_MAX {
            return commit;
        }
        std::thread::sleep(PAUSE * tries);
    }
}
