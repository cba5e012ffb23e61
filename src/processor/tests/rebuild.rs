//! The journal is the truth: a rebuild, and a crash between any two commits, give the same view.

use crate::domain::{Change, JournalKey, Topic};
use crate::ports::view_store::MemoryStore;
use crate::processor::evolve::evolve;
use crate::processor::overlay::Overlay;
use crate::processor::recovery;
use crate::processor::tests::world::*;
use crate::processor::view::View;

#[test]
fn an_event_that_the_view_has_is_skipped() {
    let mut world = World::new();
    world.created_lead("c1", "ada@example.com");
    let digest = world.view.digest();
    for entry in world.journal.clone() {
        let mut overlay = Overlay::new(&world.view);
        assert!(!evolve(&mut overlay, &entry));
        let changes = overlay.into_changes();
        assert!(changes.is_empty());
    }
    assert_eq!(world.view.digest(), digest);
}

#[test]
fn sequences_are_dense_per_key_and_ids_follow_from_them() {
    let mut world = World::new();
    world.created_lead("c1", "ada@example.com");
    let mut next = std::collections::BTreeMap::<String, u64>::new();
    for entry in &world.journal {
        let expected = next.entry(entry.key.to_string()).or_default();
        assert_eq!(entry.sequence, *expected);
        *expected += 1;
    }
    assert!(next.contains_key("main") && next.contains_key("_partition/0"));
}

#[test]
fn the_same_observations_give_the_same_ids_on_every_machine() {
    let mut one = World::new();
    one.created_lead("c1", "ada@example.com");
    let mut other = World::new();
    other.created_lead("c1", "ada@example.com");
    assert_eq!(
        one.customer(&contact("c1")).id,
        other.customer(&contact("c1")).id
    );
    let ids = |world: &World| world.commands.iter().map(|c| c.id).collect::<Vec<_>>();
    assert_eq!(ids(&one), ids(&other));
    assert_eq!(one.journal, other.journal);
    assert_eq!(one.view.digest(), other.view.digest());
}

#[test]
#[should_panic(expected = "jumps from")]
fn a_gap_in_the_journal_is_never_folded_over() {
    let world = World::new();
    let mut last = world
        .journal
        .iter()
        .rfind(|e| matches!(e.key, JournalKey::Bridge(_)))
        .cloned();
    let entry = last.as_mut().unwrap();
    entry.sequence += 5;
    let mut overlay = Overlay::new(&world.view);
    evolve(&mut overlay, entry);
}

#[test]
fn one_batch_or_many_decide_the_same() {
    let snapshots = |n: i64| {
        lead(
            "c1",
            1000 * n,
            &[("email", "a@b.example"), ("name", "Ada B")],
        )
    };
    let mut one = World::new();
    for n in 1..4 {
        one.show(snapshots(n));
    }
    let mut other = World::new();
    let batch = (1..4)
        .map(|n| {
            (
                Topic::IntercomObserved,
                other.changed(Change::Shown(snapshots(n))),
            )
        })
        .collect();
    other.batch(batch);
    let customers = |world: &World| world.customer(&contact("c1"));
    assert_eq!(customers(&one), customers(&other));
}

#[test]
fn every_decision_names_the_observation_that_led_to_it() {
    let mut world = World::new();
    let shown = lead(
        "c1",
        1000,
        &[("email", "ada@example.com"), ("name", "Ada B")],
    );
    let (tag_id, tag_name) = ("t1".to_owned(), "qualified".to_owned());
    let observation = world.changed(Change::Tagged {
        snapshot: with_tag(shown),
        tag_id,
        tag_name,
        added: true,
    });
    let before = world.journal.len();
    let commands = world.batch(vec![(Topic::IntercomObserved, observation.clone())]);
    assert_eq!(commands[0].cause, observation.id);
    let bridge_events = world.journal[before..]
        .iter()
        .filter(|entry| matches!(entry.key, JournalKey::Bridge(_)));
    let causes: Vec<_> = bridge_events.map(|entry| entry.cause).collect();
    assert!(causes.len() > 4 && causes.iter().all(|cause| *cause == Some(observation.id)));
}

#[test]
fn an_observation_that_means_nothing_has_a_line_that_says_so() {
    let mut world = World::new();
    let mut unmapped = lead("c1", 1000, &[("name", "Ada")]);
    unmapped.record = crate::domain::RecordRef::new(&support(), "ticket", "t1").unwrap();
    for change in [Change::Kept, Change::Shown(unmapped)] {
        // The world itself checks that nothing disappears.
        world.change(change);
        assert_eq!(world.last.unchanged.values().sum::<u64>(), 1);
    }
}

#[test]
fn a_view_that_holds_what_was_taken_back_is_emptied() {
    let mut view = View::open(Box::new(MemoryStore::default())).unwrap();
    view.apply(Default::default(), 10);
    for (taken_back, stands_at) in [(None, 10), (Some(10), 10), (Some(9), 0)] {
        recovery::keep_to(&mut view, 0, taken_back).unwrap();
        assert_eq!(view.journal_offset(), stands_at, "{taken_back:?}");
    }
}
