//! Placeholders: they say no more than a blank, wherever they stand.

use super::stage::*;
use crate::domain::journal::Basis;
use crate::domain::{Command, EventKind, Outcome, Value, Writer};
use crate::processor::tests::world::*;

const COMPANY: &str = "custom_attributes.company";
const NICKNAME: &str = "custom_attributes.nickname";
const FIELDS: &str = "    - intercom: custom_attributes.company
      salesforce: Company
      owner: salesforce
      direction: to_intercom
      meaning: what the company is called
";

fn mapping() -> String {
    let nickname = "salesforce: Nickname__c\n";
    let with = format!("{nickname}      placeholders: [n/a, unknown]\n");
    let text = BOTH.replace(nickname, &with);
    assert_ne!(text, BOTH);
    format!("{text}{FIELDS}")
}

fn nothing() -> Vec<&'static Command> {
    Vec::new()
}

#[test]
fn what_a_lead_was_created_with_for_want_of_a_value_reaches_nobody() {
    let mut pair = Pair::of(&mapping());
    assert_eq!(pair.seen(&pair.lead, "Company"), "[not provided]".into());
    assert_eq!(pair.seen(&pair.contact, COMPANY), Value::Null);
    let out = pair.event(40, Writer::Foreign, &[("Company", "Acme")]);
    pair.settle(out, 41);
    assert_eq!(pair.seen(&pair.contact, COMPANY), "Acme".into());
    // Somebody takes the name back and writes what stood there before.
    let out = pair.event(50, Writer::Foreign, &[("Company", "[Not Provided]")]);
    assert_eq!(writes_to(&out, &pair.contact), nothing());
    assert_eq!(pair.seen(&pair.contact, COMPANY), "Acme".into());
    assert!(pair.is_at_rest());
}

#[test]
fn a_placeholder_is_no_edit_and_the_real_value_is_written_back() {
    let mut pair = Pair::of(&mapping());
    let out = pair.webhook(30_000, &[(NICKNAME, "Addie")]);
    pair.settle(out, 31);
    pair.event(32, Writer::Ours, &[("Nickname__c", "Addie")]);
    let agreed = pair.count("field_agreed");
    let out = pair.event(40, Writer::Foreign, &[("Nickname__c", "N/A")]);
    assert_eq!(
        fields(writes_to(&out, &pair.lead)[0]),
        pairs(&[("Nickname__c", "Addie")])
    );
    pair.settle(out, 41);
    let out = pair.webhook(50_000, &[(NICKNAME, "unknown")]);
    assert_eq!(writes_to(&out, &pair.lead), nothing());
    pair.settle(out, 51);
    assert_eq!(pair.seen(&pair.contact, NICKNAME), "Addie".into());
    assert_eq!(pair.count("field_agreed"), agreed);
    assert!(pair.is_at_rest());
}

/// The write that waits for its answer is no reason to put the two before a policy.
#[test]
fn a_placeholder_beside_a_write_is_no_side_of_a_conflict() {
    let mut pair = Pair::of(&mapping());
    let out = pair.event(30, Writer::Foreign, &[("Nickname__c", "Lady")]);
    let snapshot = pair.shown(31_000, &[(NICKNAME, "unknown")]);
    let out = pair.world.answer(&out[0], Outcome::FoundOther { snapshot });
    pair.settle(out, 32);
    assert_eq!(pair.seen(&pair.contact, NICKNAME), "Lady".into());
    assert_eq!(pair.count("conflict_decided"), 0);
    assert!(pair.is_at_rest());
}

#[test]
fn a_first_link_fills_a_placeholder_as_it_fills_a_blank() {
    let mut world = World::with_mapping(&mapping());
    let told = [("email", ADA), ("name", "Ada Lovelace"), (NICKNAME, "n/a")];
    let look = world.qualify(lead("c1", 1_000, &told));
    let held = [
        ("Email", ADA),
        ("LastName", "[not provided]"),
        ("Company", "[not provided]"),
        ("Nickname__c", "Addie"),
    ];
    let held = row("Lead", "00Q000000000001AAA", 1, &held);
    let lead = held.record.clone();
    let out = world.answer(&look[0], found(&[held]));
    let contact = contact("c1");
    let mut pair = Pair {
        world,
        contact,
        lead,
    };
    pair.settle(out, 2);
    assert_eq!(pair.seen(&pair.lead, "FirstName"), "Ada".into());
    assert_eq!(pair.seen(&pair.lead, "LastName"), "Lovelace".into());
    assert_eq!(pair.seen(&pair.contact, NICKNAME), "Addie".into());
    assert_eq!(pair.seen(&pair.contact, COMPANY), Value::Null);
    assert!(pair.is_at_rest());
}

#[test]
fn another_word_for_nothing_gives_way_to_a_value_too() {
    let text = mapping().replace(
        "salesforce: [FirstName, LastName]\n",
        "salesforce: \
        [FirstName, LastName]\n      placeholders: [unbekannt]\n",
    );
    let mut world = World::with_mapping(&text);
    let look = world.qualify(crate::processor::tests::world::lead(
        "c1",
        1_000,
        &[("email", ADA)],
    ));
    let create = world.answer(&look[0], found(&[]));
    let made = salesforce("Lead", "00Q000000000001AAA");
    let out = world.answer(&create[0], written(&made, true));
    let contact = contact("c1");
    let mut pair = Pair {
        world,
        contact,
        lead: made,
    };
    pair.settle(out, 2);
    assert_eq!(pair.seen(&pair.lead, "LastName"), "[not provided]".into());
    let all = pair.fields_of(&pair.lead);
    let created = pair.lead.clone();
    let out = pair.event_of(&created, EventKind::Created, 3, Writer::Ours, all);
    pair.settle(out, 4);
    let out = pair.event(20, Writer::Foreign, &[("LastName", "unbekannt")]);
    assert_eq!(writes_to(&out, &pair.lead), nothing());
    let desired = &pair.world.state(&pair.lead).desired["LastName"];
    assert_eq!(desired.basis, Basis::Placeholder);
    let out = pair.webhook(30_000, &[("name", "Ada Lovelace")]);
    pair.settle(out, 31);
    assert_eq!(pair.seen(&pair.lead, "LastName"), "Lovelace".into());
    assert!(pair.is_at_rest());
}
