//! Mapped fields that cannot work: where, what, and the fix.

use crate::mapping::compile::FIELDS_MAX;
use crate::mapping::tests::small_file::{GOOD, check_refused, refusal};

/// What the file says, what it says instead, and the findings.
pub const REFUSED: &[(&str, &str, &str)] = &[
    (
        "meaning: how the person is called",
        "",
        "18:7: people.fields.meaning: `name` has no meaning; every mapped field says its \
         meaning, its owner and its direction",
    ),
    (
        "meaning: how the person is called",
        "meaning: ' '",
        "18:7: people.fields.meaning: `name` has no meaning; every mapped field says its \
         meaning, its owner and its direction",
    ),
    (
        "owner: intercom",
        "used_by: []",
        "18:7: people.fields.owner: `name` has no owner; every mapped field says its \
         meaning, its owner and its direction
21:16: people.fields.used_by: `name` is used by nobody; name a team or a process, or \
         leave `used_by` out",
    ),
    (
        "owner: intercom",
        "",
        "18:7: people.fields.owner: `name` has no owner; every mapped field says its \
         meaning, its owner and its direction",
    ),
    (
        "direction: to_salesforce",
        "",
        "18:7: people.fields.direction: `name` has no direction; every mapped field says its \
         meaning, its owner and its direction",
    ),
    (
        "owner: intercom",
        "owner: salseforce",
        "21:14: people.fields.owner: owner `salseforce` is neither intercom nor salesforce; \
         did you mean \"salesforce\"?",
    ),
    (
        "owner: intercom",
        "owner: us",
        "21:14: people.fields.owner: owner `us` is neither intercom nor salesforce; name the \
         system whose value counts",
    ),
    (
        "direction: to_salesforce",
        "direction: to_salseforce",
        "22:18: people.fields.direction: direction `to_salseforce` of `name` is unknown; did \
         you mean \"to_salesforce\"?",
    ),
    (
        "direction: to_salesforce",
        "direction: sideways",
        "22:18: people.fields.direction: direction `sideways` of `name` is unknown; write \
         to_salesforce, to_intercom or both",
    ),
    (
        "meaning: how the person is called",
        "meaning: name\n      conflict: newest_wins",
        "24:17: people.fields.conflict: conflict says what counts where a field flows both \
         ways, and this one does not; leave it out, or write `direction: both`",
    ),
    (
        "- intercom: name",
        "- intercom: custom_attributes",
        "18:17: people.fields.intercom: `custom_attributes` is a group of attributes, not \
         one value; name one of them, as in `custom_attributes.NAME`",
    ),
    (
        "- intercom: name",
        "- intercom: last_seen_at",
        "18:17: people.fields.intercom: `last_seen_at` is not kept: it moves with every \
         visit; leave it out",
    ),
    (
        "transform: split_name",
        "transform: split_names",
        "20:18: people.fields.transform: transform `split_names` is unknown; did you mean \
         \"split_name\"?",
    ),
    (
        "transform: split_name",
        "transform: rot13",
        "20:18: people.fields.transform: transform `rot13` is unknown; use split_name, \
         phone_e164, picklist, date, date_time, number, bands, set, country, html_to_text, concat, \
         constant or owner, or leave it out",
    ),
    (
        "[FirstName, LastName]",
        "LastName",
        "19:19: people.fields.salesforce: split_name writes 2 Salesforce field(s), 1 are \
         named; write [FirstName, LastName]",
    ),
    (
        "[FirstName, LastName]",
        "[FirstName, FirstName]",
        "19:19: people.fields.salesforce: `FirstName` is named twice; leave the object out: \
         the field then counts for all of the section",
    ),
    (
        "[FirstName, LastName]",
        "[Lead.FirstName, LastName]",
        "19:19: people.fields.salesforce: the fields of one entry stand in different \
         objects; write one entry for each object",
    ),
    (
        "[FirstName, LastName]",
        "[Lead.FirstName, Contact.LastName]",
        "19:19: people.fields.salesforce: the fields of one entry stand in different \
         objects; write one entry for each object",
    ),
    (
        "[FirstName, LastName]",
        "[First Name, LastName]",
        "19:19: people.fields.salesforce: `First Name` is no API name of a Salesforce field; \
         letters, digits and _ as in Setup, such as Company_Size__c",
    ),
    (
        "salesforce: Phone",
        "salesforce: [Phone, MobilePhone]",
        "25:19: people.fields.salesforce: phone_e164 writes 1 Salesforce field(s), 2 are \
         named; write one entry for each field",
    ),
    (
        "salesforce: Phone",
        "salesforce: Account.Phone",
        "25:19: people.fields.salesforce: `Account.Phone` names Account, which this section \
         does not map; use one of Contact, Lead, or add it under objects",
    ),
    (
        "salesforce: Phone",
        "salesforce: Laed.Phone",
        "25:19: people.fields.salesforce: `Laed.Phone` names Laed, which this section does \
         not map; did you mean \"Lead\"?",
    ),
    (
        "salesforce: Phone",
        "salesforce: Lead.LastName",
        "25:19: people.fields.salesforce: `LastName` is written by `name` already; let one \
         entry write it",
    ),
    (
        "salesforce: Phone",
        "salesforce: LastName",
        "25:19: people.fields.salesforce: `LastName` is written by `name` already; let one \
         entry write it",
    ),
    (
        "salesforce: Phone",
        "salesforce: Name",
        "25:19: people.fields.salesforce: `Name` is made of its parts; write [FirstName, \
         LastName] with `transform: split_name`",
    ),
    (
        "salesforce: Phone",
        "salesforce: Id",
        "25:19: people.fields.salesforce: `Id` can only be read in Salesforce; write \
         `direction: to_intercom`, or leave it out",
    ),
    (
        "salesforce: Phone",
        "salesforce: Intercom_Contact_ID__c",
        "25:19: people.fields: `Intercom_Contact_ID__c` holds the explicit key; leave it \
         out: crosswalk writes it itself",
    ),
    (
        "salesforce: Phone",
        "salesforce: []",
        "25:19: people.fields.salesforce: phone_e164 writes 1 Salesforce field(s), 0 are \
         named; write one entry for each field",
    ),
    (
        "region: US",
        "region: Atlantis",
        "27:15: people.fields.region: `Atlantis` is no country; write its two letters, as in \
         `region: US`",
    ),
    (
        "transform: picklist",
        "transform: phone_e164",
        "34:15: people.fields.values: values belong to a picklist or a set; add `transform: \
         picklist`, or leave them out",
    ),
    (
        "transform: phone_e164",
        "transform: picklist",
        "27:15: people.fields.region: a region belongs to a phone number; add `transform: \
         phone_e164`, or leave it out",
    ),
    (
        "      transform: picklist\n",
        "",
        "33:15: people.fields.values: values belong to a picklist or a set; add `transform: \
         picklist`, or leave them out",
    ),
    (
        "transform: picklist\n      values: {10: 1-10}",
        "transform: date",
        "31:7: people.fields.time_zone: a day begins at another moment in each time zone, \
         and none is named; add `time_zone: UTC`, or the one that the dates are meant in",
    ),
    (
        "transform: picklist\n      values: {10: 1-10}",
        "transform: date\n      time_zone: Europe/Berln",
        "34:18: people.fields.time_zone: `Europe/Berln` is no time zone; write it as in the \
          time zone database, such as Europe/Berlin",
    ),
    (
        "transform: picklist\n      values: {10: 1-10}",
        "transform: number\n      decimal: coma",
        "34:16: people.fields.decimal: `coma` is no sign before a fraction; did you mean \
         \"comma\"?",
    ),
    (
        "transform: picklist\n      values: {10: 1-10}",
        "transform: bands",
        "31:7: people.fields.bands: no band is named; add `bands: [1-10, 11-50, 51+]`",
    ),
    (
        "transform: picklist\n      values: {10: 1-10}",
        "transform: bands\n      bands: []",
        "34:14: people.fields.bands: 0 bands are named; name 1 to 100",
    ),
    (
        "transform: picklist\n      values: {10: 1-10}",
        "transform: bands\n      bands: [1-10, ten]",
        "34:14: people.fields.bands: `ten` is no band; write it as 11-50 or 51+",
    ),
    (
        "transform: picklist\n      values: {10: 1-10}",
        "transform: bands\n      bands: [1-10, 10-20]",
        "34:14: people.fields.bands: `10-20` does not lie behind the band before it; write \
         the lowest first, and no number twice",
    ),
    (
        "transform: picklist\n      values: {10: 1-10}\n      owner: intercom\n      \
         direction: to_salesforce",
        "transform: bands\n      bands: [1-10]\n      owner: intercom\n      direction: both",
        "34:14: people.fields.bands: a band does not say which number it was; write \
         `direction: to_salesforce`",
    ),
    (
        "transform: picklist\n      values: {10: 1-10}",
        "transform: picklist\n      unknown: drop",
        "34:16: people.fields.unknown: `drop` is nothing that can become of an unknown \
         value; write pass or refuse",
    ),
    (
        "transform: picklist\n      values: {10: 1-10}",
        "unknown: refuse",
        "33:16: people.fields.unknown: unknown belongs to the transform picklist; add \
         `transform: picklist`, or leave it out",
    ),
    (
        "transform: picklist\n      values: {10: 1-10}",
        "bands: [1-10]",
        "33:14: people.fields.bands: bands belongs to the transform bands; add `transform: \
         bands`, or leave it out",
    ),
    (
        "transform: picklist\n      values: {10: 1-10}",
        "transform: set\n      separator: and",
        "34:18: people.fields.separator: `and` is nothing that can stand between values; write a \
         sign, such as `separator: \", \"` or `separator: \"|\"`",
    ),
    (
        "transform: picklist\n      values: {10: 1-10}",
        "transform: set\n      values: {a: x;y}",
        "34:15: people.fields.values: `x;y` holds `;`, which stands between values; write one \
         value, without it",
    ),
    (
        "transform: picklist\n      values: {10: 1-10}",
        "transform: set\n      separator: '|'\n      values: {'a|b': x}",
        "35:15: people.fields.values: `a|b` holds `|`, which stands between values; write one \
         value, without it",
    ),
    (
        "transform: picklist\n      values: {10: 1-10}",
        "separator: '|'",
        "33:18: people.fields.separator: separator belongs to the transform set; add \
         `transform: set`, or leave it out",
    ),
    (
        "transform: picklist\n      values: {10: 1-10}\n      owner: intercom\n      \
         direction: to_salesforce",
        "conflict: merge\n      owner: intercom\n      direction: both",
        "33:17: people.fields.conflict: merge joins sets value by value, and this field has one \
         value; add `transform: set`, or write another policy",
    ),
    (
        "transform: picklist\n      values: {10: 1-10}",
        "blank: keep",
        "33:14: people.fields.blank: `keep` is nothing that a blank can do; write clear or \
         skip",
    ),
    (
        "transform: picklist\n      values: {10: 1-10}",
        "blank: skip\n      default: none",
        "33:14: people.fields.default: a default says already what a blank does; leave \
         `blank` out",
    ),
    (
        "transform: picklist\n      values: {10: 1-10}\n      owner: intercom\n      \
         direction: to_salesforce",
        "default: none\n      owner: intercom\n      direction: both",
        "33:16: people.fields.default: a default would come back as somebody's word; leave \
         it out where a field flows both ways",
    ),
    (
        "transform: split_name",
        "transform: split_name\n      default: none",
        "21:16: people.fields.default: a default fills one field, this entry has more; \
         write placeholders under create instead",
    ),
];

#[test]
fn faults_of_fields_are_named_with_place_and_fix() {
    check_refused(GOOD, REFUSED);
}

#[test]
fn a_section_maps_so_many_fields_and_no_more() {
    let field = |n: usize| {
        format!(
            "    - {{intercom: custom_attributes.a{n}, salesforce: A{n}__c, owner: intercom, \
             direction: to_salesforce, meaning: a}}\n"
        )
    };
    let with = |count: usize| -> String {
        let fields: String = (0..count).map(field).collect();
        GOOD.replace("  fields: []\n", &format!("  fields:\n{fields}"))
    };
    assert_eq!(refusal(&with(FIELDS_MAX)), "nothing");
    let expected = "243:7: companies.fields: 203 fields are mapped, at most 200 can be; map fewer";
    assert_eq!(refusal(&with(FIELDS_MAX + 3)), expected);
}
