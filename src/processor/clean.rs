//! What the store holds, kept decoded: entries, and that a key has none.

use std::sync::Arc;

use crate::domain::ViewKey;
use crate::domain::view::ViewEntry;
use crate::processor::digest::Digest;
use crate::processor::overlay::ByKey;
use crate::processor::view::ENTRY_OVERHEAD_BYTES;

/// Encoded bytes of one generation; decoded they take a few times that.
const GENERATION_BYTES_MAX: usize = if cfg!(test) { 2 << 10 } else { 2 << 20 };

/// Two generations: when the young one is full it becomes the old one, and the old is forgotten.
/// What is asked for again becomes young again, so that the working set stays.
#[derive(Default)]
pub struct Clean {
    young: ByKey<Kept>,
    old: ByKey<Kept>,
    young_bytes: usize,
}

struct Kept {
    known: Known,
    bytes: usize,
}

/// What the store holds for a key.
#[derive(Clone)]
pub struct Known {
    pub entry: Option<Arc<ViewEntry>>,
    /// What the entry adds to the view's digest.
    pub digest: Option<Digest>,
}

impl Known {
    /// That the store holds nothing.
    pub fn absent() -> Self {
        let (entry, digest) = (None, None);
        Self { entry, digest }
    }
}

impl Clean {
    pub fn get(&mut self, key: &ViewKey) -> Option<Known> {
        if let Some(kept) = self.young.get(key) {
            return Some(kept.known.clone());
        }
        let (key, kept) = self.old.remove_entry(key)?;
        let known = kept.known.clone();
        self.put(key, kept);
        Some(known)
    }

    /// `bytes`: what the entry takes encoded.
    pub fn keep(&mut self, key: ViewKey, known: Known, bytes: usize) {
        self.remove(&key);
        let bytes = bytes + ENTRY_OVERHEAD_BYTES;
        self.put(key, Kept { known, bytes });
    }

    fn put(&mut self, key: ViewKey, kept: Kept) {
        if self.young_bytes + kept.bytes > GENERATION_BYTES_MAX {
            self.old = std::mem::take(&mut self.young);
            self.young_bytes = 0;
        }
        self.young_bytes += kept.bytes;
        self.young.insert(key, kept);
    }

    pub fn remove(&mut self, key: &ViewKey) {
        if let Some(kept) = self.young.remove(key) {
            self.young_bytes -= kept.bytes;
        }
        self.old.remove(key);
    }

    pub fn clear(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{BridgeId, ObservationId};

    fn key(number: u64) -> ViewKey {
        let bridge = BridgeId::new("main").unwrap();
        let mut id = [0; 16];
        id[..8].copy_from_slice(&number.to_be_bytes());
        ViewKey::deduped(&bridge, &ObservationId::from_bytes(id))
    }

    fn entry(number: u64) -> Known {
        Known {
            entry: Some(Arc::new(ViewEntry::Deduped(number))),
            digest: None,
        }
    }

    #[test]
    fn what_is_asked_for_stays_and_the_rest_is_bounded() {
        let mut clean = Clean::default();
        clean.keep(key(0), entry(0), 100);
        for number in 1..100_000 {
            clean.keep(key(number), entry(number), 100);
            assert!(clean.get(&key(0)).is_some(), "it is asked for each time");
            let most = 2 * GENERATION_BYTES_MAX / 300;
            assert!(clean.young.len() + clean.old.len() <= most);
        }
        assert!(clean.get(&key(1)).is_none());
        clean.remove(&key(0));
        assert!(clean.get(&key(0)).is_none());
        let bytes: usize = clean.young.values().map(|kept| kept.bytes).sum();
        assert_eq!(clean.young_bytes, bytes);
    }

    #[test]
    fn an_entry_is_the_one_that_was_kept_last() {
        let mut clean = Clean::default();
        clean.keep(key(1), entry(1), 10);
        clean.keep(key(1), entry(2), 10);
        let known = clean.get(&key(1)).unwrap();
        assert_eq!(known.entry, entry(2).entry);
        assert_eq!(clean.young_bytes, 10 + ENTRY_OVERHEAD_BYTES);
        clean.clear();
        assert!(clean.get(&key(1)).is_none());
    }
}
