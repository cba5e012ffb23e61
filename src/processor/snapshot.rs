//! Snapshots of a view: taken a slice at a time between steps, and begun with where a store is
//! empty.
//!
//! The store stands still between two checkpoints. A checkpoint that comes while a snapshot is
//! taken first copies what it is about to replace, so that the snapshot is the view at the offset
//! at which it was begun, however long it takes.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use crate::domain::view::VIEW_VERSION;
use crate::domain::{Message, Topic};
use crate::ports::event_log::{EntryBody, EventLog, ReadFrom, ReadLimit, TopicPartition};
use crate::ports::view_snapshots::{SnapshotWriter, ViewSnapshots};
use crate::ports::view_store::{Checkpoint, Error, Standing, ViewStore};
use crate::processor::digest::Digest;

/// Entries that a store takes in one checkpoint.
const RESTORED_TOGETHER: usize = 2_000;
/// Keys that were copied out of turn and are remembered; beyond it the snapshot is given up.
const EARLY_MAX: usize = 500_000;

/// How far below an offset an entry is looked for: ends of transactions lie between.
const LOOK_BACK: u64 = 200;

/// Behind every key.
const LAST: &[u8] = &[0xff; 64];

/// A snapshot that is being taken.
pub struct Copying {
    writer: Box<dyn SnapshotWriter>,
    /// The first key that was not looked at.
    from: Vec<u8>,
    /// Those behind it that were copied, or were not there, when a checkpoint came.
    early: BTreeSet<Vec<u8>>,
}

impl Copying {
    pub fn begin(writer: Box<dyn SnapshotWriter>) -> Self {
        Self {
            writer,
            from: Vec::new(),
            early: BTreeSet::new(),
        }
    }

    /// Copies some entries more. The writer is handed back once there are no more.
    pub fn go_on(mut self, store: &dyn ViewStore, entries: usize) -> Result<Went, Error> {
        for _ in 0..entries {
            let Some((key, value)) = store.first(&self.from, LAST)? else {
                return Ok(Went::Whole(self.writer));
            };
            if !self.early.remove(&key) {
                self.writer.put(&key, &value)?;
            }
            self.from = key;
            self.from.push(0);
        }
        Ok(Went::On(self))
    }

    /// Copies what is about to be changed. False where too much was copied out of turn.
    pub fn before(
        &mut self,
        store: &dyn ViewStore,
        changes: &BTreeMap<Vec<u8>, Option<Vec<u8>>>,
    ) -> Result<bool, Error> {
        let behind = (Bound::Included(self.from.as_slice()), Bound::Unbounded);
        for key in changes.range::<[u8], _>(behind).map(|(key, _)| key) {
            if self.early.contains(key) {
                continue;
            }
            if let Some(value) = store.get(key)? {
                self.writer.put(key, &value)?;
            }
            self.early.insert(key.clone());
        }
        Ok(self.early.len() <= EARLY_MAX)
    }
}

/// How far a snapshot went.
pub enum Went {
    On(Copying),
    Whole(Box<dyn SnapshotWriter>),
}

/// The hash of the last journal entry below an offset: two journals that differ there are not the
/// same one. None where nothing stands close below it, or it cannot be read.
pub fn journal_below(log: &dyn EventLog, partition: u32, offset: u64) -> Option<[u8; 32]> {
    let at = TopicPartition {
        topic: Topic::Journal,
        partition,
    };
    // What is not there, or not yet, would be waited for.
    if log.bounds(at).ok()?.end < offset {
        return None;
    }
    let from = ReadFrom {
        at,
        offset: offset.saturating_sub(LOOK_BACK),
    };
    let limit = ReadLimit {
        entries_max: LOOK_BACK as usize,
        bytes_max: 64 << 20,
    };
    let entries = log.read_below(from, offset, limit).ok()?;
    let last = entries.iter().rev().find_map(|entry| match &entry.body {
        EntryBody::Message(Message::Journal(journaled)) => Some((entry.offset, journaled)),
        _ => None,
    })?;
    // The words of this build: one of another build is passed over, which costs a rebuild.
    Some(*blake3::hash(format!("{last:?}").as_bytes()).as_bytes())
}

/// Fills an empty store with the newest snapshot that is whole and of this journal, whose entry
/// below an offset `journal` tells. Says where the view stands then; none where there is no such
/// snapshot.
pub fn restore(
    store: &mut dyn ViewStore,
    snapshots: &dyn ViewSnapshots,
    partition: u32,
    journal: &dyn Fn(u64) -> Option<[u8; 32]>,
) -> Result<Option<Standing>, Error> {
    restore_where(store, snapshots, partition, journal, &|_, _| true)
}

/// The same with the newest snapshot that also fits, by what it holds and where it stands.
pub fn restore_where(
    store: &mut dyn ViewStore,
    snapshots: &dyn ViewSnapshots,
    partition: u32,
    journal: &dyn Fn(u64) -> Option<[u8; 32]>,
    fits: &dyn Fn(&dyn ViewStore, &Standing) -> bool,
) -> Result<Option<Standing>, Error> {
    if store
        .standing()?
        .is_some_and(|standing| standing.view_version == VIEW_VERSION)
    {
        return Ok(None);
    }
    let names = match snapshots.names(partition) {
        Ok(names) => names,
        Err(error) => {
            tracing::warn!(partition, %error, "snapshots of the view cannot be looked for");
            return Ok(None);
        }
    };
    for name in names {
        store.clear()?;
        match fill(store, snapshots, &name, journal) {
            Ok(standing) if !fits(store, &standing) => {}
            Ok(standing) => {
                let offset = standing.journal_offset;
                tracing::info!(
                    partition,
                    offset,
                    "the view begins with the snapshot {name}"
                );
                return Ok(Some(standing));
            }
            Err(Unfit::Store(error)) => return Err(error),
            Err(Unfit::Snapshot(reason)) => {
                tracing::warn!(
                    partition,
                    reason,
                    "the snapshot {name} is passed over: {reason}"
                );
            }
        }
    }
    store.clear()?;
    Ok(None)
}

enum Unfit {
    /// The next one may do.
    Snapshot(String),
    Store(Error),
}

fn fill(
    store: &mut dyn ViewStore,
    snapshots: &dyn ViewSnapshots,
    name: &str,
    journal: &dyn Fn(u64) -> Option<[u8; 32]>,
) -> Result<Standing, Unfit> {
    let unfit = |error: Error| Unfit::Snapshot(error.to_string());
    let snapshot = snapshots.open(name).map_err(unfit)?;
    let standing = snapshot.stands.standing;
    if standing.view_version != VIEW_VERSION {
        return Err(Unfit::Snapshot(
            "another version of the view took it".to_owned(),
        ));
    }
    if journal(standing.journal_offset) != Some(snapshot.stands.journal) {
        return Err(Unfit::Snapshot("it is of another journal".to_owned()));
    }
    // A store that holds a part only must not pass for a view.
    let part = Standing::default();
    let mut digest = Digest::default();
    let mut changes = BTreeMap::new();
    for entry in snapshot.entries {
        let (key, value) = entry.map_err(unfit)?;
        digest.add(Digest::of(&key, &value));
        changes.insert(key, Some(value));
        if changes.len() >= RESTORED_TOGETHER {
            let changes = std::mem::take(&mut changes);
            let standing = part.clone();
            let kept = store.checkpoint(Checkpoint { changes, standing });
            kept.map_err(Unfit::Store)?;
        }
    }
    if digest.to_bytes() != standing.digest {
        return Err(Unfit::Snapshot(
            "its entries do not have its digest".to_owned(),
        ));
    }
    let whole = Checkpoint {
        changes,
        standing: standing.clone(),
    };
    store.checkpoint(whole).map_err(Unfit::Store)?;
    Ok(standing)
}
