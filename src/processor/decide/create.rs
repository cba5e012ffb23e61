//! Create: a record that has no counterpart gets one, after a lookup found none.

use crate::domain::journal::{DomainEvent as E, ReadPurpose};
use crate::domain::record::MatchRule;
use crate::domain::view::{AWAITED_BY_MAX, record_state};
use crate::domain::view::{Customer, Journal, Pursuit, RecordState, customer_of, outstanding};
use crate::domain::{ObjectName, RecordRef, Value};
use crate::identity::candidates::{Verdict, in_view};
use crate::identity::keys::telling;
use crate::identity::participation::left_out;
use crate::identity::pursuit::{missing, qualifies};
use crate::mapping::{CreateRule, Section};
use crate::processor::decide::observed::known_or_founded;
use crate::processor::decide::request::Creation;
use crate::processor::decide::{Terms, fold, pursue, reconcile, request, shadow};
use crate::sync::{desires, writes};

/// Creates the counterpart of a record whose lookup found none, or waits for its company's name.
pub fn create<J: Journal>(journal: &mut J, terms: &Terms<'_>, record: &RecordRef, waits: bool) {
    let bridge = journal.bridge().clone();
    let (Some(section), Some(customer)) = (
        terms.mapping.section_of(record),
        customer_of(journal, &bridge, record),
    ) else {
        return;
    };
    let state = customer.records.get(record).cloned().unwrap_or_default();
    let rule = section.create.as_ref();
    let takes_part = left_out(journal, &bridge, terms.mapping, record).is_none();
    let qualifies = |rule: &&CreateRule| qualifies(journal, &bridge, record, &state, rule);
    let Some(rule) = rule.filter(|_| takes_part).filter(qualifies) else {
        return give_up(journal, terms, record);
    };
    if !telling(journal, &bridge, section, &state).is_subset(&state.claimed) {
        // Its identifiers changed since the lookup, which is another question then.
        give_up(journal, terms, record);
        return pursue::pursue(journal, terms, record, true);
    }
    if !missing(journal, &bridge, section, rule, &state).is_empty() {
        give_up(journal, terms, record);
        return pursue::pursue(journal, terms, record, false);
    }
    if linked_in_view(journal, terms, section, record, &state) {
        return;
    }
    let name = match company(journal, terms, record, &state, rule) {
        Company::None => None,
        Company::Named(name) => Some(name),
        Company::Unknown(company, read) if waits && read => {
            return journal.emit(E::CompanyAwaited {
                record: record.clone(),
                company,
            });
        }
        Company::Unknown(company, _) => {
            // Its name, when it comes, replaces the stand-in.
            journal.emit(E::CompanyAwaited {
                record: record.clone(),
                company,
            });
            None
        }
    };
    let Some(creation) = creation(terms, section, rule, &customer, record, name.as_ref()) else {
        return give_up(journal, terms, record);
    };
    let pair = writes::pair(record, &request::creation_fields(&creation));
    let blocked = state.blocked.as_ref();
    if blocked.is_some_and(|blocked| blocked.pair == pair) {
        // Refused as it is: it stays with the person who was told.
        journal.trace("write_blocked", Some(record));
        return give_up(journal, terms, record);
    }
    if shadow::is_on(journal) && shadow::stands_behind(journal, section, record, &state) {
        journal.trace("another_would_be_created", Some(record));
        return give_up(journal, terms, record);
    }
    reconcile::unblock(journal, record, "desired_changed");
    if !request::create(journal, terms, record, &creation) {
        give_up(journal, terms, record);
    }
}

/// Links a record whose counterpart became known since it was looked up.
fn linked_in_view<J: Journal>(
    journal: &mut J,
    terms: &Terms<'_>,
    section: &Section,
    record: &RecordRef,
    state: &RecordState,
) -> bool {
    let bridge = journal.bridge().clone();
    let Some(customer) = customer_of(journal, &bridge, record) else {
        return false;
    };
    let verdict = in_view(journal, &bridge, terms.mapping, section, &customer, state);
    if verdict == Verdict::Nobody {
        return false;
    }
    pursue::found(journal, terms, record, verdict, &[]);
    true
}

/// Stops a pursuit and lets those go on that stood behind it.
pub fn give_up<J: Journal>(journal: &mut J, terms: &Terms<'_>, record: &RecordRef) {
    let waiting = pursue::waiting_behind(journal, record);
    journal.emit(E::WaitingEnded {
        record: record.clone(),
    });
    pursue::release(journal, terms, waiting);
}

/// What a creation of this record would send now.
pub fn creation(
    terms: &Terms<'_>,
    section: &Section,
    rule: &CreateRule,
    customer: &Customer,
    record: &RecordRef,
    company_name: Option<&Value>,
) -> Option<Creation> {
    Some(Creation {
        object: ObjectName::new(rule.object.as_str()).ok()?,
        key_field: section
            .rule(MatchRule::Explicit)?
            .salesforce
            .clone()
            .to_string(),
        key_value: terms.mapping.explicit_key(record)?,
        auto_assign: rule.auto_assign,
        desires: desires::at_creation(section, rule, customer, company_name),
    })
}

enum Company {
    None,
    Named(Value),
    /// Known by id; whether a read that may bring its name is out.
    Unknown(RecordRef, bool),
}

/// The company of a contact, read on demand when its name is not known.
fn company<J: Journal>(
    journal: &mut J,
    terms: &Terms<'_>,
    record: &RecordRef,
    state: &RecordState,
    rule: &CreateRule,
) -> Company {
    let section = terms.mapping.companies.as_ref();
    let (Some(section), Some(id)) = (section, state.companies.iter().next()) else {
        return Company::None;
    };
    let company = RecordRef::new(&record.source, &section.intercom_object, id.as_str());
    let (Ok(company), true) = (company, rule.company_name.is_some()) else {
        return Company::None;
    };
    let known = known_or_founded(journal, section, &company);
    let name = company_name(&known);
    if !name.is_blank() {
        return Company::Named(name);
    }
    if known.gone.is_some() {
        return Company::None;
    }
    if known.folded == 0 && known.reading.is_none() {
        request::read_record(journal, terms, &company, ReadPurpose::Company);
    }
    let now = record_state(journal, journal.bridge(), &company).unwrap_or(known);
    if now.awaited_by.len() >= AWAITED_BY_MAX && !now.awaited_by.contains(record) {
        // Nobody would call this record when the name comes: it does not wait.
        return Company::None;
    }
    let first = |command| {
        let waiting = outstanding(journal, journal.bridge(), &command);
        waiting.is_some_and(|waiting| waiting.command.attempt == 1)
    };
    Company::Unknown(company, now.reading.is_some_and(first))
}

fn company_name(state: &RecordState) -> Value {
    state
        .seen
        .get("name")
        .map_or(Value::Null, |seen| seen.value.clone())
}

/// A company was read or changed: contacts that waited for its name go on.
pub fn company_changed<J: Journal>(journal: &mut J, terms: &Terms<'_>, company: &RecordRef) {
    let Some(state) = record_state(journal, journal.bridge(), company) else {
        return;
    };
    for contact in &state.awaited_by {
        let Some(waiting) = record_state(journal, journal.bridge(), contact) else {
            continue;
        };
        match &waiting.pursuit {
            Pursuit::AwaitingCompany { company: awaited } if awaited == company => {
                create(journal, terms, contact, false);
            }
            _ => name_company(journal, terms, contact),
        }
    }
}

/// Replaces the stand-in for a company's name on the leads of a contact, once the name is known.
pub fn name_company<J: Journal>(journal: &mut J, terms: &Terms<'_>, contact: &RecordRef) {
    let bridge = journal.bridge().clone();
    let companies = terms.mapping.companies.as_ref();
    let rule = terms.mapping.people.create.as_ref();
    let (Some(section), Some(rule), Some(customer)) =
        (companies, rule, customer_of(journal, &bridge, contact))
    else {
        return;
    };
    let Some(id) = customer
        .records
        .get(contact)
        .and_then(|state| state.companies.first())
    else {
        return;
    };
    let company = RecordRef::new(&contact.source, &section.intercom_object, id.as_str());
    let known = company
        .ok()
        .and_then(|company| record_state(journal, &bridge, &company));
    let Some(name) = known.map(|known| company_name(&known)) else {
        return;
    };
    for (record, state) in fold::salesforce_records(terms.mapping, &customer) {
        if let Some(desire) = desires::company_named(rule, &state, &name) {
            reconcile::desire(journal, terms, &record, vec![desire]);
        }
    }
}
