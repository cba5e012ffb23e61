//! Sets: order and repeats say nothing, and what both sides changed holds value by value.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::proptest;
use proptest::prop_assert_eq;

use crate::domain::Value;
use crate::mapping::set::{Base, SetOf, VALUES_MAX, merged};
use crate::mapping::tests::small_file::{GOOD, compile};
use crate::mapping::{Conflict, Refusal, Transform, Unknown};

fn set(values: &[(&str, &str)], unknown: Unknown) -> Transform {
    let values = values.iter();
    let values: BTreeMap<String, String> = values
        .map(|(ours, theirs)| ((*ours).to_owned(), (*theirs).to_owned()))
        .collect();
    Transform::Set(SetOf::new(", ".to_owned(), values, unknown))
}

fn plain() -> Transform {
    set(&[], Unknown::Pass)
}

/// What Intercom shows becomes what Salesforce holds, and the other way.
fn check_flow(set: &Transform, intercom: &str, salesforce: &str) {
    let decided = set.decided(&intercom.into());
    let written = set.to_salesforce(&decided, 1).unwrap();
    assert_eq!(written.to_vec(), [Value::text(salesforce)], "{intercom}");
}

fn check_back(set: &Transform, salesforce: &str, intercom: &str) {
    let decided = set.decided_from_salesforce(&[&salesforce.into()]);
    let written = set.to_intercom(&decided).unwrap();
    assert_eq!(written, Value::text(intercom), "{salesforce}");
}

#[test]
fn a_set_is_written_in_order_and_each_value_once() {
    check_flow(&plain(), "b, a,b ,, c", "a;b;c");
    check_flow(
        &plain(),
        "Enterprise  Plan\nAdd-on",
        "Add-on;Enterprise Plan",
    );
    check_flow(&plain(), " , ", "");
    check_back(&plain(), "c;a;;a", "a, c");
    check_back(&plain(), "", "");
}

#[test]
fn each_value_of_a_set_has_its_name_in_each_system() {
    let named = set(&[("gold", "Gold"), ("none", "")], Unknown::Pass);
    check_flow(&named, "gold, other, none", "Gold;other");
    // Salesforce's own value, written in Intercom.
    check_flow(&named, "Gold", "Gold");
    check_back(&named, "other;Gold", "gold, other");
}

fn check_refused(set: &Transform, decided: &Value, code: &'static str) {
    assert_eq!(set.to_salesforce(decided, 1), Err(Refusal(code)));
    assert_eq!(set.to_intercom(decided), Err(Refusal(code)));
}

#[test]
fn what_has_no_form_as_a_set_says_why() {
    check_refused(
        &plain(),
        &plain().decided(&"a;b".into()),
        "holds_the_separator",
    );
    let torn = plain().decided_from_salesforce(&[&"Red, dark;Blue".into()]);
    check_refused(&plain(), &torn, "holds_the_separator");
    let strict = set(&[("a", "A")], Unknown::Refuse);
    check_refused(&strict, &strict.decided(&"a, b".into()), "not_in_the_list");
    let many: Vec<String> = (0..=VALUES_MAX).map(|n| n.to_string()).collect();
    check_refused(
        &plain(),
        &plain().decided(&many.join(",").as_str().into()),
        "too_many_values",
    );
    let long = format!("{},{}", "x".repeat(200), "y".repeat(54));
    check_refused(
        &plain(),
        &plain().decided(&long.as_str().into()),
        "too_long_a_list",
    );
    let just = format!("{},{}", "x".repeat(200), "y".repeat(53));
    assert!(
        plain()
            .to_intercom(&plain().decided(&just.as_str().into()))
            .is_ok()
    );
}

#[test]
fn another_order_is_an_accepted_form() {
    assert!(plain().equivalent(&"a;b;c".into(), &"c;a;b;a".into()));
    assert!(plain().equivalent(&"a, b".into(), &"B,A".into()));
    assert!(!plain().equivalent(&"a;b".into(), &"a;b;c".into()));
    assert!(!plain().equivalent(&"a".into(), &Value::Null));
}

#[test]
fn a_set_that_flows_both_ways_is_merged_unless_the_file_says_otherwise() {
    let with = |conflict: &str| {
        let set = format!("transform: set{conflict}");
        let text = GOOD
            .replacen("transform: picklist\n      values: {10: 1-10}", &set, 1)
            .replacen(
                "to_salesforce\n      meaning: size band",
                "both\n      meaning: size band",
                1,
            );
        compile(&text).unwrap().people.fields[2].conflict
    };
    assert_eq!(with(""), Conflict::Merge);
    assert_eq!(with("\n      conflict: owner_wins"), Conflict::OwnerWins);
}

fn of(letters: &BTreeSet<char>) -> Value {
    let lines: Vec<String> = letters.iter().map(char::to_string).collect();
    Value::text(lines.join("\n"))
}

proptest! {
    /// Of a common base both can only add what is not in it and only remove what is: nothing can
    /// contradict.
    #[test]
    fn each_value_holds_as_whoever_changed_it_said(
        known in proptest::collection::btree_set(proptest::char::range('a', 'f'), 0..6),
        one in proptest::collection::btree_set(proptest::char::range('a', 'f'), 0..6),
        other in proptest::collection::btree_set(proptest::char::range('a', 'f'), 0..6),
    ) {
        let holds = |letter: &char| match known.contains(letter) {
            true => one.contains(letter) && other.contains(letter),
            false => one.contains(letter) || other.contains(letter),
        };
        let expected: BTreeSet<char> = ('a'..='f').filter(holds).collect();
        let (base, one, other) = (of(&known), of(&one), of(&other));
        prop_assert_eq!(merged(Base::Agreed(&base), &one, &other), of(&expected));
        prop_assert_eq!(merged(Base::Agreed(&base), &other, &one), of(&expected));
        // Where nobody knows what was agreed, nothing is lost.
        let union = merged(Base::Unknown, &one, &other);
        prop_assert_eq!(merged(Base::Unknown, &other, &one), union);
    }
}

#[test]
fn what_a_side_kept_for_itself_joins_what_was_agreed() {
    let (own, stands) = (Value::text("a\nb"), Value::text("x"));
    let changed = Value::text("a\nc");
    assert_eq!(
        merged(Base::Own(&own), &stands, &changed),
        Value::text("a\nc\nx")
    );
    assert_eq!(
        merged(Base::Agreed(&own), &stands, &changed),
        Value::text("c\nx")
    );
}
