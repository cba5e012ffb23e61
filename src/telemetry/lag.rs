//! How far the roles are behind, under our names and, if asked for, under those of kafka_exporter.

use std::sync::atomic::{AtomicBool, Ordering};

use prometheus::proto::MetricFamily;
use prometheus::{GaugeVec, IntCounterVec, IntGaugeVec, Registry};

use crate::telemetry::metrics::{counters, gauges, lags};

const LABELS: [&str; 3] = ["group", "topic", "partition"];

/// What a group has not taken of a partition.
#[derive(Debug, Clone, Copy)]
pub struct LagAt<'a> {
    pub group: &'a str,
    /// Without prefix and version.
    pub topic: &'a str,
    pub partition: u32,
    /// As the brokers know them.
    pub consumergroup: &'a str,
    pub full_topic: &'a str,
    pub position: u64,
    pub end: u64,
    /// Entries not taken: the end of a transaction is none.
    pub lag: u64,
    pub age_seconds: f64,
    pub retention_used: f64,
}

pub struct LagMetrics {
    /// Offsets between a group's position and the end, 0 where no entry is among them.
    consumer_lag: IntGaugeVec,
    /// Age of the first entry that a group has not taken.
    oldest_untaken_age_seconds: GaugeVec,
    /// That age as a share of the topic's retention: at 1 it is gone.
    retention_used_ratio: GaugeVec,
    /// `topic`. Entries that retention removed before they were read.
    pub entries_gone_total: IntCounterVec,
    exporter: Exporter,
}

/// Names without our prefix, in a registry of their own.
struct Exporter {
    registry: Registry,
    is_shown: AtomicBool,
    lag: IntGaugeVec,
    position: IntGaugeVec,
    end: IntGaugeVec,
}

impl LagMetrics {
    pub(super) fn new(r: &Registry) -> Result<Self, prometheus::Error> {
        Ok(Self {
            consumer_lag: gauges(r, "consumer_lag", "Entries not yet taken", &LABELS)?,
            oldest_untaken_age_seconds: lags(
                r,
                "oldest_untaken_age_seconds",
                "Age of the first entry not yet taken",
                &LABELS,
            )?,
            retention_used_ratio: lags(
                r,
                "retention_used_ratio",
                "Age of the first entry not yet taken, by the retention of its topic",
                &LABELS,
            )?,
            entries_gone_total: counters(
                r,
                "entries_gone_total",
                "Entries that retention removed before they were read",
                &["topic"],
            )?,
            exporter: Exporter::new()?,
        })
    }

    /// From now on the names of kafka_exporter are shown too.
    pub fn show_exporter_names(&self) {
        self.exporter.is_shown.store(true, Ordering::Relaxed);
    }

    pub fn show(&self, at: &LagAt<'_>) {
        let partition = at.partition.to_string();
        let labels = [at.group, at.topic, &partition];
        self.consumer_lag
            .with_label_values(&labels)
            .set(whole(at.lag));
        let age = self.oldest_untaken_age_seconds.with_label_values(&labels);
        age.set(at.age_seconds);
        let used = self.retention_used_ratio.with_label_values(&labels);
        used.set(at.retention_used);
        self.exporter.show(at, &partition);
    }

    pub(super) fn gather_exporter(&self) -> Vec<MetricFamily> {
        match self.exporter.is_shown.load(Ordering::Relaxed) {
            true => self.exporter.registry.gather(),
            false => Vec::new(),
        }
    }
}

impl Exporter {
    fn new() -> Result<Self, prometheus::Error> {
        let registry = Registry::new();
        let group = ["consumergroup", "topic", "partition"];
        let lag = gauges(
            &registry,
            "kafka_consumergroup_lag",
            "Lag of a group",
            &group,
        )?;
        let position = gauges(
            &registry,
            "kafka_consumergroup_current_offset",
            "Position of a group",
            &group,
        )?;
        let end = gauges(
            &registry,
            "kafka_topic_partition_current_offset",
            "End of a partition",
            &["topic", "partition"],
        )?;
        Ok(Self {
            registry,
            is_shown: AtomicBool::new(false),
            lag,
            position,
            end,
        })
    }

    fn show(&self, at: &LagAt<'_>, partition: &str) {
        let labels = [at.consumergroup, at.full_topic, partition];
        self.lag.with_label_values(&labels).set(whole(at.lag));
        let position = self.position.with_label_values(&labels);
        position.set(whole(at.position));
        let end = self.end.with_label_values(&labels[1..]);
        end.set(whole(at.end));
    }
}

fn whole(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
