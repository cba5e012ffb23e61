//! The account that a customer belongs to and the tree above it, as far as the view knows.

use crate::domain::customer_event::AccountContext;
use crate::domain::journal::CustomerKind;
use crate::domain::tree::{self, End};
use crate::domain::view::{Customer, ViewEntry, ViewRead, customer_id_of};
use crate::domain::{BridgeId, RecordRef, ViewKey};

/// Companies of one person that are looked up; the context is the first one's with an account.
const COMPANIES_MAX: usize = 10;

/// The account of a person: what a live Contact of theirs says in `AccountId`, where the mapping
/// watches that field, else the account of an Intercom company of theirs. Of a company its own.
pub fn context<V: ViewRead + ?Sized>(
    view: &V,
    bridge: &BridgeId,
    customer: &Customer,
) -> Option<AccountContext> {
    let (_, account) = said(view, bridge, customer)?;
    Some(held(view, bridge, account))
}

/// The account that a customer belongs to, behind the record that says so.
pub fn said<V: ViewRead + ?Sized>(
    view: &V,
    bridge: &BridgeId,
    customer: &Customer,
) -> Option<(RecordRef, RecordRef)> {
    match customer.kind {
        CustomerKind::Person => {
            said_by_contact(customer).or_else(|| of_companies(view, bridge, customer))
        }
        CustomerKind::Company => own(customer).map(|own| (own.clone(), own.clone())),
    }
}

/// An account with the customer that holds it, and what stands above it.
pub fn held<V: ViewRead + ?Sized>(
    view: &V,
    bridge: &BridgeId,
    account: RecordRef,
) -> AccountContext {
    let ascent = tree::ascend(view, bridge, &account);
    let ultimate = ascent.ultimate().cloned();
    // An account that nobody has told of is no fault of the tree.
    let fault = ascent
        .fault()
        .filter(|_| ascent.end != End::Unknown(account.clone()));
    AccountContext {
        customer: customer_id_of(view, bridge, &account),
        ultimate_customer: ultimate
            .as_ref()
            .and_then(|top| customer_id_of(view, bridge, top)),
        ultimate,
        fault: fault.map(str::to_owned),
        account,
    }
}

/// The live account of a company.
fn own(customer: &Customer) -> Option<&RecordRef> {
    let mut records = customer.records.iter();
    let own = records.find(|(record, state)| is_live(record, tree::ACCOUNT, state.gone));
    own.map(|(record, _)| record)
}

fn said_by_contact(customer: &Customer) -> Option<(RecordRef, RecordRef)> {
    let records = customer.records.iter();
    let mut contacts = records.filter(|(record, state)| is_live(record, "Contact", state.gone));
    contacts.find_map(|(record, state)| Some((record.clone(), tree::above(record, state)?)))
}

fn of_companies<V: ViewRead + ?Sized>(
    view: &V,
    bridge: &BridgeId,
    customer: &Customer,
) -> Option<(RecordRef, RecordRef)> {
    let live = customer
        .records
        .iter()
        .filter(|(_, state)| state.gone.is_none());
    let companies = live.flat_map(|(record, state)| {
        let company =
            move |id: &String| RecordRef::new(&record.source, "company", id.as_str()).ok();
        state.companies.iter().filter_map(company)
    });
    companies.take(COMPANIES_MAX).find_map(|company| {
        let account = account_beside(view, bridge, &company)?;
        Some((company, account))
    })
}

/// The live account that is one customer with a company.
fn account_beside<V: ViewRead + ?Sized>(
    view: &V,
    bridge: &BridgeId,
    company: &RecordRef,
) -> Option<RecordRef> {
    let id = customer_id_of(view, bridge, company)?;
    let entry = view.get(&ViewKey::customer(bridge, &id))?;
    let ViewEntry::Customer(holder) = &*entry else {
        return None;
    };
    own(holder).cloned()
}

fn is_live(record: &RecordRef, object: &str, gone: Option<crate::domain::Gone>) -> bool {
    gone.is_none() && record.object.as_str() == object
}
