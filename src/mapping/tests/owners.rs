//! Who in Intercom is who in Salesforce.

use proptest::prelude::{any, prop_oneof, proptest};
use proptest::strategy::Strategy;
use proptest::{prop_assert, prop_assert_eq};

use crate::domain::Value;
use crate::mapping::owners::{Owners, owner_id};
use crate::mapping::tests::small_file::{GOOD, check_refused};
use crate::mapping::{Refusal, Transform};

const ANN: &str = "0055g00000AbCdEAA0";
const QUEUE: &str = "00G5g000001QuEuEAK";

fn table(fallback: bool) -> Transform {
    let id = |text: &str| owner_id(&text[..15]).unwrap();
    let users = [("814860", ANN), ("bob@acme.com", "0055g00000XyZaB")];
    let mut owners = Owners::new(users.map(|(admin, user)| (admin.to_owned(), id(user))));
    if fallback {
        owners.fallback_user = Some(id(QUEUE));
        owners.fallback_admin = Some("1".to_owned());
    }
    Transform::Owner(owners)
}

fn written(owners: &Transform, admin: Value) -> Result<String, Refusal> {
    let written = owners.to_salesforce(&owners.decided(&admin), 1)?;
    Ok(written[0].display())
}

fn back(owners: &Transform, user: &str) -> Result<Value, Refusal> {
    owners.to_intercom(&owners.decided_from_salesforce(&[&user.into()]))
}

#[test]
fn an_id_has_fifteen_characters_or_eighteen_that_fit() {
    let full = owner_id(&ANN[..15]).unwrap();
    assert_eq!(full.len(), 18);
    assert_eq!(owner_id(&full), Some(full.clone()));
    assert_eq!(
        owner_id(&full.to_lowercase()),
        None,
        "its case is part of it"
    );
    for text in [
        "",
        "0055g00000AbCd",
        "0015g00000AbCdE",
        "0055g00000AbCdE?",
        "005é",
    ] {
        assert_eq!(owner_id(text), None, "{text}");
    }
    assert!(owner_id(&QUEUE[..15]).is_some());
}

#[test]
fn the_table_says_who_is_who() {
    let owners = table(false);
    let ann = owner_id(&ANN[..15]).unwrap();
    assert_eq!(written(&owners, Value::Int(814_860)), Ok(ann.clone()));
    assert_eq!(back(&owners, &ann), Ok(Value::Int(814_860)));
    assert_eq!(back(&owners, &ann[..15]), Ok(Value::Int(814_860)));
    let bob = owner_id("0055g00000XyZaB").unwrap();
    assert_eq!(written(&owners, " Bob@Acme.com".into()), Ok(bob.clone()));
    assert_eq!(back(&owners, &bob), Ok("bob@acme.com".into()));
}

#[test]
fn whom_the_table_does_not_name_is_left_alone_or_falls_back() {
    let nobody = table(false);
    assert_eq!(
        written(&nobody, Value::Int(7)),
        Err(Refusal("no_user_for_the_admin"))
    );
    let other = "0055g00000Other";
    assert_eq!(back(&nobody, other), Err(Refusal("no_admin_for_the_owner")));
    assert_eq!(
        back(&nobody, &QUEUE[..15]),
        Err(Refusal("no_admin_for_the_owner"))
    );
    // Another record of Salesforce may have the owner, whoever that is in Intercom.
    let full = owner_id(other).unwrap();
    assert_eq!(written(&nobody, full.as_str().into()), Ok(full));
    let fallback = table(true);
    assert_eq!(
        written(&fallback, Value::Int(7)),
        Ok(owner_id(&QUEUE[..15]).unwrap())
    );
    assert_eq!(back(&fallback, other), Ok(Value::Int(1)));
    // Nobody owns the contact: that takes no owner away.
    assert_eq!(written(&fallback, Value::Null), Err(Refusal("is_required")));
}

proptest! {
    #[test]
    fn an_owner_is_anything_and_what_the_table_names_comes_back(
        text in prop_oneof![any::<String>(), "00[5G][0-9A-Za-z]{12}([A-Z0-5]{3})?".boxed()],
        number in any::<i64>(),
        fallback in any::<bool>(),
    ) {
        let owners = table(fallback);
        for value in [Value::text(text), Value::Int(number), Value::Null, Value::Int(814_860)] {
            let decided = owners.decided(&value);
            prop_assert_eq!(&owners.decided(&decided), &decided);
            prop_assert!(owners.equivalent(&value, &value));
            let _ = owners.to_intercom(&decided);
            match owners.to_salesforce(&decided, 1) {
                Ok(written) => {
                    prop_assert!(owner_id(&written[0].display()).is_some());
                    let is_named = decided == "814860".into();
                    if is_named {
                        let back = owners.decided_from_salesforce(&[&written[0]]);
                        prop_assert_eq!(back, decided);
                    }
                }
                Err(Refusal(code)) => {
                    prop_assert!(["is_required", "no_user_for_the_admin"].contains(&code));
                }
            }
        }
    }
}

const GIVEN: &str = "transform: picklist\n      values: {10: 1-10}";

/// What the file says, what it says instead, and the findings.
pub const REFUSED: &[(&str, &str, &str)] = &[
    (
        GIVEN,
        "transform: owner",
        "31:7: people.fields.users: 0 admins are named; name 1 to 1000, each with the id of a \
         user: `users: {814860: 005…}`",
    ),
    (
        GIVEN,
        "transform: owner\n      users: {1: 0015g00000AbCdE}",
        "34:14: people.fields.users: `0015g00000AbCdE` is no id of a user or a queue; write the \
         id that begins with 005 or 00G, of 15 or 18 characters",
    ),
    (
        GIVEN,
        "transform: owner\n      users: {1: 0055g00000AbCdE}\n      \
         fallback: {salesforce: nobody}",
        "35:30: people.fields.fallback.salesforce: `nobody` is no id of a user or a queue; write \
         the id that begins with 005 or 00G, of 15 or 18 characters",
    ),
    (
        "transform: picklist\n      values: {10: 1-10}\n      owner: intercom\n      \
         direction: to_salesforce",
        "transform: owner\n      users: {1: 0055g00000AbCdE, 2: 0055g00000AbCdE}\n      \
         owner: intercom\n      direction: both",
        "34:14: people.fields.users: `1` and `2` are one user, who has one way back; give each \
         its own user, or write `direction: to_salesforce`",
    ),
    (
        "salesforce: Lead.Size__c\n      transform: picklist\n      values: {10: 1-10}",
        "salesforce: OwnerId\n      transform: owner\n      users: {1: 00G5g00000AbCdE}",
        "32:19: people.fields.salesforce: a queue is among the owners, and a queue owns no \
         Contact; write `salesforce: Lead.OwnerId`, or name users only",
    ),
    (
        GIVEN,
        "users: {1: 0055g00000AbCdE}",
        "33:14: people.fields.users: users belongs to the transform owner; add `transform: \
         owner`, or leave it out",
    ),
    (
        GIVEN,
        "fallback: {intercom: 1}",
        "33:17: people.fields.fallback: fallback belongs to the transform owner; add \
         `transform: owner`, or leave it out",
    ),
];

#[test]
fn faults_of_owners_are_named_with_place_and_fix() {
    check_refused(GOOD, REFUSED);
}
