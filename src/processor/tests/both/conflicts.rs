//! Two sides change one field, neither knowing of the other.

use super::stage::*;
use crate::domain::view::ViewEntry;
use crate::domain::{ObservationBody, Outcome, ReviewAnswer, ReviewId, Topic, Value, ViewKey};
use crate::domain::{ViewRead, Writer};
use crate::processor::tests::world::*;

/// Both sides change a field; the event of Salesforce comes first, the webhook while the write
/// that follows from it is out.
fn clash(pair: &mut Pair, field: (&str, &str), ours: (i64, &str), theirs: (i64, &str)) {
    let out = pair.event(theirs.0, Writer::Foreign, &[(field.1, theirs.1)]);
    let write = writes_to(&out, &pair.contact);
    let write = write.first().map(|write| (*write).clone());
    let mut more = pair.webhook(ours.0, &[(field.0, ours.1)]);
    if let Some(write) = write {
        // The agent's edit came first at Intercom, and our write replaced it.
        more.extend(pair.done(&write, ours.0 / 1000 + 5));
    }
    pair.settle(more, ours.0 / 1000 + 10);
}

#[test]
fn the_owners_value_wins_whichever_was_later() {
    for (ours, theirs) in [(60_000, 50), (50_000, 60)] {
        let mut pair = Pair::new();
        clash(
            &mut pair,
            (TITLE, "Title"),
            (ours, "Agent's"),
            (theirs, "Rep's"),
        );
        assert_eq!(
            pair.last_conflict(),
            (Value::text("Rep's"), Value::text("Agent's"))
        );
        assert_eq!(pair.seen(&pair.contact, TITLE), Value::text("Rep's"));
        assert_eq!(pair.seen(&pair.lead, "Title"), Value::text("Rep's"));
        assert!(pair.is_at_rest());
    }
}

#[test]
fn the_newest_value_wins_and_a_tie_goes_to_the_owner() {
    let (agents, reps) = ("+14155550001", "+14155550002");
    for (ours, theirs, wins) in [
        (61_000, 50, agents),
        (50_000, 61, reps),
        (50_400, 50, reps),
        (50_999, 50, reps),
    ] {
        let mut pair = Pair::new();
        clash(
            &mut pair,
            ("phone", "Phone"),
            (ours, agents),
            (theirs, reps),
        );
        assert_eq!(pair.decided("phone"), Value::text(wins), "{ours} {theirs}");
        assert_eq!(pair.seen(&pair.contact, "phone"), Value::text(wins));
        assert_eq!(pair.seen(&pair.lead, "Phone"), Value::text(wins));
        assert!(pair.is_at_rest());
    }
}

#[test]
fn an_opt_out_wins_on_either_side() {
    let names = ("unsubscribed_from_emails", "HasOptedOutOfEmail");
    for (ours, theirs) in [("true", "false"), ("false", "true")] {
        let mut pair = Pair::new();
        clash(&mut pair, names, (60_000, ours), (60, theirs));
        assert_eq!(pair.decided(names.0), Value::Bool(true), "{ours} {theirs}");
        assert_eq!(pair.seen(&pair.lead, names.1), Value::Bool(true));
        assert!(pair.is_at_rest());
    }
}

/// The open conflict, from the view.
fn open_review(pair: &Pair) -> ReviewId {
    let customer = pair.world.customer(&pair.contact);
    *customer
        .contested
        .values()
        .next()
        .expect("a field is contested")
}

fn contested() -> Pair {
    let mut pair = Pair::new();
    let names = ("custom_attributes.tier", "Tier__c");
    let out = pair.event(40, Writer::Foreign, &[(names.1, "Silver")]);
    pair.settle(out, 41);
    // The repeat of the write looks first and finds what an agent has set meanwhile.
    let out = pair.event(60, Writer::Foreign, &[(names.1, "Gold")]);
    let snapshot = pair.shown(61_000, &[(names.0, "Bronze")]);
    pair.world.answer(&out[0], Outcome::FoundOther { snapshot });
    pair
}

#[test]
fn a_conflict_for_a_person_writes_nothing_and_shows_both_values() {
    let pair = contested();
    assert_eq!(pair.count("conflict_opened"), 1);
    let review = open_review(&pair);
    let entry = pair.world.view.get(&ViewKey::review(&bridge(), &review));
    let Some(ViewEntry::Review(item)) = entry.as_deref() else {
        panic!("the item is open");
    };
    let values: Vec<Value> = item
        .claims
        .iter()
        .map(|claim| claim.value.clone())
        .collect();
    assert!(values.contains(&Value::text("Gold")) && values.contains(&Value::text("Bronze")));
    assert!(pair.is_at_rest());
}

#[test]
fn a_persons_answer_settles_the_conflict_on_both_sides() {
    let mut pair = contested();
    let body = ObservationBody::ReviewAnswered {
        review: open_review(&pair),
        answer: ReviewAnswer::Keep {
            record: pair.lead.clone(),
        },
        by: "ann".into(),
    };
    let out = pair.world.take(Topic::Decisions, body);
    pair.settle(out, 100);
    let held = pair.seen(&pair.lead, "Tier__c");
    assert_eq!(pair.seen(&pair.contact, "custom_attributes.tier"), held);
    assert_eq!(pair.decided("custom_attributes.tier"), held);
    assert!(pair.world.customer(&pair.contact).contested.is_empty());
    assert!(pair.is_at_rest());
}

#[test]
fn what_our_write_has_replaced_can_still_be_chosen() {
    let mut pair = Pair::new();
    let names = ("custom_attributes.tier", "Tier__c");
    let out = pair.event(40, Writer::Foreign, &[(names.1, "Silver")]);
    pair.settle(out, 41);
    clash(&mut pair, names, (60_000, "Bronze"), (60, "Gold"));
    assert_eq!(
        pair.seen(&pair.contact, names.0),
        Value::text("Gold"),
        "it is gone there"
    );
    let body = ObservationBody::ReviewAnswered {
        review: open_review(&pair),
        answer: ReviewAnswer::Keep {
            record: pair.contact.clone(),
        },
        by: "ann".into(),
    };
    let out = pair.world.take(Topic::Decisions, body);
    pair.settle(out, 100);
    assert_eq!(pair.seen(&pair.contact, names.0), Value::text("Bronze"));
    assert_eq!(pair.seen(&pair.lead, names.1), Value::text("Bronze"));
}

#[test]
fn a_conflict_ends_by_itself_when_both_sides_say_the_same() {
    let mut pair = contested();
    let now = pair.seen(&pair.lead, "Tier__c").display();
    let out = pair.webhook(90_000, &[("custom_attributes.tier", &now)]);
    pair.settle(out, 100);
    assert!(pair.world.customer(&pair.contact).contested.is_empty());
    assert_eq!(pair.count("review_closed"), 1);
    assert!(pair.is_at_rest());
}
