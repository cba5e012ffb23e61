//! What each fuzz target does with its bytes: read them as this program would, and demand that
//! they are refused or mean the same once written again. `cargo test` replays the kept inputs
//! through the same functions (`tests/it/fuzz_corpus.rs`).

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use crosswalk::avro;
use crosswalk::domain::{Message, SourceId, Topic};
use crosswalk::feeds::import::Position as ImportPosition;
use crosswalk::feeds::salesforce::{Decode, Decoder, Read};
use crosswalk::feeds::sweep::Position as SweepPosition;
use crosswalk::ingest::intercom::{Envelope, translate};
use crosswalk::mapping::{Offer, Sources};

pub type Entry = fn(&[u8]);

pub const ALL: [(&str, Entry); 6] = [
    ("webhook", webhook),
    ("observation", observation),
    ("change_event", change_event),
    ("mapping", mapping),
    ("cursor", cursor),
    ("journal", journal),
];

fn source(name: &str) -> SourceId {
    SourceId::new(name).expect("a valid name")
}

/// The body of a webhook whose signature was right.
pub fn webhook(bytes: &[u8]) {
    let Ok(envelope) = Envelope::parse(bytes) else {
        return;
    };
    if let Ok(translated) = translate(&source("support"), &envelope) {
        let again = translate(&source("support"), &envelope);
        assert_eq!(Ok(translated), again.map_err(|error| error.to_string()));
    }
}

/// An entry of a topic of observations.
pub fn observation(bytes: &[u8]) {
    for topic in Topic::INPUTS {
        read_twice(topic, bytes);
    }
}

/// An entry of the journal.
pub fn journal(bytes: &[u8]) {
    read_twice(Topic::Journal, bytes);
}

/// An entry of the cursors, and where it says that a feed, an import or a sweep stands.
pub fn cursor(bytes: &[u8]) {
    if let Some(Message::Cursor(cursor)) = read_twice(Topic::Cursors, bytes) {
        if let Some(position) = ImportPosition::of(&cursor) {
            let mut again = cursor.clone();
            again.position = position.to_bytes();
            assert_eq!(ImportPosition::of(&again), Some(position));
        }
        if let Some(position) = SweepPosition::of(&cursor) {
            let next = position.next(position.until, 1_000);
            assert!(next.since <= position.until && next.until >= position.until);
        }
    }
}

/// What was read is the same once written and read again.
fn read_twice(topic: Topic, bytes: &[u8]) -> Option<Message> {
    let message = avro::decode(topic, bytes).ok()?;
    let written = avro::encode(&message).expect("what was read can be written");
    let again = avro::decode(topic, &written).expect("what was written can be read");
    assert_eq!(message, again);
    Some(message)
}

/// The payload of a change event, under a schema as the org gives it.
pub fn change_event(bytes: &[u8]) {
    static READERS: LazyLock<Vec<Arc<dyn Read>>> = LazyLock::new(|| {
        let compile = |json: &str| Decoder.compile("fuzz", json).expect("a schema of ours");
        SCHEMAS.iter().map(|json| compile(json)).collect()
    });
    for reader in READERS.iter() {
        let _ = reader.read(bytes);
    }
}

const SCHEMAS: [&str; 1] = [include_str!("lead_change_event.avsc")];

/// A mapping file.
pub fn mapping(bytes: &[u8]) {
    let Ok(file) = std::str::from_utf8(bytes) else {
        return;
    };
    let offer = Offer {
        sources: Sources {
            salesforce: source("sales"),
            intercom: BTreeMap::from([(source("support"), "abc123".to_owned())]),
        },
        file: file.to_owned(),
    };
    if let Err(findings) = offer.compile() {
        assert!(!findings.to_string().is_empty(), "a refusal says why");
    }
}
