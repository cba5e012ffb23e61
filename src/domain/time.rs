//! Points in time as milliseconds, and versions as intervals of a source's clock.

use serde::{Deserialize, Serialize};

/// Milliseconds since the Unix epoch, UTC.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
pub struct Timestamp(pub i64);

impl Timestamp {
    pub fn plus_ms(self, ms: i64) -> Self {
        Self(self.0.saturating_add(ms))
    }
}

/// When a value was current, as far as its source's clock says: both ends included.
///
/// Intercom's REST truncates to seconds, so such a version is a whole second; its webhooks carry
/// milliseconds. Two versions that overlap cannot be ordered.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
pub struct Version {
    pub from_ms: i64,
    pub to_ms: i64,
}

/// How one version stands to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    Older,
    Overlaps,
    Newer,
}

impl Version {
    pub fn exact_ms(ms: i64) -> Self {
        Self {
            from_ms: ms,
            to_ms: ms,
        }
    }

    pub fn second(seconds: i64) -> Self {
        let from_ms = seconds.saturating_mul(1000);
        Self {
            from_ms,
            to_ms: from_ms.saturating_add(999),
        }
    }

    pub fn against(&self, other: &Self) -> Order {
        if self.to_ms < other.from_ms {
            Order::Older
        } else if self.from_ms > other.to_ms {
            Order::Newer
        } else {
            Order::Overlaps
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_overlaps_every_millisecond_in_it_and_no_other() {
        let second = Version::second(10);
        assert_eq!(Version::exact_ms(9_999).against(&second), Order::Older);
        assert_eq!(Version::exact_ms(10_000).against(&second), Order::Overlaps);
        assert_eq!(Version::exact_ms(10_999).against(&second), Order::Overlaps);
        assert_eq!(Version::exact_ms(11_000).against(&second), Order::Newer);
    }
}
