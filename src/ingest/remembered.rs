//! The notification ids that were stored lately, so that a repetition costs no append.
//!
//! Bounded, and only a saving: what it has forgotten the processor recognises.

use std::collections::HashSet;

use crate::domain::ObservationId;

/// Two generations: when the young one is full it becomes the old one, and the old is forgotten.
#[derive(Debug)]
pub(crate) struct Remembered {
    generation_max: usize,
    young: HashSet<ObservationId>,
    old: HashSet<ObservationId>,
}

impl Remembered {
    /// Remembers at least the last `ids_max / 2` ids and never more than `ids_max`.
    pub fn new(ids_max: usize) -> Self {
        Self {
            generation_max: (ids_max / 2).max(1),
            young: HashSet::new(),
            old: HashSet::new(),
        }
    }

    pub fn contains(&self, id: &ObservationId) -> bool {
        self.young.contains(id) || self.old.contains(id)
    }

    /// Call only after the append of this id was durable.
    pub fn insert(&mut self, id: ObservationId) {
        if self.young.len() >= self.generation_max {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u8) -> ObservationId {
        ObservationId::from_bytes([number; 16])
    }

    #[test]
    fn the_latest_half_is_always_there_and_the_rest_is_bounded() {
        let mut remembered = Remembered::new(8);
        for number in 0..100 {
            remembered.insert(id(number));
            for back in 0..4.min(number + 1) {
                assert!(remembered.contains(&id(number - back)));
            }
            assert!(remembered.young.len() + remembered.old.len() <= 8);
        }
        assert!(!remembered.contains(&id(0)));
    }
}
