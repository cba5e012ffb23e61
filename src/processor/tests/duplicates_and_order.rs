//! Repeats and disorder change nothing.

use std::sync::Arc;

use crate::domain::view::{DEDUPE_WINDOW_MAX, ViewEntry, bridge_state};
use crate::domain::{Change, Outcome, Topic, Version, ViewKey, ViewRead};
use crate::processor::overlay::Changes;
use crate::processor::tests::world::*;

#[test]
fn the_same_observation_again_changes_nothing_but_the_count() {
    let mut world = World::new();
    let snapshot = lead(
        "c1",
        1000,
        &[("email", "ada@example.com"), ("name", "Ada Lovelace")],
    );
    let observation = world.changed(Change::Shown(snapshot));
    world.batch(vec![(Topic::IntercomObserved, observation.clone())]);
    let state = world.state(&contact("c1"));
    for _ in 0..3 {
        world.batch(vec![(Topic::IntercomObserved, observation.clone())]);
        assert_eq!(world.events(), Vec::<&str>::new());
        assert_eq!(world.last.unchanged.get("duplicate"), Some(&1));
    }
    assert_eq!(world.state(&contact("c1")), state);
}

#[test]
fn a_repeat_within_one_batch_is_a_repeat() {
    let mut world = World::new();
    let observation = world.changed(Change::Shown(lead("c1", 1000, &[("name", "Ada")])));
    let twice = vec![
        (Topic::IntercomObserved, observation.clone()),
        (Topic::IntercomObserved, observation),
    ];
    world.batch(twice);
    assert_eq!(world.last.unchanged.get("duplicate"), Some(&1));
}

#[test]
fn what_is_older_is_dropped_whatever_the_order_of_arrival() {
    let mut world = World::new();
    world.created_lead("c1", "ada@example.com");
    let newer = [("email", "ada@example.com"), ("name", "Ada Byron")];
    let update = world.show(with_tag(lead("c1", 3000, &newer)));
    assert_eq!(update.len(), 1);
    world.answer(&update[0], written(&salesforce("Lead", "00Qc1"), false));
    let older = [("email", "ada@example.com"), ("name", "Ada King")];
    assert_eq!(world.show(with_tag(lead("c1", 2000, &older))), vec![]);
    assert_eq!(world.last.unchanged.get("older"), Some(&1));
}

#[test]
fn a_tag_is_named_by_a_late_notification_too() {
    let mut world = World::new();
    // The newer snapshot comes first and carries the tag's id only.
    let newer = with_tag(lead("c1", 3000, &[("email", "ada@example.com")]));
    assert_eq!(world.show(newer), vec![]);
    let commands = world.qualify(lead("c1", 2000, &[("email", "ada@example.com")]));
    assert_eq!(commands.len(), 1);
    assert!(is_lookup(&commands[0]));
}

#[test]
fn a_tie_with_other_values_is_read_and_the_read_counts() {
    let mut world = World::new();
    world.show(lead("c1", 1000, &[("name", "Ada Lovelace")]));
    let read = world.show(lead("c1", 1000, &[("name", "Ada Byron")]));
    assert_eq!(read.len(), 1);
    assert!(is_read_of(&read[0], &contact("c1")));
    let mut now = lead("c1", 1000, &[("name", "Ada King")]);
    now.version = Version::second(1);
    world.answer(&read[0], Outcome::Read { snapshot: now });
    let seen = world.state(&contact("c1")).seen["name"].value.clone();
    assert_eq!(seen.display(), "Ada King");
}

#[test]
fn a_tie_with_the_same_values_is_nothing() {
    let mut world = World::new();
    world.show(lead("c1", 1000, &[("name", "Ada Lovelace")]));
    assert_eq!(
        world.show(lead("c1", 1000, &[("name", "Ada Lovelace")])),
        vec![]
    );
    assert_eq!(world.last.unchanged.get("nothing_moved"), Some(&1));
}

#[test]
fn a_result_told_twice_counts_once() {
    let mut world = World::new();
    let lookup = world.qualify(lead("c1", 1000, &[("email", "ada@example.com")]));
    let create = world.answer(&lookup[0], found(&[]));
    let record = salesforce("Lead", "00Q1");
    world.answer(&create[0], written(&record, true));
    assert_eq!(world.answer(&create[0], written(&record, true)), vec![]);
    assert_eq!(world.last.unchanged.get("duplicate"), Some(&1));
}

#[test]
fn the_dedupe_window_survives_a_rebuild() {
    let mut world = World::new();
    let observation = world.changed(Change::Shown(lead("c1", 1000, &[("name", "Ada")])));
    world.batch(vec![(Topic::IntercomObserved, observation.clone())]);
    world.view = world.rebuilt();
    world.batch(vec![(Topic::IntercomObserved, observation)]);
    assert_eq!(world.last.unchanged.get("duplicate"), Some(&1));
}

#[test]
fn a_deleted_contact_does_not_come_back_by_a_late_notification() {
    let mut world = World::new();
    world.show(lead("c1", 1000, &[("name", "Ada")]));
    world.change(Change::Left {
        record: contact("c1"),
        how: crate::domain::Gone::Deleted,
        at: None,
    });
    world.show(lead("c1", 2000, &[("name", "Ada Byron")]));
    assert_eq!(world.last.unchanged.get("record_gone"), Some(&1));
}

/// The notice of a deletion overtook the contact's first one, was dropped as being about nobody,
/// and the contact then lived for ever.
#[test]
fn a_contact_that_was_deleted_before_it_was_shown_stays_deleted() {
    let mut world = World::new();
    world.change(Change::Left {
        record: contact("c1"),
        how: crate::domain::Gone::Deleted,
        at: None,
    });
    let late = world.qualify(lead("c1", 1000, &[("email", "ada@example.com")]));
    assert_eq!(late, vec![]);
    assert!(world.state(&contact("c1")).gone.is_some());
}

/// A name changed and changed back; the notice of the change came last. As the second one had moved
/// nothing, its version was not kept, and the late one counted.
#[test]
fn what_was_changed_and_changed_back_stays_whatever_the_order() {
    let mut world = World::new();
    world.show(lead("c1", 1000, &[("name", "Ada")]));
    world.show(lead("c1", 3000, &[("name", "Ada")]));
    world.show(lead("c1", 2000, &[("name", "Bea")]));
    assert_eq!(world.last.unchanged.get("older"), Some(&1));
    assert_eq!(
        world.state(&contact("c1")).seen["name"].value.display(),
        "Ada"
    );
}

/// The same with a read: it showed what was known, and an older notice came after it.
#[test]
fn a_read_that_shows_what_is_known_is_newer_than_what_it_saw_past() {
    let mut world = World::new();
    world.show(lead("c1", 1500, &[("name", "Ada")]));
    let read = world.show(lead("c1", 1500, &[("name", "Bea")]));
    let mut now = lead("c1", 0, &[("name", "Ada")]);
    now.version = Version::second(3);
    world.answer(&read[0], Outcome::Read { snapshot: now });
    world.show(lead("c1", 2000, &[("name", "Cy")]));
    assert_eq!(
        world.state(&contact("c1")).seen["name"].value.display(),
        "Ada"
    );
}

/// A contact carried a tag before its name was known, another contact's notification named it, and
/// the first one's own came last: it named nothing and moved nothing, so nobody looked again.
#[test]
fn a_tag_that_another_contact_named_counts_too() {
    let mut world = World::new();
    let newer = with_tag(lead("c1", 3000, &[("email", "ada@example.com")]));
    assert_eq!(world.show(newer), vec![]);
    world.qualify(lead("c2", 1000, &[("email", "bea@example.com")]));
    let commands = world.qualify(lead("c1", 2000, &[("email", "ada@example.com")]));
    assert!(is_lookup(&commands[0]));
}

/// The window is bounded: the oldest observation leaves when a new one enters a full window.
#[test]
fn the_oldest_observation_leaves_a_full_window() {
    let mut world = World::new();
    let observation = world.changed(Change::Shown(lead("c1", 1000, &[("name", "Ada")])));
    world.batch(vec![(Topic::IntercomObserved, observation.clone())]);
    let mut state = bridge_state(&world.view, &bridge());
    let oldest = state.window_to - 1;
    state.window_from = oldest;
    state.window_to = oldest + DEDUPE_WINDOW_MAX;
    let entry = Some(Arc::new(ViewEntry::Bridge(state)));
    let full = Changes::from_iter([(ViewKey::bridge(&bridge()), entry)]);
    world.view.apply(full, 0);
    world.rebuild_is_checked = false;
    world.show(lead("c1", 2000, &[("name", "Bea")]));
    let known = |key: &ViewKey| world.view.get(key).is_some();
    assert!(!known(&ViewKey::deduped(&bridge(), &observation.id)));
    assert!(!known(&ViewKey::window(&bridge(), oldest)));
    let state = bridge_state(&world.view, &bridge());
    assert_eq!(state.window_to - state.window_from, DEDUPE_WINDOW_MAX);
}

/// Archive and tag were delivered newest first: the older tag brought the contact back and made a
/// Lead of it.
#[test]
fn what_was_told_before_a_contact_was_archived_does_not_bring_it_back() {
    let mut world = World::new();
    world.show(lead("c1", 1_000, &[("email", "ada@example.com")]));
    world.change(Change::Left {
        record: contact("c1"),
        how: crate::domain::Gone::Archived,
        at: Some(Version::second(5)),
    });
    let late = world.qualify(lead("c1", 5_300, &[("email", "ada@example.com")]));
    assert_eq!(late, vec![]);
    assert!(world.state(&contact("c1")).gone.is_some());
    // What is newer than the archiving brings it back.
    let back = world.show(with_tag(lead("c1", 9_000, &[("email", "ada@example.com")])));
    assert!(is_lookup(&back[0]));
    // And an archiving that is older than its return says nothing.
    world.change(Change::Left {
        record: contact("c1"),
        how: crate::domain::Gone::Archived,
        at: Some(Version::second(5)),
    });
    assert!(world.state(&contact("c1")).gone.is_none());
}
