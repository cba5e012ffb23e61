//! What goes wrong again and again rests between, and is not forgotten.

use crate::domain::journal::{DomainEvent, ReviewKind};
use crate::domain::{Command, ObservationBody, Outcome, RejectClass, Rejection, Topic};
use crate::processor::tests::world::*;

const ADA: &str = "ada@example.com";

/// Answers every command for an hour: writes in doubt, reads honestly. Returns how many there were.
fn doubtful_hour(world: &mut World, first: Vec<Command>, read: impl Fn() -> Outcome) -> usize {
    let mut open = first;
    let mut count = 0;
    for _ in 0..360 {
        while let Some(command) = open.pop() {
            count += 1;
            if count > 100 {
                // It never rests: the caller's bound says so.
                return count;
            }
            let reads = is_lookup(&command) || is_read_of(&command, &salesforce("Lead", "00Qc1"));
            let outcome = if reads {
                read()
            } else {
                Outcome::Unknown {
                    reason: "502".into(),
                }
            };
            open.extend(world.answer(&command, outcome));
        }
        open = world.pass(10_000);
    }
    count
}

fn unanswered(world: &World) -> usize {
    world.counted(|event| {
        matches!(
            event,
            DomainEvent::ReviewOpened {
                kind: ReviewKind::Unanswered,
                ..
            }
        )
    })
}

/// A gateway that answered 502 to one record's writes for ever was asked eight times a second.
#[test]
fn a_write_in_doubt_again_and_again_rests_between() {
    let mut world = World::new();
    let record = world.created_lead("c1", ADA);
    let base = [("email", ADA), ("name", "Ada Byron")];
    let write = world.show(with_tag(lead("c1", 2000, &base)));
    let count = doubtful_hour(&mut world, write, || Outcome::Read {
        snapshot: row("Lead", "00Qc1", 3, &[("LastName", "Lovelace")]),
    });
    assert!((4..40).contains(&count), "{count} commands in an hour");
    assert_eq!(unanswered(&world), 1, "a person is told, once");
    // It ends well: nothing is owed, and the person is told that too.
    let mut open = world.pass(16 * 60_000);
    let mut last_name = "Lovelace";
    while let Some(command) = open.pop() {
        let outcome = if is_read_of(&command, &record) {
            Outcome::Read {
                snapshot: row("Lead", "00Qc1", 3, &[("LastName", last_name)]),
            }
        } else {
            last_name = "Byron";
            written(&record, false)
        };
        open.extend(world.answer(&command, outcome));
    }
    let state = world.state(&record);
    assert_eq!(state.seen["LastName"].value.display(), "Byron");
    assert_eq!(
        (state.unknowns, state.paused_until, state.told),
        (0, None, None)
    );
}

#[test]
fn a_creation_in_doubt_again_and_again_rests_between() {
    let mut world = World::new();
    let lookup = world.qualify(lead("c1", 1000, &[("email", ADA)]));
    let count = doubtful_hour(&mut world, lookup, || found(&[]));
    assert!((4..40).contains(&count), "{count} commands in an hour");
    assert_eq!(unanswered(&world), 1, "a person is told, once");
}

#[test]
fn what_was_refused_is_tried_again_under_a_new_mapping() {
    let mut world = World::new();
    let record = world.created_lead("c1", ADA);
    let base = [("email", ADA), ("name", "Ada Byron")];
    let write = world.show(with_tag(lead("c1", 2000, &base)));
    let rejection = Rejection {
        class: RejectClass::Permission,
        code: "INVALID_FIELD".into(),
        text: String::new(),
        fields: vec!["LastName".into()],
        records: Vec::new(),
        hint: "mend the mapping".into(),
    };
    let refused = Outcome::Rejected(rejection);
    assert_eq!(world.answer(&write[0], refused.clone()), vec![]);
    let lookup = world.qualify(lead("c2", 1000, &[("email", "other@example.com")]));
    assert_eq!(world.answer(&lookup[0], refused), vec![]);
    let (hash, body) = world.offer();
    let offered = ObservationBody::MappingOffered {
        version: 2,
        hash,
        body,
    };
    let mut again = world.take(Topic::Decisions, offered);
    again.extend(world.pass(1));
    assert!(again.iter().any(is_lookup), "{again:?}");
    let write = again
        .iter()
        .find(|one| !is_lookup(one))
        .expect("it is written again");
    assert_eq!(fields(write), pairs(&[("LastName", "Byron")]));
    assert!(world.state(&record).blocked.is_none());
}
