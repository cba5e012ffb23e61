//! What is measured beside the work.

use std::time::Duration;

use crate::config::error::Problem;
use crate::config::field::Field;

/// Lag and age of what the roles have not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metrics {
    /// Between two looks.
    pub lag_interval: Duration,
    /// Whether the lag is told under kafka_exporter's names too.
    pub kafka_exporter_names: bool,
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            lag_interval: Duration::from_secs(10),
            kafka_exporter_names: false,
        }
    }
}

impl Metrics {
    pub(super) fn read(field: &Field<'_>) -> Result<Self, Problem> {
        let table = field.table(&["lag_interval_seconds", "kafka_exporter_names"])?;
        let default = Self::default();
        Ok(Self {
            lag_interval: table.or("lag_interval_seconds", default.lag_interval, Field::seconds)?,
            kafka_exporter_names: table.or(
                "kafka_exporter_names",
                default.kafka_exporter_names,
                Field::truth,
            )?,
        })
    }
}
