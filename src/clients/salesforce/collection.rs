//! sObject Collections: up to 200 rows of one object in one request, each with its own answer.

use serde_json::{Map, Value as Json, json};

use crate::clients::error::{Error, Refusal};
use crate::clients::salesforce::client::Upserted;
use crate::clients::salesforce::{record_id, wire};

/// Rows that Salesforce takes in one request.
pub const ROWS_MAX: usize = 200;

/// What a row's refusal would have as status if it had been sent by itself: codes tell the rest.
const ROW_STATUS: u16 = 400;

/// Rows of one object, to be written independently of one another.
#[derive(Clone, Debug, PartialEq)]
pub struct Collection {
    pub object: String,
    /// The external id of an upsert, which stands in each row. None for updates by `id`.
    pub key_field: Option<String>,
    /// The fields of each row, without `attributes`.
    pub rows: Vec<Map<String, Json>>,
    pub auto_assign: bool,
}

/// What was answered for one row.
pub type Row = Result<Upserted, Refusal>;

impl Collection {
    pub fn body(&self) -> Map<String, Json> {
        let records = self.rows.iter().map(|row| {
            let mut record = Map::new();
            record.insert("attributes".into(), json!({"type": self.object}));
            record.extend(row.clone());
            Json::Object(record)
        });
        let records: Vec<Json> = records.collect();
        let mut body = Map::new();
        body.insert("allOrNone".into(), false.into());
        body.insert("records".into(), records.into());
        body
    }
}

/// The answers of a request with `asked` rows, in their order; None for a row that has none. What
/// has another number of answers tells nothing of any row.
pub fn rows(body: &[u8], asked: usize) -> Result<Vec<Option<Row>>, Error> {
    let unreadable = |reason: &str| Error::Malformed {
        step: "collection",
        reason: reason.into(),
    };
    match serde_json::from_slice(body) {
        Ok(Json::Array(entries)) if entries.len() == asked => Ok(entries.iter().map(row).collect()),
        Ok(Json::Array(_)) => Err(unreadable("another number of rows")),
        Ok(_) => Err(unreadable("no rows")),
        Err(_) => Err(unreadable("not JSON")),
    }
}

fn row(entry: &Json) -> Option<Row> {
    if entry["success"].as_bool()? {
        return Some(Ok(Upserted {
            id: entry["id"].as_str().and_then(record_id::normalise),
            created: entry["created"].as_bool().unwrap_or(false),
        }));
    }
    let errors = entry["errors"]
        .as_array()
        .filter(|errors| !errors.is_empty());
    errors.map(|_| Err(wire::refusal_of(ROW_STATUS, &entry["errors"])))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_row_has_its_own_answer() {
        let body = json!([
            {"id": "00QD000000IqhSL", "success": true, "errors": [], "created": true},
            {"id": "00QD000000IqhSMMAZ", "success": true, "errors": []},
            {"success": false, "errors": [
                {"statusCode": "STRING_TOO_LONG", "message": "too long", "fields": ["Title"]}]},
            {"success": false, "errors": []},
            null,
        ]);
        let rows = rows(body.to_string().as_bytes(), 5).unwrap();
        let made = rows[0].as_ref().unwrap().as_ref().unwrap();
        let changed = rows[1].as_ref().unwrap().as_ref().unwrap();
        assert_eq!(made.id.as_deref(), Some("00QD000000IqhSLMAZ"));
        assert_eq!((made.created, changed.created), (true, false));
        let refusal = rows[2].as_ref().unwrap().as_ref().unwrap_err();
        assert_eq!(refusal.to_string(), "status 400, STRING_TOO_LONG");
        assert_eq!(refusal.problems[0].fields, ["Title"]);
        assert_eq!(rows[3..], [None, None]);
    }

    #[test]
    fn an_answer_of_another_length_is_not_laid_over_the_rows() {
        for body in ["[]", r#"[{"success": true}]"#, "{}", "", "<html>"] {
            assert!(rows(body.as_bytes(), 2).is_err(), "{body}");
        }
    }

    #[test]
    fn a_body_names_the_object_in_each_row_and_lets_the_others_stand() {
        let mut row = Map::new();
        row.insert("id".into(), "00QD000000IqhSLMAZ".into());
        let collection = Collection {
            object: "Lead".into(),
            key_field: None,
            rows: vec![row],
            auto_assign: false,
        };
        let expected = json!({"allOrNone": false, "records": [
            {"attributes": {"type": "Lead"}, "id": "00QD000000IqhSLMAZ"}]});
        assert_eq!(Json::Object(collection.body()), expected);
    }
}
