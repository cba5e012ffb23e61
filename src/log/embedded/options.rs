//! Settings of the embedded log.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use crate::domain::Topic;
use crate::log::faults::{Fault, Faults, Point};
use crate::log::topics::{Cleanup, PREFIX_DEFAULT, Partitions, spec};
use crate::ports::clock::{Clock, SystemClock};

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// How an embedded log is opened.
#[derive(Clone)]
pub struct Options {
    /// What topic names begin with, in error texts.
    pub prefix: String,
    /// Partition counts; none: as the file has them, one each in a new file.
    pub partitions: Option<Partitions>,
    /// Whether a missing file is created.
    pub create: bool,
    pub retention: Retention,
    pub clock: Arc<dyn Clock>,
    /// Entries larger than this are refused.
    pub entry_bytes_max: usize,
    /// Appends and commits that wait for the writer; callers beyond it wait for a place.
    pub queue_max: usize,
    /// Tests make commits fail through this; a running product has none.
    pub faults: Option<Arc<dyn Faults>>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            prefix: PREFIX_DEFAULT.to_owned(),
            partitions: None,
            create: true,
            retention: Retention::default(),
            clock: Arc::new(SystemClock),
            entry_bytes_max: 16 << 20,
            queue_max: 256,
            faults: None,
        }
    }
}

impl Options {
    /// What the tests' hook says; nothing goes wrong without one.
    pub(crate) fn fault(&self, point: Point) -> Fault {
        self.faults
            .as_ref()
            .map_or(Fault::None, |faults| faults.at(point))
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("prefix", &self.prefix)
            .field("partitions", &self.partitions)
            .field("retention", &self.retention)
            .field("faults", &self.faults.is_some())
            .finish_non_exhaustive()
    }
}

/// How long entries of topics with the delete policy stay, once every group has taken them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retention {
    /// Milliseconds per topic.
    pub age_ms: BTreeMap<Topic, i64>,
    /// Bytes per partition beyond which the oldest go, whatever their age.
    pub bytes_max: u64,
    /// Entries removed in one go, so that appends never wait long.
    pub entries_per_pass_max: usize,
}

impl Default for Retention {
    fn default() -> Self {
        let age = |topic: Topic| match spec(topic).cleanup {
            Cleanup::Delete { days } => Some((topic, i64::from(days) * DAY_MS)),
            Cleanup::Keep | Cleanup::Compact => None,
        };
        Self {
            age_ms: Topic::ALL.into_iter().filter_map(age).collect(),
            bytes_max: 64 << 30,
            entries_per_pass_max: 1_000,
        }
    }
}
