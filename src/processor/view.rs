//! The view: committed changes in memory over the store, checkpointed now and then, with its
//! digest.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::collections::hash_map::Entry as Slot;
use std::sync::Arc;

use crate::domain::ViewKey;
use crate::domain::view::{VIEW_VERSION, ViewEntry, ViewRead};
use crate::ports::view_snapshots::SnapshotWriter;
use crate::ports::view_store::{Checkpoint, Error, Standing, ViewStore};
use crate::processor::clean::{Clean, Known};
use crate::processor::digest::Digest;
use crate::processor::ordered::{Ordered, first_of};
use crate::processor::overlay::{ByKey, Changes};
use crate::processor::snapshot::{Copying, Went};

/// About the bytes of changes beyond which the store is brought up, whatever else is due.
pub const DIRTY_BYTES_MAX: usize = 4 << 20;
/// What an entry costs beside its bytes: key, map and allocation.
pub(super) const ENTRY_OVERHEAD_BYTES: usize = 200;

/// The view of one partition.
pub struct View {
    store: Box<dyn ViewStore>,
    /// Committed, not yet in the store. Looked up by key far more often than walked.
    dirty: ByKey<Dirty>,
    ordered: Ordered,
    dirty_bytes: usize,
    /// Entries that are kept decoded although the store has them.
    clean: RefCell<Clean>,
    /// The sum over the entries as they were when they were last hashed: what changes often is
    /// hashed when somebody asks, not with each change.
    hashed: Digest,
    /// The next journal offset that this view has not folded.
    journal_offset: u64,
    /// A read that failed: what was decided on it must not be committed.
    failed: Cell<Option<&'static str>>,
    /// Entries that were hashed since it was opened.
    hashes: Cell<u64>,
    /// The snapshot that is being taken.
    copying: Option<Copying>,
}

/// A changed entry.
struct Dirty {
    /// None where it was removed.
    entry: Option<Arc<ViewEntry>>,
    bytes: usize,
    counted: Counted,
    /// Whether `counted` is of the entry as it now is.
    is_hashed: bool,
}

/// What the sum holds for a key.
#[derive(Clone, Copy)]
enum Counted {
    /// The entry in the store, if there is one.
    Stored,
    /// This, if anything.
    Hash(Option<Digest>),
}

/// A key whose entry was hashed anew: what the sum held for it, what it is now, and its bytes.
struct Hashed {
    before: Option<Digest>,
    now: Option<Digest>,
    bytes: Option<Vec<u8>>,
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
            dirty: ByKey::default(),
            ordered: Ordered::default(),
            dirty_bytes: 0,
            clean: RefCell::default(),
            hashed: Digest::from_bytes(&standing.digest),
            journal_offset: standing.journal_offset,
            failed: Cell::new(None),
            hashes: Cell::new(0),
            copying: None,
        })
    }

    /// Forgets everything, to be rebuilt from the journal's start.
    pub fn clear(&mut self) -> Result<(), Error> {
        self.store.clear()?;
        self.dirty.clear();
        self.ordered.clear();
        self.dirty_bytes = 0;
        self.clean.borrow_mut().clear();
        self.hashed = Digest::default();
        self.journal_offset = 0;
        self.failed.set(None);
        self.copying = None;
        Ok(())
    }

    /// Begins a snapshot of what the store holds, after a checkpoint.
    pub fn begin_snapshot(&mut self, writer: Box<dyn SnapshotWriter>) {
        debug_assert!(self.dirty.is_empty(), "a checkpoint comes first");
        self.copying = Some(Copying::begin(writer));
    }

    pub fn give_up_snapshot(&mut self) {
        self.copying = None;
    }

    /// Whether a snapshot is being taken.
    pub fn is_copying(&self) -> bool {
        self.copying.is_some()
    }

    /// Copies some entries more to the snapshot that is being taken, and hands it back when it is
    /// whole. After an error there is none.
    pub fn copy_on(&mut self, entries: usize) -> Result<Option<Box<dyn SnapshotWriter>>, Error> {
        let Some(copying) = self.copying.take() else {
            return Ok(None);
        };
        match copying.go_on(self.store.as_ref(), entries)? {
            Went::Whole(writer) => Ok(Some(writer)),
            Went::On(copying) => {
                self.copying = Some(copying);
                Ok(None)
            }
        }
    }

    /// The digest of the view as it now is.
    pub fn digest(&self) -> Digest {
        let mut digest = self.hashed;
        for (key, dirty) in self.dirty.iter().filter(|(_, dirty)| !dirty.is_hashed) {
            self.hash(key, dirty).count(&mut digest);
        }
        digest
    }

    /// The same, kept, so that the next one is cheaper.
    pub fn settled_digest(&mut self) -> Digest {
        let unhashed = self.dirty.iter().filter(|(_, dirty)| !dirty.is_hashed);
        let hashed: Vec<Hashed> = unhashed.map(|(key, dirty)| self.hash(key, dirty)).collect();
        let unhashed = self.dirty.values_mut().filter(|dirty| !dirty.is_hashed);
        for (dirty, hashed) in unhashed.zip(hashed) {
            dirty.counted = Counted::Hash(hashed.now);
            dirty.is_hashed = true;
            hashed.count(&mut self.hashed);
        }
        self.hashed
    }

    /// How much hashing was done: many times the changes that were folded would be a defect.
    pub fn hashes(&self) -> u64 {
        self.hashes.get()
    }

    fn hash(&self, key: &ViewKey, dirty: &Dirty) -> Hashed {
        self.hashes.set(self.hashes.get() + 1);
        let before = match dirty.counted {
            Counted::Hash(before) => before,
            Counted::Stored => {
                let stored = self.stored(key);
                stored.map(|bytes| Digest::of(key.as_bytes(), &bytes))
            }
        };
        let bytes = dirty.entry.as_ref().map(|entry| entry.to_bytes());
        let now = bytes
            .as_ref()
            .map(|bytes| Digest::of(key.as_bytes(), bytes));
        Hashed { before, now, bytes }
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

    /// Takes committed changes, which bring the view to `journal_offset`.
    pub fn apply(&mut self, changes: Changes, journal_offset: u64) {
        for (key, entry) in changes {
            let bytes = ENTRY_OVERHEAD_BYTES + entry.as_ref().map_or(0, |entry| entry.weight());
            self.dirty_bytes += bytes;
            self.ordered.note(&key, entry.is_some());
            match self.dirty.entry(key) {
                Slot::Occupied(mut known) => {
                    let known = known.get_mut();
                    self.dirty_bytes -= known.bytes;
                    known.entry = entry;
                    known.bytes = bytes;
                    known.is_hashed = false;
                }
                Slot::Vacant(place) => {
                    let known = self.clean.get_mut().get(place.key());
                    place.insert(Dirty {
                        entry,
                        bytes,
                        counted: known.map_or(Counted::Stored, |known| Counted::Hash(known.digest)),
                        is_hashed: false,
                    });
                }
            }
        }
        self.journal_offset = journal_offset;
    }

    /// Brings the store up to the view.
    pub fn checkpoint(&mut self) -> Result<(), Error> {
        let mut changes = BTreeMap::new();
        self.ordered.clear();
        for (key, dirty) in std::mem::take(&mut self.dirty) {
            let (digest, bytes) = match dirty.counted {
                Counted::Hash(digest) if dirty.is_hashed => {
                    (digest, dirty.entry.as_ref().map(|entry| entry.to_bytes()))
                }
                _ => {
                    let hashed = self.hash(&key, &dirty);
                    hashed.count(&mut self.hashed);
                    (hashed.now, hashed.bytes)
                }
            };
            let len = bytes.as_ref().map_or(0, Vec::len);
            changes.insert(key.as_bytes().to_vec(), bytes);
            let clean = self.clean.get_mut();
            if key.is_asked_for_again() {
                let entry = dirty.entry;
                clean.keep(key, Known { entry, digest }, len);
            } else {
                clean.remove(&key);
            }
        }
        self.dirty_bytes = 0;
        if let Some(reason) = self.failed.get() {
            let (step, reason) = ("hash", reason.to_owned());
            return Err(Error::Failed { step, reason });
        }
        let standing = self.standing();
        self.copy_before(&changes);
        self.store.checkpoint(Checkpoint { changes, standing })
    }

    /// Where the store stands once all changes are in it.
    pub fn standing(&self) -> Standing {
        Standing {
            view_version: VIEW_VERSION,
            journal_offset: self.journal_offset,
            digest: self.hashed.to_bytes(),
        }
    }

    /// A snapshot that cannot be gone on with is given up: the view goes on.
    fn copy_before(&mut self, changes: &BTreeMap<Vec<u8>, Option<Vec<u8>>>) {
        let Some(copying) = &mut self.copying else {
            return;
        };
        let reason = match copying.before(self.store.as_ref(), changes) {
            Ok(true) => return,
            Ok(false) => "more changes than can be remembered while it is taken".to_owned(),
            Err(error) => error.to_string(),
        };
        tracing::warn!(reason, "a snapshot of the view is given up: {reason}");
        self.copying = None;
    }

    fn stored(&self, key: &ViewKey) -> Option<Vec<u8>> {
        match self.store.get(key.as_bytes()) {
            Ok(bytes) => bytes,
            Err(_) => {
                self.failed.set(Some("the view store cannot be read"));
                None
            }
        }
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

impl Hashed {
    /// Puts the entry into a sum in the place of what the sum held for its key.
    fn count(&self, sum: &mut Digest) {
        if let Some(before) = self.before {
            sum.subtract(before);
        }
        if let Some(now) = self.now {
            sum.add(now);
        }
    }
}

impl ViewRead for View {
    fn get(&self, key: &ViewKey) -> Option<Arc<ViewEntry>> {
        if let Some(change) = self.dirty.get(key) {
            return change.entry.clone();
        }
        let mut clean = self.clean.borrow_mut();
        if let Some(known) = clean.get(key) {
            return known.entry;
        }
        let Some(bytes) = self.stored(key) else {
            if self.failed.get().is_none() {
                clean.keep(key.clone(), Known::absent(), 0);
            }
            return None;
        };
        let entry = self.decode(&bytes)?;
        let known = Known {
            entry: Some(Arc::clone(&entry)),
            digest: Some(Digest::of(key.as_bytes(), &bytes)),
        };
        clean.keep(key.clone(), known, bytes.len());
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
        let stand = self.dirty.iter().filter(|(_, dirty)| dirty.entry.is_some());
        let above = self.ordered.first(from, to, stand.map(|(key, _)| key));
        let above = above.and_then(|key| {
            let entry = self.dirty.get(&key)?.entry.clone()?;
            Some((key, entry))
        });
        let is_removed = |key: &ViewKey| {
            let dirty = self.dirty.get(key);
            dirty.is_some_and(|dirty| dirty.entry.is_none())
        };
        first_of(above, below, is_removed, from)
    }
}
