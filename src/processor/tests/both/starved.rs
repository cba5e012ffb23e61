//! What a process meets that gets little of its machine: the feed, webhooks, sweeps and answers
//! are seconds apart. All found by storms in which the process was stopped again and again.

use super::stage::*;
use crate::domain::view::HELD_MAX;
use crate::domain::{Change, Command, Outcome, RecordSnapshot, Value, Version, Writer};
use crate::processor::tests::world::*;

const FIRST: &str = "+14155550111";
const SECOND: &str = "+14155550122";
const THIRD: &str = "+14155550133";
const FOURTH: &str = "+14155550144";

/// The answer to a write to the lead whose repeat found it done, at second 55.
fn found_written(pair: &mut Pair, write: &Command, values: &[(&str, &str)]) {
    let done = Outcome::Written {
        record: pair.lead.clone(),
        created: false,
        values: Some(texts(values)),
        version: Some(Version::second(55)),
    };
    assert_eq!(pair.world.answer(write, done), vec![]);
}

/// A phone that an agent said at second 50 is written, and its answer of second 55 shows it.
fn phone_written() -> Pair {
    let mut pair = Pair::new();
    let out = pair.webhook(50_000, &[("phone", FIRST)]);
    let write = writes_to(&out, &pair.lead)[0].clone();
    found_written(&mut pair, &write, &[("Phone", FIRST)]);
    pair
}

/// A rep's word of before, which the feed told late, passed for the echo of a write that sent the
/// same; the echoes themselves then passed for a rep's words.
#[test]
fn what_is_older_than_an_answer_is_no_echo_of_the_same_value() {
    for before_the_answer in [true, false] {
        let mut pair = phone_written();
        let out = pair.webhook(56_000, &[("phone", SECOND)]);
        let write = writes_to(&out, &pair.lead)[0].clone();
        let rep = [("Phone", SECOND)];
        if before_the_answer {
            assert_eq!(pair.event(40, Writer::Foreign, &rep), []);
        }
        let out = pair.done(&write, 58);
        pair.settle(out, 59);
        if !before_the_answer {
            assert_eq!(pair.event(40, Writer::Foreign, &rep), []);
        }
        assert_eq!(pair.event(55, Writer::Ours, &[("Phone", FIRST)]), []);
        assert_eq!(pair.event(58, Writer::Ours, &[("Phone", SECOND)]), []);
        assert_eq!(pair.decided("phone"), Value::text(SECOND));
        assert_eq!(pair.count("conflict_decided"), 0);
        assert_eq!(pair.seen(&pair.contact, "phone"), Value::text(SECOND));
    }
}

/// A rep changed more often than can be held before a read told anything, and the last of it was
/// not kept: an earlier word of the rep stood.
#[test]
fn beyond_the_bound_a_change_event_goes_whose_fields_later_ones_tell() {
    let mut pair = Pair::new();
    let out = pair.webhook(46_000, &[("phone", FIRST)]);
    let write = writes_to(&out, &pair.lead)[0].clone();
    pair.done(&write, 70);
    let read = pair.event(47, Writer::Foreign, &[("Phone", SECOND)]);
    assert!(is_read_of(&read[0], &pair.lead));
    for number in 0..12 {
        let title = format!("Title {number}");
        pair.event(48 + number, Writer::Foreign, &[("Title", &title)]);
    }
    pair.event(61, Writer::Foreign, &[("Phone", THIRD)]);
    let state = pair.world.state(&pair.lead);
    assert!(!state.reread_required, "everything that counts is held");
    let shown = pair.outcome(&read[0], 70, &[("Title", "Title 11")]);
    let out = pair.world.answer(&read[0], shown);
    pair.settle(out, 71);
    assert_eq!(pair.decided("phone"), Value::text(THIRD));
    assert_eq!(pair.decided(TITLE), Value::text("Title 11"));
    for (record, name) in [(&pair.lead, "Phone"), (&pair.contact, "phone")] {
        assert_eq!(pair.seen(record, name), Value::text(THIRD));
    }
}

/// A row is as new as the last change of the record, whatever was changed: a rep's old number beat
/// an agent's newer one, since the rep had changed the title meanwhile.
#[test]
fn a_row_does_not_say_since_when_a_value_was_there() {
    let owned = "owner: salesforce\n      direction: both\n      conflict: newest_wins";
    let ours = owned.replace("salesforce", "intercom");
    let mapping = BOTH.replace(owned, &ours);
    assert_ne!(mapping, BOTH);
    let mut pair = Pair::of(&mapping);
    let out = pair.webhook(46_000, &[("phone", FIRST)]);
    let write = writes_to(&out, &pair.lead)[0].clone();
    swept(&mut pair, 50, Value::text(SECOND));
    assert_eq!(pair.world.state(&pair.lead).held.len(), 1);
    let read = pair.done(&write, 55);
    assert!(is_read_of(&read[0], &pair.lead));
    pair.settle(read, 56);
    assert_eq!(pair.decided("phone"), Value::text(FIRST));
    assert_eq!(pair.seen(&pair.lead, "Phone"), Value::text(FIRST));
}

/// Where the org does not say whose an event is, our own write coming back does not push out what a
/// rep had said before it.
#[test]
fn our_own_write_coming_back_does_not_take_the_place_of_a_reps_words() {
    let mut pair = Pair::new();
    let out = pair.webhook(46_000, &[("phone", FIRST)]);
    let write = writes_to(&out, &pair.lead)[0].clone();
    pair.done(&write, 52);
    let both = [("phone", THIRD), (TITLE, "Agent's")];
    let out = pair.webhook(54_000, &both);
    assert_eq!(writes_to(&out, &pair.lead).len(), 1);
    pair.event(47, Writer::Foreign, &[("Phone", SECOND)]);
    pair.event(52, Writer::Foreign, &[("Phone", FIRST)]);
    for number in 0..HELD_MAX as i64 {
        let title = format!("Title {number}");
        pair.event(53 + number, Writer::Foreign, &[("Title", &title)]);
    }
    let held = pair.world.state(&pair.lead).held;
    assert_eq!(held.len(), HELD_MAX);
    let phones = held
        .iter()
        .filter_map(|held| held.observation.fields.get("Phone"));
    let phones: Vec<Value> = phones.cloned().collect();
    assert_eq!(phones, [Value::text(SECOND), Value::text(FIRST)]);
}

/// The lead as a row of a sweep shows it.
fn swept(pair: &mut Pair, second: i64, phone: Value) {
    let mut fields = pair.fields_of(&pair.lead);
    fields.insert("Phone".into(), phone);
    pair.world.change(Change::Swept(RecordSnapshot {
        record: pair.lead.clone(),
        version: Version::second(second),
        fields,
        tags: None,
        companies: None,
    }));
}

/// A row from before two writes showed what the first of them had replaced, and that passed for
/// somebody's word against the second.
#[test]
fn a_row_that_shows_what_an_earlier_write_replaced_is_no_claim() {
    let mut pair = Pair::new();
    let out = pair.webhook(46_000, &[("phone", FIRST)]);
    let write = writes_to(&out, &pair.lead)[0].clone();
    pair.done(&write, 52);
    let out = pair.webhook(54_000, &[("phone", SECOND)]);
    let write = writes_to(&out, &pair.lead)[0].clone();
    swept(&mut pair, 55, Value::Null);
    assert_eq!(pair.world.state(&pair.lead).held.len(), 1);
    let out = pair.done(&write, 56);
    pair.settle(out, 57);
    assert_eq!(pair.count("conflict_decided"), 0);
    assert_eq!(pair.decided("phone"), Value::text(SECOND));
    assert!(pair.is_at_rest());
}

/// Two numbers of an agent in one second: a write looked, found the second one and replaced it. The
/// first, told of afterwards, passed for a word that nobody had seen.
#[test]
fn what_a_write_that_looked_first_did_not_find_was_over() {
    let mut pair = Pair::new();
    let contact = pair.contact.clone();
    let out = pair.event(40, Writer::Foreign, &[("Phone", FIRST)]);
    let write = writes_to(&out, &contact)[0].clone();
    let mut snapshot = pair.shown(0, &[("phone", THIRD)]);
    snapshot.version = Version::second(44);
    let found = Outcome::FoundOther { snapshot };
    let out = pair.world.answer(&write, found);
    assert_eq!(pair.decided("phone"), Value::text(FIRST), "the owner's");
    pair.settle(out, 50);
    assert_eq!(pair.seen(&contact, "phone"), Value::text(FIRST));
    assert_eq!(pair.webhook(44_200, &[("phone", SECOND)]), []);
    assert_eq!(pair.decided("phone"), Value::text(FIRST));
}

/// A row was there at some time in an interval; what the rep had said within it, told late, was
/// over by the end of that.
#[test]
fn what_a_rep_said_before_a_row_was_read_is_over_though_nobody_says_since_when_the_row_holds() {
    let mut pair = Pair::new();
    let out = pair.webhook(46_000, &[("phone", FIRST)]);
    let write = writes_to(&out, &pair.lead)[0].clone();
    swept(&mut pair, 50, Value::text(THIRD));
    let read = pair.done(&write, 52);
    pair.settle(read, 53);
    assert_eq!(pair.decided("phone"), Value::text(THIRD), "the owner's");
    // The feed is late.
    let out = pair.event(47, Writer::Foreign, &[("Phone", SECOND)]);
    pair.settle(out, 60);
    assert_eq!(pair.decided("phone"), Value::text(THIRD));
    let out = pair.event(50, Writer::Foreign, &[("Phone", FOURTH)]);
    pair.settle(out, 70);
    assert_eq!(pair.decided("phone"), Value::text(THIRD));
    let out = pair.event(50, Writer::Foreign, &[("Phone", THIRD)]);
    pair.settle(out, 80);
    assert_eq!(pair.decided("phone"), Value::text(THIRD));
    assert_eq!(pair.seen(&pair.lead, "Phone"), Value::text(THIRD));
    assert_eq!(pair.seen(&pair.contact, "phone"), Value::text(THIRD));
}

/// The same where what was known was told by the answer to a write of something else.
#[test]
fn what_is_older_than_an_answer_that_showed_another_field_is_no_echo_either() {
    let mut pair = Pair::new();
    let out = pair.webhook(50_000, &[("name", "Ada King")]);
    let write = writes_to(&out, &pair.lead)[0].clone();
    found_written(&mut pair, &write, &[("LastName", "King")]);
    let known = pair.count("echo_suppressed");
    let out = pair.webhook(56_000, &[("phone", FIRST)]);
    let write = writes_to(&out, &pair.lead)[0].clone();
    assert_eq!(pair.event(40, Writer::Foreign, &[("Phone", FIRST)]), vec![]);
    assert_eq!(pair.count("echo_suppressed"), known);
    let out = pair.done(&write, 58);
    pair.settle(out, 59);
    assert_eq!(pair.event(58, Writer::Ours, &[("Phone", FIRST)]), []);
    assert_eq!(pair.count("echo_suppressed"), known + 1);
    assert_eq!(pair.decided("phone"), Value::text(FIRST));
}

/// Three writes, the first and the last of them of one value, and all echoes seconds late: the
/// first echo passed for that of the last write, and the second one for somebody's change.
#[test]
fn an_echo_is_that_of_the_earliest_write_that_sent_the_value() {
    for last_is_out in [false, true] {
        let mut pair = Pair::new();
        for (second, name) in [(50, "Ada King"), (54, "Ada Byron"), (58, "Ada King")] {
            let out = pair.webhook(second * 1_000, &[("name", name)]);
            let write = writes_to(&out, &pair.lead)[0].clone();
            if !(last_is_out && second == 58) {
                let out = pair.done(&write, second + 1);
                pair.settle(out, second + 1);
            }
        }
        let known = pair.count("echo_suppressed");
        for (second, name) in [(51, "King"), (55, "Byron"), (59, "King")] {
            let out = pair.event(second, Writer::Ours, &[("LastName", name)]);
            assert_eq!(out, [], "{name} at {second}");
        }
        assert_eq!(pair.count("echo_suppressed"), known + 3);
        assert_eq!(pair.seen(&pair.lead, "LastName"), Value::text("King"));
    }
}
