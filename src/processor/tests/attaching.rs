//! A contact that joins a company in Intercom: its answers are those of a write without fields.

use std::sync::Arc;

use crate::domain::journal::DomainEvent as E;
use crate::domain::view::{Outstanding, ViewEntry};
use crate::domain::{Command, CommandId, CommandKind, ObservationId, Outcome, RecordRef};
use crate::domain::{Timestamp, ViewKey, WriteCommand, WriteTarget};
use crate::processor::overlay::Changes;
use crate::processor::tests::world::*;

/// A world in which a known contact is about to join a company.
fn joining() -> (World, Command) {
    let mut world = World::new();
    world.created_lead("c1", "ada@example.com");
    let command = Command {
        id: CommandId::requested_at(&bridge(), 1_000),
        bridge: bridge(),
        source: support(),
        attempt: 1,
        requested_at: Timestamp(world.now),
        deadline: Timestamp(world.now + 60_000),
        lane: contact("c1").to_string(),
        cause: ObservationId::of_decision("test"),
        caused_at: Timestamp(0),
        kind: CommandKind::Write(WriteCommand {
            target: WriteTarget::Attach {
                contact: contact("c1"),
                company: company("acme"),
            },
            sequence: 1,
            fields: Vec::new(),
            auto_assign: false,
            read_first: false,
        }),
    };
    let outstanding = Outstanding {
        command: command.clone(),
        purpose: None,
        record: contact("c1"),
        folded: 0,
        since: crate::domain::Version::default(),
        sequence: 0,
        mapping: 1,
        review: None,
    };
    let key = ViewKey::outstanding(&bridge(), &command.id);
    let entry = Some(Arc::new(ViewEntry::Outstanding(Box::new(outstanding))));
    world.view.apply(Changes::from_iter([(key, entry)]), 0);
    world.rebuild_is_checked = false;
    (world, command)
}

/// Whether the contact left, and what a person is asked, when this was not found.
fn missing(record: RecordRef) -> (bool, Option<String>) {
    let (mut world, command) = joining();
    world.answer(&command, Outcome::NotFound { record });
    let reason = world.journal.iter().find_map(|entry| match &entry.event {
        E::ReviewOpened { reason, .. } => Some(reason.clone()),
        _ => None,
    });
    (world.state(&contact("c1")).gone.is_some(), reason)
}

#[test]
fn a_contact_that_joined_is_written_to_no_further() {
    let (mut world, command) = joining();
    let asked = world.answer(&command, written(&contact("c1"), false));
    assert!(asked.is_empty(), "{asked:?}");
    let settled = world.counted(|event| matches!(event, E::WriteSettled { .. }));
    assert_eq!(settled, 2, "the creation of the lead, and the joining");
}

#[test]
fn a_company_that_is_missing_does_not_make_the_contact_leave() {
    let stays = (false, Some("bad_data:NOT_FOUND".to_string()));
    assert_eq!(missing(company("acme")), stays);
    let left = (true, Some("gone:NOT_FOUND".to_string()));
    assert_eq!(missing(contact("c1")), left);
}
