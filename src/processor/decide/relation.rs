//! Relations: a person joins the Intercom company of the account that their contact belongs to.

use crate::domain::brakes::Withheld;
use crate::domain::ids::derive;
use crate::domain::view::{Customer, Journal, RecordState, customer_of, record_state};
use crate::domain::{RecordRef, WriteTarget};
use crate::identity::participation::left_out;
use crate::mapping::System;
use crate::processor::decide::{Terms, agree, reconcile, request, shadow};

/// The object of companies in Salesforce, and the field of contacts that names one.
const ACCOUNT: &str = "Account";
const ACCOUNT_ID: &str = "AccountId";

/// Asks for a contact of Intercom to join its company, where it has not and nothing else is to be
/// written to it.
pub fn join_company<J: Journal>(journal: &mut J, terms: &Terms<'_>, contact: &RecordRef) {
    let Some(state) = record_state(journal, journal.bridge(), contact) else {
        return;
    };
    let takes_part =
        |record: &RecordRef| left_out(journal, journal.bridge(), terms.mapping, record).is_none();
    let company = missing(journal, terms, contact, &state);
    let company = company.filter(|company| takes_part(contact) && takes_part(company));
    if company.is_none() {
        shadow::ended(journal, contact, |what| *what == Withheld::Attach);
    }
    if let Some(company) = company
        && !is_refused(journal, terms, contact, &state)
    {
        request::attach(journal, terms, contact, &state, company);
    }
}

/// A contact of Salesforce moved to another account: its customer's contacts in Intercom follow.
pub fn of_contact<J: Journal>(journal: &mut J, terms: &Terms<'_>, record: &RecordRef) {
    let Some(customer) = customer_of(journal, journal.bridge(), record) else {
        return;
    };
    for (other, _) in agree::live(&customer) {
        if !terms.mapping.is_salesforce(&other) {
            reconcile::reconcile(journal, terms, &other);
        }
    }
}

/// Whether what blocks a contact is that it could not join the company it should.
pub fn is_refused<J: Journal>(
    journal: &J,
    terms: &Terms<'_>,
    contact: &RecordRef,
    state: &RecordState,
) -> bool {
    let blocked = state.blocked.as_ref().map(|blocked| blocked.pair);
    blocked.is_some()
        && missing(journal, terms, contact, state)
            .is_some_and(|company| blocked == Some(pair(contact, &company)))
}

/// The company that a contact should have joined and has not.
fn missing<J: Journal>(
    journal: &J,
    terms: &Terms<'_>,
    contact: &RecordRef,
    state: &RecordState,
) -> Option<RecordRef> {
    if !terms.mapping.relations.contact_company || terms.mapping.is_salesforce(contact) {
        return None;
    }
    let company = company_of(journal, terms, contact)?;
    (!state.companies.contains(&company.id)).then_some(company)
}

/// Names a contact and the company it was to join.
pub fn pair(contact: &RecordRef, company: &RecordRef) -> [u8; 16] {
    derive("attach", &[&contact.hash(), &company.hash()])
}

/// What a refused write is blocked by.
pub fn pair_of(record: &RecordRef, target: &WriteTarget) -> Option<[u8; 16]> {
    match target {
        WriteTarget::Attach { company, .. } => Some(pair(record, company)),
        WriteTarget::Record(_) | WriteTarget::Create { .. } => None,
    }
}

/// The company, in the contact's own workspace, that is linked to the account of its contact in
/// Salesforce.
fn company_of<J: Journal>(
    journal: &J,
    terms: &Terms<'_>,
    contact: &RecordRef,
) -> Option<RecordRef> {
    let customer = customer_of(journal, journal.bridge(), contact)?;
    let account = account_of(terms, &customer)?;
    let holder = customer_of(journal, journal.bridge(), &account)?;
    let mut records = holder.records.iter();
    let company = records.find(|(record, state)| {
        record.source == contact.source
            && terms.mapping.system_of(record) == System::Intercom
            && state.gone.is_none()
    });
    company.map(|(record, _)| record.clone())
}

fn account_of(terms: &Terms<'_>, customer: &Customer) -> Option<RecordRef> {
    let mut records = customer.records.iter();
    records.find_map(|(record, state)| {
        let counts = terms.mapping.is_salesforce(record) && state.gone.is_none();
        let id = state.value_seen(ACCOUNT_ID).as_text().filter(|_| counts)?;
        RecordRef::new(&record.source, ACCOUNT, id).ok()
    })
}
