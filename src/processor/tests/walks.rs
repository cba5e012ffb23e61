//! What touches many customers: an import, a new mapping, an owner renamed, an account joined.

use super::both::stage::{ADA, BOTH, COMPANIES, Pair, texts};
use super::world::*;
use crate::domain::journal::{DomainEvent as E, WalkReason};
use crate::domain::view::bridge_state;
use crate::domain::{Change, Command, CommandKind, EventKind, ObservationBody};
use crate::domain::{RawPayload, RecordRef, RecordSnapshot, SourceId, Topic, Value, Writer};
use crate::processor::decide::walk::OUTSTANDING_MAX;

/// A source tells of something, by the topic of its system.
pub(super) fn changed(world: &mut World, source: SourceId, change: Change) -> Vec<Command> {
    let topic = match source == sales() {
        true => Topic::SalesforceObserved,
        false => Topic::IntercomObserved,
    };
    let raw = RawPayload {
        content_type: "application/json".into(),
        bytes: b"{}".to_vec(),
    };
    let body = ObservationBody::Changed {
        source,
        topic: "row".into(),
        change,
        raw,
    };
    world.take(topic, body)
}

fn import(world: &mut World, row: RecordSnapshot) -> Vec<Command> {
    let source = row.record.source.clone();
    changed(world, source, Change::Imported { run: 1, row })
}

fn qualified_is_a_tag(world: &mut World) {
    let (tag_id, name) = ("t1".into(), "qualified".into());
    changed(world, support(), Change::TagNamed { tag_id, name });
}

/// Both sources have given all that they have.
fn imported(world: &mut World) -> Vec<Command> {
    let ended = Change::ImportEnded {
        run: 1,
        of: 2,
        rows: 1,
    };
    assert_eq!(changed(world, sales(), ended.clone()), vec![]);
    changed(world, support(), ended)
}

fn there_is(id: &str, email: &str, more: &[(&str, &str)]) -> RecordSnapshot {
    let mut all = vec![("Email", email), ("LastName", "Lovelace")];
    all.extend(more);
    row("Contact", id, 1, &all)
}

fn here(id: &str, email: &str, more: &[(&str, &str)]) -> RecordSnapshot {
    let mut all = vec![("email", email), ("name", "Ada Lovelace")];
    all.extend(more);
    lead(id, 1_000, &all)
}

fn walks(world: &World, started: bool) -> Vec<WalkReason> {
    let of = |event: &E| match event {
        E::WalkStarted { reason, .. } if started => Some(*reason),
        E::WalkEnded { reason, .. } if !started => Some(*reason),
        _ => None,
    };
    world
        .journal
        .iter()
        .filter_map(|one| of(&one.event))
        .collect()
}

#[test]
fn an_import_asks_for_nothing_until_both_sides_are_known() {
    let mut world = World::with_mapping(BOTH);
    let title = [("Title", "Analyst"), ("Phone", "+14155550100")];
    assert_eq!(
        import(&mut world, there_is("003000000000001AAA", ADA, &title)),
        vec![]
    );
    // Somebody who qualifies and whom nobody in Salesforce knows.
    let grace = here("c2", "grace@example.com", &[]);
    qualified_is_a_tag(&mut world);
    assert_eq!(import(&mut world, with_tag(grace)), vec![]);
    assert_eq!(
        import(&mut world, here("c1", ADA, &[("phone", "+14155559999")])),
        vec![]
    );
    let ada = world.customer(&contact("c1"));
    assert_eq!(ada.records.len(), 2, "found in the view, without a lookup");

    let out = imported(&mut world);
    assert_eq!(walks(&world, true), [WalkReason::Import]);
    assert_eq!(walks(&world, false), [WalkReason::Import]);
    let lookups = out
        .iter()
        .filter(|one| matches!(one.kind, CommandKind::Read(_)));
    let lookups: Vec<String> = lookups.map(|one| one.lane.clone()).collect();
    assert_eq!(lookups, [contact("c2").to_string()], "{out:?}");
    // A blank is filled, a value stays as it is.
    let to_ada = fields(write_to(&out, &contact("c1")));
    assert!(to_ada.contains(&("custom_attributes.job_title".into(), "Analyst".into())));
    assert!(
        !to_ada.iter().any(|(name, _)| name == "phone"),
        "{to_ada:?}"
    );
    let to_contact = fields(write_to(&out, &salesforce("Contact", "003000000000001AAA")));
    assert!(
        !to_contact.iter().any(|(name, _)| name == "Phone"),
        "{to_contact:?}"
    );
}

fn write_to<'c>(out: &'c [Command], record: &RecordRef) -> &'c Command {
    let to = |command: &&Command| match &command.kind {
        CommandKind::Write(write) => {
            write.target == crate::domain::WriteTarget::Record(record.clone())
        }
        CommandKind::Read(_) => false,
    };
    out.iter()
        .find(to)
        .unwrap_or_else(|| panic!("nothing is written to {record}: {out:?}"))
}

#[test]
fn an_imported_row_loses_a_tie_against_what_was_told() {
    let mut pair = Pair::new();
    pair.webhook(5_000, &[("custom_attributes.nickname", "Countess")]);
    let mut old = pair.shown(5_000, &[("custom_attributes.nickname", "Ada")]);
    old.version = crate::domain::Version::second(5);
    import(&mut pair.world, old);
    let seen = pair.seen(&pair.contact, "custom_attributes.nickname");
    assert_eq!(seen, Value::text("Countess"));
}

#[test]
fn a_row_fills_in_what_no_event_has_told_and_takes_nothing_back() {
    let mut pair = Pair::new();
    let there = salesforce("Contact", "003000000000001AAA");
    let told = texts(&[("Title", "Chief")]);
    pair.event_of(&there, EventKind::Updated, 50, Writer::Foreign, told);
    // Read in the second of that change, before it.
    let more = [("Title", "Analyst"), ("Phone", "+14155550100")];
    let mut row = there_is("003000000000001AAA", "bo@example.com", &more);
    row.version = crate::domain::Version::second(50);
    import(&mut pair.world, row);
    assert_eq!(pair.seen(&there, "Title"), Value::text("Chief"));
    assert_eq!(pair.seen(&there, "Phone"), Value::text("+14155550100"));
    import(&mut pair.world, here("c9", "bo@example.com", &[]));
    assert_eq!(pair.world.customer(&contact("c9")).records.len(), 2);
}

#[test]
fn a_row_that_may_come_from_before_our_write_is_read_again() {
    let mut pair = Pair::new();
    let more = pair.event(40, Writer::Foreign, &[("Title", "Analyst")]);
    pair.settle(more, 41);
    // Answered without a version, and no event has told of it yet.
    let write = pair.webhook(200_000, &[("custom_attributes.job_title", "Countess")]);
    let lead = pair.lead.clone();
    let write = write.into_iter().find(|one| one.source == sales()).unwrap();
    let more = pair.world.answer(&write, written(&lead, false));
    pair.settle(more, 201);
    let mut row = row("Lead", &lead.id, 190, &[("Title", "Analyst")]);
    row.record = lead.clone();
    let out = import(&mut pair.world, row);
    assert!(out.len() == 1 && is_read_of(&out[0], &lead), "{out:?}");
    assert_eq!(pair.seen(&lead, "Title"), Value::text("Countess"));
    assert_eq!(
        pair.decided("custom_attributes.job_title"),
        Value::text("Countess")
    );
}

#[test]
fn a_repeated_import_changes_nothing() {
    let mut world = World::with_mapping(BOTH);
    import(&mut world, there_is("003000000000001AAA", ADA, &[]));
    import(&mut world, here("c1", ADA, &[]));
    imported(&mut world);
    let before = world.view.digest();
    let entries = world.journal.len();
    import(&mut world, there_is("003000000000001AAA", ADA, &[]));
    import(&mut world, here("c1", ADA, &[]));
    assert_eq!(world.customer(&contact("c1")).records.len(), 2);
    let news = world.journal[entries..]
        .iter()
        .filter(|one| one.cause.is_some());
    assert_eq!(news.count(), 0, "only the batches are counted");
    assert_ne!(
        world.view.digest(),
        before,
        "the window of what was taken went on"
    );
}

/// People of Intercom who are linked to nobody, as many as given.
fn crowd(count: usize) -> World {
    let mut world = World::with_mapping(BOTH);
    world.rebuild_is_checked = false;
    for number in 0..count {
        let email = format!("p{number}@example.com");
        import(&mut world, here(&format!("c{number}"), &email, &[]));
    }
    world
}

#[test]
fn a_walk_goes_in_slices_between_which_input_is_taken() {
    let mut world = crowd(120);
    imported(&mut world);
    assert_eq!(walks(&world, false), []);
    let shown = here("c7", "p7@example.com", &[("phone", "+14155550111")]);
    let mut shown = shown;
    shown.version = crate::domain::Version::exact_ms(9_000);
    world.show(shown);
    assert!(
        world.events().contains(&"record_seen"),
        "input is taken in the same step"
    );
    assert_eq!(walks(&world, false), []);
    world.pass(1);
    assert_eq!(walks(&world, false), [WalkReason::Import]);
    let advanced = world.counted(|event| matches!(event, E::WalkAdvanced { .. }));
    assert_eq!(advanced, 2, "fifty, fifty, and the rest with the end");
    assert_eq!(world.rebuilt().digest(), world.view.digest());
}

#[test]
fn a_walk_waits_while_much_is_unanswered() {
    let mut world = crowd(400);
    qualified_is_a_tag(&mut world);
    for number in 0..400 {
        let email = format!("p{number}@example.com");
        let mut row = with_tag(here(&format!("c{number}"), &email, &[]));
        row.version = crate::domain::Version::second(2);
        import(&mut world, row);
    }
    let mut out = imported(&mut world);
    for _ in 0..30 {
        out.extend(world.pass(1));
    }
    let asked = out.len();
    let most = OUTSTANDING_MAX as usize;
    assert!((most..=most + 50).contains(&asked), "{asked}");
    // Each answer makes room, and what it leads to takes some of it.
    for command in out.iter().take(60) {
        for one in world.answer(command, found(&[])) {
            if is_create(&one) {
                let made = salesforce("Lead", &format!("00Q{}", world.journal.len()));
                for more in world.answer(&one, written(&made, true)) {
                    settle(&mut world, &more);
                }
            }
        }
        let open = bridge_state(&world.view, &bridge()).outstanding;
        assert!(open <= OUTSTANDING_MAX + 60, "{open}");
    }
    let lookups = world.commands.iter().filter(|one| is_lookup(one)).count();
    assert!(lookups > asked + 50, "{lookups}");
}

#[test]
fn a_new_mapping_reaches_everybody_and_overwrites_nothing() {
    let without = BOTH.replace(
        "    - intercom: custom_attributes.nickname
      salesforce: Nickname__c
      owner: intercom
      direction: both
      conflict: owner_wins
      meaning: how friends call the person
",
        "",
    );
    assert_ne!(without, BOTH);
    let mut world = World::with_mapping(&without);
    for number in 1..3 {
        let email = format!("p{number}@example.com");
        let id = format!("00300000000000{number}AAA");
        import(&mut world, there_is(&id, &email, &[("Title", "CEO")]));
        import(&mut world, here(&format!("c{number}"), &email, &[]));
    }
    for command in imported(&mut world) {
        settle(&mut world, &command);
    }
    // What the new field holds is known only from what was shown under the new mapping.
    world.offer.file = BOTH.replace("version: 1", "version: 2");
    let (hash, body) = world.offer();
    let offered = ObservationBody::MappingOffered {
        version: 2,
        hash,
        body,
    };
    let out = world.take(Topic::Decisions, offered);
    assert_eq!(
        walks(&world, false),
        [WalkReason::Import, WalkReason::Mapping]
    );
    assert_eq!(out, vec![], "nothing of the new field is known yet");
    let mut told = here(
        "c1",
        "p1@example.com",
        &[("custom_attributes.nickname", "Count")],
    );
    told.version = crate::domain::Version::exact_ms(9_000);
    let out = world.show(told);
    let written = fields(write_to(&out, &salesforce("Contact", "003000000000001AAA")));
    assert_eq!(written, [("Nickname__c".to_owned(), "Count".to_owned())]);
}

fn settle(world: &mut World, command: &Command) {
    if let CommandKind::Write(write) = &command.kind
        && let crate::domain::WriteTarget::Record(record) = &write.target
    {
        for more in world.answer(command, written(record, false)) {
            settle(world, &more);
        }
    }
}

/// The pace goes by calls of the remote: a write that reads first makes two.
#[test]
fn a_walk_pays_for_reads_before_writes() {
    let mut world = World::with_mapping(BOTH);
    let phone = [("Phone", "+14155550001")];
    import(
        &mut world,
        there_is("003000000000001AAA", "p1@example.com", &phone),
    );
    import(&mut world, here("c1", "p1@example.com", &[]));
    let out = imported(&mut world);
    let calls = |one: &Command| 1 + usize::from(one.reads_first());
    assert!(out.iter().any(Command::reads_first), "{out:?}");
    let paid: usize = world.last.walked.values().sum();
    assert_eq!(paid, out.iter().map(calls).sum::<usize>());
}

#[test]
fn an_owners_new_name_reaches_every_record_of_theirs() {
    let mut world = World::with_mapping(BOTH);
    let user = "005000000000007AAA";
    let named = |name: &str, second| {
        let mut row = row("User", user, second, &[("Name", name)]);
        row.fields
            .insert("Email".into(), Value::text("kim@example.com"));
        Change::Row(row)
    };
    changed(&mut world, sales(), named("Kim", 1));
    for number in 1..4 {
        let email = format!("p{number}@example.com");
        let id = format!("00300000000000{number}AAA");
        let owner = if number == 3 {
            "005000000000008AAA"
        } else {
            user
        };
        import(&mut world, there_is(&id, &email, &[("OwnerId", owner)]));
        import(&mut world, here(&format!("c{number}"), &email, &[]));
    }
    for command in imported(&mut world) {
        settle(&mut world, &command);
    }
    let out = changed(&mut world, sales(), named("Kim Young", 2));
    assert_eq!(walks(&world, true), [WalkReason::Import, WalkReason::Owner]);
    let name = (
        "custom_attributes.SALESFORCE_OWNER_NAME".to_owned(),
        "Kim Young".to_owned(),
    );
    let told: Vec<_> = out
        .iter()
        .map(|one| (one.lane.clone(), fields(one)))
        .collect();
    let expected = [1, 2].map(|n| (contact(&format!("c{n}")).to_string(), vec![name.clone()]));
    let (mut told, mut expected) = (told, expected.to_vec());
    told.sort();
    expected.sort();
    assert_eq!(told, expected);
}

#[test]
fn people_join_the_company_that_their_account_gets_later() {
    let mut pair = Pair::of(&format!("{BOTH}{COMPANIES}"));
    let account = salesforce("Account", "001000000000001AAA");
    let key = texts(&[("Intercom_Company_ID__c", "A-1")]);
    pair.event_of(&account, EventKind::Created, 20, Writer::Foreign, key);
    let all = texts(&[
        ("Email", "bo@example.com"),
        ("LastName", "B"),
        ("AccountId", &account.id),
    ]);
    let made = salesforce("Contact", "003000000000009AAA");
    pair.event_of(&made, EventKind::Created, 21, Writer::Foreign, all);
    let bo = here("c5", "bo@example.com", &[]);
    let out = pair.world.show(bo);
    pair.settle(out, 30);
    assert_eq!(pair.world.customer(&contact("c5")).records.len(), 2);

    let known = RecordSnapshot {
        record: company("acme"),
        version: crate::domain::Version::exact_ms(50_000),
        fields: texts(&[("company_id", "A-1"), ("name", "Acme")]),
        tags: None,
        companies: None,
    };
    let out = pair.world.show(known);
    assert!(walks(&pair.world, true).contains(&WalkReason::Relations));
    let joins = |command: &Command| match &command.kind {
        CommandKind::Write(write) => matches!(
            &write.target,
            crate::domain::WriteTarget::Attach { contact, .. } if contact.id == "c5"
        ),
        CommandKind::Read(_) => false,
    };
    assert!(out.iter().any(joins), "{out:?}");
}

#[test]
fn walks_wait_for_each_other_and_do_not_pile_up() {
    let mut world = crowd(60);
    imported(&mut world);
    let mut versions = 2..;
    for _ in 0..3 {
        let version = versions.next().unwrap();
        world.offer.file = BOTH.replace("version: 1", &format!("version: {version}"));
        let (hash, body) = world.offer();
        let offered = ObservationBody::MappingOffered {
            version,
            hash,
            body,
        };
        world.take(Topic::Decisions, offered);
    }
    while walks(&world, false).len() < walks(&world, true).len() {
        world.pass(1);
    }
    let begun = walks(&world, true);
    assert_eq!(begun[0], WalkReason::Import);
    assert!(begun.len() <= 4, "{begun:?}");
    assert_eq!(begun, walks(&world, false));
}

#[test]
fn a_customer_whose_records_are_gone_is_passed_over() {
    let mut world = crowd(3);
    let left = Change::Left {
        record: contact("c1"),
        how: crate::domain::Gone::Deleted,
        at: None,
    };
    world.change(left);
    imported(&mut world);
    assert_eq!(walks(&world, false), [WalkReason::Import]);
}

/// The driver lets a walk rest by what it asked for: what people change goes on.
#[test]
fn a_walk_that_rests_keeps_nobody_waiting() {
    let mut world = crowd(60);
    qualified_is_a_tag(&mut world);
    let row = with_tag(here("c1", "p1@example.com", &[]));
    import(&mut world, row);
    let until = crate::domain::Timestamp(world.now + 60_000);
    world.settings.resting.insert(bridge(), until);
    imported(&mut world);
    assert_eq!(walks(&world, false), []);
    let asked = world.qualify(lead("c99", 9_000, &[("email", "bo@example.com")]));
    assert_eq!(asked.len(), 1, "somebody else is looked up at once");
    world.pass(60_001);
    world.pass(1);
    assert_eq!(walks(&world, false), [WalkReason::Import]);
}
