//! Latency: from what one system sends to the write that the other one receives, on one clock,
//! matched by a value that no other edit carries.

use std::collections::BTreeMap;

use crosswalk::sandbox::intercom::Delivery;

use crate::demo::check::calls::Call;

/// One edit whose way is timed.
#[derive(Debug, Clone)]
pub struct Edit {
    pub told: Told,
    /// The value that it wrote, unlike every other.
    pub value: String,
}

/// How an edit becomes known.
#[derive(Debug, Clone)]
pub enum Told {
    /// By this notification.
    Notification(String),
    /// By a change event of what was committed then, in nanoseconds.
    Commit(u64),
}

#[derive(Debug, Default, Clone, PartialEq)]
pub struct Latency {
    /// Sorted, in nanoseconds.
    taken_ns: Vec<u64>,
    /// Edits whose value was overtaken by a later one before it was written.
    pub coalesced: u64,
}

impl Latency {
    /// Times every edit whose value arrived in `field`.
    pub fn measure(edits: &[Edit], field: &str, sent: &[Delivery], received: &[Call]) -> Self {
        let mut sent_ns: BTreeMap<&str, u64> = BTreeMap::new();
        for delivery in sent.iter().filter(|one| one.sent_ns > 0) {
            let id = delivery.notification_id.as_str();
            sent_ns.entry(id).or_insert(delivery.sent_ns);
        }
        let mut arrived_ns: BTreeMap<&str, u64> = BTreeMap::new();
        for call in received.iter().filter(|call| call.applied) {
            if let Some(value) = call.value(field) {
                arrived_ns.entry(value).or_insert(call.at_ns);
            }
        }
        let mut latency = Self::default();
        for edit in edits {
            let sent = match &edit.told {
                Told::Notification(id) => sent_ns.get(id.as_str()).copied(),
                Told::Commit(at_ns) => Some(*at_ns),
            };
            match (sent, arrived_ns.get(edit.value.as_str())) {
                (Some(sent), Some(arrived)) => {
                    latency.taken_ns.push(arrived.saturating_sub(sent));
                }
                _ => latency.coalesced += 1,
            }
        }
        latency.taken_ns.sort_unstable();
        latency
    }

    pub fn measured(&self) -> usize {
        self.taken_ns.len()
    }

    /// The nearest rank, in milliseconds with two digits.
    pub fn percentile_ms(&self, percent: usize) -> Option<f64> {
        let rank = (self.taken_ns.len() * percent).div_ceil(100).max(1);
        let taken = self.taken_ns.get(rank - 1)?;
        Some((*taken as f64 / 10_000.0).round() / 100.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_take_the_nearest_rank() {
        let latency = Latency {
            taken_ns: (1..=200).map(|ms| ms * 1_000_000).collect(),
            coalesced: 0,
        };
        assert_eq!(latency.percentile_ms(50), Some(100.0));
        assert_eq!(latency.percentile_ms(99), Some(198.0));
        assert_eq!(Latency::default().percentile_ms(50), None);
    }
}
