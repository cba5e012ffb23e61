//! Appends on a thread of its own, many requests in one batch: the log's sync is paid once for
//! all that came meanwhile.

use std::sync::Arc;
use std::thread::JoinHandle;

use tokio::sync::{mpsc, oneshot};

use crate::ports::event_log::{Error as LogError, EventLog, Outgoing};

/// Entries of one append. A group is taken whole even if it is longer.
const BATCH_ENTRIES_MAX: usize = 256;

/// Hands entries to the appending thread. Clones share it; it ends when the last is dropped.
#[derive(Clone)]
pub struct Appender {
    queue: mpsc::Sender<Group>,
}

/// The thread, to be waited for after every [`Appender`] was dropped.
pub struct Thread(JoinHandle<()>);

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the queue to the log is full")]
    Full,
    #[error("the appending thread has ended")]
    Ended,
    #[error("the append failed: {0}")]
    Failed(String),
    #[error("the appending thread cannot be started: {0}")]
    Start(std::io::Error),
}

struct Group {
    entries: Vec<Outgoing>,
    done: oneshot::Sender<Result<(), String>>,
}

/// Starts the thread. `queue_max` groups wait at most.
pub fn start(log: Arc<dyn EventLog>, queue_max: usize) -> Result<(Appender, Thread), Error> {
    let (queue, waiting) = mpsc::channel(queue_max.max(1));
    let thread = std::thread::Builder::new()
        .name("ingest-append".to_owned())
        .spawn(move || run(log.as_ref(), waiting))
        .map_err(Error::Start)?;
    Ok((Appender { queue }, Thread(thread)))
}

impl Appender {
    /// Returns when the entries are durable, all of them. Dropping the future does not take them
    /// back: they may still be appended.
    pub async fn append(&self, entries: Vec<Outgoing>) -> Result<(), Error> {
        let (done, outcome) = oneshot::channel();
        let group = Group { entries, done };
        self.queue
            .try_send(group)
            .map_err(|refused| match refused {
                mpsc::error::TrySendError::Full(_) => Error::Full,
                mpsc::error::TrySendError::Closed(_) => Error::Ended,
            })?;
        match outcome.await {
            Ok(result) => result.map_err(Error::Failed),
            Err(_) => Err(Error::Ended),
        }
    }
}

impl Thread {
    /// Waits until everything queued is appended or refused.
    pub fn join(self) {
        if self.0.join().is_err() {
            tracing::error!("the appending thread panicked");
        }
    }
}

fn run(log: &dyn EventLog, mut waiting: mpsc::Receiver<Group>) {
    while let Some(first) = waiting.blocking_recv() {
        let mut entries = first.entries.len();
        let mut groups = vec![first];
        while entries < BATCH_ENTRIES_MAX {
            let Ok(group) = waiting.try_recv() else { break };
            entries += group.entries.len();
            groups.push(group);
        }
        append(log, groups);
    }
}

fn append(log: &dyn EventLog, groups: Vec<Group>) {
    let parts = groups.into_iter().map(|group| (group.entries, group.done));
    let (batches, waiting): (Vec<_>, Vec<_>) = parts.unzip();
    let batches = Arc::new(batches);
    match log.append_all(Arc::clone(&batches)) {
        Ok(()) => answer(waiting, &Ok(())),
        // One group's fault must not refuse its neighbours: they are tried one by one.
        Err(LogError::Encode { .. } | LogError::NoPartition { .. }) if waiting.len() > 1 => {
            for (entries, done) in batches.iter().cloned().zip(waiting) {
                append(log, vec![Group { entries, done }]);
            }
        }
        Err(error) => {
            tracing::warn!(groups = waiting.len(), %error, "webhooks could not be stored");
            answer(waiting, &Err(error.to_string()));
        }
    }
}

fn answer(waiting: Vec<oneshot::Sender<Result<(), String>>>, outcome: &Result<(), String>) {
    for done in waiting {
        // Nobody waits any more where the request timed out; its sender comes again.
        let _ = done.send(outcome.clone());
    }
}
