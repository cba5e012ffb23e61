//! Which partitions are this process's: a member of each group on a thread of its own.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use crosswalk::ports::event_log::{EventLog, Group};
use crosswalk::ports::membership::{Share, hear};
use tokio::sync::{mpsc, watch};

/// Joins those that share a group's partitions. The thread ends, and leaves them, when nobody
/// listens any more.
pub fn join(
    log: Arc<dyn EventLog>,
    group: Group,
    partitions: u32,
    failed: mpsc::Sender<anyhow::Error>,
) -> anyhow::Result<watch::Receiver<Share>> {
    let mut member = log.join(group, partitions)?;
    // Where nobody else can be there, the work begins at once.
    let (told, heard) = watch::channel(member.share(Duration::ZERO)?);
    let thread = std::thread::Builder::new().name(format!("{group:?}-member"));
    thread
        .spawn(move || {
            if let Err(error) = hear(member.as_mut(), &told) {
                // The receiver is gone only when the process is ending anyway.
                let _ = failed.blocking_send(error.into());
            }
        })
        .context("cannot start a thread for a member")?;
    Ok(heard)
}
