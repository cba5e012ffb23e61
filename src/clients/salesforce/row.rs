//! A row of JSON as a snapshot of a record.

use serde_json::{Map, Value as Json};

use crate::clients::salesforce::record_id;
use crate::domain::{Fields, RecordRef, RecordSnapshot, SourceId, Value, Version};

pub const FIELDS_MAX: usize = 500;
/// A long text area holds 131,072 characters of up to four bytes.
pub const VALUE_BYTES_MAX: usize = 4 * 131_072;
/// `Owner.UserRole.Name` is three names deep; SOQL allows five levels up.
const DEPTH_MAX: usize = 6;
/// Change with every save, so they are the version and no fields; the first that is shown counts.
const STAMPS: [&str; 2] = ["SystemModstamp", "LastModifiedDate"];

/// Paths are API names, not values.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error("{0} is missing")]
    Missing(&'static str),
    #[error("{0} has a form that is not understood")]
    Form(String),
    #[error("the row has more than {FIELDS_MAX} fields")]
    TooManyFields,
    #[error("{0} is longer than {VALUE_BYTES_MAX} bytes")]
    TooLong(String),
}

/// Reads one row. Parents become paths (`Owner.Name`); an asked path below a parent that is null
/// is blank, since Salesforce then answers the parent only.
pub fn snapshot(
    source: &SourceId,
    object: &str,
    row: &Json,
    asked: &[String],
) -> Result<RecordSnapshot, Error> {
    let row = row.as_object().ok_or(Error::Missing("Id"))?;
    let id = row
        .get("Id")
        .and_then(Json::as_str)
        .ok_or(Error::Missing("Id"))?;
    let id = record_id::normalise(id).ok_or(Error::Form("Id".into()))?;
    let version = version(row)?;
    let mut fields = Fields::new();
    flatten(&mut fields, "", row, 1)?;
    for path in asked {
        let parent = path.rsplit_once('.').map(|(parent, _)| parent);
        if parent.is_some_and(|parent| blank_above(&fields, parent)) {
            fields.insert(path.clone().into(), Value::Null);
        }
    }
    fields.retain(|path, _| !asked.iter().any(|asked| is_below(asked, path)));
    let record = RecordRef::new(source, object, id).map_err(|_| Error::Form("Id".into()))?;
    Ok(RecordSnapshot {
        record,
        version,
        fields,
        tags: None,
        companies: None,
    })
}

/// Whether `path` or one of its parents is null.
fn blank_above(fields: &Fields, path: &str) -> bool {
    fields.get(path).is_some_and(Value::is_blank)
        || path
            .rsplit_once('.')
            .is_some_and(|(parent, _)| blank_above(fields, parent))
}

fn is_below(path: &str, parent: &str) -> bool {
    path.strip_prefix(parent)
        .is_some_and(|rest| rest.starts_with('.'))
}

fn flatten(
    fields: &mut Fields,
    prefix: &str,
    row: &Map<String, Json>,
    depth: usize,
) -> Result<(), Error> {
    for (name, json) in row {
        let path = format!("{prefix}{name}");
        if name == "attributes" || STAMPS.contains(&path.as_str()) {
            continue;
        }
        match json {
            Json::Object(_) if depth >= DEPTH_MAX => return Err(Error::Form(path)),
            Json::Object(parent) => flatten(fields, &format!("{path}."), parent, depth + 1)?,
            Json::Array(_) => {}
            scalar => {
                let value = value(&path, scalar)?;
                fields.insert(path.into(), value);
            }
        }
        if fields.len() > FIELDS_MAX {
            return Err(Error::TooManyFields);
        }
    }
    Ok(())
}

fn value(path: &str, json: &Json) -> Result<Value, Error> {
    Ok(match json {
        Json::Bool(bool) => Value::Bool(*bool),
        Json::Number(number) => match number.as_i64() {
            Some(int) => Value::Int(int),
            None => number.as_f64().map_or(Value::Null, Value::number),
        },
        Json::String(text) if text.len() > VALUE_BYTES_MAX => {
            return Err(Error::TooLong(path.into()));
        }
        // Standard references end in Id; custom ones end in __c and come in 18 characters.
        Json::String(text) if path.ends_with("Id") => {
            Value::text(record_id::normalise(text).unwrap_or_else(|| text.clone()))
        }
        Json::String(text) => Value::text(text.as_str()),
        _ => Value::Null,
    })
}

/// Salesforce's clock ticks in seconds, whatever milliseconds it prints.
fn version(row: &Map<String, Json>) -> Result<Version, Error> {
    let stamp = STAMPS
        .iter()
        .find_map(|name| row.get(*name).and_then(Json::as_str))
        .ok_or(Error::Missing(STAMPS[0]))?;
    let at: jiff::Timestamp = stamp.parse().map_err(|_| Error::Form(STAMPS[0].into()))?;
    Ok(Version::second(at.as_second()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Name;
    use serde_json::json;

    fn read(row: Json, asked: &[&str]) -> Result<RecordSnapshot, Error> {
        let asked: Vec<String> = asked.iter().map(|path| path.to_string()).collect();
        snapshot(&SourceId::new("org").unwrap(), "Lead", &row, &asked)
    }

    #[test]
    fn parents_become_paths_and_blanks_become_null() {
        let row = json!({
            "attributes": {"type": "Lead", "url": "/x"},
            "Id": "00QD000000IqhSL",
            "Company": "Acme",
            "Title": "  ",
            "NumberOfEmployees": 12.0,
            "AnnualRevenue": 12.5,
            "IsConverted": false,
            "ConvertedContactId": "003D000000IqhSL",
            "Owner": {"attributes": {}, "Name": "Kim", "UserRole": null},
            "SystemModstamp": "2026-01-10T04:23:23.000+0000",
        });
        let asked = ["Owner.Name", "Owner.UserRole.Name", "Title"];
        let snapshot = read(row, &asked).unwrap();
        assert_eq!(snapshot.record.id.len(), 18);
        assert_eq!(snapshot.version, Version::second(1_768_018_994 + 9));
        let expected: Fields = [
            ("AnnualRevenue", Value::number(12.5)),
            ("Company", "Acme".into()),
            ("ConvertedContactId", "003D000000IqhSLIAZ".into()),
            ("Id", "00QD000000IqhSLMAZ".into()),
            ("IsConverted", false.into()),
            ("NumberOfEmployees", 12.into()),
            ("Owner.Name", "Kim".into()),
            ("Owner.UserRole.Name", Value::Null),
            ("Title", Value::Null),
        ]
        .map(|(path, value)| (Name::from(path), value))
        .into();
        assert_eq!(snapshot.fields, expected);
    }

    #[test]
    fn a_row_that_lacks_what_it_must_have_is_refused() {
        let no_stamp = json!({"Id": "00QD000000IqhSL"});
        assert_eq!(read(no_stamp, &[]), Err(Error::Missing("SystemModstamp")));
        let no_id = json!({"SystemModstamp": "2026-01-10T04:23:23Z"});
        assert_eq!(read(no_id, &[]), Err(Error::Missing("Id")));
        let odd = json!({"Id": "x", "SystemModstamp": "2026-01-10T04:23:23Z"});
        assert_eq!(read(odd, &[]), Err(Error::Form("Id".into())));
    }
}
