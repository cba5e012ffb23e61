//! Bare sled beside the view: the same gets and puts, batch by batch, and nothing else.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crosswalk::domain::ViewKey;
use crosswalk::domain::view::{ViewEntry, ViewRead};
use crosswalk::processor::overlay::Changes;
use crosswalk::processor::view::View;

/// A view that notes which keys are asked for.
pub struct Recording<'a> {
    view: &'a View,
    keys: RefCell<BTreeSet<ViewKey>>,
}

impl<'a> Recording<'a> {
    pub fn new(view: &'a View) -> Self {
        let keys = RefCell::default();
        Self { view, keys }
    }

    pub fn into_keys(self) -> BTreeSet<ViewKey> {
        self.keys.into_inner()
    }
}

impl ViewRead for Recording<'_> {
    fn get(&self, key: &ViewKey) -> Option<Arc<ViewEntry>> {
        self.keys.borrow_mut().insert(key.clone());
        self.view.get(key)
    }

    fn first(&self, from: &ViewKey, to: &ViewKey) -> Option<(ViewKey, Arc<ViewEntry>)> {
        self.view.first(from, to)
    }
}

/// A database with sled's own settings, but for the cache, which is as large as the view store's.
pub struct Bare(sled::Db);

impl Bare {
    pub fn open(path: &Path, cache_bytes: u64) -> Self {
        let config = sled::Config::new().path(path).cache_capacity(cache_bytes);
        Self(config.open().unwrap())
    }

    /// Gets each key that a batch asked for once, and puts each entry that it changed once, as one
    /// batch. Keys and values are made before the clock starts.
    pub fn repeat(&mut self, keys: BTreeSet<ViewKey>, changes: Changes) -> Duration {
        let mut batch = sled::Batch::default();
        for (key, entry) in &changes {
            match entry {
                Some(entry) => batch.insert(key.as_bytes(), entry.to_bytes()),
                None => batch.remove(key.as_bytes()),
            }
        }
        let began = Instant::now();
        let found = keys
            .iter()
            .filter(|key| self.0.get(key.as_bytes()).unwrap().is_some());
        std::hint::black_box(found.count());
        self.0.apply_batch(batch).unwrap();
        began.elapsed()
    }
}
