//! What goes wrong between two systems every day, as a pilot group tries it: given, when, then.

use super::both::stage::{ADA, Pair, TITLE, writes_to};
use super::world::*;
use crate::domain::{Change, EventKind, Fields, Gone, Value, Writer};

const NEW: &str = "ada@lovelace.example";

/// Checklist row 33.
#[test]
fn given_a_shared_title_when_both_sides_change_it_then_the_owners_counts_and_both_are_kept() {
    // Given a contact and its lead, whose title Salesforce owns.
    let mut pair = Pair::new();
    // When a rep and an agent change it, neither knowing of the other.
    let written = pair.event(50, Writer::Foreign, &[("Title", "Rep's")]);
    let written = writes_to(&written, &pair.contact)[0].clone();
    let mut more = pair.webhook(60_000, &[(TITLE, "Agent's")]);
    more.extend(pair.done(&written, 65));
    pair.settle(more, 70);
    // Then the owner's value stands on both sides, and the log keeps both.
    assert_eq!(pair.seen(&pair.contact, TITLE), Value::text("Rep's"));
    assert_eq!(pair.seen(&pair.lead, "Title"), Value::text("Rep's"));
    let (kept, lost) = pair.last_conflict();
    assert_eq!((kept, lost), ("Rep's".into(), "Agent's".into()));
    assert!(pair.is_at_rest());
}

/// Checklist row 34.
#[test]
fn given_a_linked_contact_when_its_address_changes_then_it_is_who_it_was() {
    // Given a contact and its lead, and what was decided of them.
    let mut pair = Pair::new();
    let before = pair.world.customer(&pair.contact);
    let founded = pair.count("customer_founded");
    // When the contact gets another address.
    let out = pair.webhook(50_000, &[("email", NEW)]);
    assert!(!out.iter().any(is_create), "no second lead");
    pair.settle(out, 51);
    // Then the lead follows, the customer keeps its id and its history.
    assert_eq!(pair.seen(&pair.lead, "Email"), Value::text(NEW));
    let after = pair.world.customer(&pair.contact);
    assert_eq!(after.id, before.id);
    assert_eq!(after.links, before.links);
    assert_eq!(after.decided["name"], before.decided["name"]);
    assert_eq!(pair.count("customer_founded"), founded);
    // And the old address is free: whoever has it next is somebody else.
    pair.world.show(lead("c2", 60_000, &[("email", ADA)]));
    assert_ne!(pair.world.customer(&contact("c2")).id, before.id);
    assert!(pair.is_at_rest());
}

/// Checklist row 35.
#[test]
fn given_a_linked_pair_when_one_is_deleted_then_the_other_stays_and_the_log_says_who_left() {
    for deleted_in_salesforce in [true, false] {
        // Given a contact and its lead.
        let mut pair = Pair::new();
        let (contact, record) = (pair.contact.clone(), pair.lead.clone());
        let (gone, stays) = match deleted_in_salesforce {
            true => (record.clone(), contact),
            false => (contact, record.clone()),
        };
        let before = pair.world.customer(&stays);
        // When one of them is deleted where it lives.
        let out = match deleted_in_salesforce {
            true => {
                let nothing = Fields::new();
                pair.event_of(&record, EventKind::Deleted, 50, Writer::Foreign, nothing)
            }
            false => pair.world.change(Change::Left {
                record: gone.clone(),
                how: Gone::Deleted,
                at: None,
            }),
        };
        assert!(
            writes_to(&out, &stays).is_empty(),
            "nothing is deleted for it"
        );
        pair.settle(out, 51);
        // Then the other one holds what it held, and is the same customer.
        let after = pair.world.customer(&stays);
        assert_eq!(after.id, before.id);
        assert_eq!(after.records[&stays].seen, before.records[&stays].seen);
        assert_eq!(after.records[&gone].gone, Some(Gone::Deleted));
        assert_eq!(pair.count("record_left"), 1);
    }
}

/// Checklist row 36.
#[test]
fn given_a_lead_without_an_address_when_it_qualifies_then_nothing_half_filled_is_made() {
    // Given a person who chats and has no address yet.
    let mut pair = Pair::new();
    let anonymous = lead("c2", 50_000, &[("name", "Grace Hopper")]);
    // When the lead qualifies.
    let out = pair.world.qualify(anonymous);
    // Then nothing is asked for or made, and the wait is told.
    assert_eq!(out, vec![]);
    let waits = pair.world.state(&contact("c2"));
    assert!(
        format!("{:?}", waits.pursuit).starts_with("Waiting"),
        "{:?}",
        waits.pursuit
    );
    // When the address comes, then the record is made whole.
    let whole = [("name", "Grace Hopper"), ("email", "grace@example.com")];
    let look = pair.world.show(with_tag(lead("c2", 60_000, &whole)));
    let made = pair.world.answer(&look[0], found(&[]));
    let sent = fields(&made[0]);
    for (name, value) in [
        ("LastName", "Hopper"),
        ("FirstName", "Grace"),
        ("Email", "grace@example.com"),
        ("Company", "[not provided]"),
        ("LeadSource", "Intercom"),
    ] {
        assert!(
            sent.contains(&(name.into(), value.into())),
            "{name}: {sent:?}"
        );
    }
}
