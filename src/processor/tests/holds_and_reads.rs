//! What overlaps a command in flight waits for its answer.

use crate::domain::view::HELD_MAX;
use crate::domain::{Change, DomainEvent, Gone, Outcome, Version};
use crate::processor::tests::world::*;

const ADA: &str = "ada@example.com";
/// When the reads are asked for, by our clock; what was shown before is of the first seconds.
const LATER_MS: i64 = 1_000_000_000;

/// A contact whose record is being read because of a tie.
fn being_read() -> (World, crate::domain::Command) {
    let mut world = World::new();
    world.show(lead("c1", 1000, &[("name", "Ada Lovelace")]));
    let mut read = world.show(lead("c1", 1000, &[("name", "Ada Byron")]));
    (world, read.remove(0))
}

fn read_at(second: i64, name: &str) -> Outcome {
    let mut snapshot = lead("c1", 0, &[("name", name)]);
    snapshot.version = Version::second(second);
    Outcome::Read { snapshot }
}

fn name_of(world: &World) -> String {
    world.state(&contact("c1")).seen["name"].value.display()
}

#[test]
fn a_change_during_a_read_is_held_and_folded_when_it_is_newer() {
    let (mut world, read) = being_read();
    world.show(lead("c1", 9000, &[("name", "Ada King")]));
    assert_eq!(world.events(), ["observation_held"]);
    assert_eq!(name_of(&world), "Ada Lovelace");
    assert_eq!(world.answer(&read, read_at(1, "Ada Byron")), vec![]);
    assert_eq!(name_of(&world), "Ada King");
    assert!(world.state(&contact("c1")).held.is_empty());
}

#[test]
fn a_change_during_a_read_that_shows_the_same_is_dropped() {
    let (mut world, read) = being_read();
    world.show(lead("c1", 1500, &[("name", "Ada King")]));
    assert_eq!(world.answer(&read, read_at(1, "Ada King")), vec![]);
    assert_eq!(name_of(&world), "Ada King");
}

#[test]
fn a_change_during_a_read_that_cannot_be_ordered_is_read_again() {
    let (mut world, read) = being_read();
    world.show(lead("c1", 1500, &[("name", "Ada King")]));
    let again = world.answer(&read, read_at(1, "Ada Byron"));
    assert_eq!(again.len(), 1);
    assert!(is_read_of(&again[0], &contact("c1")));
    world.answer(&again[0], read_at(1, "Ada King"));
    assert_eq!(name_of(&world), "Ada King");
}

#[test]
fn reads_that_keep_being_overtaken_end_with_a_review_item() {
    let (mut world, mut read) = being_read();
    for turn in 0..10 {
        let at = LATER_MS + 1_100 + turn;
        world.show(lead("c1", at, &[("name", &format!("Ada {turn}"))]));
        let mut next = world.answer(&read, read_at(LATER_MS / 1_000 + 1, "Ada Byron"));
        if next.is_empty() {
            assert!(world.events().contains(&"review_opened"));
            assert_eq!(
                name_of(&world),
                format!("Ada {turn}"),
                "the owner's side counts"
            );
            return;
        }
        assert!(turn < 4, "at most three reads in a row");
        read = next.remove(0);
    }
    panic!("it never ends");
}

/// Found by a storm: webhooks were seconds late, and after three reads that showed a newer name the
/// older one counted.
#[test]
fn of_what_was_told_late_the_last_read_counts_where_reads_keep_being_overtaken() {
    let (mut world, mut read) = being_read();
    for turn in 0..10 {
        // Long before the read was asked for, by the clocks.
        world.show(lead(
            "c1",
            2_100 + turn,
            &[("name", &format!("Ada {turn}"))],
        ));
        let next = world.answer(&read, read_at(2, "Ada King"));
        let next = next.into_iter().find(|one| is_read_of(one, &contact("c1")));
        let Some(next) = next else {
            assert_eq!(name_of(&world), "Ada King");
            let told = world.counted(|event| matches!(event, DomainEvent::ReviewOpened { .. }));
            assert_eq!(told, 1);
            return;
        };
        read = next;
    }
    panic!("it never ends");
}

/// Found by a storm: after three overtaken reads nothing that was held was ever read for again, and
/// an old row beat what people had said since.
#[test]
fn what_is_held_after_reads_were_overtaken_is_read_for_again() {
    let (mut world, mut read) = being_read();
    let mut at = LATER_MS + 1_100;
    for turn in 0..10 {
        at += 1;
        world.show(lead("c1", at, &[("name", &format!("Ada {turn}"))]));
        let mut next = world.answer(&read, read_at(LATER_MS / 1_000 + 1, "Ada Byron"));
        match next.pop() {
            Some(next) => read = next,
            None => break,
        }
    }
    assert!(world.events().contains(&"review_opened"));
    let again = world.show(lead("c1", at, &[("name", "Ada Byron")]));
    assert!(is_read_of(&again[0], &contact("c1")));
    world.show(lead("c1", LATER_MS + 2_100, &[("name", "Ada King")]));
    let more = world.answer(&again[0], read_at(LATER_MS / 1_000 + 2, "Ada Byron"));
    assert!(is_read_of(&more[0], &contact("c1")), "not folded unread");
}

/// Found by a storm: of two names in one second the older one was folded after the newer one.
#[test]
fn of_several_that_no_read_can_place_the_newest_counts() {
    let (mut world, mut read) = being_read();
    for turn in 0..10 {
        // The second of the answer, the newer one first.
        for ms in [900, 100] {
            let name = format!("Ada {turn} {ms}");
            let at = LATER_MS + 2_000 + ms + turn;
            world.show(lead("c1", at, &[("name", name.as_str())]));
        }
        let next = world.answer(&read, read_at(LATER_MS / 1_000 + 2, "Ada Byron"));
        let next = next.into_iter().find(|one| is_read_of(one, &contact("c1")));
        let Some(next) = next else {
            assert_eq!(name_of(&world), format!("Ada {turn} 900"));
            let told = world.counted(|event| matches!(event, DomainEvent::ReviewOpened { .. }));
            assert_eq!(told, 1);
            return;
        };
        read = next;
    }
    panic!("it never ends");
}

/// Found by a storm: two notifications of one second came in the wrong order around a read, and
/// after three reads the older one counted.
#[test]
fn an_older_notification_than_one_that_a_read_covers_is_covered_too() {
    let (mut world, read) = being_read();
    world.show(lead("c1", 2_900, &[("name", "Ada King")]));
    let next = world.answer(&read, read_at(2, "Ada Byron"));
    let next = next.into_iter().find(|one| is_read_of(one, &contact("c1")));
    let next = next.expect("the answer and what was shown are of one second");
    // Asked for after the newer one was taken; the older one comes only now.
    world.show(lead("c1", 2_800, &[("name", "Ada Byron")]));
    let more = world.answer(&next, read_at(2, "Ada King"));
    assert_eq!(name_of(&world), "Ada King");
    assert!(
        !more.iter().any(|one| is_read_of(one, &contact("c1"))),
        "{more:?}"
    );
}

#[test]
fn beyond_the_bound_a_read_is_required_instead_of_a_hold() {
    let (mut world, read) = being_read();
    for n in 0..HELD_MAX as i64 + 3 {
        let mut shown = with_tag(lead("c1", 5000 + n, &[("name", &format!("Ada {n}"))]));
        // Intercom cuts lists short: what an earlier one showed may not be in a later one.
        shown.tags.as_mut().unwrap().complete = false;
        world.show(shown);
    }
    let state = world.state(&contact("c1"));
    assert_eq!(state.held.len(), HELD_MAX);
    assert!(state.reread_required);
    let again = world.answer(&read, read_at(1, "Ada Byron"));
    assert!(
        again
            .iter()
            .any(|command| is_read_of(command, &contact("c1")))
    );
}

/// Found by a storm: an agent's last words were the tenth webhook beside a write that took long.
#[test]
fn beyond_the_bound_a_webhook_goes_that_a_later_one_covers() {
    let (mut world, read) = being_read();
    let last = HELD_MAX as i64 + 2;
    for n in 0..=last {
        world.show(lead("c1", 5000 + n, &[("name", &format!("Ada {n}"))]));
    }
    let state = world.state(&contact("c1"));
    assert_eq!(state.held.len(), HELD_MAX);
    let names = state.held.iter();
    let names = names.map(|held| held.observation.fields["name"].display());
    let names: Vec<String> = names.collect();
    assert_eq!(names.last(), Some(&format!("Ada {last}")));
    assert_eq!(names[0], "Ada 3", "the oldest ones went");
    world.answer(&read, read_at(1, "Ada Byron"));
    let name = world.state(&contact("c1")).value_seen("name").display();
    assert_eq!(name, format!("Ada {last}"));
}

#[test]
fn a_row_that_overlaps_our_own_write_is_held_until_its_result() {
    let mut world = World::new();
    let record = world.created_lead("c1", ADA);
    let base = [("email", ADA), ("name", "Ada Lovelace")];
    let write = world.show(with_tag(lead(
        "c1",
        2000,
        &[base[0], base[1], ("phone", "1")],
    )));
    // Another contact looks the same lead up by its own key while the write is out.
    let lookup = world.qualify(lead("c2", 1000, &[("email", "other@example.com")]));
    let shown = row(
        "Lead",
        "00Qc1",
        3,
        &[
            ("Email", "other@example.com"),
            ("Phone", "999"),
            ("Intercom_Contact_ID__c", "abc123:c2"),
        ],
    );
    world.answer(&lookup[0], found(&[shown]));
    assert!(world.events().contains(&"observation_held"));
    assert_eq!(world.state(&record).held.len(), 1);
    assert!(world.state(&record).writing.is_some());
    let after = world.answer(&write[0], written(&record, false));
    assert!(
        after.iter().any(|command| is_read_of(command, &record)),
        "a read decides"
    );
    assert_eq!(world.state(&record).held.len(), 1, "and is heard first");
    let shows = row("Lead", "00Qc1", 4, &[("Phone", "1")]);
    world.answer(&after[0], Outcome::Read { snapshot: shows });
    assert!(world.state(&record).held.is_empty());
}

#[test]
fn a_hold_survives_a_rebuild() {
    let (mut world, read) = being_read();
    world.show(lead("c1", 9000, &[("name", "Ada King")]));
    world.view = world.rebuilt();
    world.answer(&read, read_at(1, "Ada Byron"));
    assert_eq!(name_of(&world), "Ada King");
}

#[test]
fn a_hold_ends_at_its_deadline_too() {
    let (mut world, read) = being_read();
    world.show(lead("c1", 9000, &[("name", "Ada King")]));
    world.pass(3 * DEADLINE_MS);
    assert!(world.state(&contact("c1")).held.is_empty());
    assert!(
        world.state(&contact("c1")).reread_required,
        "the read that is out decides less"
    );
    let again = world.answer(
        &world.commands.last().cloned().unwrap_or(read),
        read_at(1, "Ada B"),
    );
    assert!(
        again
            .iter()
            .any(|command| is_read_of(command, &contact("c1")))
    );
}

/// A contact was deleted while it was being read. The read found nothing, which was journaled over
/// the deletion, and a late notification brought the contact back.
#[test]
fn a_deleted_contact_stays_deleted_when_a_read_does_not_find_it() {
    let (mut world, read) = being_read();
    let record = contact("c1");
    let how = Gone::Deleted;
    world.change(Change::Left {
        record: record.clone(),
        how,
        at: None,
    });
    let none = Outcome::NotFound {
        record: record.clone(),
    };
    assert_eq!(world.answer(&read, none), vec![]);
    world.show(lead("c1", 9000, &[("name", "Ada King")]));
    assert_eq!(world.state(&record).gone, Some(how));
}

/// What was held of a contact that was merged away, and what a read had shown of it, was folded
/// into the survivor's customer afterwards.
#[test]
fn a_contact_that_is_gone_decides_nothing_any_more() {
    let (mut world, read) = being_read();
    world.show(lead("c1", 9000, &[("name", "Ada King")]));
    world.change(Change::Merged {
        survivor: lead("c2", 9500, &[("name", "Grace")]),
        absorbed: Some(contact("c1")),
    });
    let before = world.customer(&contact("c2")).decided["name"].clone();
    assert_eq!(world.answer(&read, read_at(9, "Ada Byron")), vec![]);
    assert_eq!(world.customer(&contact("c2")).decided["name"], before);
    assert!(world.state(&contact("c1")).held.is_empty());
    assert!(world.state(&contact("c1")).keys.is_empty());
}
