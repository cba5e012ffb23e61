//! The observation ids that were appended lately, so that a repetition costs no append.
//!
//! Bounded, and only a saving: what it has forgotten the processor recognises.

use std::collections::BTreeSet;

use crate::domain::ObservationId;

/// Two generations: when the young one is full it becomes the old one, and the old is forgotten.
#[derive(Debug)]
pub struct Remembered {
    generation_max: usize,
    young: BTreeSet<ObservationId>,
    old: BTreeSet<ObservationId>,
}

impl Remembered {
    /// Remembers at least the last `ids_max / 2` ids and never more than `ids_max`.
    pub fn new(ids_max: usize) -> Self {
        Self {
            generation_max: (ids_max / 2).max(1),
            young: BTreeSet::new(),
            old: BTreeSet::new(),
        }
    }

    pub fn contains(&self, id: &ObservationId) -> bool {
        self.young.contains(id) || self.old.contains(id)
    }

    /// Call only after the append of these ids was durable.
    pub fn extend(&mut self, ids: impl IntoIterator<Item = ObservationId>) {
        for id in ids {
            if self.young.len() >= self.generation_max {
                self.old = std::mem::take(&mut self.young);
            }
            self.young.insert(id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_half_is_always_there_and_the_rest_is_bounded() {
        let id = |number: u8| ObservationId::from_bytes([number; 16]);
        let mut remembered = Remembered::new(8);
        for number in 0..100 {
            remembered.extend([id(number)]);
            assert!((0..4.min(number + 1)).all(|back| remembered.contains(&id(number - back))));
            assert!(remembered.young.len() + remembered.old.len() <= 8);
        }
        assert!(!remembered.contains(&id(0)));
    }
}
