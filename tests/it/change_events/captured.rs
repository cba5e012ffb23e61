//! Captured events and schemas of real orgs.

use std::collections::BTreeMap;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use crosswalk::clients::salesforce::pubsub::change::{ChangeEvent, Raw, Record, Schema};
use serde_json::{Map, Value as Json, json};

use crate::captures::{change_events, skipped};

/// File name to text.
fn schemas(folder: &Path) -> BTreeMap<String, String> {
    let files = std::fs::read_dir(folder.join("schemas")).unwrap();
    let read = |file: std::io::Result<std::fs::DirEntry>| {
        let file = file.unwrap();
        let text = std::fs::read_to_string(file.path()).unwrap();
        (file.file_name().into_string().unwrap(), text)
    };
    files.map(read).collect()
}

fn raw(value: &Raw<'_>) -> Json {
    match value {
        Raw::Null => Json::Null,
        Raw::Bool(bool) => json!(bool),
        Raw::Int(int) => json!(int),
        Raw::Double(double) => json!(double),
        Raw::Text(text) => json!(text),
        Raw::Bytes(bytes) => json!(bytes),
        Raw::Symbol(_, symbol) => json!(symbol),
        Raw::List(list) => list.iter().map(raw).collect(),
        Raw::Map(map) => map.iter().map(|(key, value)| (*key, raw(value))).collect(),
        Raw::Record(record) => Json::Object(non_null(record)),
    }
}

fn non_null(record: &Record<'_>) -> Map<String, Json> {
    let there = record
        .iter()
        .filter(|(_, value)| !matches!(value, Raw::Null));
    there
        .map(|(name, value)| (name.into(), raw(value)))
        .collect()
}

/// The event in the words of `expected.json`.
fn told(event: &ChangeEvent<'_>) -> Json {
    let mut fields = non_null(&event.raw);
    let mut header = match fields.remove("ChangeEventHeader") {
        Some(header) => header,
        none => panic!("no header but {none:?}"),
    };
    let read = &event.header;
    // Each part twice: as it was written, and as the header gives it.
    header["entityName"] = json!(read.entity);
    header["recordIds"] = json!(read.record_ids);
    header["changeType"] = json!(read.change_type.as_str());
    header["changeOrigin"] = json!(read.change_origin);
    header["transactionKey"] = json!(read.transaction_key);
    header["sequenceNumber"] = json!(read.sequence_number);
    header["commitTimestamp"] = json!(read.commit_timestamp_ms);
    header["commitNumber"] = json!(read.commit_number);
    header["commitUser"] = json!(read.commit_user);
    json!({
        "header": header,
        "decoded_bitmaps": {
            "changedFields": read.changed, "nulledFields": read.nulled, "diffFields": read.diff,
        },
        "non_null_fields": fields,
    })
}

#[test]
fn every_captured_event_is_what_an_independent_reader_found() {
    let folder = change_events();
    if !folder.exists() {
        return skipped(&folder);
    }
    let schemas = schemas(&folder);
    let text = std::fs::read_to_string(folder.join("expected.json")).unwrap();
    let expected: Json = serde_json::from_str(&text).unwrap();
    let events = expected["events"].as_array().unwrap();
    assert!(events.len() >= 4, "only {} events", events.len());
    for wanted in events {
        let id = wanted["schema_id"].as_str().unwrap();
        let json = &schemas[wanted["schema_file"].as_str().unwrap()];
        let schema = Schema::parse(id, json).unwrap();
        let payload = wanted["payload_base64"].as_str().unwrap();
        let payload = STANDARD.decode(payload).unwrap();
        let event = schema.decode(&payload).unwrap();
        assert_eq!(event.anomalies, []);
        let told = told(&event);
        for part in ["header", "decoded_bitmaps", "non_null_fields"] {
            assert_eq!(told[part], wanted[part], "{part} of {}", wanted["event_id"]);
        }
    }
}

#[test]
fn every_captured_schema_hashes_to_its_id() {
    let folder = change_events();
    if !folder.exists() {
        return skipped(&folder);
    }
    let schemas = schemas(&folder);
    assert!(schemas.len() >= 4, "only {} schemas", schemas.len());
    for (name, json) in schemas {
        let id = name.split('.').nth(2).unwrap();
        assert_eq!(Schema::fingerprint(&json).as_deref(), Some(id), "{name}");
        assert!(Schema::parse(id, &json).unwrap().is_authentic());
        // The docs are outside of the id, the names are not.
        let other = json.replace("\"Phone\"", "\"Telephone\"");
        assert!(!Schema::parse(id, &other).unwrap().is_authentic(), "{name}");
        let undocumented = json.replace("\"doc\"", "\"remark\"");
        assert!(Schema::parse(id, &undocumented).unwrap().is_authentic());
    }
}

#[test]
fn a_captured_update_cut_anywhere_is_refused() {
    let folder = change_events();
    if !folder.exists() {
        return skipped(&folder);
    }
    let text = std::fs::read_to_string(folder.join("expected.json")).unwrap();
    let expected: Json = serde_json::from_str(&text).unwrap();
    for wanted in expected["events"].as_array().unwrap() {
        let json = &schemas(&folder)[wanted["schema_file"].as_str().unwrap()];
        let schema = Schema::parse("x", json).unwrap();
        let payload = wanted["payload_base64"].as_str().unwrap();
        let payload = STANDARD.decode(payload).unwrap();
        for end in 0..payload.len() {
            assert!(schema.decode(&payload[..end]).is_err(), "cut at {end}");
        }
        let longer = [payload.as_slice(), &[0]].concat();
        assert!(schema.decode(&longer).is_err());
    }
}
