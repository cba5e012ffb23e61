//! Overlays: changes in memory over a view that stays as it is until they are committed.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use crate::domain::ViewKey;
use crate::domain::view::{ViewEntry, ViewRead, ViewWrite};

/// Changed keys; `None` is a removal.
pub type Changes = BTreeMap<ViewKey, Option<Arc<ViewEntry>>>;

/// A view with changes over it.
pub struct Overlay<'a, V: ViewRead> {
    base: &'a V,
    changes: Changes,
}

impl<'a, V: ViewRead> Overlay<'a, V> {
    pub fn new(base: &'a V) -> Self {
        Self {
            base,
            changes: Changes::new(),
        }
    }

    pub fn into_changes(self) -> Changes {
        self.changes
    }

    /// Takes over changes that were made on top of this overlay.
    pub fn absorb(&mut self, changes: Changes) {
        self.changes.extend(changes);
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
        let below = |from: &ViewKey| self.base.first(from, to);
        let above = |from: &ViewKey| {
            let range = (Bound::Included(from), Bound::Excluded(to));
            let (key, change) = self.changes.range::<ViewKey, _>(range).next()?;
            Some((key, change.as_ref()))
        };
        first_of(above, below, from, to)
    }
}

impl<V: ViewRead> ViewWrite for Overlay<'_, V> {
    fn put(&mut self, key: ViewKey, entry: ViewEntry) {
        self.changes.insert(key, Some(Arc::new(entry)));
    }

    fn change(&mut self, key: &ViewKey, change: &mut dyn FnMut(&mut ViewEntry)) {
        if let Some(Some(entry)) = self.changes.get_mut(key) {
            return change(Arc::make_mut(entry));
        }
        if let Some(mut entry) = self.get(key) {
            change(Arc::make_mut(&mut entry));
            self.changes.insert(key.clone(), Some(entry));
        }
    }

    fn remove(&mut self, key: &ViewKey) {
        self.changes.insert(key.clone(), None);
    }
}

/// The first key of a range, changes before base. `above` finds the first changed key from
/// another on, with what the change left there, if anything.
pub fn first_of<'c>(
    above: impl Fn(&ViewKey) -> Option<(&'c ViewKey, Option<&'c Arc<ViewEntry>>)>,
    below: impl Fn(&ViewKey) -> Option<(ViewKey, Arc<ViewEntry>)>,
    from: &ViewKey,
    to: &ViewKey,
) -> Option<(ViewKey, Arc<ViewEntry>)> {
    let mut from = from.clone();
    while from < *to {
        let above = above(&from);
        let below = below(&from);
        match (above, below) {
            (None, below) => return below,
            (Some((key, _)), Some((lower, entry))) if lower < *key => return Some((lower, entry)),
            (Some((key, Some(entry))), _) => return Some((key.clone(), Arc::clone(entry))),
            // Removed: go on behind it.
            (Some((key, None)), _) => from = key.next(),
        }
    }
    None
}
