//! Our own writes come back; nothing else is taken for them.

use super::stage::*;
use crate::domain::journal::{DomainEvent, EchoSignal};
use crate::domain::{EventKind, Outcome, RecordSnapshot, Value, Version, Writer};
use crate::processor::tests::world::*;

const NICKNAME: &str = "custom_attributes.nickname";

fn signals(pair: &Pair) -> Vec<EchoSignal> {
    let entries = pair.world.journal.iter();
    let signal = |event: &DomainEvent| match event {
        DomainEvent::EchoSuppressed {
            record,
            signal,
            write,
            ..
        } if *record == pair.lead => (*write > 1).then_some(*signal),
        _ => None,
    };
    entries.filter_map(|entry| signal(&entry.event)).collect()
}

/// A phone number typed in Intercom, on its way to the lead.
fn phone_on_its_way(pair: &mut Pair, at_ms: i64, number: &str) -> crate::domain::Command {
    let out = pair.webhook(at_ms, &[("phone", number)]);
    let write = writes_to(&out, &pair.lead);
    write[0].clone()
}

#[test]
fn a_tagged_event_with_our_value_is_suppressed_before_and_after_the_result() {
    for before in [true, false] {
        let mut pair = Pair::new();
        let write = phone_on_its_way(&mut pair, 50_000, "+14155552671");
        if !before {
            assert_eq!(pair.done(&write, 51), vec![]);
        }
        assert_eq!(
            pair.event(51, Writer::Ours, &[("Phone", "+14155552671")]),
            vec![]
        );
        if before {
            assert_eq!(pair.done(&write, 51), vec![]);
        }
        assert_eq!(signals(&pair), [EchoSignal::Tag]);
        assert!(pair.world.state(&pair.lead).seen["Phone"].confirmed);
        assert!(pair.is_at_rest());
    }
}

#[test]
fn a_persons_edit_after_our_echo_and_before_the_result_is_real() {
    let mut pair = Pair::new();
    let write = phone_on_its_way(&mut pair, 50_000, "+14155552671");
    pair.event(51, Writer::Ours, &[("Phone", "+14155552671")]);
    let out = pair.event(51, Writer::Foreign, &[("Phone", "+14155550000")]);
    assert_eq!(
        fields(&out[0]),
        [("phone".to_owned(), "+14155550000".to_owned())]
    );
    let more = pair.done(&write, 51);
    assert_eq!(more, vec![], "the result tells nothing newer than the feed");
    assert_eq!(pair.seen(&pair.lead, "Phone"), Value::text("+14155550000"));
    pair.done(&out[0], 52);
    assert!(pair.is_at_rest());
}

#[test]
fn a_persons_edit_between_write_and_echo_is_not_swallowed() {
    // The edit stands in the feed before our echo: our write has replaced it.
    let mut pair = Pair::new();
    let write = phone_on_its_way(&mut pair, 50_000, "+14155552671");
    assert_eq!(
        pair.event(51, Writer::Foreign, &[("Phone", "+14155550000")]),
        vec![]
    );
    let read = pair.done(&write, 51);
    assert!(
        is_read_of(&read[0], &pair.lead),
        "only a read tells which came last"
    );
    let shows = pair.outcome(&read[0], 51, &[("Phone", "+14155552671")]);
    let out = pair.world.answer(&read[0], shows);
    assert_eq!(
        pair.count("conflict_decided"),
        1,
        "both were said, so both are recorded"
    );
    assert_eq!(
        pair.last_conflict().0,
        Value::text("+14155550000"),
        "the later one wins"
    );
    assert_eq!(out.len(), 2, "and goes to both sides");
    let on_lead = writes_to(&out, &pair.lead)[0].clone();
    pair.done(&on_lead, 53);
    let on_contact = writes_to(&out, &pair.contact)[0].clone();
    pair.done(&on_contact, 53);
    pair.event(51, Writer::Ours, &[("Phone", "+14155552671")]);
    pair.event(53, Writer::Ours, &[("Phone", "+14155550000")]);
    assert_eq!(pair.seen(&pair.lead, "Phone"), Value::text("+14155550000"));
    assert!(pair.is_at_rest());
}

#[test]
fn automation_in_our_own_transaction_is_a_move_field_by_field() {
    let mut pair = Pair::new();
    let write = phone_on_its_way(&mut pair, 50_000, "+14155552671");
    pair.done(&write, 51);
    let both = [
        ("Phone", "+14155552671"),
        ("Status", "Working"),
        ("Title", "Set by a flow"),
    ];
    let out = pair.event(51, Writer::Ours, &both);
    let expected = [
        ("custom_attributes.SALESFORCE_STATUS", "Working"),
        (TITLE, "Set by a flow"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(fields(&out[0]), expected);
    assert_eq!(signals(&pair), [EchoSignal::Tag], "the phone is the echo");
}

#[test]
fn a_form_of_the_orgs_own_is_accepted_and_not_fought() {
    let mut pair = Pair::new();
    let write = phone_on_its_way(&mut pair, 50_000, "+14155552671");
    pair.done(&write, 51);
    let out = pair.event(51, Writer::Ours, &[("Phone", "(415) 555-2671")]);
    assert_eq!(out, vec![]);
    assert_eq!(pair.count("form_accepted"), 1);
    assert_eq!(pair.decided("phone"), Value::text("+14155552671"));
    assert_eq!(pair.count("conflict_decided"), 0);
    assert!(pair.is_at_rest());
    let out = pair.event(60, Writer::Foreign, &[("Phone", "(415) 555-0001")]);
    assert_eq!(
        fields(&out[0]),
        [("phone".to_owned(), "+14155550001".to_owned())]
    );
}

#[test]
fn automation_that_overwrites_our_value_is_not_an_accepted_form() {
    let mut pair = Pair::new();
    let out = pair.webhook(50_000, &[(TITLE, "Engineer")]);
    pair.done(&out[0], 51);
    let out = pair.event(51, Writer::Ours, &[("Title", "Prospect")]);
    assert_eq!(pair.count("form_accepted"), 0);
    assert_eq!(
        pair.last_conflict(),
        (Value::text("Prospect"), Value::text("Engineer"))
    );
    assert_eq!(
        fields(&out[0]),
        [(TITLE.to_owned(), "Prospect".to_owned())],
        "the owner's side"
    );
}

#[test]
fn automation_that_overwrites_the_owners_value_is_fought_three_times_and_then_told() {
    let mut pair = Pair::new();
    let mut out = pair.webhook(50_000, &[("custom_attributes.nickname", "Addie")]);
    for round in 0..3 {
        let write = writes_to(&out, &pair.lead);
        assert_eq!(write.len(), 1, "round {round}");
        let write = write[0].clone();
        let reads = pair.done(&write, 51 + round);
        let value = format!("ADA! {round}");
        let stored = [("Nickname__c", value.as_str())];
        out = pair.event(51 + round, Writer::Ours, &stored);
        for read in reads {
            let outcome = pair.outcome(&read, 51 + round, &stored);
            out.extend(pair.world.answer(&read, outcome));
        }
    }
    assert_eq!(out, vec![], "enough");
    assert_eq!(pair.count("review_opened"), 1);
    assert_eq!(
        pair.decided("custom_attributes.nickname"),
        Value::text("Addie")
    );
}

/// Found by the simulation: set back to what stood there, the record has not changed at all in our
/// transaction, and no event tells of it.
#[test]
fn automation_that_sets_a_repair_back_without_an_event_is_found_by_a_read() {
    let mut pair = Pair::new();
    let out = pair.webhook(50_000, &[("custom_attributes.nickname", "Addie")]);
    let stored = [("Nickname__c", "ADA!")];
    pair.done(&out[0], 51);
    let mut out = pair.event(51, Writer::Ours, &stored);
    for round in 0..2 {
        let repair = writes_to(&out, &pair.lead)[0].clone();
        let read = pair.done(&repair, 52 + round);
        assert!(is_read_of(&read[0], &pair.lead), "round {round}");
        let outcome = pair.outcome(&read[0], 51, &stored);
        out = pair.world.answer(&read[0], outcome);
    }
    assert_eq!(out, vec![], "enough");
    assert_eq!(pair.count("review_opened"), 1);
    assert_eq!(pair.seen(&pair.lead, "Nickname__c"), Value::text("ADA!"));
    assert_eq!(
        pair.decided("custom_attributes.nickname"),
        Value::text("Addie")
    );
}

#[test]
fn a_late_echo_does_not_set_seen_back() {
    let mut pair = Pair::new();
    let first = phone_on_its_way(&mut pair, 50_000, "+14155550001");
    pair.done(&first, 51);
    let second = phone_on_its_way(&mut pair, 52_000, "+14155550002");
    pair.done(&second, 53);
    assert_eq!(
        pair.event(51, Writer::Ours, &[("Phone", "+14155550001")]),
        vec![]
    );
    assert_eq!(pair.seen(&pair.lead, "Phone"), Value::text("+14155550002"));
    assert_eq!(
        pair.event(53, Writer::Ours, &[("Phone", "+14155550002")]),
        vec![]
    );
    assert_eq!(signals(&pair), [EchoSignal::Late, EchoSignal::Tag]);
    assert!(pair.is_at_rest());
}

#[test]
fn an_echo_of_an_earlier_write_in_the_orgs_own_form_is_read_and_not_taken_for_automation() {
    let mut pair = Pair::new();
    let first = phone_on_its_way(&mut pair, 50_000, "+14155550001");
    pair.done(&first, 51);
    let second = phone_on_its_way(&mut pair, 52_000, "+14155550002");
    pair.done(&second, 53);
    let read = pair.event(51, Writer::Ours, &[("Phone", "(415) 555-0001")]);
    assert_eq!(pair.count("conflict_decided"), 0);
    assert!(is_read_of(&read[0], &pair.lead));
    assert_eq!(pair.done(&read[0], 53), vec![]);
    assert_eq!(
        pair.event(53, Writer::Ours, &[("Phone", "+14155550002")]),
        vec![]
    );
    assert_eq!(pair.decided("phone"), Value::text("+14155550002"));
    assert!(pair.is_at_rest());
}

#[test]
fn an_echo_that_comes_while_the_next_write_is_out_is_no_move() {
    let mut pair = Pair::new();
    let first = phone_on_its_way(&mut pair, 50_000, "+14155550001");
    pair.done(&first, 51);
    let second = phone_on_its_way(&mut pair, 52_000, "+14155550002");
    assert_eq!(
        pair.event(51, Writer::Ours, &[("Phone", "+14155550001")]),
        vec![]
    );
    assert_eq!(pair.count("conflict_decided"), 0);
    assert_eq!(pair.done(&second, 53), vec![]);
    assert_eq!(pair.seen(&pair.lead, "Phone"), Value::text("+14155550002"));
}

#[test]
fn what_a_creation_left_blank_does_not_undo_what_was_written_since() {
    let mut pair = Pair::before_the_echo();
    let out = pair.webhook(50_000, &[(TITLE, "CTO")]);
    pair.done(&out[0], 51);
    let lead = pair.lead.clone();
    let mut all = pair.fields_of(&lead);
    all.extend(texts(&[("Title", ""), ("Status", "Open")]));
    pair.event_of(&lead, EventKind::Created, 2, Writer::Ours, all);
    assert_eq!(pair.decided(TITLE), Value::text("CTO"));
    assert_eq!(pair.seen(&lead, "Title"), Value::text("CTO"));
}

#[test]
fn without_a_tag_the_value_tells() {
    let mut pair = Pair::new();
    let write = phone_on_its_way(&mut pair, 50_000, "+14155552671");
    assert_eq!(
        pair.event(51, Writer::Foreign, &[("Phone", "+14155552671")]),
        vec![]
    );
    assert_eq!(pair.done(&write, 51), vec![]);
    assert_eq!(signals(&pair), [EchoSignal::InFlight]);
    let write = phone_on_its_way(&mut pair, 60_000, "+14155552672");
    pair.done(&write, 61);
    assert_eq!(
        pair.event(61, Writer::Foreign, &[("Phone", "+14155552672")]),
        vec![]
    );
    assert_eq!(signals(&pair).last(), Some(&EchoSignal::Seen));
    assert!(pair.is_at_rest());
}

#[test]
fn the_webhook_of_our_own_write_is_suppressed_in_flight_and_after() {
    for before in [true, false] {
        let mut pair = Pair::new();
        let out = pair.event(50, Writer::Foreign, &[("Title", "CTO")]);
        let known = pair.count("echo_suppressed");
        if before {
            assert_eq!(pair.webhook(51_200, &[(TITLE, "CTO")]), vec![]);
            assert_eq!(pair.done(&out[0], 51), vec![]);
        } else {
            assert_eq!(pair.done(&out[0], 51), vec![]);
            assert_eq!(pair.webhook(51_200, &[(TITLE, "CTO")]), vec![]);
        }
        assert_eq!(pair.count("echo_suppressed"), known + 1, "before: {before}");
        assert!(pair.is_at_rest());
    }
}

#[test]
fn an_agents_edit_in_the_second_of_our_write_is_read_and_kept() {
    let mut pair = Pair::new();
    let out = pair.event(50, Writer::Foreign, &[("Title", "CTO")]);
    pair.done(&out[0], 51);
    let read = pair.webhook(51_700, &[(TITLE, "Chief")]);
    assert!(is_read_of(&read[0], &pair.contact));
    let shows = pair.outcome(&read[0], 51, &[(TITLE, "Chief")]);
    let out = pair.world.answer(&read[0], shows);
    assert_eq!(fields(&out[0]), [("Title".to_owned(), "Chief".to_owned())]);
}

#[test]
fn an_agents_edit_that_our_write_replaced_unseen_is_recorded() {
    let mut pair = Pair::new();
    let out = pair.event(50, Writer::Foreign, &[("Phone", "+14155550000")]);
    let at_work = pair.shown(50_500, &[("phone", "+14155559999")]);
    pair.done(&out[0], 52);
    let out = pair.world.show(at_work);
    assert_eq!(pair.count("conflict_decided"), 1);
    assert_eq!(out.len(), 0, "the same second: the owner's value stands");
    assert_eq!(pair.decided("phone"), Value::text("+14155550000"));
}

#[test]
fn an_agents_edit_in_the_second_of_our_earlier_write_is_recorded_too() {
    let mut pair = Pair::new();
    let out = pair.event(50, Writer::Foreign, &[("Phone", "+14155550000")]);
    pair.done(&out[0], 52);
    let at_work = pair.shown(52_500, &[("phone", "+14155559999")]);
    // Two more writes: of the number, and of something else.
    let out = pair.event(53, Writer::Foreign, &[("Phone", "+14155550001")]);
    pair.done(&out[0], 54);
    let out = pair.event(55, Writer::Foreign, &[("Title", "Countess")]);
    pair.done(&out[0], 56);
    pair.world.show(at_work);
    assert_eq!(
        pair.last_conflict(),
        (Value::text("+14155550001"), Value::text("+14155559999"))
    );
    // What our own writes have put there and replaced is nobody's edit.
    let echo = pair.shown(52_700, &[("phone", "+14155550000")]);
    pair.world.show(echo);
    assert_eq!(pair.count("conflict_decided"), 1);
}

#[test]
fn what_intercom_shows_of_a_field_follows_the_echo_of_our_own_write() {
    let shown = "    - {intercom: custom_attributes.SALESFORCE_TITLE, salesforce: Title, \
                 owner: salesforce, direction: to_intercom, meaning: as sales knows it}\n";
    let mut pair = Pair::of(&format!("{BOTH}{shown}"));
    let out = pair.webhook(50_000, &[(TITLE, "Engineer")]);
    assert_eq!(
        pair.done(&out[0], 51),
        vec![],
        "not before Salesforce shows it"
    );
    let out = pair.event(51, Writer::Ours, &[("Title", "Engineer")]);
    let name = "custom_attributes.SALESFORCE_TITLE".to_owned();
    assert_eq!(fields(&out[0]), [(name, "Engineer".to_owned())]);
    assert_eq!(out.len(), 1);
    assert_eq!(pair.done(&out[0], 52), vec![]);
    assert!(pair.is_at_rest());
    assert_eq!(
        pair.event(51, Writer::Ours, &[("Title", "Engineer")]),
        vec![]
    );
}

/// Found by the simulation: the answer to the first write was lost, the rep's value was found and
/// lost against the owner's, and the feed told of all three late. The first echo took the place of
/// the read, before which the rep's value had stood.
#[test]
fn an_echo_of_an_earlier_write_does_not_stand_for_what_came_after_it() {
    let mut pair = Pair::new();
    let (lead, contact) = (pair.lead.clone(), pair.contact.clone());
    let first = pair.webhook(51_000, &[(NICKNAME, "Ada")]);
    let mut shown = pair.fields_of(&lead);
    shown.extend(texts(&[("Nickname__c", "Countess")]));
    let snapshot = RecordSnapshot {
        record: lead.clone(),
        version: Version::second(53),
        fields: shown,
        tags: None,
        companies: None,
    };
    let found = Outcome::FoundOther { snapshot };
    let second = pair.world.answer(&first[0], found);
    assert_eq!(writes_to(&second, &lead).len(), 1, "the owner's stands");
    pair.settle(second, 54);
    let read = pair.event_of(&lead, EventKind::Gap, 54, Writer::Foreign, texts(&[]));
    pair.settle(read, 55);
    pair.event(51, Writer::Ours, &[("Nickname__c", "Ada")]);
    let out = pair.event(53, Writer::Foreign, &[("Nickname__c", "Countess")]);
    assert_eq!(out, vec![]);
    pair.event(54, Writer::Ours, &[("Nickname__c", "Ada")]);
    assert_eq!(pair.decided(NICKNAME), Value::text("Ada"));
    assert_eq!(pair.seen(&lead, "Nickname__c"), Value::text("Ada"));
    assert_eq!(pair.seen(&contact, NICKNAME), Value::text("Ada"));
}
