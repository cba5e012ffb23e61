//! What was written under a mapping since a time is undone, where it still stands.

use super::both::stage::{BOTH, Pair, writes_to};
use super::mass_changes::{PEOPLE, crowd, rest, retitle, there};
use super::world::*;
use crate::domain::journal::DomainEvent as E;
use crate::domain::{Command, ObservationBody, Timestamp, Topic, Value, Writer};
use crate::processor::queries;

const TITLE: &str = "custom_attributes.job_title";

fn revert(world: &mut World, mapping: [u8; 32], since: Timestamp) -> Vec<Command> {
    let by = "ann".to_owned();
    let body = ObservationBody::RevertDecided { mapping, since, by };
    world.take(Topic::Decisions, body)
}

fn hash(world: &World) -> [u8; 32] {
    world.offer.hash()
}

/// A later time than that of anything before.
fn now(world: &mut World) -> Timestamp {
    world.pass(1_000);
    Timestamp(world.now)
}

/// An agent's word reaches the lead, and the org tells of our write.
fn says(pair: &mut Pair, second: i64, field: (&str, &str), value: &str) {
    let out = pair.webhook(second * 1_000, &[(field.0, value)]);
    pair.settle(out, second + 1);
    let out = pair.event(second + 2, Writer::Ours, &[(field.1, value)]);
    pair.settle(out, second + 3);
}

fn title(pair: &mut Pair, second: i64, value: &str) {
    says(pair, second, (TITLE, "Title"), value);
}

fn titles(pair: &Pair, commands: &[Command]) -> Vec<String> {
    let writes = writes_to(commands, &pair.lead);
    let of = |write: &&Command| {
        let fields = fields(write).into_iter();
        let title = fields.filter(|(name, _)| name == "Title");
        title.map(|(_, value)| value).collect::<Vec<_>>()
    };
    writes.iter().flat_map(of).collect()
}

#[test]
fn what_stood_before_comes_back() {
    let mut pair = Pair::new();
    let first = now(&mut pair.world);
    title(&mut pair, 50, "Analyst");
    let second = now(&mut pair.world);
    title(&mut pair, 60, "Countess");
    title(&mut pair, 70, "Duchess");
    let mapping = hash(&pair.world);
    // Since the second one: what the first one wrote stands again.
    let out = revert(&mut pair.world, mapping, second);
    assert_eq!(titles(&pair, &out), ["Analyst"]);
    pair.settle(out, 80);
    pair.event(82, Writer::Ours, &[("Title", "Analyst")]);
    assert_eq!(pair.seen(&pair.lead, "Title"), Value::text("Analyst"));
    assert!(pair.is_at_rest());
    // It is no decision about the customer, and nobody else is told of another value.
    assert_eq!(pair.decided(TITLE), Value::text("Duchess"));
    assert_eq!(pair.seen(&pair.contact, TITLE), Value::text("Duchess"));
    // Since the first one: the field was blank.
    let out = revert(&mut pair.world, mapping, first);
    assert_eq!(titles(&pair, &out), [""]);
    pair.settle(out, 90);
    // A later change is written as ever.
    let out = pair.webhook(100_000, &[(TITLE, "Empress")]);
    assert_eq!(titles(&pair, &out), ["Empress"]);
}

#[test]
fn said_twice_it_is_done_once() {
    let mut pair = Pair::new();
    let since = now(&mut pair.world);
    title(&mut pair, 50, "Analyst");
    let mapping = hash(&pair.world);
    let out = revert(&mut pair.world, mapping, since);
    pair.settle(out, 60);
    assert_eq!(revert(&mut pair.world, mapping, since), vec![]);
    let changes = pair.world.events();
    assert!(!changes.contains(&"desired_changed"), "{changes:?}");
}

#[test]
fn what_somebody_has_changed_since_stays() {
    let mut pair = Pair::new();
    let since = now(&mut pair.world);
    title(&mut pair, 50, "Analyst");
    let out = pair.event(60, Writer::Foreign, &[("Title", "Chief")]);
    pair.settle(out, 61);
    let mapping = hash(&pair.world);
    let out = revert(&mut pair.world, mapping, since);
    assert_eq!(titles(&pair, &out), Vec::<String>::new());
    // Our write to the contact still stands, and is undone.
    let of_contact = writes_to(&out, &pair.contact);
    let sent: Vec<_> = of_contact.iter().flat_map(|one| fields(one)).collect();
    assert!(
        sent.contains(&(TITLE.to_owned(), "Analyst".to_owned())),
        "{sent:?}"
    );
    pair.settle(out, 70);
    assert_eq!(pair.seen(&pair.lead, "Title"), Value::text("Chief"));
    assert!(pair.is_at_rest());
}

#[test]
fn what_another_mapping_wrote_stays() {
    let mut pair = Pair::new();
    let since = now(&mut pair.world);
    let old = hash(&pair.world);
    says(
        &mut pair,
        40,
        ("custom_attributes.nickname", "Nickname__c"),
        "Addie",
    );
    title(&mut pair, 50, "Analyst");
    pair.world.offer.file = BOTH.replace("version: 1", "version: 2");
    let (new, body) = pair.world.offer();
    let offered = ObservationBody::MappingOffered {
        version: 2,
        hash: new,
        body,
    };
    let out = pair.world.take(Topic::Decisions, offered);
    pair.settle(out, 55);
    title(&mut pair, 60, "Countess");
    let out = revert(&mut pair.world, new, since);
    assert_eq!(titles(&pair, &out), ["Analyst"], "of the new one alone");
    pair.settle(out, 70);
    pair.event(72, Writer::Ours, &[("Title", "Analyst")]);
    // The title was written under the new one last; the nickname under the old one.
    let out = revert(&mut pair.world, old, since);
    assert_eq!(titles(&pair, &out), Vec::<String>::new());
    let sent: Vec<_> = out.iter().flat_map(fields).collect();
    assert_eq!(sent, pairs(&[("Nickname__c", "")]));
}

#[test]
fn what_is_not_kept_any_more_is_not_guessed() {
    let mut pair = Pair::new();
    title(&mut pair, 40, "Analyst");
    let since = now(&mut pair.world);
    title(&mut pair, 50, "Countess");
    for round in 0..8 {
        let nickname = format!("Addie {round}");
        let second = 100 + 10 * round;
        says(
            &mut pair,
            second,
            ("custom_attributes.nickname", "Nickname__c"),
            &nickname,
        );
    }
    let mapping = hash(&pair.world);
    let told = queries::revertible(
        &pair.world.view,
        &bridge(),
        &hex::encode(mapping),
        since,
        None,
    );
    let told = told.unwrap()["records"].as_array().unwrap().clone();
    let of_lead = told.iter().filter(|one| one["object"] == "Lead");
    let said: Vec<_> = of_lead
        .map(|one| format!("{} {}", one["what"], one["fields"]))
        .collect();
    let expected = [r#""not_kept" ["Title"]"#, r#""undo" ["Nickname__c"]"#];
    assert_eq!(said, expected);
    let out = revert(&mut pair.world, mapping, since);
    assert_eq!(titles(&pair, &out), Vec::<String>::new());
    pair.settle(out, 300);
    assert_eq!(pair.seen(&pair.lead, "Title"), Value::text("Countess"));
    assert_eq!(pair.seen(&pair.lead, "Nickname__c"), Value::Null);
}

/// Also where more records are changed than the brake on mass changes would let pass: a person
/// wants it.
#[test]
fn everybody_is_reached_in_slices_and_the_brake_lets_it_pass() {
    let mut world = crowd(PEOPLE);
    let since = now(&mut world);
    let everybody = 0..PEOPLE;
    for number in everybody.clone() {
        // Slowly enough.
        world.pass(20 * 60_000);
        let second = 1_000 + 2_000 * number as i64;
        assert_eq!(retitle(&mut world, number, second, "Chief").len(), 1);
    }
    let mapping = hash(&world);
    let page = |world: &World| {
        let hash = hex::encode(mapping);
        let told = queries::revertible(&world.view, &bridge(), &hash, since, None);
        told.unwrap()["records"].as_array().unwrap().clone()
    };
    let told = page(&world);
    assert_eq!(told.len(), PEOPLE);
    assert_eq!(told[0]["what"], "undo");
    assert_eq!(told[0]["fields"], serde_json::json!(["Title"]));
    let out = revert(&mut world, mapping, since);
    super::mass_changes::answer_all(&mut world, out);
    rest(&mut world);
    for number in everybody {
        let state = world.state(&there(number));
        assert_eq!(
            state.value_seen("Title"),
            &Value::text("Analyst"),
            "{number}"
        );
    }
    assert_eq!(page(&world), Vec::<serde_json::Value>::new());
    assert_eq!(
        world.counted(|one| matches!(one, E::MassChangeBraked { .. })),
        0
    );
    assert_eq!(world.rebuilt().digest(), world.view.digest());
}

#[test]
fn a_mapping_that_was_never_active_undoes_nothing() {
    let mut pair = Pair::new();
    title(&mut pair, 50, "Analyst");
    assert_eq!(revert(&mut pair.world, [7; 32], Timestamp(0)), vec![]);
    assert_eq!(pair.count("revert_decided"), 0);
    let view = &pair.world.view;
    let unknown = queries::revert_decision(view, &bridge(), "07070707", Timestamp(0));
    let mapping = hex::encode(hash(&pair.world));
    assert!(unknown.unwrap_err().contains(&mapping));
    let short = queries::revert_decision(view, &bridge(), &mapping[..4], Timestamp(0));
    assert!(short.is_err(), "four digits name nothing");
    let known = queries::revert_decision(view, &bridge(), &mapping[..8], Timestamp(0));
    assert_eq!(known.unwrap().1, hash(&pair.world));
}

#[test]
fn a_write_that_is_out_is_undone_once_it_is_answered() {
    let mut pair = Pair::new();
    let since = now(&mut pair.world);
    let out = pair.webhook(50_000, &[(TITLE, "Analyst")]);
    let write = writes_to(&out, &pair.lead)[0].clone();
    let mapping = hash(&pair.world);
    assert_eq!(revert(&mut pair.world, mapping, since), vec![]);
    let more = pair.done(&write, 51);
    assert_eq!(titles(&pair, &more), [""]);
    pair.settle(more, 52);
    assert!(pair.is_at_rest());
    assert_eq!(revert(&mut pair.world, mapping, since), vec![]);
}

/// A Lead has a last name, whatever stood there before.
#[test]
fn what_the_org_wants_filled_stays_filled() {
    let mut pair = Pair::new();
    let since = now(&mut pair.world);
    let lead = pair.lead.clone();
    let blank = super::both::stage::texts(&[("LastName", "")]);
    let kind = crate::domain::EventKind::Updated;
    let out = pair.event_of(&lead, kind, 50, Writer::Foreign, blank);
    pair.settle(out, 51);
    let filled = pair.seen(&lead, "LastName");
    assert!(!filled.is_blank(), "it was written back");
    let mapping = hash(&pair.world);
    let out = revert(&mut pair.world, mapping, since);
    assert!(
        out.iter()
            .all(|one| !fields(one).iter().any(|(name, _)| name == "LastName"))
    );
    pair.settle(out, 60);
    assert_eq!(pair.seen(&lead, "LastName"), filled);
}
