//! A change as JSON for goldens, and the golden files themselves.

use std::path::{Path, PathBuf};

use crosswalk::domain::{
    Change, EventKind, Fields, Gone, RecordEvent, RecordSnapshot, RefSet, Value, Writer,
};
use serde_json::{Map, Value as Json, json};

pub fn change(change: &Change) -> Json {
    match change {
        Change::Shown(shown) => json!({"shown": snapshot(shown)}),
        Change::Tagged {
            snapshot: shown,
            tag_id,
            tag_name,
            added,
        } => json!({"tagged": {
            "tag_id": tag_id, "tag_name": tag_name, "added": added, "snapshot": snapshot(shown),
        }}),
        Change::Attached {
            company,
            contact,
            attached,
        } => json!({"attached": {
            "attached": attached, "company": snapshot(company), "contact": snapshot(contact),
        }}),
        Change::Merged { survivor, absorbed } => json!({"merged": {
            "absorbed": absorbed.as_ref().map(ToString::to_string),
            "survivor": snapshot(survivor),
        }}),
        Change::Left { record, how, at } => {
            let how = match how {
                Gone::Archived => "archived",
                Gone::Deleted => "deleted",
                Gone::NotFound => "not_found",
                Gone::Converted => "converted",
            };
            let at = at.map(|at| [at.from_ms, at.to_ms]);
            json!({"left": {"record": record.to_string(), "how": how, "version_ms": at}})
        }
        Change::Kept => json!("kept"),
        Change::Event(told) => json!({"event": event(told)}),
        Change::Row(shown) => json!({"row": snapshot(shown)}),
        Change::Imported { run, row } => json!({"imported": {"run": run, "row": snapshot(row)}}),
        Change::TagNamed { tag_id, name } => json!({"tag_named": [tag_id, name]}),
        Change::Swept(row) => json!({"swept": snapshot(row)}),
        Change::SweptGone { record, at } => {
            json!({"swept_gone": [record.to_string(), at.from_ms, at.to_ms]})
        }
        Change::SweepEnded {
            run,
            since,
            until,
            compared,
        } => json!({"sweep_ended": [run, since.0, until.0, compared]}),
        Change::ImportEnded { run, of, rows } => json!({"import_ended": [run, of, rows]}),
    }
}

fn event(told: &RecordEvent) -> Json {
    let kind = match told.kind {
        EventKind::Created => "created",
        EventKind::Updated => "updated",
        EventKind::Deleted => "deleted",
        EventKind::Undeleted => "undeleted",
        EventKind::Gap => "gap",
    };
    let writer = match told.writer {
        Writer::Ours => "ours",
        Writer::OurUser => "our_user",
        Writer::Foreign => "foreign",
    };
    json!({
        "record": told.record.to_string(),
        "kind": kind,
        "version_ms": [told.version.from_ms, told.version.to_ms],
        "fields": fields(&told.fields),
        "unread": told.unread,
        "writer": writer,
        "origin": told.origin,
        "user": told.user,
        "transaction": told.transaction,
        "transaction_sequence": told.transaction_sequence,
    })
}

fn fields(fields: &Fields) -> Map<String, Json> {
    let shown = fields.iter();
    shown
        .map(|(name, held)| (name.to_string(), value(held)))
        .collect()
}

fn snapshot(shown: &RecordSnapshot) -> Json {
    json!({
        "record": shown.record.to_string(),
        "version_ms": [shown.version.from_ms, shown.version.to_ms],
        "fields": fields(&shown.fields),
        "tags": shown.tags.as_ref().map(set),
        "companies": shown.companies.as_ref().map(set),
    })
}

fn set(set: &RefSet) -> Json {
    json!({"ids": set.ids, "complete": set.complete})
}

fn value(value: &Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Bool(bool) => json!(bool),
        Value::Int(int) => json!(int),
        Value::Float(bits) => json!(f64::from_bits(*bits)),
        Value::Text(text) => json!(text),
    }
}

pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/ingest")
}

/// Compares with `<case>.out.json`, or rewrites it where UPDATE_GOLDEN is set.
pub fn check(case: &str, got: &Json) {
    let path = folder().join(format!("{case}.out.json"));
    let got = serde_json::to_string_pretty(got).unwrap() + "\n";
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, got).unwrap();
        return;
    }
    let wanted = std::fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("{}: {error}; run with UPDATE_GOLDEN=1", path.display()));
    assert_eq!(got, wanted, "{case}: differs from {}", path.display());
}
