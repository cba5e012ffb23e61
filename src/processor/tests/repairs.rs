//! What our writes are given back when records are taken apart, also while something is under way.

use proptest::prelude::*;

use super::both::stage::{ADA, BOTH, Pair, TITLE, texts, writes_to};
use super::splitting::{KEY, apart, held, is_one, joined, say};
use super::world::*;
use crate::domain::{Command, EventKind, Outcome, RecordRef, Value, Writer};

/// Two pairs whom an operator has joined, each with what it had; then one lead is taken out.
#[test]
fn what_only_those_who_left_have_said_gives_way_to_those_who_stay() {
    for turned in [false, true] {
        two_pairs_of_whom_one_lead_leaves(turned);
    }
}

fn two_pairs_of_whom_one_lead_leaves(turned: bool) {
    let mut pair = joined(&[], &[("Title", "Countess")]);
    let (one, its_lead) = (pair.contact.clone(), pair.lead.clone());
    let (other, other_lead) = (contact("c2"), salesforce("Lead", "00Q000000000002AAA"));
    let mut all = texts(&[
        ("Email", "b@example.com"),
        ("LastName", "B"),
        ("Title", "Poet"),
    ]);
    all.insert("Id".into(), Value::text(other_lead.id.as_str()));
    let out = pair.event_of(&other_lead, EventKind::Created, 30, Writer::Foreign, all);
    pair.settle(out, 31);
    let out = pair
        .world
        .show(lead("c2", 50_000, &[("email", "b@example.com")]));
    pair.settle(out, 51);
    let out = match turned {
        false => say(&mut pair, &other, &one, true),
        true => say(&mut pair, &one, &other, true),
    };
    pair.settle(out, 60);
    assert_eq!(
        pair.seen(&other, TITLE),
        Value::text("Poet"),
        "each keeps its own"
    );
    let out = say(&mut pair, &other, &other_lead, false);
    pair.settle(out, 70);
    assert!(is_one(&pair.world, &other, &its_lead) && !is_one(&pair.world, &other, &other_lead));
    // Nobody here says what the lead that left has said.
    assert_eq!(pair.seen(&other, TITLE), Value::text("Countess"));
    assert_eq!(pair.seen(&one, TITLE), Value::text("Countess"));
    assert_eq!(pair.seen(&other_lead, "Title"), Value::text("Poet"));
    let names = "custom_attributes.SALESFORCE_ID";
    assert_eq!(pair.seen(&other, names), pair.seen(&one, names));
    assert!(pair.is_at_rest());
}

/// Found by a reader: what was out, or waited, at that moment stayed.
#[test]
fn what_is_in_flight_when_they_are_taken_apart_is_taken_back() {
    let mut pair = joined(&[("phone", "+14155550111")], &[("Phone", "+14155550122")]);
    let (contact, lead) = (pair.contact.clone(), pair.lead.clone());
    let out = pair.webhook(60_000, &[("phone", "+14155550133")]);
    let write = writes_to(&out, &lead)[0].clone();
    // This one waits for the first.
    assert_eq!(
        pair.webhook(61_000, &[("phone", "+14155550133"), (TITLE, "Poet")]),
        vec![]
    );
    let more = say(&mut pair, &contact, &lead, false);
    let out = pair.done(&write, 62);
    pair.settle(out, 63);
    pair.settle(more, 70);
    assert_eq!(pair.seen(&lead, "Phone"), Value::text("+14155550122"));
    assert_eq!(pair.seen(&lead, "Title"), Value::Null);
    assert_eq!(pair.seen(&contact, "phone"), Value::text("+14155550133"));
    assert!(pair.is_at_rest());
}

#[test]
fn our_key_that_is_in_flight_when_they_are_taken_apart_is_taken_back() {
    let mut pair = Pair {
        world: World::with_mapping(BOTH),
        contact: contact("c1"),
        lead: salesforce("Lead", "00Q000000000001AAA"),
    };
    let (contact, record) = (pair.contact.clone(), pair.lead.clone());
    let all = texts(&[("Email", ADA), ("LastName", "King")]);
    pair.event_of(&record, EventKind::Created, 5, Writer::Foreign, all);
    let out = pair.world.show(lead("c1", 7_000, &[("email", ADA)]));
    let write = writes_to(&out, &record)[0].clone();
    assert!(fields(&write).iter().any(|(name, _)| name == KEY));
    let more = say(&mut pair, &contact, &record, false);
    let others = out
        .iter()
        .filter(|one| one.id != write.id)
        .cloned()
        .collect();
    pair.settle(others, 8);
    let out = pair.done(&write, 9);
    pair.settle(out, 10);
    pair.settle(more, 20);
    assert_eq!(pair.seen(&record, KEY), Value::Null);
    assert!(pair.is_at_rest());
}

/// Found on two sandboxes: joined to another one while the repair was out, the contact kept what it
/// had of the one before.
#[test]
fn joined_to_another_while_the_repair_is_out_it_holds_what_that_one_says() {
    let mut pair = joined(&[], &[("Title", "Countess")]);
    let (contact, lead) = (pair.contact.clone(), pair.lead.clone());
    let repairs = say(&mut pair, &contact, &lead, false);
    let other = salesforce("Lead", "00Q000000000002AAA");
    let all = texts(&[("Email", ADA), ("LastName", "Byron"), ("Title", "Poet")]);
    let more = pair.event_of(&other, EventKind::Created, 60, Writer::Foreign, all);
    assert!(is_one(&pair.world, &contact, &other));
    // The org has each key once.
    let key = |one: &&Command| fields(one).iter().any(|(name, _)| name == KEY);
    assert_eq!(writes_to(&more, &other).into_iter().filter(key).count(), 0);
    pair.settle(repairs, 61);
    pair.settle(more, 80);
    assert_eq!(pair.seen(&contact, TITLE), Value::text("Poet"));
    let id = "custom_attributes.SALESFORCE_ID";
    assert_eq!(pair.seen(&contact, id), Value::text("00Q000000000002AAA"));
    assert_eq!(pair.seen(&other, KEY), Value::text("abc123:c1"));
    assert_eq!(pair.seen(&lead, KEY), Value::Null);
    assert!(pair.is_at_rest());
}

/// Found by a reader: what the repair was to replace counted as what the record says.
#[test]
fn joined_again_while_the_repair_is_out_each_speaks_for_itself() {
    let mut pair = joined(&[("phone", "+14155550111")], &[("Phone", "+14155550122")]);
    let (contact, lead) = (pair.contact.clone(), pair.lead.clone());
    let out = pair.webhook(60_000, &[("phone", "+14155550133")]);
    pair.settle(out, 61);
    assert_eq!(pair.seen(&lead, "Phone"), Value::text("+14155550133"));
    let repairs = say(&mut pair, &contact, &lead, false);
    let more = say(&mut pair, &contact, &lead, true);
    let decided = &pair.world.customer(&lead).decided["phone"];
    assert_eq!(
        decided.value,
        Value::text("+14155550122"),
        "its own system's word"
    );
    assert_eq!(decided.by, lead);
    pair.settle(repairs, 70);
    pair.settle(more, 80);
    assert_eq!(pair.seen(&lead, "Phone"), Value::text("+14155550122"));
    assert!(pair.is_at_rest());
}

/// Two leads are the contact's now, while the one it was taken from still bears its key.
fn joined_to_two_others_while_the_repair_is_out() -> (Pair, [RecordRef; 2], Vec<Command>) {
    let mut pair = joined(&[], &[]);
    let (contact, lead) = (pair.contact.clone(), pair.lead.clone());
    let repairs = say(&mut pair, &contact, &lead, false);
    let others = ["00Q000000000002AAA", "00Q000000000003AAA"].map(|id| salesforce("Lead", id));
    for (number, other) in others.iter().enumerate() {
        let number = number as i64;
        let all = texts(&[("LastName", "Byron")]);
        let more = pair.event_of(other, EventKind::Created, 60 + number, Writer::Foreign, all);
        pair.settle(more, 65 + number);
        let more = say(&mut pair, &contact, other, true);
        pair.settle(more, 70 + 10 * number);
        assert_eq!(
            pair.seen(other, KEY),
            Value::Null,
            "the org has each key once"
        );
    }
    (pair, others, repairs)
}

fn marked(pair: &Pair, records: &[RecordRef]) -> usize {
    let key = Value::text("abc123:c1");
    records
        .iter()
        .filter(|one| pair.seen(one, KEY) == key)
        .count()
}

#[test]
fn of_two_that_wait_for_our_key_one_gets_it() {
    let (mut pair, others, repairs) = joined_to_two_others_while_the_repair_is_out();
    pair.settle(repairs, 100);
    assert_eq!(pair.seen(&pair.lead, KEY), Value::Null);
    assert_eq!(marked(&pair, &others), 1);
    assert!(pair.is_at_rest());
}

#[test]
fn our_key_goes_to_who_waits_for_it_also_when_a_person_takes_it_away() {
    let (mut pair, others, _) = joined_to_two_others_while_the_repair_is_out();
    let taken = [(KEY.into(), Value::Null)].into();
    let lead = pair.lead.clone();
    let out = pair.event_of(&lead, EventKind::Updated, 100, Writer::Foreign, taken);
    pair.settle(out, 101);
    assert_eq!(marked(&pair, &others), 1);
}

/// Found by a reader: the contact that the lead became passed for the author of what we had
/// written.
#[test]
fn what_a_contact_took_over_from_its_lead_is_given_back_too() {
    let mut pair = joined(&[("phone", "+14155550111")], &[]);
    let (contact_one, lead_record) = (pair.contact.clone(), pair.lead.clone());
    assert_eq!(
        pair.seen(&lead_record, "Phone"),
        Value::text("+14155550111")
    );
    let became = salesforce("Contact", "003000000000001AAA");
    let taken = [
        ("Email", ADA),
        ("LastName", "King"),
        ("Phone", "+14155550111"),
    ];
    let out = pair.event_of(
        &became,
        EventKind::Created,
        60,
        Writer::Foreign,
        texts(&taken),
    );
    pair.settle(out, 61);
    let converted = [
        ("IsConverted", "true"),
        ("ConvertedContactId", "003000000000001AAA"),
    ];
    let out = pair.event(60, Writer::Foreign, &converted);
    pair.settle(out, 62);
    assert!(is_one(&pair.world, &became, &contact_one));
    let out = say(&mut pair, &contact_one, &lead_record, false);
    pair.settle(out, 70);
    assert!(!is_one(&pair.world, &became, &contact_one));
    assert_eq!(pair.seen(&became, "Phone"), Value::Null);
    assert_eq!(pair.seen(&became, KEY), Value::Null);
}

/// A converted lead takes no writes: our key stays on it, and what would be made by the key is that
/// one. Found by the simulation: the two looked for each other without end.
#[test]
fn while_our_key_is_borne_apart_nobody_looks() {
    let mut pair = joined(&[], &[]);
    let (contact_one, lead_record) = (pair.contact.clone(), pair.lead.clone());
    let became = salesforce("Contact", "003000000000001AAA");
    let taken = texts(&[("Email", ADA), ("LastName", "King")]);
    let out = pair.event_of(&became, EventKind::Created, 60, Writer::Foreign, taken);
    pair.settle(out, 61);
    let converted = [
        ("IsConverted", "true"),
        ("ConvertedContactId", "003000000000001AAA"),
    ];
    let out = pair.event(60, Writer::Foreign, &converted);
    pair.settle(out, 62);
    let out = say(&mut pair, &contact_one, &lead_record, false);
    pair.settle(out, 70);
    let shown = lead("c1", 190_000, &[("email", ADA), ("name", "Ada Lovelace")]);
    let out = pair.world.qualify(shown);
    assert!(!out.iter().any(is_lookup), "{out:?}");
    pair.settle(out, 200);
    assert!(pair.is_at_rest());
}

/// Found by a reader: a lead whose creation was answered late was emptied.
#[test]
fn what_a_record_was_created_with_stays() {
    for there_already in [false, true] {
        let mut world = World::with_mapping(BOTH);
        let look = world.qualify(lead(
            "c1",
            1000,
            &[("email", ADA), ("name", "Ada Lovelace")],
        ));
        let create = world.answer(&look[0], found(&[]));
        let record = salesforce("Lead", "00Q000000000001AAA");
        let outcome = match there_already {
            false => written(&record, true),
            true => {
                let sent = fields(&create[0]);
                let sent: Vec<(&str, &str)> = sent
                    .iter()
                    .map(|(name, value)| (name.as_str(), value.as_str()))
                    .collect();
                let mut shown = sent.clone();
                shown.push((KEY, "abc123:c1"));
                Outcome::AlreadyThere {
                    snapshot: row("Lead", "00Q000000000001AAA", 5, &shown),
                }
            }
        };
        let out = world.answer(&create[0], outcome);
        let mut pair = Pair {
            world,
            contact: contact("c1"),
            lead: record.clone(),
        };
        pair.settle(out, 10);
        let (left, before) = (pair.contact.clone(), held(&pair, &record));
        let out = say(&mut pair, &left, &record, false);
        let written = writes_to(&out, &record);
        let names: Vec<String> = written
            .iter()
            .flat_map(|write| fields(write))
            .map(|(name, _)| name)
            .collect();
        assert_eq!(names, [KEY], "{there_already} {before:?}");
    }
}

fn number() -> impl Strategy<Value = Option<&'static str>> {
    prop_oneof![
        Just(None),
        Just(Some("+14155550111")),
        Just(Some("+14155550122"))
    ]
}

fn word() -> impl Strategy<Value = Option<&'static str>> {
    prop_oneof![Just(None), Just(Some("Countess")), Just(Some("Poet"))]
}

fn holds(fields: &[(&'static str, Option<&'static str>)]) -> Vec<(&'static str, &'static str)> {
    let held = fields
        .iter()
        .filter_map(|(name, value)| Some((*name, (*value)?)));
    held.collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Joined and taken apart, whatever stood on either side: nothing is left of it.
    #[test]
    fn joined_and_taken_apart_is_as_if_nothing_had_been(
        (phones, titles, nicknames) in (
            (number(), number()),
            (word(), word()),
            (word(), word()),
        )
    ) {
        let here = holds(&[
            ("phone", phones.0), (TITLE, titles.0), ("custom_attributes.nickname", nicknames.0),
        ]);
        let there = holds(&[
            ("Phone", phones.1), ("Title", titles.1), ("Nickname__c", nicknames.1),
        ]);
        let mut pair = joined(&here, &there);
        let (contact, lead) = (pair.contact.clone(), pair.lead.clone());
        apart(&mut pair);
        prop_assert!(!is_one(&pair.world, &contact, &lead));
        let mut expected = texts(&[("email", ADA), ("name", "Ada Lovelace"), ("role", "lead")]);
        expected.extend(texts(&here));
        prop_assert_eq!(held(&pair, &contact), expected);
        let mut expected = texts(&[("Email", ADA), ("LastName", "King")]);
        expected.extend(texts(&there));
        prop_assert_eq!(held(&pair, &lead), expected);
        prop_assert!(pair.is_at_rest());
        // From now on each side's people have the last word there, and nowhere else.
        let nickname = "custom_attributes.nickname";
        let said = [("phone", "+14155550177"), (TITLE, "Sage"), (nickname, "N")];
        prop_assert_eq!(pair.webhook(300_000, &said), vec![]);
        let said = [
            ("Phone", "+14155550188"), ("Title", "Seer"), ("Nickname__c", "M"), (KEY, "x:1"),
        ];
        let mut out = pair.event(310, Writer::Foreign, &said);
        if let Some(read) = out.pop() {
            // Our writes are not confirmed yet: the lead is read.
            let shown = pair.outcome(&read, 311, &said);
            out = pair.world.answer(&read, shown);
        }
        prop_assert_eq!(out, vec![]);
        prop_assert!(pair.is_at_rest());
    }
}
