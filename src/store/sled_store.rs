//! The adapter: one database, one tree, one atomic batch per checkpoint.

use std::path::Path;

use crate::ports::view_store::{Checkpoint, Error, KeyValue, Standing, ViewStore};
use crate::store::directory::{Directory, Opened, Options};
use crate::store::keys::{FIRST_ENTRY, STANDING};
use crate::store::standing;

/// Changes per flush of the epoch's garbage. sled frees what a batch replaced only when its epoch
/// moves on, which large batches keep it from: unflushed, 7 M keys grew to 19 GB resident.
const CHANGES_PER_FLUSH: usize = 16;

/// The view on disk. What sled has not yet written when a machine stops is lost, as a whole
/// checkpoint at a time; the journal covers it.
#[derive(Debug)]
pub struct SledStore {
    // Dropped before the directory, whose lock says that nobody uses the database.
    db: sled::Db,
    directory: Directory,
}

impl SledStore {
    /// Opens the store, or replaces one that is slow, damaged or of another version.
    pub fn open(path: impl AsRef<Path>, options: Options) -> Result<(Self, Opened), Error> {
        let directory = Directory::own(path.as_ref(), options)?;
        let (db, opened) = directory.open()?;
        Ok((Self { db, directory }, opened))
    }

    /// Bytes on disk.
    pub fn bytes(&self) -> Result<u64, Error> {
        self.db
            .size_on_disk()
            .map_err(|error| failed("measure", &error))
    }
}

impl ViewStore for SledStore {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        if key < FIRST_ENTRY {
            return Ok(None);
        }
        let found = self.db.get(key).map_err(|error| failed("get", &error))?;
        Ok(found.map(|value| value.to_vec()))
    }

    fn first(&self, from: &[u8], to: &[u8]) -> Result<Option<KeyValue>, Error> {
        let from = from.max(FIRST_ENTRY);
        if from >= to {
            return Ok(None);
        }
        let found = self.db.range(from..to).next().transpose();
        let found = found.map_err(|error| failed("find", &error))?;
        Ok(found.map(|(key, value)| (key.to_vec(), value.to_vec())))
    }

    fn checkpoint(&mut self, batch: Checkpoint) -> Result<(), Error> {
        let count = batch.changes.len();
        let mut changes = sled::Batch::default();
        for (key, value) in batch.changes {
            assert!(
                key.as_slice() >= FIRST_ENTRY,
                "the view writes no key of the store's own"
            );
            match value {
                Some(value) => changes.insert(key, value),
                None => changes.remove(key),
            }
        }
        changes.insert(STANDING, standing::encode(&batch.standing));
        let applied = self.db.apply_batch(changes);
        applied.map_err(|error| failed("checkpoint", &error))?;
        for _ in 0..=count / CHANGES_PER_FLUSH {
            crossbeam_epoch::pin().flush();
        }
        Ok(())
    }

    fn standing(&self) -> Result<Option<Standing>, Error> {
        let found = self
            .db
            .get(STANDING)
            .map_err(|error| failed("get", &error))?;
        let decoded = found.map(|bytes| standing::decode(&bytes)).transpose();
        decoded.map_err(|reason| Error::Failed {
            step: "read its standing",
            reason: reason.to_owned(),
        })
    }

    fn clear(&mut self) -> Result<(), Error> {
        // A fresh directory is faster than removing key by key, and leaves no garbage behind.
        self.db = self.directory.open_fresh()?;
        self.directory.remove_older()
    }
}

fn failed(step: &'static str, error: &sled::Error) -> Error {
    Error::Failed {
        step,
        reason: error.to_string(),
    }
}
