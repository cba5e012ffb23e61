//! One bad bridge does not stop its neighbours: it is set aside, with positions.

use std::sync::Arc;

use crate::domain::WriteTarget;
use crate::domain::journal::{DomainEvent, InputRange};
use crate::domain::view::{Outstanding, ViewEntry, bridge_state};
use crate::domain::{BridgeId, Change, Command, CommandId, CommandKind, CommandResult, Message};
use crate::domain::{Observation, ObservationBody, Timestamp, Topic, ViewKey, ViewRead};
use crate::processor::overlay::Changes;
use crate::processor::queries;
use crate::processor::step::poison;
use crate::processor::tests::world::*;

/// A world in which a command is out for a record that was never made known: its answer panics.
/// Returns the answer too.
fn poisoned() -> (World, Observation) {
    let mut world = World::new();
    world.created_lead("c1", "ada@example.com");
    let update = world.show(with_tag(lead("c1", 2000, &[("name", "Ada Byron")])));
    let mut command = update[0].clone();
    let nobody = salesforce("Lead", "00Qnobody");
    let CommandKind::Write(write) = &mut command.kind else {
        panic!("a changed lead is written");
    };
    write.target = WriteTarget::Record(nobody.clone());
    let key = ViewKey::outstanding(&bridge(), &command.id);
    let outstanding = Outstanding {
        command: command.clone(),
        purpose: None,
        record: nobody.clone(),
        folded: 0,
        since: crate::domain::Version::default(),
        sequence: 0,
        mapping: 1,
        review: None,
    };
    let entry = Some(Arc::new(ViewEntry::Outstanding(Box::new(outstanding))));
    world.view.apply(Changes::from_iter([(key, entry)]), 0);
    world.rebuild_is_checked = false;
    let answered = ObservationBody::Answered(CommandResult {
        command: command.id,
        bridge: bridge(),
        source: sales(),
        attempt: 1,
        finished_at: Timestamp(world.now),
        outcome: written(&nobody, false),
    });
    let bad = world.observation(answered);
    (world, bad)
}

#[test]
fn a_panic_sets_the_bridge_aside_with_the_positions_it_has_not_taken() {
    let (mut world, bad) = poisoned();
    let good = world.changed(Change::Shown(lead("good", 1000, &[("name", "Grace")])));
    let later = world.changed(Change::Shown(lead("later", 1000, &[("name", "Joan")])));
    let batch = [good, bad, later].map(|one| (Topic::IntercomObserved, one));
    world.batch(batch.to_vec());
    let quarantined = world.journal.iter().find_map(|entry| match &entry.event {
        DomainEvent::BridgeQuarantined { positions, .. } => Some(positions.clone()),
        _ => None,
    });
    // The world took numbers 0 and 1 to be made; the good one is 2, the bad one 3.
    let here = InputRange {
        topic: Topic::IntercomObserved,
        partition: 0,
        from: 3,
        to: 3,
    };
    assert!(quarantined.unwrap().contains(&here));
    assert!(
        world
            .view
            .get(&ViewKey::customer_of(&bridge(), &contact("good")))
            .is_some()
    );
    assert!(
        world
            .view
            .get(&ViewKey::customer_of(&bridge(), &contact("later")))
            .is_none()
    );
    assert_eq!(world.last.unchanged.get("quarantined"), Some(&1));
}

#[test]
fn what_a_quarantined_bridge_was_sent_is_not_remembered_as_taken() {
    let (mut world, bad) = poisoned();
    world.batch(vec![(Topic::Results, bad)]);
    let later = world.changed(Change::Shown(lead("later", 1000, &[("name", "Joan")])));
    world.batch(vec![(Topic::IntercomObserved, later.clone())]);
    assert!(
        world
            .view
            .get(&ViewKey::deduped(&bridge(), &later.id))
            .is_none()
    );
}

#[test]
fn a_neighbour_on_the_partition_goes_on() {
    let (mut world, bad) = poisoned();
    let neighbour = BridgeId::new("neighbour").unwrap();
    world.add_bridge(neighbour.clone());
    let mut offer = world.changed(Change::Kept);
    offer.bridge = neighbour.clone();
    let (hash, body) = world.offer();
    offer.body = ObservationBody::MappingOffered {
        version: 1,
        hash,
        body,
    };
    let mut shown = world.changed(Change::Shown(lead("c1", 1000, &[("name", "Grace")])));
    shown.bridge = neighbour.clone();
    let batch = [bad, offer, shown].map(|one| (Topic::IntercomObserved, one));
    world.batch(batch.to_vec());
    assert!(bridge_state(&world.view, &bridge()).aside.is_some());
    assert!(
        world
            .view
            .get(&ViewKey::customer_of(&neighbour, &contact("c1")))
            .is_some()
    );
}

/// Observations of four leads, each of which qualifies at once.
fn qualified(world: &mut World, id: &str) -> Observation {
    let named = [
        ("name", "Ada Byron"),
        ("email", &*format!("{id}@example.com")),
    ];
    let snapshot = with_tag(lead(id, 1000, &named));
    let (tag_id, tag_name) = ("t1".into(), "qualified".into());
    world.changed(Change::Tagged {
        snapshot,
        tag_id,
        tag_name,
        added: true,
    })
}

/// A bridge that stands aside because of the second of three leads; the third came later.
struct Stumbled {
    world: World,
    bad: Observation,
}

impl Stumbled {
    fn new() -> Self {
        Self::over(Topic::IntercomObserved)
    }

    /// Over an observation on this input.
    fn over(input: Topic) -> Self {
        let mut world = World::new();
        let [first, bad, third] = ["c1", "c2", "c3"].map(|id| qualified(&mut world, id));
        poison::put(bad.id);
        let first = (Topic::IntercomObserved, first);
        world.batch(vec![first, (input, bad.clone())]);
        world.batch(vec![(Topic::IntercomObserved, third)]);
        Self { world, bad }
    }

    /// The state of the bridge as it is told, and the decision that releases it.
    fn release(&mut self, skips: bool) -> Result<Observation, String> {
        let (id, skip) = queries::release(&self.world.view, &bridge(), skips)?;
        let body = ObservationBody::BridgeReleased {
            skip,
            by: "ann".to_owned(),
        };
        let mut decision = self.world.observation(body);
        decision.id = id;
        self.world.batch(vec![(Topic::Decisions, decision.clone())]);
        Ok(decision)
    }

    fn state(&self) -> String {
        let told = queries::bridge(&self.world.view, 0, &bridge());
        told["state"].as_str().unwrap().to_owned()
    }
}

fn kinds(commands: &[Command]) -> Vec<(CommandId, CommandKind)> {
    let kind = |command: &Command| (command.id, command.kind.clone());
    commands.iter().map(kind).collect()
}

#[test]
fn a_released_bridge_takes_what_it_was_sent_as_if_it_had_never_stood_aside() {
    for size in [1, 2, 100] {
        let mut stumbled = Stumbled::new();
        assert_eq!(stumbled.state(), "quarantined");
        poison::clear();
        stumbled.release(false).unwrap();
        assert_eq!(stumbled.state(), "rereading");
        // What comes before it has arrived waits for its turn.
        let fourth = qualified(&mut stumbled.world, "c4");
        let early = stumbled
            .world
            .batch(vec![(Topic::IntercomObserved, fourth)]);
        assert_eq!(early, []);
        assert_eq!(stumbled.world.last.unchanged.get("rereading"), Some(&1));
        stumbled.world.reread(size, 0);
        assert_eq!(stumbled.state(), "runs");
        let fifth = qualified(&mut stumbled.world, "c5");
        stumbled.world.batch(vec![(Topic::IntercomObserved, fifth)]);

        let mut smooth = World::new();
        for id in ["c1", "c2", "c3", "c4", "c5"] {
            let one = qualified(&mut smooth, id);
            smooth.batch(vec![(Topic::IntercomObserved, one)]);
        }
        assert_eq!(smooth.commands.len(), 5);
        assert_eq!(kinds(&stumbled.world.commands), kinds(&smooth.commands));
    }
}

#[test]
fn what_panics_again_sets_the_bridge_aside_where_it_stood() {
    // What it stumbles over is read again before the other inputs.
    let mut stumbled = Stumbled::over(Topic::Results);
    let before = bridge_state(&stumbled.world.view, &bridge()).aside.unwrap();
    stumbled.release(false).unwrap();
    stumbled.world.reread(100, 0);
    let after = bridge_state(&stumbled.world.view, &bridge()).aside.unwrap();
    assert!(!after.released);
    assert_eq!(after.cause, Some(stumbled.bad.id));
    for input in [Topic::Results, Topic::IntercomObserved] {
        assert_eq!(after.positions.get(&input), before.positions.get(&input));
    }
    assert_eq!(stumbled.world.last.quarantined, [bridge()]);
    // Another release is another decision, and ends as it should.
    poison::clear();
    stumbled.release(false).unwrap();
    assert_eq!(stumbled.world.reread(100, 0).len(), 2);
    assert_eq!(stumbled.state(), "runs");
}

#[test]
fn a_release_can_pass_over_what_the_bridge_stumbled_over() {
    let mut stumbled = Stumbled::new();
    stumbled.release(true).unwrap();
    let commands = stumbled.world.reread(100, 0);
    assert_eq!(commands.len(), 1, "the third lead's lookup");
    assert_eq!(stumbled.state(), "runs");
    let letters = stumbled.world.last.outputs.iter();
    let letters: Vec<_> = letters
        .filter_map(|one| match &one.message {
            Some(Message::DeadLetter(letter)) => Some((letter.reason.as_str(), &*letter.bytes)),
            _ => None,
        })
        .collect();
    assert_eq!(letters, [("skipped", &b"{}"[..])]);
    // It stays passed over when it is repeated.
    let again = stumbled.bad.clone();
    stumbled.world.batch(vec![(Topic::IntercomObserved, again)]);
    assert_eq!(stumbled.world.last.unchanged.get("duplicate"), Some(&1));
}

#[test]
fn what_was_not_kept_until_the_release_is_a_declared_gap() {
    let mut stumbled = Stumbled::new();
    poison::clear();
    stumbled.release(false).unwrap();
    let end = stumbled.world.reread(100, 3);
    assert_eq!(end, [], "the decision alone was left of the decisions");
    let gone = stumbled
        .world
        .journal
        .iter()
        .find_map(|entry| match &entry.event {
            DomainEvent::BridgeReread { gone, input, .. } if *gone > 0 => {
                Some((*gone, input.topic))
            }
            _ => None,
        });
    assert_eq!(gone, Some((2, Topic::IntercomObserved)));
    assert_eq!(stumbled.state(), "runs");
    let told = stumbled
        .world
        .last
        .outputs
        .iter()
        .any(|one| match &one.message {
            Some(Message::Notification(notice)) => notice.text.contains("crosswalk backfill"),
            _ => false,
        });
    assert!(told, "nobody is told of the gap");
}

#[test]
fn a_release_is_refused_where_there_is_nothing_to_release_or_to_skip() {
    let mut stumbled = Stumbled::new();
    poison::clear();
    let decision = stumbled.release(false).unwrap();
    let twice = stumbled.release(false).unwrap_err();
    assert_eq!(twice, "main is not quarantined");
    // The same decision once more, as a repeated append would bring it.
    stumbled
        .world
        .batch(vec![(Topic::Decisions, decision.clone())]);
    stumbled.world.reread(100, 0);
    stumbled.world.batch(vec![(Topic::Decisions, decision)]);
    assert_eq!(stumbled.world.last.unchanged.get("duplicate"), Some(&1));
    let body = ObservationBody::BridgeReleased {
        skip: None,
        by: "ann".to_owned(),
    };
    stumbled.world.take(Topic::Decisions, body);
    assert_eq!(
        stumbled.world.last.unchanged.get("not_quarantined"),
        Some(&1)
    );
}

#[test]
fn deadlines_of_a_bridge_that_stands_aside_wait_for_its_release() {
    let mut stumbled = Stumbled::new();
    let asked = stumbled.world.commands.len();
    assert_eq!(asked, 1, "the first lead's lookup is out");
    assert_eq!(stumbled.world.pass(2 * DEADLINE_MS), []);
    poison::clear();
    stumbled.release(false).unwrap();
    assert_eq!(stumbled.world.pass(1), [], "what it was sent comes first");
    stumbled.world.reread(100, 0);
    let repeated = stumbled.world.pass(1);
    assert_eq!(repeated.iter().map(|one| one.attempt).max(), Some(2));
}
