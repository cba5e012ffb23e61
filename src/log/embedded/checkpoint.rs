//! Moves committed pages from the write-ahead log into the file, beside the writer.

use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::{self, JoinHandle};

use rusqlite::Connection;

use crate::log::embedded::layout;
use crate::ports::event_log::Error;

/// Bytes written between checkpoints.
const BYTES_BETWEEN: usize = 4 << 20;
/// And transactions: a small one still writes a whole page of each table and index it touches.
const TRANSACTIONS_BETWEEN: usize = 100;
/// Frames in the write-ahead log beyond which writers wait for a full checkpoint: some 32 MB.
const FRAMES_MAX: i64 = 4_000;

/// The thread that checkpoints. Dropping it ends the thread after the checkpoint under way.
#[derive(Debug)]
pub struct Checkpointer {
    wake: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
    written: usize,
    transactions: usize,
}

impl Checkpointer {
    pub fn start(path: &Path) -> Result<Self, Error> {
        let conn = layout::open_side(path).map_err(|error| Error::Open(error.to_string()))?;
        let (wake, woken) = sync_channel(1);
        let thread = thread::Builder::new()
            .name("log-checkpoint".to_owned())
            .spawn(move || run(&conn, &woken))
            .map_err(|error| Error::Open(error.to_string()))?;
        // What a process that was killed left behind is moved first.
        let _ = wake.try_send(());
        Ok(Self {
            wake: Some(wake),
            thread: Some(thread),
            written: 0,
            transactions: 0,
        })
    }

    /// Counts what a transaction wrote and asks for a checkpoint when it is enough.
    pub fn wrote(&mut self, bytes: usize) {
        self.written += bytes;
        self.transactions += 1;
        if self.written < BYTES_BETWEEN && self.transactions < TRANSACTIONS_BETWEEN {
            return;
        }
        (self.written, self.transactions) = (0, 0);
        if let Some(wake) = &self.wake {
            match wake.try_send(()) {
                // A full queue means that one is asked for already.
                Ok(()) | Err(TrySendError::Full(()) | TrySendError::Disconnected(())) => {}
            }
        }
    }
}

impl Drop for Checkpointer {
    fn drop(&mut self) {
        self.wake = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the checkpoint thread of the log panicked");
        }
    }
}

fn run(conn: &Connection, woken: &Receiver<()>) {
    while woken.recv().is_ok() {
        let done = checkpoint(conn, "PASSIVE").and_then(|frames| {
            if frames > FRAMES_MAX {
                checkpoint(conn, "RESTART")?;
            }
            Ok(())
        });
        if let Err(error) = done {
            tracing::warn!(%error, "a checkpoint of the log failed, the next one goes on");
        }
    }
}

/// Frames that stand in the write-ahead log.
fn checkpoint(conn: &Connection, mode: &str) -> rusqlite::Result<i64> {
    let sql = format!("PRAGMA wal_checkpoint({mode})");
    conn.query_row(&sql, [], |row| row.get(1))
}
