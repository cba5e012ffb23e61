//! Events that we minted from the facts, flattened, each against its golden.

use std::path::{Path, PathBuf};

use crosswalk::clients::salesforce::pubsub::change::{ChangeEvent, Extent, RecordTarget, Schema};
use serde_json::{Map, Value as Json, json};

use super::encode;
use super::shown;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/change_events")
}

fn told(event: &ChangeEvent<'_>) -> Json {
    let flat = event.flatten();
    let extent = match flat.extent {
        Extent::Full => "full",
        Extent::Delta => "delta",
        Extent::HeaderOnly => "header_only",
    };
    let fields = flat.fields.iter();
    let fields: Map<String, Json> = fields
        .map(|(name, v)| (name.to_string(), shown(v)))
        .collect();
    let targets = event
        .targets()
        .unwrap()
        .into_iter()
        .map(|target| match target {
            RecordTarget::One(id) => json!(id),
            RecordTarget::Wildcard { prefix } => json!({"every": prefix}),
            RecordTarget::Overflow => json!("overflow"),
        });
    let anomalies = event.anomalies.iter().map(ToString::to_string);
    json!({
        "change_type": event.header.change_type.as_str(),
        "is_gap": event.header.change_type.is_gap(),
        "targets": targets.collect::<Vec<_>>(),
        "client_token": event.header.client_token(),
        "changed": event.header.changed,
        "nulled": event.header.nulled,
        "diff": event.header.diff,
        "anomalies": anomalies.collect::<Vec<_>>(),
        "extent": extent,
        "fields": fields,
        "unread": flat.unread,
        "modified_ms": flat.modified_ms,
    })
}

#[test]
fn every_minted_event_means_what_its_golden_says() {
    let mut cases: Vec<String> = std::fs::read_dir(folder())
        .unwrap()
        .filter_map(|file| file.unwrap().file_name().into_string().ok())
        .filter_map(|name| name.strip_suffix(".in.json").map(str::to_owned))
        .collect();
    cases.sort();
    assert!(cases.len() >= 15, "only {} cases", cases.len());
    for case in cases {
        let text = std::fs::read_to_string(folder().join(format!("{case}.in.json"))).unwrap();
        let event: Json = serde_json::from_str(&text).unwrap();
        let schema = match event["ChangeEventHeader"]["entityName"].as_str() {
            Some("Account") => encode::account(),
            _ => encode::lead(),
        };
        let payload = encode::datum(&schema, &event);
        let schema = Schema::parse("minted", &schema.to_string()).unwrap();
        check(&case, &told(&schema.decode(&payload).unwrap()));
    }
}

fn check(case: &str, got: &Json) {
    let path = folder().join(format!("{case}.out.json"));
    let got = serde_json::to_string_pretty(got).unwrap() + "\n";
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        return std::fs::write(path, got).unwrap();
    }
    let wanted = std::fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("{}: {error}; run make golden", path.display()));
    assert_eq!(got, wanted, "{case}; run make golden and read the diff");
}
