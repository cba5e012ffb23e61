//! A thread that reads the writes topic ahead of the worker, at most one channel full.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

use crate::ports::event_log::{Entry, EventLog, ReadFrom, ReadLimit, TopicPartition};

/// Entries read ahead.
const AHEAD_MAX: usize = 64;
const BYTES_MAX: usize = 1024 * 1024;
const PAUSE: Duration = Duration::from_millis(500);

/// Starts reading at `offset`. The thread ends soon after the receiver is dropped.
pub fn start(
    log: Arc<dyn EventLog>,
    at: TopicPartition,
    offset: u64,
    wait: Duration,
) -> std::io::Result<mpsc::Receiver<Entry>> {
    let (entries, received) = mpsc::channel(AHEAD_MAX);
    std::thread::Builder::new()
        .name(format!("sink-reader-{}", at.partition))
        .spawn(move || read_on(log.as_ref(), at, offset, wait, &entries))?;
    Ok(received)
}

fn read_on(
    log: &dyn EventLog,
    at: TopicPartition,
    mut offset: u64,
    wait: Duration,
    entries: &mpsc::Sender<Entry>,
) {
    let limit = ReadLimit {
        entries_max: AHEAD_MAX,
        bytes_max: BYTES_MAX,
    };
    while !entries.is_closed() {
        let batch = match log.read(&[ReadFrom { at, offset }], limit, wait) {
            Ok(batch) => batch,
            Err(error) => {
                let partition = at.partition;
                tracing::warn!(partition, offset, %error, "reading commands failed, trying again");
                std::thread::sleep(PAUSE);
                continue;
            }
        };
        for entry in batch {
            offset = entry.offset + 1;
            if entries.blocking_send(entry).is_err() {
                return;
            }
        }
    }
}
