//! No request, however odd, makes the workspace panic or answer without a status.

use proptest::prelude::*;
use serde_json::{Value, json};

use crate::sandbox::intercom::model::tests::{NOW, call_at, lead, user, workspace};

const PARTS: [&str; 15] = [
    "contacts",
    "companies",
    "search",
    "merge",
    "scroll",
    "list",
    "tags",
    "archive",
    "unarchive",
    "find_by_external_id",
    "data_attributes",
    "conversations",
    "LEAD",
    "%ff%",
    "me",
];
const FIELDS: [&str; 16] = [
    "role",
    "email",
    "external_id",
    "id",
    "from",
    "into",
    "query",
    "operator",
    "field",
    "value",
    "custom_attributes",
    "company_id",
    "monthly_spend",
    "pagination",
    "name",
    "job_title",
];
const VERBS: [&str; 12] = [
    "create_contact",
    "visitor_writes",
    "update_contact",
    "tag",
    "merge",
    "archive",
    "sign_up",
    "create_company",
    "attach_company",
    "reply",
    "define_attribute",
    "",
];

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        prop::sample::select(vec![
            "AND",
            "IN",
            "=",
            "created_at",
            "email",
            "lead",
            "user",
            "LEAD"
        ])
        .prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        let field = prop::sample::select(FIELDS.to_vec());
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((field, inner), 0..5)
                .prop_map(|pairs| Value::Object(pairs.into_iter().map(own).collect())),
        ]
    })
}

fn own((name, value): (&str, Value)) -> (String, Value) {
    (name.to_owned(), value)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_request_gets_an_answer(
        method in prop::sample::select(vec!["GET", "POST", "PUT", "DELETE", "PATCH"]),
        parts in prop::collection::vec(prop::sample::select(PARTS.to_vec()), 0..4),
        query in "\\PC{0,20}",
        body in any_json(),
        now_ms in any::<i64>(),
    ) {
        let mut workspace = workspace();
        let id = lead(&mut workspace);
        user(&mut workspace, "u", "u@example.com");
        let target = format!("/{}?{query}", parts.join("/")).replace("LEAD", &id);
        let body = serde_json::from_str(&body.to_string().replace("LEAD", &id)).unwrap_or(body);
        let answer = call_at(&mut workspace, method, &target, body, now_ms);
        prop_assert!((200..600).contains(&answer.status));
    }

    #[test]
    fn any_act_is_done_or_refused(
        verb in prop::sample::select(VERBS.to_vec()),
        fields in any_json(),
    ) {
        let mut workspace = workspace();
        let id = lead(&mut workspace);
        let mut act = if fields.is_object() { fields } else { json!({"set": fields}) };
        act["verb"] = json!(verb);
        act["contact_id"] = json!(id);
        let _ = workspace.act(&act, NOW);
        prop_assert!(workspace.state().is_object());
    }
}
