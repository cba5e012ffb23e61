//! Sets while the org's events are minutes late, and sets of those who part. All found by the
//! simulation.

use std::collections::BTreeSet;

use super::sets::{FIELD, NAME, SET, check_both, pair};
use super::stage::*;
use crate::domain::{Outcome, Value, Version, Writer};
use crate::processor::tests::splitting::apart;

/// The second at which the stage's clock stands.
const NOW: i64 = 1_000_000;

/// The row as a write that looks at it finds it.
fn found_row(pair: &Pair, second: i64, set: &str) -> Outcome {
    let fields = pair.fields_of(&pair.lead);
    let mut snapshot = pair.shown(0, &[]);
    snapshot.record = pair.lead.clone();
    snapshot.version = Version::second(second);
    snapshot.fields = fields;
    snapshot.fields.extend(texts(&[(FIELD, set)]));
    snapshot.tags = None;
    Outcome::FoundOther { snapshot }
}

/// What the feed tells, and whatever follows.
fn told(pair: &mut Pair, second: i64, writer: Writer, set: &str) {
    let out = pair.event(second, writer, &[(FIELD, set)]);
    pair.settle(out, NOW + 200);
}

/// A rep adds `x` and takes it away again. An agent adds `c`, and our write to the row finds
/// neither of the two; the feed tells of both only then. What was within seconds of our write may
/// have come between its look and itself: that counts.
#[test]
fn what_a_write_that_looked_much_later_did_not_find_of_a_set_was_over() {
    for (added, taken, expected) in [
        (NOW - 200, Some(NOW - 100), "abc"),
        (NOW - 200, None, "abc"),
        (NOW, None, "abcx"),
    ] {
        let mut pair = pair();
        let out = pair.webhook(NOW * 1_000, &[(NAME, "a, b, c")]);
        pair.settle(out, NOW + 1);
        let out = pair.event(added, Writer::Foreign, &[(FIELD, "a;b;x")]);
        if let Some(taken) = taken {
            assert_eq!(pair.event(taken, Writer::Foreign, &[(FIELD, "a;b")]), []);
        }
        assert_eq!(pair.event(NOW + 1, Writer::Ours, &[(FIELD, "a;b;c")]), []);
        pair.settle(out, NOW + 100);
        check_both(&pair, expected);
    }
}

/// A rep adds `x`, and the feed is late. Our write of an agent's `c` finds it and takes it in; an
/// agent adds `d`. Then the feed tells of `x`, and lacked `c`, which nobody had taken away.
#[test]
fn what_a_write_found_of_a_set_is_no_news_when_the_feed_tells_of_it_after_the_next_write() {
    let mut pair = pair();
    let out = pair.webhook(NOW * 1_000, &[(NAME, "a, b, c")]);
    let found = found_row(&pair, NOW - 20, "a;b;x");
    let out = pair.world.answer(&out[0], found);
    pair.settle(out, NOW + 1);
    check_both(&pair, "abcx");
    pair.world.now += 90_000;
    let out = pair.webhook((NOW + 90) * 1_000, &[(NAME, "a, b, c, x, d")]);
    pair.settle(out, NOW + 91);
    let out = pair.event(NOW - 20, Writer::Foreign, &[(FIELD, "a;b;x")]);
    assert_eq!(pair.event(NOW + 1, Writer::Ours, &[(FIELD, "a;b;c;x")]), []);
    let last = "a;b;c;d;x";
    assert_eq!(pair.event(NOW + 91, Writer::Ours, &[(FIELD, last)]), []);
    pair.settle(out, NOW + 100);
    check_both(&pair, "abcdx");
}

/// A rep adds `c` and `x` between the look of our write of an agent's `c` and the write itself,
/// which replaces it. The next write looks and finds only what we wrote: that tells nothing of `x`.
#[test]
fn what_our_write_replaced_of_a_set_is_not_over_because_a_later_write_looked() {
    let mut pair = pair();
    let out = pair.webhook(NOW * 1_000, &[(NAME, "a, b, c")]);
    pair.settle(out, NOW + 1);
    pair.world.now += 90_000;
    let out = pair.webhook((NOW + 90) * 1_000, &[(NAME, "a, b, c, d")]);
    pair.settle(out, NOW + 91);
    told(&mut pair, NOW, Writer::Foreign, "a;b;c;x");
    check_both(&pair, "abcdx");
}

/// A rep says `x` and an agent `e`; both hold both. Taken apart, each holds its own again, and so
/// does what is made of the contact anew: the rep's word is no word of that customer.
#[test]
fn what_those_who_left_had_added_to_a_set_is_not_decided_for_those_who_stay() {
    let mut pair = Pair::of(&format!("{BOTH}{SET}"));
    let out = pair.event(20, Writer::Foreign, &[(FIELD, "x")]);
    let snapshot = pair.shown(19_000, &[(NAME, "e")]);
    let out = pair.world.answer(&out[0], Outcome::FoundOther { snapshot });
    pair.settle(out, 21);
    check_both(&pair, "ex");
    let (contact, lead) = (pair.contact.clone(), pair.lead.clone());
    apart(&mut pair);
    assert_eq!(pair.seen(&lead, FIELD), Value::text("x"));
    assert_eq!(pair.seen(&contact, NAME), Value::text("e"));
    assert_eq!(pair.decided(NAME), Value::text("e"));
    let of_lead = pair.world.customer(&lead);
    assert_eq!(of_lead.decided[NAME].value, Value::text("x"));
}

/// Those who stay linked hold what each of them has said.
#[test]
fn what_those_who_stay_have_said_of_a_set_is_what_they_hold_after_one_has_left() {
    let stands = Value::text("a\nb\nc");
    let own = [Value::text("b"), Value::text("c\nd"), Value::Null];
    let said: BTreeSet<String> = crate::mapping::set::said_by(&stands, &own)
        .display()
        .lines()
        .map(str::to_owned)
        .collect();
    assert_eq!(said, BTreeSet::from(["b".to_owned(), "c".to_owned()]));
}
