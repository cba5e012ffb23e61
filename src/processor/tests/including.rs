//! Who takes part: the inclusion filter, and the scopes that no link and no write crosses.

use super::both::stage::{ADA, BOTH, TITLE, texts, writes_to};
use super::splitting::{is_one, met, say};
use super::world::*;
use crate::domain::{EventKind, Value, Writer};
use crate::processor::queries;

const SEGMENT: &str = "custom_attributes.segment";
const REGION: &str = "custom_attributes.region";

/// Only business customers take part, on both sides.
fn business() -> String {
    let include = "  include:
    intercom: contact.custom_attributes.segment == \"b2b\"
    salesforce: record.Segment__c == \"b2b\"
  create:
";
    BOTH.replacen("  create:\n", include, 1)
}

/// Regions that are kept apart, and what is made gets that of what it is made from.
fn regions() -> String {
    let scope = "  scope: {intercom: custom_attributes.region, salesforce: Region__c}\n  create:\n";
    let field = "  fields:
    - intercom: custom_attributes.region
      salesforce: Region__c
      owner: intercom
      direction: to_salesforce
      meaning: where the customer is
";
    let mapping = BOTH.replacen("  create:\n", scope, 1);
    mapping.replacen("  fields:\n", field, 1)
}

fn traced(world: &World, reason: &str) -> bool {
    world.last.outputs.iter().any(|one| match &one.message {
        Some(crate::domain::Message::Trace(line)) => line.reason == reason,
        _ => false,
    })
}

#[test]
fn whoever_is_not_included_is_not_looked_for_until_that_changes() {
    let mut world = World::with_mapping(&business());
    assert_eq!(world.qualify(lead("c1", 1000, &[("email", ADA)])), vec![]);
    let answer = queries::explain(&world.view, &bridge(), "c1");
    let record = &answer["customers"][0]["records"][0];
    assert_eq!(record["takes_no_part"], "not_included");
    let stands = &record["not_linked_because"]["stands"];
    assert_eq!(stands, "it takes no part: not_included");
    let fields = [("email", ADA), (SEGMENT, "b2b")];
    let look = world.show(with_tag(lead("c1", 2000, &fields)));
    assert_eq!(look.len(), 1, "it is looked for as a new one is");
    let made = world.answer(&look[0], found(&[]));
    assert!(is_create(&made[0]));
}

#[test]
fn whoever_leaves_the_filter_stays_linked_and_is_no_longer_written() {
    let mut pair = met(&business(), &[(SEGMENT, "b2b")], &[("Segment__c", "b2b")]);
    let (contact, record) = (pair.contact.clone(), pair.lead.clone());
    assert!(is_one(&pair.world, &contact, &record));
    let out = pair.webhook(50_000, &[(TITLE, "CTO")]);
    pair.settle(out, 51);
    assert_eq!(pair.seen(&record, "Title"), Value::text("CTO"));
    // The lead leaves.
    let out = pair.event(60, Writer::Foreign, &[("Segment__c", "consumer")]);
    pair.settle(out, 61);
    assert!(is_one(&pair.world, &contact, &record));
    // What the contact says stays there, and what the lead says does too.
    assert_eq!(pair.webhook(70_000, &[(TITLE, "Chief")]), vec![]);
    // It is over a write of ours, so it is read.
    let says = [("Title", "Clerk")];
    let read = pair.event(80, Writer::Foreign, &says);
    assert!(read.iter().all(|command| is_read_of(command, &record)));
    for command in read {
        let shown = pair.outcome(&command, 81, &says);
        assert_eq!(pair.world.answer(&command, shown), vec![]);
    }
    assert!(traced(&pair.world, "not_included"));
    assert_eq!(pair.seen(&contact, TITLE), Value::text("Chief"));
    assert_eq!(pair.seen(&record, "Title"), Value::text("Clerk"));
    assert!(pair.is_at_rest());
    // Back again, nothing is made up for; the next change counts.
    let out = pair.event(90, Writer::Foreign, &[("Segment__c", "b2b")]);
    assert_eq!(out, vec![]);
    let out = pair.event(100, Writer::Foreign, &[("Title", "Countess")]);
    pair.settle(out, 101);
    assert_eq!(pair.seen(&contact, TITLE), Value::text("Countess"));
    assert!(pair.is_at_rest());
}

#[test]
fn a_write_that_waits_while_its_record_leaves_is_not_made_later() {
    let mut pair = met(&business(), &[(SEGMENT, "b2b")], &[("Segment__c", "b2b")]);
    let record = pair.lead.clone();
    let first = pair.webhook(50_000, &[(TITLE, "CTO")]);
    assert_eq!(writes_to(&first, &record).len(), 1);
    // It coalesces behind the write that is out; then the lead leaves.
    assert_eq!(pair.webhook(51_000, &[(TITLE, "Chief")]), vec![]);
    pair.event(52, Writer::Foreign, &[("Segment__c", "consumer")]);
    let more = pair.done(&first[0], 53);
    assert!(writes_to(&more, &record).is_empty(), "{more:?}");
    pair.settle(more, 54);
    assert_eq!(pair.seen(&record, "Title"), Value::text("CTO"));
    assert!(pair.is_at_rest());
}

#[test]
fn a_counterpart_that_is_left_out_is_neither_linked_nor_made_a_second_time() {
    let mine = [("email", ADA), (SEGMENT, "b2b")];
    // One that the view knows.
    let mut pair = met(&business(), &[], &[]);
    let (contact, record) = (pair.contact.clone(), pair.lead.clone());
    assert_eq!(pair.world.qualify(lead("c1", 60_000, &mine)), vec![]);
    assert!(!is_one(&pair.world, &contact, &record));
    // It is taken in: then they are one.
    let out = pair.event(70, Writer::Foreign, &[("Segment__c", "b2b")]);
    pair.settle(out, 71);
    assert!(is_one(&pair.world, &contact, &record));

    // One that only the org knows.
    let mut world = World::with_mapping(&business());
    let look = world.qualify(lead("c1", 1000, &mine));
    let consumer = row("Contact", "003000000000001AAA", 1, &[("Email", ADA)]);
    assert_eq!(world.answer(&look[0], found(&[consumer])), vec![]);
    assert_eq!(world.customer(&contact).records.len(), 1);
    let again = [("email", ADA), (SEGMENT, "b2b"), ("phone", "+14155550111")];
    let more = world.show(with_tag(lead("c1", 2000, &again)));
    assert_eq!(more, vec![], "nobody looks again with every change");
}

#[test]
fn a_contact_of_one_scope_is_never_linked_to_a_record_of_another() {
    let mut pair = met(&regions(), &[(REGION, "EU")], &[("Region__c", "US")]);
    let (contact, record) = (pair.contact.clone(), pair.lead.clone());
    assert!(!is_one(&pair.world, &contact, &record));
    // The one of the other region is somebody else: a lead of its own is made.
    let look = pair
        .world
        .qualify(lead("c1", 60_000, &[("email", ADA), (REGION, "EU")]));
    let other = row(
        "Lead",
        &record.id,
        1,
        &[("Email", ADA), ("Region__c", "US")],
    );
    let made = pair.world.answer(&look[0], found(&[other]));
    assert!(is_create(&made[0]));
    let sent = fields(&made[0]);
    assert!(
        sent.contains(&("Region__c".into(), "EU".into())),
        "{sent:?}"
    );
    // Nor by a person's word.
    let refused = queries::link_decision(&pair.world.view, &bridge(), (&contact, &record), true);
    let why = refused.unwrap().unwrap_err().to_string();
    assert!(why.contains("of_another_scope"), "{why}");
    assert_eq!(say(&mut pair, &contact, &record, true), vec![]);
    assert!(!is_one(&pair.world, &contact, &record));
}

#[test]
fn without_a_scope_a_record_takes_no_part() {
    let mut pair = met(&regions(), &[], &[("Region__c", "US")]);
    let (contact, record) = (pair.contact.clone(), pair.lead.clone());
    assert!(!is_one(&pair.world, &contact, &record));
    let out = pair.webhook(60_000, &[(REGION, "US")]);
    pair.settle(out, 61);
    assert!(is_one(&pair.world, &contact, &record));
}

#[test]
fn a_write_never_crosses_a_scope() {
    let mut pair = met(&regions(), &[(REGION, "EU")], &[("Region__c", "EU")]);
    let (contact, record) = (pair.contact.clone(), pair.lead.clone());
    assert!(is_one(&pair.world, &contact, &record));
    // The contact moves to another region.
    assert_eq!(pair.webhook(60_000, &[(REGION, "US")]), vec![]);
    assert_eq!(pair.webhook(61_000, &[(TITLE, "CTO")]), vec![]);
    let out = pair.event(70, Writer::Foreign, &[("Title", "Poet")]);
    assert_eq!(out, vec![]);
    assert_eq!(pair.seen(&contact, TITLE), Value::text("CTO"));
    assert_eq!(pair.seen(&record, "Title"), Value::text("Poet"));
    assert_eq!(pair.seen(&record, "Region__c"), Value::text("EU"));
    assert!(pair.is_at_rest());
    // A converted lead's contact may be of another region as well.
    let (other, region) = (salesforce("Contact", "003000000000009AAA"), "US");
    let all = texts(&[("Email", ADA), ("LastName", "King"), ("Region__c", region)]);
    pair.event_of(&other, EventKind::Created, 80, Writer::Foreign, all);
    assert!(!is_one(&pair.world, &other, &record));
}
