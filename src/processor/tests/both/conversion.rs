//! A lead becomes a contact and an account.

use super::stage::*;
use crate::domain::{EventKind, Gone, Outcome, RejectClass, Rejection, Value, Writer};
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
