//! The codec against the schema files: round trips, apache-avro as the second opinion, garbage,
//! older writers.

use apache_avro::Schema;
use apache_avro::reader::datum::GenericDatumReader;
use apache_avro::types::Value as Avro;
use proptest::prelude::*;
use serde_json::json;

use crate::avro::arbitrary;
use crate::avro::codec::{decode, encode, put, take};
use crate::avro::error::Error;
use crate::avro::framing::Framing;
use crate::avro::resolve::resolve;
use crate::avro::schemas::{Known, Subject, assembled, today};
use crate::avro::wire::Writer;
use crate::domain::journal::{DomainEvent, JournalEntry, JournalKey};
use crate::domain::{BridgeId, Cursor, Message, SourceId, Timestamp, Topic};

fn topic_of(message: &Message) -> Topic {
    let subject = Subject::of_message(message);
    let mut topics = Topic::ALL.into_iter();
    topics
        .find(|topic| Subject::of_topic(*topic) == subject)
        .unwrap()
}

/// Reads a datum with apache-avro and lists field names, records of unions and symbols in the
/// order in which they stand.
fn names_by_schema(subject: Subject, datum: &[u8]) -> Vec<String> {
    let schema = &today(subject).schema;
    let mut rest = datum;
    let reader = GenericDatumReader::builder(schema).build().unwrap();
    let value = reader
        .read_value(&mut rest)
        .expect("apache-avro reads what the codec wrote");
    assert!(rest.is_empty(), "apache-avro left {} bytes", rest.len());
    let mut named = Vec::new();
    let parts = named_parts(subject);
    walk(&value, schema, &parts, &mut named);
    named
}

fn named_parts(subject: Subject) -> std::collections::BTreeMap<String, Schema> {
    fn gather(schema: &Schema, out: &mut std::collections::BTreeMap<String, Schema>) {
        match schema {
            Schema::Record(record) => {
                out.insert(record.name.fullname(None), schema.clone());
                record
                    .fields
                    .iter()
                    .for_each(|field| gather(&field.schema, out));
            }
            Schema::Enum(symbols) => {
                out.insert(symbols.name.fullname(None), schema.clone());
            }
            Schema::Fixed(fixed) => {
                out.insert(fixed.name.fullname(None), schema.clone());
            }
            Schema::Union(union) => union.variants().iter().for_each(|s| gather(s, out)),
            Schema::Array(array) => gather(&array.items, out),
            Schema::Map(map) => gather(&map.types, out),
            _ => {}
        }
    }
    let mut parts = std::collections::BTreeMap::new();
    gather(&today(subject).schema, &mut parts);
    parts
}

fn walk(
    value: &Avro,
    schema: &Schema,
    parts: &std::collections::BTreeMap<String, Schema>,
    out: &mut Vec<String>,
) {
    let schema = match schema {
        Schema::Ref { name } => &parts[&name.fullname(None)],
        schema => schema,
    };
    match (value, schema) {
        (Avro::Union(index, inner), Schema::Union(union)) => {
            let branch = &union.variants()[*index as usize];
            // An optional record is no choice between records: nobody notes its name.
            let is_choice = union.variants().iter().all(|s| s.name().is_some());
            if let (true, Some(name)) = (is_choice, branch.name()) {
                out.push(name.name().to_owned());
            }
            walk(inner, branch, parts, out);
        }
        (Avro::Record(fields), Schema::Record(record)) => {
            for ((name, value), field) in fields.iter().zip(&record.fields) {
                out.push(name.clone());
                walk(value, &field.schema, parts, out);
            }
        }
        (Avro::Array(items), Schema::Array(array)) => {
            items
                .iter()
                .for_each(|item| walk(item, &array.items, parts, out));
        }
        (Avro::Map(items), Schema::Map(map)) => {
            // A map of records would come out in a random order; ours hold scalars.
            items
                .values()
                .for_each(|item| walk(item, &map.types, parts, out));
        }
        (Avro::Enum(_, symbol), _) => out.push(symbol.clone()),
        _ => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn every_message_comes_back_as_it_was(message in arbitrary::message()) {
        let bytes = encode(&message).unwrap();
        prop_assert_eq!(decode(topic_of(&message), &bytes).unwrap(), message);
    }

    #[test]
    fn apache_avro_finds_the_same_names_in_the_same_places(message in arbitrary::message()) {
        let mut w = Writer::default();
        put(&message, &mut w);
        let written = w.names.clone();
        let datum = w.finish().unwrap();
        prop_assert_eq!(written, names_by_schema(Subject::of_message(&message), &datum));
    }

    #[test]
    fn a_datum_resolved_to_its_own_schema_stays_the_same(message in arbitrary::message()) {
        let mut w = Writer::default();
        put(&message, &mut w);
        let datum = w.finish().unwrap();
        let schema = &today(Subject::of_message(&message)).schema;
        prop_assert_eq!(resolve(schema, schema, &datum).unwrap(), datum);
    }

    #[test]
    fn garbage_is_refused_without_a_panic(
        bytes in proptest::collection::vec(any::<u8>(), 0..200),
        subject in proptest::sample::select(Subject::ALL.to_vec()),
    ) {
        let _ = take(subject, &bytes);
        let schema = &today(subject).schema;
        let _ = resolve(schema, schema, &bytes);
        for topic in Topic::ALL {
            let _ = decode(topic, &bytes);
        }
    }

    #[test]
    fn a_message_with_a_flipped_or_missing_byte_is_refused_without_a_panic(
        message in arbitrary::message(),
        place in any::<prop::sample::Index>(),
        flip in any::<u8>(),
    ) {
        let mut bytes = encode(&message).unwrap();
        let topic = topic_of(&message);
        let place = place.index(bytes.len());
        prop_assert!(decode(topic, &bytes[..place]).is_err());
        bytes[place] ^= flip;
        let _ = decode(topic, &bytes);
    }
}

#[test]
fn the_header_is_that_of_avro_single_objects() {
    let cursor = cursor();
    let bytes = encode(&cursor).unwrap();
    let schema = &today(Subject::Cursor).schema;
    let header = apache_avro::headers::RabinFingerprintHeader::from_schema(schema);
    use apache_avro::headers::HeaderBuilder;
    assert_eq!(bytes[..10], header.build_header()[..]);
}

#[test]
fn a_message_read_from_another_topic_names_the_schema_that_is_unknown_there() {
    let bytes = encode(&cursor()).unwrap();
    let fingerprint = today(Subject::Cursor).fingerprint;
    let topic = Topic::Trace;
    assert_eq!(
        decode(topic, &bytes),
        Err(Error::UnknownSchema { topic, fingerprint })
    );
}

#[test]
fn a_number_that_avro_cannot_hold_is_refused_by_its_field() {
    let entry = Message::Journal(Box::new(JournalEntry {
        key: JournalKey::Bridge(BridgeId::new("main").unwrap()),
        sequence: u64::MAX,
        at: Timestamp(0),
        cause: None,
        event: DomainEvent::TimeAdvanced { to: Timestamp(1) },
    }));
    let refused = encode(&entry).unwrap_err().to_string();
    assert!(refused.starts_with("field sequence"), "{refused}");
}

#[test]
fn an_unknown_symbol_is_harmless_where_there_is_a_harmless_case() {
    use crate::avro::wire::{Reader, Wire};
    use crate::domain::{Gone, RejectClass};
    assert_eq!(
        RejectClass::take(&mut Reader::new(&[0])),
        Ok(RejectClass::Other)
    );
    let mut r = Reader::new(&[0]);
    let refused = r.field::<Gone>("how").unwrap_err();
    assert_eq!(
        refused,
        Error::UnknownCase {
            field: "how",
            index: 0
        }
    );
}

/// An older schema: other field order, a field fewer, a field more, branches elsewhere.
#[test]
fn bytes_of_an_older_schema_are_read_by_name() {
    let mut older = assembled(Subject::Journal);
    let fields = older["fields"].as_array_mut().unwrap();
    let mut fields_named = fields.iter_mut();
    let cause = fields_named.find(|field| field["name"] == "cause").unwrap();
    // The definition of Hash16 stands here and must stay somewhere.
    *cause = json!({ "name": "retired", "type": cause["type"][1] });
    fields.insert(0, json!({ "name": "dropped", "type": "string" }));
    let body = fields
        .iter_mut()
        .find(|field| field["name"] == "body")
        .unwrap();
    let branches = body["type"].as_array_mut().unwrap();
    // What the branches refer to must stand before them: keep the definitions, turn the rest.
    let mut tail = branches.split_off(24);
    let mut added = tail.split_off(5);
    let mut turned: Vec<_> = tail.into_iter().rev().collect();
    // InputRange is defined in BatchConsumed and used by BridgeQuarantined, which is now first.
    turned.retain(|branch| branch["name"] != "BridgeQuarantined");
    branches.append(&mut turned);
    branches.append(&mut added);
    let older = Known::parse(&older).unwrap();
    let reader = today(Subject::Journal);
    assert_ne!(older.fingerprint, reader.fingerprint);

    let mut w = Writer::default();
    w.bytes(b"no longer known");
    w.long(1); // owner: Partition
    w.long(7);
    w.long(42); // sequence
    w.long(1_000); // at
    w.fixed(&[9; 16]); // retired
    w.long(26); // body: TimeAdvanced, the 25th today
    w.long(2_000);
    let datum = w.finish().unwrap();
    let resolved = resolve(&older.schema, &reader.schema, &datum).unwrap();
    let read = take(Subject::Journal, &resolved).unwrap();
    let expected = JournalEntry {
        key: JournalKey::Partition(7),
        sequence: 42,
        at: Timestamp(1_000),
        cause: None,
        event: DomainEvent::TimeAdvanced {
            to: Timestamp(2_000),
        },
    };
    assert_eq!(read, Message::Journal(Box::new(expected)));
}

/// Several events hold one record and nothing else: shape alone would confuse them.
#[test]
fn events_of_one_shape_are_told_apart_by_name() {
    let schema = &today(Subject::Journal).schema;
    let record = crate::domain::RecordRef::new(&SourceId::new("s").unwrap(), "contact", "1");
    let record = record.unwrap();
    for event in [
        DomainEvent::RecordReturned {
            record: record.clone(),
        },
        DomainEvent::WaitingEnded {
            record: record.clone(),
        },
        DomainEvent::RereadRequired {
            record: record.clone(),
        },
    ] {
        let entry = JournalEntry {
            key: JournalKey::Partition(0),
            sequence: 0,
            at: Timestamp(0),
            cause: None,
            event,
        };
        let message = Message::Journal(Box::new(entry));
        let mut w = Writer::default();
        put(&message, &mut w);
        let resolved = resolve(schema, schema, &w.finish().unwrap()).unwrap();
        assert_eq!(take(Subject::Journal, &resolved), Ok(message));
    }
}

#[test]
fn the_confluent_frame_is_not_read_without_a_registry() {
    let mut bytes = Framing::Confluent { schema_id: 1 }.header();
    bytes.push(0);
    assert_eq!(decode(Topic::Cursors, &bytes), Err(Error::Header));
}

fn cursor() -> Message {
    Message::Cursor(Cursor {
        source: SourceId::new("acme").unwrap(),
        name: "contacts".to_owned(),
        position: vec![0, 1, 2],
        at: Timestamp(5),
    })
}
