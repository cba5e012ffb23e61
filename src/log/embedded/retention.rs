//! Removing old entries: bounded per pass, never what a group has yet to take.

use rusqlite::{Connection, params};

use crate::domain::Timestamp;
use crate::log::embedded::apply::{Slots, position};
use crate::log::embedded::options::Retention;
use crate::log::embedded::place::{past, place, topic_partition};
use crate::log::topics::{self, Cleanup};
use crate::ports::event_log::TopicPartition;

/// Removes what may go, at most as much as one pass allows; says how many entries went.
pub fn trim(
    conn: &Connection,
    slots: &mut Slots,
    retention: &Retention,
    now: Timestamp,
) -> rusqlite::Result<usize> {
    let mut left = retention.entries_per_pass_max;
    for (slot, bytes) in all_slots(conn)? {
        let Some(at) = topic_partition(slot) else {
            continue;
        };
        let gone = match topics::spec(at.topic).cleanup {
            Cleanup::Keep => Vec::new(),
            Cleanup::Compact => superseded(conn, slot, left)?,
            Cleanup::Delete { .. } => {
                let age = retention.age_ms.get(&at.topic).copied();
                let account = Account {
                    before: age.map(|age| now.0.saturating_sub(age)),
                    excess: bytes - retention.bytes_max.min(i64::MAX as u64) as i64,
                };
                expired(conn, (slot, floor(conn, at)?), account, left)?
            }
        };
        left -= gone.len();
        remove(conn, slots, slot, &gone)?;
        if left == 0 {
            break;
        }
    }
    Ok(retention.entries_per_pass_max - left)
}

/// What makes an entry old: its age, or too much in its partition.
struct Account {
    before: Option<i64>,
    excess: i64,
}

fn all_slots(conn: &Connection) -> rusqlite::Result<Vec<(i64, i64)>> {
    let mut select = conn.prepare_cached("SELECT slot, bytes FROM slots ORDER BY slot")?;
    let rows = select.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    rows.collect()
}

/// The first offset that some group has yet to take; none where no group reads the topic.
fn floor(conn: &Connection, at: TopicPartition) -> rusqlite::Result<Option<u64>> {
    let mut floor = None;
    for group in topics::consumers(at.topic) {
        let taken = position(conn, group, at)?.unwrap_or(0);
        floor = Some(floor.map_or(taken, |floor: u64| floor.min(taken)));
    }
    Ok(floor)
}

/// The oldest entries of a slot as long as they may go: (place, bytes).
fn expired(
    conn: &Connection,
    (slot, floor): (i64, Option<u64>),
    mut account: Account,
    limit: usize,
) -> rusqlite::Result<Vec<(i64, i64)>> {
    let end = floor.map_or_else(|| past(slot), |floor| place(slot, floor));
    let mut select = conn.prepare_cached(
        "SELECT place, appended_at, length(CAST(key AS BLOB)) + length(headers)
             + coalesce(length(value), 0)
         FROM entries WHERE place >= ?1 AND place < ?2 ORDER BY place LIMIT ?3",
    )?;
    let mut rows = select.query(params![place(slot, 0), end, limit as i64])?;
    let mut gone = Vec::new();
    while let Some(row) = rows.next()? {
        let (place, at, bytes): (i64, i64, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let old = account.before.is_some_and(|before| at < before);
        if !old && account.excess <= 0 {
            break;
        }
        account.excess -= bytes;
        gone.push((place, bytes));
    }
    Ok(gone)
}

/// Entries of a compacted topic that are not the newest of their key.
fn superseded(conn: &Connection, slot: i64, limit: usize) -> rusqlite::Result<Vec<(i64, i64)>> {
    let mut select = conn.prepare_cached(
        "SELECT e.place, length(CAST(e.key AS BLOB)) + length(e.headers)
             + coalesce(length(e.value), 0)
         FROM entries e LEFT JOIN latest l
             ON l.topic = ?4 AND l.key = e.key AND l.place = e.place
         WHERE e.place >= ?1 AND e.place < ?2 AND l.place IS NULL ORDER BY e.place LIMIT ?3",
    )?;
    let range = params![place(slot, 0), past(slot), limit as i64, slot >> 12];
    let rows = select.query_map(range, |row| Ok((row.get(0)?, row.get(1)?)))?;
    rows.collect()
}

fn remove(
    conn: &Connection,
    slots: &mut Slots,
    slot: i64,
    gone: &[(i64, i64)],
) -> rusqlite::Result<()> {
    let mut delete = conn.prepare_cached("DELETE FROM entries WHERE place = ?1")?;
    for (place, _) in gone {
        delete.execute([place])?;
    }
    if !gone.is_empty() {
        slots.release(conn, slot, gone.iter().map(|(_, bytes)| bytes).sum())?;
    }
    Ok(())
}
