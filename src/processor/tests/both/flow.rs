//! What flows where, and how far.

use super::stage::*;
use crate::domain::{
    Change, Command, EventKind, Fields, ObservationBody, RawPayload, Topic, Value, Writer,
};
use crate::processor::tests::world::*;

#[test]
fn a_title_edited_in_salesforce_reaches_the_contact() {
    let mut pair = Pair::new();
    let out = pair.event(
        50,
        Writer::Foreign,
        &[("Title", "CTO"), ("Status", "Working")],
    );
    let to_contact = writes_to(&out, &pair.contact);
    let expected = [
        ("custom_attributes.SALESFORCE_STATUS", "Working"),
        (TITLE, "CTO"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(fields(to_contact[0]), expected);
    assert_eq!(out.len(), 1, "and nothing goes back to where it came from");
    assert_eq!(pair.done(&out[0], 51), vec![]);
    assert!(pair.is_at_rest());
}

/// A webhook may have been lost; the stream of an org leaves nothing out.
#[test]
fn what_people_of_intercom_say_too_is_read_before_it_is_replaced() {
    let mut pair = Pair::new();
    let reads_first = |command: &Command| command.reads_first();
    let to_contact = pair.event(50, Writer::Foreign, &[("Title", "CTO")]);
    assert!(reads_first(writes_to(&to_contact, &pair.contact)[0]));
    pair.done(&to_contact[0], 51);
    let told = pair.event(52, Writer::Foreign, &[("Status", "Working")]);
    assert!(
        !reads_first(writes_to(&told, &pair.contact)[0]),
        "only sales people say a status"
    );
    pair.done(&told[0], 53);
    let to_lead = pair.webhook(60_000, &[(TITLE, "CEO")]);
    assert!(!reads_first(writes_to(&to_lead, &pair.lead)[0]));
}

#[test]
fn a_second_contact_fills_blanks_and_brings_no_stale_value_back() {
    let mut pair = Pair::new();
    let out = pair.webhook(50_000, &[(TITLE, "CTO")]);
    assert_eq!(fields(&out[0]), [("Title".to_owned(), "CTO".to_owned())]);
    let second = pair.world.qualify(lead("c2", 51_000, &[("email", ADA)]));
    assert_eq!(pair.world.customer(&contact("c2")).records.len(), 3);
    assert_eq!(
        pair.decided(TITLE),
        Value::text("CTO"),
        "the lead shows the old one still"
    );
    assert!(writes_to(&second, &pair.contact).is_empty());
    pair.settle(second, 52);
    pair.settle(out, 60);
    let held = pair.world.state(&contact("c2")).seen[TITLE].value.clone();
    assert_eq!(held, Value::text("CTO"));
}

#[test]
fn the_id_of_what_was_created_is_written_to_the_contact() {
    let pair = Pair::new();
    let id = pair.seen(&pair.contact, "custom_attributes.SALESFORCE_ID");
    assert_eq!(id, Value::text("00Q000000000001AAA"));
    assert!(pair.is_at_rest());
}

#[test]
fn a_known_owner_is_named_at_once_and_an_unknown_one_is_read() {
    let mut pair = Pair::new();
    let mut user = row(
        "User",
        "005000000000009AAA",
        40,
        &[("Name", "Grace Hopper")],
    );
    user.fields
        .insert("Email".into(), Value::text("grace@example.com"));
    let raw = RawPayload {
        content_type: "application/json".into(),
        bytes: b"{}".to_vec(),
    };
    let body = ObservationBody::Changed {
        source: sales(),
        topic: "User".into(),
        change: Change::Row(user),
        raw,
    };
    pair.world.take(Topic::SalesforceObserved, body);
    let out = pair.event(50, Writer::Foreign, &[("OwnerId", "005000000000009AAA")]);
    let named = "custom_attributes.SALESFORCE_OWNER_NAME".to_owned();
    assert_eq!(
        fields(&out[0]),
        [(named.clone(), "Grace Hopper".to_owned())]
    );
    pair.done(&out[0], 51);
    let out = pair.event(52, Writer::Foreign, &[("OwnerId", "005000000000010AAA")]);
    assert_eq!(out.len(), 1);
    assert!(
        is_read_of(&out[0], &pair.lead),
        "an owner nobody told of is read with the record"
    );
    let owner = [
        ("OwnerId", "005000000000010AAA"),
        ("Owner.Name", "Mary Jackson"),
    ];
    let shows = pair.outcome(&out[0], 52, &owner);
    let out = pair.world.answer(&out[0], shows);
    assert_eq!(fields(&out[0]), [(named, "Mary Jackson".to_owned())]);
}

#[test]
fn a_value_that_means_the_same_is_not_corrected() {
    let mut pair = Pair::new();
    let out = pair.event(50, Writer::Foreign, &[("Phone", "(415) 555-2671")]);
    assert_eq!(
        fields(&out[0]),
        [("phone".to_owned(), "+14155552671".to_owned())]
    );
    pair.done(&out[0], 51);
    assert_eq!(
        pair.seen(&pair.lead, "Phone"),
        Value::text("(415) 555-2671")
    );
    assert!(pair.is_at_rest(), "the rep's own way of writing it stays");
}

#[test]
fn what_flows_to_salesforce_only_is_put_right_there() {
    let mut pair = Pair::new();
    let out = pair.event(50, Writer::Foreign, &[("Email", "wrong@example.com")]);
    assert_eq!(fields(&out[0]), [("Email".to_owned(), ADA.to_owned())]);
    assert_eq!(writes_to(&out, &pair.contact).len(), 0);
}

#[test]
fn a_lead_made_by_hand_is_linked_by_its_address_and_keeps_its_values() {
    let mut pair = Pair::new();
    let mut world = World::with_mapping(BOTH);
    std::mem::swap(&mut pair.world, &mut world);
    let contact = contact("c2");
    let mut shown = lead(
        "c2",
        1000,
        &[("email", "bob@example.com"), ("phone", "415-555-2671")],
    );
    shown.fields.insert(TITLE.into(), Value::text("Clerk"));
    assert_eq!(pair.world.show(shown), vec![]);
    let made = salesforce("Contact", "003000000000002AAA");
    let all = texts(&[
        ("Email", "Bob@Example.com"),
        ("Title", "Head of Ops"),
        ("LastName", "B"),
    ]);
    let out = pair.event_of(&made, EventKind::Created, 20, Writer::Foreign, all);
    assert_eq!(pair.world.customer(&contact).records.len(), 2);
    let to_contact: Fields = texts(&[("custom_attributes.SALESFORCE_ID", "003000000000002AAA")]);
    let to_made = ["Intercom_Contact_ID__c", "Phone"];
    let names = |command| -> Vec<String> { fields(command).into_iter().map(|one| one.0).collect() };
    assert_eq!(
        names(writes_to(&out, &made)[0]),
        to_made,
        "blanks are filled"
    );
    let written = names(writes_to(&out, &contact)[0]);
    assert_eq!(
        written,
        to_contact.into_keys().collect::<Vec<_>>(),
        "the title stays as it is"
    );
}

#[test]
fn what_a_lead_was_created_with_is_for_sales_to_change() {
    let set = "set: {LeadSource: Intercom, Status: Open}";
    let mut pair = Pair::of(&BOTH.replace("set: {LeadSource: Intercom}", set));
    for (second, writer) in [(50, Writer::Foreign), (60, Writer::Ours)] {
        let status = format!("Working {second}");
        let out = pair.event(second, writer, &[("Status", &status)]);
        assert_eq!(writes_to(&out, &pair.lead), Vec::<&Command>::new());
        let name = "custom_attributes.SALESFORCE_STATUS".to_owned();
        assert_eq!(fields(&out[0]), [(name, status)]);
        pair.done(&out[0], second + 1);
        assert!(pair.is_at_rest());
    }
}
