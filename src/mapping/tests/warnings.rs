//! What lint warns of, and what it does not.

use crate::mapping::tests::small_file::{GOOD, compile};
use crate::mapping::warn::warnings;
use crate::mapping::{DEFAULT, Mapping};

fn with(fields: &[&str]) -> Mapping {
    let base = "meaning: m, owner: salesforce, direction: to_intercom";
    let entries = fields
        .iter()
        .map(|one| format!("    - {{{one}, {base}}}\n"));
    let text = format!("  fields:\n{}", entries.collect::<String>());
    compile(&GOOD.replacen("  fields: []\n", &text, 1)).unwrap()
}

#[test]
fn the_mapping_that_a_new_user_begins_with_warns_of_nothing() {
    assert_eq!(warnings(&compile(DEFAULT).unwrap()), Vec::<String>::new());
}

#[test]
fn one_label_of_two_kinds_is_warned_of_and_names_both_places() {
    let told = warnings(&with(&[
        "intercom: custom_attributes.status, salesforce: Status, transform: picklist, \
         values: {a: b}",
        "intercom: custom_attributes.since, salesforce: Status__c, transform: date_time",
    ]));
    assert_eq!(told.len(), 1, "{told:?}");
    for part in [
        "`status` is one of a list in companies: company.custom_attributes.status",
        "a moment in companies: company.custom_attributes.since",
    ] {
        assert!(told[0].contains(part), "{part}: {told:?}");
    }
    let same = warnings(&with(&[
        "intercom: custom_attributes.status, salesforce: Status",
        "intercom: custom_attributes.other, salesforce: Status__c",
    ]));
    assert_eq!(same, Vec::<String>::new());
}

#[test]
fn a_field_that_nobody_uses_is_warned_of_once_the_file_says_who_uses_what() {
    let told = warnings(&with(&[
        "intercom: custom_attributes.status, salesforce: Status, used_by: [routing]",
        "intercom: custom_attributes.other, salesforce: Other__c",
    ]));
    // The other section's three fields, too: the register is of the whole file.
    assert_eq!(told.len(), 4, "{told:?}");
    assert!(told[3].starts_with("companies: company.custom_attributes.other has no `used_by`"));
    assert!(told.iter().all(|one| !one.contains("status")));
}
