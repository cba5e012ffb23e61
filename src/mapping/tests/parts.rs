//! Which records take part: what the mapping takes, and what it refuses.

use std::collections::BTreeSet;

use crate::domain::{Fields, Value};
use crate::mapping::tests::small_file::{GOOD, check_refused, compile};
use crate::mapping::{Mapping, System, sharing};

/// What the file says, what it says instead, and the findings.
pub const REFUSED: &[(&str, &str, &str)] = &[
    (
        "  ambiguous: review\n",
        "  include: {}\n",
        "8:12: people.include: include names nothing; write a condition under intercom or \
         salesforce, or leave it out",
    ),
    (
        "  ambiguous: review\n",
        "  include: {intercom: contact.role}\n  include_: 1\n",
        "9:3: file: `include_` is no key of a mapping here; did you mean \"include\"?",
    ),
    (
        "  ambiguous: review\n",
        "  include: {salesforce: contact.role == \"user\"}\n",
        "8:25: people.include.salesforce: `contact` is unknown: an expression sees `record` only; \
         see \"Conditions\" in docs/mapping.md",
    ),
    (
        "  fields: []\n",
        "  include: {intercom: contact.name == \"x\"}\n  fields: []\n",
        "42:23: companies.include.intercom: `contact` is unknown: an expression sees `company` \
         only; see \"Conditions\" in docs/mapping.md",
    ),
    (
        "  ambiguous: review\n",
        "  scope: {intercom: tags, salesforce: Region__c}\n",
        "8:21: people.scope.intercom: `tags` is a list; name a single value; conditions can \
         ask `\"name\" in contact.tags`\n11:5: people.create: a new Lead would be of no scope; map \
         the scope to `Region__c`, or leave the rule out",
    ),
    (
        "  ambiguous: review\n",
        "  scope: {intercom: phone, salesforce: Phone, values: {a: X, b: X}}\n",
        "8:55: people.scope.values: `X` stands for two scopes; give each scope a value of its own",
    ),
    (
        "  ambiguous: review\n",
        "  scope: {intercom: phone, salesforce: Phone, values: {a: \" \"}}\n",
        "8:55: people.scope.values: a scope has no name; write a value",
    ),
    (
        "  ambiguous: review\n",
        "  scope: {intercom: phone, salesforce: Phone, values: {EMEA: X}, only: [EMAE]}\n",
        "8:73: people.scope.only: `EMAE` is no scope; use a value that a record has; did you mean \
         \"EMEA\"?",
    ),
    (
        "  fields: []\n",
        "  fields: []\npilot: {}\n",
        "43:8: pilot: the pilot names nobody; list accounts or companies, or leave it out for \
         everybody",
    ),
    (
        "  fields: []\n",
        "  fields: []\npilot: {accounts: [Kestrel], companies: [\" \"]}\n",
        "43:20: pilot.accounts: `Kestrel` is no id of an Account; copy it from the address of the \
         account's page, such as 0015g00000ABCDEEA5\n43:42: pilot.companies: a company has no \
         id; write the company's id in Intercom, or its company_id",
    ),
];

#[test]
fn what_cannot_take_part_is_refused_with_its_place() {
    check_refused(GOOD, REFUSED);
}

#[test]
fn a_pilot_of_thousands_is_refused() {
    let many = vec!["k"; 1_001].join(", ");
    let found = compile(&format!("{GOOD}pilot: {{companies: [{many}]}}\n")).unwrap_err();
    let words = "1001 accounts and companies are listed, at most 1000 can be";
    assert!(found.to_string().contains(words), "{found}");
}

fn with(include: &str) -> Mapping {
    let text = GOOD.replace("  ambiguous: review\n", include);
    compile(&text).unwrap_or_else(|findings| panic!("{findings}"))
}

fn shown(pairs: &[(&str, &str)]) -> Fields {
    let value = |(name, text): &(&str, &str)| ((*name).into(), Value::text(*text));
    pairs.iter().map(value).collect()
}

#[test]
fn what_says_who_takes_part_is_watched() {
    let mapping = with(
        "  include:\n    intercom: contact.custom_attributes.plan == \"pro\"\n    \
         salesforce: record.RecordTypeId == \"012\"\n  \
         scope: {intercom: custom_attributes.size, salesforce: Size__c, values: {10: 1-10}}\n",
    );
    let people = &mapping.people;
    for name in ["custom_attributes.plan", "custom_attributes.size"] {
        assert!(people.watched_intercom.contains(name), "{name}");
    }
    for object in ["Lead", "Contact"] {
        let fields = people.salesforce_fields(object);
        for name in ["RecordTypeId", "Size__c"] {
            assert!(fields.contains(&name.to_owned()), "{object}.{name}");
        }
    }
    let pilot = compile(&format!("{GOOD}pilot: {{companies: [acme]}}\n")).unwrap();
    assert!(
        pilot
            .companies
            .unwrap()
            .watched_intercom
            .contains("company_id")
    );
    assert!(
        pilot
            .people
            .salesforce_fields("Contact")
            .contains(&"AccountId".to_owned())
    );
}

#[test]
fn a_scope_is_one_value_in_both_systems() {
    let scope = "  scope: {intercom: phone, salesforce: Phone, values: {EMEA: Europe, APAC: Asia}, \
                 only: [EMEA]}\n";
    let mapping = with(scope);
    let scope = mapping.people.scope.as_ref().unwrap();
    let ours = |text: &str| scope.of(System::Intercom, &shown(&[("phone", text)]));
    let theirs = |text: &str| scope.of(System::Salesforce, &shown(&[("Phone", text)]));
    assert_eq!(ours("EMEA").as_deref(), Some("Europe"));
    assert_eq!(theirs(" Europe ").as_deref(), Some("Europe"));
    for (nothing, why) in [
        (ours("APAC"), "another bridge's"),
        (theirs("Asia"), "another bridge's"),
        (ours("Europe"), "Salesforce's word in Intercom"),
        (theirs("EMEA"), "Intercom's word in Salesforce"),
        (ours(" "), "blank"),
    ] {
        assert_eq!(nothing, None, "{why}");
    }
}

#[test]
fn two_bridges_of_one_org_are_compared_by_their_scopes() {
    let of = |only: &str| {
        with(&format!(
            "  scope: {{intercom: phone, salesforce: Phone{only}}}\n"
        ))
    };
    let (eu, us) = (of(", only: [EU]"), of(", only: [US]"));
    let both: BTreeSet<String> = ["Contact".to_owned(), "Lead".to_owned()].into();
    let apart = sharing(&eu, &us);
    assert_eq!((apart.apart, apart.both), (both, BTreeSet::new()));
    let overlap = sharing(&eu, &of(", only: [US, EU]"));
    let common: BTreeSet<String> = [
        "Contact.Phone = EU".to_owned(),
        "Lead.Phone = EU".to_owned(),
    ]
    .into();
    assert_eq!((overlap.apart, overlap.both), (BTreeSet::new(), common));
    // By what one of them does not tell, nothing can be said.
    assert_eq!(sharing(&eu, &of("")), Default::default());
    assert_eq!(sharing(&eu, &compile(GOOD).unwrap()), Default::default());
}
