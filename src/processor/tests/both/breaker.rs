//! A field that goes back and forth is written no more, and a person is told.

use super::stage::*;
use crate::domain::journal::{DomainEvent, ReviewKind};
use crate::domain::view::{ReviewItem, ViewEntry};
use crate::domain::{Change, Gone, ObservationBody, ReviewAnswer, Topic, Value, ViewKey};
use crate::domain::{ViewRead, Writer};
use crate::processor::decide::Brakes;
use crate::processor::queries;
use crate::processor::tests::world::*;

/// Rounds after which the breaker trips, as it is set by default.
const ROUNDS_MAX: usize = 6;

/// An agent's workflow sets the title, and what we write of it a flow of the org replaces, which is
/// written to the contact. `between` passes before each round, in milliseconds.
fn back_and_forth(pair: &mut Pair, rounds: std::ops::Range<usize>, between: i64) {
    for round in rounds {
        let second = 100 + 20 * round as i64;
        let more = pair.world.pass(between);
        pair.settle(more, second);
        agent_says(pair, second, &format!("agent {round}"));
        let flow = format!("flow {round}");
        let out = pair.event(second + 10, Writer::Foreign, &[("Title", flow.as_str())]);
        pair.settle(out, second + 11);
    }
}

/// An agent's word reaches the lead, and the org tells of our write.
fn agent_says(pair: &mut Pair, second: i64, title: &str) {
    let out = pair.webhook(second * 1_000, &[(TITLE, title)]);
    let is_written = !writes_to(&out, &pair.lead).is_empty();
    pair.settle(out, second + 1);
    if is_written {
        let out = pair.event(second + 2, Writer::Ours, &[("Title", title)]);
        pair.settle(out, second + 3);
    }
}

fn titles_written(pair: &Pair) -> usize {
    let writes = writes_to(&pair.world.commands, &pair.lead);
    let titles = writes.iter().filter(|one| {
        let fields = fields(one);
        fields.iter().any(|(name, _)| name == "Title")
    });
    titles.count()
}

fn tripped(pair: &Pair) -> ReviewItem {
    let state = pair.world.state(&pair.lead);
    let review = *state.tripped.get("Title").expect("the breaker has tripped");
    let key = ViewKey::review(&bridge(), &review);
    match pair.world.view.get(&key).as_deref() {
        Some(ViewEntry::Review(item)) => (**item).clone(),
        _ => panic!("no item says why the title is not written"),
    }
}

fn fighting() -> Pair {
    let mut pair = Pair::new();
    back_and_forth(&mut pair, 0..ROUNDS_MAX, 0);
    assert_eq!(pair.count("breaker_tripped"), 0);
    agent_says(&mut pair, 500, "agent at last");
    pair
}

fn answer(pair: &mut Pair, answer: ReviewAnswer) -> Vec<crate::domain::Command> {
    let body = ObservationBody::ReviewAnswered {
        review: tripped(pair).id,
        answer,
        by: "ann".into(),
    };
    pair.world.take(Topic::Decisions, body)
}

#[test]
fn a_field_that_goes_back_and_forth_is_written_no_more_and_a_person_is_told() {
    let pair = fighting();
    assert_eq!(pair.count("breaker_tripped"), 1);
    assert_eq!(titles_written(&pair), ROUNDS_MAX);
    assert_eq!(pair.seen(&pair.lead, "Title"), Value::text("flow 5"));
    assert_eq!(pair.decided(TITLE), Value::text("agent at last"));
    assert!(pair.is_at_rest());

    // The item names both values, and who said them.
    let item = tripped(&pair);
    assert_eq!(item.kind, ReviewKind::Oscillating);
    assert_eq!(
        (&item.record, item.field.as_deref()),
        (&pair.lead, Some(TITLE))
    );
    let said = item.claims.iter();
    let said = said.map(|claim| (claim.record.clone(), claim.value.display()));
    let expected = [
        (pair.lead.clone(), "flow 5".to_owned()),
        (pair.contact.clone(), "agent at last".to_owned()),
    ];
    assert_eq!(said.collect::<Vec<_>>(), expected);
    let told = queries::explain(&pair.world.view, &bridge(), &pair.lead.to_string());
    let held = &told["customers"][0]["fields"][TITLE]["records"];
    let why = held[pair.lead.to_string()]["Title"]["written_no_more"].as_str();
    let why = why.expect("explain says that it is written no more");
    assert!(why.contains(&item.id.to_string()), "{why}");
}

#[test]
fn other_fields_of_a_record_whose_breaker_tripped_are_written() {
    let mut pair = fighting();
    let out = pair.webhook(
        600_000,
        &[("phone", "+14155550100"), (TITLE, "agent again")],
    );
    let write = writes_to(&out, &pair.lead)[0];
    assert_eq!(fields(write), pairs(&[("Phone", "+14155550100")]));
}

#[test]
fn ten_edits_in_one_direction_trip_nothing() {
    let mut pair = Pair::new();
    for round in 0..10 {
        agent_says(&mut pair, 100 + 10 * round, &format!("title {round}"));
    }
    assert_eq!(titles_written(&pair), 10);
    let lead = pair.world.state(&pair.lead);
    assert!(lead.reversals.is_empty(), "{:?}", lead.reversals);
    for round in 0..10 {
        let (second, title) = (300 + 10 * round, format!("rep {round}"));
        let out = pair.event(second, Writer::Foreign, &[("Title", title.as_str())]);
        pair.settle(out, second + 1);
    }
    assert_eq!(pair.count("breaker_tripped"), 0);
    assert_eq!(pair.seen(&pair.contact, TITLE), Value::text("rep 9"));
}

#[test]
fn what_goes_back_and_forth_slowly_is_written_on() {
    let mut pair = Pair::new();
    let window = Brakes::default().window_ms;
    back_and_forth(&mut pair, 0..2 * ROUNDS_MAX, window / 4);
    assert_eq!(pair.count("breaker_tripped"), 0);
    assert_eq!(titles_written(&pair), 2 * ROUNDS_MAX);
}

/// The org tells of it before it answers the write.
#[test]
fn automation_in_the_transaction_of_a_write_in_flight_counts() {
    let mut pair = Pair::new();
    let out = pair.webhook(50_000, &[("custom_attributes.nickname", "Addie")]);
    let write = writes_to(&out, &pair.lead)[0].clone();
    pair.event(51, Writer::Ours, &[("Nickname__c", "ADDIE THE FIRST")]);
    let known = pair.world.state(&pair.lead).reversals;
    assert_eq!(known["Nickname__c"].len(), 1);
    pair.done(&write, 51);
    // The echo alone, in flight or not, is no reversal.
    let mut pair = Pair::new();
    let out = pair.webhook(50_000, &[("custom_attributes.nickname", "Addie")]);
    let write = writes_to(&out, &pair.lead)[0].clone();
    pair.event(51, Writer::Ours, &[("Nickname__c", "Addie")]);
    pair.done(&write, 51);
    assert!(pair.world.state(&pair.lead).reversals.is_empty());
}

#[test]
fn a_person_lets_a_tripped_field_be_written_again() {
    let mut pair = fighting();
    let out = answer(&mut pair, ReviewAnswer::Retry);
    assert_eq!(fields(&out[0]), pairs(&[("Title", "agent at last")]));
    pair.settle(out, 510);
    pair.event(512, Writer::Ours, &[("Title", "agent at last")]);
    assert_eq!(pair.count("review_closed"), 1);
    assert!(pair.is_at_rest());
    // It is counted anew: one more is no fight.
    let out = pair.event(520, Writer::Foreign, &[("Title", "flow again")]);
    pair.settle(out, 521);
    agent_says(&mut pair, 540, "agent again");
    assert_eq!(pair.seen(&pair.lead, "Title"), Value::text("agent again"));
    assert_eq!(pair.count("breaker_tripped"), 1);
}

#[test]
fn a_person_says_whose_value_stands_and_it_is_written() {
    let mut pair = fighting();
    let record = pair.lead.clone();
    let out = answer(&mut pair, ReviewAnswer::Keep { record });
    assert_eq!(pair.decided(TITLE), Value::text("flow 5"));
    assert_eq!(
        writes_to(&out, &pair.lead),
        Vec::<&crate::domain::Command>::new()
    );
    pair.settle(out, 510);
    assert_eq!(pair.seen(&pair.contact, TITLE), Value::text("flow 5"));
    assert!(pair.is_at_rest());
}

#[test]
fn a_dismissed_breaker_leaves_the_record_as_it_is_until_somebody_changes_it() {
    let mut pair = fighting();
    assert_eq!(answer(&mut pair, ReviewAnswer::Dismiss), vec![]);
    let lead = pair.world.state(&pair.lead);
    assert_eq!(lead.desired["Title"].value, Value::text("flow 5"));
    assert!(lead.tripped.is_empty());
    assert!(pair.is_at_rest());
    agent_says(&mut pair, 600, "agent much later");
    assert_eq!(
        pair.seen(&pair.lead, "Title"),
        Value::text("agent much later")
    );
}

#[test]
fn a_new_mapping_lets_a_tripped_field_be_written_again() {
    let mut pair = fighting();
    pair.world.offer.file = BOTH.replace("version: 1", "version: 2");
    let (hash, body) = pair.world.offer();
    let offered = ObservationBody::MappingOffered {
        version: 2,
        hash,
        body,
    };
    let out = pair.world.take(Topic::Decisions, offered);
    assert!(pair.world.state(&pair.lead).tripped.is_empty());
    let write = writes_to(&out, &pair.lead)[0];
    assert_eq!(fields(write), pairs(&[("Title", "agent at last")]));
}

#[test]
fn whoever_leaves_leaves_no_breaker_behind() {
    let mut pair = fighting();
    let review = tripped(&pair).id;
    let (lead, kind) = (pair.lead.clone(), crate::domain::EventKind::Deleted);
    pair.event_of(&lead, kind, 600, Writer::Foreign, texts(&[]));
    let key = ViewKey::review(&bridge(), &review);
    assert!(pair.world.view.get(&key).is_none());
    let mut pair = fighting();
    let left = Change::Left {
        record: pair.contact.clone(),
        how: Gone::Deleted,
        at: None,
    };
    pair.world.change(left);
    assert!(!pair.world.state(&pair.lead).tripped.is_empty());
}

/// Both halves of a name are one value.
#[test]
fn a_name_is_stopped_as_a_whole() {
    let mut pair = Pair::new();
    for round in 0..=ROUNDS_MAX {
        let second = 100 + 20 * round as i64;
        let name = format!("Ada{round} King");
        let out = pair.webhook(second * 1_000, &[("name", name.as_str())]);
        pair.settle(out, second + 1);
        let first = format!("Ada{round}");
        pair.event(second + 2, Writer::Ours, &[("FirstName", first.as_str())]);
        let flow = format!("Flow{round}");
        let out = pair.event(
            second + 10,
            Writer::Foreign,
            &[("FirstName", flow.as_str())],
        );
        pair.settle(out, second + 11);
    }
    let lead = pair.world.state(&pair.lead);
    let stopped: Vec<&str> = lead.tripped.keys().map(|name| &**name).collect();
    assert_eq!(stopped, ["FirstName", "LastName"]);
    let trips = pair.world.counted(
        |event| matches!(event, DomainEvent::BreakerTripped { field, .. } if field == "name"),
    );
    assert_eq!(trips, 1);
}
