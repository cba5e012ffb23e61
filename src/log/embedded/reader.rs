//! Reading: connections of their own, waiting without polling the file's content.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::domain::{Timestamp, Topic};
use crate::log::embedded::layout;
use crate::log::embedded::place::{self, offset, past, place, slot};
use crate::log::embedded::signal::Signal;
use crate::log::encoded::decode;
use crate::log::topics;
use crate::ports::event_log::{Entry, ReadFrom, ReadLimit, TopicPartition};

/// How often a waiting reader asks whether another process has written.
const OTHER_PROCESS_POLL: Duration = Duration::from_millis(25);
/// Idle connections kept.
const CONNECTIONS_MAX: usize = 8;

/// A pool of read connections.
#[derive(Debug)]
pub struct Readers {
    path: PathBuf,
    idle: Mutex<Vec<Connection>>,
    signal: Arc<Signal>,
}

impl Readers {
    pub fn new(path: PathBuf, signal: Arc<Signal>) -> Self {
        Self {
            path,
            idle: Mutex::new(Vec::new()),
            signal,
        }
    }

    /// Runs a query on a connection of the pool.
    pub fn with<T>(
        &self,
        query: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<T> {
        let idle = self
            .idle
            .lock()
            .expect("no holder of this lock panics")
            .pop();
        let conn = match idle {
            Some(conn) => conn,
            None => layout::open_reader(&self.path)?,
        };
        let answer = query(&conn)?;
        let mut idle = self.idle.lock().expect("no holder of this lock panics");
        if idle.len() < CONNECTIONS_MAX {
            idle.push(conn);
        }
        Ok(answer)
    }

    /// Reads what is there, or waits for something to come.
    pub fn read(
        &self,
        from: &[ReadFrom],
        limit: ReadLimit,
        wait: Duration,
    ) -> rusqlite::Result<Vec<Entry>> {
        // A wait beyond what the clock can add is a wait for a year.
        let year = Duration::from_secs(365 * 24 * 3600);
        let deadline = Instant::now() + wait.min(year);
        self.with(|conn| {
            loop {
                // Both are taken before the query, so that nothing slips between.
                let seen = self.signal.current();
                let version = data_version(conn)?;
                let entries = batch(conn, from, limit)?;
                if !entries.is_empty() || Instant::now() >= deadline {
                    return Ok(entries);
                }
                self.await_change(conn, seen, version, deadline)?;
            }
        })
    }

    /// Returns when something was committed, here or elsewhere, or when the time is over.
    fn await_change(
        &self,
        conn: &Connection,
        seen: u64,
        version: i64,
        deadline: Instant,
    ) -> rusqlite::Result<()> {
        loop {
            let rest = deadline.saturating_duration_since(Instant::now());
            let woken = self.signal.wait_past(seen, rest.min(OTHER_PROCESS_POLL));
            if woken || rest.is_zero() || data_version(conn)? != version {
                return Ok(());
            }
        }
    }
}

/// Changes with every commit of another connection, also of another process.
fn data_version(conn: &Connection) -> rusqlite::Result<i64> {
    conn.prepare_cached("PRAGMA data_version")?
        .query_row([], |row| row.get(0))
}

/// All ranges in one read transaction: what was committed together is seen together.
fn batch(conn: &Connection, from: &[ReadFrom], limit: ReadLimit) -> rusqlite::Result<Vec<Entry>> {
    let tx = conn.unchecked_transaction()?;
    let mut batch = Batch {
        entries: Vec::new(),
        bytes: 0,
        limit,
    };
    for start in from {
        if batch.is_full() {
            break;
        }
        batch.take(&tx, *start)?;
    }
    tx.finish()?;
    Ok(batch.entries)
}

struct Batch {
    entries: Vec<Entry>,
    bytes: usize,
    limit: ReadLimit,
}

impl Batch {
    fn is_full(&self) -> bool {
        self.entries.len() >= self.limit.entries_max.max(1)
            || (self.bytes >= self.limit.bytes_max && !self.entries.is_empty())
    }

    fn take(&mut self, conn: &Connection, start: ReadFrom) -> rusqlite::Result<()> {
        let slot = slot(start.at);
        let mut select = conn.prepare_cached(
            "SELECT place, appended_at, key, value FROM entries
             WHERE place >= ?1 AND place < ?2 ORDER BY place",
        )?;
        let mut rows = select.query(params![place(slot, start.offset), past(slot)])?;
        while !self.is_full() {
            let Some(row) = rows.next()? else { break };
            let (entry, bytes) = entry(start.at, row)?;
            if !self.entries.is_empty() && self.bytes + bytes > self.limit.bytes_max {
                // The next batch begins with it; nothing smaller may overtake it.
                self.bytes = self.limit.bytes_max;
                break;
            }
            self.bytes += bytes;
            self.entries.push(entry);
        }
        Ok(())
    }
}

fn entry(at: TopicPartition, row: &Row<'_>) -> rusqlite::Result<(Entry, usize)> {
    let key: String = row.get(2)?;
    let value = row.get_ref(3)?.as_blob_or_null()?;
    let bytes = key.len() + value.map_or(0, <[u8]>::len);
    let body = decode(at.topic, value);
    let entry = Entry {
        at,
        offset: offset(row.get(0)?),
        appended_at: Timestamp(row.get(1)?),
        key,
        body,
    };
    Ok((entry, bytes))
}

/// The newest entry of a key, unless it is a tombstone.
pub fn latest(conn: &Connection, topic: Topic, key: &str) -> rusqlite::Result<Option<Entry>> {
    let mut select = conn.prepare_cached(
        "SELECT entries.place, appended_at, entries.key, value
         FROM latest JOIN entries ON entries.place = latest.place
         WHERE latest.topic = ?1 AND latest.key = ?2 AND value IS NOT NULL",
    )?;
    let number = topics::spec(topic).number;
    let found = select.query_row(params![number, key], |row| {
        let partition = place::partition(row.get(0)?);
        Ok(entry(TopicPartition { topic, partition }, row)?.0)
    });
    found.optional()
}
