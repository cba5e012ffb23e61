//! The daily allocation of requests: rolling, counted by the hour (salesforce.md 3.8).

use std::collections::BTreeMap;

use serde_json::{Value, json};

const HOUR_MS: i64 = 60 * 60 * 1_000;
const HOURS: i64 = 24;

/// Requests of the last day.
#[derive(Debug, Clone, Default)]
pub(crate) struct Allocation {
    by_hour: BTreeMap<i64, u64>,
}

// === impl Allocation ===

impl Allocation {
    /// Counts one request; answers whether there was room for it.
    pub(crate) fn take(&mut self, max: u64, now_ms: i64) -> bool {
        let room = self.used(now_ms) < max;
        if room {
            *self.by_hour.entry(now_ms.div_euclid(HOUR_MS)).or_default() += 1;
        }
        room
    }

    /// How many requests the last day saw.
    pub(crate) fn used(&mut self, now_ms: i64) -> u64 {
        let oldest = now_ms.div_euclid(HOUR_MS) - HOURS + 1;
        self.by_hour = self.by_hour.split_off(&oldest);
        self.by_hour.values().sum()
    }

    /// GET /limits.
    pub(crate) fn limits(&mut self, max: u64, now_ms: i64) -> Value {
        let left = max.saturating_sub(self.used(now_ms));
        let of = |max: u64, left: u64| json!({"Max": max, "Remaining": left});
        json!({
            "DailyApiRequests": of(max, left),
            "DailyAsyncApexExecutions": of(250_000, 250_000),
            "DailyBulkApiBatches": of(15_000, 15_000),
            "DailyBulkV2QueryJobs": of(10_000, 10_000),
            "DailyDeliveredPlatformEvents": of(25_000, 25_000),
            "DailyStreamingApiEvents": of(200_000, 200_000),
            "DataStorageMB": of(1_024, 1_000),
            "FileStorageMB": of(1_024, 1_000),
            "HourlyPublishedPlatformEvents": of(50_000, 50_000),
            "MonthlyPlatformEvents": of(750_000, 750_000),
            "SingleEmail": of(5_000, 5_000),
        })
    }
}
