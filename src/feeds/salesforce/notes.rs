//! What the feeds append beside observations: cursors, schemas, messages for people, dead letters.

use crate::domain::SourceSchema;
use crate::domain::{Cursor, DeadLetter, Message, Notification, Timestamp, Topic};
use crate::feeds::salesforce::org::Org;
use crate::ports::event_log::{Outgoing, Place};

/// A cursor at the oldest event that is kept. No replay id is empty.
pub const AT_EARLIEST: &[u8] = b"";
/// A cursor at the next event. Replay ids have eight bytes or ten (salesforce.md 0.9).
pub const AT_LATEST: &[u8] = b"latest";

pub fn cursor(cursor: &Cursor) -> Outgoing {
    Outgoing {
        topic: Topic::Cursors,
        place: Place::ByKey,
        key: Cursor::key(&cursor.source, &cursor.name).into(),
        message: Some(Message::Cursor(cursor.clone())),
    }
}

pub fn schema(schema: SourceSchema) -> Outgoing {
    Outgoing {
        topic: Topic::SourceSchemas,
        place: Place::ByKey,
        key: SourceSchema::key(&schema.source, &schema.schema_id).into(),
        message: Some(Message::SourceSchema(schema)),
    }
}

/// One for each bridge of the org.
pub fn notifications<'a>(
    org: &'a Org,
    at: Timestamp,
    kind: &'a str,
    text: &'a str,
) -> impl Iterator<Item = Outgoing> + 'a {
    org.bridges.iter().map(move |to| Outgoing {
        topic: Topic::Notifications,
        place: Place::Partition(to.partition),
        key: to.bridge.text(),
        message: Some(Message::Notification(Notification {
            bridge: to.bridge.clone(),
            at,
            kind: kind.to_owned(),
            text: text.to_owned(),
            records: Vec::new(),
        })),
    })
}

/// What a dead letter says beside its bytes.
pub struct Dead<'a> {
    pub origin: String,
    pub reason: &'a str,
    pub hint: String,
    pub bytes: &'a [u8],
}

/// One for each bridge of the org.
pub fn dead_letters(org: &Org, at: Timestamp, dead: &Dead<'_>) -> Vec<Outgoing> {
    let letter = |to: &crate::feeds::salesforce::org::Destination| Outgoing {
        topic: Topic::DeadLetters,
        place: Place::Partition(to.partition),
        key: to.bridge.text(),
        message: Some(Message::DeadLetter(Box::new(DeadLetter {
            bridge: to.bridge.clone(),
            at,
            origin: dead.origin.clone(),
            reason: dead.reason.to_owned(),
            hint: dead.hint.clone(),
            command: None,
            bytes: dead.bytes.to_vec(),
        }))),
    };
    org.bridges.iter().map(letter).collect()
}

/// A moment as people write it.
pub fn moment(at: Timestamp) -> String {
    jiff::Timestamp::from_millisecond(at.0).map_or_else(|_| at.0.to_string(), |at| at.to_string())
}
