//! Salesforce merges records: the deleted one's row in the bin names the one that stays.

use super::stage::*;
use crate::domain::customer_event::CustomerEventKind;
use crate::domain::journal::ReviewKind;
use crate::domain::view::{Customer, ViewEntry, ViewRead};
use crate::domain::{Command, CommandKind, EventKind, Fields, Gone, Outcome, ReadCommand};
use crate::domain::{RecordRef, RecordSnapshot, RejectClass, Rejection, Value, Version};
use crate::domain::{ViewKey, Writer};
use crate::processor::tests::world::*;

const KEY: &str = "Intercom_Contact_ID__c";
const ID: &str = "custom_attributes.SALESFORCE_ID";

fn asks_the_bin(command: &Command) -> bool {
    matches!(command.kind, CommandKind::Read(ReadCommand::Gone { .. }))
}

/// A record of Salesforce that somebody made.
fn made(pair: &mut Pair, record: &RecordRef, second: i64, fields: &[(&str, &str)]) {
    let all = texts(fields);
    let out = pair.event_of(record, EventKind::Created, second, Writer::Foreign, all);
    pair.settle(out, second + 1);
}

fn second_lead() -> RecordRef {
    salesforce("Lead", "00Q000000000002AAA")
}

/// Tells that a record was deleted.
fn deleted(pair: &mut Pair, record: &RecordRef, second: i64) -> Vec<Command> {
    let (kind, writer) = (EventKind::Deleted, Writer::Foreign);
    pair.event_of(record, kind, second, writer, Fields::new())
}

fn restored(pair: &mut Pair, record: &RecordRef, second: i64) -> Vec<Command> {
    let (kind, writer) = (EventKind::Undeleted, Writer::Foreign);
    let all = pair.fields_of(record);
    pair.event_of(record, kind, second, writer, all)
}

/// The row in the bin.
fn bin(record: &RecordRef, master: Option<&RecordRef>) -> Outcome {
    let master = master.map_or(Value::Null, |master| Value::text(master.id.as_str()));
    let snapshot = RecordSnapshot {
        record: record.clone(),
        version: Version::second(20),
        fields: [
            ("IsDeleted".into(), Value::Bool(true)),
            ("MasterRecordId".into(), master),
        ]
        .into(),
        tags: None,
        companies: None,
    };
    Outcome::Read { snapshot }
}

/// The pair's lead is merged into another record; what follows is carried out.
fn merged(pair: &mut Pair, master: &RecordRef, second: i64) -> Vec<Command> {
    let lead = pair.lead.clone();
    let asked = deleted(pair, &lead, second);
    let [ask] = asked.as_slice() else {
        panic!("the bin is asked, and nothing else: {asked:?}");
    };
    assert!(asks_the_bin(ask));
    let out = pair.world.answer(ask, bin(&lead, Some(master)));
    pair.settle(out.clone(), second + 1);
    out
}

fn is_one(pair: &Pair, left: &RecordRef, right: &RecordRef) -> bool {
    pair.world.customer(left).id == pair.world.customer(right).id
}

fn refused_as_gone() -> Outcome {
    Outcome::Rejected(Rejection {
        class: RejectClass::Gone,
        code: "ENTITY_IS_DELETED".into(),
        text: String::new(),
        fields: Vec::new(),
        records: Vec::new(),
        hint: String::new(),
    })
}

fn open_reviews(pair: &Pair) -> Vec<ReviewKind> {
    let (mut from, to) = ViewKey::range(&bridge(), 0x07);
    let mut kinds = Vec::new();
    while let Some((key, entry)) = pair.world.view.first(&from, &to) {
        if let ViewEntry::Review(item) = &*entry {
            kinds.push(item.kind);
        }
        from = key.next();
    }
    kinds
}

#[test]
fn a_record_that_salesforce_merged_away_goes_on_as_its_master() {
    let mut pair = Pair::new();
    let (contact, lead, master) = (pair.contact.clone(), pair.lead.clone(), second_lead());
    let own = [
        ("LastName", "King"),
        ("Title", "Countess"),
        ("Email", "k@example.com"),
    ];
    made(&mut pair, &master, 10, &own);
    let before = pair.world.customer(&contact).id;
    let other = pair.world.customer(&master).id;
    merged(&mut pair, &master, 20);
    let customer: Customer = pair.world.customer(&master);
    assert_eq!(
        customer.id, before,
        "the one that was founded earlier keeps its id"
    );
    assert!(customer.records.contains_key(&contact));
    assert_eq!(customer.records[&lead].gone, Some(Gone::Deleted));
    // The master stands for both: it bears our key, is named in Intercom, and keeps its own.
    assert_eq!(pair.seen(&master, KEY), Value::text("abc123:c1"));
    assert_eq!(pair.seen(&contact, ID), Value::text(master.id.as_str()));
    assert_eq!(pair.seen(&contact, TITLE), Value::text("Countess"));
    assert_eq!(pair.seen(&master, "LastName"), Value::text("King"));
    let told = pair.world.told.iter().rev();
    let mut told = told.filter(|event| event.kind == CustomerEventKind::Merged);
    let lineage = &told.next().expect("analysts are told").lineage;
    assert_eq!(lineage.absorbed, Some(other));
    assert_eq!(lineage.policy.as_deref(), Some("source_merge"));
    let out = pair.webhook(30_000, &[("name", "Ada Byron")]);
    assert_eq!(writes_to(&out, &lead).len(), 0);
    assert_eq!(writes_to(&out, &master).len(), 1, "later changes go there");
}

#[test]
fn what_the_bin_does_not_call_merged_was_deleted() {
    let lead = Pair::new().lead;
    let purged = Outcome::NotFound {
        record: lead.clone(),
    };
    for answer in [bin(&lead, None), bin(&lead, Some(&lead)), purged] {
        let mut pair = Pair::new();
        let asked = deleted(&mut pair, &lead, 20);
        let linked = pair.count("record_linked");
        assert_eq!(pair.world.answer(&asked[0], answer), vec![]);
        assert_eq!(pair.world.state(&lead).gone, Some(Gone::Deleted));
        assert_eq!(pair.count("record_linked"), linked);
        assert_eq!(pair.world.pass(100 * DEADLINE_MS), vec![], "once is enough");
        let out = pair.webhook(30_000, &[("name", "Ada Byron")]);
        assert_eq!(out, vec![], "and it is not made again");
    }
}

#[test]
fn the_bin_is_asked_for_linked_records_only_and_again_while_it_is_silent() {
    let mut pair = Pair::new();
    let alone = second_lead();
    made(&mut pair, &alone, 10, &[("LastName", "King")]);
    assert_eq!(deleted(&mut pair, &alone, 20), vec![]);
    let lead = pair.lead.clone();
    let asked = deleted(&mut pair, &lead, 21);
    let again = pair.world.pass(2 * DEADLINE_MS);
    assert_eq!((again[0].id, again[0].attempt), (asked[0].id, 2));
    assert_eq!(deleted(&mut pair, &lead, 22), vec![], "and not twice");
}

#[test]
fn a_key_is_neither_lost_nor_doubled_where_both_bear_one() {
    let mut pair = Pair::new();
    let master = second_lead();
    let second = lead(
        "c2",
        5_000,
        &[("email", "grace@example.com"), ("name", "Grace Hopper")],
    );
    let look = pair.world.qualify(second);
    let create = pair.world.answer(&look[0], found(&[]));
    let out = pair.world.answer(&create[0], written(&master, true));
    pair.settle(out, 6);
    let mut all = pair.fields_of(&master);
    all.extend(texts(&[("IsConverted", "false")]));
    let out = pair.event_of(&master, EventKind::Created, 6, Writer::Ours, all);
    pair.settle(out, 7);
    let out = merged(&mut pair, &master, 20);
    let keys = out.iter().filter(|command| match &command.kind {
        CommandKind::Write(write) => write.fields.iter().any(|field| field.name == KEY),
        CommandKind::Read(_) => false,
    });
    assert_eq!(keys.count(), 0, "the master's own stays");
    assert_eq!(pair.seen(&master, KEY), Value::text("abc123:c2"));
    assert!(is_one(&pair, &contact("c1"), &contact("c2")));
    for record in [contact("c1"), contact("c2")] {
        assert_eq!(pair.seen(&record, ID), Value::text(master.id.as_str()));
    }
}

#[test]
fn what_had_not_reached_the_merged_record_reaches_its_master() {
    let mut pair = Pair::new();
    let (lead, master) = (pair.lead.clone(), second_lead());
    let out = pair.event(8, Writer::Foreign, &[("Title", "Analyst")]);
    pair.settle(out, 9);
    made(
        &mut pair,
        &master,
        10,
        &[("LastName", "King"), ("Title", "Analyst")],
    );
    let waits = pair.webhook(15_000, &[(TITLE, "Countess")]);
    assert_eq!(writes_to(&waits, &lead).len(), 1);
    merged(&mut pair, &master, 20);
    assert_eq!(pair.seen(&master, "Title"), Value::text("Countess"));
    assert_eq!(pair.seen(&pair.contact, TITLE), Value::text("Countess"));
    // The write that was under way comes too late, and asks nobody.
    assert_eq!(pair.world.answer(&waits[0], refused_as_gone()), vec![]);
    assert_eq!(open_reviews(&pair), []);
}

#[test]
fn a_refusal_that_came_before_the_merge_was_known_is_over_with_it() {
    let mut pair = Pair::new();
    let (lead, master) = (pair.lead.clone(), second_lead());
    made(&mut pair, &master, 10, &[("LastName", "King")]);
    let waits = pair.webhook(15_000, &[("name", "Ada Byron")]);
    let asked = pair.world.answer(&waits[0], refused_as_gone());
    assert!(asks_the_bin(&asked[0]), "no event has told of it yet");
    assert_eq!(open_reviews(&pair), [ReviewKind::Rejected]);
    let out = pair.world.answer(&asked[0], bin(&lead, Some(&master)));
    pair.settle(out, 21);
    assert_eq!(open_reviews(&pair), []);
    assert!(is_one(&pair, &pair.contact, &master));
    assert_eq!(
        deleted(&mut pair, &lead, 22),
        vec![],
        "the event is no news"
    );
}

#[test]
fn a_master_that_nobody_told_of_is_read_before_anything_is_written() {
    let mut pair = Pair::new();
    let (lead, master) = (pair.lead.clone(), second_lead());
    let asked = deleted(&mut pair, &lead, 20);
    let read = pair.world.answer(&asked[0], bin(&lead, Some(&master)));
    assert_eq!(read.len(), 1);
    assert!(is_read_of(&read[0], &master));
    let shown = row(
        "Lead",
        &master.id,
        21,
        &[
            ("Id", &master.id),
            ("LastName", "King"),
            ("Title", "Countess"),
        ],
    );
    let out = pair
        .world
        .answer(&read[0], Outcome::Read { snapshot: shown });
    pair.settle(out, 22);
    assert_eq!(pair.seen(&master, "LastName"), Value::text("King"));
    assert_eq!(
        pair.seen(&master, "Email"),
        Value::text(ADA),
        "a blank is filled"
    );
    assert_eq!(pair.seen(&master, KEY), Value::text("abc123:c1"));
    assert_eq!(pair.seen(&pair.contact, TITLE), Value::text("Countess"));
    assert_eq!(
        pair.seen(&pair.contact, ID),
        Value::text(master.id.as_str())
    );
}

#[test]
fn a_master_that_was_merged_itself_leads_to_the_one_that_stands() {
    let mut pair = Pair::new();
    let (lead, second) = (pair.lead.clone(), second_lead());
    let third = salesforce("Lead", "00Q000000000003AAA");
    made(&mut pair, &second, 10, &[("LastName", "King")]);
    made(&mut pair, &third, 11, &[("LastName", "Byron")]);
    let asked = deleted(&mut pair, &lead, 20);
    let out = deleted(&mut pair, &second, 21);
    assert_eq!(out, vec![], "it stands alone as far as anybody knows");
    let out = pair.world.answer(&asked[0], bin(&lead, Some(&second)));
    assert!(out.iter().any(asks_the_bin), "now it does not: {out:?}");
    let out = pair.world.answer(&out[0], bin(&second, Some(&third)));
    pair.settle(out, 22);
    assert!(is_one(&pair, &pair.contact, &third));
    assert_eq!(pair.seen(&third, KEY), Value::text("abc123:c1"));
    assert_eq!(pair.seen(&pair.contact, ID), Value::text(third.id.as_str()));
}

#[test]
fn a_record_that_is_restored_is_one_of_its_own_again() {
    let mut pair = Pair::new();
    let (contact, lead, master) = (pair.contact.clone(), pair.lead.clone(), second_lead());
    made(
        &mut pair,
        &master,
        10,
        &[("LastName", "King"), ("Title", "Countess")],
    );
    merged(&mut pair, &master, 20);
    assert_eq!(pair.seen(&contact, TITLE), Value::text("Countess"));
    let before = pair.world.customer(&contact).id;
    let out = restored(&mut pair, &lead, 40);
    pair.settle(out, 41);
    assert!(
        is_one(&pair, &contact, &lead),
        "it takes along whom it had brought"
    );
    assert!(!is_one(&pair, &contact, &master));
    assert_eq!(pair.world.customer(&contact).id, before);
    // What each had from the other goes back, and our key goes with the contact.
    assert_eq!(pair.seen(&contact, TITLE), Value::Null);
    assert_eq!(pair.seen(&master, KEY), Value::Null);
    assert_eq!(pair.seen(&lead, KEY), Value::text("abc123:c1"));
    assert_eq!(pair.seen(&contact, ID), Value::text(lead.id.as_str()));
    let told = pair.world.told.iter().rev();
    let mut told = told.filter(|event| event.kind == CustomerEventKind::Split);
    let lineage = &told.next().expect("analysts are told").lineage;
    assert_eq!(lineage.policy.as_deref(), Some("source_merge"));
}

#[test]
fn what_the_bin_showed_before_a_restore_joins_nobody() {
    let mut pair = Pair::new();
    let (lead, master) = (pair.lead.clone(), second_lead());
    made(&mut pair, &master, 10, &[("LastName", "King")]);
    let asked = deleted(&mut pair, &lead, 20);
    let out = restored(&mut pair, &lead, 21);
    pair.settle(out, 22);
    assert_eq!(
        pair.world.answer(&asked[0], bin(&lead, Some(&master))),
        vec![]
    );
    assert!(!is_one(&pair, &lead, &master));
    assert!(is_one(&pair, &pair.contact, &lead));
}

#[test]
fn accounts_that_were_merged_are_one_company_and_their_people_join_it() {
    let mut pair = Pair::of(&format!("{BOTH}{COMPANIES}"));
    let shown = RecordSnapshot {
        record: company("acme"),
        version: Version::exact_ms(1_000),
        fields: texts(&[("company_id", "A-1"), ("name", "Acme")]),
        tags: None,
        companies: None,
    };
    for command in pair.world.show(shown) {
        pair.world.answer(&command, found(&[]));
    }
    let [loser, master] = ["001000000000001AAA", "001000000000002AAA"];
    let [loser, master] = [loser, master].map(|id| salesforce("Account", id));
    made(&mut pair, &loser, 10, &[("Intercom_Company_ID__c", "A-1")]);
    made(&mut pair, &master, 11, &[("Intercom_Company_ID__c", "")]);
    assert!(is_one(&pair, &company("acme"), &loser));
    let asked = deleted(&mut pair, &loser, 20);
    let out = pair.world.answer(&asked[0], bin(&loser, Some(&master)));
    pair.settle(out, 21);
    assert!(is_one(&pair, &company("acme"), &master));
    let person = salesforce("Contact", "003000000000009AAA");
    let all = [
        ("Email", ADA),
        ("LastName", "Lovelace"),
        ("AccountId", &master.id),
    ];
    made(&mut pair, &person, 30, &all);
    let lead = pair.lead.clone();
    let became = texts(&[
        ("IsConverted", "true"),
        ("ConvertedContactId", "003000000000009AAA"),
    ]);
    let out = pair.event_of(&lead, EventKind::Updated, 31, Writer::Foreign, became);
    pair.settle(out, 32);
    assert!(pair.world.state(&pair.contact).companies.contains("acme"));
}

#[test]
fn a_doubt_ends_when_all_candidates_but_one_have_left() {
    let mut pair = Pair::new();
    let mail = "grace@example.com";
    let [first, second] = ["00Q000000000004AAA", "00Q000000000005AAA"];
    let [first, second] = [first, second].map(|id| salesforce("Lead", id));
    made(
        &mut pair,
        &first,
        10,
        &[("Email", mail), ("LastName", "Hopper")],
    );
    made(
        &mut pair,
        &second,
        11,
        &[("Email", mail), ("LastName", "Hopper")],
    );
    pair.world.show(lead("c2", 12_000, &[("email", mail)]));
    assert_eq!(open_reviews(&pair), [ReviewKind::Ambiguous]);
    let out = deleted(&mut pair, &first, 20);
    pair.settle(out, 21);
    assert_eq!(open_reviews(&pair), []);
    assert!(is_one(&pair, &contact("c2"), &second));
}
