//! Snapshots of the view that is led, a slice after each step.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::ports::view_snapshots::{SnapshotWriter, Stands, ViewSnapshots};
use crate::processor::driver::{Driver, Error};
use crate::processor::snapshot::journal_below;
use crate::telemetry::metrics;

/// Entries that are copied after a step: a few milliseconds.
const SLICE: usize = 500;

/// Where snapshots go, and when the next one is due.
pub struct Snapshots {
    kept: Arc<dyn ViewSnapshots>,
    interval: Duration,
    begun: Option<Instant>,
    /// Where the view stood at the last one.
    offset: u64,
}

impl Driver {
    /// Takes a snapshot every so often. The first one comes at once where there is none yet.
    pub fn keep_snapshots(&mut self, kept: Arc<dyn ViewSnapshots>, interval: Duration) {
        let partition = self.options.settings.partition;
        let there = kept.names(partition).is_ok_and(|names| !names.is_empty());
        self.snapshots = Some(Snapshots {
            kept,
            interval,
            begun: there.then(Instant::now),
            offset: 0,
        });
    }

    /// Goes on with a snapshot, or begins the one that is due. What hinders it hinders nothing
    /// else.
    pub(super) fn snapshot(&mut self) -> Result<(), Error> {
        let partition = self.options.settings.partition;
        let Some(snapshots) = &mut self.snapshots else {
            return Ok(());
        };
        if self.view.is_copying() {
            match self.view.copy_on(SLICE) {
                Ok(None) => {}
                Ok(Some(whole)) => finish(partition, whole),
                Err(error) => failed(partition, &error.to_string()),
            }
            return Ok(());
        }
        let rests = snapshots.begun.map(|begun| begun.elapsed());
        let is_due = rests.is_none_or(|since| since >= snapshots.interval);
        if !is_due || self.view.journal_offset() == snapshots.offset {
            return Ok(());
        }
        self.view.checkpoint()?;
        self.last_checkpoint = Instant::now();
        snapshots.begun = Some(Instant::now());
        snapshots.offset = self.view.journal_offset();
        let standing = self.view.standing();
        let offset = standing.journal_offset;
        let Some(journal) = journal_below(self.log.as_ref(), partition, offset) else {
            failed(partition, "the journal cannot be read");
            return Ok(());
        };
        match snapshots
            .kept
            .begin(partition, &Stands { standing, journal })
        {
            Ok(writer) => self.view.begin_snapshot(writer),
            Err(error) => failed(partition, &error.to_string()),
        }
        Ok(())
    }
}

/// The disk may take its time: not the driver's.
fn finish(partition: u32, whole: Box<dyn SnapshotWriter>) {
    let thread = std::thread::Builder::new().name("snapshot".to_owned());
    let finished = thread.spawn(move || match whole.finish() {
        Ok(()) => {
            count(partition, "taken");
            tracing::info!(partition, "a snapshot of the view was taken");
        }
        Err(error) => failed(partition, &error.to_string()),
    });
    if let Err(error) = finished {
        failed(partition, &error.to_string());
    }
}

/// Counts it and says why.
pub fn failed(partition: u32, reason: &str) {
    count(partition, "failed");
    tracing::warn!(
        partition,
        reason,
        "a snapshot of the view was not taken: {reason}"
    );
}

fn count(partition: u32, outcome: &str) {
    let labels = [partition.to_string(), outcome.to_owned()];
    let counter = &metrics().view.snapshots_total;
    counter.with_label_values(&labels).inc();
}
