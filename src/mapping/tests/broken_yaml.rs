//! Files that are no YAML, not of the grammar, or made to exhaust the reader.

use crate::mapping::read::FILE_BYTES_MAX;
use crate::mapping::tests::small_file::{GOOD, check_refused, refusal};

/// What the file says, what it says instead, and the finding.
pub const REFUSED: &[(&str, &str, &str)] = &[
    (
        "version: 3",
        "version: three",
        "1:10: file: a whole number is expected here; write digits only",
    ),
    (
        "version: 3",
        "version: 99999999999999999999",
        "1:10: file: a whole number is expected here; write digits only",
    ),
    (
        "version: 3\n",
        "",
        "37:1: file: `version` is missing; add it",
    ),
    (
        "version: 3",
        "version: 3\nversion: 4",
        "2:1: file: `version` stands twice; keep one of them",
    ),
    (
        "version: 3",
        "version: 3\nverison: 4",
        "2:1: file: `verison` is no key of a mapping here; did you mean \"version\"?",
    ),
    (
        "meaning: how",
        "meening: how",
        "23:7: file: `meening` is no key of a mapping here; did you mean \"meaning\"?",
    ),
    (
        "meaning: how",
        "xyz: how",
        "23:7: file: `xyz` is no key of a mapping here; known here: intercom, salesforce, \
         meaning, used_by, owner, direction, conflict, restrictive, transform, values, \
         unknown, separator, forms, max_chars, value, users, fallback, required, time_zone, \
         decimal, bands, blank, placeholders, default, region",
    ),
    (
        "    - intercom: name\n      salesforce",
        "    - salesforce",
        "22:7: file: `intercom` is missing; add it",
    ),
    (
        "salesforce: Phone",
        "salesforce: {a: b}",
        "25:19: file: a field or a list of fields is expected here; write `Field`, \
         `Object.Field` or [First, Second]",
    ),
    (
        "salesforce: Phone",
        "salesforce:",
        "25:17: file: a field or a list of fields is expected here; write `Field`, \
         `Object.Field` or [First, Second]",
    ),
    (
        "salesforce: Phone",
        "salesforce: [[a]]",
        "25:19: file: a field or a list of fields is expected here; write `Field`, \
         `Object.Field` or [First, Second]",
    ),
    (
        "owner: intercom",
        "owner: [a]",
        "21:14: file: a single text is expected here; write it on one line",
    ),
    (
        "set: {LeadSource: Intercom}",
        "set: {LeadSource: ~}",
        "14:25: file: a text is empty; write it, or leave the key out",
    ),
    (
        "set: {LeadSource: Intercom}",
        "set: {LeadSource: Intercom, LeadSource: B}",
        "14:35: file: `LeadSource` stands twice; keep one of them",
    ),
    (
        "set: {LeadSource: Intercom}",
        "set: {LeadSource: [a]}",
        "14:25: file: a single text is expected here; write it on one line",
    ),
    (
        "people:",
        "people: [unclosed",
        "2:9: file: a map is expected here; write `key: value`",
    ),
    (
        "  match:",
        " match:",
        "3:3: file: `match` is missing; add it",
    ),
    (
        "  match:",
        "\tmatch:",
        "4:2: file: tabs disallowed within this context (block indentation); the YAML cannot \
         be read here; look at indentation, quotes and brackets",
    ),
    (
        "fields: []",
        "fields: []\n---\nversion: 4",
        "44:1: file: a second document begins; a mapping is one document, without `---` in it",
    ),
    (
        "needs: [email]",
        "auto_assign: maybe",
        "13:20: file: true or false is expected here; write one of them",
    ),
    (
        "needs: [email]",
        "needs: email",
        "13:14: file: a list is expected here; write [one, two]",
    ),
    (
        "values: {10: 1-10}",
        "values: {10: 1-10, 10: x}",
        "34:26: file: `10` stands twice; keep one of them",
    ),
    (
        "values: {10: 1-10}",
        "values: []",
        "34:15: file: a map is expected here; write `key: value`",
    ),
    (
        "- explicit: {salesforce: Intercom_Contact_ID__c}",
        "- explicit: Intercom_Contact_ID__c",
        "5:17: file: a map is expected here; write `key: value`",
    ),
    (
        "version: 3",
        "version: *nobody",
        "1:10: file: alias references unknown anchor; the YAML cannot be read here; look at \
         indentation, quotes and brackets",
    ),
    (
        "objects: {intercom: contact",
        "objects: {intercom: !!binary contact",
        "3:32: file: invalid !!binary base64; the YAML cannot be read here; look at \
         indentation, quotes and brackets",
    ),
];

/// YAML has several ways to write a text; Norway is one of them.
const TAKEN: &[(&str, &str)] = &[
    ("region: US", "region: NO"),
    ("region: US", "region: no"),
    ("meaning: size band", "meaning: true"),
    (
        "set: {LeadSource: Intercom}",
        "set: {LeadSource: true, A: 5, B: 2.50}",
    ),
    ("values: {10: 1-10}", "values: {yes: 1, no: 2, 1.0: 3}"),
    ("owner: intercom", "owner: &o intercom"),
];

#[test]
fn what_is_not_of_the_grammar_is_named_with_its_place() {
    check_refused(GOOD, REFUSED);
}

#[test]
fn texts_need_no_quotes() {
    for (good, other) in TAKEN {
        assert_eq!(
            refusal(&GOOD.replacen(good, other, 1)),
            "nothing",
            "{other}"
        );
    }
}

#[test]
fn what_is_no_map_at_all_is_refused() {
    for text in ["", "   \n", "# only a remark\n", "~", "%YAML 1.1\n---\n"] {
        let expected = "1:1: file: the file is empty; see docs/mapping.md";
        assert_eq!(refusal(text), expected, "{text:?}");
    }
    for text in ["[]", "just words"] {
        assert!(refusal(text).contains("a map is expected here"), "{text:?}");
    }
    for text in [
        "\0",
        "{",
        "a: b: c",
        "\u{feff}version: 1",
        "version: 1\npeople: {}\n",
    ] {
        assert_ne!(refusal(text), "nothing", "{text:?}");
    }
}

#[test]
fn a_file_that_is_too_large_is_refused_unread() {
    let expected = "1:1: file: the file has 10485760 bytes, at most 262144 are taken; map fewer \
                    fields";
    assert_eq!(refusal(&"x".repeat(10 << 20)), expected);
    let remark = format!("{GOOD}# {}\n", "x".repeat(FILE_BYTES_MAX - GOOD.len() - 3));
    assert_eq!(remark.len(), FILE_BYTES_MAX);
    assert_eq!(refusal(&remark), "nothing");
}

/// Anchors that multiply, and brackets without end: each must be refused, none may take its time.
#[test]
fn a_file_that_would_exhaust_the_reader_is_refused() {
    let entry = "{intercom: custom_attributes.a, salesforce: A__c, owner: intercom, \
                 direction: to_salesforce, meaning: a}";
    let copies = format!("  fields: [&a {entry}{}]", ", *a".repeat(50_000));
    let copies = refusal(&GOOD.replace("  fields: []", &copies));
    assert!(copies.contains("grows too large where anchors"), "{copies}");

    let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 1..12 {
        let inner = format!("*a{}, ", level - 1).repeat(10);
        bomb += &format!("a{level}: &a{level} [{inner}]\n");
    }
    let deep = [
        bomb.clone(),
        format!("{GOOD}{bomb}"),
        format!("version: &a [*a]\n{GOOD}"),
        "[".repeat(100_000),
        "a: {".repeat(20_000),
        "- ".repeat(100_000),
        format!("version: {}", "[".repeat(200)),
        GOOD.replace("fields: []", &format!("fields: {}", "[".repeat(200))),
        GOOD.replace("needs: [email]", &format!("needs: {}", "[".repeat(5_000))),
        GOOD.replace("fields: []", &format!("fields: [{}]", "[],".repeat(60_000))),
    ];
    for text in deep {
        let shown = refusal(&text);
        assert_ne!(shown, "nothing", "{}", &text[..40]);
        assert_eq!(shown.lines().count(), 1, "{shown}");
    }
}
