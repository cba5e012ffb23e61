//! Every kind of message: as bytes that must be read for ever, as JSON that a person can read.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use apache_avro::Schema;
use apache_avro::reader::datum::GenericDatumReader;
use apache_avro::writer::datum::GenericDatumWriter;
use crosswalk::avro::released::RELEASED;
use crosswalk::avro::schemas::Known;
use crosswalk::avro::{self, Framing, Subject};
use crosswalk::domain::{Message, Topic};
use serde_json::Value as Json;

use super::avro_json::Typed;
use super::samples::samples;
use super::{is_update, release, repository};

fn topic_of(subject: Subject) -> Topic {
    let mut topics = Topic::ALL.into_iter();
    topics
        .find(|topic| Subject::of_topic(*topic) == subject)
        .unwrap()
}

fn goldens(version: &str) -> PathBuf {
    repository("tests/golden/avro").join(version)
}

fn example(subject: Subject, version: &str, case: &str) -> PathBuf {
    let directory = repository("schemas/examples").join(subject.file_name());
    directory.join(version).join(format!("{case}.json"))
}

fn write(path: &PathBuf, text: &str) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

/// As apache-avro reads it, so that a person can compare names and values.
fn shown(bytes: &[u8], schema: &Schema) -> Json {
    let (_, mut datum) = Framing::split(bytes).unwrap();
    let reader = GenericDatumReader::builder(schema).build().unwrap();
    Typed::new(schema).to_json(&reader.read_value(&mut datum).unwrap())
}

#[test]
fn messages_are_written_as_they_were() {
    for (case, message) in samples() {
        let bytes = hex::encode(avro::encode(&message).unwrap());
        let path = goldens(release()).join(format!("{case}.hex"));
        if is_update() {
            write(&path, &format!("{bytes}\n"));
        }
        let stored = std::fs::read_to_string(&path).unwrap_or_default();
        assert_eq!(stored.trim(), bytes, "{case} is written differently now");
    }
}

#[test]
fn messages_of_every_release_are_read_from_their_stored_bytes() {
    let messages: BTreeMap<String, Message> = samples().into_iter().collect();
    let releases: BTreeSet<&str> = RELEASED.iter().map(|(_, version, _)| *version).collect();
    for version in releases {
        let mut read = BTreeSet::new();
        for file in std::fs::read_dir(goldens(version)).unwrap() {
            let path = file.unwrap().path();
            let case = path.file_stem().unwrap().to_str().unwrap().to_owned();
            let bytes = hex::decode(std::fs::read_to_string(&path).unwrap().trim()).unwrap();
            let topic = topic_of(Subject::of_message(&messages[&case]));
            let message = avro::decode(topic, &bytes);
            assert_eq!(
                message.as_ref(),
                Ok(&messages[&case]),
                "{case} of {version}"
            );
            read.insert(case);
        }
        if version == release() {
            assert_eq!(read, messages.keys().cloned().collect());
        }
    }
}

#[test]
fn no_case_stands_twice() {
    let cases = samples();
    let names: BTreeSet<&String> = cases.iter().map(|(case, _)| case).collect();
    assert_eq!(names.len(), cases.len());
}

#[test]
fn examples_show_what_is_written() {
    for (case, message) in samples() {
        let subject = Subject::of_message(&message);
        let schema = &avro::schemas::today(subject).schema;
        let shown = format!("{:#}\n", shown(&avro::encode(&message).unwrap(), schema));
        let path = example(subject, release(), &case);
        if is_update() {
            write(&path, &shown);
        }
        let stored = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(stored == shown, "{} differs", path.display());
    }
}

/// Each example, written by apache-avro with the schema of its release, is read by today's codec
/// as the message of that name.
#[test]
fn examples_of_every_release_are_read_by_todays_reader() {
    let messages: BTreeMap<String, Message> = samples().into_iter().collect();
    let mut read = 0;
    for (subject, version, text) in RELEASED {
        let known = Known::parse(&serde_json::from_str(text).unwrap()).unwrap();
        let writer = GenericDatumWriter::builder(&known.schema).build().unwrap();
        let header = Framing::SingleObject {
            fingerprint: known.fingerprint,
        }
        .header();
        let directory = example(subject, version, "")
            .parent()
            .unwrap()
            .to_path_buf();
        for file in std::fs::read_dir(&directory).unwrap() {
            let path = file.unwrap().path();
            let case = path.file_stem().unwrap().to_str().unwrap().to_owned();
            let json = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
            let mut bytes = header.clone();
            let value = Typed::new(&known.schema).to_avro(&json);
            writer.write_value_ref(&mut bytes, &value).unwrap();
            let message = avro::decode(topic_of(subject), &bytes);
            assert_eq!(
                message.as_ref(),
                Ok(&messages[&case]),
                "{case} of {version}"
            );
            read += 1;
        }
    }
    assert!(read >= messages.len(), "{read} examples were read");
}
