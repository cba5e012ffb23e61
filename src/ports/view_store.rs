//! The view store port: a disposable cache of the view's bytes, and its twin in memory.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Mutex, MutexGuard};

/// Bytes of the view at a journal position. May lose everything: the journal rebuilds it.
///
/// - `checkpoint` is atomic: after a crash the store holds all of it or nothing of it.
/// - Keys iterate in byte order.
/// - One owner per store; a second `open` of the same directory fails.
pub trait ViewStore: Send {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error>;

    /// The first key in `from..to` with its value.
    fn first(&self, from: &[u8], to: &[u8]) -> Result<Option<KeyValue>, Error>;

    /// Applies changes (None removes) in key order and records where the view now stands.
    fn checkpoint(&mut self, batch: Checkpoint) -> Result<(), Error>;

    /// Where the stored view stands; none when the store is new.
    fn standing(&self) -> Result<Option<Standing>, Error>;

    /// Forgets everything.
    fn clear(&mut self) -> Result<(), Error>;
}

pub type KeyValue = (Vec<u8>, Vec<u8>);

/// A batch of changes and the position it brings the view to.
#[derive(Debug, Clone, Default)]
pub struct Checkpoint {
    pub changes: BTreeMap<Vec<u8>, Option<Vec<u8>>>,
    pub standing: Standing,
}

/// Where a stored view stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Standing {
    /// Layout of the entries, `domain::view::VIEW_VERSION` at the time of writing.
    pub view_version: u32,
    /// The next journal offset to evolve.
    pub journal_offset: u64,
    /// The digest of the view at that position.
    pub digest: [u8; 32],
}

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the view store at {path} cannot be opened: {reason}")]
    Open { path: String, reason: String },
    #[error("the view store failed to {step}: {reason}")]
    Failed { step: &'static str, reason: String },
}

type Contents = (BTreeMap<Vec<u8>, Vec<u8>>, Option<Standing>);

/// The port in memory: for `verify`, tests and the simulation.
#[derive(Debug, Default)]
pub struct MemoryStore {
    inner: Mutex<Contents>,
}

impl MemoryStore {
    fn lock(&self) -> MutexGuard<'_, Contents> {
        self.inner.lock().expect("no holder of this lock panics")
    }
}

impl ViewStore for MemoryStore {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        Ok(self.lock().0.get(key).cloned())
    }

    fn first(&self, from: &[u8], to: &[u8]) -> Result<Option<KeyValue>, Error> {
        if from >= to {
            return Ok(None);
        }
        let range = (Bound::Included(from), Bound::Excluded(to));
        let inner = self.lock();
        Ok(inner
            .0
            .range::<[u8], _>(range)
            .next()
            .map(|(k, v)| (k.clone(), v.clone())))
    }

    fn checkpoint(&mut self, batch: Checkpoint) -> Result<(), Error> {
        let mut inner = self.lock();
        for (key, value) in batch.changes {
            match value {
                Some(value) => inner.0.insert(key, value),
                None => inner.0.remove(&key),
            };
        }
        inner.1 = Some(batch.standing);
        Ok(())
    }

    fn standing(&self) -> Result<Option<Standing>, Error> {
        Ok(self.lock().1.clone())
    }

    fn clear(&mut self) -> Result<(), Error> {
        *self.lock() = Default::default();
        Ok(())
    }
}
