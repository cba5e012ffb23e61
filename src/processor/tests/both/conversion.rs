//! A lead becomes a contact and an account.

use super::stage::*;
use crate::domain::{EventKind, Gone, Outcome, RecordRef, RejectClass, Rejection};
use crate::domain::{Value, Writer};
use crate::processor::tests::world::*;

/// The events of a conversion's transaction, in an order.
fn convert(pair: &mut Pair, order: [usize; 2]) -> Vec<crate::domain::Command> {
    let contact = salesforce("Contact", "003000000000001AAA");
    let lead = pair.lead.clone();
    let mut out = Vec::new();
    for one in order {
        let events = if one == 0 {
            let copied = texts(&[
                ("FirstName", "Ada"),
                ("LastName", "Lovelace"),
                ("Email", ADA),
                ("AccountId", "001000000000001AAA"),
            ]);
            pair.event_of(&contact, EventKind::Created, 70, Writer::Foreign, copied)
        } else {
            let became = texts(&[
                ("IsConverted", "true"),
                ("Status", "Closed - Converted"),
                ("ConvertedContactId", "003000000000001AAA"),
                ("ConvertedAccountId", "001000000000001AAA"),
            ]);
            pair.event_of(&lead, EventKind::Updated, 70, Writer::Foreign, became)
        };
        out.extend(events);
    }
    out
}

#[test]
fn the_customer_goes_on_with_the_contact_whichever_event_comes_first() {
    for order in [[0, 1], [1, 0]] {
        let mut pair = Pair::new();
        let before = pair.world.customer(&pair.contact).id;
        let out = convert(&mut pair, order);
        let contact = salesforce("Contact", "003000000000001AAA");
        let customer = pair.world.customer(&pair.contact);
        assert_eq!(customer.id, before, "the customer's id stays");
        assert!(customer.records.contains_key(&contact));
        assert_eq!(pair.world.state(&pair.lead).gone, Some(Gone::Converted));
        pair.settle(out, 71);
        assert_eq!(
            pair.seen(&contact, "Intercom_Contact_ID__c"),
            Value::text("abc123:c1")
        );
        let id = pair.seen(&pair.contact, "custom_attributes.SALESFORCE_ID");
        assert_eq!(id, Value::text("003000000000001AAA"), "{order:?}");
        assert_eq!(pair.count("lead_converted"), 1);
    }
}

#[test]
fn later_changes_go_to_the_contact_and_not_to_the_lead() {
    let mut pair = Pair::new();
    let out = convert(&mut pair, [0, 1]);
    pair.settle(out, 71);
    let out = pair.webhook(80_000, &[("name", "Ada King")]);
    let contact = salesforce("Contact", "003000000000001AAA");
    assert_eq!(writes_to(&out, &pair.lead).len(), 0);
    let write = writes_to(&out, &contact);
    assert_eq!(
        fields(write[0]),
        [("LastName".to_owned(), "King".to_owned())]
    );
}

#[test]
fn a_change_that_had_not_reached_the_lead_reaches_the_contact() {
    let mut pair = Pair::new();
    let out = pair.webhook(60_000, &[("name", "Ada King")]);
    assert_eq!(writes_to(&out, &pair.lead).len(), 1);
    let more = convert(&mut pair, [0, 1]);
    let contact = salesforce("Contact", "003000000000001AAA");
    let write = writes_to(&more, &contact);
    let names = fields(write[0]);
    assert!(
        names.contains(&("LastName".to_owned(), "King".to_owned())),
        "{names:?}"
    );
}

#[test]
fn a_refusal_for_the_converted_lead_asks_nobody() {
    let mut pair = Pair::new();
    let out = pair.webhook(60_000, &[("name", "Ada King")]);
    convert(&mut pair, [0, 1]);
    let gone = Outcome::Rejected(Rejection {
        class: RejectClass::Gone,
        code: "CANNOT_UPDATE_CONVERTED_LEAD".into(),
        text: String::new(),
        fields: Vec::new(),
        records: Vec::new(),
        hint: String::new(),
    });
    pair.world.answer(&out[0], gone);
    assert_eq!(pair.count("review_opened"), 0);
    let state = pair.world.state(&pair.lead);
    assert_eq!(
        (state.gone, state.seen["IsConverted"].value.clone()),
        (Some(Gone::Converted), Value::Bool(true))
    );
}

/// The lead's conversion, told of in these seconds: by its contact, which took this over, and by
/// itself.
fn convert_apart(pair: &mut Pair, told: [i64; 2], copied: &[(&str, &str)]) -> RecordRef {
    let contact = salesforce("Contact", "003000000000001AAA");
    let copied = texts(copied);
    let (created, updated) = (EventKind::Created, EventKind::Updated);
    let out = pair.event_of(&contact, created, told[0], Writer::Foreign, copied);
    pair.settle(out, told[0] + 1);
    if told[1] > told[0] {
        // A person goes on with the contact, whom nobody here knows for the lead yet.
        let changed = texts(&[("Title", "Countess")]);
        let out = pair.event_of(&contact, updated, told[1], Writer::Foreign, changed);
        pair.settle(out, told[1] + 1);
    }
    let became = texts(&[
        ("IsConverted", "true"),
        ("ConvertedContactId", "003000000000001AAA"),
    ]);
    let lead = pair.lead.clone();
    let out = pair.event_of(&lead, updated, told[0], Writer::Foreign, became);
    pair.settle(out, told[1] + 3);
    contact
}

#[test]
fn what_a_contact_took_over_and_its_lead_never_showed_is_the_leads_last_word() {
    let mut pair = Pair::new();
    let out = pair.event(60, Writer::Foreign, &[("Title", "Mathematician")]);
    pair.settle(out, 61);
    // The event of the change after it is lost.
    let contact = convert_apart(&mut pair, [70, 70], &[("Title", "Analyst")]);
    assert_eq!(pair.decided(TITLE), Value::text("Analyst"));
    assert_eq!(
        pair.seen(&pair.contact.clone(), TITLE),
        Value::text("Analyst")
    );
    assert_eq!(pair.seen(&contact, "Title"), Value::text("Analyst"));
}

#[test]
fn what_a_contact_was_told_before_its_conversion_was_known_counts() {
    let mut pair = Pair::new();
    let out = pair.event(60, Writer::Foreign, &[("Title", "Mathematician")]);
    pair.settle(out, 61);
    let contact = convert_apart(&mut pair, [70, 80], &[("Title", "Mathematician")]);
    assert_eq!(pair.decided(TITLE), Value::text("Countess"));
    assert_eq!(
        pair.seen(&pair.contact.clone(), TITLE),
        Value::text("Countess")
    );
    assert_eq!(pair.seen(&contact, "Title"), Value::text("Countess"));
}

#[test]
fn whoever_loses_against_what_was_decided_since_the_conversion_follows() {
    let mut pair = Pair::new();
    let out = pair.webhook(10_000, &[("custom_attributes.nickname", "Old")]);
    pair.settle(out, 11);
    let contact = salesforce("Contact", "003000000000001AAA");
    let taken = texts(&[("Nickname__c", "Old")]);
    pair.event_of(&contact, EventKind::Created, 70, Writer::Foreign, taken);
    let changed = texts(&[("Nickname__c", "Theirs")]);
    pair.event_of(&contact, EventKind::Updated, 80, Writer::Foreign, changed);
    let out = pair.webhook(81_000, &[("custom_attributes.nickname", "Ours")]);
    pair.settle(out, 82);
    let became = texts(&[
        ("IsConverted", "true"),
        ("ConvertedContactId", "003000000000001AAA"),
    ]);
    let lead = pair.lead.clone();
    let out = pair.event_of(&lead, EventKind::Updated, 70, Writer::Foreign, became);
    pair.settle(out, 83);
    assert_eq!(pair.seen(&contact, "Nickname__c"), Value::text("Ours"));
}
