//! Settings of the log on Kafka, and the librdkafka properties that are ours.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::log::faults::{Fault, Faults, Point};
use crate::log::kafka::registry;
use crate::log::topics::{PREFIX_DEFAULT, Partitions};

/// How a log on Kafka is opened.
#[derive(Clone)]
pub struct Options {
    /// Brokers to ask first, `host:port`, separated by commas.
    pub bootstrap: String,
    /// What the names of topics, groups and transactional ids begin with.
    pub prefix: String,
    /// Partition counts, as the topics have them.
    pub partitions: Partitions,
    /// Any property of librdkafka but those that are ours.
    pub properties: BTreeMap<String, String>,
    /// Names this process among those that append: two at once must not share a name.
    pub instance: String,
    /// How long one call waits for the brokers.
    pub timeout: Duration,
    /// How long the brokers keep a transaction open whose owner says nothing.
    pub transaction_timeout: Duration,
    /// After how long a silent process's partitions are given to others.
    pub session_timeout: Duration,
    /// Gives ids to the schemas; none: entries name fingerprints.
    pub registry: Option<registry::Settings>,
    /// Entries larger than this are refused.
    pub entry_bytes_max: usize,
    /// Tests make commits fail through this; a running product has none.
    pub faults: Option<Arc<dyn Faults>>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            bootstrap: "127.0.0.1:9092".to_owned(),
            prefix: PREFIX_DEFAULT.to_owned(),
            partitions: Partitions::default(),
            properties: BTreeMap::new(),
            instance: "0".to_owned(),
            timeout: Duration::from_secs(30),
            transaction_timeout: Duration::from_secs(60),
            session_timeout: Duration::from_secs(15),
            registry: None,
            // A webhook of a megabyte with what stands around it, below what the topics take.
            entry_bytes_max: (2 << 20) - (128 << 10),
            faults: None,
        }
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Properties hold passwords.
        f.debug_struct("Options")
            .field("bootstrap", &self.bootstrap)
            .field("prefix", &self.prefix)
            .field("partitions", &self.partitions)
            .field("properties", &self.properties.keys())
            .field("instance", &self.instance)
            .finish_non_exhaustive()
    }
}

/// A property that cannot be set: what we promise depends on ours.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the librdkafka property `{property}` cannot be set: {why}; remove it")]
pub struct Refused {
    pub property: String,
    pub why: &'static str,
}

/// Properties that are ours, and what depends on them.
const OURS: [(&[&str], &str); 9] = [
    (
        &["bootstrap.servers", "metadata.broker.list"],
        "the brokers are named by `bootstrap`",
    ),
    (
        &["acks", "request.required.acks", "enable.idempotence"],
        "an entry that was taken must survive the loss of a broker and must not be doubled",
    ),
    (
        &["isolation.level"],
        "outputs of a commit that was taken back must not be read",
    ),
    (
        &[
            "enable.auto.commit",
            "auto.commit.enable",
            "auto.commit.interval.ms",
            "enable.auto.offset.store",
        ],
        "positions are committed with what was decided at them",
    ),
    (
        &["auto.offset.reset", "topic.auto.offset.reset"],
        "a position that is gone is a gap to be declared, not to be jumped over",
    ),
    (
        &["client.rack"],
        "the end of a partition is what its leader says, and a follower may know less",
    ),
    (
        &["transactional.id", "transaction.timeout.ms"],
        "they fence one owner of a partition from the next; see `transaction_timeout`",
    ),
    (
        &["group.id", "enable.partition.eof"],
        "they follow from the role and the prefix",
    ),
    (
        &[
            "group.instance.id",
            "group.protocol",
            "partition.assignment.strategy",
            "session.timeout.ms",
            "heartbeat.interval.ms",
        ],
        "partitions of the same number must go to the same process, and come back to it after a \
         restart; see `instance` and `session_timeout`",
    ),
];

/// Why a property cannot be set, if it is ours.
fn refused(property: &str) -> Option<&'static str> {
    let ours = OURS.iter().find(|(ours, _)| ours.contains(&property));
    ours.map(|(_, why)| *why)
}

impl Options {
    /// Refuses properties that are ours.
    pub fn check(&self) -> Result<(), Refused> {
        for property in self.properties.keys() {
            if let Some(why) = refused(property) {
                return Err(Refused {
                    property: property.clone(),
                    why,
                });
            }
        }
        Ok(())
    }

    /// What the tests' hook says; nothing goes wrong without one.
    pub(super) fn fault(&self, point: Point) -> Fault {
        self.faults
            .as_ref()
            .map_or(Fault::None, |faults| faults.at(point))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_property_that_is_ours_is_refused_by_name() {
        let with = |property: &str| {
            let properties = BTreeMap::from([(property.to_owned(), "x".to_owned())]);
            let options = Options {
                properties,
                ..Options::default()
            };
            options.check()
        };
        for property in [
            "acks",
            "enable.idempotence",
            "isolation.level",
            "enable.auto.commit",
        ] {
            let refused = with(property).unwrap_err();
            assert!(refused.to_string().contains(&format!("`{property}`")));
        }
        assert_eq!(with("compression.codec"), Ok(()));
        assert_eq!(with("sasl.password"), Ok(()));
    }

    #[test]
    fn passwords_are_not_printed() {
        let properties = BTreeMap::from([("sasl.password".to_owned(), "hunter2".to_owned())]);
        let options = Options {
            properties,
            ..Options::default()
        };
        assert!(!format!("{options:?}").contains("hunter2"));
    }
}
