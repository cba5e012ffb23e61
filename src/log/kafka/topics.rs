//! The topics on the brokers: how each is set up, and how those that are missing are made.

use std::time::{Duration, Instant};

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, ResourceSpecifier, TopicReplication};
use rdkafka::client::{Client, ClientContext, DefaultClientContext};
use rdkafka::error::KafkaError;
use rdkafka::types::RDKafkaErrorCode;

use crate::domain::Topic;
use crate::log::kafka::connect::{self, topic_name};
use crate::log::kafka::options::Options;
use crate::log::kafka::refusal::said;
use crate::log::topics::{Cleanup, spec};

const DAY_MS: u64 = 24 * 60 * 60 * 1000;
/// An entry of 1 MB with its key, headers and what Kafka puts around it.
const MESSAGE_BYTES_MAX: u64 = 2 << 20;

/// Copies of each partition, and how many of them must have an entry before it counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Replication {
    pub copies: u32,
    pub in_sync_min: u32,
}

/// The settings of a topic, by the names that Kafka has for them.
pub fn settings(topic: Topic, replication: Replication) -> Vec<(&'static str, String)> {
    let (policy, retention_ms) = match spec(topic).cleanup {
        Cleanup::Keep => ("delete", "-1".to_owned()),
        Cleanup::Compact => ("compact", "-1".to_owned()),
        Cleanup::Delete { days } => ("delete", (u64::from(days) * DAY_MS).to_string()),
    };
    vec![
        ("cleanup.policy", policy.to_owned()),
        ("retention.ms", retention_ms),
        // Our clocks do not agree with each other; the brokers' one counts.
        ("message.timestamp.type", "LogAppendTime".to_owned()),
        ("max.message.bytes", MESSAGE_BYTES_MAX.to_string()),
        ("min.insync.replicas", replication.in_sync_min.to_string()),
    ]
}

/// Makes the topics that are missing; those that are there stay as they are. Says which were made.
pub async fn create_missing(
    options: &Options,
    replication: Replication,
) -> Result<Vec<Topic>, String> {
    let client: AdminClient<DefaultClientContext> = connect::appender(options)
        .create()
        .map_err(|error| said(&error))?;
    let names: Vec<_> = Topic::ALL.map(|topic| topic_name(options, topic)).into();
    let settings: Vec<_> = Topic::ALL.map(|topic| settings(topic, replication)).into();
    let mut new = Vec::new();
    for (topic, (name, settings)) in Topic::ALL.iter().zip(names.iter().zip(&settings)) {
        let copies = TopicReplication::Fixed(replication.copies as i32);
        let mut one = NewTopic::new(name, options.partitions.of(*topic) as i32, copies);
        for (name, value) in settings {
            one = one.set(name, value);
        }
        new.push(one);
    }
    let wait = AdminOptions::new()
        .operation_timeout(Some(options.timeout))
        .request_timeout(Some(options.timeout));
    let made = client
        .create_topics(&new, &wait)
        .await
        .map_err(|error| said(&error))?;
    let mut created = Vec::new();
    for (topic, outcome) in Topic::ALL.into_iter().zip(made) {
        match outcome {
            Ok(_) => created.push(topic),
            Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
            Err((name, error)) => return Err(format!("{name} cannot be created: {error}")),
        }
    }
    wait_until_seen(options, &client).await?;
    Ok(created)
}

/// The topics that the brokers do not have.
pub fn missing(options: &Options) -> Result<Vec<Topic>, String> {
    let client: AdminClient<DefaultClientContext> = connect::appender(options)
        .create()
        .map_err(|error| said(&error))?;
    let metadata = client.inner().fetch_metadata(None, options.timeout);
    let metadata = metadata.map_err(|error| silent(options, &error))?;
    let is_there = |topic: &Topic| {
        let name = topic_name(options, *topic);
        metadata.topics().iter().any(|one| one.name() == name)
    };
    let missing = Topic::ALL.into_iter().filter(|topic| !is_there(topic));
    Ok(missing.collect())
}

/// What a topic is set to, and what it would be made with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    pub topic: Topic,
    /// `partitions`, or the name that Kafka has for the setting.
    pub setting: String,
    pub has: String,
    pub wants: String,
}

/// How the topics that are there differ from what they would be made with.
pub async fn differences(
    options: &Options,
    replication: Replication,
) -> Result<Vec<Difference>, String> {
    let client: AdminClient<DefaultClientContext> = connect::appender(options)
        .create()
        .map_err(|error| said(&error))?;
    let metadata = client.inner().fetch_metadata(None, options.timeout);
    let metadata = metadata.map_err(|error| silent(options, &error))?;
    let named = |topic: Topic| {
        let name = topic_name(options, topic);
        let found = metadata.topics().iter().find(|one| one.name() == name);
        found.map(|found| (topic, name, found.partitions().len()))
    };
    let there: Vec<_> = Topic::ALL.into_iter().filter_map(named).collect();
    if there.is_empty() {
        // Asking for nothing is refused.
        return Ok(Vec::new());
    }
    let asked = there.iter();
    let asked: Vec<_> = asked
        .map(|(_, name, _)| ResourceSpecifier::Topic(name))
        .collect();
    let wait = AdminOptions::new().request_timeout(Some(options.timeout));
    let told = client.describe_configs(&asked, &wait).await;
    let told = told.map_err(|error| silent(options, &error))?;
    let mut differences = Vec::new();
    for ((topic, name, partitions), told) in there.into_iter().zip(told) {
        let told = told.map_err(|error| format!("the settings of {name} are not told: {error}"))?;
        let mut differs = |setting: &str, has: String, wants: String| {
            if has != wants {
                differences.push(Difference {
                    topic,
                    setting: setting.to_owned(),
                    has,
                    wants,
                });
            }
        };
        let wanted = options.partitions.of(topic).to_string();
        differs("partitions", partitions.to_string(), wanted);
        for (setting, wants) in settings(topic, replication) {
            let found = told.entries.iter().find(|one| one.name == setting);
            let has = found.and_then(|one| one.value.clone());
            differs(setting, has.unwrap_or_else(|| "unset".to_owned()), wants);
        }
    }
    Ok(differences)
}

fn silent(options: &Options, error: &KafkaError) -> String {
    let (brokers, said) = (&options.bootstrap, said(error));
    format!("the brokers at {brokers} do not answer: {said}")
}

/// A topic is created before every broker knows of it.
async fn wait_until_seen(
    options: &Options,
    client: &AdminClient<DefaultClientContext>,
) -> Result<(), String> {
    let deadline = Instant::now() + options.timeout;
    while let Err(reason) = look(options, client.inner()) {
        if Instant::now() >= deadline {
            return Err(reason);
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}

/// Whether every topic is there, with as many partitions as this process believes.
pub(super) fn look<C: ClientContext>(options: &Options, client: &Client<C>) -> Result<(), String> {
    let metadata = client.fetch_metadata(None, options.timeout);
    let metadata = metadata.map_err(|error| silent(options, &error))?;
    for topic in Topic::ALL {
        let name = topic_name(options, topic);
        let known = metadata.topics().iter().find(|one| one.name() == name);
        let found = known.map_or(0, |topic| topic.partitions().len());
        let expected = options.partitions.of(topic) as usize;
        if found != expected {
            return Err(format!(
                "the topic {name} has {found} partitions, and {expected} are configured; create \
                 the topics (crosswalk topics apply), or set the partitions to what they have"
            ));
        }
    }
    Ok(())
}
