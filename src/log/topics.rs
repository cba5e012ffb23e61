//! Every topic, group and header name, with keys, partitions and retention. All of it is storage
//! format: a name is never reused, a number never changes. `schemas/topics.yaml` says the same.

use crate::domain::Topic;
use crate::ports::event_log::Group;

/// What every topic name begins with unless configured otherwise.
pub const PREFIX_DEFAULT: &str = "crosswalk.";

/// What happens to old entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cleanup {
    /// Never removed.
    Keep,
    /// The newest entry of a key stays.
    Compact,
    /// Removed by age, once every group has taken them.
    Delete { days: u32 },
}

/// The keys of a topic's entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    Bridge,
    Source,
    Lane,
    Schema,
    Customer,
}

/// What is fixed about a topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spec {
    /// Its number in the embedded log's file.
    pub number: u8,
    /// Its name with the default prefix.
    pub name: &'static str,
    pub key: Key,
    pub cleanup: Cleanup,
}

const DAYS: Cleanup = Cleanup::Delete { days: 30 };

pub fn spec(topic: Topic) -> Spec {
    let (number, name, key, cleanup) = match topic {
        Topic::IntercomObserved => (1, "crosswalk.intercom.observed.v1", Key::Bridge, DAYS),
        Topic::Results => (2, "crosswalk.results.v1", Key::Bridge, DAYS),
        Topic::Decisions => (3, "crosswalk.decisions.v1", Key::Bridge, Cleanup::Keep),
        Topic::Cursors => (4, "crosswalk.cursors.v1", Key::Source, Cleanup::Compact),
        Topic::Journal => (5, "crosswalk.journal.v1", Key::Bridge, Cleanup::Keep),
        Topic::SalesforceWrites => (6, "crosswalk.salesforce.writes.v1", Key::Lane, DAYS),
        Topic::IntercomWrites => (7, "crosswalk.intercom.writes.v1", Key::Lane, DAYS),
        Topic::Notifications => (8, "crosswalk.notifications.v1", Key::Bridge, DAYS),
        Topic::Trace => (
            9,
            "crosswalk.trace.v1",
            Key::Bridge,
            Cleanup::Delete { days: 90 },
        ),
        Topic::DeadLetters => (10, "crosswalk.dead-letters.v1", Key::Bridge, DAYS),
        Topic::SalesforceObserved => (11, "crosswalk.salesforce.observed.v1", Key::Bridge, DAYS),
        Topic::SourceSchemas => (
            12,
            "crosswalk.source-schemas.v1",
            Key::Schema,
            Cleanup::Compact,
        ),
        Topic::CustomerEvents => (
            13,
            "crosswalk.customer.events.v1",
            Key::Customer,
            Cleanup::Delete { days: 365 },
        ),
        Topic::CustomerProfiles => (
            14,
            "crosswalk.customer.profiles.v1",
            Key::Customer,
            Cleanup::Compact,
        ),
    };
    Spec {
        number,
        name,
        key,
        cleanup,
    }
}

/// A topic's name under a configured prefix.
pub fn name(prefix: &str, topic: Topic) -> String {
    let name = spec(topic).name;
    let bare = name.strip_prefix(PREFIX_DEFAULT).unwrap_or(name);
    format!("{prefix}{bare}")
}

/// The topic a person means: its full name, or the name without prefix or version.
pub fn parse(prefix: &str, text: &str) -> Option<Topic> {
    let bare = |text: &str| {
        let text = text.strip_prefix(prefix).unwrap_or(text);
        let text = text.strip_prefix(PREFIX_DEFAULT).unwrap_or(text);
        text.strip_suffix(".v1").unwrap_or(text).to_owned()
    };
    let wanted = bare(text);
    let mut topics = Topic::ALL.into_iter();
    topics.find(|topic| bare(spec(*topic).name) == wanted)
}

/// A group's name, the `group.id` of its consumers.
pub fn group_name(group: Group) -> &'static str {
    match group {
        Group::Processor => "crosswalk-processor",
        Group::SalesforceSink => "crosswalk-salesforce-sink",
        Group::IntercomSink => "crosswalk-intercom-sink",
        Group::Feeds => "crosswalk-feeds",
    }
}

/// The consumer group of a role; another installation's has another prefix.
pub fn group_id(prefix: &str, group: Group) -> String {
    let name = group_name(group);
    match prefix == PREFIX_DEFAULT {
        true => name.to_owned(),
        false => format!("{prefix}{name}"),
    }
}

/// A group's number in the embedded log's file.
pub fn group_number(group: Group) -> u8 {
    match group {
        Group::Processor => 1,
        Group::SalesforceSink => 2,
        Group::IntercomSink => 3,
        Group::Feeds => 4,
    }
}

/// The topics a group consumes. The processor commits no position on the journal, which it
/// writes, but its lease says where the journal ends.
pub fn group_topics(group: Group) -> &'static [Topic] {
    match group {
        Group::Processor => &[
            Topic::Decisions,
            Topic::Results,
            Topic::IntercomObserved,
            Topic::SalesforceObserved,
            Topic::Journal,
        ],
        Group::SalesforceSink => &[Topic::SalesforceWrites],
        Group::IntercomSink => &[Topic::IntercomWrites],
        Group::Feeds => &[],
    }
}

/// The topics a group commits to.
pub fn group_outputs(group: Group) -> &'static [Topic] {
    match group {
        Group::Processor => &[
            Topic::Journal,
            Topic::SalesforceWrites,
            Topic::IntercomWrites,
            Topic::CustomerEvents,
            Topic::CustomerProfiles,
            Topic::Notifications,
            Topic::Trace,
            Topic::DeadLetters,
        ],
        Group::SalesforceSink | Group::IntercomSink => {
            &[Topic::Results, Topic::Cursors, Topic::DeadLetters]
        }
        Group::Feeds => &[
            Topic::IntercomObserved,
            Topic::SalesforceObserved,
            Topic::Cursors,
            Topic::SourceSchemas,
            Topic::Notifications,
            Topic::DeadLetters,
        ],
    }
}

/// The topics that are appended to without a lease, by ingest and by operators, who send dead
/// letters again to any input.
pub const APPENDED: [Topic; 5] = [
    Topic::Decisions,
    Topic::Results,
    Topic::IntercomObserved,
    Topic::SalesforceObserved,
    Topic::DeadLetters,
];

/// The groups that must have taken an entry before it may be removed.
pub fn consumers(topic: Topic) -> impl Iterator<Item = Group> {
    let consumes = move |group: &Group| group_topics(*group).contains(&topic);
    Group::ALL.into_iter().filter(consumes)
}

/// Partition counts. They only ever grow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Partitions {
    /// Of the inputs, the journal, and what else is keyed by bridge.
    pub bridges: u32,
    /// Of the two topics of writes, and of customer events and profiles.
    pub lanes: u32,
}

impl Partitions {
    pub fn of(self, topic: Topic) -> u32 {
        match spec(topic).key {
            Key::Bridge => self.bridges,
            Key::Lane | Key::Customer => self.lanes,
            Key::Source | Key::Schema => 1,
        }
    }
}

impl Default for Partitions {
    fn default() -> Self {
        Self {
            bridges: 1,
            lanes: 1,
        }
    }
}

/// Header names: the CloudEvents Kafka binding in binary mode, W3C trace context, and the names
/// that redrive tools know. Their place in this list is their code in the embedded log.
pub const HEADERS: [&str; 11] = [
    "ce_specversion",
    "ce_id",
    "ce_source",
    "ce_type",
    "ce_time",
    "content-type",
    "traceparent",
    "__connect.errors.topic",
    "__connect.errors.partition",
    "__connect.errors.offset",
    "__connect.errors.exception.message",
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn numbers_and_names_are_unique() {
        let numbers: BTreeSet<u8> = Topic::ALL.map(|t| spec(t).number).into();
        let names: BTreeSet<&str> = Topic::ALL.map(|t| spec(t).name).into();
        assert_eq!((numbers.len(), names.len()), (14, 14));
        let groups: BTreeSet<u8> = Group::ALL.map(group_number).into();
        assert_eq!(groups.len(), 4);
    }

    #[test]
    fn a_person_may_name_a_topic_in_every_usual_way() {
        for text in [
            "acme.dead-letters.v1",
            "dead-letters",
            "crosswalk.dead-letters.v1",
        ] {
            assert_eq!(parse("acme.", text), Some(Topic::DeadLetters), "{text}");
        }
        assert_eq!(parse("acme.", "letters"), None);
        for topic in Topic::ALL {
            assert_eq!(parse("x.", &name("x.", topic)), Some(topic));
        }
    }

    #[test]
    fn letters_are_sent_again_to_topics_that_are_looked_at() {
        assert!(Topic::INPUTS.iter().all(|input| APPENDED.contains(input)));
    }
}
