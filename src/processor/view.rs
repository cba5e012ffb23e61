//! The view: committed changes in memory over the store, checkpointed now and then, with its
//! digest.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::sync::Arc;

use crate::domain::ViewKey;
use crate::domain::view::{VIEW_VERSION, ViewEntry, ViewRead};
use crate::ports::view_store::{Checkpoint, Error, Standing, ViewStore};
use crate::processor::digest::Digest;
use crate::processor::overlay::{Changes, first_of};

/// Entries that are kept decoded although the store has them. Emptied when full: the working set
/// comes back by itself.
const CLEAN_MAX: usize = 20_000;

/// The view of one partition.
pub struct View {
    store: Box<dyn ViewStore>,
    /// Committed, not yet in the store.
    dirty: Changes,
    clean: RefCell<BTreeMap<ViewKey, Arc<ViewEntry>>>,
    digest: Digest,
    /// The next journal offset that this view has not folded.
    journal_offset: u64,
    /// A read that failed: what was decided on it must not be committed.
    failed: Cell<Option<&'static str>>,
}

impl View {
    /// Takes a store where it stands; one of another layout is emptied first.
    pub fn open(mut store: Box<dyn ViewStore>) -> Result<Self, Error> {
        let standing = match store.standing()? {
            Some(standing) if standing.view_version == VIEW_VERSION => standing,
            Some(_) => {
                store.clear()?;
                Standing::default()
            }
            None => Standing::default(),
        };
        Ok(Self {
            store,
            dirty: Changes::new(),
            clean: RefCell::default(),
            digest: Digest::from_bytes(&standing.digest),
            journal_offset: standing.journal_offset,
            failed: Cell::new(None),
        })
    }

    /// Forgets everything, to be rebuilt from the journal's start.
    pub fn clear(&mut self) -> Result<(), Error> {
        self.store.clear()?;
        self.dirty.clear();
        self.clean.borrow_mut().clear();
        self.digest = Digest::default();
        self.journal_offset = 0;
        self.failed.set(None);
        Ok(())
    }

    pub fn digest(&self) -> Digest {
        self.digest
    }

    pub fn journal_offset(&self) -> u64 {
        self.journal_offset
    }

    /// Whether a read of the store failed since it was opened.
    pub fn failure(&self) -> Option<&'static str> {
        self.failed.get()
    }

    pub fn dirty_len(&self) -> usize {
        self.dirty.len()
    }

    /// Takes committed changes, which bring the view to `journal_offset`.
    pub fn apply(&mut self, changes: Changes, journal_offset: u64) {
        for (key, change) in changes {
            if let Some(before) = self.get(&key) {
                self.digest.subtract(key.as_bytes(), &before.to_bytes());
            }
            if let Some(after) = &change {
                self.digest.add(key.as_bytes(), &after.to_bytes());
            }
            self.dirty.insert(key, change);
        }
        self.journal_offset = journal_offset;
    }

    /// Brings the store up to the view.
    pub fn checkpoint(&mut self) -> Result<(), Error> {
        let dirty = std::mem::take(&mut self.dirty);
        let bytes = |entry: &Arc<ViewEntry>| entry.to_bytes();
        let changes = dirty
            .iter()
            .map(|(key, change)| (key.as_bytes().to_vec(), change.as_ref().map(bytes)))
            .collect();
        let standing = Standing {
            view_version: VIEW_VERSION,
            journal_offset: self.journal_offset,
            digest: self.digest.to_bytes(),
        };
        self.store.checkpoint(Checkpoint { changes, standing })?;
        let mut clean = self.clean.borrow_mut();
        for (key, change) in dirty {
            match change {
                Some(entry) => clean.insert(key, entry),
                None => clean.remove(&key),
            };
        }
        if clean.len() > CLEAN_MAX {
            clean.clear();
        }
        Ok(())
    }

    fn decode(&self, bytes: &[u8]) -> Option<Arc<ViewEntry>> {
        match ViewEntry::from_bytes(bytes) {
            Ok(entry) => Some(Arc::new(entry)),
            Err(_) => {
                self.failed
                    .set(Some("an entry of the view cannot be decoded"));
                None
            }
        }
    }
}

impl ViewRead for View {
    fn get(&self, key: &ViewKey) -> Option<Arc<ViewEntry>> {
        if let Some(change) = self.dirty.get(key) {
            return change.clone();
        }
        if let Some(entry) = self.clean.borrow().get(key) {
            return Some(Arc::clone(entry));
        }
        let bytes = match self.store.get(key.as_bytes()) {
            Ok(bytes) => bytes?,
            Err(_) => {
                self.failed.set(Some("the view store cannot be read"));
                return None;
            }
        };
        let entry = self.decode(&bytes)?;
        let mut clean = self.clean.borrow_mut();
        if clean.len() >= CLEAN_MAX {
            clean.clear();
        }
        clean.insert(key.clone(), Arc::clone(&entry));
        Some(entry)
    }

    fn first(&self, from: &ViewKey, to: &ViewKey) -> Option<(ViewKey, Arc<ViewEntry>)> {
        let below = |from: &ViewKey| match self.store.first(from.as_bytes(), to.as_bytes()) {
            Ok(found) => {
                let (key, bytes) = found?;
                Some((ViewKey::from_bytes(&key), self.decode(&bytes)?))
            }
            Err(_) => {
                self.failed.set(Some("the view store cannot be read"));
                None
            }
        };
        first_of(&self.dirty, below, from, to)
    }
}
