//! The company that a person belongs to, as far as the view knows.

use crate::domain::customer_event::AccountContext;
use crate::domain::journal::CustomerKind;
use crate::domain::view::{Customer, ViewEntry, ViewRead, customer_id_of};
use crate::domain::{BridgeId, RecordRef, Value, ViewKey};

/// Companies of one person that are looked up; the context is the first one's with an account.
const COMPANIES_MAX: usize = 10;

/// The account of a person: what a live Contact of theirs says in `AccountId`, where the mapping
/// watches that field, else the account of an Intercom company of theirs. None for companies.
pub fn context<V: ViewRead + ?Sized>(
    view: &V,
    bridge: &BridgeId,
    customer: &Customer,
) -> Option<AccountContext> {
    if customer.kind != CustomerKind::Person {
        return None;
    }
    let account = said_by_contact(customer).or_else(|| of_companies(view, bridge, customer))?;
    Some(held(view, bridge, account))
}

/// An account with the customer that holds it.
pub fn held<V: ViewRead + ?Sized>(
    view: &V,
    bridge: &BridgeId,
    account: RecordRef,
) -> AccountContext {
    AccountContext {
        customer: customer_id_of(view, bridge, &account),
        account,
    }
}

fn said_by_contact(customer: &Customer) -> Option<RecordRef> {
    let records = customer.records.iter();
    let mut contacts = records.filter(|(record, state)| is_live(record, "Contact", state.gone));
    contacts.find_map(
        |(record, state)| match &state.seen.get("AccountId")?.value {
            Value::Text(id) => RecordRef::new(&record.source, "Account", &**id).ok(),
            _ => None,
        },
    )
}

fn of_companies<V: ViewRead + ?Sized>(
    view: &V,
    bridge: &BridgeId,
    customer: &Customer,
) -> Option<RecordRef> {
    let live = customer
        .records
        .iter()
        .filter(|(_, state)| state.gone.is_none());
    let companies = live.flat_map(|(record, state)| {
        let company =
            move |id: &String| RecordRef::new(&record.source, "company", id.as_str()).ok();
        state.companies.iter().filter_map(company)
    });
    companies
        .take(COMPANIES_MAX)
        .find_map(|company| account_beside(view, bridge, &company))
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
    let mut records = holder.records.iter();
    let (account, _) = records.find(|(record, state)| is_live(record, "Account", state.gone))?;
    Some(account.clone())
}

fn is_live(record: &RecordRef, object: &str, gone: Option<crate::domain::Gone>) -> bool {
    gone.is_none() && record.object.as_str() == object
}
