//! Who is who: candidates, races, merges.

use crate::domain::record::MatchRule;
use crate::domain::view::Pursuit;
use crate::domain::{Change, Gone};
use crate::processor::decide::pursue::RELEASED_MAX;
use crate::processor::tests::world::*;

const ADA: &str = "ada@example.com";

#[test]
fn a_match_in_salesforce_is_linked_and_only_its_blanks_are_filled() {
    let mut world = World::new();
    let lookup = world.qualify(lead(
        "c1",
        1000,
        &[
            ("email", ADA),
            ("name", "Ada Lovelace"),
            ("phone", "12345"),
            ("custom_attributes.job_title", "Countess"),
        ],
    ));
    let there = row(
        "Contact",
        "0031",
        900,
        &[
            ("Email", "Ada@Example.com"),
            ("LastName", "King"),
            ("Title", "Enchantress"),
        ],
    );
    let commands = world.answer(&lookup[0], found(&[there]));
    assert_eq!(commands.len(), 1, "no lead is created");
    assert_eq!(
        fields(&commands[0]),
        pairs(&[("Intercom_Contact_ID__c", "abc123:c1"), ("Phone", "12345")])
    );
    let customer = world.customer(&contact("c1"));
    assert_eq!(customer.records.len(), 2);
    assert_eq!(customer.links[0].rule, MatchRule::Email);
}

#[test]
fn after_the_first_link_a_change_in_intercom_is_written() {
    let mut world = World::new();
    let base = [("email", ADA), ("custom_attributes.job_title", "Countess")];
    let lookup = world.qualify(lead("c1", 1000, &base));
    let there = row(
        "Contact",
        "0031",
        900,
        &[("Email", ADA), ("Title", "Enchantress")],
    );
    let fill = world.answer(&lookup[0], found(&[there]));
    world.answer(&fill[0], written(&salesforce("Contact", "0031"), false));
    let moved = [
        ("email", ADA),
        ("custom_attributes.job_title", "Programmer"),
    ];
    let commands = world.show(with_tag(lead("c1", 2000, &moved)));
    assert_eq!(fields(&commands[0]), pairs(&[("Title", "Programmer")]));
}

#[test]
fn the_explicit_key_counts_before_the_email() {
    let mut world = World::new();
    let lookup = world.qualify(lead("c1", 1000, &[("email", ADA)]));
    let by_email = row("Contact", "0031", 900, &[("Email", ADA)]);
    let by_key = row(
        "Lead",
        "00Q1",
        900,
        &[("Intercom_Contact_ID__c", "abc123:c1")],
    );
    world.answer(&lookup[0], found(&[by_email, by_key]));
    let customer = world.customer(&contact("c1"));
    assert!(customer.records.contains_key(&salesforce("Lead", "00Q1")));
    assert_eq!(customer.links[0].rule, MatchRule::Explicit);
}

#[test]
fn the_order_of_the_rules_is_not_the_files() {
    let explicit = "    - explicit: {salesforce: Intercom_Contact_ID__c}\n";
    let email = "    - email: {salesforce: Email, intercom: email}\n";
    let swapped = MAPPING.replace(&format!("{explicit}{email}"), &format!("{email}{explicit}"));
    assert_ne!(swapped, MAPPING);
    let mut world = World::with_mapping(&swapped);
    let lookup = world.qualify(lead("c1", 1000, &[("email", ADA)]));
    let by_email = row("Contact", "0031", 900, &[("Email", ADA)]);
    let by_key = row(
        "Lead",
        "00Q1",
        900,
        &[("Intercom_Contact_ID__c", "abc123:c1")],
    );
    world.answer(&lookup[0], found(&[by_email, by_key]));
    assert_eq!(
        world.customer(&contact("c1")).links[0].rule,
        MatchRule::Explicit
    );
}

#[test]
fn a_contact_counts_before_a_lead() {
    let mut world = World::new();
    let lookup = world.qualify(lead("c1", 1000, &[("email", ADA)]));
    let rows = [
        row("Lead", "00Q1", 900, &[("Email", ADA)]),
        row("Contact", "0031", 900, &[("Email", ADA)]),
    ];
    world.answer(&lookup[0], found(&rows));
    assert!(
        world
            .customer(&contact("c1"))
            .records
            .contains_key(&salesforce("Contact", "0031"))
    );
}

#[test]
fn two_matches_become_a_review_item_and_nothing_is_guessed() {
    let mut world = World::new();
    let lookup = world.qualify(lead("c1", 1000, &[("email", ADA)]));
    let rows = [
        row("Contact", "0031", 900, &[("Email", ADA)]),
        row("Contact", "0032", 900, &[("Email", ADA)]),
    ];
    assert_eq!(world.answer(&lookup[0], found(&rows)), vec![]);
    assert!(world.events().contains(&"review_opened"));
    assert!(matches!(
        world.state(&contact("c1")).pursuit,
        Pursuit::InReview { .. }
    ));
    // A change that leaves the identifiers alone does not ask again.
    assert_eq!(
        world.show(with_tag(lead(
            "c1",
            2000,
            &[("email", ADA), ("name", "Ada")]
        ))),
        vec![]
    );
}

#[test]
fn a_changed_identifier_ends_the_doubt() {
    let mut world = World::new();
    let lookup = world.qualify(lead("c1", 1000, &[("email", ADA)]));
    let rows = [
        row("Contact", "0031", 900, &[("Email", ADA)]),
        row("Contact", "0032", 900, &[("Email", ADA)]),
    ];
    world.answer(&lookup[0], found(&rows));
    let again = world.show(with_tag(lead(
        "c1",
        2000,
        &[("email", "other@example.com")],
    )));
    assert!(world.events().contains(&"review_closed"));
    assert!(is_lookup(&again[0]));
}

#[test]
fn two_leads_with_one_email_at_the_same_moment_make_one_lead() {
    let mut world = World::new();
    let first = world.qualify(lead(
        "c1",
        1000,
        &[("email", ADA), ("name", "Ada Lovelace")],
    ));
    let second = world.qualify(lead("c2", 1000, &[("email", ADA), ("name", "A. Lovelace")]));
    assert_eq!(second, vec![], "the second stands behind the first");
    assert!(world.events().contains(&"link_deferred"));
    let create = world.answer(&first[0], found(&[]));
    let after = world.answer(&create[0], written(&salesforce("Lead", "00Q1"), true));
    assert_eq!(after, vec![], "the second is linked and overwrites nothing");
    let customer = world.customer(&contact("c2"));
    assert_eq!(customer.records.len(), 3);
    assert_eq!(
        world
            .commands
            .iter()
            .filter(|command| is_create(command))
            .count(),
        1
    );
    assert_eq!(customer.decided["name"].value.display(), "Ada Lovelace");
}

#[test]
fn the_second_creates_when_the_first_one_was_refused_to() {
    let mut world = World::new();
    let first = world.qualify(lead("c1", 1000, &[("email", ADA)]));
    world.qualify(lead("c2", 1000, &[("email", ADA)]));
    // The first one loses its tag while the lookup is out.
    world.show(lead("c1", 2000, &[("email", ADA)]));
    let commands = world.answer(&first[0], found(&[]));
    assert_eq!(commands.len(), 1);
    assert!(
        is_lookup(&commands[0]),
        "now the second one looks for itself"
    );
}

#[test]
fn a_known_lead_is_linked_without_asking() {
    let mut world = World::new();
    world.created_lead("c1", ADA);
    let commands = world.show(lead("c2", 1000, &[("email", ADA)]));
    assert_eq!(commands, vec![]);
    assert_eq!(
        world.customer(&contact("c1")).id,
        world.customer(&contact("c2")).id
    );
}

#[test]
fn the_customer_founded_earlier_keeps_its_id() {
    let mut world = World::new();
    world.show(lead("c2", 500, &[("name", "Ada")]));
    let earlier = world.customer(&contact("c2")).id;
    world.created_lead("c1", ADA);
    let later = world.customer(&contact("c1")).id;
    world.show(lead("c2", 2000, &[("email", ADA), ("name", "Ada")]));
    assert_eq!(world.customer(&contact("c1")).id, earlier);
    let key = crate::domain::ViewKey::alias(&bridge(), &later);
    assert!(crate::domain::ViewRead::get(&world.view, &key).is_some());
}

#[test]
fn contacts_that_intercom_merged_are_one_customer() {
    let mut world = World::new();
    world.created_lead("c1", ADA);
    let survivor = lead("u1", 5000, &[("email", "new@example.com"), ("name", "Ada")]);
    world.change(Change::Merged {
        survivor,
        absorbed: Some(contact("c1")),
    });
    let customer = world.customer(&contact("u1"));
    assert!(customer.records.contains_key(&salesforce("Lead", "00Qc1")));
    assert_eq!(world.state(&contact("c1")).gone, Some(Gone::Deleted));
}

#[test]
fn an_email_that_changes_during_the_lookup_is_looked_up_again() {
    let mut world = World::new();
    let first = world.qualify(lead("c1", 1000, &[("email", ADA)]));
    world.show(with_tag(lead(
        "c1",
        2000,
        &[("email", "other@example.com")],
    )));
    let again = world.answer(&first[0], found(&[]));
    assert_eq!(again.len(), 1);
    assert!(is_lookup(&again[0]), "the answer was to another question");
}

#[test]
fn a_converted_lead_is_no_target() {
    let mut world = World::new();
    let lookup = world.qualify(lead("c1", 1000, &[("email", ADA)]));
    let mut converted = row("Lead", "00Q1", 900, &[("Email", ADA)]);
    converted.fields.insert("IsConverted".into(), true.into());
    let commands = world.answer(&lookup[0], found(&[converted]));
    assert!(is_create(&commands[0]));
}

#[test]
fn a_company_is_linked_by_its_governed_key_and_never_created() {
    let mut world = World::new();
    let shown = crate::domain::RecordSnapshot {
        record: company("co1"),
        version: crate::domain::Version::exact_ms(1000),
        fields: [
            ("name".into(), "Acme".into()),
            ("company_id".into(), "acme-1".into()),
            ("plan.name".into(), "Pro".into()),
        ]
        .into(),
        tags: None,
        companies: None,
    };
    let lookup = world.show(shown);
    assert!(is_lookup(&lookup[0]));
    let account = row(
        "Account",
        "0011",
        900,
        &[("Intercom_Company_ID__c", "acme-1")],
    );
    let fill = world.answer(&lookup[0], found(&[account]));
    assert_eq!(fields(&fill[0]), pairs(&[("Intercom_Plan__c", "Pro")]));
}

/// A merge began the survivor's pursuit anew while its first lookup was still out; both answers
/// were taken, and the contact was created twice.
#[test]
fn two_lookups_of_one_contact_lead_to_one_creation() {
    let mut world = World::new();
    let first = world.qualify(lead("c1", 1000, &[("email", ADA)]));
    let second = world.change(Change::Merged {
        survivor: with_tag(lead("c1", 2000, &[("email", ADA), ("name", "Ada")])),
        absorbed: Some(contact("c9")),
    });
    assert!(is_lookup(&second[0]));
    assert_eq!(world.answer(&first[0], found(&[])), vec![]);
    let create = world.answer(&second[0], found(&[]));
    assert_eq!(create.len(), 1);
    assert!(is_create(&create[0]));
}

/// A contact that was deleted while its Lead was being created gave its address free at once; the
/// next contact with it found nothing yet, and a second Lead was made.
#[test]
fn a_creation_in_flight_keeps_its_address_when_the_contact_is_deleted() {
    let mut world = World::new();
    let lookup = world.qualify(lead("c1", 1000, &[("email", ADA)]));
    let create = world.answer(&lookup[0], found(&[]));
    world.change(Change::Left {
        record: contact("c1"),
        how: Gone::Deleted,
        at: None,
    });
    assert_eq!(
        world.qualify(lead("c2", 1000, &[("email", ADA)])),
        vec![],
        "it stands behind the creation"
    );
    let record = salesforce("Lead", "00Q1");
    assert_eq!(world.answer(&create[0], written(&record, true)), vec![]);
    let customer = world.customer(&record);
    assert!(customer.records.contains_key(&contact("c1")));
    assert!(customer.records.contains_key(&contact("c2")));
}

/// A merge took the creation of the absorbed contact for ended, and the survivor made a second
/// Lead for the same customer.
#[test]
fn the_survivor_of_a_merge_waits_for_the_creation_of_the_absorbed() {
    let mut world = World::new();
    let lookup = world.qualify(lead("c1", 1000, &[("email", ADA)]));
    let create = world.answer(&lookup[0], found(&[]));
    world.show(lead("c2", 1000, &[("email", "new@example.com")]));
    let survivor = with_tag(lead("c2", 2000, &[("email", "new@example.com")]));
    let merged = Change::Merged {
        survivor,
        absorbed: Some(contact("c1")),
    };
    let asked = world.change(merged);
    for lookup in &asked {
        assert_eq!(world.answer(lookup, found(&[])), vec![]);
    }
    let record = salesforce("Lead", "00Q1");
    let after = world.answer(&create[0], written(&record, true));
    assert!(!after.iter().any(is_create) && !after.iter().any(is_lookup));
    assert!(world.customer(&contact("c2")).records.contains_key(&record));
}

/// An address that came while the creation was out was free for another contact to create with.
#[test]
fn an_address_that_comes_during_the_creation_is_taken() {
    let mut world = World::new();
    let lookup = world.qualify(lead("c1", 1000, &[("email", ADA)]));
    world.answer(&lookup[0], found(&[]));
    world.show(with_tag(lead("c1", 2000, &[("email", "new@example.com")])));
    let second = world.qualify(lead("c2", 1000, &[("email", "new@example.com")]));
    assert_eq!(second, vec![], "it stands behind the first");
}

/// Hundreds of contacts with a shared address stood behind one lookup; its answer let all of them
/// go on at once, which was more than one observation may lead to, and stopped the bridge.
#[test]
fn a_long_line_goes_on_in_parts() {
    let mut world = many_holders();
    world.rebuild_is_checked = false;
    let first = world.qualify(lead("c0", 1000, &[("email", ADA)]));
    let behind = RELEASED_MAX + 20;
    for n in 1..=behind {
        world.qualify(lead(&format!("c{n}"), 1000, &[("email", ADA)]));
    }
    let create = world.answer(&first[0], found(&[]));
    world.answer(&create[0], written(&salesforce("Lead", "00Q1"), true));
    let linked = |world: &World| world.customer(&contact("c0")).records.len();
    assert_eq!(linked(&world), 2 + RELEASED_MAX);
    world.pass(3 * DEADLINE_MS);
    assert_eq!(linked(&world), 2 + behind);
}

/// The review item of a contact that was deleted or merged away stayed open for ever.
#[test]
fn a_contact_that_leaves_takes_its_review_item_with_it() {
    let mut world = World::new();
    let lookup = world.qualify(lead("c1", 1000, &[("email", ADA)]));
    let rows = ["0031", "0032"].map(|id| row("Contact", id, 900, &[("Email", ADA)]));
    world.answer(&lookup[0], found(&rows));
    world.change(Change::Left {
        record: contact("c1"),
        how: Gone::Deleted,
        at: None,
    });
    assert!(world.events().contains(&"review_closed"));
}

/// A merge in Intercom brought a value that the Lead lacked; it was decided, and desired of nobody.
#[test]
fn what_a_merge_brings_fills_the_blanks_of_the_lead() {
    let mut world = World::new();
    world.created_lead("c1", ADA);
    let survivor = lead("u1", 5000, &[("name", "Bea"), ("phone", "1")]);
    let commands = world.change(Change::Merged {
        survivor,
        absorbed: Some(contact("c1")),
    });
    assert_eq!(fields(&commands[0]), pairs(&[("Phone", "1")]));
}

/// Two Leads that the view knew had one address; a contact with it was told of at every change
/// anew, because only a lookup made it wait for the person who was told.
#[test]
fn several_known_leads_are_told_of_once() {
    let mut world = World::new();
    world.created_lead("c1", ADA);
    world.created_lead("c2", "bea@example.com");
    let moved = [("email", ADA), ("name", "Ada Lovelace")];
    let update = world.show(with_tag(lead("c2", 2000, &moved)));
    world.answer(&update[0], written(&salesforce("Lead", "00Qc2"), false));
    world.show(lead("c3", 1000, &[("email", ADA)]));
    assert!(world.events().contains(&"review_opened"));
    world.show(lead("c3", 2000, &[("email", ADA), ("name", "Ada")]));
    assert!(!world.events().contains(&"review_opened"));
}
