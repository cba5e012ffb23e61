//! Captured notifications through the real receive path, against goldens of what they mean.
//!
//! The captures are not part of this repository; without them these tests say so and pass, except
//! in CI. Their signatures were not captured: the bytes are signed here.

use std::collections::BTreeMap;
use std::sync::Arc;

use crosswalk::domain::{ObservationBody, Value};
use crosswalk::ingest::intercom::Answer;
use serde_json::{Value as Json, json};

use crate::captures::{folder, skipped};
use crate::ingest_door::{SECRET, receiver, sign, workspace};
use crate::ingest_fake_log::FakeLog;
use crate::ingest_show as show;

fn captures() -> Option<BTreeMap<String, Vec<u8>>> {
    let folder = folder();
    let Ok(files) = std::fs::read_dir(&folder) else {
        skipped(&folder);
        return None;
    };
    let mut captures = BTreeMap::new();
    for file in files {
        let path = file.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        captures.insert(name, std::fs::read(&path).unwrap());
    }
    assert!(
        captures.len() >= 8,
        "captures are missing in {}",
        folder.display()
    );
    Some(captures)
}

#[tokio::test]
async fn a_captured_notification_means_what_its_golden_says() {
    let Some(captures) = captures() else { return };
    for (name, bytes) in captures {
        let log = Arc::new(FakeLog::default());
        let workspaces = vec![workspace("support", "abc123def", SECRET, &[("main", 0)])];
        let (receiver, _thread) = receiver(&log, workspaces);
        let signature = sign(SECRET, &bytes);
        let answer = receiver
            .receive(crate::ingest_door::post(&signature, &bytes))
            .await;
        if name == "ping" {
            // It names a workspace of its own; a ping is answered whoever sends it.
            assert_eq!((answer, log.entries().len()), (Answer::Ping, 0));
            continue;
        }
        assert_eq!(answer, Answer::Accepted, "{name}");
        let observations = log.observations();
        assert_eq!(observations.len(), 1, "{name}");
        let ObservationBody::Changed {
            source,
            topic,
            change,
            raw,
        } = &observations[0].body
        else {
            panic!("{name}: another kind of observation");
        };
        assert_eq!(
            raw.bytes, bytes,
            "{name}: the bytes are not those that came"
        );
        let got = json!({
            "observation_id": observations[0].id.to_string(),
            "source": source.as_str(),
            "topic": topic,
            "change": masked(show::change(change)),
        });
        show::check(&format!("captured_{name}"), &got);
    }
}

/// Captured names and addresses stay out of this repository: a golden holds their hashes.
fn masked(mut change: Json) -> Json {
    let mut parts = vec![&mut change];
    while let Some(part) = parts.pop() {
        let Json::Object(part) = part else { continue };
        for (name, value) in part {
            match (name.as_str(), &*value) {
                ("name" | "email" | "phone", Json::String(text)) => {
                    let hash = hex::encode(Value::text(text.as_str()).hash());
                    *value = json!(format!("{} bytes, hash {}", text.len(), &hash[..8]));
                }
                _ => parts.push(value),
            }
        }
    }
    change
}
