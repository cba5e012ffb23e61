//! The file: its tables, its version, its partition counts.
//!
//! ```text
//! meta       name -> value       format, partitions.bridges, partitions.lanes
//! entries    place -> appended_at, key, headers, value (null: tombstone)
//! slots      slot -> next offset, bytes held
//! latest     (topic, key) -> place of the newest entry, compacted topics only
//! leases     (group, partition) -> epoch, id of the last commit under it
//! positions  (group, slot) -> next offset to take
//! ```

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, OptionalExtension, TransactionBehavior, params};

use crate::log::embedded::options::Options;
use crate::log::embedded::place::PARTITIONS_MAX;
use crate::log::topics::Partitions;
use crate::ports::event_log::Error;

const FORMAT: i64 = 1;
/// How long a connection waits for another process's transaction.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

const TABLES: &str = "
    CREATE TABLE meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
    CREATE TABLE entries (
        place INTEGER PRIMARY KEY,
        appended_at INTEGER NOT NULL,
        key TEXT NOT NULL,
        headers BLOB NOT NULL,
        value BLOB
    );
    CREATE TABLE slots (
        slot INTEGER PRIMARY KEY,
        next INTEGER NOT NULL,
        bytes INTEGER NOT NULL
    );
    CREATE TABLE latest (
        topic INTEGER NOT NULL,
        key TEXT NOT NULL,
        place INTEGER NOT NULL,
        PRIMARY KEY (topic, key)
    ) WITHOUT ROWID;
    CREATE TABLE leases (
        consumer INTEGER NOT NULL,
        partition INTEGER NOT NULL,
        epoch INTEGER NOT NULL,
        last_commit BLOB,
        PRIMARY KEY (consumer, partition)
    ) WITHOUT ROWID;
    CREATE TABLE positions (
        consumer INTEGER NOT NULL,
        slot INTEGER NOT NULL,
        next INTEGER NOT NULL,
        PRIMARY KEY (consumer, slot)
    ) WITHOUT ROWID;
";

/// The write-ahead log is cut to this when it begins anew.
const WAL_BYTES_KEPT: i64 = 32 << 20;

/// Opens the file for writing, making its tables if it is new.
pub fn open_writer(path: &Path, options: &Options) -> Result<(Connection, Partitions), Error> {
    let mut flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    if options.create {
        flags |= OpenFlags::SQLITE_OPEN_CREATE;
    }
    let opened = Connection::open_with_flags(path, flags).and_then(|conn| {
        conn.busy_timeout(BUSY_TIMEOUT)?;
        // Only a new file takes these two; they must come before the first table.
        conn.pragma_update(None, "page_size", 8192)?;
        conn.pragma_update(None, "journal_mode", "WAL")?;
        conn.pragma_update(None, "synchronous", "FULL")?;
        conn.pragma_update(None, "cache_size", -8_000)?;
        // What a burst made of it is given back to the disk.
        conn.pragma_update(None, "journal_size_limit", WAL_BYTES_KEPT)?;
        // The checkpoint thread does it, so that no append waits for it.
        conn.pragma_update(None, "wal_autocheckpoint", 0)?;
        Ok(conn)
    });
    let mut conn = opened.map_err(|error| cannot_open(path, &error))?;
    let partitions = prepare(&mut conn, options)?;
    Ok((conn, partitions))
}

/// Opens the file for reading; the writer has made it.
pub fn open_reader(path: &Path) -> Result<Connection, rusqlite::Error> {
    let conn = open_side(path)?;
    conn.pragma_update(None, "query_only", true)?;
    Ok(conn)
}

/// Opens the file for checkpoints.
pub fn open_side(path: &Path) -> Result<Connection, rusqlite::Error> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = Connection::open_with_flags(path, flags)?;
    conn.busy_timeout(BUSY_TIMEOUT)?;
    conn.pragma_update(None, "synchronous", "FULL")?;
    conn.pragma_update(None, "cache_size", -1_000)?;
    conn.pragma_update(None, "wal_autocheckpoint", 0)?;
    Ok(conn)
}

fn prepare(conn: &mut Connection, options: &Options) -> Result<Partitions, Error> {
    let fail = |error: rusqlite::Error| Error::Open(error.to_string());
    let tx = conn
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .map_err(fail)?;
    let tables = "SELECT count(*) FROM sqlite_schema WHERE name = 'meta'";
    let known: i64 = tx.query_row(tables, [], |row| row.get(0)).map_err(fail)?;
    if known == 0 {
        tx.execute_batch(TABLES).map_err(fail)?;
        set(&tx, "format", FORMAT).map_err(fail)?;
    }
    let format = get(&tx, "format").map_err(fail)?.unwrap_or(0);
    if format != FORMAT {
        let text = format!("its format is {format}, this version reads {FORMAT}");
        return Err(Error::Open(text));
    }
    let stored = stored_partitions(&tx).map_err(fail)?;
    let wanted = options.partitions.or(stored).unwrap_or_default();
    check_partitions(stored, wanted)?;
    if stored != Some(wanted) {
        set(&tx, "partitions.bridges", i64::from(wanted.bridges)).map_err(fail)?;
        set(&tx, "partitions.lanes", i64::from(wanted.lanes)).map_err(fail)?;
    }
    tx.commit().map_err(fail)?;
    Ok(wanted)
}

fn check_partitions(stored: Option<Partitions>, wanted: Partitions) -> Result<(), Error> {
    let stored = stored.unwrap_or_default();
    for (name, stored, wanted) in [
        ("bridge", stored.bridges, wanted.bridges),
        ("lane", stored.lanes, wanted.lanes),
    ] {
        if wanted < stored {
            let text = format!(
                "{wanted} {name} partitions are asked for, it has {stored}: counts only grow"
            );
            return Err(Error::Open(text));
        }
        if wanted == 0 || wanted > PARTITIONS_MAX {
            let text = format!("{wanted} {name} partitions: 1 to {PARTITIONS_MAX} are possible");
            return Err(Error::Open(text));
        }
    }
    Ok(())
}

fn stored_partitions(conn: &Connection) -> Result<Option<Partitions>, rusqlite::Error> {
    let bridges = get(conn, "partitions.bridges")?;
    let lanes = get(conn, "partitions.lanes")?;
    Ok(bridges.zip(lanes).map(|(bridges, lanes)| Partitions {
        bridges: bridges as u32,
        lanes: lanes as u32,
    }))
}

fn get(conn: &Connection, name: &str) -> Result<Option<i64>, rusqlite::Error> {
    let sql = "SELECT value FROM meta WHERE name = ?1";
    conn.query_row(sql, [name], |row| row.get(0)).optional()
}

fn set(conn: &Connection, name: &str, value: i64) -> Result<(), rusqlite::Error> {
    let sql = "INSERT INTO meta (name, value) VALUES (?1, ?2)
        ON CONFLICT (name) DO UPDATE SET value = excluded.value";
    conn.execute(sql, params![name, value]).map(|_| ())
}

fn cannot_open(path: &Path, error: &rusqlite::Error) -> Error {
    Error::Open(format!("{}: {error}", path.display()))
}
