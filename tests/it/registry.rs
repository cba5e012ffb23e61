//! A schema registry between us and those who read our topics: a real one, and what stands
//! before it.

mod door;

use std::time::Duration;

use crosswalk::domain::{BridgeId, Message, Notification, Timestamp, Topic};
use crosswalk::log::kafka::registry::Settings;
use crosswalk::log::kafka::{KafkaLog, Options};
use crosswalk::log::topics::Partitions;
use crosswalk::ports::event_log::{self, Entry, EntryBody, EventLog, Outgoing, ReadFrom};
use crosswalk::ports::event_log::{ReadLimit, TopicPartition};
use reqwest::Method;
use serde_json::{Value, json};

use door::Door;

use crate::brokers::{bootstrap, create_topics, fresh_prefix, registry};

const LIMIT: ReadLimit = ReadLimit {
    entries_max: 100,
    bytes_max: 1 << 20,
};

fn settings(url: &str) -> Settings {
    Settings {
        urls: vec![url.to_owned()],
        user: None,
        ca_file: None,
        registers: true,
        timeout: Duration::from_secs(10),
    }
}

/// Topics of a prefix of its own, and how they are opened.
struct Place {
    options: Options,
    url: String,
}

impl Place {
    fn new() -> Option<Self> {
        let (bootstrap, url) = (bootstrap()?, registry()?);
        let prefix = fresh_prefix();
        let partitions = Partitions {
            bridges: 1,
            lanes: 1,
        };
        create_topics(&bootstrap, &prefix, partitions);
        let options = Options {
            bootstrap,
            prefix,
            partitions,
            timeout: Duration::from_secs(20),
            registry: Some(settings(&url)),
            ..Options::default()
        };
        Some(Self { options, url })
    }

    fn open(&self, registry: Option<Settings>) -> Result<KafkaLog, String> {
        let options = Options {
            registry,
            ..self.options.clone()
        };
        KafkaLog::open(options).map_err(|error| error.to_string())
    }

    /// What the registry itself says.
    fn ask(&self, method: Method, path: &str, body: &Value) -> Value {
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let asked = client.request(method, format!("{}{path}", self.url));
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        runtime.unwrap().block_on(async {
            let answer = asked.json(body).send().await.unwrap();
            let answer = answer.error_for_status().unwrap();
            answer.json().await.unwrap()
        })
    }

    fn subject(&self, bare: &str) -> String {
        format!("{}{bare}.v1-value", self.options.prefix)
    }
}

fn notice(text: &str) -> Outgoing {
    let bridge = BridgeId::new("main").unwrap();
    Outgoing {
        topic: Topic::Notifications,
        place: event_log::Place::Partition(0),
        key: bridge.text(),
        message: Some(Message::Notification(Notification {
            bridge,
            at: Timestamp(1_768_018_994_000),
            kind: "walk_ended".into(),
            text: text.into(),
            records: Vec::new(),
        })),
    }
}

fn read(log: &KafkaLog) -> Result<Vec<Entry>, String> {
    let at = TopicPartition {
        topic: Topic::Notifications,
        partition: 0,
    };
    let from = ReadFrom { at, offset: 0 };
    let read = log.read(&[from], LIMIT, Duration::from_secs(10));
    read.map_err(|error| error.to_string())
}

fn texts(entries: &[Entry]) -> Vec<String> {
    let text = |entry: &Entry| match &entry.body {
        EntryBody::Message(Message::Notification(notice)) => notice.text.clone(),
        EntryBody::Undecodable { reason, .. } => format!("undecodable: {reason}"),
        other => panic!("{other:?}"),
    };
    entries.iter().map(text).collect()
}

#[test]
fn schemas_are_registered_once_and_their_ids_stand_before_the_entries() {
    let Some(place) = Place::new() else { return };
    // What was written before there was a registry stays readable.
    let earlier = place.open(None).unwrap();
    earlier.append(vec![notice("earlier")]).unwrap();
    drop(earlier);
    let log = place.open(place.options.registry.clone()).unwrap();
    log.append(vec![notice("now")]).unwrap();
    assert_eq!(texts(&read(&log).unwrap()), ["earlier", "now"]);
    drop(log);

    let subjects = place.ask(Method::GET, "/subjects", &json!({}));
    for topic in ["customer.events", "journal", "intercom.observed", "results"] {
        let subject = json!(place.subject(topic));
        assert!(subjects.as_array().unwrap().contains(&subject), "{subject}");
    }
    let again = place.open(place.options.registry.clone()).unwrap();
    again.append(vec![notice("again")]).unwrap();
    assert_eq!(texts(&read(&again).unwrap()), ["earlier", "now", "again"]);
    let subject = place.subject("notifications");
    let versions = place.ask(
        Method::GET,
        &format!("/subjects/{subject}/versions"),
        &json!({}),
    );
    assert_eq!(versions, json!([1]));
    // Whoever has no registry is told what is missing, and the bytes stay.
    let without = place.open(None).unwrap();
    let entries = read(&without).unwrap();
    let told = texts(&entries);
    assert!(
        told[1].contains("log.kafka.registry names none"),
        "{told:?}"
    );
    // Whoever has one can read them later.
    let EntryBody::Undecodable { bytes, .. } = &entries[1].body else {
        panic!("{told:?}");
    };
    let body = again.decode(Topic::Notifications, bytes).unwrap();
    let read = Entry {
        body,
        ..entries[1].clone()
    };
    assert_eq!(texts(&[read]), ["now"]);
}

#[test]
fn a_registry_that_is_away_ends_the_start_with_its_name_and_hurts_nobody_later() {
    let Some(place) = Place::new() else { return };
    let gone = settings("http://127.0.0.1:9");
    let refused = place.open(Some(gone)).err().unwrap();
    assert!(
        refused.contains("the schema registry at http://127.0.0.1:9"),
        "{refused}"
    );

    let door = Door::before(&place.url, None);
    let log = place.open(Some(settings(&door.url()))).unwrap();
    log.append(vec![notice("before")]).unwrap();
    door.close();
    log.append(vec![notice("after")]).unwrap();
    assert_eq!(texts(&read(&log).unwrap()), ["before", "after"]);
    drop(log);
    // Who has never asked waits with an error, and takes nothing for unreadable.
    let options = Options {
        registry: Some(settings(&door.url())),
        ..place.options.clone()
    };
    let beside = KafkaLog::beside(options).unwrap();
    let waits = read(&beside).unwrap_err();
    assert!(waits.contains("does not tell schema"), "{waits}");
    door.open();
    assert_eq!(texts(&read(&beside).unwrap()), ["before", "after"]);
}

#[test]
fn a_registry_asks_for_a_name_and_shows_a_certificate() {
    let Some(place) = Place::new() else { return };
    let door = Door::before(&place.url, Some(("ops", "s3cret")));
    let folder = tempfile::tempdir().unwrap();
    let ca_file = folder.path().join("registry.pem");
    std::fs::write(&ca_file, door.certificate()).unwrap();
    let known = Settings {
        user: Some(("ops".to_owned(), "s3cret".to_owned())),
        ca_file: Some(ca_file.clone()),
        ..settings(&door.url())
    };
    let stranger = Settings {
        user: None,
        ..known.clone()
    };
    let refused = place.open(Some(stranger)).err().unwrap();
    assert!(refused.contains("401"), "{refused}");
    let trusting = Settings {
        ca_file: None,
        ..known.clone()
    };
    assert!(place.open(Some(trusting)).is_err(), "nobody vouches for it");
    let log = place.open(Some(known.clone())).unwrap();
    log.append(vec![notice("through the door")]).unwrap();
    assert_eq!(texts(&read(&log).unwrap()), ["through the door"]);
    let unreadable = Settings {
        ca_file: Some(folder.path().join("nowhere.pem")),
        ..known
    };
    let refused = place.open(Some(unreadable)).err().unwrap();
    assert!(refused.contains("nowhere.pem"), "{refused}");
}

#[test]
fn what_does_not_fit_an_older_schema_is_refused_by_the_registry_and_said() {
    let Some(place) = Place::new() else { return };
    let subject = place.subject("notifications");
    let other =
        json!({"type": "record", "name": "Other", "fields": [{"name": "x", "type": "int"}]});
    let versions = format!("/subjects/{subject}/versions");
    place.ask(
        Method::POST,
        &versions,
        &json!({"schema": other.to_string()}),
    );
    let rule = json!({"compatibility": "BACKWARD"});
    place.ask(Method::PUT, &format!("/config/{subject}"), &rule);
    let refused = place.open(place.options.registry.clone()).err().unwrap();
    assert!(
        refused.contains(&subject) && refused.contains("409"),
        "{refused}"
    );
}

#[test]
fn where_schemas_may_not_be_registered_they_are_looked_up() {
    let Some(place) = Place::new() else { return };
    let shy = Settings {
        registers: false,
        ..settings(&place.url)
    };
    let refused = place.open(Some(shy.clone())).err().unwrap();
    assert!(refused.contains("crosswalk topics apply"), "{refused}");
    drop(place.open(place.options.registry.clone()).unwrap());
    let log = place.open(Some(shy)).unwrap();
    log.append(vec![notice("looked up")]).unwrap();
    assert_eq!(texts(&read(&log).unwrap()), ["looked up"]);
}
