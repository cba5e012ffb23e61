//! A lead qualifies, is created once, and follows.

use crate::domain::command::ReadCommand;
use crate::domain::view::AWAITED_BY_MAX;
use crate::domain::{CommandKind, RecordSnapshot, RefSet, Version, WriteTarget};
use crate::processor::tests::world::*;

#[test]
fn a_lead_that_does_not_qualify_causes_no_command() {
    let mut world = World::new();
    let commands = world.show(lead("c1", 1000, &[("email", "ada@example.com")]));
    assert_eq!(commands, vec![]);
}

#[test]
fn nothing_is_created_without_looking_first() {
    let mut world = World::new();
    let commands = world.qualify(lead("c1", 1000, &[("email", " Ada@Example.com ")]));
    assert_eq!(commands.len(), 1);
    let CommandKind::Read(ReadCommand::Lookup(lookup)) = &commands[0].kind else {
        panic!("the first command is a lookup");
    };
    let objects: Vec<&str> = lookup
        .queries
        .iter()
        .map(|query| query.object.as_str())
        .collect();
    assert_eq!(objects, ["Contact", "Lead"]);
    for query in &lookup.queries {
        let expected = [
            ("Intercom_Contact_ID__c", "abc123:c1"),
            ("Email", "ada@example.com"),
        ];
        let expected = expected.map(|(name, value)| (name.into(), value.into()));
        assert_eq!(query.any_of, expected);
    }
}

#[test]
fn a_qualified_lead_is_created_with_its_name_split_and_constants_set() {
    let mut world = World::new();
    let lookup = world.qualify(lead(
        "c1",
        1000,
        &[("email", "ada@example.com"), ("name", "Ada King Lovelace")],
    ));
    let create = world.answer(&lookup[0], found(&[]));
    assert_eq!(
        fields(&create[0]),
        pairs(&[
            ("FirstName", "Ada King"),
            ("LastName", "Lovelace"),
            ("Email", "ada@example.com"),
            ("LeadSource", "Intercom"),
            ("Company", "[not provided]"),
        ])
    );
    let WriteTarget::Create {
        key_field,
        key_value,
        ..
    } = &write_of(&create[0]).target
    else {
        panic!("it is created");
    };
    assert_eq!(
        (key_field.as_str(), key_value.as_str()),
        ("Intercom_Contact_ID__c", "abc123:c1")
    );
}

#[test]
fn only_what_changed_is_written_to_the_created_lead() {
    let mut world = World::new();
    let record = world.created_lead("c1", "ada@example.com");
    let commands = world.show(with_tag(lead(
        "c1",
        2000,
        &[
            ("email", "ada@example.com"),
            ("name", "Ada Byron"),
            ("phone", "12345"),
        ],
    )));
    assert_eq!(commands.len(), 1);
    assert_eq!(
        fields(&commands[0]),
        pairs(&[("LastName", "Byron"), ("Phone", "12345")])
    );
    let write = write_of(&commands[0]);
    assert_eq!(write.target, WriteTarget::Record(record));
    assert_eq!(write.fields[0].expect.display(), "Lovelace");
    assert_eq!(write.sequence, 2);
}

#[test]
fn one_write_is_out_at_a_time_and_later_changes_coalesce() {
    let mut world = World::new();
    world.created_lead("c1", "ada@example.com");
    let base = [("email", "ada@example.com"), ("name", "Ada Lovelace")];
    let title = |title: &'static str| [base[0], base[1], ("custom_attributes.job_title", title)];
    let first = world.show(with_tag(lead("c1", 2000, &title("one"))));
    assert_eq!(first.len(), 1);
    assert_eq!(
        world.show(with_tag(lead("c1", 3000, &title("two")))),
        vec![]
    );
    assert_eq!(
        world.show(with_tag(lead("c1", 4000, &title("three")))),
        vec![]
    );
    let record = salesforce("Lead", "00Qc1");
    let next = world.answer(&first[0], written(&record, false));
    assert_eq!(next.len(), 1);
    assert_eq!(fields(&next[0]), pairs(&[("Title", "three")]));
    assert_eq!(write_of(&next[0]).fields[0].expect.display(), "one");
}

#[test]
fn what_changed_while_the_lead_was_created_follows_the_creation() {
    let mut world = World::new();
    let base = [("email", "ada@example.com"), ("name", "Ada Lovelace")];
    let lookup = world.qualify(lead("c1", 1000, &base));
    let create = world.answer(&lookup[0], found(&[]));
    let changed = [base[0], ("name", "Ada Byron")];
    assert_eq!(world.show(with_tag(lead("c1", 2000, &changed))), vec![]);
    let update = world.answer(&create[0], written(&salesforce("Lead", "00Q1"), true));
    assert_eq!(fields(&update[0]), pairs(&[("LastName", "Byron")]));
}

#[test]
fn a_required_name_is_never_emptied() {
    let mut world = World::new();
    world.created_lead("c1", "ada@example.com");
    let commands = world.show(with_tag(lead(
        "c1",
        2000,
        &[("email", "ada@example.com"), ("name", "")],
    )));
    assert_eq!(fields(&commands[0]), pairs(&[("FirstName", "")]));
}

fn in_company(mut snapshot: RecordSnapshot) -> RecordSnapshot {
    snapshot.companies = Some(RefSet {
        ids: ["co1".to_owned()].into(),
        complete: true,
    });
    snapshot
}

fn company_shown(name: &str, at: i64) -> RecordSnapshot {
    let fields = [
        ("name".into(), name.into()),
        ("company_id".into(), "acme".into()),
    ];
    RecordSnapshot {
        record: company("co1"),
        version: Version::exact_ms(at),
        fields: fields.into(),
        tags: None,
        companies: None,
    }
}

#[test]
fn the_company_is_read_when_its_name_is_not_known_and_the_lead_waits_for_it() {
    let mut world = World::new();
    let lookup = world.qualify(in_company(lead(
        "c1",
        1000,
        &[("email", "ada@example.com")],
    )));
    let read = world.answer(&lookup[0], found(&[]));
    assert_eq!(read.len(), 1);
    assert!(is_read_of(&read[0], &company("co1")));
    let after = world.answer(
        &read[0],
        crate::domain::Outcome::Read {
            snapshot: company_shown("Acme", 5),
        },
    );
    let create = after
        .iter()
        .find(|command| is_create(command))
        .expect("it is created now");
    assert!(fields(create).contains(&("Company".into(), "Acme".into())));
}

#[test]
fn a_stand_in_for_the_company_is_replaced_by_the_name_when_it_comes() {
    let mut world = World::new();
    let lookup = world.qualify(in_company(lead(
        "c1",
        1000,
        &[("email", "ada@example.com")],
    )));
    let read = world.answer(&lookup[0], found(&[]));
    let nameless = crate::domain::Outcome::Read {
        snapshot: company_shown("", 5),
    };
    let after = world.answer(&read[0], nameless);
    let create = after
        .iter()
        .find(|command| is_create(command))
        .expect("it is created anyway");
    assert!(fields(create).contains(&("Company".into(), "[not provided]".into())));
    assert_eq!(
        world.answer(create, written(&salesforce("Lead", "00Q1"), true)),
        vec![]
    );
    let update = world.show(company_shown("Acme", 2000));
    assert_eq!(fields(&update[0]), pairs(&[("Company", "Acme")]));
}

#[test]
fn a_qualified_lead_without_an_email_waits_and_goes_on_when_it_comes() {
    let mut world = World::new();
    assert_eq!(
        world.qualify(lead("c1", 1000, &[("name", "Ada Lovelace")])),
        vec![]
    );
    assert!(world.events().contains(&"record_waiting"));
    let commands = world.show(with_tag(lead(
        "c1",
        2000,
        &[("name", "Ada Lovelace"), ("email", "ada@example.com")],
    )));
    assert!(is_lookup(&commands[0]));
}

#[test]
fn a_tag_taken_off_during_the_lookup_stops_the_creation() {
    let mut world = World::new();
    let lookup = world.qualify(lead("c1", 1000, &[("email", "ada@example.com")]));
    world.show(lead("c1", 2000, &[("email", "ada@example.com")]));
    assert_eq!(world.answer(&lookup[0], found(&[])), vec![]);
}

/// While the creation waited for the company's name the address changed, and the Lead was made
/// with an address that nobody had looked for.
#[test]
fn an_address_that_changes_while_the_company_is_read_is_looked_up() {
    let mut world = World::new();
    let of = |at, email| in_company(lead("c1", at, &[("email", email)]));
    let lookup = world.qualify(of(1000, "ada@example.com"));
    let read = world.answer(&lookup[0], found(&[]));
    world.show(with_tag(of(2000, "new@example.com")));
    let named = crate::domain::Outcome::Read {
        snapshot: company_shown("Acme", 5),
    };
    let after = world.answer(&read[0], named);
    assert!(after.iter().any(is_lookup));
    assert!(!after.iter().any(is_create));
}

/// A Lead got the address while another contact with it was being looked up: Salesforce did not
/// show it yet, the view knew it, and a second Lead was made.
#[test]
fn a_lead_that_gets_the_address_during_the_lookup_is_linked() {
    let mut world = World::new();
    world.created_lead("c1", "ada@example.com");
    let lookup = world.qualify(lead("c2", 1000, &[("email", "new@example.com")]));
    let moved = [("email", "new@example.com"), ("name", "Ada Lovelace")];
    let update = world.show(with_tag(lead("c1", 2000, &moved)));
    world.answer(&update[0], written(&salesforce("Lead", "00Qc1"), false));
    let after = world.answer(&lookup[0], found(&[]));
    assert!(!after.iter().any(is_create));
    let customer = world.customer(&contact("c2"));
    assert!(customer.records.contains_key(&salesforce("Lead", "00Qc1")));
}

/// The address was taken away while the company's name was awaited, and the Lead was made without
/// the field that the mapping says it needs.
#[test]
fn a_lead_that_loses_what_it_needs_before_it_is_created_waits() {
    let mut world = World::new();
    let of = |at, email| in_company(lead("c1", at, &[("email", email)]));
    let lookup = world.qualify(of(1000, "ada@example.com"));
    let read = world.answer(&lookup[0], found(&[]));
    world.show(with_tag(of(2000, "")));
    let named = crate::domain::Outcome::Read {
        snapshot: company_shown("Acme", 5),
    };
    let after = world.answer(&read[0], named);
    assert!(!after.iter().any(is_create));
    assert!(world.events().contains(&"record_waiting"));
}

/// A phone number that was taken away while the Lead was being created stayed in Salesforce: only
/// fields with a value were desired of a new Lead.
#[test]
fn what_was_taken_away_while_the_lead_was_created_is_emptied() {
    let mut world = World::new();
    let base = [("email", "ada@example.com"), ("name", "Ada Lovelace")];
    let lookup = world.qualify(lead("c1", 1000, &[base[0], base[1], ("phone", "1")]));
    let create = world.answer(&lookup[0], found(&[]));
    let without = [base[0], ("name", ""), ("phone", "")];
    world.show(with_tag(lead("c1", 2000, &without)));
    let update = world.answer(&create[0], written(&salesforce("Lead", "00Q1"), true));
    let expected = pairs(&[("FirstName", ""), ("Phone", "")]);
    assert_eq!(
        fields(&update[0]),
        expected,
        "a required name is never emptied"
    );
}

/// A company keeps a bounded number of contacts that wait for its name; the next one waited too,
/// and nobody ever called it.
#[test]
fn beyond_the_bound_a_lead_does_not_wait_for_the_companys_name() {
    let mut world = World::new();
    world.rebuild_is_checked = false;
    for n in 0..=AWAITED_BY_MAX {
        let email = format!("{n}@example.com");
        let one = in_company(lead(&format!("c{n}"), 1000, &[("email", &email)]));
        let lookup = world.qualify(one);
        let next = world.answer(&lookup[0], found(&[]));
        assert_eq!(next.iter().any(is_create), n == AWAITED_BY_MAX);
    }
}
