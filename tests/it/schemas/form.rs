//! Every schema file keeps the rules of `schemas/README.md`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crosswalk::avro::files::FILES;
use crosswalk::avro::schemas::{Subject, assembled};
use serde_json::{Value as Json, json};

use super::repository;

fn schema_files(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let is_stored = path.ends_with("released") || path.ends_with("examples");
        if path.is_dir() && !is_stored {
            schema_files(&path, found);
        } else if path
            .extension()
            .is_some_and(|extension| extension == "avsc")
        {
            found.push(path);
        }
    }
}

fn all() -> Vec<(String, Json)> {
    let root = repository("schemas");
    let mut files = Vec::new();
    schema_files(&root, &mut files);
    let read = |path: PathBuf| {
        let text = std::fs::read_to_string(&path).unwrap();
        let name = path.strip_prefix(&root).unwrap().display().to_string();
        let json = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
        (name, json)
    };
    files.into_iter().map(read).collect()
}

fn full_name(schema: &Json) -> String {
    let text = |field: &str| {
        schema[field]
            .as_str()
            .expect("a type has a name")
            .to_owned()
    };
    format!("{}.{}", text("namespace"), text("name"))
}

fn snake(name: &str) -> String {
    let mut out = String::new();
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && !out.is_empty() {
            out.push('_');
        }
        out.push(letter.to_ascii_lowercase());
    }
    out
}

#[test]
fn each_file_holds_the_type_it_is_named_for() {
    for (file, schema) in all() {
        let name = full_name(&schema);
        let name = name.strip_prefix("crosswalk.").expect("every type is ours");
        let path = name.replace('.', "/");
        let (directory, name) = path.rsplit_once('/').unwrap_or(("", &path));
        let expected = Path::new(directory).join(format!("{}.v1.avsc", snake(name)));
        assert_eq!(Path::new(&file), expected);
    }
}

#[test]
fn the_codec_embeds_every_file() {
    let files: BTreeSet<String> = all().iter().map(|(_, schema)| full_name(schema)).collect();
    let embedded: BTreeSet<String> = FILES.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(files, embedded);
    for (name, text) in FILES {
        let schema: Json = serde_json::from_str(text).unwrap();
        assert_eq!(full_name(&schema), name);
    }
}

#[test]
fn every_type_and_every_field_is_documented() {
    for (file, schema) in all() {
        let is_said = |doc: &Json| doc.as_str().is_some_and(|doc| doc.ends_with('.'));
        assert!(is_said(&schema["doc"]), "{file} has no doc");
        for field in schema["fields"].as_array().into_iter().flatten() {
            assert!(
                is_said(&field["doc"]),
                "{file}: {} has no doc",
                field["name"]
            );
        }
    }
}

#[test]
fn enums_begin_with_unknown_and_fall_back_to_it() {
    for (file, schema) in all() {
        if schema["type"] == "enum" {
            assert_eq!(schema["symbols"][0], "UNKNOWN", "{file}");
            assert_eq!(schema["default"], "UNKNOWN", "{file}");
        }
    }
}

#[test]
fn what_is_optional_is_null_first_and_by_default() {
    for (file, schema) in all() {
        for field in schema["fields"].as_array().into_iter().flatten() {
            let branches = field["type"].as_array().map_or(&[][..], Vec::as_slice);
            if branches.len() == 2 && branches.contains(&json!("null")) {
                let name = &field["name"];
                assert_eq!(branches[0], "null", "{file}: {name}");
                assert_eq!(field.get("default"), Some(&Json::Null), "{file}: {name}");
            }
        }
    }
}

#[test]
fn fields_that_hold_values_are_marked_as_personal() {
    let value = json!(["null", "boolean", "long", "double", "string"]);
    for (file, schema) in all() {
        for field in schema["fields"].as_array().into_iter().flatten() {
            let holds_values = field["type"].to_string().contains(&value.to_string());
            let holds_bytes = field["name"] == "bytes";
            if holds_values || holds_bytes {
                assert_eq!(field["pii"], json!(true), "{file}: {}", field["name"]);
            }
            assert!(field.get("pii").is_none_or(|pii| *pii == true), "{file}");
        }
    }
}

/// A text or a map could carry a value without a mark: canonical events have neither.
#[test]
fn a_customer_event_has_no_place_for_a_value() {
    let event = assembled(Subject::CustomerEvent);
    let fields = event["fields"].as_array().unwrap();
    let open = fields.iter().filter(|field| {
        let kind = field["type"].to_string();
        kind.contains("\"map\"") || kind.contains("\"double\"") || kind.contains("\"bytes\"")
    });
    assert_eq!(open.count(), 0);
    let texts = fields.iter().filter(|field| field["type"] == "string");
    let texts: Vec<&Json> = texts.map(|field| &field["name"]).collect();
    assert_eq!(texts, ["bridge"]);
}

#[test]
fn topics_that_people_read_freely_hold_nothing_personal() {
    let free = [
        Subject::Trace,
        Subject::Notification,
        Subject::Decision,
        Subject::Cursor,
        Subject::SourceSchema,
        Subject::CustomerEvent,
    ];
    for subject in free {
        assert!(
            !assembled(subject).to_string().contains("\"pii\""),
            "{subject:?}"
        );
    }
    for subject in [Subject::Journal, Subject::Profile] {
        assert!(assembled(subject).to_string().contains("\"pii\""));
    }
}
