//! The inputs that fuzzing keeps, replayed: what once made a target fail must not again. The
//! fuzzing itself is `make fuzz`.

use std::path::{Path, PathBuf};

use crosswalk::avro;
use crosswalk::domain::{Cursor, Message, SourceId, Timestamp};
use crosswalk::sandbox::salesforce::{Options, Simulated, Topic};
use serde_json::json;

#[path = "../fuzz/entries.rs"]
mod entries;

/// Inputs kept of one target; more is for the machine that fuzzes.
const KEPT_MAX: usize = 60;

fn corpus(target: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    root.join("tests/fuzz/corpus").join(target)
}

#[test]
fn what_fuzzing_found_is_read_or_refused() {
    for (target, entry) in entries::ALL {
        let files = std::fs::read_dir(corpus(target)).unwrap();
        let files: Vec<PathBuf> = files.map(|file| file.unwrap().path()).collect();
        let count = files.len();
        assert!((1..=KEPT_MAX).contains(&count), "{target}: {count} inputs");
        for file in files {
            entry(&std::fs::read(&file).unwrap());
        }
    }
}

/// Each target begins with what is right: `UPDATE_GOLDEN=1` writes it.
#[test]
fn the_corpus_begins_with_every_kind_of_message() {
    for (case, message) in super::schemas::samples::samples() {
        let target = match &message {
            Message::Observation(_) => "observation",
            Message::Journal(_) => "journal",
            Message::Cursor(_) => "cursor",
            _ => continue,
        };
        let bytes = avro::encode(&message).unwrap();
        let entry = entries::ALL.iter().find(|(name, _)| *name == target);
        let (_, entry) = entry.unwrap();
        entry(&bytes);
        // A few of each do: the fuzzer finds its way to the others.
        let is_kept = [
            "row",
            "event",
            "shown",
            "looked_up",
            "retry",
            "cursor",
            "record_linked",
        ];
        let last = case.rsplit('.').next().unwrap();
        if std::env::var("UPDATE_GOLDEN").is_ok() && is_kept.contains(&last) {
            let folder = corpus(target);
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(folder.join(case), bytes).unwrap();
        }
    }
}

const WEBHOOKS: [&str; 6] = [
    "a_changed_company_without_name_is_shown",
    "a_changed_email_is_shown",
    "a_changed_lead_is_shown",
    "a_merge_that_names_the_absorbed_contact",
    "a_lead_was_tagged",
    "a_contact_joined_a_company",
];

fn keep(path: PathBuf, bytes: &[u8]) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, bytes).unwrap();
}

/// What people do with a lead, as the org tells it: the schema and the events.
fn lead_events() -> (String, Vec<Vec<u8>>) {
    let mut org = Simulated::new(&Options::default(), "http://127.0.0.1:1");
    let mut act = |act: serde_json::Value| org.act(&act, NOW).unwrap()["id"].clone();
    let id = act(json!({"verb": "create", "object": "Lead", "fields": {
        "LastName": "Okafor", "Company": "Kestrel", "Email": "ife@kestrel.example"}}));
    let fields = json!({"Title": "Chief", "Phone": "+14155550100"});
    act(json!({"verb": "update", "id": id, "fields": fields}));
    act(json!({"verb": "update", "id": id, "fields": {"Phone": null}}));
    act(json!({"verb": "delete", "id": id}));
    act(json!({"verb": "undelete", "id": id}));
    let events = org.events_after(0, Topic::All, 100, NOW + 1_000);
    let schema = org.schema(&events[0].schema_id).unwrap().to_owned();
    (
        schema,
        events.into_iter().map(|event| event.payload).collect(),
    )
}

const NOW: i64 = 1_768_018_994_000;

#[test]
fn the_other_targets_begin_with_what_the_vendors_send() {
    let updates = std::env::var("UPDATE_GOLDEN").is_ok();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for name in WEBHOOKS {
        let body = root.join(format!("tests/golden/ingest/{name}.in.json"));
        let body = std::fs::read(body).unwrap();
        entries::webhook(&body);
        if updates {
            keep(corpus("webhook").join(name), &body);
        }
    }
    let (schema, payloads) = lead_events();
    assert!(payloads.len() >= 5);
    if updates {
        keep(
            root.join("tests/fuzz/lead_change_event.avsc"),
            schema.as_bytes(),
        );
        for (number, payload) in payloads.iter().enumerate() {
            keep(
                corpus("change_event").join(format!("lead_{number}")),
                payload,
            );
        }
    }
    let kept = std::fs::read_to_string(root.join("tests/fuzz/lead_change_event.avsc"));
    assert_eq!(kept.unwrap(), schema, "UPDATE_GOLDEN=1 writes it anew");
    for (name, position) in POSITIONS {
        let cursor = Message::Cursor(Cursor {
            source: SourceId::new("sales").unwrap(),
            name: format!("{name}/main"),
            position: position.as_bytes().to_vec(),
            at: Timestamp(NOW),
        });
        let bytes = avro::encode(&cursor).unwrap();
        entries::cursor(&bytes);
        if updates {
            keep(corpus("cursor").join(name), &bytes);
        }
    }
    for (name, file) in MAPPINGS {
        entries::mapping(file.as_bytes());
        if updates {
            keep(corpus("mapping").join(name), file.as_bytes());
        }
    }
}

const POSITIONS: [(&str, &str); 2] = [
    (
        "import",
        r#"{"run":1,"phase":2,"after":"00Q000000000001AAA","rows":{"sales":7},"expected":9,
            "unreadable":0,"started_at":1768018994000,"is_anchored":true,"is_over":false}"#,
    ),
    (
        "sweep",
        r#"{"run":7,"since":1768018094000,"until":1768018994000,"phase":1,"after":null,
            "rows":{"sales":7},"is_over":true}"#,
    ),
];

const MAPPINGS: [(&str, &str); 3] = [
    (
        "demo",
        include_str!("../../src/bin/crosswalk/demo/mapping.yaml"),
    ),
    ("empty", ""),
    (
        "unclosed",
        "version: 1\npeople: {objects: {intercom: [contact",
    ),
];
