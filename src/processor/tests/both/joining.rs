//! Records that join one customer. All found by the simulation.

use super::stage::*;
use crate::domain::{Change, Command, EventKind, Outcome, RecordRef, Value, Writer};
use crate::processor::tests::world::*;

const NICKNAME: &str = "custom_attributes.nickname";
const KEY: &str = "Intercom_Contact_ID__c";

fn nickname_of(pair: &Pair, record: &RecordRef) -> Value {
    let name = if record.source == sales() {
        "Nickname__c"
    } else {
        NICKNAME
    };
    pair.seen(record, name)
}

/// A creation that is out, with what it is created from.
fn creating(id: &str, more: &[(&str, &str)]) -> (World, Command) {
    let mut world = World::with_mapping(BOTH);
    let mut all = vec![("email", ADA), ("name", "Ada Lovelace")];
    all.extend(more);
    let look = world.qualify(lead(id, 1000, &all));
    let create = world.answer(&look[0], found(&[]));
    assert!(is_create(&create[0]));
    (world, create[0].clone())
}

#[test]
fn a_creation_that_finds_its_lead_changed_by_a_person_keeps_that_change() {
    let (mut world, create) = creating("c1", &[(TITLE, "Agent's")]);
    let there = [
        (KEY, "abc123:c1"),
        ("Email", ADA),
        ("FirstName", "Ada"),
        ("LastName", "Lovelace"),
        ("Title", "Rep's"),
    ];
    let snapshot = row("Lead", "00Q1", 5, &there);
    let out = world.answer(&create, Outcome::AlreadyThere { snapshot });
    let made = salesforce("Lead", "00Q1");
    let title = |command: &Command| fields(command).iter().any(|(name, _)| name == "Title");
    assert!(!writes_to(&out, &made).into_iter().any(title), "{out:?}");
    let decided = &world.customer(&made).decided[TITLE];
    assert_eq!(decided.value, Value::text("Rep's"));
}

#[test]
fn a_creation_that_finds_the_orgs_own_form_writes_nothing_more() {
    let (mut world, create) = creating("c1", &[("phone", "+14155552671")]);
    let there = [
        (KEY, "abc123:c1"),
        ("Email", ADA),
        ("FirstName", "Ada"),
        ("LastName", "Lovelace"),
        ("Phone", "(415) 555-2671"),
        ("LeadSource", "Intercom"),
        ("Company", "[not provided]"),
    ];
    let snapshot = row("Lead", "00Q1", 5, &there);
    let out = world.answer(&create, Outcome::AlreadyThere { snapshot });
    let made = salesforce("Lead", "00Q1");
    assert_eq!(writes_to(&out, &made), Vec::<&Command>::new());
}

#[test]
fn another_contact_with_the_address_joins_after_the_creation_was_answered() {
    let (mut world, create) = creating("c1", &[(NICKNAME, "Mine")]);
    let other = lead("c2", 900, &[("email", ADA), (NICKNAME, "Other")]);
    world.show(other);
    let mut pair = Pair {
        world,
        contact: contact("c1"),
        lead: salesforce("Lead", "00Q000000000001AAA"),
    };
    let made = pair.lead.clone();
    let told = texts(&[
        (KEY, "abc123:c1"),
        ("Email", ADA),
        ("FirstName", "Ada"),
        ("LastName", "Lovelace"),
        ("Nickname__c", "Mine"),
        ("IsConverted", "false"),
    ]);
    pair.event_of(&made, EventKind::Created, 2, Writer::Ours, told);
    assert_eq!(
        pair.count("record_linked"),
        0,
        "its answer is still to come"
    );
    let out = pair.world.answer(&create, written(&made, true));
    assert_eq!(pair.count("record_linked"), 2);
    pair.settle(out, 3);
    assert_eq!(nickname_of(&pair, &made), Value::text("Mine"));
    assert_eq!(nickname_of(&pair, &contact("c2")), Value::text("Other"));
    assert_eq!(pair.decided(NICKNAME), Value::text("Mine"));
}

/// Two contacts with a lead each, and a third that shares the second's lead.
fn three_contacts() -> (Pair, RecordRef) {
    let mut pair = Pair::new();
    let out = pair.webhook(10_000, &[(NICKNAME, "One")]);
    pair.settle(out, 10);
    let address = [("email", "grace@example.com"), (NICKNAME, "Two")];
    let look = pair.world.qualify(lead("c2", 11_000, &address));
    let create = pair.world.answer(&look[0], found(&[]));
    let second = salesforce("Lead", "00Q000000000002AAA");
    let out = pair.world.answer(&create[0], written(&second, true));
    pair.settle(out, 12);
    let address = [("email", "grace@example.com"), (NICKNAME, "Three")];
    let out = pair.world.show(lead("c3", 13_000, &address));
    pair.settle(out, 14);
    (pair, second)
}

fn merge(pair: &mut Pair) {
    let survivor = pair.shown(20_000, &[]);
    let absorbed = Some(contact("c2"));
    let out = pair.world.change(Change::Merged { survivor, absorbed });
    pair.settle(out, 21);
}

#[test]
fn customers_that_become_one_keep_what_their_records_hold() {
    let (mut pair, second) = three_contacts();
    let first = pair.lead.clone();
    merge(&mut pair);
    assert_eq!(nickname_of(&pair, &first), Value::text("One"));
    assert_eq!(nickname_of(&pair, &second), Value::text("Two"));
    assert_eq!(nickname_of(&pair, &contact("c3")), Value::text("Three"));
    assert_eq!(pair.decided(NICKNAME), Value::text("One"), "the survivor's");
}

#[test]
fn a_change_to_what_is_decided_already_reaches_those_that_kept_their_own() {
    let (mut pair, second) = three_contacts();
    merge(&mut pair);
    let address = [("email", "grace@example.com"), (NICKNAME, "One")];
    let out = pair.world.show(lead("c3", 30_000, &address));
    pair.settle(out, 31);
    assert_eq!(nickname_of(&pair, &second), Value::text("One"));
}

/// A lead is converted into a contact that took this over.
fn convert(pair: &mut Pair, lead: &RecordRef, id: &str, copied: &[(&str, &str)]) -> Vec<Command> {
    let became = salesforce("Contact", id);
    let mut all = vec![("FirstName", "Ada"), ("LastName", "Lovelace")];
    all.extend(copied);
    let told = texts(&all);
    let mut out = pair.event_of(&became, EventKind::Created, 70, Writer::Foreign, told);
    let converted = texts(&[("IsConverted", "true"), ("ConvertedContactId", id)]);
    out.extend(pair.event_of(lead, EventKind::Updated, 70, Writer::Foreign, converted));
    out
}

#[test]
fn what_a_contact_took_over_does_not_undo_what_was_decided_since() {
    let mut pair = Pair::new();
    let out = pair.webhook(10_000, &[(NICKNAME, "Old")]);
    pair.settle(out, 11);
    pair.webhook(60_000, &[(NICKNAME, "New")]);
    let (lead, id) = (pair.lead.clone(), "003000000000001AAA");
    let out = convert(&mut pair, &lead, id, &[("Nickname__c", "Old")]);
    assert_eq!(pair.decided(NICKNAME), Value::text("New"));
    let became = salesforce("Contact", id);
    let nickname = ("Nickname__c".to_owned(), "New".to_owned());
    let writes = writes_to(&out, &became);
    assert!(fields(writes[0]).contains(&nickname), "{writes:?}");
}

#[test]
fn a_key_that_another_record_of_the_object_bears_is_not_written_again() {
    let (mut pair, second) = three_contacts();
    merge(&mut pair);
    let first = pair.lead.clone();
    for (lead, id, key) in [
        (first, "003000000000001AAA", "abc123:c1"),
        // The org refuses a key twice, and the whole write with it.
        (second, "003000000000002AAA", "abc123:c3"),
    ] {
        let out = convert(&mut pair, &lead, id, &[]);
        pair.settle(out, 71);
        let became = salesforce("Contact", id);
        assert_eq!(pair.seen(&became, KEY), Value::text(key));
    }
}
