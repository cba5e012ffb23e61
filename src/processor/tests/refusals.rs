//! Refused, unknown and overtaken writes.

use crate::domain::view::Pursuit;
use crate::domain::{Message, Outcome, RecordRef, RejectClass, Rejection, Topic};
use crate::processor::tests::world::*;

const ADA: &str = "ada@example.com";

fn refusal(code: &str, class: RejectClass) -> Outcome {
    Outcome::Rejected(Rejection {
        class,
        code: code.into(),
        text: "ada@example.com is no good".into(),
        fields: vec!["Title".into()],
        records: Vec::new(),
        hint: "mend it".into(),
    })
}

fn titled(world: &mut World, at: i64, title: &str) -> Vec<crate::domain::Command> {
    let base = [("email", ADA), ("name", "Ada Lovelace")];
    let title = ("custom_attributes.job_title", title);
    world.show(with_tag(lead("c1", at, &[base[0], base[1], title])))
}

fn refused_update() -> (World, RecordRef) {
    let mut world = World::new();
    let record = world.created_lead("c1", ADA);
    let update = titled(&mut world, 2000, "Countess");
    let next = world.answer(&update[0], refusal("STRING_TOO_LONG", RejectClass::BadData));
    assert_eq!(
        next,
        vec![],
        "a refused write is not asked for again at once"
    );
    (world, record)
}

#[test]
fn a_refused_write_makes_a_dead_letter_and_a_review_item() {
    let (world, record) = refused_update();
    assert!(world.state(&record).blocked.is_some());
    let letters: Vec<_> = world
        .last
        .outputs
        .iter()
        .filter(|one| one.topic == Topic::DeadLetters)
        .collect();
    let Some(Message::DeadLetter(letter)) = &letters[0].message else {
        panic!("a dead letter is a dead letter");
    };
    assert_eq!(letter.reason, "write_rejected:STRING_TOO_LONG");
    assert_eq!(letter.hint, "mend it");
    assert!(
        String::from_utf8_lossy(&letter.bytes).contains("Countess"),
        "the bytes are kept"
    );
    assert!(
        world
            .last
            .outputs
            .iter()
            .any(|one| one.topic == Topic::Notifications)
    );
}

#[test]
fn a_blocked_pair_is_written_when_the_value_changes() {
    let (mut world, record) = refused_update();
    let commands = titled(&mut world, 3000, "Poet");
    assert_eq!(fields(&commands[0]), pairs(&[("Title", "Poet")]));
    assert!(world.events().contains(&"review_closed"));
    assert!(world.state(&record).blocked.is_none());
}

#[test]
fn a_value_that_goes_back_to_what_is_there_unblocks() {
    let (mut world, record) = refused_update();
    assert_eq!(titled(&mut world, 3000, ""), vec![]);
    assert!(world.state(&record).blocked.is_none());
}

#[test]
fn a_refused_creation_waits_for_a_change() {
    let mut world = World::new();
    let lookup = world.qualify(lead("c1", 1000, &[("email", ADA)]));
    let create = world.answer(&lookup[0], found(&[]));
    assert_eq!(
        world.answer(&create[0], refusal("X", RejectClass::BadData)),
        vec![]
    );
    assert!(matches!(
        world.state(&contact("c1")).pursuit,
        Pursuit::InReview { .. }
    ));
    // Something else changes: it is looked up again, but the same creation is not repeated.
    let mut again = world.show(with_tag(lead(
        "c1",
        2000,
        &[("email", ADA), ("role", "lead")],
    )));
    while let Some(command) = again.pop() {
        assert!(is_lookup(&command));
        again.extend(world.answer(&command, found(&[])));
    }
    let more = world.show(with_tag(lead(
        "c1",
        3000,
        &[("email", ADA), ("name", "Ada")],
    )));
    let create = world.answer(&more[0], found(&[]));
    assert!(is_create(&create[0]), "with a name it is another creation");
}

#[test]
fn several_records_with_the_external_id_become_a_review_item() {
    let mut world = World::new();
    let lookup = world.qualify(lead("c1", 1000, &[("email", ADA)]));
    let create = world.answer(&lookup[0], found(&[]));
    assert_eq!(
        world.answer(&create[0], refusal("300", RejectClass::Ambiguous)),
        vec![]
    );
    assert!(matches!(
        world.state(&contact("c1")).pursuit,
        Pursuit::InReview { .. }
    ));
}

#[test]
fn an_unknown_outcome_is_followed_by_a_read_and_never_by_a_write() {
    let mut world = World::new();
    let record = world.created_lead("c1", ADA);
    let update = titled(&mut world, 2000, "Countess");
    let unknown = Outcome::Unknown {
        reason: "timeout".into(),
    };
    let next = world.answer(&update[0], unknown);
    assert_eq!(next.len(), 1);
    assert!(is_read_of(&next[0], &record));
    // It had been applied: nothing is left to write.
    let now = row("Lead", "00Qc1", 3, &[("Title", "Countess")]);
    assert_eq!(
        world.answer(&next[0], Outcome::Read { snapshot: now }),
        vec![]
    );
}

#[test]
fn an_unknown_outcome_that_had_no_effect_is_written_after_the_read() {
    let mut world = World::new();
    let record = world.created_lead("c1", ADA);
    let update = titled(&mut world, 2000, "Countess");
    let next = world.answer(
        &update[0],
        Outcome::Unknown {
            reason: "timeout".into(),
        },
    );
    assert!(is_read_of(&next[0], &record));
    let now = row("Lead", "00Qc1", 3, &[("Title", "")]);
    let again = world.answer(&next[0], Outcome::Read { snapshot: now });
    assert_eq!(fields(&again[0]), pairs(&[("Title", "Countess")]));
    assert_eq!(write_of(&again[0]).sequence, 3, "it is a new write");
}

#[test]
fn an_unknown_creation_is_looked_up() {
    let mut world = World::new();
    let lookup = world.qualify(lead("c1", 1000, &[("email", ADA)]));
    let create = world.answer(&lookup[0], found(&[]));
    let next = world.answer(
        &create[0],
        Outcome::Unknown {
            reason: "timeout".into(),
        },
    );
    assert_eq!(next.len(), 1);
    assert!(is_lookup(&next[0]));
    let there = row(
        "Lead",
        "00Q1",
        3,
        &[("Intercom_Contact_ID__c", "abc123:c1"), ("Email", ADA)],
    );
    let after = world.answer(&next[0], found(&[there]));
    assert!(
        after.iter().all(|command| !is_create(command)),
        "it stands already"
    );
    assert_eq!(world.customer(&contact("c1")).records.len(), 2);
}

#[test]
fn a_repeat_that_found_other_values_did_not_write_and_is_decided_anew() {
    let mut world = World::new();
    let record = world.created_lead("c1", ADA);
    let update = titled(&mut world, 2000, "Countess");
    let other = row("Lead", "00Qc1", 3, &[("Title", "Someone else's")]);
    let next = world.answer(&update[0], Outcome::FoundOther { snapshot: other });
    assert_eq!(fields(&next[0]), pairs(&[("Title", "Countess")]));
    assert_eq!(
        write_of(&next[0]).fields[0].expect.display(),
        "Someone else's"
    );
    assert_eq!(
        world.state(&record).seen["Title"].value.display(),
        "Someone else's"
    );
}

#[test]
fn a_record_that_is_gone_is_not_created_anew() {
    let mut world = World::new();
    let record = world.created_lead("c1", ADA);
    let update = titled(&mut world, 2000, "Countess");
    world.answer(
        &update[0],
        Outcome::NotFound {
            record: record.clone(),
        },
    );
    assert!(world.state(&record).gone.is_some());
    assert_eq!(titled(&mut world, 3000, "Poet"), vec![]);
}

#[test]
fn no_reason_or_notification_holds_a_personal_value() {
    let (world, _) = refused_update();
    for outgoing in world
        .last
        .outputs
        .iter()
        .filter(|one| one.topic == Topic::Notifications)
    {
        assert!(!format!("{:?}", outgoing.message).contains(ADA));
    }
    let debugged = format!("{:?}", world.commands);
    assert!(!debugged.contains("Lovelace") && !debugged.contains("Countess"));
}

/// A read showed that a person had changed a value which the first link had left alone, and had
/// filled in the company where we had put a stand-in; both were written back.
#[test]
fn what_a_person_keeps_in_salesforce_is_not_written_back() {
    let mut world = World::new();
    let base = [("email", ADA), ("custom_attributes.job_title", "Countess")];
    let lookup = world.qualify(lead("c1", 1000, &base));
    let kept = row("Contact", "0031", 900, &[("Email", ADA), ("Title", "Boss")]);
    let fill = world.answer(&lookup[0], found(&[kept]));
    let unknown = Outcome::Unknown {
        reason: "timeout".into(),
    };
    let read = world.answer(&fill[0], unknown.clone());
    let edited = [
        ("Email", ADA),
        ("Title", "Owner"),
        ("Intercom_Contact_ID__c", "abc123:c1"),
    ];
    let snapshot = row("Contact", "0031", 1000, &edited);
    assert_eq!(world.answer(&read[0], Outcome::Read { snapshot }), vec![]);

    let record = world.created_lead("c2", "bea@example.com");
    let phone = [
        ("email", "bea@example.com"),
        ("name", "Ada Lovelace"),
        ("phone", "1"),
    ];
    let update = world.show(with_tag(lead("c2", 2000, &phone)));
    let read = world.answer(&update[0], unknown);
    let snapshot = row("Lead", "00Qc2", 3, &[("Company", "Acme"), ("Phone", "1")]);
    let mut after = world.answer(&read[0], Outcome::Read { snapshot });
    after.retain(|command| fields(command).iter().any(|(name, _)| name == "Company"));
    assert_eq!(after, vec![]);
    assert_eq!(
        world.state(&record).desired["Company"].value.display(),
        "Acme"
    );
}

/// A read was asked for while a write was out, and the write ended first. The read showed what had
/// been there before it, and the same value was written again.
#[test]
fn a_read_that_a_write_overtook_is_asked_for_again() {
    let (mut world, write, record) = written_and_read();
    let read = world.commands.last().cloned().unwrap();
    assert!(is_read_of(&read, &record));
    world.answer(&write, written(&record, false));
    let snapshot = row("Lead", "00Qc1", 3, &[("Phone", "")]);
    let again = world.answer(&read, Outcome::Read { snapshot });
    assert_eq!(again.len(), 1);
    assert!(is_read_of(&again[0], &record));
}

/// The outcome of a write was unknown while a read was out already, and that read counted as the
/// one after it.
#[test]
fn a_read_from_before_an_unknown_outcome_does_not_decide_it() {
    let (mut world, write, record) = written_and_read();
    let read = world.commands.last().cloned().unwrap();
    let unknown = Outcome::Unknown {
        reason: "timeout".into(),
    };
    assert_eq!(world.answer(&write, unknown), vec![]);
    let snapshot = row("Lead", "00Qc1", 3, &[("Phone", "")]);
    let again = world.answer(&read, Outcome::Read { snapshot });
    assert_eq!(again.len(), 1);
    assert!(is_read_of(&again[0], &record));
}

/// A Lead with a write out for so long that what was held behind it is being read.
fn written_and_read() -> (World, crate::domain::Command, RecordRef) {
    let mut world = World::new();
    let record = world.created_lead("c1", ADA);
    let phone = [("email", ADA), ("name", "Ada Lovelace"), ("phone", "1")];
    let write = world.show(with_tag(lead("c1", 2000, &phone)));
    let lookup = world.qualify(lead("c2", 1000, &[("email", "bea@example.com")]));
    let shown = [("Email", "bea@example.com"), ("Phone", "999")];
    world.answer(&lookup[0], found(&[row("Lead", "00Qc1", 3, &shown)]));
    world.pass(DEADLINE_MS + 1000);
    world.pass(DEADLINE_MS + 1000);
    (world, write[0].clone(), record)
}

#[test]
fn a_refused_lookup_is_tried_again_when_the_record_changes() {
    let mut world = World::new();
    let lookup = world.qualify(lead("c1", 1000, &[("email", ADA)]));
    world.qualify(lead("c2", 1000, &[("email", ADA)]));
    let refused = refusal("INVALID_FIELD", RejectClass::Permission);
    let behind = world.answer(&lookup[0], refused);
    assert!(matches!(
        world.state(&contact("c1")).pursuit,
        Pursuit::InReview { .. }
    ));
    assert!(is_lookup(&behind[0]), "the one behind it looks for itself");
    let again = world.show(with_tag(lead(
        "c1",
        2000,
        &[("email", ADA), ("name", "Ada Lovelace")],
    )));
    assert!(world.events().contains(&"review_closed"));
    assert!(world.events().contains(&"link_deferred") || again.iter().any(is_lookup));
}

#[test]
fn a_read_that_could_not_be_made_is_still_unanswered() {
    let mut world = World::new();
    world.show(lead("c1", 1000, &[("name", "Ada Lovelace")]));
    let read = world.show(lead("c1", 1000, &[("name", "Ada Byron")]));
    for _ in 0..8 {
        world.pass(16 * 60 * 1000);
    }
    let last = world.commands.last().cloned().unwrap();
    assert_eq!(last.id, read[0].id);
    let unknown = Outcome::Unknown {
        reason: "timeout".into(),
    };
    world.answer(&last, unknown);
    assert!(!world.events().contains(&"review_closed"));
}

#[test]
fn a_field_that_salesforce_owns_is_not_written_over_what_a_person_put_there() {
    let owned = "      owner: intercom\n      direction: to_salesforce\n      meaning: position";
    let mapping = MAPPING.replace(owned, &owned.replace("intercom", "salesforce"));
    assert_ne!(mapping, MAPPING);
    let mut world = World::with_mapping(&mapping);
    let record = world.created_lead("c1", ADA);
    let update = titled(&mut world, 2000, "Countess");
    let other = row("Lead", "00Qc1", 3, &[("Title", "Someone else's")]);
    let found = Outcome::FoundOther { snapshot: other };
    assert_eq!(world.answer(&update[0], found), vec![]);
    assert_eq!(
        world.state(&record).desired["Title"].value.display(),
        "Someone else's"
    );
    // The next change in Intercom is a new decision.
    let next = titled(&mut world, 3000, "Poet");
    assert_eq!(fields(&next[0]), pairs(&[("Title", "Poet")]));
}

/// A write was refused after it had been asked for again, and the repeat then succeeded. Its answer
/// came to a command that had ended, and nobody learned what the record held.
#[test]
fn a_repeat_that_wrote_after_the_refusal_is_read() {
    let mut world = World::new();
    let record = world.created_lead("c1", ADA);
    let write = titled(&mut world, 2000, "Countess");
    let again = world.pass(DEADLINE_MS + 1000);
    assert_eq!(again[0].id, write[0].id);
    world.answer(&write[0], refusal("BUSY", RejectClass::BadData));
    let read = world.answer(&again[0], written(&record, false));
    assert_eq!(read.len(), 1);
    assert!(is_read_of(&read[0], &record));
}
