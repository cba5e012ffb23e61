//! What must hold once nothing is under way any more.

use std::collections::BTreeSet;

use crate::domain::journal::Basis;
use crate::domain::view::{Customer, Pursuit, RecordState};
use crate::domain::{MatchRule, RecordRef, Value};
use crate::processor::tests::storms::Storm;
use crate::processor::tests::storms::intercom::Person;
use crate::processor::tests::storms::structure::Whole;
use crate::processor::tests::world::{contact, sales};

pub fn check(storm: &Storm) {
    let whole = Whole::of(&storm.world.view);
    assert!(whole.outstanding.is_empty());
    for (record, state) in &whole.records {
        settled(record, state);
        if record.source == sales() && state.gone.is_none() {
            agrees(storm, record, state);
        }
    }
    for (id, person) in &storm.intercom.people {
        let record = contact(id);
        let customer = whole
            .customers
            .iter()
            .find(|customer| customer.records.contains_key(&record));
        let Some(customer) = customer else {
            panic!("{record} was never taken");
        };
        let state = &customer.records[&record];
        assert_eq!(
            state.gone.is_some(),
            person.gone.is_some(),
            "{record} is gone"
        );
        if person.gone.is_none() {
            shows(storm, id, state);
            found(&record, person, customer, state);
        }
    }
    for customer in &whole.customers {
        followed(storm, customer);
    }
    lines_up(storm);
}

fn settled(record: &RecordRef, state: &RecordState) {
    let rests = matches!(
        state.pursuit,
        Pursuit::Idle | Pursuit::Waiting { .. } | Pursuit::InReview { .. }
    );
    assert!(rests, "{record} is stuck: {:?}", state.pursuit);
    assert!(
        state.held.is_empty() && !state.reread_required,
        "{record} holds on"
    );
}

/// Invariants 2 and 5: what is seen is what is desired, and what is true.
fn agrees(storm: &Storm, record: &RecordRef, state: &RecordState) {
    if state.blocked.is_some() {
        return;
    }
    let row = storm.salesforce.rows.get(record).map(|(row, _)| row);
    for (name, desire) in &state.desired {
        let seen = state
            .seen
            .get(name)
            .map_or(&Value::Null, |seen| &seen.value);
        assert_eq!(
            seen, &desire.value,
            "{record}.{name} is seen otherwise than desired"
        );
        let Some(row) = row else {
            continue;
        };
        let owned = matches!(desire.basis, Basis::Agreed | Basis::Constant | Basis::Key);
        let edited = storm
            .salesforce
            .edited
            .contains_key(&(record.clone(), name.to_string()));
        if owned && !edited {
            let there = row.get(name).cloned().unwrap_or_default();
            let (there, wanted) = (there.display(), desire.value.display());
            assert_eq!(there, wanted, "{record}.{name} is otherwise than desired");
        }
    }
}

/// What the view knows of a contact is what Intercom has.
fn shows(storm: &Storm, id: &str, state: &RecordState) {
    let now = storm.intercom.snapshot(id);
    for (name, value) in &now.fields {
        let seen = state
            .seen
            .get(name)
            .map_or(&Value::Null, |seen| &seen.value);
        assert_eq!(seen.display(), value.display(), "{id}.{name} was missed");
    }
    assert_eq!(
        Some(&*state.tags),
        now.tags.as_ref().map(|tags| &tags.ids),
        "tags of {id}"
    );
    let companies = now.companies.as_ref().map(|companies| &companies.ids);
    assert_eq!(Some(&*state.companies), companies, "companies of {id}");
}

/// Who qualifies and has an address is linked, or a person was told.
fn found(record: &RecordRef, person: &Person, customer: &Customer, state: &RecordState) {
    let linked = customer.records.keys().any(|other| other.source == sales());
    let told = matches!(state.pursuit, Pursuit::InReview { .. }) || state.blocked.is_some();
    let qualifies = person.tagged && person.role == "lead";
    if qualifies && !person.email.is_empty() {
        assert!(
            linked || told,
            "{record} was forgotten: {:?}",
            state.pursuit
        );
    }
    if qualifies && person.email.is_empty() && !linked && !told {
        assert!(
            matches!(state.pursuit, Pursuit::Waiting { .. }),
            "{record} does not wait"
        );
    }
}

/// A Lead made from one contact holds what that contact holds, as a person would split it.
fn followed(storm: &Storm, customer: &Customer) {
    let [(origin, own), (lead, state)] = customer.records.iter().collect::<Vec<_>>()[..] else {
        return;
    };
    let (origin, own, lead, state) = if origin.source == sales() {
        (lead, state, origin, own)
    } else {
        (origin, own, lead, state)
    };
    let created = customer
        .links
        .iter()
        .any(|link| link.rule == MatchRule::Created);
    let person = storm.intercom.people.get(origin.id.as_str());
    let row = storm.salesforce.rows.get(lead).map(|(row, _)| row);
    let (Some(person), Some(row), true) = (person, row, created) else {
        return;
    };
    if own.gone.is_some() || state.gone.is_some() || state.blocked.is_some() {
        return;
    }
    let mut expected = vec![
        ("Email", person.email.to_owned()),
        ("Title", person.title.to_owned()),
        ("Phone", person.phone.to_owned()),
    ];
    let words: Vec<&str> = person.name.split(' ').collect();
    if let Some((last, first)) = words.split_last().filter(|_| !person.name.is_empty()) {
        expected.push(("FirstName", first.join(" ")));
        expected.push(("LastName", (*last).to_owned()));
    }
    for (name, value) in expected {
        let edited = storm
            .salesforce
            .edited
            .contains_key(&(lead.clone(), name.to_owned()));
        // A person's value in a field that Intercom never filled stays.
        let never = value.is_empty() && !state.desired.contains_key(name);
        let there = row.get(name).map(Value::display).unwrap_or_default();
        let theirs = never && ["Edited", "Changed"].contains(&there.as_str());
        if !edited && !theirs {
            assert_eq!(there, value, "{lead}.{name} did not follow {origin}");
        }
    }
}

/// One contact never makes two Leads.
fn lines_up(storm: &Storm) {
    let mut keys = BTreeSet::new();
    for (record, (row, _)) in &storm.salesforce.rows {
        let key = row.get("Intercom_Contact_ID__c").map(Value::display);
        if let Some(key) = key.filter(|key| !key.is_empty() && record.object.as_str() == "Lead") {
            assert!(keys.insert(key), "{record} is a second Lead of one contact");
        }
    }
}
