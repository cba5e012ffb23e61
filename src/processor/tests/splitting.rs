//! Records that a person joins, and records that a person takes apart: what each side holds then.

use super::both::stage::{ADA, BOTH, Pair, TITLE, texts, writes_to};
use super::world::*;
use crate::domain::customer_event::CustomerEventKind;
use crate::domain::view::Customer;
use crate::domain::{
    Change, Command, EventKind, Fields, Gone, ObservationBody, Outcome, RecordRef,
};
use crate::domain::{Topic, Value, Writer};

pub const KEY: &str = "Intercom_Contact_ID__c";

/// A contact and a lead that stood apart until their address joined them, at rest.
pub fn joined(contact_holds: &[(&str, &str)], lead_holds: &[(&str, &str)]) -> Pair {
    let pair = met(BOTH, contact_holds, lead_holds);
    assert!(is_one(&pair.world, &pair.contact, &pair.lead));
    pair
}

/// A lead and then a contact with one address, at rest, under a mapping of the test's own.
pub fn met(mapping: &str, contact_holds: &[(&str, &str)], lead_holds: &[(&str, &str)]) -> Pair {
    let mut pair = Pair {
        world: World::with_mapping(mapping),
        contact: contact("c1"),
        lead: salesforce("Lead", "00Q000000000001AAA"),
    };
    let record = pair.lead.clone();
    let mut all = texts(&[("Email", ADA), ("LastName", "King")]);
    all.extend(texts(lead_holds));
    let more = pair.event_of(&record, EventKind::Created, 5, Writer::Foreign, all);
    pair.settle(more, 6);
    let mut all = vec![("email", ADA), ("name", "Ada Lovelace")];
    all.extend(contact_holds);
    let more = pair.world.show(lead("c1", 7_000, &all));
    pair.settle(more, 8);
    pair
}

pub fn is_one(world: &World, left: &RecordRef, right: &RecordRef) -> bool {
    world.customer(left).id == world.customer(right).id
}

pub fn say(pair: &mut Pair, left: &RecordRef, right: &RecordRef, same: bool) -> Vec<Command> {
    let body = ObservationBody::LinkDecided {
        left: left.clone(),
        right: right.clone(),
        same,
        by: "ann".to_owned(),
    };
    pair.world.take(Topic::Decisions, body)
}

/// Takes the pair apart and carries out what follows.
pub fn apart(pair: &mut Pair) -> Vec<Command> {
    let (left, right) = (pair.contact.clone(), pair.lead.clone());
    let out = say(pair, &left, &right, false);
    pair.settle(out.clone(), 200);
    out
}

fn values(customer: &Customer, record: &RecordRef) -> Fields {
    let seen = customer.records[record].seen.iter();
    let shown = seen.filter(|(name, seen)| !seen.value.is_blank() && *name != "Id");
    shown
        .map(|(name, seen)| (name.clone(), seen.value.clone()))
        .collect()
}

pub fn held(pair: &Pair, record: &RecordRef) -> Fields {
    values(&pair.world.customer(record), record)
}

#[test]
fn taken_apart_each_side_holds_again_what_it_held_before() {
    let mut pair = joined(&[("phone", "+14155550111")], &[("Title", "Countess")]);
    let (contact, lead) = (pair.contact.clone(), pair.lead.clone());
    assert_eq!(pair.seen(&contact, TITLE), Value::text("Countess"));
    assert_eq!(pair.seen(&lead, "Phone"), Value::text("+14155550111"));
    let (before, founded) = (
        pair.world.customer(&contact),
        pair.count("customer_founded"),
    );
    let out = apart(&mut pair);
    assert!(!is_one(&pair.world, &contact, &lead));
    assert_eq!(
        (
            writes_to(&out, &contact).len(),
            writes_to(&out, &lead).len()
        ),
        (1, 1)
    );
    for name in [TITLE, "custom_attributes.SALESFORCE_ID"] {
        assert_eq!(pair.seen(&contact, name), Value::Null, "{name}");
    }
    for name in ["Phone", KEY] {
        assert_eq!(pair.seen(&lead, name), Value::Null, "{name}");
    }
    assert_eq!(pair.seen(&lead, "Title"), Value::text("Countess"));
    assert_eq!(pair.seen(&lead, "LastName"), Value::text("King"));
    assert_eq!(pair.seen(&contact, "phone"), Value::text("+14155550111"));
    assert!(pair.is_at_rest());
    // The record that was known first keeps the id, and analysts are told.
    assert_eq!(pair.world.customer(&lead).id, before.id);
    assert_eq!(pair.count("customer_founded"), founded);
    let told = pair.world.told.iter().rev();
    let told = told.filter(|event| event.kind == CustomerEventKind::Split);
    let told: Vec<_> = told.collect();
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].records, std::slice::from_ref(&contact));
    assert_eq!(
        told[0].lineage.founded,
        Some(pair.world.customer(&contact).id)
    );
}

#[test]
fn taken_apart_they_are_not_joined_again_by_what_they_share() {
    let mut pair = joined(&[], &[]);
    apart(&mut pair);
    let (contact, lead) = (pair.contact.clone(), pair.lead.clone());
    let out = pair.webhook(300_000, &[("name", "Ada Byron")]);
    pair.settle(out, 301);
    let out = pair.event(302, Writer::Foreign, &[("Title", "Countess")]);
    pair.settle(out, 303);
    assert!(!is_one(&pair.world, &contact, &lead));
    assert_eq!(pair.seen(&contact, TITLE), Value::Null);
    // A person can say otherwise again.
    let out = say(&mut pair, &lead, &contact, true);
    pair.settle(out, 304);
    assert!(is_one(&pair.world, &contact, &lead));
    assert_eq!(pair.seen(&contact, TITLE), Value::text("Countess"));
    assert!(pair.is_at_rest());
}

#[test]
fn what_people_have_said_since_stays_where_they_said_it() {
    let mut pair = joined(&[("phone", "+14155550111")], &[("Phone", "+14155550122")]);
    let (contact, lead) = (pair.contact.clone(), pair.lead.clone());
    let out = pair.webhook(60_000, &[("phone", "+14155550133")]);
    pair.settle(out, 61);
    assert_eq!(pair.seen(&lead, "Phone"), Value::text("+14155550133"));
    let out = pair.event(70, Writer::Foreign, &[("Title", "Poet")]);
    pair.settle(out, 71);
    // Over what we wrote there.
    let says = [("Phone", "+14155550144")];
    for command in pair.event(80, Writer::Foreign, &says) {
        let shown = pair.outcome(&command, 81, &says);
        let out = pair.world.answer(&command, shown);
        pair.settle(out, 82);
    }
    assert_eq!(pair.seen(&contact, "phone"), Value::text("+14155550144"));
    apart(&mut pair);
    assert_eq!(pair.seen(&contact, "phone"), Value::text("+14155550133"));
    assert_eq!(pair.seen(&lead, "Phone"), Value::text("+14155550144"));
    assert_eq!(pair.seen(&lead, "Title"), Value::text("Poet"));
    assert_eq!(pair.seen(&contact, TITLE), Value::Null);
    assert!(pair.is_at_rest());
}

#[test]
fn of_three_the_one_that_is_taken_out_leaves_and_the_others_go_on() {
    let mut pair = joined(&[], &[]);
    let (contact_one, lead_record) = (pair.contact.clone(), pair.lead.clone());
    let id = pair.world.customer(&lead_record).id;
    let other = contact("c2");
    let out = pair.world.show(lead(
        "c2",
        50_000,
        &[("email", ADA), ("phone", "+14155550144")],
    ));
    pair.settle(out, 51);
    assert!(is_one(&pair.world, &contact_one, &other));
    // They are joined through the lead: the two of them cannot be taken apart.
    let journaled = pair.world.journal.len();
    assert_eq!(say(&mut pair, &contact_one, &other, false), vec![]);
    assert_eq!(pair.count("records_unlinked"), 0);
    assert!(
        pair.world.journal.len() > journaled,
        "the batch is consumed"
    );
    let out = say(&mut pair, &contact_one, &lead_record, false);
    pair.settle(out, 60);
    assert!(is_one(&pair.world, &other, &lead_record));
    assert_eq!(pair.world.customer(&lead_record).id, id);
    assert!(!is_one(&pair.world, &contact_one, &other));
    assert_eq!(pair.world.customer(&contact_one).records.len(), 1);
    // The key on the lead is that of the contact that it is still linked to.
    assert_eq!(pair.seen(&lead_record, KEY), Value::text("abc123:c2"));
    assert!(pair.is_at_rest());
}

#[test]
fn a_person_joins_two_contacts_and_both_follow_one_lead() {
    let mut pair = joined(&[], &[]);
    let (contact_one, lead_record) = (pair.contact.clone(), pair.lead.clone());
    let other = contact("c2");
    let out = pair
        .world
        .show(lead("c2", 50_000, &[("email", "other@example.com")]));
    pair.settle(out, 51);
    assert!(!is_one(&pair.world, &contact_one, &other));
    let out = say(&mut pair, &other, &contact_one, true);
    pair.settle(out, 52);
    assert!(is_one(&pair.world, &contact_one, &other));
    let out = pair.event(60, Writer::Foreign, &[("Title", "Poet")]);
    assert_eq!(writes_to(&out, &contact_one).len(), 1);
    assert_eq!(writes_to(&out, &other).len(), 1);
    assert!(is_one(&pair.world, &other, &lead_record));
}

#[test]
fn what_cannot_be_said_of_two_records_is_told_and_changes_nothing() {
    let mut pair = joined(&[], &[]);
    let (contact_one, lead_record) = (pair.contact.clone(), pair.lead.clone());
    let known = pair.world.view.digest();
    let stranger = contact("c9");
    for (left, right, same) in [
        (&contact_one, &lead_record, true),
        (&contact_one, &stranger, true),
        (&contact_one, &contact_one, true),
        (&contact_one, &company("k1"), true),
        (&contact_one, &stranger, false),
        (&stranger, &stranger, false),
    ] {
        assert_eq!(say(&mut pair, left, right, same), vec![]);
        let events = pair.world.events();
        assert_eq!(events, Vec::<&str>::new(), "{left} and {right}: {same}");
    }
    assert_ne!(pair.world.view.digest(), known, "the decisions were taken");
}

/// Found by a reader: what the first two had agreed on was undone.
#[test]
fn a_third_that_is_taken_out_leaves_the_agreement_of_the_others() {
    let mut pair = joined(&[("phone", "+14155550111")], &[("Phone", "+14155550122")]);
    let (contact_one, lead_record) = (pair.contact.clone(), pair.lead.clone());
    let out = pair.webhook(40_000, &[("phone", "+14155550133")]);
    pair.settle(out, 41);
    let other = contact("c2");
    let out = pair.world.show(lead("c2", 50_000, &[("email", ADA)]));
    pair.settle(out, 51);
    for spoke_last in [false, true] {
        if spoke_last {
            let said = [("email", ADA), ("phone", "+14155550155")];
            let out = pair.world.show(lead("c2", 100_000, &said));
            pair.settle(out, 101);
            let seen = pair.seen(&lead_record, "Phone").display();
            assert_eq!(seen, "+14155550155");
        }
        let out = say(&mut pair, &other, &lead_record, false);
        pair.settle(out, if spoke_last { 110 } else { 70 });
        assert!(!is_one(&pair.world, &other, &lead_record));
        for (record, name) in [(&contact_one, "phone"), (&lead_record, "Phone")] {
            let seen = pair.seen(record, name).display();
            assert_eq!(seen, "+14155550133", "{record} {spoke_last}");
        }
        assert!(pair.is_at_rest());
        let out = say(&mut pair, &other, &lead_record, true);
        pair.settle(out, 80);
    }
}

#[test]
fn those_who_disagree_and_are_still_one_disagree_on() {
    let mut pair = joined(&[], &[]);
    let (contact_one, lead_record) = (pair.contact.clone(), pair.lead.clone());
    let other = contact("c2");
    let out = pair.world.show(lead("c2", 50_000, &[("email", ADA)]));
    pair.settle(out, 51);
    let tier = "custom_attributes.tier";
    let out = pair.event(60, Writer::Foreign, &[("Tier__c", "silver")]);
    pair.settle(out, 61);
    // The repeat of the write looks first and finds what an agent has set meanwhile.
    let out = pair.event(80, Writer::Foreign, &[("Tier__c", "gold")]);
    let snapshot = pair.shown(81_000, &[(tier, "bronze")]);
    let write = writes_to(&out, &contact_one)[0].clone();
    pair.world.answer(&write, Outcome::FoundOther { snapshot });
    let is_open = |pair: &Pair| {
        let customer = pair.world.customer(&pair.lead);
        customer.contested.contains_key(tier)
    };
    assert!(is_open(&pair));
    say(&mut pair, &other, &lead_record, false);
    assert!(is_open(&pair), "nobody has answered");
    assert_eq!(pair.count("conflict_opened"), 2);
    assert!(pair.world.customer(&other).contested.is_empty());
    say(&mut pair, &contact_one, &lead_record, false);
    assert!(!is_open(&pair));
    assert!(pair.world.customer(&contact_one).contested.is_empty());
}

#[test]
fn what_one_has_said_who_is_gone_since_still_holds() {
    let mut pair = joined(&[], &[]);
    let (contact_one, lead_record) = (pair.contact.clone(), pair.lead.clone());
    let other = contact("c2");
    let said = [("email", ADA), ("phone", "+14155550155")];
    let out = pair.world.show(lead("c2", 50_000, &said));
    pair.settle(out, 51);
    assert_eq!(
        pair.seen(&lead_record, "Phone"),
        Value::text("+14155550155")
    );
    let left = Change::Left {
        record: other,
        how: Gone::Deleted,
        at: None,
    };
    let out = pair.world.change(left);
    pair.settle(out, 61);
    let out = say(&mut pair, &contact_one, &lead_record, false);
    pair.settle(out, 70);
    assert_eq!(
        pair.seen(&lead_record, "Phone"),
        Value::text("+14155550155")
    );
    assert!(pair.is_at_rest());
}

/// Found by a reader: a merge in Intercom made a ring of links that nothing could open.
#[test]
fn contacts_that_intercom_merged_leave_together() {
    let mut pair = joined(&[], &[]);
    let (contact_one, lead_record) = (pair.contact.clone(), pair.lead.clone());
    let other = contact("c2");
    let out = pair.world.show(lead("c2", 50_000, &[("email", ADA)]));
    pair.settle(out, 51);
    let merged = Change::Merged {
        survivor: pair.shown(60_000, &[]),
        absorbed: Some(other.clone()),
    };
    let out = pair.world.change(merged);
    pair.settle(out, 61);
    assert_eq!(say(&mut pair, &contact_one, &other, false), vec![]);
    assert_eq!(
        pair.count("records_unlinked"),
        0,
        "Intercom itself made them one"
    );
    let out = say(&mut pair, &contact_one, &lead_record, false);
    pair.settle(out, 70);
    assert!(is_one(&pair.world, &contact_one, &other));
    assert!(!is_one(&pair.world, &contact_one, &lead_record));
    assert!(pair.is_at_rest());
}

#[test]
fn one_is_taken_out_of_whatever_joins_it() {
    let mut pair = joined(&[], &[("Title", "Countess")]);
    let (contact_one, lead_record) = (pair.contact.clone(), pair.lead.clone());
    let other = contact("c2");
    let out = pair.world.show(lead("c2", 50_000, &[("email", ADA)]));
    pair.settle(out, 51);
    // The two contacts are joined by the lead alone: without it each is alone.
    let out = say(&mut pair, &lead_record, &lead_record, false);
    pair.settle(out, 60);
    for (one, another) in [
        (&contact_one, &other),
        (&contact_one, &lead_record),
        (&other, &lead_record),
    ] {
        assert!(!is_one(&pair.world, one, another), "{one} and {another}");
    }
    assert_eq!(pair.seen(&contact_one, TITLE), Value::Null);
    assert_eq!(pair.count("records_unlinked"), 2);
    assert!(pair.is_at_rest());
}
