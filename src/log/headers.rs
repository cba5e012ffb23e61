//! The headers of an entry: CloudEvents in binary mode and the trace context, made from the
//! message, packed as (code, length, text) in the order of `topics::HEADERS`.

use crate::domain::{Message, ObservationBody, Timestamp, Topic};
use crate::log::topics;

/// Name and text of each header, and how they are stored.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Headers(Vec<(u8, String)>);

impl Headers {
    /// The headers of a message under a key, which was encoded as `datum`; a tombstone has none.
    pub fn of(topic: Topic, key: &str, message: &Message, datum: &[u8]) -> Self {
        let (id, kind, at, traceparent) = describe(message, datum);
        let mut headers = Self::default();
        headers.push("ce_specversion", "1.0".to_owned());
        headers.push("ce_id", id);
        headers.push("ce_source", format!("/crosswalk/{key}"));
        headers.push("ce_type", format!("{}/{kind}", topics::spec(topic).name));
        headers.push("ce_time", rfc3339(at));
        headers.push("content-type", "application/avro".to_owned());
        if let Some(traceparent) = traceparent {
            headers.push("traceparent", traceparent);
        }
        if let Message::DeadLetter(letter) = message {
            if let Some((topic, partition, offset)) = place(&letter.origin) {
                headers.push("__connect.errors.topic", topic.to_owned());
                headers.push("__connect.errors.partition", partition.to_owned());
                headers.push("__connect.errors.offset", offset.to_owned());
            }
            headers.push("__connect.errors.exception.message", letter.reason.clone());
        }
        headers
    }

    /// Names and texts.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let headers = self.0.iter();
        headers.map(|(code, text)| (topics::HEADERS[usize::from(*code)], text.as_str()))
    }

    pub fn pack(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(160);
        for (code, text) in &self.0 {
            let text = &text.as_bytes()[..text.len().min(usize::from(u16::MAX))];
            bytes.push(*code);
            bytes.extend_from_slice(&(text.len() as u16).to_be_bytes());
            bytes.extend_from_slice(text);
        }
        bytes
    }

    /// Reads packed headers; codes of a later version are skipped.
    pub fn unpack(mut bytes: &[u8]) -> Vec<(&'static str, String)> {
        let mut headers = Vec::new();
        while let [code, high, low, rest @ ..] = bytes {
            let length = usize::from(u16::from_be_bytes([*high, *low]));
            let Some((text, rest)) = rest.split_at_checked(length) else {
                break;
            };
            if let Some(name) = topics::HEADERS.get(usize::from(*code)) {
                headers.push((*name, String::from_utf8_lossy(text).into_owned()));
            }
            bytes = rest;
        }
        headers
    }

    fn push(&mut self, name: &str, text: String) {
        let code = topics::HEADERS.iter().position(|known| *known == name);
        let code = code.expect("every header used here is in the list");
        self.0.push((code as u8, text));
    }
}

/// Id, kind, time and trace context of a message. What has no id of its own and may be told several
/// times in a millisecond is told apart by what it says.
fn describe(message: &Message, datum: &[u8]) -> (String, &'static str, Timestamp, Option<String>) {
    let said = || hex::encode(&blake3::hash(datum).as_bytes()[..8]);
    match message {
        Message::Observation(seen) => {
            let kind = match &seen.body {
                ObservationBody::Changed { .. } => "changed",
                ObservationBody::Answered(_) => "answered",
                ObservationBody::MappingOffered { .. } => "mapping_offered",
                ObservationBody::ReviewAnswered { .. } => "review_answered",
                ObservationBody::LetterSettled { .. } => "letter_settled",
                ObservationBody::LinkDecided { .. } => "link_decided",
                ObservationBody::ModeDecided { .. } => "mode_decided",
                ObservationBody::RevertDecided { .. } => "revert_decided",
                ObservationBody::BridgeReleased { .. } => "bridge_released",
            };
            let trace = seen.traceparent.clone();
            (seen.id.to_string(), kind, seen.received_at, trace)
        }
        Message::Journal(entry) => (entry.id().to_string(), entry.event.name(), entry.at, None),
        Message::Command(command) => {
            let id = format!("{}/{}", command.id, command.attempt);
            (id, "command", command.requested_at, None)
        }
        Message::Cursor(cursor) => {
            let id = format!("{}/{}/{}", cursor.source, cursor.name, cursor.at.0);
            (id, "cursor", cursor.at, None)
        }
        // An id never changes its meaning, so it needs no time of its own.
        Message::SourceSchema(schema) => {
            let id = format!("{}/{}", schema.source, schema.schema_id);
            (id, "source_schema", Timestamp(0), None)
        }
        Message::Notification(note) => {
            let id = format!("{}/{}/{}/{}", note.bridge, note.kind, note.at.0, said());
            (id, "notification", note.at, None)
        }
        Message::Trace(line) => {
            let id = format!("{}/{}", line.observation, said());
            (id, "trace", line.at, None)
        }
        Message::DeadLetter(letter) => {
            let id = format!("{}@{}/{}", letter.origin, letter.at.0, said());
            (id, "dead_letter", letter.at, None)
        }
        Message::CustomerEvent(event) => (event.id.to_string(), event.kind.label(), event.at, None),
        Message::Profile(profile) => {
            let id = format!("{}/{}/{}", profile.customer, profile.at.0, said());
            (id, "profile", profile.at, None)
        }
    }
}

/// `topic/partition@offset`.
fn place(origin: &str) -> Option<(&str, &str, &str)> {
    let (rest, offset) = origin.rsplit_once('@')?;
    let (topic, partition) = rest.rsplit_once('/')?;
    Some((topic, partition, offset))
}

fn rfc3339(at: Timestamp) -> String {
    jiff::Timestamp::from_millisecond(at.0).map_or_else(|_| String::new(), |at| at.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{BridgeId, DeadLetter};

    #[test]
    fn a_dead_letter_says_where_it_came_from() {
        let letter = Message::DeadLetter(Box::new(DeadLetter {
            bridge: BridgeId::new("main").unwrap(),
            at: Timestamp(0),
            origin: "crosswalk.results.v1/0@17".to_owned(),
            reason: "write_rejected".to_owned(),
            hint: String::new(),
            command: None,
            bytes: vec![],
        }));
        let packed = Headers::of(Topic::DeadLetters, "main", &letter, b"").pack();
        let headers = Headers::unpack(&packed);
        let get = |name| {
            let found = headers.iter().find(|(known, _)| *known == name);
            found.map(|(_, text)| text.as_str())
        };
        assert_eq!(get("ce_time"), Some("1970-01-01T00:00:00Z"));
        assert_eq!(
            get("ce_type"),
            Some("crosswalk.dead-letters.v1/dead_letter")
        );
        assert_eq!(get("__connect.errors.topic"), Some("crosswalk.results.v1"));
        assert_eq!(get("__connect.errors.offset"), Some("17"));
        assert_eq!(get("traceparent"), None);
    }
}
