//! `topics.yaml` says what the code does.

use std::collections::BTreeSet;

use crosswalk::avro::Subject;
use crosswalk::domain::Topic;
use crosswalk::log::topics::{Cleanup, Key, PREFIX_DEFAULT, consumers, group_name, parse, spec};
use serde::Deserialize;

use super::repository;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Map {
    format: u32,
    prefix: String,
    topics: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    name: String,
    content: String,
    key: String,
    value: String,
    schema: String,
    compatibility: String,
    producer: String,
    consumers: Vec<String>,
    partitions: serde_json::Value,
    cleanup: String,
    retention_days: Option<u32>,
}

#[test]
fn the_map_of_topics_says_what_the_code_does() {
    let text = std::fs::read_to_string(repository("schemas/topics.yaml")).unwrap();
    let map: Map = serde_saphyr::from_str(&text).unwrap();
    assert_eq!((map.format, map.prefix.as_str()), (1, PREFIX_DEFAULT));
    let mut named = BTreeSet::new();
    for entry in &map.topics {
        let topic = parse(PREFIX_DEFAULT, &entry.name).unwrap_or_else(|| panic!("{}", entry.name));
        assert!(named.insert(topic), "{} stands twice", entry.name);
        check(entry, topic);
    }
    assert_eq!(named, BTreeSet::from(Topic::ALL));
}

fn check(entry: &Entry, topic: Topic) {
    let (name, spec) = (entry.name.as_str(), spec(topic));
    assert_eq!(name, spec.name);
    let (key, partitions) = match spec.key {
        Key::Bridge => ("bridge", serde_json::json!("bridges")),
        Key::Lane => ("lane", serde_json::json!("lanes")),
        Key::Source => ("source", serde_json::json!(1)),
        Key::Customer => ("customer", serde_json::json!("lanes")),
        Key::Schema => ("schema", serde_json::json!(1)),
    };
    assert_eq!(
        (entry.key.as_str(), &entry.partitions),
        (key, &partitions),
        "{name}"
    );
    let (cleanup, days) = match spec.cleanup {
        Cleanup::Keep => ("keep", None),
        Cleanup::Compact => ("compact", None),
        Cleanup::Delete { days } => ("delete", Some(days)),
    };
    assert_eq!(
        (entry.cleanup.as_str(), entry.retention_days),
        (cleanup, days),
        "{name}"
    );

    let subject = Subject::of_topic(topic);
    assert_eq!(entry.value, subject.full_name(), "{name}");
    let file = std::fs::read_to_string(repository("schemas").join(&entry.schema));
    let schema: serde_json::Value = serde_json::from_str(&file.expect(name)).unwrap();
    let full_name = format!("{}.{}", schema["namespace"], schema["name"]).replace('"', "");
    assert_eq!(full_name, entry.value, "{name}");

    let groups = consumers(topic).map(|group| group_name(group).replace("crosswalk-", ""));
    assert_eq!(entry.consumers, groups.collect::<Vec<_>>(), "{name}");
    assert_eq!(entry.compatibility, "BACKWARD_TRANSITIVE", "{name}");
    assert!(
        !entry.content.is_empty() && !entry.producer.is_empty(),
        "{name}"
    );
}
