//! Today's reader reads what every release wrote: the check, and proof that it bites.

use std::collections::BTreeMap;

use apache_avro::Schema;
use apache_avro::schema_compatibility::{Compatibility, SchemaCompatibility};
use crosswalk::avro::released::RELEASED;
use crosswalk::avro::schemas::{Subject, assembled};
use serde_json::{Value as Json, json};

use super::{is_update, release, repository};

/// Refuses a reader that cannot read everything the writer may have written.
///
/// Types are compared one by one, by name, with references in place of nested definitions:
/// apache-avro compares a definition with a reference as different things, and where a type is
/// first defined is no part of what it is. A lost symbol would fall back to the default and a lost
/// branch be only partly unreadable; both are refused.
fn check(writer: &Json, reader: &Json) -> Result<(), String> {
    if full_name(writer) != full_name(reader) {
        return Err("the value record has another name".to_owned());
    }
    let (writers, readers) = (definitions(writer), definitions(reader));
    let (parsed_writers, parsed_readers) = (parse(&writers)?, parse(&readers)?);
    for (name, written) in &writers {
        let Some(read) = readers.get(name) else {
            return Err(format!("{name} was removed"));
        };
        let symbols = |schema: &Json| schema["symbols"].as_array().cloned().unwrap_or_default();
        let known = symbols(read);
        if let Some(lost) = symbols(written)
            .iter()
            .find(|symbol| !known.contains(symbol))
        {
            return Err(format!("{name} lost {lost}"));
        }
        match SchemaCompatibility::can_read(&parsed_writers[name], &parsed_readers[name]) {
            Ok(Compatibility::Full) => {}
            Ok(Compatibility::Partial) => return Err(format!("{name} is read only in part")),
            Err(error) => return Err(format!("{name}: {error}")),
        }
    }
    Ok(())
}

fn full_name(schema: &Json) -> String {
    let text = |field: &str| schema[field].as_str().unwrap_or_default();
    format!("{}.{}", text("namespace"), text("name"))
}

/// Every named type with references in place of the types inside it.
fn definitions(schema: &Json) -> BTreeMap<String, Json> {
    let mut found = BTreeMap::new();
    flatten(schema, &mut found);
    found
}

fn flatten(schema: &Json, found: &mut BTreeMap<String, Json>) -> Json {
    match schema {
        Json::Array(branches) => branches
            .iter()
            .map(|branch| flatten(branch, found))
            .collect(),
        Json::Object(_) => {
            let mut flat = schema.clone();
            for inner in ["items", "values"] {
                if let Some(kind) = schema.get(inner) {
                    flat[inner] = flatten(kind, found);
                }
            }
            let fields = flat.get_mut("fields").and_then(Json::as_array_mut);
            for field in fields.into_iter().flatten() {
                field["type"] = flatten(&field["type"], found);
            }
            if schema.get("name").is_none() {
                return flat;
            }
            let name = full_name(schema);
            found.insert(name.clone(), flat);
            Json::String(name)
        }
        other => other.clone(),
    }
}

fn parse(definitions: &BTreeMap<String, Json>) -> Result<BTreeMap<String, Schema>, String> {
    let texts = definitions.values().map(Json::to_string);
    let schemas = Schema::parse_list(texts).map_err(|error| error.to_string())?;
    Ok(definitions.keys().cloned().zip(schemas).collect())
}

#[test]
fn todays_reader_reads_every_released_schema() {
    for (subject, version, text) in RELEASED {
        let written: Json = serde_json::from_str(text).unwrap();
        let checked = check(&written, &assembled(subject));
        assert_eq!(checked, Ok(()), "{subject:?} as released in {version}");
    }
}

#[test]
fn the_codec_embeds_every_released_file() {
    let mut files = Vec::new();
    for version in std::fs::read_dir(repository("schemas/released")).unwrap() {
        let version = version.unwrap();
        for file in std::fs::read_dir(version.path()).unwrap() {
            let name = file.unwrap().file_name().into_string().unwrap();
            files.push((version.file_name().into_string().unwrap(), name));
        }
    }
    let embedded = RELEASED
        .map(|(subject, version, _)| (version.to_owned(), format!("{}.avsc", subject.file_name())));
    let mut embedded = embedded.to_vec();
    files.sort();
    embedded.sort();
    assert_eq!(files, embedded);
}

/// Until a version ships, its set is today's. A shipped one is never rewritten: raise the version.
#[test]
fn the_set_of_this_version_is_todays() {
    for subject in Subject::ALL {
        let file = format!(
            "schemas/released/{}/{}.avsc",
            release(),
            subject.file_name()
        );
        let path = repository(&file);
        let today = format!("{:#}\n", assembled(subject));
        if is_update() {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, today).unwrap();
            continue;
        }
        let stored = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            stored == today,
            "{file} differs from today's: see schemas/README.md"
        );
    }
}

/// Changes a copy of today's journal schema and says what the check makes of it.
fn changed(change: impl FnOnce(&mut Json)) -> Result<(), String> {
    let today = assembled(Subject::Journal);
    let mut tomorrow = today.clone();
    change(&mut tomorrow);
    assert_ne!(today, tomorrow, "the change changed nothing");
    check(&today, &tomorrow)
}

fn field<'j>(record: &'j mut Json, name: &str) -> &'j mut Json {
    let fields = record["fields"].as_array_mut().unwrap();
    fields
        .iter_mut()
        .find(|field| field["name"] == name)
        .unwrap()
}

fn event<'j>(journal: &'j mut Json, name: &str) -> &'j mut Json {
    let branches = field(journal, "body")["type"].as_array_mut().unwrap();
    branches
        .iter_mut()
        .find(|branch| branch["name"] == name)
        .unwrap()
}

#[test]
fn a_change_that_breaks_reading_is_caught() {
    let caught = |what: &str, change: &dyn Fn(&mut Json)| {
        let checked = changed(change);
        assert!(checked.is_err(), "{what} was not caught");
    };
    caught("a new field without a default", &|journal| {
        let fields = journal["fields"].as_array_mut().unwrap();
        fields.push(json!({ "name": "added", "type": "long" }));
    });
    caught("a changed type", &|journal| {
        field(journal, "sequence")["type"] = json!("string");
    });
    caught("a changed type deep inside", &|journal| {
        let founded = event(journal, "CustomerFounded");
        let record = &mut field(founded, "record")["type"];
        field(record, "id")["type"] = json!("long");
    });
    caught("a lost event", &|journal| {
        let branches = field(journal, "body")["type"].as_array_mut().unwrap();
        branches.retain(|branch| branch["name"] != "TimeAdvanced");
    });
    caught("a renamed event", &|journal| {
        event(journal, "TimeAdvanced")["name"] = json!("TimeMoved");
    });
    caught("a lost symbol", &|journal| {
        let founded = event(journal, "CustomerFounded");
        let symbols = field(founded, "kind")["type"]["symbols"]
            .as_array_mut()
            .unwrap();
        symbols.retain(|symbol| symbol != "COMPANY");
    });
    caught("an optional field that became required", &|journal| {
        let cause = field(journal, "cause");
        cause["type"] = cause["type"][1].clone();
        cause.as_object_mut().unwrap().remove("default");
    });
    caught("another size of an id", &|journal| {
        field(journal, "cause")["type"][1]["size"] = json!(20);
    });
}

#[test]
fn a_change_that_keeps_reading_passes() {
    let passes = |what: &str, change: &dyn Fn(&mut Json)| {
        assert_eq!(changed(change), Ok(()), "{what}");
    };
    passes("a new optional field", &|journal| {
        let fields = journal["fields"].as_array_mut().unwrap();
        let kind = json!(["null", "long"]);
        fields.push(json!({ "name": "added", "type": kind, "default": null }));
    });
    passes("a new event", &|journal| {
        let branches = field(journal, "body")["type"].as_array_mut().unwrap();
        let namespace = "crosswalk.journal";
        branches.push(json!({
            "type": "record", "name": "Added", "namespace": namespace, "fields": []
        }));
    });
    passes("a new symbol", &|journal| {
        let founded = event(journal, "CustomerFounded");
        let symbols = field(founded, "kind")["type"]["symbols"]
            .as_array_mut()
            .unwrap();
        symbols.push(json!("HOUSEHOLD"));
    });
    passes("better words", &|journal| {
        journal["doc"] = json!("One line of the journal, said better.");
    });
}
