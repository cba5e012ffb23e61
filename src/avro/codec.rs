//! Messages to framed bytes and back.

use crate::avro::error::Error;
use crate::avro::framing::Framing;
use crate::avro::schemas::{Known, Subject, assembled, released, today};
use crate::avro::wire::{Reader, Wire, Writer};
use crate::avro::{decision, observed, resolve, result};
use crate::domain::{Message, Observation, ObservationBody, Topic};

/// Writes a message with today's schema.
pub fn encode(message: &Message) -> Result<Vec<u8>, Error> {
    let fingerprint = today(Subject::of_message(message)).fingerprint;
    let mut w = Writer::after(Framing::SingleObject { fingerprint }.header());
    put(message, &mut w);
    w.finish()
}

/// Writes a message with today's schema, which has this id in a registry.
pub fn encode_registered(message: &Message, schema_id: u32) -> Result<Vec<u8>, Error> {
    let mut w = Writer::after(Framing::Confluent { schema_id }.header());
    put(message, &mut w);
    w.finish()
}

/// Reads a message written with today's schema of its topic or with any released one.
pub fn decode(topic: Topic, bytes: &[u8]) -> Result<Message, Error> {
    let (framing, datum) = Framing::split(bytes)?;
    let Framing::SingleObject { fingerprint } = framing else {
        return Err(Error::Header);
    };
    decode_datum(topic, fingerprint, datum)
}

/// The same without what stands before it: the schema has this fingerprint.
pub fn decode_datum(topic: Topic, fingerprint: u64, datum: &[u8]) -> Result<Message, Error> {
    let subject = Subject::of_topic(topic);
    let reader = today(subject);
    if fingerprint == reader.fingerprint {
        return take(subject, datum);
    }
    let Some(writer) = released(subject, fingerprint) else {
        return Err(Error::UnknownSchema { topic, fingerprint });
    };
    let datum = resolve::resolve(&writer.schema, &reader.schema, datum)?;
    take(subject, &datum)
}

/// Today's schema of a topic, in one piece.
pub fn schema(topic: Topic) -> serde_json::Value {
    assembled(Subject::of_topic(topic))
}

/// The CRC-64-AVRO fingerprint of a schema; none where it is no Avro schema.
pub fn fingerprint(schema: &str) -> Option<u64> {
    let json = serde_json::from_str(schema).ok()?;
    Known::parse(&json).ok().map(|known| known.fingerprint)
}

/// Whether a message may stand on a topic.
pub fn fits(topic: Topic, message: &Message) -> bool {
    Subject::of_topic(topic) == Subject::of_message(message)
}

pub(crate) fn put(message: &Message, w: &mut Writer) {
    match message {
        Message::Observation(observation) => put_observation(observation, w),
        Message::Journal(entry) => entry.put(w),
        Message::Command(command) => command.put(w),
        Message::Cursor(cursor) => cursor.put(w),
        Message::SourceSchema(schema) => schema.put(w),
        Message::Notification(notification) => notification.put(w),
        Message::Trace(line) => line.put(w),
        Message::DeadLetter(letter) => letter.put(w),
        Message::CustomerEvent(event) => event.put(w),
        Message::Profile(profile) => profile.put(w),
    }
}

fn put_observation(observation: &Observation, w: &mut Writer) {
    match &observation.body {
        ObservationBody::Changed {
            source,
            topic,
            change,
            raw,
        } => observed::put(observation, (source, topic), change, raw, w),
        ObservationBody::Answered(answer) => result::put(observation, answer, w),
        ObservationBody::MappingOffered {
            version,
            hash,
            body,
        } => decision::put_mapping(observation, (version, hash, body), w),
        ObservationBody::ReviewAnswered { review, answer, by } => {
            decision::put_answer(observation, (review, answer, by), w);
        }
        ObservationBody::LetterSettled { letter, how, by } => {
            decision::put_letter(observation, (letter, how, by), w);
        }
        ObservationBody::LinkDecided {
            left,
            right,
            same,
            by,
        } => decision::put_link(observation, (left, right, same, by), w),
        ObservationBody::ModeDecided { mode, by } => {
            decision::put_mode(observation, (mode, by), w);
        }
        ObservationBody::RevertDecided { mapping, since, by } => {
            decision::put_revert(observation, (mapping, since, by), w);
        }
        ObservationBody::BridgeReleased { skip, by } => {
            decision::put_release(observation, (skip, by), w);
        }
    }
}

pub(crate) fn take(subject: Subject, datum: &[u8]) -> Result<Message, Error> {
    let mut r = Reader::new(datum);
    let message = match subject {
        Subject::Observed => Message::Observation(Box::new(observed::take(&mut r)?)),
        Subject::Result => Message::Observation(Box::new(result::take(&mut r)?)),
        Subject::Decision => Message::Observation(Box::new(decision::take(&mut r)?)),
        Subject::Journal => Message::Journal(Box::new(Wire::take(&mut r)?)),
        Subject::Command => Message::Command(Box::new(Wire::take(&mut r)?)),
        Subject::Cursor => Message::Cursor(Wire::take(&mut r)?),
        Subject::SourceSchema => Message::SourceSchema(Wire::take(&mut r)?),
        Subject::Notification => Message::Notification(Wire::take(&mut r)?),
        Subject::Trace => Message::Trace(Wire::take(&mut r)?),
        Subject::DeadLetter => Message::DeadLetter(Box::new(Wire::take(&mut r)?)),
        Subject::CustomerEvent => Message::CustomerEvent(Box::new(Wire::take(&mut r)?)),
        Subject::Profile => Message::Profile(Box::new(Wire::take(&mut r)?)),
    };
    r.finish()?;
    Ok(message)
}
