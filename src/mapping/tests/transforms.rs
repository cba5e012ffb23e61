//! Transforms at their edges.

use std::collections::BTreeMap;

use phonenumber::country;

use crate::domain::Value;
use crate::mapping::{Transform, Unknown};

fn check_name(name: &str, first: &str, last: &str) {
    let decided = Transform::SplitName.decided(&Value::text(name));
    let split = Transform::SplitName.to_salesforce(&decided, 2).unwrap();
    assert_eq!(
        split.to_vec(),
        vec![Value::text(first), Value::text(last)],
        "{name}"
    );
}

fn check_phone(region: Option<country::Id>, written: impl Into<Value>, expected: &str) {
    let decided = Transform::PhoneE164 { region }.decided(&written.into());
    assert_eq!(decided.display(), expected);
}

#[test]
fn names_split_at_the_last_word() {
    check_name("Ada Lovelace", "Ada", "Lovelace");
    check_name("  Ada   King  Lovelace ", "Ada King", "Lovelace");
    check_name("Ada", "", "Ada");
    check_name("  ", "", "");
    check_name("李 小龍", "李", "小龍");
}

#[test]
fn names_are_cut_between_words_only() {
    check_name("Ada 🦀", "Ada", "🦀");
    check_name("👩‍👩‍👧‍👦", "", "👩‍👩‍👧‍👦");
    check_name("Zoe\u{308} Mu\u{308}ller", "Zoe\u{308}", "Mu\u{308}ller");
    check_name("محمد علي كلاي", "محمد علي", "كلاي");
    check_name("Ada\u{a0}Lovelace", "Ada", "Lovelace");
    check_name("Ada\tKing\nLovelace", "Ada King", "Lovelace");
    check_name("Jean-Luc O'Neill", "Jean-Luc", "O'Neill");
}

/// What is a title in one language is a name in another: nothing is guessed.
#[test]
fn honorifics_and_suffixes_stay_as_they_are() {
    check_name("Dr. Ada Lovelace", "Dr. Ada", "Lovelace");
    check_name("Ada Lovelace PhD", "Ada Lovelace", "PhD");
    check_name("Ludwig van Beethoven", "Ludwig van", "Beethoven");
    check_name("Lovelace, Ada", "Lovelace,", "Ada");
}

#[test]
fn a_name_that_is_no_text_is_shown_as_one() {
    let decided = Transform::SplitName.decided(&Value::Int(42));
    assert_eq!(decided, "42".into());
    let split = Transform::SplitName.to_salesforce(&Value::Null, 2).unwrap();
    assert_eq!(split.to_vec(), vec![Value::Null, Value::Null]);
}

#[test]
fn numbers_become_e164_and_others_stay() {
    let us = Some(country::Id::US);
    check_phone(us, "(415) 555-2671", "+14155552671");
    check_phone(us, " 415.555.2671 ", "+14155552671");
    check_phone(us, "+44 20 7946 0958", "+442079460958");
    check_phone(us, "ask the desk", "ask the desk");
    check_phone(us, "911", "911");
    check_phone(us, "+", "+");
    check_phone(us, "☎ 🦀", "☎ 🦀");
    check_phone(us, "", "");
    check_phone(None, "415 555", "415 555");
    check_phone(None, "+1 415 555 2671", "+14155552671");
    check_phone(None, "9".repeat(5_000).as_str(), &"9".repeat(5_000));
}

/// An attribute of type number loses nothing but its form.
#[test]
fn a_number_that_is_no_text_becomes_one() {
    check_phone(Some(country::Id::US), 4_155_552_671, "+14155552671");
    let none = Transform::PhoneE164 { region: None };
    assert_eq!(none.decided(&Value::Int(7)), Value::text("7"));
}

/// E.164 has no extensions: leaving one out would reach the wrong desk.
#[test]
fn a_number_with_an_extension_stays_as_it_was_written() {
    let us = Some(country::Id::US);
    for written in [
        "(415) 555-2671 ext. 12",
        "415-555-2671x12",
        "+14155552671;ext=12",
    ] {
        check_phone(us, written, written);
    }
}

#[test]
fn a_picklist_maps_what_it_knows_and_passes_the_rest() {
    let values = BTreeMap::from([
        ("50".to_owned(), "11-50".to_owned()),
        ("true".to_owned(), "Yes".to_owned()),
        ("none".to_owned(), String::new()),
    ]);
    let list = Transform::Picklist {
        values,
        unknown: Unknown::Pass,
    };
    let check = |value: Value, expected: &str| {
        let decided = list.decided(&value);
        assert_eq!(
            list.to_salesforce(&decided, 1).unwrap().to_vec(),
            vec![Value::text(expected)]
        );
    };
    check(Value::Int(50), "11-50");
    check("50".into(), "11-50");
    check(" 50 ".into(), "11-50");
    check(Value::Bool(true), "Yes");
    check("51-200".into(), "51-200");
    // A picklist holds texts: Salesforce refuses a bare number there.
    check(Value::Int(51), "51");
    check(Value::number(2.5), "2.5");
    check("none".into(), "");
    check(Value::Null, "");
}

#[test]
fn without_a_transform_only_outer_space_goes() {
    let same = |value: Value| {
        Transform::Same
            .to_salesforce(&Transform::Same.decided(&value), 1)
            .unwrap()
    };
    assert_eq!(same("  a  b ".into()).to_vec(), vec!["a  b".into()]);
    assert_eq!(same("\u{a0}".into()).to_vec(), vec![Value::Null]);
    assert_eq!(same(Value::Int(600)).to_vec(), vec![Value::Int(600)]);
    assert_eq!(same(Value::Bool(false)).to_vec(), vec![Value::Bool(false)]);
    assert_eq!(same(Value::Null).to_vec(), vec![Value::Null]);
}
