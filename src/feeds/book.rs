//! Where the feeds write: observations and the cursor that covers them in one commit, under one
//! lease of the process, so that of two processes that pull the same source one is fenced.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use crate::domain::SourceSchema;
use crate::domain::{Cursor, Message, SourceId, Topic};
use crate::ports::event_log::{Commit, Entry, EntryBody, EventLog, Group, Lease, Outgoing};
use crate::ports::membership::Claim;
use crate::telemetry::metrics;

/// The feeds share one lease: what they append is little, and so their commits stand in a line.
const PARTITION: u32 = 0;
/// Repetitions of one commit before the lease is given up; then what is true is read anew.
const TRIES_MAX: u32 = 5;
const PAUSE: Duration = Duration::from_millis(50);
/// How long who enters waits for the feeds to become this process's.
const GRANT_WAIT: Duration = Duration::from_secs(1);

/// The feeds' hand on the log. Its calls wait for the disk, on threads of their own.
pub struct Book {
    log: Arc<dyn EventLog>,
    /// None until somebody enters, and after the lease was lost.
    lease: Mutex<Option<Lease>>,
    /// Whether the feeds are this process's.
    claim: Mutex<Claim>,
}

/// Where a feed stands, and the right to move it on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    epoch: u64,
    pub cursor: Option<Cursor>,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Another process moves the cursors now, or did: enter again and read them anew.
    #[error("the lease of the feeds was lost")]
    Lost,
    /// It may have happened or not: enter again and read the cursor.
    #[error("the log did not take it: {0}")]
    Failed(String),
}

impl Book {
    pub fn new(log: Arc<dyn EventLog>) -> Arc<Self> {
        Arc::new(Self {
            log,
            lease: Mutex::new(None),
            claim: Mutex::new(Claim::alone(PARTITION)),
        })
    }

    /// A book of a process that shares the feeds with others.
    pub fn sharing(log: Arc<dyn EventLog>, claim: Claim) -> Arc<Self> {
        Arc::new(Self {
            log,
            lease: Mutex::new(None),
            claim: Mutex::new(claim),
        })
    }

    /// Takes the lease, unless this process holds it, and only then reads where the feed stands:
    /// whoever held it before can move the cursor no more.
    pub async fn enter(self: &Arc<Self>, source: &SourceId, name: &str) -> Result<Standing, Error> {
        let key = Cursor::key(source, name);
        let mut claim = self.claim().clone();
        let granted = tokio::time::timeout(GRANT_WAIT, claim.granted());
        if granted.await.is_err() {
            let reason = "the feeds are another process's for all this one has heard";
            return Err(Error::Failed(reason.to_owned()));
        }
        self.off(move |book| {
            let epoch = book.epoch()?;
            let cursor = match book.latest(Topic::Cursors, &key)? {
                Some(Message::Cursor(cursor)) => Some(cursor),
                _ => None,
            };
            Ok(Standing { epoch, cursor })
        })
        .await
    }

    /// A schema that was kept earlier.
    pub async fn schema(
        self: &Arc<Self>,
        source: &SourceId,
        id: &str,
    ) -> Result<Option<SourceSchema>, Error> {
        let key = SourceSchema::key(source, id);
        self.off(move |book| {
            Ok(match book.latest(Topic::SourceSchemas, &key)? {
                Some(Message::SourceSchema(schema)) => Some(schema),
                _ => None,
            })
        })
        .await
    }

    /// Appends all of `outputs` as one step, if the lease still is the one under which the cursor
    /// was read. Dropping the future does not take it back.
    pub async fn commit(
        self: &Arc<Self>,
        standing: &Standing,
        outputs: Vec<Outgoing>,
    ) -> Result<(), Error> {
        let epoch = standing.epoch;
        self.off(move |book| book.settle(epoch, outputs)).await
    }

    async fn off<T: Send + 'static>(
        self: &Arc<Self>,
        call: impl FnOnce(&Self) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let book = Arc::clone(self);
        let called = tokio::task::spawn_blocking(move || call(&book)).await;
        called.unwrap_or_else(|_| Err(Error::Failed("the call was cut off".into())))
    }

    fn epoch(&self) -> Result<u64, Error> {
        let mut held = self.held();
        if let Some(lease) = &*held {
            return Ok(lease.epoch);
        }
        let lease = self.log.acquire(Group::Feeds, PARTITION).map_err(failed)?;
        let epoch = lease.epoch;
        tracing::info!(epoch, "the feeds have a lease");
        let labels = ["feeds"];
        metrics().takeovers_total.with_label_values(&labels).inc();
        *held = Some(lease);
        Ok(epoch)
    }

    fn latest(&self, topic: Topic, key: &str) -> Result<Option<Message>, Error> {
        let body = self.log.latest(topic, key).map_err(failed)?;
        match body.map(|Entry { body, .. }| body) {
            Some(EntryBody::Message(message)) => Ok(Some(message)),
            Some(EntryBody::Undecodable { reason, .. }) => {
                Err(Error::Failed(format!("{key} cannot be read: {reason}")))
            }
            Some(EntryBody::Tombstone) | None => Ok(None),
        }
    }

    /// Repeats the same call where it did not happen or may have: the port promises that this
    /// settles it, as long as no other commit of this lease comes between.
    fn settle(&self, epoch: u64, outputs: Vec<Outgoing>) -> Result<(), Error> {
        let mut held = self.held();
        let Some(lease) = held.as_ref().filter(|lease| lease.epoch == epoch) else {
            return Err(Error::Lost);
        };
        let mut tries = 0;
        let error = loop {
            tries += 1;
            let (outcome, error) = match self.log.commit(lease, outputs.clone(), &[]) {
                Commit::Committed { .. } => ("committed", None),
                Commit::Aborted { fenced: true, .. } => ("aborted", Some(Error::Lost)),
                Commit::Aborted { reason, .. } => ("aborted", Some(Error::Failed(reason))),
                Commit::Unknown { reason } => ("unknown", Some(Error::Failed(reason))),
            };
            let labels = ["feeds", outcome];
            metrics().commits_total.with_label_values(&labels).inc();
            match error {
                None => return Ok(()),
                Some(error) if error == Error::Lost || tries >= TRIES_MAX => break error,
                Some(_) => std::thread::sleep(PAUSE * tries),
            }
        };
        if error == Error::Lost {
            self.claim().lost();
        }
        // A new lease settles what is left open: nothing of the old one happens after it.
        *held = None;
        Err(error)
    }

    fn claim(&self) -> MutexGuard<'_, Claim> {
        self.claim.lock().expect("no holder of this lock panics")
    }

    fn held(&self) -> MutexGuard<'_, Option<Lease>> {
        self.lease.lock().expect("no holder of this lock panics")
    }
}

fn failed(error: crate::ports::event_log::Error) -> Error {
    Error::Failed(error.to_string())
}
