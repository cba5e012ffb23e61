//! Looking at the log without taking part: spans and positions, for metrics and the console.

use rusqlite::{Connection, OptionalExtension, params};

use crate::log::embedded::apply;
use crate::log::embedded::place::{offset, past, place, slot};
use crate::ports::event_log::TopicPartition;

/// What a partition holds: the first offset still there and the next to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    pub start: u64,
    pub end: u64,
    pub bytes: u64,
}

pub fn span(conn: &Connection, at: TopicPartition) -> rusqlite::Result<Span> {
    let slot = slot(at);
    let (end, bytes) = apply::load(conn, slot)?;
    let mut select = conn.prepare_cached(
        "SELECT place FROM entries WHERE place >= ?1 AND place < ?2 ORDER BY place LIMIT 1",
    )?;
    let first = select.query_row(params![place(slot, 0), past(slot)], |row| row.get(0));
    let start = first.optional()?.map_or(end, offset);
    Ok(Span {
        start,
        end,
        bytes: bytes.max(0) as u64,
    })
}

/// The packed headers of one entry.
pub fn headers(
    conn: &Connection,
    at: TopicPartition,
    offset: u64,
) -> rusqlite::Result<Option<Vec<u8>>> {
    let mut select = conn.prepare_cached("SELECT headers FROM entries WHERE place = ?1")?;
    let found = select.query_row([place(slot(at), offset)], |row| row.get(0));
    found.optional()
}
