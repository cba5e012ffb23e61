//! Sets: several values in one field. Order and repeats are no change, and what both sides changed
//! holds value by value.

use std::collections::{BTreeSet, VecDeque};

use proptest::prelude::{ProptestConfig, proptest};
use proptest::{prop_assert, prop_assert_eq};

use super::stage::*;
use crate::domain::{
    Command, CommandKind, Outcome, RecordRef, RecordSnapshot, Value, Version, Writer,
};
use crate::processor::evolve::commands::subject;
use crate::processor::tests::world::*;

pub const NAME: &str = "custom_attributes.interests";
pub const FIELD: &str = "Interests__c";
pub const SET: &str = "    - intercom: custom_attributes.interests
      salesforce: Interests__c
      transform: set
      owner: salesforce
      direction: both
      meaning: what the customer is interested in
";

/// Both sides hold `a` and `b`.
pub fn pair() -> Pair {
    pair_of(SET)
}

fn pair_of(set: &str) -> Pair {
    let mut pair = Pair::of(&format!("{BOTH}{set}"));
    let out = pair.event(20, Writer::Foreign, &[(FIELD, "b;a;b")]);
    pair.settle(out, 21);
    assert_eq!(pair.seen(&pair.contact, NAME), Value::text("a, b"));
    pair
}

/// What each side is seen to hold, in the order of the alphabet.
pub fn check_both(pair: &Pair, expected: &str) {
    let lead = letters(&pair.seen(&pair.lead, FIELD).display());
    let contact = letters(&pair.seen(&pair.contact, NAME).display());
    assert_eq!(lead, letters(expected), "in Salesforce");
    assert_eq!(contact, letters(expected), "in Intercom");
    assert!(pair.is_at_rest());
}

fn letters(text: &str) -> BTreeSet<char> {
    text.chars().filter(char::is_ascii_alphabetic).collect()
}

#[test]
fn a_set_flows_both_ways_in_the_form_of_each_side() {
    let mut pair = pair();
    let out = pair.webhook(30_000, &[(NAME, "b,a , c")]);
    assert_eq!(fields(&out[0]), pairs(&[(FIELD, "a;b;c")]));
    pair.settle(out, 31);
    assert_eq!(pair.seen(&pair.contact, NAME), Value::text("b,a , c"));
    check_both(&pair, "abc");
}

#[test]
fn another_order_is_no_change() {
    let mut pair = pair();
    let agreed = pair.count("field_agreed");
    assert_eq!(pair.webhook(30_000, &[(NAME, "b, a, a")]), []);
    assert_eq!(pair.event(31, Writer::Foreign, &[(FIELD, "a;b")]), []);
    assert_eq!(pair.count("field_agreed"), agreed);
    check_both(&pair, "ab");
}

/// Found while it was designed: a set that was only told again would count as a claim.
#[test]
fn another_order_beside_a_write_is_no_claim() {
    for policy in ["", "      conflict: owner_wins\n"] {
        let mut pair = pair_of(&format!("{SET}{policy}"));
        let out = pair.webhook(30_000, &[(NAME, "a, b, c")]);
        // The event comes while the write is out, so it is held and read.
        pair.event(31, Writer::Foreign, &[(FIELD, "a;b")]);
        let more = pair.done(&out[0], 33);
        pair.settle(more, 34);
        check_both(&pair, "abc");
        assert_eq!(pair.count("conflict_decided"), 0);
    }
}

#[test]
fn the_orgs_order_of_what_we_wrote_is_accepted() {
    let mut pair = pair();
    let out = pair.webhook(30_000, &[(NAME, "a, b, c")]);
    pair.settle(out, 31);
    assert_eq!(pair.event(32, Writer::Ours, &[(FIELD, "c;b;a")]), []);
    assert_eq!(pair.count("form_accepted"), 1);
    assert_eq!(pair.seen(&pair.lead, FIELD), Value::text("c;b;a"));
    check_both(&pair, "abc");
}

#[test]
fn what_one_side_added_and_the_other_took_away_both_hold() {
    for (ours, theirs) in [(30_000, 40), (40_000, 30)] {
        let mut pair = pair();
        // A rep takes `b` away and adds `x`; an agent adds `c`, not knowing of it.
        let out = pair.event(theirs, Writer::Foreign, &[(FIELD, "a;x")]);
        let mut more = pair.webhook(ours, &[(NAME, "a, b, c")]);
        more.extend(pair.done(&out[0], 45));
        pair.settle(more, 50);
        check_both(&pair, "acx");
        let (kept, lost) = pair.last_conflict();
        assert_eq!((kept, lost), ("a\nc\nx".into(), "a\nx".into()));
    }
}

#[test]
fn both_taking_away_the_same_is_no_conflict() {
    let mut pair = pair();
    let out = pair.event(30, Writer::Foreign, &[(FIELD, "a;x")]);
    let snapshot = pair.shown(31_000, &[(NAME, "a")]);
    let more = pair.world.answer(&out[0], Outcome::FoundOther { snapshot });
    pair.settle(more, 32);
    check_both(&pair, "ax");
    assert_eq!(pair.count("conflict_decided"), 0);
}

#[test]
fn a_second_change_before_the_first_merge_lands_takes_nothing_back() {
    let mut pair = pair();
    let out = pair.event(30, Writer::Foreign, &[(FIELD, "a;b;x")]);
    let snapshot = pair.shown(31_000, &[(NAME, "a, b, y")]);
    let out = pair.world.answer(&out[0], Outcome::FoundOther { snapshot });
    let write = writes_to(&out, &pair.contact)[0].clone();
    let snapshot = pair.shown(33_000, &[(NAME, "b, y, z")]);
    let mut more = pair.world.answer(&write, Outcome::FoundOther { snapshot });
    let others = out.iter().filter(|one| **one != write).cloned();
    more.extend(others);
    pair.settle(more, 34);
    check_both(&pair, "bxyz");
}

/// The first write replaced what was the contact's own, the second what the first one wrote: an
/// agent's change before the second is measured against that.
#[test]
fn what_our_write_replaced_is_measured_against_what_stood_there_before_it() {
    let mut pair = pair();
    let out = pair.event(30, Writer::Foreign, &[(FIELD, "a;b;x")]);
    pair.settle(out, 31);
    let out = pair.event(40, Writer::Foreign, &[(FIELD, "a;b;x;w")]);
    let more = pair.done(&out[0], 45);
    assert_eq!(more, []);
    // At 42 an agent took `x` and `a` away; the webhook comes after the answer.
    let more = pair.webhook(42_000, &[(NAME, "b")]);
    pair.settle(more, 50);
    check_both(&pair, "bw");
}

#[test]
fn a_set_can_have_an_owner_whose_set_counts_as_a_whole() {
    let mut pair = pair_of(&format!("{SET}      conflict: owner_wins\n"));
    let out = pair.event(30, Writer::Foreign, &[(FIELD, "a;x")]);
    let mut more = pair.webhook(31_000, &[(NAME, "a, b, c")]);
    more.extend(pair.done(&out[0], 35));
    pair.settle(more, 40);
    check_both(&pair, "ax");
}

/// At a first link each side keeps its own; whoever then changes something loses nothing.
#[test]
fn a_first_change_after_a_link_brings_both_sets_together() {
    let mut world = World::with_mapping(&format!("{BOTH}{SET}"));
    let told = [("email", ADA), ("name", "Ada Lovelace"), (NAME, "a, b")];
    let look = world.qualify(lead("c1", 1_000, &told));
    let held = row(
        "Lead",
        "00Q000000000001AAA",
        1,
        &[("Email", ADA), (FIELD, "x;b")],
    );
    let lead = held.record.clone();
    let out = world.answer(&look[0], found(&[held]));
    let contact = contact("c1");
    let mut pair = Pair {
        world,
        contact,
        lead,
    };
    pair.settle(out, 2);
    assert_eq!(pair.seen(&pair.contact, NAME), Value::text("a, b"));
    assert_eq!(pair.seen(&pair.lead, FIELD), Value::text("x;b"));
    let out = pair.webhook(30_000, &[(NAME, "a, c")]);
    pair.settle(out, 31);
    check_both(&pair, "acx");
}

/// Both records as they truly are, with what was not told yet. Intercom keeps a text as it was
/// written, the org has an order of its own.
struct Stage {
    pair: Pair,
    contact: String,
    lead: BTreeSet<char>,
    webhooks: VecDeque<(i64, String)>,
    events: VecDeque<(i64, Writer, String)>,
    commands: VecDeque<Command>,
    second: i64,
}

impl Stage {
    fn new() -> Self {
        let mut pair = pair();
        let out = pair.webhook(30_000, &[(NAME, "a, b, c, d")]);
        pair.settle(out, 31);
        Self {
            pair,
            contact: "a, b, c, d".to_owned(),
            lead: letters("abcd"),
            webhooks: VecDeque::new(),
            events: VecDeque::new(),
            commands: VecDeque::new(),
            second: 40,
        }
    }

    fn salesforce(&self) -> String {
        in_reverse(&self.lead, ";")
    }

    fn act(&mut self, what: u8, letter: Option<char>) {
        self.second += 2;
        match (what, letter) {
            (0, Some(letter)) => {
                let mut now = letters(&self.contact);
                toggle(&mut now, letter);
                self.contact = in_reverse(&now, ",");
                let shown = (self.second * 1_000, self.contact.clone());
                self.webhooks.push_back(shown);
            }
            (1, Some(letter)) => {
                toggle(&mut self.lead, letter);
                let told = (self.second, Writer::Foreign, self.salesforce());
                self.events.push_back(told);
            }
            (2, _) => {
                if let Some((at, text)) = self.webhooks.pop_front() {
                    let out = self.pair.webhook(at, &[(NAME, &text)]);
                    self.commands.extend(out);
                }
            }
            (3, _) => {
                if let Some((second, writer, text)) = self.events.pop_front() {
                    let out = self.pair.event(second, writer, &[(FIELD, &text)]);
                    self.commands.extend(out);
                }
            }
            _ => {
                if let Some(command) = self.commands.pop_front() {
                    let outcome = self.carry_out(&command);
                    let out = self.pair.world.answer(&command, outcome);
                    self.commands.extend(out);
                }
            }
        }
    }

    fn carry_out(&mut self, command: &Command) -> Outcome {
        let record = subject(command);
        let of_contact = record == self.pair.contact;
        let name = if of_contact { NAME } else { FIELD };
        let CommandKind::Write(write) = &command.kind else {
            let snapshot = self.snapshot(&record);
            return Outcome::Read { snapshot };
        };
        let sent = write.fields.iter().find(|field| *field.name == *name);
        if let (true, Some(sent)) = (write.read_first, sent) {
            let there = self.shown(of_contact);
            if there != sent.expect {
                let snapshot = self.snapshot(&record);
                return match there == sent.value {
                    true => Outcome::AlreadyThere { snapshot },
                    false => Outcome::FoundOther { snapshot },
                };
            }
        }
        if let Some(sent) = sent {
            match of_contact {
                true => self.contact = sent.value.display(),
                false => {
                    self.lead = letters(&sent.value.display());
                    let echo = (self.second, Writer::Ours, self.salesforce());
                    self.events.push_back(echo);
                }
            }
        }
        let values = self.snapshot(&record).fields;
        Outcome::Written {
            record,
            created: false,
            values: of_contact.then_some(values),
            version: of_contact.then(|| Version::second(self.second)),
        }
    }

    fn shown(&self, of_contact: bool) -> Value {
        match of_contact {
            true => Value::text(self.contact.as_str()),
            false => Value::text(self.salesforce()),
        }
    }

    fn snapshot(&self, record: &RecordRef) -> RecordSnapshot {
        let of_contact = *record == self.pair.contact;
        let name = if of_contact { NAME } else { FIELD };
        let mut fields = self.pair.fields_of(record);
        fields.insert(name.into(), self.shown(of_contact));
        RecordSnapshot {
            record: record.clone(),
            version: Version::second(self.second),
            fields,
            tags: None,
            companies: None,
        }
    }

    fn is_quiet(&self) -> bool {
        self.webhooks.is_empty() && self.events.is_empty() && self.commands.is_empty()
    }
}

fn in_reverse(set: &BTreeSet<char>, sign: &str) -> String {
    let all: Vec<String> = set.iter().rev().map(char::to_string).collect();
    all.join(sign)
}

fn toggle(set: &mut BTreeSet<char>, letter: char) {
    if !set.remove(&letter) {
        set.insert(letter);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Each value is added or taken away once, by either side, and both sides end with all of it,
    /// in whatever order things are told and carried out.
    #[test]
    fn what_either_side_did_to_a_set_holds_on_both(
        steps in proptest::collection::vec(0..5_u8, 1..40),
    ) {
        let mut stage = Stage::new();
        let mut unused: VecDeque<char> = "aebfcgdh".chars().collect();
        let mut expected = letters("abcd");
        for what in steps {
            let letter = (what < 2).then(|| unused.pop_front()).flatten();
            if let Some(letter) = letter {
                toggle(&mut expected, letter);
            }
            stage.act(what, letter);
        }
        let turns = [2, 3, 4].into_iter().cycle().take(400);
        for what in turns {
            stage.act(what, None);
        }
        prop_assert!(stage.is_quiet(), "it comes to rest");
        prop_assert_eq!(&letters(&stage.contact), &expected, "in Intercom");
        prop_assert_eq!(&stage.lead, &expected, "in Salesforce");
        prop_assert!(stage.pair.is_at_rest());
    }
}
