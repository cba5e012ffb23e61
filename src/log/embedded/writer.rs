//! The writer thread: takes what waits, applies it in one transaction, syncs once, answers all.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender};
use std::time::{Duration, Instant};

use rusqlite::{Connection, TransactionBehavior};

use crate::log::embedded::apply::{self, Slots};
use crate::log::embedded::checkpoint::Checkpointer;
use crate::log::embedded::options::Options;
use crate::log::embedded::outgoing::Row;
use crate::log::embedded::retention;
use crate::log::embedded::signal::Signal;
use crate::log::encoded::CallId;
use crate::log::faults::{Fault, Point};
use crate::ports::event_log::{Commit, Group, Lease, TopicPartition};

/// Requests put into one transaction at most.
const GROUP_MAX: usize = 256;
/// Bytes put into one transaction at most, unless a single request has more.
const GROUP_BYTES_MAX: usize = 8 << 20;
/// How often old entries are looked for.
const TRIM_EVERY: Duration = Duration::from_secs(60);

/// What the writer is asked for, with the place for the answer.
#[derive(Debug)]
pub enum Request {
    Append {
        rows: Vec<Row>,
        answer: SyncSender<Result<(), String>>,
    },
    Commit {
        lease: Lease,
        call: CallId,
        rows: Vec<Row>,
        positions: Vec<(TopicPartition, u64)>,
        answer: SyncSender<Commit>,
    },
    Acquire {
        group: Group,
        partition: u32,
        answer: SyncSender<Result<Lease, String>>,
    },
    Trim {
        answer: SyncSender<Result<usize, String>>,
    },
}

/// What came of a request inside the transaction, to be told once that is durable.
enum Applied {
    Appended,
    Committed(Commit),
    Acquired(Lease),
    Trimmed(usize),
}

/// How a transaction ended.
enum End {
    Durable(Vec<Applied>),
    RolledBack(String),
    Unknown(String),
    Crashed,
}

pub struct Writer {
    pub conn: Connection,
    pub requests: Receiver<Request>,
    pub signal: Arc<Signal>,
    pub checkpointer: Checkpointer,
    pub options: Options,
}

impl Writer {
    /// Runs until every sender is gone; what waits by then is still done.
    pub fn run(mut self) {
        let mut trimmed = Instant::now();
        loop {
            match self.requests.recv_timeout(TRIM_EVERY) {
                Ok(first) => {
                    let group = self.gather(first);
                    if self.settle(group).is_err() {
                        return;
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            if trimmed.elapsed() >= TRIM_EVERY {
                self.trim_unasked();
                trimmed = Instant::now();
            }
        }
    }

    /// What waits now goes into the same transaction; nobody is waited for.
    fn gather(&self, first: Request) -> Vec<Request> {
        let mut bytes = first.bytes();
        let mut group = vec![first];
        while group.len() < GROUP_MAX && bytes < GROUP_BYTES_MAX {
            let Ok(request) = self.requests.try_recv() else {
                break;
            };
            bytes += request.bytes();
            group.push(request);
        }
        group
    }

    fn settle(&mut self, group: Vec<Request>) -> Result<(), Stopped> {
        let end = match self.transact(&group) {
            Ok(end) => end,
            Err(error) => End::RolledBack(error.to_string()),
        };
        match end {
            End::Durable(applied) => {
                self.signal.notify();
                let bytes = group.iter().map(Request::bytes).sum();
                for (request, applied) in group.into_iter().zip(applied) {
                    request.answer(applied);
                }
                self.checkpointer.wrote(bytes);
            }
            End::RolledBack(reason) => {
                let refuse = |request: Request| request.refuse(&reason, false);
                group.into_iter().for_each(refuse);
            }
            End::Unknown(reason) => {
                self.signal.notify();
                let refuse = |request: Request| request.refuse(&reason, true);
                group.into_iter().for_each(refuse);
            }
            End::Crashed => return Err(Stopped),
        }
        Ok(())
    }

    /// One transaction. Requests that are refused by the rules write nothing and do not disturb
    /// the others; an error of the file undoes all of them.
    fn transact(&mut self, group: &[Request]) -> rusqlite::Result<End> {
        let now = self.options.clock.now();
        let tx = self
            .conn
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut slots = Slots::new(now);
        let mut applied = Vec::with_capacity(group.len());
        for request in group {
            applied.push(match request {
                Request::Append { rows, .. } => {
                    slots.insert(&tx, rows)?;
                    Applied::Appended
                }
                Request::Commit {
                    lease,
                    call,
                    rows,
                    positions,
                    ..
                } => {
                    let what = (rows.as_slice(), positions.as_slice());
                    Applied::Committed(apply::commit(&tx, &mut slots, lease, call, what)?)
                }
                Request::Acquire {
                    group, partition, ..
                } => Applied::Acquired(apply::acquire(&tx, &mut slots, *group, *partition)?),
                Request::Trim { .. } => {
                    let limits = &self.options.retention;
                    Applied::Trimmed(retention::trim(&tx, &mut slots, limits, now)?)
                }
            });
        }
        slots.store(&tx)?;
        match self.options.fault(Point::BeforeCommit) {
            Fault::None => {}
            Fault::Fail => return Ok(End::RolledBack("injected before the commit".to_owned())),
            Fault::Crash => return Ok(End::Crashed),
        }
        if let Err(error) = tx.commit() {
            return Ok(End::Unknown(error.to_string()));
        }
        Ok(match self.options.fault(Point::AfterCommit) {
            Fault::None => End::Durable(applied),
            Fault::Fail => End::Unknown("injected after the commit".to_owned()),
            Fault::Crash => End::Crashed,
        })
    }

    fn trim_unasked(&mut self) {
        let (answer, told) = std::sync::mpsc::sync_channel(1);
        let settled = self.settle(vec![Request::Trim { answer }]);
        if settled.is_ok()
            && let Ok(Err(reason)) = told.try_recv()
        {
            tracing::warn!(%reason, "old entries of the log were not removed, to be tried again");
        }
    }
}

/// The writer stopped as in a crash.
struct Stopped;

impl Request {
    fn bytes(&self) -> usize {
        match self {
            Self::Append { rows, .. } | Self::Commit { rows, .. } => {
                rows.iter().map(Row::bytes).sum()
            }
            Self::Acquire { .. } | Self::Trim { .. } => 0,
        }
    }

    /// Tells the caller what happened. A caller that no longer listens needs no answer.
    fn answer(self, applied: Applied) {
        match (self, applied) {
            (Self::Append { answer, .. }, Applied::Appended) => drop(answer.try_send(Ok(()))),
            (Self::Commit { answer, .. }, Applied::Committed(how)) => drop(answer.try_send(how)),
            (Self::Acquire { answer, .. }, Applied::Acquired(lease)) => {
                drop(answer.try_send(Ok(lease)));
            }
            (Self::Trim { answer }, Applied::Trimmed(count)) => drop(answer.try_send(Ok(count))),
            _ => unreachable!("each request is applied as what it is"),
        }
    }

    /// Tells the caller that it did not happen, or that nobody knows.
    fn refuse(self, reason: &str, unknown: bool) {
        let reason = reason.to_owned();
        match self {
            Self::Append { answer, .. } => drop(answer.try_send(Err(reason))),
            Self::Acquire { answer, .. } => drop(answer.try_send(Err(reason))),
            Self::Trim { answer } => drop(answer.try_send(Err(reason))),
            Self::Commit { answer, .. } if unknown => {
                drop(answer.try_send(Commit::Unknown { reason }));
            }
            Self::Commit { answer, .. } => drop(answer.try_send(Commit::Aborted {
                fenced: false,
                reason,
            })),
        }
    }
}
