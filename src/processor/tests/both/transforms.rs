//! Values that each system writes in its own way, and those that have no form on the other side.

use super::stage::*;
use crate::domain::journal::Basis;
use crate::domain::{CommandKind, ObservationBody, Topic, Value, Writer};
use crate::processor::queries;
use crate::processor::tests::world::*;

const FIELDS: &str = "    - intercom: custom_attributes.renewal
      salesforce: Renewal__c
      transform: date
      time_zone: Europe/Berlin
      owner: salesforce
      direction: both
      meaning: when the contract ends
    - intercom: custom_attributes.seats
      salesforce: Seats__c
      transform: number
      decimal: comma
      blank: skip
      owner: intercom
      direction: to_salesforce
      meaning: how many people use it
    - intercom: custom_attributes.region
      salesforce: Region__c
      default: unknown
      owner: intercom
      direction: to_salesforce
      meaning: where the customer is
";

fn pair() -> Pair {
    Pair::of(&format!("{BOTH}{FIELDS}"))
}

/// The first of March begins in Berlin an hour before it does in UTC.
const MARCH: i64 = 1_772_319_600;

#[test]
fn a_day_is_the_same_day_on_both_sides() {
    let mut pair = pair();
    let out = pair.event(40, Writer::Foreign, &[("Renewal__c", "2026-03-01")]);
    pair.settle(out, 41);
    assert_eq!(
        pair.seen(&pair.contact, "custom_attributes.renewal"),
        Value::Int(MARCH)
    );
    // An agent says the 2nd, at some hour of it.
    let mut shown = pair.shown(50_000, &[]);
    let noon = Value::Int(MARCH + 36 * 3_600);
    shown
        .fields
        .insert("custom_attributes.renewal".into(), noon.clone());
    let out = pair.world.show(shown);
    pair.settle(out, 51);
    assert_eq!(
        pair.seen(&pair.lead, "Renewal__c"),
        Value::text("2026-03-02")
    );
    assert_eq!(
        pair.seen(&pair.contact, "custom_attributes.renewal"),
        noon,
        "it means the same"
    );
    assert!(pair.is_at_rest());
}

#[test]
fn what_has_no_form_on_the_other_side_is_not_written_and_says_why() {
    let mut pair = pair();
    let out = pair.event(40, Writer::Foreign, &[("Renewal__c", "2026-03-01")]);
    pair.settle(out, 41);
    let out = pair.webhook(50_000, &[("custom_attributes.renewal", "soon")]);
    assert_eq!(writes_to(&out, &pair.lead).len(), 0);
    pair.settle(out, 51);
    assert_eq!(
        pair.seen(&pair.lead, "Renewal__c"),
        Value::text("2026-03-01")
    );
    let told = queries::explain(&pair.world.view, &bridge(), ADA);
    let field = &told["customers"][0]["fields"]["custom_attributes.renewal"];
    let refused = |system| serde_json::json!({"to": system, "because": "not_a_day"});
    let both = [refused("intercom"), refused("salesforce")];
    assert_eq!(field["not_written"], serde_json::json!(both));
    assert!(pair.is_at_rest());
}

#[test]
fn a_blank_that_says_nothing_leaves_what_stands_there() {
    let mut pair = pair();
    let out = pair.webhook(50_000, &[("custom_attributes.seats", "1.250,5")]);
    pair.settle(out, 51);
    assert_eq!(pair.seen(&pair.lead, "Seats__c"), Value::number(1_250.5));
    let mut shown = pair.shown(60_000, &[]);
    shown
        .fields
        .insert("custom_attributes.seats".into(), Value::Null);
    let out = pair.world.show(shown);
    pair.settle(out, 61);
    assert_eq!(pair.seen(&pair.lead, "Seats__c"), Value::number(1_250.5));
    assert!(pair.is_at_rest());
}

#[test]
fn a_default_stands_in_until_somebody_knows_better() {
    let mut pair = pair();
    assert_eq!(pair.seen(&pair.lead, "Region__c"), Value::text("unknown"));
    let region = "custom_attributes.region";
    let out = pair.webhook(50_000, &[(region, "EMEA")]);
    pair.settle(out, 51);
    assert_eq!(pair.seen(&pair.lead, "Region__c"), Value::text("EMEA"));
    let mut shown = pair.shown(60_000, &[]);
    shown.fields.insert(region.into(), Value::Null);
    let out = pair.world.show(shown);
    pair.settle(out, 61);
    assert_eq!(pair.seen(&pair.lead, "Region__c"), Value::text("unknown"));
    assert!(pair.is_at_rest());
}

#[test]
fn what_somebody_makes_of_a_default_stays() {
    let mut pair = pair();
    let out = pair.event(40, Writer::Foreign, &[("Region__c", "APAC")]);
    pair.settle(out, 41);
    let out = pair.webhook(45_000, &[("name", "Ada King")]);
    pair.settle(out, 46);
    assert_eq!(pair.seen(&pair.lead, "Region__c"), Value::text("APAC"));
    let out = pair.webhook(50_000, &[("custom_attributes.region", "EMEA")]);
    pair.settle(out, 51);
    assert_eq!(pair.seen(&pair.lead, "Region__c"), Value::text("EMEA"));
    assert!(pair.is_at_rest());
}

/// Found by a reader: the value before the one that has no form was written over people's own.
#[test]
fn what_is_not_written_leaves_the_field_to_the_people_there() {
    let mut pair = pair();
    let seats = "custom_attributes.seats";
    let out = pair.webhook(40_000, &[(seats, "12")]);
    pair.settle(out, 41);
    for (at, nothing_written) in [(50, Value::text("a few")), (60, Value::Null)] {
        let mut shown = pair.shown(at * 1_000, &[]);
        shown.fields.insert(seats.into(), nothing_written);
        let out = pair.world.show(shown);
        pair.settle(out, at + 1);
        let fifteen = [("Seats__c", "15")];
        for command in pair.event(at + 5, Writer::Foreign, &fifteen) {
            assert!(matches!(command.kind, CommandKind::Read(_)));
            let shown = pair.outcome(&command, at + 6, &fifteen);
            assert_eq!(pair.world.answer(&command, shown), vec![]);
        }
        assert_eq!(pair.seen(&pair.lead, "Seats__c"), Value::text("15"));
    }
    let out = pair.webhook(70_000, &[(seats, "20")]);
    pair.settle(out, 71);
    assert_eq!(pair.seen(&pair.lead, "Seats__c"), Value::Int(20));
    assert!(pair.is_at_rest());
}

/// Found by a reader: a value that was decided as it was written stayed without a form for ever.
#[test]
fn a_new_transform_knows_what_was_decided_before_it() {
    let plain = FIELDS.replace("      transform: number\n      decimal: comma\n", "");
    let mut pair = Pair::of(&format!("{BOTH}{plain}"));
    let out = pair.webhook(40_000, &[("custom_attributes.seats", "1.250,5")]);
    pair.settle(out, 41);
    assert_eq!(pair.seen(&pair.lead, "Seats__c"), Value::text("1.250,5"));
    let file = format!("{BOTH}{FIELDS}");
    pair.world.offer.file = file.replace("version: 1", "version: 2");
    let (hash, body) = pair.world.offer();
    let offered = ObservationBody::MappingOffered {
        version: 2,
        hash,
        body,
    };
    let mut out = pair.world.take(Topic::Decisions, offered);
    out.extend(pair.world.pass(1));
    for entry in pair.world.journal.iter().rev().take(12) {
        eprintln!("{:?}", entry.event);
    }
    eprintln!("{out:?}");
    pair.settle(out, 51);
    let seats = "custom_attributes.seats";
    assert_eq!(pair.decided(seats), Value::number(1_250.5));
    let desired = &pair.world.state(&pair.lead).desired["Seats__c"];
    assert_eq!(desired.basis, Basis::Agreed, "it follows as before");
    let told = queries::explain(&pair.world.view, &bridge(), ADA);
    let field = &told["customers"][0]["fields"][seats];
    assert_eq!(field["not_written"], serde_json::json!([]));
    assert!(pair.is_at_rest());
}
