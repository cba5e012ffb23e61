//! A contact or company as Intercom shows it, webhook or REST, as a snapshot of a record. Pure.
//!
//! The two shapes differ: webhooks carry ISO times with milliseconds, REST whole unix seconds;
//! both become the same fields, so that one record read both ways did not move.

use serde_json::{Map, Value as Json};

use crate::domain::{Fields, RecordRef, RecordSnapshot, RefSet, SourceId, Value, Version};

pub const CONTACT: &str = "contact";
pub const COMPANY: &str = "company";
pub const FIELDS_MAX: usize = 500;
pub const VALUE_BYTES_MAX: usize = 64 * 1024;
pub const PATH_BYTES_MAX: usize = 512;
/// Ids kept of one list; Intercom shows at most ten.
pub const REFS_MAX: usize = 1_000;

/// Paths are names of attributes, never values.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error("{0} is missing")]
    Missing(&'static str),
    #[error("{0} has a form that is not understood")]
    Form(String),
    #[error("the record has more than {FIELDS_MAX} fields")]
    TooManyFields,
    #[error("{0} is longer than allowed")]
    TooLong(String),
}

pub fn contact_snapshot(source: &SourceId, item: &Json) -> Result<RecordSnapshot, Error> {
    let item = item.as_object().ok_or(Error::Missing("contact"))?;
    Ok(RecordSnapshot {
        record: record(source, CONTACT, item)?,
        version: version(item)?,
        fields: fields(item)?,
        tags: listed("tags", item.get("tags"))?,
        companies: listed("companies", item.get("companies"))?,
    })
}

pub fn company_snapshot(source: &SourceId, item: &Json) -> Result<RecordSnapshot, Error> {
    let item = item.as_object().ok_or(Error::Missing("company"))?;
    let mut fields = fields(item)?;
    plan_name(item, &mut fields)?;
    Ok(RecordSnapshot {
        record: record(source, COMPANY, item)?,
        version: version(item)?,
        fields,
        tags: company_tags(item)?,
        companies: None,
    })
}

fn record(source: &SourceId, object: &str, item: &Map<String, Json>) -> Result<RecordRef, Error> {
    let id = item
        .get("id")
        .and_then(Json::as_str)
        .ok_or(Error::Missing("id"))?;
    RecordRef::new(source, object, id).map_err(|_| Error::Form("id".into()))
}

/// Every scalar, by path. Objects give one level of paths, custom attributes too; lists and what
/// lies deeper is left out.
fn fields(item: &Map<String, Json>) -> Result<Fields, Error> {
    let mut fields = Fields::new();
    for (name, json) in item {
        if is_noise(name) {
            continue;
        }
        match json {
            Json::Object(inner) if is_list(inner) => {}
            Json::Object(inner) => {
                for (key, json) in inner.iter().filter(|(key, _)| *key != "type") {
                    insert(&mut fields, format!("{name}.{key}"), json)?;
                }
            }
            _ if name == "created_at" => {
                let second = version_of(json).map(|version| version.from_ms.div_euclid(1000));
                fields.insert(name.clone().into(), second.map_or(Value::Null, Value::Int));
            }
            scalar => insert(&mut fields, name.clone(), scalar)?,
        }
    }
    Ok(fields)
}

/// Times of activity move with every page view. Custom attributes are kept whatever their name.
fn is_noise(name: &str) -> bool {
    name == "type" || (name.ends_with("_at") && name != "created_at")
}

fn is_list(object: &Map<String, Json>) -> bool {
    let kind = object
        .get("type")
        .and_then(Json::as_str)
        .unwrap_or_default();
    kind == "list" || kind.ends_with(".list") || object.get("data").is_some_and(Json::is_array)
}

fn insert(fields: &mut Fields, path: String, json: &Json) -> Result<(), Error> {
    if path.len() > PATH_BYTES_MAX {
        return Err(Error::TooLong("the name of a field".into()));
    }
    let value = match json {
        Json::Null => Value::Null,
        Json::Bool(bool) => Value::Bool(*bool),
        Json::Number(number) => match number.as_i64() {
            Some(int) => Value::Int(int),
            None => number.as_f64().map_or(Value::Null, Value::number),
        },
        Json::String(text) if text.len() > VALUE_BYTES_MAX => return Err(Error::TooLong(path)),
        Json::String(text) => Value::text(text.as_str()),
        Json::Array(_) | Json::Object(_) => return Ok(()),
    };
    if fields.len() >= FIELDS_MAX {
        return Err(Error::TooManyFields);
    }
    fields.insert(path.into(), value);
    Ok(())
}

/// `plan` is null, an object with a name, or (as it is written) a text: always `plan.name`.
fn plan_name(item: &Map<String, Json>, fields: &mut Fields) -> Result<(), Error> {
    match item.get("plan") {
        Some(plan @ (Json::Null | Json::String(_))) => {
            fields.remove("plan");
            insert(fields, "plan.name".into(), plan)
        }
        _ => Ok(()),
    }
}

fn version(item: &Map<String, Json>) -> Result<Version, Error> {
    match item.get("updated_at") {
        None | Some(Json::Null) => Err(Error::Missing("updated_at")),
        Some(json) => version_of(json).ok_or(Error::Form("updated_at".into())),
    }
}

/// ISO text with a fraction is exact to the millisecond; anything else is a whole second.
fn version_of(json: &Json) -> Option<Version> {
    match json {
        Json::Number(seconds) => seconds.as_i64().map(Version::second),
        Json::String(text) => {
            let at: jiff::Timestamp = text.parse().ok()?;
            if text.contains('.') {
                Some(Version::exact_ms(at.as_millisecond()))
            } else {
                Some(Version::second(at.as_second()))
            }
        }
        _ => None,
    }
}

/// `{data: [{id}], total_count, has_more}`; complete only if the source says so twice.
fn listed(path: &str, json: Option<&Json>) -> Result<Option<RefSet>, Error> {
    let data = match json {
        None | Some(Json::Null) => return Ok(None),
        Some(json) => json["data"].as_array(),
    };
    let (Some(data), Some(json)) = (data, json) else {
        return Err(Error::Form(format!("{path}.data")));
    };
    let has_more = json["has_more"].as_bool().unwrap_or(false);
    let counted = json["total_count"].as_u64() == Some(data.len() as u64);
    ids(path, data, !has_more && counted).map(Some)
}

/// Webhooks list `tag_ids`, REST `tags.tags`; neither is said to be cut short.
fn company_tags(item: &Map<String, Json>) -> Result<Option<RefSet>, Error> {
    if let Some(Json::Array(tag_ids)) = item.get("tag_ids") {
        return ids("tag_ids", tag_ids, true).map(Some);
    }
    match item.get("tags") {
        None | Some(Json::Null) => Ok(None),
        Some(tags) => match (&tags["tags"], &tags["data"]) {
            (Json::Array(entries), _) => ids("tags.tags", entries, true).map(Some),
            (_, Json::Array(_)) => listed("tags", Some(tags)),
            _ => Err(Error::Form("tags".into())),
        },
    }
}

/// Entries are ids or objects with one; some ids come as numbers.
fn ids(path: &str, entries: &[Json], complete: bool) -> Result<RefSet, Error> {
    if entries.len() > REFS_MAX {
        return Err(Error::TooLong(path.into()));
    }
    let mut set = RefSet {
        complete,
        ..RefSet::default()
    };
    for entry in entries {
        let id = if entry.is_object() {
            &entry["id"]
        } else {
            entry
        };
        let id = match id {
            Json::String(id) if !id.is_empty() && id.len() <= 255 => id.clone(),
            Json::Number(id) => id.to_string(),
            _ => return Err(Error::Form(path.into())),
        };
        set.ids.insert(id);
    }
    Ok(set)
}

#[cfg(test)]
mod tests;
