//! What comes late, and what an answer cannot say. All found by the simulation.

use super::stage::*;
use crate::domain::{EventKind, Outcome, Value, Version, Writer};
use crate::processor::tests::world::*;

const NICKNAME: &str = "custom_attributes.nickname";

/// A write of the title to the lead whose repeat found it done, at second 55.
fn title_found_written() -> Pair {
    let mut pair = Pair::new();
    let out = pair.webhook(50_000, &[(TITLE, "Agent's")]);
    let done = Outcome::Written {
        record: pair.lead.clone(),
        created: false,
        values: Some(texts(&[("Title", "Agent's")])),
        version: Some(Version::second(55)),
    };
    assert_eq!(pair.world.answer(&out[0], done), vec![]);
    pair
}

#[test]
fn an_event_of_what_our_write_replaced_is_decided_and_does_not_set_seen_back() {
    let mut pair = title_found_written();
    let out = pair.event(53, Writer::Foreign, &[("Title", "Rep's")]);
    assert_eq!(
        pair.last_conflict(),
        (Value::text("Rep's"), Value::text("Agent's"))
    );
    assert_eq!(pair.seen(&pair.lead, "Title"), Value::text("Agent's"));
    assert_eq!(
        writes_to(&out, &pair.lead).len(),
        1,
        "the owner's is put back"
    );
    assert_eq!(writes_to(&out, &pair.contact).len(), 1);
}

#[test]
fn an_event_in_the_second_of_an_answer_is_read() {
    let mut pair = title_found_written();
    let read = pair.event(55, Writer::Foreign, &[("Title", "Rep's")]);
    assert!(
        is_read_of(&read[0], &pair.lead),
        "nobody knows which was last"
    );
    assert_eq!(pair.decided(TITLE), Value::text("Agent's"));
    let outcome = pair.outcome(&read[0], 55, &[]);
    let out = pair.world.answer(&read[0], outcome);
    assert_eq!(
        pair.last_conflict(),
        (Value::text("Rep's"), Value::text("Agent's")),
        "what was replaced was said all the same"
    );
    pair.settle(out, 60);
    assert_eq!(pair.seen(&pair.contact, TITLE), Value::text("Rep's"));
}

#[test]
fn automations_event_that_comes_before_the_answer_is_not_set_back_by_it() {
    let mut pair = Pair::new();
    let out = pair.webhook(50_000, &[(NICKNAME, "Addie")]);
    pair.event(51, Writer::Ours, &[("Nickname__c", "ADA!")]);
    let out = pair.done(&out[0], 51);
    assert_eq!(pair.seen(&pair.lead, "Nickname__c"), Value::text("ADA!"));
    let repair = writes_to(&out, &pair.lead);
    assert_eq!(
        fields(repair[0]),
        pairs(&[("Nickname__c", "Addie")]),
        "the owner's value is put back"
    );
}

/// A read is out while an agent sets the phone number at second 60.
fn phone_during_a_read(mapping: &str, event: Option<(i64, &str)>) -> Pair {
    let mut pair = Pair::of(mapping);
    let lead = pair.lead.clone();
    let nothing = texts(&[]);
    let read = pair.event_of(&lead, EventKind::Gap, 58, Writer::Foreign, nothing);
    assert!(is_read_of(&read[0], &pair.lead));
    pair.webhook(60_000, &[("phone", "+14155550001")]);
    if let Some((second, value)) = event {
        pair.event(second, Writer::Foreign, &[("Phone", value)]);
    }
    let outcome = pair.outcome(&read[0], 70, &[("Phone", "+14155550002")]);
    let out = pair.world.answer(&read[0], outcome);
    pair.settle(out, 71);
    pair
}

#[test]
fn a_read_does_not_say_since_when_so_the_owners_value_stands() {
    let owned = "owner: salesforce\n      direction: both\n      conflict: newest_wins";
    let ours = owned.replace("salesforce", "intercom");
    let mapping = BOTH.replace(owned, &ours);
    assert_ne!(mapping, BOTH);
    let pair = phone_during_a_read(&mapping, None);
    assert_eq!(pair.decided("phone"), Value::text("+14155550001"));
    let pair = phone_during_a_read(BOTH, None);
    assert_eq!(pair.decided("phone"), Value::text("+14155550002"));
    // An event that waits for the read says when.
    let pair = phone_during_a_read(&mapping, Some((65, "+14155550002")));
    assert_eq!(pair.decided("phone"), Value::text("+14155550002"));
    let pair = phone_during_a_read(BOTH, Some((59, "+14155550002")));
    assert_eq!(pair.decided("phone"), Value::text("+14155550001"));
}

#[test]
fn what_waits_for_an_answer_says_what_was_there_before_it() {
    let mut pair = Pair::new();
    let out = pair.event(49, Writer::Foreign, &[("Title", "Countess")]);
    pair.event(50, Writer::Foreign, &[("Phone", "+14155550003")]);
    pair.webhook(54_000, &[("phone", "+14155550001")]);
    let outcome = pair.outcome(&out[0], 56, &[("phone", "+14155550002")]);
    let out = pair.world.answer(&out[0], outcome);
    assert_eq!(
        pair.decided("phone"),
        Value::text("+14155550002"),
        "the agent's second number is newer than the rep's"
    );
    pair.settle(out, 60);
    assert_eq!(pair.seen(&pair.lead, "Phone"), Value::text("+14155550002"));
    assert!(pair.is_at_rest());
}

#[test]
fn a_read_in_the_orgs_own_form_is_not_a_move_although_something_else_is_decided() {
    let mut pair = Pair::new();
    let out = pair.webhook(50_000, &[("phone", "+14155552671")]);
    pair.done(&out[0], 52);
    let lead = pair.lead.clone();
    let read = pair.event_of(&lead, EventKind::Gap, 53, Writer::Foreign, texts(&[]));
    pair.webhook(61_000, &[("phone", "+14155550009")]);
    let outcome = pair.outcome(&read[0], 52, &[("Phone", "(415) 555-2671")]);
    let out = pair.world.answer(&read[0], outcome);
    assert_eq!(pair.count("conflict_decided"), 0);
    assert_eq!(
        fields(writes_to(&out, &pair.lead)[0]),
        pairs(&[("Phone", "+14155550009")])
    );
}
