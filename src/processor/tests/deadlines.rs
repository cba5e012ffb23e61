//! Time is input: what is not answered is asked again, and nothing waits for ever.

use crate::domain::journal::{DomainEvent, ReviewKind};
use crate::domain::{BridgeId, Change, Gone, ObservationBody, Topic};
use crate::processor::step::DUE_PER_STEP_MAX;
use crate::processor::tests::world::*;

const ADA: &str = "ada@example.com";

#[test]
fn a_command_without_an_answer_is_asked_again_as_the_next_attempt() {
    let mut world = World::new();
    world.created_lead("c1", ADA);
    let base = [("email", ADA), ("name", "Ada Byron")];
    let update = world.show(with_tag(lead("c1", 2000, &base)));
    assert_eq!(world.pass(DEADLINE_MS - 1000), vec![]);
    let again = world.pass(2000);
    assert_eq!(again.len(), 1);
    assert_eq!(again[0].id, update[0].id);
    assert_eq!(again[0].attempt, 2);
    assert_eq!(write_of(&again[0]).sequence, write_of(&update[0]).sequence);
    assert_eq!(world.events()[0], "time_advanced");
}

#[test]
fn time_that_brings_nothing_due_is_not_journaled() {
    let mut world = World::new();
    let before = world.journal.len();
    world.pass(10);
    assert_eq!(world.journal.len(), before);
}

#[test]
fn a_person_is_told_of_a_long_silence_once() {
    let mut world = World::new();
    world.created_lead("c1", ADA);
    world.show(with_tag(lead(
        "c1",
        2000,
        &[("email", ADA), ("name", "Ada Byron")],
    )));
    for _ in 0..12 {
        world.pass(16 * 60 * 1000);
    }
    let told = world.counted(|event| {
        matches!(
            event,
            DomainEvent::ReviewOpened {
                kind: ReviewKind::Unanswered,
                ..
            }
        )
    });
    assert_eq!(told, 1);
    let last = world.commands.last().unwrap().clone();
    assert!(last.attempt > 10, "it keeps asking");
    world.answer(&last, written(&salesforce("Lead", "00Qc1"), false));
    assert!(world.events().contains(&"review_closed"));
}

#[test]
fn an_answer_to_an_earlier_attempt_settles_the_command() {
    let mut world = World::new();
    world.created_lead("c1", ADA);
    let update = world.show(with_tag(lead(
        "c1",
        2000,
        &[("email", ADA), ("name", "Ada B")],
    )));
    world.pass(DEADLINE_MS + 1000);
    let record = salesforce("Lead", "00Qc1");
    assert_eq!(world.answer(&update[0], written(&record, false)), vec![]);
    assert!(world.state(&record).writing.is_none());
}

#[test]
fn a_deferral_ends_at_its_deadline_and_stands_in_line_again() {
    let mut world = World::new();
    world.qualify(lead("c1", 1000, &[("email", ADA)]));
    world.qualify(lead("c2", 1000, &[("email", ADA)]));
    world.pass(2 * DEADLINE_MS + 1000);
    let events = world.events();
    assert!(events.contains(&"deferral_ended"), "{events:?}");
    assert!(
        events.contains(&"link_deferred"),
        "the first one is still looking: {events:?}"
    );
}

#[test]
fn a_lead_waits_for_its_company_no_longer_than_the_deadline() {
    let mut world = World::new();
    let mut snapshot = lead("c1", 1000, &[("email", ADA)]);
    snapshot.companies = Some(crate::domain::RefSet {
        ids: ["co1".to_owned()].into(),
        complete: true,
    });
    let lookup = world.qualify(snapshot);
    let read = world.answer(&lookup[0], found(&[]));
    assert!(is_read_of(&read[0], &company("co1")));
    let after = world.pass(DEADLINE_MS + 1000);
    assert!(after.iter().any(is_create));
}

/// The deadline of a deferral once outlived the contact, and stopped the bridge when it passed.
#[test]
fn the_deadline_of_a_deferral_goes_with_the_contact() {
    for merged in [false, true] {
        let mut world = World::new();
        world.qualify(lead("c1", 1000, &[("email", ADA)]));
        world.qualify(lead("c2", 1000, &[("email", ADA)]));
        if merged {
            world.change(Change::Merged {
                survivor: lead("c3", 2000, &[("name", "Ada")]),
                absorbed: Some(contact("c2")),
            });
        } else {
            world.change(Change::Left {
                record: contact("c2"),
                how: Gone::Deleted,
                at: None,
            });
        }
        world.pass(3 * DEADLINE_MS);
        assert!(world.last.quarantined.is_empty());
    }
}

/// The lookup of a contact that left was asked for ever, with a new review item each time.
#[test]
fn a_lookup_that_nobody_waits_for_ends_at_its_deadline() {
    let mut world = World::new();
    world.qualify(lead("c1", 1000, &[("email", ADA)]));
    world.change(Change::Left {
        record: contact("c1"),
        how: Gone::Deleted,
        at: None,
    });
    assert_eq!(world.pass(DEADLINE_MS + 1000), vec![]);
    assert!(world.events().contains(&"read_settled"));
    world.pass(20 * DEADLINE_MS);
    assert_eq!(world.events(), Vec::<&str>::new());
}

/// Deadlines were taken bridge by bridge up to one bound for all: a bridge with more of them than
/// that kept the next ones waiting.
#[test]
fn a_bridge_with_many_deadlines_does_not_keep_another_from_its_own() {
    let mut world = World::new();
    for n in 0..=DUE_PER_STEP_MAX {
        let email = format!("{n}@example.com");
        world.qualify(lead(&format!("c{n}"), 1000, &[("email", &email)]));
        world.rebuild_is_checked = false;
    }
    let neighbour = BridgeId::new("neighbour").unwrap();
    world.add_bridge(neighbour.clone());
    let (hash, body) = world.offer();
    let mut offer = world.changed(Change::Kept);
    offer.body = ObservationBody::MappingOffered {
        version: 1,
        hash,
        body,
    };
    let mut tagged = world.changed(Change::Tagged {
        snapshot: with_tag(lead("c1", 1000, &[("email", ADA)])),
        tag_id: "t1".into(),
        tag_name: "qualified".into(),
        added: true,
    });
    offer.bridge = neighbour.clone();
    tagged.bridge = neighbour.clone();
    world.batch(
        [offer, tagged]
            .map(|one| (Topic::IntercomObserved, one))
            .to_vec(),
    );
    let due = world.pass(2 * DEADLINE_MS);
    assert!(due.len() < DUE_PER_STEP_MAX);
    assert!(due.iter().any(|command| command.bridge == neighbour));
}
