//! What one commit will hold: observations, and the replay id up to which they cover the feed.

use std::collections::BTreeSet;

use crate::domain::{Message, ObservationId};
use crate::ports::event_log::Outgoing;
use crate::telemetry::metrics;

/// What an entry weighs beside its payload, by a generous guess.
const ENTRY_BYTES: usize = 512;

/// Bounds one commit; a single larger observation goes alone.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    pub entries_max: usize,
    pub bytes_max: usize,
}

#[derive(Debug, Default)]
pub struct Pack {
    pub entries: Vec<Outgoing>,
    /// Everything up to and with this replay id is in this pack or durable already.
    pub covered: Option<Vec<u8>>,
    pub ids: BTreeSet<ObservationId>,
    bytes: usize,
    /// Change and outcome of each target, for the metrics.
    counts: Vec<(&'static str, &'static str)>,
    newest_ms: Option<i64>,
}

impl Pack {
    /// Whether these entries belong into the next commit.
    pub fn is_full(&self, limits: Limits, entries: usize, payload_bytes: usize) -> bool {
        let more = self.entries.len() + entries > limits.entries_max
            || self.bytes + weight(entries, payload_bytes) > limits.bytes_max;
        more && !self.entries.is_empty()
    }

    pub fn add(&mut self, entries: Vec<Outgoing>, payload_bytes: usize) {
        self.bytes += weight(entries.len(), payload_bytes);
        self.entries.extend(entries);
    }

    /// `committed_ms`: when the source committed the change, where that is known.
    pub fn count(
        &mut self,
        change: &'static str,
        outcome: &'static str,
        committed_ms: Option<i64>,
    ) {
        self.counts.push((change, outcome));
        self.newest_ms = self.newest_ms.max(committed_ms);
    }

    /// Call when all of it is durable.
    pub fn measure(&self, source: &str, now_ms: i64) {
        for (change, outcome) in &self.counts {
            let counter = &metrics().feeds.events_total;
            counter.with_label_values(&[*change, *outcome]).inc();
        }
        for entry in &self.entries {
            let topic = entry.topic.label();
            if matches!(entry.message, Some(Message::Observation(_))) {
                let counter = &metrics().observations_total;
                counter.with_label_values(&[topic]).inc();
            }
        }
        if let Some(newest_ms) = self.newest_ms {
            let lag = (now_ms - newest_ms).max(0) as f64 / 1_000.0;
            let gauge = &metrics().feeds.lag_seconds;
            gauge.with_label_values(&[source]).set(lag);
        }
    }
}

/// The payload stands in an observation as it came and once more as fields.
fn weight(entries: usize, payload_bytes: usize) -> usize {
    entries.saturating_mul(2 * payload_bytes + ENTRY_BYTES)
}
