//! Clients of the brokers, each with the properties that its part needs.

use std::time::{Duration, Instant};

use rdkafka::config::{ClientConfig, RDKafkaLogLevel};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use crate::domain::Topic;
use crate::log::kafka::options::Options;
use crate::log::topics::{self, group_id};
use crate::ports::event_log::{Group, TopicPartition};

/// What the client's configuration has in common.
fn common(options: &Options) -> ClientConfig {
    let mut config = ClientConfig::new();
    for (property, value) in &options.properties {
        config.set(property, value);
    }
    config.set("bootstrap.servers", &options.bootstrap);
    config.set_log_level(RDKafkaLogLevel::Warning);
    config
}

/// For appends of one entry each: an idempotent producer.
pub fn appender(options: &Options) -> ClientConfig {
    let mut config = common(options);
    set_default(&mut config, options, "linger.ms", "0");
    config
        .set("enable.idempotence", "true")
        .set("acks", "all")
        .set("message.timeout.ms", millis(options.timeout))
        .set("message.max.bytes", message_bytes(options));
    config
}

/// For commits under a transactional id.
pub fn transactional(options: &Options, id: &str) -> ClientConfig {
    let mut config = appender(options);
    config
        .set("transactional.id", id)
        .set(
            "transaction.timeout.ms",
            millis(options.transaction_timeout),
        )
        .set(
            "message.timeout.ms",
            millis(options.timeout.min(options.transaction_timeout)),
        );
    config
}

/// Reads what is committed, from positions that the caller keeps.
pub fn reader(options: &Options) -> ClientConfig {
    let mut config = positions(options, &format!("{}reader", options.prefix));
    config.set("isolation.level", "read_committed");
    config.set("enable.partition.eof", "true");
    set_default(&mut config, options, "fetch.wait.max.ms", "100");
    set_default(&mut config, options, "queued.max.messages.kbytes", "16384");
    // What it keeps beside a message is more than a small message, and not counted in the bytes.
    set_default(&mut config, options, "queued.min.messages", "10000");
    set_default(&mut config, options, "fetch.queue.backoff.ms", "5");
    config
}

/// Sees entries whether they are committed or not.
pub fn anybody(options: &Options) -> ClientConfig {
    let mut config = positions(options, &format!("{}reader", options.prefix));
    config.set("isolation.level", "read_uncommitted");
    config
}

/// Asks for the positions of a group and the ends of topics, whatever is still open on them.
pub fn of_group(options: &Options, group: Group) -> ClientConfig {
    let mut config = positions(options, &group_id(&options.prefix, group));
    config.set("isolation.level", "read_uncommitted");
    config
}

/// How often a member says that it lives: it hears in the answer that others have its share.
pub fn heartbeat(options: &Options) -> Duration {
    options.session_timeout / 10
}

/// A member of a group, which hears what its share is and reads nothing. All partitions of a number
/// go to the same member ("range"), and come back to it when it is there again within the timeout.
pub fn member(options: &Options, group: Group) -> ClientConfig {
    let mut config = positions(options, &group_id(&options.prefix, group));
    config
        .set("group.instance.id", &options.instance)
        .set("partition.assignment.strategy", "range")
        .set("session.timeout.ms", millis(options.session_timeout))
        .set("heartbeat.interval.ms", millis(heartbeat(options)))
        .set("auto.offset.reset", "latest");
    config
}

fn positions(options: &Options, group: &str) -> ClientConfig {
    let mut config = common(options);
    config
        .set("group.id", group)
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        .set("auto.offset.reset", "error");
    config
}

fn set_default(config: &mut ClientConfig, options: &Options, property: &str, value: &str) {
    if !options.properties.contains_key(property) {
        config.set(property, value);
    }
}

fn millis(duration: Duration) -> String {
    duration.as_millis().to_string()
}

/// The entry with its key and headers, and what Kafka puts around it.
fn message_bytes(options: &Options) -> String {
    (options.entry_bytes_max + (64 << 10)).to_string()
}

/// The transactional id of a partition of a role, whoever owns it.
pub fn transactional_id(prefix: &str, group: Group, partition: u32) -> String {
    format!("{}-{partition}", group_id(prefix, group))
}

pub fn topic_name(options: &Options, topic: Topic) -> String {
    topics::name(&options.prefix, topic)
}

/// The first offset of a partition and the one behind the last, as the client's isolation sees it.
/// A leader that was just elected may not know yet of all that its predecessor had shown: it says
/// so (OFFSET_NOT_AVAILABLE, KIP-207) and is asked again.
pub fn watermarks(
    options: &Options,
    client: &BaseConsumer,
    at: TopicPartition,
) -> Result<(u64, u64), KafkaError> {
    let topic = topic_name(options, at.topic);
    let (first, end) = patiently(options, || {
        client.fetch_watermarks(&topic, at.partition as i32, options.timeout)
    })?;
    Ok((first.max(0) as u64, end.max(0) as u64))
}

/// Asks again while what is asked moves from one broker to another.
pub fn patiently<T>(
    options: &Options,
    mut ask: impl FnMut() -> Result<T, KafkaError>,
) -> Result<T, KafkaError> {
    let deadline = Instant::now() + options.timeout;
    loop {
        match ask() {
            Err(error) if is_moving(&error) && Instant::now() < deadline => {
                std::thread::sleep(Duration::from_millis(100));
            }
            answer => return answer,
        }
    }
}

fn is_moving(error: &KafkaError) -> bool {
    matches!(
        error.rdkafka_error_code(),
        Some(
            RDKafkaErrorCode::NotLeaderForPartition
                | RDKafkaErrorCode::LeaderNotAvailable
                | RDKafkaErrorCode::OffsetNotAvailable
                | RDKafkaErrorCode::UnknownPartition
                | RDKafkaErrorCode::UnknownTopicOrPartition
                | RDKafkaErrorCode::BrokerTransportFailure
                | RDKafkaErrorCode::NotCoordinator
                | RDKafkaErrorCode::CoordinatorNotAvailable
                | RDKafkaErrorCode::CoordinatorLoadInProgress
        )
    )
}

#[cfg(test)]
mod tests {
    use rdkafka::mocking::MockCluster;
    use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};

    use super::*;

    /// Of a real broker alone nobody can be elected; librdkafka's own mock can say that it was.
    #[test]
    fn a_leader_that_does_not_know_the_end_yet_is_asked_again() {
        let brokers = MockCluster::new(1).unwrap();
        let options = Options {
            bootstrap: brokers.bootstrap_servers(),
            ..Options::default()
        };
        let at = TopicPartition {
            topic: Topic::Journal,
            partition: 0,
        };
        let topic = topic_name(&options, at.topic);
        brokers.create_topic(&topic, 1, 1).unwrap();
        let client: BaseConsumer = reader(&options).create().unwrap();
        let unknown = RDKafkaRespErr::RD_KAFKA_RESP_ERR_OFFSET_NOT_AVAILABLE;
        brokers.request_errors(RDKafkaApiKey::ListOffsets, &[unknown; 4]);
        assert_eq!(watermarks(&options, &client, at), Ok((0, 0)));
    }
}
