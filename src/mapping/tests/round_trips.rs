//! What is written and read back is what was decided, for every value and every transform.

use std::collections::BTreeMap;

use phonenumber::country;
use proptest::prelude::{BoxedStrategy, Just, Strategy, any, prop_oneof, proptest};
use proptest::{prop_assert, prop_assert_eq};

use crate::domain::{Fields, Value};
use crate::mapping::country::Form;
use crate::mapping::number::Decimal;
use crate::mapping::set::SetOf;
use crate::mapping::tests::small_file::{GOOD, compile};
use crate::mapping::transform::lost_on_the_way_back;
use crate::mapping::{Band, FieldMap, Refusal, System, Transform, Unknown};

fn value() -> BoxedStrategy<Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::Int),
        any::<f64>().prop_map(|number| Value::Float(number.to_bits())),
        any::<String>().prop_map(|text| Value::Text(text.into())),
        "[ a-c]{0,4}".prop_map(|text| Value::Text(text.into())),
        "[ a-d,;|]{0,12}".prop_map(|text| Value::Text(text.into())),
        "[A-Za-z]{2,3}".prop_map(|text| Value::Text(text.into())),
        "[+]?[0-9 ()-]{3,18}".prop_map(|text| Value::Text(text.into())),
        "[0-9]{1,5}([.,][0-9]{1,3})?( EUR)?".prop_map(|text| Value::Text(text.into())),
        (-9_000_000_000_i64..70_000_000_000).prop_map(Value::Int),
        (
            1600..4100_i32,
            1..13_u8,
            1..32_u8,
            proptest::option::of(0..24_u8)
        )
            .prop_map(|(year, month, day, hour)| {
                let hour = hour.map_or(String::new(), |hour| format!("T{hour:02}:00:00.000+0000"));
                Value::Text(format!("{year:04}-{month:02}-{day:02}{hour}").into())
            }),
    ]
    .boxed()
}

fn transform() -> BoxedStrategy<Transform> {
    let values = proptest::collection::btree_map("[a-c]{0,2}", "[a-c]{0,2}", 0..5);
    let lists = values.prop_map(|values: BTreeMap<String, String>| Transform::Picklist {
        values,
        unknown: Unknown::Pass,
    });
    prop_oneof![
        Just(Transform::Same),
        Just(Transform::SplitName),
        Just(Transform::PhoneE164 { region: None }),
        Just(Transform::PhoneE164 {
            region: Some(country::Id::US)
        }),
        Just(Transform::PhoneE164 {
            region: Some(country::Id::IT)
        }),
        proptest::sample::select(vec!["UTC", "Europe/Berlin", "Africa/Cairo", "Pacific/Apia"])
            .prop_map(|name| Transform::Date {
                zone: jiff::tz::TimeZone::get(name).unwrap(),
            }),
        Just(Transform::DateTime),
        Just(Transform::Number {
            decimal: Decimal::Point
        }),
        Just(Transform::Number {
            decimal: Decimal::Comma
        }),
        Just(Transform::Bands(
            ["1-10", "11-50", "51+"]
                .into_iter()
                .filter_map(Band::parse)
                .collect()
        )),
        lists.prop_filter("a way back", |list| match list {
            Transform::Picklist { values, .. } => lost_on_the_way_back(values).is_none(),
            _ => true,
        }),
        sets(),
        (form(), form()).prop_map(|(intercom, salesforce)| Transform::Country {
            intercom,
            salesforce
        }),
    ]
    .boxed()
}

fn form() -> BoxedStrategy<Form> {
    proptest::sample::select(vec![Form::Alpha2, Form::Alpha3, Form::Name]).boxed()
}

fn sets() -> BoxedStrategy<Transform> {
    let values = proptest::collection::btree_map("[a-c]{1,2}", "[a-d]{0,2}", 0..4);
    let values = values.prop_filter("a way back", |list| lost_on_the_way_back(list).is_none());
    let separator = proptest::sample::select(vec![", ", "|", " ; "]);
    let unknown = proptest::sample::select(vec![Unknown::Pass, Unknown::Refuse]);
    (separator, values, unknown)
        .prop_map(|(separator, values, unknown)| {
            Transform::Set(SetOf::new(separator.to_owned(), values, unknown))
        })
        .boxed()
}

fn back(transform: &Transform, written: &[Value]) -> Value {
    let written: Vec<&Value> = written.iter().collect();
    transform.decided_from_salesforce(&written)
}

proptest! {
    #[test]
    fn what_is_written_reads_back_as_it_was_decided(value in value(), transform in transform()) {
        let decided = transform.decided(&value);
        prop_assert_eq!(&transform.decided(&decided), &decided);
        let fields = if transform == Transform::SplitName { 2 } else { 1 };
        // Any input gives a value, or a refusal that has a name.
        match (transform.to_intercom(&decided), transform.to_salesforce(&decided, fields)) {
            (Ok(here), Ok(there)) => {
                prop_assert_eq!(&transform.decided(&here), &decided);
                prop_assert_eq!(there.len(), fields);
                prop_assert_eq!(&back(&transform, &there), &decided);
            }
            (here, there) => {
                let code = |refused: Result<(), Refusal>| refused.err().map(|one| one.0);
                prop_assert_eq!(code(here.map(|_| ())), code(there.map(|_| ())));
            }
        }
        prop_assert!(transform.equivalent(&value, &value));
        // What was never decided must not end the process either.
        let _ = transform.to_salesforce(&value, fields);
    }
}

proptest! {
    /// Few letters, so that values of both systems often look alike.
    #[test]
    fn values_of_both_systems_that_look_alike_are_told_apart(
        values in proptest::collection::btree_map("[abc]", "[abcd]", 1..4),
        shown in "[abcd]",
    ) {
        let has_way_back = lost_on_the_way_back(&values).is_none();
        let list = Transform::Picklist { values, unknown: Unknown::Pass };
        if has_way_back {
            let decided = list.decided(&Value::text(shown));
            let written = list.to_salesforce(&decided, 1).unwrap();
            prop_assert_eq!(back(&list, &written), decided);
        }
    }
}

fn opt_out(restrictive: bool) -> FieldMap {
    let text = GOOD.replace(
        "fields:\n",
        &format!(
            "fields:\n    - {{intercom: custom_attributes.a, salesforce: A__c, owner: intercom, \
             direction: both, conflict: restrictive_wins, restrictive: {restrictive}, \
             meaning: m}}\n"
        ),
    );
    compile(&text).unwrap().people.fields[0].clone()
}

#[test]
fn the_stricter_of_two_values_is_the_one_that_is_protected() {
    let (yes, no, blank) = (Value::Bool(true), Value::Bool(false), Value::Null);
    let out = opt_out(true);
    assert_eq!(out.stricter(&yes, &no), Some(&yes));
    assert_eq!(out.stricter(&blank, &yes), Some(&yes));
    assert_eq!(out.stricter(&"True".into(), &no), Some(&"True".into()));
    assert_eq!(out.stricter(&yes, &1.into()), None);
    assert_eq!(out.stricter(&no, &blank), None);
    let consent = opt_out(false);
    assert_eq!(consent.stricter(&yes, &no), Some(&no));
    assert_eq!(consent.stricter(&blank, &yes), Some(&blank));
}

/// A name that Salesforce cuts elsewhere says the same: writing it back would move words about.
#[test]
fn a_record_says_a_decided_value_in_its_own_way() {
    let name = compile(GOOD).unwrap().people.fields[0].clone();
    let fields = Fields::from([
        ("FirstName".into(), "Ada".into()),
        ("LastName".into(), "King Lovelace".into()),
    ]);
    assert!(name.says(System::Salesforce, &fields, &"Ada King Lovelace".into()));
    assert!(!name.says(System::Salesforce, &fields, &"Ada Lovelace".into()));
}

/// Two texts without any digit are no two forms of one number.
#[test]
fn words_in_place_of_numbers_are_compared_as_words() {
    let phone = Transform::PhoneE164 { region: None };
    assert!(!phone.equivalent(&"ask the desk".into(), &"call me".into()));
    assert!(!phone.equivalent(&"ask the desk".into(), &Value::Null));
    assert!(phone.equivalent(&"+1 415 555 2671".into(), &"(1) 415-555-2671".into()));
}
