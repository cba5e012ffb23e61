//! What a request does inside a transaction of the writer.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension, params};

use crate::domain::{Timestamp, Topic};
use crate::log::embedded::outgoing::Row;
use crate::log::embedded::place::{place, slot, topic_partition};
use crate::log::embedded::settled::{Ends, ends_of, pack};
use crate::log::encoded::CallId;
use crate::log::topics::{group_number, group_topics};
use crate::ports::event_log::{Commit, Group, Lease, TopicPartition};

/// One transaction's view of the slots it writes to.
#[derive(Debug)]
pub struct Slots {
    now: Timestamp,
    touched: BTreeMap<i64, Slot>,
}

#[derive(Debug, Clone, Copy)]
struct Slot {
    next: u64,
    bytes: i64,
}

impl Slots {
    pub fn new(now: Timestamp) -> Self {
        Self {
            now,
            touched: BTreeMap::new(),
        }
    }

    /// Gives each row the next offset of its slot and inserts it.
    pub fn insert(&mut self, conn: &Connection, rows: &[Row]) -> rusqlite::Result<()> {
        let mut insert = conn.prepare_cached(
            "INSERT INTO entries (place, appended_at, key, headers, value)
             VALUES (?1, ?2, ?3, ?4, ?5)",
        )?;
        for row in rows {
            let state = self.slot(conn, row.slot)?;
            let here = place(row.slot, state.next);
            state.next += 1;
            state.bytes += row.bytes() as i64;
            let now = self.now.0;
            insert.execute(params![here, now, row.key, row.headers, row.value])?;
            if row.compacted {
                remember_latest(conn, row, here)?;
            }
        }
        Ok(())
    }

    /// Writes the slots back; the last act of a transaction.
    pub fn store(&self, conn: &Connection) -> rusqlite::Result<()> {
        let mut upsert = conn.prepare_cached(
            "INSERT INTO slots (slot, next, bytes) VALUES (?1, ?2, ?3)
             ON CONFLICT (slot) DO UPDATE SET next = excluded.next, bytes = excluded.bytes",
        )?;
        for (slot, state) in &self.touched {
            upsert.execute(params![slot, state.next as i64, state.bytes])?;
        }
        Ok(())
    }

    /// Takes bytes of removed entries off a slot's account.
    pub fn release(&mut self, conn: &Connection, slot: i64, bytes: i64) -> rusqlite::Result<()> {
        let state = self.slot(conn, slot)?;
        state.bytes = (state.bytes - bytes).max(0);
        Ok(())
    }

    /// Where the topics of these rows end in the lease's partition, the rows being the last.
    fn ends(&mut self, conn: &Connection, lease: &Lease, rows: &[Row]) -> rusqlite::Result<Ends> {
        let mut ends = Ends::new();
        for row in rows {
            let at = topic_partition(row.slot).filter(|at| at.partition == lease.partition);
            if let Some(at) = at {
                ends.insert(at.topic, self.slot(conn, row.slot)?.next);
            }
        }
        Ok(ends)
    }

    fn slot(&mut self, conn: &Connection, slot: i64) -> rusqlite::Result<&mut Slot> {
        use std::collections::btree_map::Entry;
        Ok(match self.touched.entry(slot) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => {
                let (next, bytes) = load(conn, slot)?;
                entry.insert(Slot { next, bytes })
            }
        })
    }
}

/// A slot's next offset and the bytes it holds.
pub fn load(conn: &Connection, slot: i64) -> rusqlite::Result<(u64, i64)> {
    let mut select = conn.prepare_cached("SELECT next, bytes FROM slots WHERE slot = ?1")?;
    let row = select.query_row([slot], |row| {
        Ok((row.get::<_, i64>(0)? as u64, row.get(1)?))
    });
    Ok(row.optional()?.unwrap_or((0, 0)))
}

fn remember_latest(conn: &Connection, row: &Row, here: i64) -> rusqlite::Result<()> {
    let mut upsert = conn.prepare_cached(
        "INSERT INTO latest (topic, key, place) VALUES (?1, ?2, ?3)
         ON CONFLICT (topic, key) DO UPDATE SET place = excluded.place",
    )?;
    upsert.execute(params![row.slot >> 12, row.key, here])?;
    Ok(())
}

/// Commits under a lease, unless the lease is lost or the call was already committed.
pub fn commit(
    conn: &Connection,
    slots: &mut Slots,
    lease: &Lease,
    call: &CallId,
    (rows, positions): (&[Row], &[(TopicPartition, u64)]),
) -> rusqlite::Result<Commit> {
    let number = group_number(lease.group);
    let mut select = conn.prepare_cached(
        "SELECT epoch, last_commit FROM leases WHERE consumer = ?1 AND partition = ?2",
    )?;
    let held = select.query_row(params![number, lease.partition], |row| {
        Ok((row.get::<_, i64>(0)?, row.get::<_, Option<Vec<u8>>>(1)?))
    });
    let Some((epoch, last)) = held.optional()? else {
        return Ok(aborted(true, "nobody holds a lease of this partition"));
    };
    if epoch as u64 != lease.epoch {
        return Ok(aborted(true, "the lease was acquired by another owner"));
    }
    if let Some(ends) = last.and_then(|last| ends_of(&last, call)) {
        return Ok(Commit::Committed { ends });
    }
    for (at, next) in positions {
        if at.partition != lease.partition || !group_topics(lease.group).contains(&at.topic) {
            return Ok(aborted(false, "a position is not covered by the lease"));
        }
        if *next < position(conn, lease.group, *at)?.unwrap_or(0) {
            return Ok(aborted(false, "a position would go backwards"));
        }
    }
    slots.insert(conn, rows)?;
    for (at, next) in positions {
        set_position(conn, lease.group, *at, *next)?;
    }
    let ends = slots.ends(conn, lease, rows)?;
    let mut update = conn.prepare_cached(
        "UPDATE leases SET last_commit = ?3 WHERE consumer = ?1 AND partition = ?2",
    )?;
    update.execute(params![number, lease.partition, pack(call, &ends)])?;
    Ok(Commit::Committed { ends })
}

/// Raises the epoch, which ends the predecessor's lease.
pub fn acquire(
    conn: &Connection,
    slots: &mut Slots,
    group: Group,
    partition: u32,
) -> rusqlite::Result<Lease> {
    let sql = "INSERT INTO leases (consumer, partition, epoch) VALUES (?1, ?2, 1)
        ON CONFLICT (consumer, partition)
        DO UPDATE SET epoch = epoch + 1, last_commit = NULL
        RETURNING epoch";
    let number = group_number(group);
    let epoch: i64 = conn.query_row(sql, params![number, partition], |row| row.get(0))?;
    let mut lease = Lease {
        group,
        partition,
        epoch: epoch as u64,
        positions: BTreeMap::new(),
        ends: BTreeMap::new(),
        taken_back: None,
    };
    for topic in group_topics(group) {
        let at = TopicPartition {
            topic: *topic,
            partition,
        };
        // Entries put into this very transaction, by an earlier request, count.
        lease.ends.insert(*topic, slots.slot(conn, slot(at))?.next);
        if *topic != Topic::Journal {
            let next = position(conn, group, at)?.unwrap_or(0);
            lease.positions.insert(*topic, next);
        }
    }
    Ok(lease)
}

/// A group's committed position.
pub fn position(
    conn: &Connection,
    group: Group,
    at: TopicPartition,
) -> rusqlite::Result<Option<u64>> {
    let mut select =
        conn.prepare_cached("SELECT next FROM positions WHERE consumer = ?1 AND slot = ?2")?;
    let found = select.query_row(params![group_number(group), slot(at)], |row| {
        Ok(row.get::<_, i64>(0)? as u64)
    });
    found.optional()
}

fn set_position(
    conn: &Connection,
    group: Group,
    at: TopicPartition,
    next: u64,
) -> rusqlite::Result<()> {
    let mut upsert = conn.prepare_cached(
        "INSERT INTO positions (consumer, slot, next) VALUES (?1, ?2, ?3)
         ON CONFLICT (consumer, slot) DO UPDATE SET next = excluded.next",
    )?;
    upsert.execute(params![group_number(group), slot(at), next as i64])?;
    Ok(())
}

fn aborted(fenced: bool, reason: &str) -> Commit {
    Commit::Aborted {
        fenced,
        reason: reason.to_owned(),
    }
}
