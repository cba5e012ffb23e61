//! Which commands are taken and not yet settled, and the position that follows from it.

use std::collections::BTreeSet;

/// Offsets of one partition, as this owner has seen them.
#[derive(Debug)]
pub struct InFlight {
    next: u64,
    open: BTreeSet<u64>,
}

impl InFlight {
    pub fn new(position: u64) -> Self {
        Self {
            next: position,
            open: BTreeSet::new(),
        }
    }

    /// Takes the entry at `offset`; false if it was taken before.
    pub fn take(&mut self, offset: u64) -> bool {
        if offset < self.next {
            return false;
        }
        self.next = offset + 1;
        self.open.insert(offset)
    }

    pub fn settle(&mut self, offset: u64) {
        let was_open = self.open.remove(&offset);
        assert!(was_open, "an entry is settled once, after it was taken");
    }

    /// The lowest unsettled offset: everything below it is settled.
    pub fn position(&self) -> u64 {
        self.open.first().copied().unwrap_or(self.next)
    }

    /// What is settled beyond the position: offsets from the first up to, and without, the second.
    pub fn ahead(&self) -> Vec<(u64, u64)> {
        let ends = self.open.iter().copied().skip(1).chain([self.next]);
        let gaps = self.open.iter().zip(ends);
        let gaps = gaps.map(|(open, end)| (open + 1, end));
        gaps.filter(|(from, to)| from < to).collect()
    }

    /// The first offset not taken.
    pub fn next(&self) -> u64 {
        self.next
    }

    pub fn len(&self) -> usize {
        self.open.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_position_is_the_lowest_unsettled_offset() {
        let mut in_flight = InFlight::new(4);
        for offset in [4, 5, 9] {
            assert!(in_flight.take(offset));
        }
        assert!(!in_flight.take(5));
        assert_eq!(in_flight.ahead(), [(6, 9)], "holes count as settled");
        in_flight.settle(5);
        assert_eq!(in_flight.ahead(), [(5, 9)]);
        assert_eq!((in_flight.position(), in_flight.len()), (4, 2));
        in_flight.settle(4);
        assert_eq!(in_flight.position(), 9);
        in_flight.settle(9);
        assert_eq!(in_flight.ahead(), []);
        assert_eq!((in_flight.position(), in_flight.next()), (10, 10));
    }
}
