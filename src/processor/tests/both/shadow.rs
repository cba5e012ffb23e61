//! Shadow mode: all is decided, nothing is written, and what would be is told.

use super::relations::{at_the_account, joins};
use super::stage::*;
use crate::domain::brakes::Withheld;
use crate::domain::journal::{BridgeMode, DomainEvent};
use crate::domain::{Command, CommandKind, ObservationBody, Topic, Value, Writer};
use crate::processor::queries;
use crate::processor::tests::world::*;

fn set(world: &mut World, mode: BridgeMode) -> Vec<Command> {
    let by = "ann".to_owned();
    world.take(Topic::Decisions, ObservationBody::ModeDecided { mode, by })
}

fn in_shadow() -> Pair {
    let mut pair = Pair::new();
    assert_eq!(set(&mut pair.world, BridgeMode::Shadow), vec![]);
    pair
}

fn suppressed(world: &World) -> usize {
    world.counted(|event| matches!(event, DomainEvent::WriteSuppressed { .. }))
}

fn withheld(world: &World) -> Vec<(String, String, String)> {
    let page = queries::withheld(&world.view, &bridge(), None);
    let records = page["records"].as_array().unwrap().iter();
    let text = |one: &serde_json::Value| one.as_str().unwrap().to_owned();
    let shown = records.map(|one| {
        (
            text(&one["record"]),
            text(&one["what"]),
            text(&one["object"]),
        )
    });
    shown.collect()
}

#[test]
fn in_shadow_mode_all_is_decided_and_nothing_is_written() {
    let mut pair = in_shadow();
    let out = pair.webhook(50_000, &[(TITLE, "Analyst")]);
    assert_eq!(out, vec![]);
    assert_eq!(pair.decided(TITLE), Value::text("Analyst"));
    let lead = pair.world.state(&pair.lead);
    assert_eq!(lead.desired["Title"].value, Value::text("Analyst"));
    assert_ne!(pair.seen(&pair.lead, "Title"), Value::text("Analyst"));
    let kept = lead.suppressed.expect("the write is withheld");
    assert_eq!(
        (kept.what, kept.names),
        (Withheld::Update, vec!["Title".into()])
    );
    let out = pair.event(60, Writer::Foreign, &[("Status", "Working")]);
    assert_eq!(out, vec![], "nothing to the other side either");
    assert_eq!(suppressed(&pair.world), 2);
    assert_eq!(pair.world.pass(10 * DEADLINE_MS), vec![]);
    let update = |record: &crate::domain::RecordRef| {
        let object = record.object.as_str().to_owned();
        (record.to_string(), "update".to_owned(), object)
    };
    let mut expected = vec![update(&pair.lead), update(&pair.contact)];
    expected.sort();
    let mut told = withheld(&pair.world);
    told.sort();
    assert_eq!(told, expected);
}

#[test]
fn what_is_withheld_is_journaled_once_and_ends_when_it_agrees() {
    let mut pair = in_shadow();
    pair.webhook(50_000, &[(TITLE, "Analyst")]);
    // The lead is looked at again, and the same would be written.
    pair.event(60, Writer::Foreign, &[("Status", "Working")]);
    let of_lead = pair.world.counted(|event| match event {
        DomainEvent::WriteSuppressed { command, .. } => command.source == sales(),
        _ => false,
    });
    assert_eq!(of_lead, 1);
    // A rep types what would have been written.
    pair.event(70, Writer::Foreign, &[("Title", "Analyst")]);
    assert!(pair.world.state(&pair.lead).suppressed.is_none());
    let ended = pair.count("suppression_ended");
    assert_eq!(ended, 1);
}

#[test]
fn whoever_would_be_created_is_looked_for_once() {
    let mut world = World::new();
    set(&mut world, BridgeMode::Shadow);
    let email = ("email", "ada@example.com");
    let look = world.qualify(lead("c1", 1_000, &[email, ("name", "Ada Lovelace")]));
    assert!(is_lookup(&look[0]) && look.len() == 1);
    assert_eq!(world.answer(&look[0], found(&[])), vec![]);
    let kept = world.state(&contact("c1")).suppressed;
    let kept = kept.expect("the creation is withheld");
    assert!(matches!(&kept.what, Withheld::Create(object) if object.as_str() == "Lead"));
    assert!(kept.names.iter().any(|name| name == "Email"), "{kept:?}");
    let shown = with_tag(lead("c1", 2_000, &[email, ("phone", "+14155550100")]));
    assert_eq!(world.show(shown), vec![]);
    assert_eq!(suppressed(&world), 1);
    // The tag is taken off: nobody would be created any more.
    world.show(lead("c1", 3_000, &[email]));
    assert!(world.state(&contact("c1")).suppressed.is_none());
    assert_eq!(withheld(&world), vec![]);
}

#[test]
fn of_several_with_one_address_one_would_be_created() {
    let mut world = World::new();
    set(&mut world, BridgeMode::Shadow);
    let email = [("email", "ada@example.com")];
    let look = world.qualify(lead("c1", 1_000, &email));
    let waits = world.qualify(lead("c2", 1_000, &email));
    assert_eq!(waits, vec![], "it stands in line");
    for command in world.answer(&look[0], found(&[])) {
        assert!(is_lookup(&command), "{command:?}");
        assert_eq!(world.answer(&command, found(&[])), vec![]);
    }
    assert_eq!(suppressed(&world), 1);
    let (record, what) = (contact("c1").to_string(), "create".to_owned());
    assert_eq!(withheld(&world), [(record, what, "Lead".to_owned())]);

    let look = set(&mut world, BridgeMode::Live);
    assert!(look.len() == 1 && is_lookup(&look[0]), "{look:?}");
    let create = world.answer(&look[0], found(&[]));
    assert!(create.len() == 1 && is_create(&create[0]), "{create:?}");
    let made = salesforce("Lead", "00Q000000000001AAA");
    world.answer(&create[0], written(&made, true));
    assert_eq!(world.customer(&contact("c2")).records.len(), 3);
    assert_eq!(withheld(&world), vec![]);
}

#[test]
fn nobody_joins_a_company_in_shadow_mode() {
    let (mut pair, out) = at_the_account();
    set(&mut pair.world, BridgeMode::Shadow);
    pair.settle(out, 40);
    assert!(pair.world.commands.iter().all(|one| joins(one).is_none()));
    let kept = pair.world.state(&pair.contact).suppressed;
    assert_eq!(kept.map(|kept| kept.what), Some(Withheld::Attach));
    let out = set(&mut pair.world, BridgeMode::Live);
    let company = out.iter().find_map(joins);
    assert_eq!(company.as_deref(), Some("acme"), "{out:?}");
}

#[test]
fn going_live_writes_what_is_desired_by_then() {
    let mut pair = in_shadow();
    let nickname = "custom_attributes.nickname";
    pair.webhook(50_000, &[(TITLE, "Analyst"), (nickname, "Addie")]);
    pair.webhook(60_000, &[(TITLE, "Countess"), (nickname, "")]);
    let out = set(&mut pair.world, BridgeMode::Live);
    assert_eq!(out.len(), 1, "{out:?}");
    assert_eq!(fields(&out[0]), pairs(&[("Title", "Countess")]));
    pair.settle(out, 70);
    assert!(pair.is_at_rest());
    assert!(pair.world.state(&pair.lead).suppressed.is_none());
    // It writes as ever.
    let out = pair.webhook(90_000, &[(TITLE, "Duchess")]);
    assert_eq!(writes_to(&out, &pair.lead).len(), 1);
}

#[test]
fn going_live_creates_who_was_withheld() {
    let mut world = World::new();
    set(&mut world, BridgeMode::Shadow);
    let look = world.qualify(lead("c1", 1_000, &[("email", "ada@example.com")]));
    world.answer(&look[0], found(&[]));
    let look = set(&mut world, BridgeMode::Live);
    assert!(look.len() == 1 && is_lookup(&look[0]), "{look:?}");
    let create = world.answer(&look[0], found(&[]));
    assert!(create.len() == 1 && is_create(&create[0]), "{create:?}");
    assert!(world.state(&contact("c1")).suppressed.is_none());
}

/// The sink may have it already: nobody can call it back.
#[test]
fn what_was_asked_for_before_shadow_mode_is_finished() {
    let mut pair = Pair::new();
    let out = pair.webhook(50_000, &[(TITLE, "Analyst")]);
    let write = writes_to(&out, &pair.lead)[0].clone();
    set(&mut pair.world, BridgeMode::Shadow);
    let again = pair.world.pass(2 * DEADLINE_MS);
    assert_eq!((again.len(), again[0].id), (1, write.id));
    assert!(again[0].reads_first());
    pair.webhook(60_000, &[(TITLE, "Countess")]);
    let more = pair.done(&again[0], 61);
    let writes = more
        .iter()
        .filter(|one| matches!(one.kind, CommandKind::Write(_)));
    assert_eq!(writes.count(), 0, "what came meanwhile is withheld");
    assert_eq!(pair.seen(&pair.lead, "Title"), Value::text("Analyst"));
}

#[test]
fn a_mode_that_is_so_already_changes_nothing() {
    let mut pair = in_shadow();
    set(&mut pair.world, BridgeMode::Shadow);
    assert_eq!(pair.world.events(), ["trace"; 0]);
    assert_eq!(pair.count("mode_changed"), 1);
}
