//! The order of changed keys. They lie in hash maps, and few of them are ever walked.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::ops::Bound;
use std::sync::Arc;

use crate::domain::ViewKey;
use crate::domain::view::ViewEntry;

/// Changed keys that still stand, in order.
#[derive(Default)]
pub struct Ordered {
    /// Those that are asked for with every step.
    kept: BTreeSet<ViewKey>,
    /// Those of the kind that was last walked, since nothing was changed.
    made: RefCell<Option<(Option<u8>, BTreeSet<ViewKey>)>>,
}

impl Ordered {
    /// Takes note of a key that was changed, and whether it stands.
    pub fn note(&mut self, key: &ViewKey, stands: bool) {
        if !key.is_in_order() {
            *self.made.get_mut() = None;
        } else if stands {
            self.kept.insert(key.clone());
        } else {
            self.kept.remove(key);
        }
    }

    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// The first key in `from..to`; `stand` are all that stand.
    pub fn first<'k>(
        &self,
        from: &ViewKey,
        to: &ViewKey,
        stand: impl Iterator<Item = &'k ViewKey>,
    ) -> Option<ViewKey> {
        if from.is_in_order() {
            return first_in(&self.kept, from, to);
        }
        let kind = from.kind();
        let mut made = self.made.borrow_mut();
        let known = made.take().filter(|(known, _)| *known == kind);
        let (_, keys) = made.insert(known.unwrap_or_else(|| {
            let walked = stand.filter(|key| key.kind() == kind).cloned();
            (kind, walked.collect())
        }));
        first_in(keys, from, to)
    }
}

fn first_in(keys: &BTreeSet<ViewKey>, from: &ViewKey, to: &ViewKey) -> Option<ViewKey> {
    if from >= to {
        return None;
    }
    let range = (Bound::Included(from), Bound::Excluded(to));
    keys.range::<ViewKey, _>(range).next().cloned()
}

/// The first key of a range that starts at `from`: what was changed comes before what lies below.
/// `above` is the first changed key that still stands; `below` finds the first key of the base from
/// another on, of which some may have been removed since.
pub fn first_of(
    above: Option<(ViewKey, Arc<ViewEntry>)>,
    below: impl Fn(&ViewKey) -> Option<(ViewKey, Arc<ViewEntry>)>,
    is_removed: impl Fn(&ViewKey) -> bool,
    from: &ViewKey,
) -> Option<(ViewKey, Arc<ViewEntry>)> {
    let mut lower = below(from);
    while let Some((key, _)) = &lower
        && above.as_ref().is_none_or(|(above, _)| key < above)
        && is_removed(key)
    {
        lower = below(&key.next());
    }
    match (above, lower) {
        (Some(above), Some(lower)) if lower.0 < above.0 => Some(lower),
        (Some(above), _) => Some(above),
        (None, lower) => lower,
    }
}
