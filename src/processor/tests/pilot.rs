//! A pilot of four accounts, as a pilot group tries it: given, when, then. What is not on its list
//! is looked at, and never written.

use std::collections::BTreeSet;

use super::both::stage::{BOTH, COMPANIES, Pair, TITLE, texts, writes_to};
use super::splitting::is_one;
use super::world::*;
use crate::domain::{
    Change, Command, CommandKind, EventKind, RecordRef, RecordSnapshot, RefSet, Value, WriteTarget,
    Writer,
};
use crate::processor::evolve::commands::subject;

const LISTED: &str = "001000000000001AAA";
const UNLISTED: &str = "001000000000002AAA";
const TIER: &str = "custom_attributes.tier";

/// Takes two accounts: one by its id in Salesforce, one by its key in Intercom.
fn pilot() -> Pair {
    let list = format!("pilot: {{accounts: [{LISTED}], companies: [smb-1]}}\n");
    Pair {
        world: World::with_mapping(&format!("{BOTH}{COMPANIES}{list}")),
        contact: contact("c1"),
        lead: salesforce("Contact", "003000000000001AAA"),
    }
}

fn of_company(mut snapshot: RecordSnapshot, company: &str) -> RecordSnapshot {
    snapshot.companies = Some(RefSet {
        ids: [company.to_owned()].into(),
        complete: true,
    });
    snapshot
}

/// A company of Intercom with its governed key.
fn company_with_key(pair: &mut Pair, id: &str, key: &str) {
    let mut shown = lead(id, 1000, &[("company_id", key), ("name", "Kestrel")]);
    shown.record = company(id);
    shown.fields.remove("role");
    (shown.tags, shown.companies) = (None, None);
    let out = pair.world.change(Change::Shown(shown));
    pair.settle(out, 2);
}

/// An account of Salesforce, as its creation shows it.
fn account(pair: &mut Pair, id: &str, key: &str) {
    let record = salesforce("Account", id);
    let all = texts(&[("Name", "Kestrel"), ("Intercom_Company_ID__c", key)]);
    let out = pair.event_of(&record, EventKind::Created, 3, Writer::Foreign, all);
    pair.settle(out, 4);
}

/// A person of an account, first in Salesforce and then in Intercom, linked by the address.
fn person(pair: &mut Pair, n: u32, account: &str, company: &str) -> (RecordRef, RecordRef) {
    let (ours, theirs) = (
        contact(&format!("c{n}")),
        salesforce("Contact", &format!("0030000000000{n:02}AAA")),
    );
    let email = format!("person{n}@example.com");
    let all = [
        ("Email", email.as_str()),
        ("LastName", "King"),
        ("AccountId", account),
    ];
    let out = pair.event_of(&theirs, EventKind::Created, 5, Writer::Foreign, texts(&all));
    settle(pair, out, 6);
    let shown = lead(
        &ours.id,
        7_000,
        &[("email", email.as_str()), ("name", "A King")],
    );
    let out = pair.world.show(of_company(shown, company));
    settle(pair, out, 8);
    (ours, theirs)
}

/// Carries out what follows; joining a company shows the contact in it.
fn settle(pair: &mut Pair, commands: Vec<Command>, second: i64) {
    for command in commands {
        let more = pair.done(&command, second);
        settle(pair, more, second + 1);
    }
}

/// Every record that a write was ever asked for.
fn written(pair: &Pair) -> BTreeSet<RecordRef> {
    let writes = pair
        .world
        .commands
        .iter()
        .filter_map(|command| match &command.kind {
            CommandKind::Write(write) => Some((command, write)),
            CommandKind::Read(_) => None,
        });
    let mut all = BTreeSet::new();
    for (command, write) in writes {
        all.insert(subject(command));
        if let WriteTarget::Attach { company, .. } = &write.target {
            all.insert(company.clone());
        }
    }
    all
}

/// Checklist row 31: the simple account.
#[test]
fn given_a_small_account_when_its_lead_qualifies_then_it_is_made_and_nobody_elses() {
    // Given a small company on the list and one beside it.
    let mut pair = pilot();
    company_with_key(&mut pair, "k1", "smb-1");
    company_with_key(&mut pair, "k2", "smb-2");
    // When a lead of each qualifies.
    let ours = lead(
        "c1",
        10_000,
        &[("email", "ada@example.com"), ("name", "Ada King")],
    );
    let theirs = lead(
        "c2",
        10_000,
        &[("email", "bob@example.com"), ("name", "Bob King")],
    );
    let look = pair.world.qualify(of_company(ours, "k1"));
    let nothing = pair.world.qualify(of_company(theirs, "k2"));
    // Then the one is looked for and made, and the other is not even asked for.
    assert_eq!(nothing, vec![]);
    let made = pair.world.answer(&look[0], found(&[]));
    assert!(is_create(&made[0]));
    let record = salesforce("Lead", "00Q000000000001AAA");
    let out = pair.world.answer(&made[0], written_as(&record));
    settle(&mut pair, out, 12);
    // And the lead, which names no account, goes on being written: its person is on the list.
    let shown = lead(
        "c1",
        20_000,
        &[
            ("email", "ada@example.com"),
            ("name", "Ada King"),
            (TITLE, "CTO"),
        ],
    );
    let out = pair.world.show(with_tag(of_company(shown, "k1")));
    assert_eq!(writes_to(&out, &record).len(), 1);
    settle(&mut pair, out, 21);
    assert!(!written(&pair).contains(&contact("c2")));
}

fn written_as(record: &RecordRef) -> crate::domain::Outcome {
    super::world::written(record, true)
}

/// Checklist row 31: the account with many people.
#[test]
fn given_an_account_with_many_contacts_when_one_changes_then_only_that_one_is_written() {
    // Given an account on the list with two people, and one person of another account.
    let mut pair = pilot();
    company_with_key(&mut pair, "k1", "b2b-1");
    account(&mut pair, LISTED, "b2b-1");
    company_with_key(&mut pair, "k2", "b2b-2");
    account(&mut pair, UNLISTED, "b2b-2");
    let (ada, ada_there) = person(&mut pair, 1, LISTED, "k1");
    let (bea, bea_there) = person(&mut pair, 2, LISTED, "k1");
    let (eve, eve_there) = person(&mut pair, 3, UNLISTED, "k2");
    // Then those on the list are linked, and the other is not.
    assert!(is_one(&pair.world, &ada, &ada_there) && is_one(&pair.world, &bea, &bea_there));
    assert!(!is_one(&pair.world, &eve, &eve_there));
    // When a rep renames the titles of one on the list and of the one beside it.
    let title = texts(&[("Title", "Head")]);
    for record in [&ada_there, &eve_there] {
        let out = pair.event_of(
            record,
            EventKind::Updated,
            50,
            Writer::Foreign,
            title.clone(),
        );
        for command in &out {
            assert_eq!(subject(command), ada, "only her contact is written");
        }
        settle(&mut pair, out, 51);
    }
    // Then hers follows, her colleague's stays, and the stranger's too.
    assert_eq!(pair.seen(&ada, TITLE), Value::text("Head"));
    assert_eq!(pair.seen(&bea, TITLE), Value::Null);
    assert_eq!(pair.seen(&eve, TITLE), Value::Null);
    let everybody = written(&pair);
    for stranger in [
        &eve,
        &eve_there,
        &company("k2"),
        &salesforce("Account", UNLISTED),
    ] {
        assert!(!everybody.contains(stranger), "{stranger} was written");
    }
}

/// Checklist row 31: the account with fields of its own.
#[test]
fn given_an_account_with_custom_fields_when_they_change_then_each_goes_its_way() {
    // Given a person of an account on the list, and one beside it, both with custom fields.
    let mut pair = pilot();
    company_with_key(&mut pair, "k1", "b2b-1");
    account(&mut pair, LISTED, "b2b-1");
    let (ada, ada_there) = person(&mut pair, 1, LISTED, "k1");
    let (eve, eve_there) = person(&mut pair, 2, UNLISTED, "k2");
    for (record, second) in [(&ada_there, 50), (&eve_there, 51)] {
        // When sales agree on a tier, and an agent writes a nickname.
        let tier = texts(&[("Tier__c", "Gold")]);
        let out = pair.event_of(record, EventKind::Updated, second, Writer::Foreign, tier);
        settle(&mut pair, out, 52);
    }
    for (id, company) in [("c1", "k1"), ("c2", "k2")] {
        let state = pair.world.state(&contact(id));
        let mut shown = of_company(lead(id, 60_000, &[]), company);
        let held = state
            .seen
            .iter()
            .map(|(name, seen)| (name.clone(), seen.value.clone()));
        shown.fields.extend(held);
        shown
            .fields
            .insert("custom_attributes.nickname".into(), Value::text("Al"));
        let out = pair.world.show(shown);
        settle(&mut pair, out, 61);
    }
    // Then both fields stand on both sides of the one, and nowhere on the other's.
    assert_eq!(pair.seen(&ada, TIER), Value::text("Gold"));
    assert_eq!(pair.seen(&ada_there, "Nickname__c"), Value::text("Al"));
    assert_eq!(pair.seen(&eve, TIER), Value::Null);
    assert_eq!(pair.seen(&eve_there, "Nickname__c"), Value::Null);
    let everybody = written(&pair);
    assert!(!everybody.contains(&eve) && !everybody.contains(&eve_there));
}

/// Checklist row 31: the account where much is going on.
#[test]
fn given_an_account_with_traffic_when_both_sides_change_at_once_then_it_comes_to_rest() {
    // Given a person of an account on the list, whose title Salesforce owns.
    let mut pair = pilot();
    company_with_key(&mut pair, "k1", "b2b-1");
    account(&mut pair, LISTED, "b2b-1");
    let (ada, ada_there) = person(&mut pair, 1, LISTED, "k1");
    // When a rep's change is on its way, an agent says something else, and a webhook comes twice.
    let rep = texts(&[("Title", "Rep's")]);
    let out = pair.event_of(&ada_there, EventKind::Updated, 50, Writer::Foreign, rep);
    let write = writes_to(&out, &ada)[0].clone();
    let state = pair.world.state(&ada);
    let held = state
        .seen
        .iter()
        .map(|(name, seen)| (name.clone(), seen.value.clone()));
    let mut agents = of_company(lead("c1", 51_000, &[]), "k1");
    agents.fields.extend(held);
    agents.fields.insert(TITLE.into(), Value::text("Agent's"));
    let mut more = pair.world.show(agents.clone());
    more.extend(pair.world.show(agents));
    more.extend(pair.done(&write, 52));
    settle(&mut pair, more, 53);
    // Then the owner's value stands on both sides, the conflict is kept, and nothing is out.
    assert_eq!(pair.seen(&ada, TITLE), Value::text("Rep's"));
    assert_eq!(pair.seen(&ada_there, "Title"), Value::text("Rep's"));
    let (kept, lost) = pair.last_conflict();
    assert_eq!((kept, lost), ("Rep's".into(), "Agent's".into()));
    for record in [&ada, &ada_there] {
        let state = pair.world.state(record);
        assert!(state.writing.is_none() && state.reading.is_none() && state.held.is_empty());
    }
    // And when the pilot is over, whoever was beside it is taken in by the walk of the mapping.
    let (eve, eve_there) = person(&mut pair, 2, UNLISTED, "k2");
    assert!(!is_one(&pair.world, &eve, &eve_there));
    over(&mut pair);
    assert!(is_one(&pair.world, &eve, &eve_there));
}

/// Everybody takes part: the next version of the mapping has no list.
fn over(pair: &mut Pair) {
    let world = &mut pair.world;
    world.offer.file = format!("{BOTH}{COMPANIES}").replacen("version: 1", "version: 2", 1);
    let (hash, body) = world.offer();
    let version = 2;
    let offered = crate::domain::ObservationBody::MappingOffered {
        version,
        hash,
        body,
    };
    let mut out = world.take(crate::domain::Topic::Decisions, offered);
    for _ in 0..10 {
        settle(pair, std::mem::take(&mut out), 100);
        out = pair.world.pass(1_000);
    }
}
