//! Where accepted webhooks wait while the brokers take nothing.

use std::path::PathBuf;
use std::time::Duration;

use crate::config::error::Problem;
use crate::config::field::Field;

/// The spool of a log on Kafka.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spool {
    /// Whether there is one; else webhooks are answered 503 meanwhile.
    pub enabled: bool,
    /// Its folder, on a volume that outlives the process.
    pub path: PathBuf,
    /// How long an append may take before the webhook is spooled.
    pub after: Duration,
    /// Beyond it the answer is 503.
    pub bytes_max: u64,
}

impl Spool {
    pub(super) fn read(field: Option<&Field<'_>>, default_path: PathBuf) -> Result<Self, Problem> {
        let default = Self {
            enabled: true,
            path: default_path,
            after: Duration::from_millis(1_500),
            bytes_max: 1 << 30,
        };
        let Some(field) = field else {
            return Ok(default);
        };
        let table = field.table(&["enabled", "path", "after_ms", "bytes_max"])?;
        Ok(Self {
            enabled: table.or("enabled", default.enabled, Field::truth)?,
            path: table.or("path", default.path, Field::file_path)?,
            after: table.or("after_ms", default.after, |field| {
                Ok(Duration::from_millis(field.whole_number(10, 4_000)?))
            })?,
            bytes_max: table.or("bytes_max", default.bytes_max, |field| {
                field.whole_number(1 << 20, 1 << 40)
            })?,
        })
    }
}
