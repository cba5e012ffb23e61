//! One bad bridge does not stop its neighbours: it is set aside, with positions.

use std::sync::Arc;

use crate::domain::journal::{DomainEvent, InputRange};
use crate::domain::view::{Outstanding, ViewEntry, bridge_state};
use crate::domain::{BridgeId, Change, CommandKind, CommandResult, Observation, ObservationBody};
use crate::domain::{Timestamp, Topic, ViewKey, ViewRead, WriteTarget};
use crate::processor::overlay::Changes;
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
        sequence: 0,
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
    assert!(bridge_state(&world.view, &bridge()).quarantined.is_some());
    assert!(
        world
            .view
            .get(&ViewKey::customer_of(&neighbour, &contact("c1")))
            .is_some()
    );
}
