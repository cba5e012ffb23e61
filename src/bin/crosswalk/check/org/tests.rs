//! An org that fits the mapping, and everything that can be wrong with one.

use std::collections::BTreeMap;

use crosswalk::domain::SourceId;
use crosswalk::mapping::{Mapping, Offer, Sources};
use serde_json::{Value as Json, json};

use super::*;
use crate::check::needs;

const MAPPING: &str = r#"
version: 1
people:
  objects: {intercom: contact, salesforce: [Contact, Lead]}
  match:
    - explicit: {salesforce: Key__c}
    - email: {salesforce: Email, intercom: email}
  create:
    salesforce_lead:
      when: '"qualified" in contact.tags'
      needs: [email]
      set: {LeadSource: Intercom}
      company_name: Company
      placeholders: {Company: "[none]", LastName: "[none]"}
  fields:
    - {intercom: email, salesforce: Email, owner: intercom, direction: to_salesforce, meaning: m}
    - intercom: custom_attributes.size
      salesforce: Lead.Size__c
      transform: picklist
      values: {"1": 1-10, "50": 11-50}
      owner: intercom
      direction: to_salesforce
      meaning: m
    - intercom: custom_attributes.seats
      salesforce: Lead.Seats__c
      owner: intercom
      direction: both
      conflict: owner_wins
      meaning: m
    - intercom: custom_attributes.STATUS
      salesforce: Lead.Status
      owner: salesforce
      direction: to_intercom
      meaning: m
    - intercom: custom_attributes.OWNER
      salesforce: Lead.Owner.Name
      owner: salesforce
      direction: to_intercom
      meaning: m
"#;

/// What is laid over a field.
type Changes = Vec<(&'static str, Json)>;

fn mapping() -> Mapping {
    let support = SourceId::new("support").unwrap();
    let sources = Sources {
        salesforce: SourceId::new("sales").unwrap(),
        intercom: BTreeMap::from([(support, "abc123".to_owned())]),
    };
    let file = MAPPING.to_owned();
    Offer { sources, file }.compile().unwrap()
}

fn field(name: &str, kind: &str) -> Json {
    json!({"name": name, "type": kind, "updateable": true, "createable": true,
        "filterable": true, "nillable": true, "defaultedOnCreate": false, "calculated": false,
        "externalId": false, "unique": false, "restrictedPicklist": false, "picklistValues": []})
}

fn with(mut told: Json, more: &[(&str, Json)]) -> Json {
    for (name, value) in more {
        told[*name] = value.clone();
    }
    told
}

/// A Lead object that fits.
fn lead() -> Vec<Json> {
    let values = json!([{"value": "1-10", "active": true}, {"value": "11-50", "active": true}]);
    vec![
        with(
            field("Key__c", "string"),
            &[("externalId", json!(true)), ("unique", json!(true))],
        ),
        field("Email", "email"),
        with(
            field("Size__c", "picklist"),
            &[
                ("restrictedPicklist", json!(true)),
                ("picklistValues", values),
            ],
        ),
        field("Seats__c", "double"),
        with(field("Status", "picklist"), &[("updateable", json!(false))]),
        field("LeadSource", "string"),
        with(field("Company", "string"), &[("nillable", json!(false))]),
        with(field("LastName", "string"), &[("nillable", json!(false))]),
        field("IsConverted", "boolean"),
        field("ConvertedContactId", "reference"),
        field("ConvertedAccountId", "reference"),
        field("ConvertedOpportunityId", "reference"),
        field("OwnerId", "reference"),
    ]
}

fn judged(fields: Vec<Json>, flags: Json) -> Vec<Line> {
    let needed = needs::of_org(&mapping());
    let mut told = json!({"queryable": true, "createable": true, "updateable": true});
    for (name, value) in flags.as_object().unwrap() {
        told[name] = value.clone();
    }
    told["fields"] = json!(fields);
    let key = |name: &str| ("contact".to_owned(), name.to_owned());
    let types = Types::from([
        (key("seats"), "integer".to_owned()),
        (key("STATUS"), "string".to_owned()),
    ]);
    judge("sales", "Lead", &needed["Lead"], &told, &[&types])
}

/// The Lead with one field replaced, or without it.
fn changed(name: &str, more: &[(&str, Json)]) -> Vec<Line> {
    let mut fields = lead();
    let place = fields.iter().position(|one| one["name"] == name).unwrap();
    if more.is_empty() {
        fields.remove(place);
    } else {
        fields[place] = with(fields[place].take(), more);
    }
    judged(fields, json!({}))
}

#[test]
fn an_org_that_fits_is_one_line() {
    let lines = judged(lead(), json!({}));
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert_eq!(lines[0].state, State::Ok, "{lines:?}");
    assert!(lines[0].what.contains("created, changed and read"));
}

#[test]
fn whatever_a_field_lacks_is_named_with_its_fix() {
    let no = || json!(false);
    let cases: Vec<(&str, Changes, &str)> = vec![
        ("Size__c", vec![], "is not there"),
        ("Email", vec![("updateable", no())], "cannot be changed"),
        (
            "Size__c",
            vec![("calculated", json!(true)), ("updateable", no())],
            "is a formula",
        ),
        ("LeadSource", vec![("createable", no())], "on creation"),
        ("Email", vec![("filterable", no())], "cannot be searched by"),
        ("Key__c", vec![("unique", no())], "not Unique"),
        ("Key__c", vec![("externalId", no())], "not an External ID"),
        ("Size__c", vec![("type", json!("boolean"))], "makes text"),
        (
            "Seats__c",
            vec![("type", json!("boolean"))],
            "holds numbers",
        ),
        (
            "Status",
            vec![("type", json!("address"))],
            "no single value",
        ),
        (
            "Size__c",
            vec![("picklistValues", json!([{"value": "1-10", "active": true}]))],
            "\"11-50\"",
        ),
        (
            "Size__c",
            vec![(
                "picklistValues",
                json!([
                {"value": "1-10", "active": true}, {"value": "11-50", "active": false}]),
            )],
            "\"11-50\"",
        ),
    ];
    for (name, more, words) in cases {
        let lines = changed(name, &more);
        assert_eq!(lines.len(), 1, "{name} {words}: {lines:?}");
        assert_eq!(lines[0].state, State::Missing, "{lines:?}");
        let whole = format!("{} {}", lines[0].what, lines[0].fix);
        assert!(whole.contains(words), "{words}: {whole}");
        assert!(whole.contains(&format!("Lead.{name}")), "{whole}");
        assert!(!lines[0].fix.is_empty(), "{whole}");
    }
}

#[test]
fn what_is_only_read_need_not_be_changed() {
    let needed = needs::of_org(&mapping());
    assert!(!needed["Lead"].fields["Status"].is_updated);
    assert!(needed["Lead"].parents.contains("Owner.Name"));
    assert!(!needed["Contact"].is_created && needed["Contact"].is_updated());
    assert!(!needed["Contact"].fields.contains_key("IsConverted"));
}

#[test]
fn the_objects_own_rights_and_required_fields_are_looked_at() {
    for (flag, right) in [
        ("queryable", "Read"),
        ("createable", "Create"),
        ("updateable", "Edit"),
    ] {
        let lines = judged(lead(), json!({flag: false}));
        assert_eq!(lines.len(), 1, "{lines:?}");
        let fix = format!("{right} on the object");
        assert!(lines[0].fix.contains(&fix), "{lines:?}");
    }
    let mut fields = lead();
    fields.push(with(
        field("Region__c", "string"),
        &[("nillable", json!(false))],
    ));
    let lines = judged(fields, json!({}));
    assert!(lines[0].what.contains("requires Region__c"), "{lines:?}");
}

#[test]
fn an_open_picklist_takes_other_values_and_a_nearly_used_up_allocation_is_a_warning() {
    let lines = changed(
        "Size__c",
        &[
            ("restrictedPicklist", json!(false)),
            ("picklistValues", json!([])),
        ],
    );
    let states: Vec<State> = lines.iter().map(|line| line.state).collect();
    assert_eq!(states, [State::Ok, State::Warning]);
    let told = json!({"DailyApiRequests": {"Max": 1000, "Remaining": 99},
        "DailyDeliveredPlatformEvents": {"Max": 1000, "Remaining": 100}});
    let states: Vec<State> = budget("sales", &told).iter().map(|l| l.state).collect();
    assert_eq!(states, [State::Warning, State::Ok]);
}
