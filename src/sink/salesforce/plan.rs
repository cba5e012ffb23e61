//! A command as requests to Salesforce, and what a read before a repeat means. Pure.

use serde_json::{Map, Value as Json};

use crate::clients::salesforce::{Select, Update, Upsert, soql};
use crate::domain::{FieldWrite, LookupQuery, RecordRef, RecordSnapshot, RejectClass, Rejection};
use crate::domain::{ObjectName, Value, WriteCommand};
use crate::sink::retry;

/// Comes with every read: it is the version.
const STAMP: &str = "SystemModstamp";
/// A converted lead cannot be written; the processor goes on with the contact it became.
const OF_LEADS: [&str; 2] = ["IsConverted", "ConvertedContactId"];
/// What is asked of the row of a record that left.
const OF_GONE: [&str; 4] = ["Id", "IsDeleted", "MasterRecordId", STAMP];
/// Rows beyond what a lookup may answer, to know that there are more.
const ROWS_MAX: u32 = 200;

/// How one record is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Read {
    ById {
        object: String,
        id: String,
        fields: Vec<String>,
    },
    /// Fields of parents (`Owner.Name`) can be asked of a query only.
    Search(Select),
}

/// What a record shows before a repeated write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// All target values are in place.
    InPlace,
    /// Every field holds what was expected or what is wanted.
    Open,
    /// Somebody else changed a field in between.
    Changed,
}

pub fn update(record: &RecordRef, write: &WriteCommand) -> Update {
    Update {
        object: record.object.to_string(),
        id: record.id.clone(),
        body: body(&write.fields, ""),
        auto_assign: write.auto_assign,
    }
}

/// The key stands in the address and must not stand in the body.
pub fn create(
    object: &ObjectName,
    key_field: &str,
    key_value: &str,
    write: &WriteCommand,
) -> Upsert {
    Upsert {
        object: object.to_string(),
        key_field: key_field.to_string(),
        key_value: key_value.to_string(),
        body: body(&write.fields, key_field),
        auto_assign: write.auto_assign,
    }
}

/// The read of a record by id.
pub fn read(record: &RecordRef, fields: &[String]) -> Result<Read, Box<Rejection>> {
    let object = record.object.to_string();
    let fields = asked(&object, fields)?;
    if fields.iter().any(|field| field.contains('.')) {
        return Ok(Read::Search(Select {
            object,
            fields,
            any_of: vec![("Id".into(), record.id.clone())],
            rows_max: 1,
        }));
    }
    let id = record.id.clone();
    Ok(Read::ById { object, id, fields })
}

/// The question for the row of a record that left, and the fields that it asks for: only a query
/// of deleted rows too shows it, and `MasterRecordId` is shown by no other.
pub fn gone(record: &RecordRef) -> Result<(String, Vec<String>), Box<Rejection>> {
    let object = record.object.as_str();
    soql::check_name(object).map_err(|error| not_askable(&error))?;
    let asked = OF_GONE.map(str::to_owned).to_vec();
    let (fields, id) = (OF_GONE.join(", "), soql::literal(&record.id));
    let soql = format!("SELECT {fields} FROM {object} WHERE Id = {id} LIMIT 1");
    Ok((soql, asked))
}

/// The search for a record that an earlier create may have made. Two rows tell that the key is
/// not unique.
pub fn find_created(
    object: &ObjectName,
    key_field: &str,
    key_value: &str,
    write: &WriteCommand,
) -> Result<Select, Box<Rejection>> {
    let names: Vec<String> = std::iter::once(key_field.to_string())
        .chain(write.fields.iter().map(|field| field.name.to_string()))
        .collect();
    search(Select {
        object: object.to_string(),
        fields: asked(object.as_str(), &names)?,
        any_of: vec![(key_field.to_string().into(), key_value.to_string())],
        rows_max: 2,
    })
}

/// One query of a lookup; it asks for one row more than may be answered. None if it names no
/// identifier, which no record can match.
pub fn lookup(query: &LookupQuery) -> Result<Option<Select>, Box<Rejection>> {
    if query.any_of.is_empty() || query.rows_max == 0 {
        return Ok(None);
    }
    search(Select {
        object: query.object.to_string(),
        fields: asked(query.object.as_str(), &query.fields)?,
        any_of: query.any_of.clone(),
        rows_max: query.rows_max.min(ROWS_MAX) + 1,
    })
    .map(Some)
}

/// Compares what is there with what a write expects and wants.
pub fn standing(fields: &[FieldWrite], snapshot: &RecordSnapshot) -> Standing {
    let seen = |field: &FieldWrite| {
        snapshot
            .fields
            .get(&field.name)
            .cloned()
            .unwrap_or_default()
    };
    if fields.iter().all(|field| same(&field.value, &seen(field))) {
        Standing::InPlace
    } else if fields
        .iter()
        .all(|field| same(&field.value, &seen(field)) || same(&field.expect, &seen(field)))
    {
        Standing::Open
    } else {
        Standing::Changed
    }
}

/// Salesforce trims text, and a number or a checkbox may have been written as text.
fn same(ours: &Value, theirs: &Value) -> bool {
    ours == theirs || ours.display().trim() == theirs.display().trim()
}

fn search(select: Select) -> Result<Select, Box<Rejection>> {
    match select.to_soql() {
        Ok(_) => Ok(select),
        Err(error) => Err(not_askable(&error)),
    }
}

/// Id, the fields in the order given, what leads always show, the version; each once.
fn asked(object: &str, fields: &[String]) -> Result<Vec<String>, Box<Rejection>> {
    let leads = if object == "Lead" { &OF_LEADS[..] } else { &[] };
    let mut asked = vec!["Id".to_string()];
    let always = leads.iter().chain(&[STAMP]).map(|name| name.to_string());
    for name in fields.iter().cloned().chain(always) {
        soql::check_name(&name).map_err(|error| not_askable(&error))?;
        if !asked.contains(&name) {
            asked.push(name);
        }
    }
    Ok(asked)
}

fn not_askable(error: &soql::Error) -> Box<Rejection> {
    let hint = match error {
        soql::Error::Name(name) => format!("write {name} in the mapping as its API name"),
        soql::Error::NoCondition => "name an identifier to search by in the mapping".into(),
        soql::Error::TooLong(_) => "ask for fewer or shorter values in the mapping".into(),
    };
    let text = error.to_string();
    Box::new(retry::ours(
        RejectClass::BadData,
        "NOT_ASKABLE",
        &text,
        &hint,
    ))
}

fn body(fields: &[FieldWrite], key_field: &str) -> Map<String, Json> {
    fields
        .iter()
        .filter(|field| field.name != "Id" && field.name != key_field)
        .map(|field| (field.name.to_string(), json(&field.value)))
        .collect()
}

fn json(value: &Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Bool(bool) => Json::Bool(*bool),
        Value::Int(int) => Json::from(*int),
        Value::Float(bits) => Json::from(f64::from_bits(*bits)),
        Value::Text(text) => Json::from(&**text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Name, SourceId, Version};

    /// How a record stands that shows `seen`, for a write from `expect` to `value`.
    fn stands(expect: Value, value: Value, seen: Value) -> Standing {
        let org = SourceId::new("org").unwrap();
        let name = Name::from("Title");
        let snapshot = RecordSnapshot {
            record: RecordRef::new(&org, "Lead", "1").unwrap(),
            version: Version::default(),
            fields: [(name.clone(), seen)].into(),
            tags: None,
            companies: None,
        };
        standing(
            &[FieldWrite {
                name,
                value,
                expect,
            }],
            &snapshot,
        )
    }

    #[test]
    fn a_record_stands_in_place_open_or_changed() {
        let text = |text: &str| Value::text(text);
        let cases = [
            (text("old"), text("new"), text("new"), Standing::InPlace),
            (text("old"), text("new"), text("old"), Standing::Open),
            (text("old"), text("new"), text("other"), Standing::Changed),
            (text("old"), text("new"), Value::Null, Standing::Changed),
            (Value::Null, text("new"), Value::Null, Standing::Open),
            (text("old"), Value::Null, Value::Null, Standing::InPlace),
            (text("old"), text(" new "), text("new"), Standing::InPlace),
            (text("1"), text("2"), Value::Int(2), Standing::InPlace),
            (Value::Null, true.into(), false.into(), Standing::Changed),
        ];
        for (expect, value, seen, standing) in cases {
            assert_eq!(stands(expect, value, seen), standing);
        }
    }

    #[test]
    fn one_foreign_value_among_many_fields_stops_the_write() {
        let org = SourceId::new("org").unwrap();
        let field = |name: &str| FieldWrite {
            name: name.into(),
            value: "new".into(),
            expect: "old".into(),
        };
        let fields = [("A", "new"), ("B", "old"), ("C", "other")];
        let mut snapshot = RecordSnapshot {
            record: RecordRef::new(&org, "Lead", "1").unwrap(),
            version: Version::default(),
            fields: fields
                .map(|(name, value)| (Name::from(name), value.into()))
                .into(),
            tags: None,
            companies: None,
        };
        let writes = ["A", "B", "C"].map(field);
        assert_eq!(standing(&writes, &snapshot), Standing::Changed);
        snapshot.fields.insert("C".into(), "old".into());
        assert_eq!(standing(&writes, &snapshot), Standing::Open);
    }
}
