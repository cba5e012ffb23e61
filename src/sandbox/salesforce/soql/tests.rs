//! Tests of the query language.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::sandbox::salesforce::errors::Refusal;
use crate::sandbox::salesforce::schema::Kind;
use crate::sandbox::salesforce::soql::{Lookup, Selection, holds, parse};

struct Row(BTreeMap<&'static str, (Value, Kind)>);

impl Lookup for Row {
    fn value(&self, path: &str) -> Result<(Value, Kind), Refusal> {
        let found = self.0.get(path).cloned();
        found.ok_or_else(|| Refusal::no_such_column(path, "Lead"))
    }
}

fn row() -> Row {
    let text = Kind::Text { length: 80 };
    Row(BTreeMap::from([
        ("LastName", (json!("O'Neil"), text)),
        ("Email", (json!("Ann@Example.com"), Kind::Email)),
        ("Title", (Value::Null, text)),
        ("Path", (json!(r"a\b%"), text)),
        ("IsConverted", (json!(false), Kind::Boolean)),
        ("NumberOfEmployees", (json!(12), Kind::Integer)),
        ("Owner.Name", (json!("Rosa"), text)),
        (
            "LastModifiedDate",
            (json!("2026-01-10T04:11:34.000+0000"), Kind::DateTime),
        ),
    ]))
}

fn check(condition: &str, expected: bool) {
    let query = parse(&format!("SELECT Id FROM Lead WHERE {condition}")).expect("parses");
    let condition_read = query.condition.expect("a condition");
    assert_eq!(holds(&condition_read, &row()), Ok(expected), "{condition}");
}

fn refuse(text: &str, code: &str) {
    let outcome = parse(text).and_then(|query| match query.condition {
        Some(condition) => holds(&condition, &row()),
        None => Ok(true),
    });
    assert_eq!(outcome.expect_err(text).code, code, "{text}");
}

#[test]
fn conditions_hold_as_the_vendor_evaluates_them() {
    check("LastName = 'o\\'neil'", true);
    check("Email = 'ann@example.COM'", true);
    check("Email != 'ann@example.com'", false);
    check("Email LIKE '%@example.com'", true);
    check("Email LIKE 'a_n@%'", true);
    check("Path = 'a\\\\b%'", true);
    check("Path LIKE 'a\\\\\\\\b\\%'", true);
    check("Title = null", true);
    check("Title = ''", false);
    check("Title < 'z'", false);
    check("IsConverted = false AND NumberOfEmployees >= 12", true);
    check(
        "(IsConverted = true OR Owner.Name IN ('Rosa', 'Mei')) AND Title = null",
        true,
    );
    check("NOT Owner.Name = 'Rosa'", false);
    check("Owner.Name NOT IN ('Rosa')", false);
    check("LastModifiedDate > 2026-01-10T04:11:33Z", true);
    check("LastModifiedDate = 2026-01-10T05:11:34.000+01:00", true);
    check("LastModifiedDate <= 2026-01-10T04:11:33.000+0000", false);
}

#[test]
fn what_cannot_be_read_is_refused() {
    refuse(
        "SELECT Id FROM Lead WHERE A = 1 AND B = 2 OR C = 3",
        "MALFORMED_QUERY",
    );
    refuse("SELECT FROM Lead", "MALFORMED_QUERY");
    refuse(
        "SELECT Id FROM Lead WHERE LastName = 'open",
        "MALFORMED_QUERY",
    );
    refuse("SELECT Id FROM Lead WHERE LastName", "MALFORMED_QUERY");
    refuse("SELECT Id FROM Lead GROUP BY Name", "MALFORMED_QUERY");
    refuse(
        "SELECT Id, (SELECT Id FROM Contacts) FROM Account",
        "MALFORMED_QUERY",
    );
    refuse("DROP TABLE Lead; é", "MALFORMED_QUERY");
    refuse("", "MALFORMED_QUERY");
    refuse("SELECT Id FROM Lead WHERE Nope = 'x'", "INVALID_FIELD");
    refuse("SELECT Id FROM Lead WHERE LastName = 3", "INVALID_FIELD");
    refuse(
        "SELECT Id FROM Lead WHERE LastModifiedDate > '2026-01-01'",
        "INVALID_FIELD",
    );
    let deep = format!("SELECT Id FROM Lead WHERE {}A = 1", "(".repeat(10_000));
    refuse(&deep, "MALFORMED_QUERY");
    refuse(
        &format!("SELECT Id FROM Lead WHERE {}A = 1", "NOT ".repeat(10_000)),
        "MALFORMED_QUERY",
    );
}

#[test]
fn the_clauses_after_the_condition_are_read() {
    let text = "select Id, Owner.Name from Lead order by Name desc nulls last, Id limit 5 offset 2";
    let query = parse(text).expect("parses");
    assert_eq!(
        query.selection,
        Selection::Fields(vec!["Id".into(), "Owner.Name".into()])
    );
    assert_eq!((query.limit, query.offset), (Some(5), 2));
    assert!(query.order[0].descending && query.order[0].nulls_last);
    assert_eq!(
        parse("SELECT COUNT() FROM Lead").expect("parses").selection,
        Selection::Count
    );
}
