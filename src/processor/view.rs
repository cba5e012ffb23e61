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

/// Encoded bytes of entries that are kept decoded although the store has them; decoded they take a
/// few times that. Emptied when full: the working set comes back by itself.
const CLEAN_BYTES_MAX: usize = 4 << 20;
/// Encoded bytes of changes beyond which the store is brought up, whatever else is due.
pub const DIRTY_BYTES_MAX: usize = 8 << 20;
/// What an entry costs beside its bytes: key, map and allocation.
const ENTRY_OVERHEAD_BYTES: usize = 200;

/// The view of one partition.
pub struct View {
    store: Box<dyn ViewStore>,
    /// Committed, not yet in the store.
    dirty: Changes,
    dirty_bytes: usize,
    clean: RefCell<BTreeMap<ViewKey, Arc<ViewEntry>>>,
    clean_bytes: Cell<usize>,
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
            dirty_bytes: 0,
            clean: RefCell::default(),
            clean_bytes: Cell::new(0),
            digest: Digest::from_bytes(&standing.digest),
            journal_offset: standing.journal_offset,
            failed: Cell::new(None),
        })
    }

    /// Forgets everything, to be rebuilt from the journal's start.
    pub fn clear(&mut self) -> Result<(), Error> {
        self.store.clear()?;
        self.dirty.clear();
        self.dirty_bytes = 0;
        self.forget_clean();
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

    /// Whether so much has changed that it should be brought to the store before more is taken.
    pub fn is_full(&self) -> bool {
        self.dirty_bytes > DIRTY_BYTES_MAX
    }

    fn forget_clean(&self) {
        self.clean.borrow_mut().clear();
        self.clean_bytes.set(0);
    }

    fn keep_clean(&self, key: ViewKey, entry: Arc<ViewEntry>, bytes: usize) {
        if self.clean_bytes.get() + bytes > CLEAN_BYTES_MAX {
            self.forget_clean();
        }
        self.clean_bytes
            .set(self.clean_bytes.get() + bytes + ENTRY_OVERHEAD_BYTES);
        self.clean.borrow_mut().insert(key, entry);
    }

    /// Takes committed changes, which bring the view to `journal_offset`.
    pub fn apply(&mut self, changes: Changes, journal_offset: u64) {
        for (key, change) in changes {
            if let Some(before) = self.get(&key) {
                self.digest.subtract(key.as_bytes(), &before.to_bytes());
            }
            if let Some(after) = &change {
                let bytes = after.to_bytes();
                self.digest.add(key.as_bytes(), &bytes);
                self.dirty_bytes += bytes.len();
            }
            self.dirty_bytes += ENTRY_OVERHEAD_BYTES;
            self.dirty.insert(key, change);
        }
        self.journal_offset = journal_offset;
    }

    /// Brings the store up to the view.
    pub fn checkpoint(&mut self) -> Result<(), Error> {
        let dirty = std::mem::take(&mut self.dirty);
        self.dirty_bytes = 0;
        let mut changes = BTreeMap::new();
        for (key, change) in dirty {
            let bytes = change.as_ref().map(|entry| entry.to_bytes());
            changes.insert(key.as_bytes().to_vec(), bytes.clone());
            match (change, bytes) {
                (Some(entry), Some(bytes)) => self.keep_clean(key, entry, bytes.len()),
                _ => {
                    self.clean.borrow_mut().remove(&key);
                }
            }
        }
        let standing = Standing {
            view_version: VIEW_VERSION,
            journal_offset: self.journal_offset,
            digest: self.digest.to_bytes(),
        };
        self.store.checkpoint(Checkpoint { changes, standing })
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
        self.keep_clean(key.clone(), Arc::clone(&entry), bytes.len());
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
