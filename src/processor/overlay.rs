//! Overlays: changes in memory over a view that stays as it is until they are committed.

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::FixedState;

use crate::domain::ViewKey;
use crate::domain::view::{ViewEntry, ViewRead, ViewWrite};
use crate::processor::ordered::{Ordered, first_of};

/// Something for each of many keys. Nearly every key ends in a hash of ours, so that nobody can
/// choose keys that collide; the order of iteration means nothing.
pub type ByKey<T> = HashMap<ViewKey, T, FixedState>;

/// Changed keys; `None` is a removal.
pub type Changes = ByKey<Option<Arc<ViewEntry>>>;

/// A view with changes over it.
pub struct Overlay<'a, V: ViewRead> {
    base: &'a V,
    changes: Changes,
    ordered: Ordered,
}

impl<'a, V: ViewRead> Overlay<'a, V> {
    pub fn new(base: &'a V) -> Self {
        Self::with_capacity(base, 0)
    }

    /// An overlay that is expected to change so many keys.
    pub fn with_capacity(base: &'a V, keys: usize) -> Self {
        Self {
            base,
            changes: Changes::with_capacity_and_hasher(keys, FixedState::default()),
            ordered: Ordered::default(),
        }
    }

    pub fn into_changes(self) -> Changes {
        self.changes
    }

    /// Takes over changes that were made on top of this overlay.
    pub fn absorb(&mut self, changes: Changes) {
        for (key, change) in changes {
            self.set(key, change);
        }
    }

    fn set(&mut self, key: ViewKey, change: Option<Arc<ViewEntry>>) {
        self.ordered.note(&key, change.is_some());
        self.changes.insert(key, change);
    }

    fn is_removed(&self, key: &ViewKey) -> bool {
        matches!(self.changes.get(key), Some(None))
    }
}

impl<V: ViewRead> ViewRead for Overlay<'_, V> {
    fn get(&self, key: &ViewKey) -> Option<Arc<ViewEntry>> {
        match self.changes.get(key) {
            Some(change) => change.clone(),
            None => self.base.get(key),
        }
    }

    fn first(&self, from: &ViewKey, to: &ViewKey) -> Option<(ViewKey, Arc<ViewEntry>)> {
        let stand = self.changes.iter().filter(|(_, change)| change.is_some());
        let above = self.ordered.first(from, to, stand.map(|(key, _)| key));
        let above = above.and_then(|key| {
            let entry = self.changes.get(&key)?.clone()?;
            Some((key, entry))
        });
        let below = |from: &ViewKey| self.base.first(from, to);
        first_of(above, below, |key| self.is_removed(key), from)
    }
}

impl<V: ViewRead> ViewWrite for Overlay<'_, V> {
    fn put(&mut self, key: ViewKey, entry: ViewEntry) {
        self.set(key, Some(Arc::new(entry)));
    }

    fn change(&mut self, key: &ViewKey, change: &mut dyn FnMut(&mut ViewEntry)) {
        match self.changes.get_mut(key) {
            Some(Some(entry)) => change(Arc::make_mut(entry)),
            Some(None) => {}
            None => {
                if let Some(mut entry) = self.base.get(key) {
                    change(Arc::make_mut(&mut entry));
                    self.set(key.clone(), Some(entry));
                }
            }
        }
    }

    fn remove(&mut self, key: &ViewKey) {
        self.set(key.clone(), None);
    }
}
