//! No request, however odd, makes the org panic or answer without a status.

use proptest::prelude::*;
use serde_json::{Value, json};

use crate::sandbox::salesforce::model::tests::{Caller, lead};

const PARTS: [&str; 16] = [
    "sobjects",
    "Lead",
    "Contact",
    "Account",
    "Email",
    "doe@example.com",
    "LEAD",
    "003000000000001",
    "describe",
    "query",
    "queryAll",
    "Intercom_Contact_ID__c",
    "%c3%28",
    "limits",
    "composite",
    "composite/sobjects",
];
const FIELDS: [&str; 12] = [
    "LastName",
    "Company",
    "Email",
    "OwnerId",
    "Account",
    "AccountId",
    "Intercom_Contact_ID__c",
    "NumberOfEmployees",
    "HasOptedOutOfEmail",
    "EmailBouncedDate",
    "Company_Size__c",
    "Renewal_Date__c",
];
const WORDS: [&str; 22] = [
    "SELECT",
    "Id",
    "FROM",
    "Lead",
    "WHERE",
    "(",
    ")",
    "AND",
    "OR",
    "NOT",
    "=",
    "LIKE",
    "IN",
    "'a%'",
    "null",
    "12",
    "2026-01-01",
    "ORDER BY",
    "LIMIT",
    "Owner.UserRole.Name",
    ",",
    "IsDeleted",
];

fn any_value() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        Just(json!({"Intercom_Company_ID__c": "x"})),
        Just(json!([])),
        Just(json!("LEAD")),
        Just(json!("2026-01-10T04:11:34.000+0000")),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,60}".prop_map(Value::from),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_request_gets_an_answer(
        method in prop::sample::select(vec!["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD"]),
        parts in prop::collection::vec(prop::sample::select(PARTS.to_vec()), 0..4),
        query in "\\PC{0,20}",
        fields in prop::collection::vec(
            (prop::sample::select(FIELDS.to_vec()), any_value()), 0..4),
        now_ms in any::<i64>(),
    ) {
        let mut caller = Caller::new();
        let id = caller.make("Lead", lead());
        caller.now_ms = now_ms;
        let pairs = fields.into_iter().map(|(name, value)| (name.to_owned(), value));
        let target = format!("/{}?{query}", parts.join("/")).replace("LEAD", &id);
        let mut row = Value::Object(pairs.collect());
        let answer = caller.call(method, &target, row.clone());
        prop_assert!((200..600).contains(&answer.status));
        row["attributes"] = json!({"type": "Lead"});
        for path in ["/composite/sobjects", "/composite/sobjects/Lead/Intercom_Contact_ID__c"] {
            let rows = json!({"allOrNone": query.len() % 2 == 0, "records": [row, row]});
            let answer = caller.call(method, path, rows);
            prop_assert!((200..600).contains(&answer.status));
        }
    }

    #[test]
    fn any_query_is_answered_or_refused(
        words in prop::collection::vec(prop::sample::select(WORDS.to_vec()), 0..12),
        noise in "\\PC{0,10}",
    ) {
        let mut caller = Caller::new();
        caller.make("Lead", lead());
        let words = words.join(" ");
        let condition = format!("SELECT Id FROM Lead WHERE {words}");
        for text in [words, condition, noise] {
            let status = caller.query(&text.replace(['&', '+'], "")).status;
            prop_assert!(status == 200 || status == 400);
        }
    }
}
