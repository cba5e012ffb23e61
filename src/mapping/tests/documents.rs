//! `docs/mapping.md` is true: its example compiles, and it lists what the lint says.

use crate::mapping::tests::both_ways::REFUSED as FLOWS;
use crate::mapping::tests::broken_fields::REFUSED as FIELDS;
use crate::mapping::tests::broken_sections::REFUSED as SECTIONS;
use crate::mapping::tests::broken_yaml::REFUSED as YAML;
use crate::mapping::tests::owners::REFUSED as OWNERS;
use crate::mapping::tests::parts::REFUSED as PARTS;
use crate::mapping::tests::small_file::{GOOD, compile, refusal};
use crate::mapping::tests::texts::REFUSED as TEXTS;

const PAGE: &str = include_str!("../../../docs/mapping.md");

fn example() -> &'static str {
    let (_, rest) = PAGE.split_once("```yaml\n").unwrap();
    rest.split_once("```").unwrap().0
}

/// The words in the first column of the table of findings.
fn documented() -> Vec<&'static str> {
    let (_, section) = PAGE.split_once("\n## Findings\n").unwrap();
    let rows = section.lines().filter_map(|line| line.strip_prefix("| `"));
    rows.map(|row| row.split_once('`').unwrap().0).collect()
}

/// One finding of every kind.
fn findings() -> Vec<String> {
    let tables = [FIELDS, FLOWS, OWNERS, PARTS, SECTIONS, TEXTS, YAML]
        .into_iter()
        .flatten();
    let mut all: Vec<String> = tables.map(|(_, _, found)| (*found).to_owned()).collect();
    let copies = format!(
        "  fields: [&a {{intercom: a, salesforce: B}}{}]",
        ", *a".repeat(60_000)
    );
    let many = format!(
        "  fields: [{}]",
        "{intercom: a, salesforce: B}, ".repeat(201)
    );
    let fields = |text: &str| refusal(&GOOD.replace("  fields: []", text));
    all.extend([
        refusal(""),
        refusal(&"x".repeat(300_000)),
        fields(&copies),
        fields(&many),
    ]);
    let conditions = [
        "",
        "contact == 1",
        "contact.a.b.c == 1",
        "contact.tags.x",
        "contact.tags.all(a, contact.tags.all(b, a == b))",
        "(((((((((true)))))))))",
        &format!("1{} == 1", "+1".repeat(40)),
    ];
    for text in conditions {
        let when = format!("when: '{text}'");
        all.push(refusal(
            &GOOD.replace("when: '\"qualified\" in contact.tags'", &when),
        ));
    }
    let many = vec!["k"; 1_001].join(", ");
    all.push(refusal(&format!("{GOOD}pilot: {{companies: [{many}]}}\n")));
    all.push(refusal(
        &GOOD.replace("needs: [email]", "needs: ['email.']"),
    ));
    all.iter()
        .flat_map(|found| found.lines())
        .map(str::to_owned)
        .collect()
}

#[test]
fn the_example_of_the_handbook_compiles() {
    let mapping = compile(example()).unwrap_or_else(|findings| panic!("{findings}"));
    assert_eq!(example(), include_str!("../default.yaml"));
    assert_eq!(mapping.people.fields.len(), 18);
    assert_eq!(mapping.people.rules.len(), 3);
    assert!(mapping.people.create.is_some());
    assert_eq!(mapping.companies.unwrap().fields.len(), 10);
    assert!(mapping.relations.contact_company && mapping.relations.account_tree);
}

#[test]
fn the_conditions_of_the_handbook_compile() {
    let (_, rest) = PAGE.split_once("```text\n").unwrap();
    let block = rest.split_once("```").unwrap().0;
    assert!(block.lines().count() > 3);
    for line in block.lines() {
        crate::mapping::Condition::compile(line).unwrap_or_else(|error| panic!("{line}: {error}"));
    }
}

#[test]
fn every_finding_is_in_the_handbook() {
    let documented = documented();
    for found in findings() {
        let listed = documented.iter().any(|words| found.contains(words));
        assert!(listed, "docs/mapping.md lacks: {found}");
    }
}

#[test]
fn the_handbook_lists_no_finding_that_is_gone() {
    let findings = findings();
    for words in documented() {
        let lives = findings.iter().any(|found| found.contains(words));
        assert!(lives, "docs/mapping.md lists, and nothing says: {words}");
    }
}
