//! Sentences of the design that no other test holds, one by one.

use crate::domain::journal::DomainEvent;
use crate::domain::record::MatchRule;
use crate::domain::view::HOLDERS_KEPT_MAX;
use crate::domain::{Change, RecordSnapshot, RefSet};
use crate::processor::tests::world::*;

const ADA: &str = "ada@example.com";

fn cut_short(mut snapshot: RecordSnapshot, ids: &[&str]) -> RecordSnapshot {
    let ids = ids.iter().map(|id| (*id).to_owned()).collect();
    snapshot.tags = Some(RefSet {
        ids,
        complete: false,
    });
    snapshot
}

#[test]
fn a_list_that_was_cut_short_adds_and_never_removes() {
    let mut world = World::new();
    world.show(with_tag(lead("c1", 1000, &[("name", "Ada")])));
    world.show(cut_short(lead("c1", 2000, &[("name", "Ada")]), &["t2"]));
    let tags = world.state(&contact("c1")).tags;
    assert_eq!(*tags, ["t1".to_owned(), "t2".to_owned()].into());
    // The same while a read holds it back.
    let read = world.show(with_tag(lead("c1", 2000, &[("name", "Ada B")])));
    world.show(cut_short(lead("c1", 9000, &[("name", "Ada C")]), &["t3"]));
    assert_eq!(world.state(&contact("c1")).held.len(), 1);
    let mut now = with_tag(lead("c1", 2000, &[("name", "Ada B")]));
    now.version = crate::domain::Version::second(2);
    world.answer(&read[0], crate::domain::Outcome::Read { snapshot: now });
    let tags = world.state(&contact("c1")).tags;
    assert!(tags.contains("t1") && tags.contains("t3"), "{tags:?}");
}

#[test]
fn two_people_with_one_name_stay_two() {
    let mut world = World::new();
    for (id, email) in [("c1", ADA), ("c2", "other@example.com")] {
        let lookup = world.qualify(lead(id, 1000, &[("email", email), ("name", "Ada B")]));
        let create = world.answer(&lookup[0], found(&[]));
        assert!(is_create(&create[0]));
        let record = salesforce("Lead", &format!("00Q{id}"));
        world.answer(&create[0], written(&record, true));
    }
    assert_ne!(
        world.customer(&contact("c1")).id,
        world.customer(&contact("c2")).id
    );
}

#[test]
fn a_link_stays_when_its_evidence_goes() {
    let mut world = World::new();
    let lookup = world.qualify(lead("c1", 1000, &[("email", ADA)]));
    let there = row("Contact", "0031", 900, &[("Email", ADA), ("LastName", "B")]);
    let fill = world.answer(&lookup[0], found(&[there]));
    world.answer(&fill[0], written(&salesforce("Contact", "0031"), false));
    let moved = world.show(with_tag(lead("c1", 2000, &[("email", "new@example.com")])));
    assert_eq!(fields(&moved[0]), pairs(&[("Email", "new@example.com")]));
    let customer = world.customer(&contact("c1"));
    assert!(
        customer
            .records
            .contains_key(&salesforce("Contact", "0031"))
    );
    assert_eq!(customer.links[0].rule, MatchRule::Email);
}

#[test]
fn an_external_id_links_only_where_the_mapping_says_so() {
    let email = "    - email: {salesforce: Email, intercom: email}\n";
    let rule = "    - external_id: {salesforce: External_User_ID__c, intercom: external_id}\n";
    let with = MAPPING.replace(email, &format!("{rule}{email}"));
    assert_ne!(with, MAPPING);
    for (mapping, linked) in [(MAPPING, false), (with.as_str(), true)] {
        let mut world = World::with_mapping(mapping);
        let first = world.qualify(lead("c1", 1000, &[("email", ADA), ("name", "Ada")]));
        let there = row(
            "Contact",
            "0031",
            900,
            &[("Email", ADA), ("External_User_ID__c", "u-7")],
        );
        world.answer(&first[0], found(&[there]));
        let mut user = lead(
            "u1",
            1000,
            &[("email", "x@example.com"), ("external_id", "u-7")],
        );
        user.fields.insert("role".into(), "user".into());
        world.show(user);
        let same = world.customer(&contact("c1")).id == world.customer(&contact("u1")).id;
        assert_eq!(same, linked);
    }
}

#[test]
fn the_same_number_in_another_spelling_is_no_change() {
    let phone = "    - intercom: phone\n      salesforce: Phone\n";
    let with = MAPPING.replace(
        phone,
        &format!("{phone}      transform: phone_e164\n      region: US\n"),
    );
    assert_ne!(with, MAPPING);
    let mut world = World::with_mapping(&with);
    world.created_lead("c1", ADA);
    let base = [("email", ADA), ("name", "Ada Lovelace")];
    let spelled = |phone: &'static str| [base[0], base[1], ("phone", phone)];
    let first = world.show(with_tag(lead("c1", 2000, &spelled("(415) 555-2671"))));
    assert_eq!(fields(&first[0]), pairs(&[("Phone", "+14155552671")]));
    world.answer(&first[0], written(&salesforce("Lead", "00Qc1"), false));
    let again = world.show(with_tag(lead("c1", 3000, &spelled("+1 415 555 2671"))));
    assert_eq!(again, vec![]);
}

#[test]
fn a_decision_reaches_every_linked_record() {
    let mut world = World::new();
    world.created_lead("c1", ADA);
    world.created_lead("c2", "other@example.com");
    let survivor = lead("c1", 5000, &[("email", ADA), ("name", "Ada Lovelace")]);
    world.change(Change::Merged {
        survivor,
        absorbed: Some(contact("c2")),
    });
    // What the merge itself led to is answered first.
    for command in world.commands.clone().into_iter().rev().take(2) {
        if !is_lookup(&command) && !is_create(&command) {
            let record = match &write_of(&command).target {
                crate::domain::WriteTarget::Record(record) => record.clone(),
                crate::domain::WriteTarget::Create { .. }
                | crate::domain::WriteTarget::Attach { .. } => continue,
            };
            world.answer(&command, written(&record, false));
        }
    }
    let base = [("email", ADA), ("name", "Ada Lovelace")];
    let titled = [base[0], base[1], ("custom_attributes.job_title", "Poet")];
    let commands = world.show(with_tag(lead("c1", 6000, &titled)));
    let titles = commands
        .iter()
        .filter(|one| fields(one).contains(&("Title".into(), "Poet".into())));
    assert_eq!(titles.count(), 2, "{commands:?}");
}

#[test]
fn stamps_never_go_back_when_the_clock_does() {
    let mut world = World::new();
    world.created_lead("c1", ADA);
    world.now -= 3_600_000;
    world.show(with_tag(lead(
        "c1",
        2000,
        &[("email", ADA), ("name", "Ada B")],
    )));
    let stamps: Vec<i64> = world.journal.iter().map(|entry| entry.at.0).collect();
    assert!(stamps.is_sorted(), "{stamps:?}");
}

#[test]
fn many_records_behind_one_key_do_not_stop_the_bridge() {
    let mut world = many_holders();
    world.rebuild_is_checked = false;
    let first = world.qualify(lead("c0", 1000, &[("email", ADA)]));
    // The lead that is made holds it, too.
    for n in 1..HOLDERS_KEPT_MAX - 1 {
        world.qualify(lead(&format!("c{n}"), 1000, &[("email", ADA)]));
    }
    let create = world.answer(&first[0], found(&[]));
    world.answer(&create[0], written(&salesforce("Lead", "00Q1"), true));
    let quarantined = world.counted(|event| matches!(event, DomainEvent::BridgeQuarantined { .. }));
    assert_eq!(quarantined, 0);
    // Whoever is left in line goes on as time passes.
    for _ in 0..10 {
        world.pass(3 * DEADLINE_MS);
    }
    let records = world.customer(&contact("c0")).records;
    assert_eq!(records.len(), HOLDERS_KEPT_MAX);
    assert_eq!(
        world.commands.iter().filter(|one| is_create(one)).count(),
        1
    );
}

#[test]
fn a_record_remembers_its_last_eight_writes_by_hash() {
    let mut world = World::new();
    let record = world.created_lead("c1", ADA);
    for n in 0..12 {
        let name = format!("Ada Number{n}");
        let write = world.show(with_tag(lead(
            "c1",
            2000 + n,
            &[("email", ADA), ("name", &name)],
        )));
        world.answer(&write[0], written(&record, false));
    }
    let recent = world.state(&record).recent_writes;
    let sequences: Vec<u64> = recent.iter().map(|write| write.sequence).collect();
    assert_eq!(sequences, (6..14).collect::<Vec<u64>>());
    let last = crate::domain::Value::text("Number11").hash();
    assert_eq!(recent.back().unwrap().hashes["LastName"], last);
}

#[test]
fn nothing_leaves_that_the_journal_does_not_hold() {
    // The world itself checks it after each step; here is one of each kind that leaves.
    let mut world = World::new();
    world.qualify(lead("c0", 1000, &[("name", "Ada")]));
    let noticed = |world: &World| {
        world
            .last
            .outputs
            .iter()
            .any(|one| one.topic == crate::domain::Topic::Notifications)
    };
    assert!(noticed(&world));
    let lookup = world.qualify(lead("c1", 1000, &[("email", ADA)]));
    let refused = crate::domain::Outcome::Rejected(crate::domain::Rejection {
        class: crate::domain::RejectClass::Permission,
        code: "INVALID_FIELD".into(),
        text: String::new(),
        fields: Vec::new(),
        records: Vec::new(),
        hint: "mend it".into(),
    });
    world.answer(&lookup[0], refused);
    let letters = world
        .last
        .outputs
        .iter()
        .filter(|one| one.topic == crate::domain::Topic::DeadLetters);
    assert_eq!(letters.count(), 1);
}
