//! Convert: a lead became a contact. The customer goes on with the contact.

use std::collections::BTreeSet;

use crate::domain::journal::{Claim, DomainEvent as E, Via};
use crate::domain::record::{Gone, MatchRule};
use crate::domain::time::Order;
use crate::domain::view::{Decided, Journal, RecordState, customer_of, record_state};
use crate::domain::{Fields, Name, RecordRef, Value};
use crate::mapping::set::Base;
use crate::mapping::{Direction, Section};
use crate::processor::decide::agree::Move;
use crate::processor::decide::{Terms, agree, first_link, link, pursue, reconcile, shared};
use crate::sync::desires::{Target, at_conversion};

/// What a converted lead says it became: field and object.
const BECAME: [(&str, &str); 3] = [
    ("ConvertedContactId", "Contact"),
    ("ConvertedAccountId", "Account"),
    ("ConvertedOpportunityId", "Opportunity"),
];

/// Follows a conversion, if the record shows one. Each event of its transaction is folded as it
/// comes: the contact may be known already, or become known here.
pub fn converted<J: Journal>(
    journal: &mut J,
    terms: &Terms<'_>,
    section: &Section,
    lead: &RecordRef,
) -> bool {
    let bridge = journal.bridge().clone();
    let Some(state) = record_state(journal, &bridge, lead) else {
        return false;
    };
    let shows = *state.value_seen("IsConverted") == Value::Bool(true);
    if !shows || state.gone == Some(Gone::Converted) {
        return false;
    }
    let [contact, account, opportunity] = BECAME.map(|(field, object)| {
        let id = state.value_seen(field).as_text()?;
        RecordRef::new(&lead.source, object, id).ok()
    });
    pursue::close_review(journal, lead, "converted");
    let waiting = pursue::waiting_behind(journal, lead);
    let became = E::LeadConverted {
        lead: lead.clone(),
        contact: contact.clone(),
        account,
        opportunity,
    };
    shared::leave(journal, terms, lead, became);
    let known = contact.filter(|contact| terms.mapping.section_of(contact).is_some());
    if let Some(contact) = &known {
        let apart = [lead, contact].map(|record| customer_of(journal, &bridge, record));
        link::join(
            journal,
            terms,
            lead,
            contact,
            MatchRule::Conversion,
            "lead_converted",
        );
        take_over(journal, terms, section, lead, contact);
        let apart = apart.iter().flatten();
        let decided = apart.flat_map(|customer| &customer.decided);
        decided_since(journal, terms, section, lead, decided);
    }
    pursue::release(journal, terms, waiting);
    if let Some(contact) = known {
        pursue::pursue(journal, terms, &contact, true);
    }
    true
}

/// A lead's customer learnt who it is in Intercom after the lead was converted: its contact takes
/// the place that the lead was made for.
pub fn taken_over<J: Journal>(
    journal: &mut J,
    terms: &Terms<'_>,
    section: &Section,
    lead: &RecordRef,
) {
    let Some(customer) = customer_of(journal, journal.bridge(), lead) else {
        return;
    };
    let mut links = customer.links.iter();
    let became = links.find(|link| link.rule == MatchRule::Conversion && link.left == *lead);
    if let Some(link) = became.filter(|_| customer.records[lead].gone == Some(Gone::Converted)) {
        take_over(journal, terms, section, lead, &link.right);
    }
}

/// What was decided for the lead's or the contact's customer after the conversion, before anybody
/// here knew of it: by then they were one. Each field's policy decides between them.
fn decided_since<'a, J: Journal>(
    journal: &mut J,
    terms: &Terms<'_>,
    section: &Section,
    lead: &RecordRef,
    decided: impl Iterator<Item = (&'a Name, &'a Decided)>,
) {
    let bridge = journal.bridge().clone();
    let converted = record_state(journal, &bridge, lead).map(|state| state.version);
    let mut settled = BTreeSet::new();
    for (name, decided) in decided {
        let field = section.fields.iter().find(|field| field.intercom == *name);
        let field = field.filter(|field| field.direction == Direction::Both);
        let since = converted.is_some_and(|at| decided.version.against(&at) == Order::Newer);
        let customer = customer_of(journal, &bridge, lead);
        let (Some(field), Some(customer), true) = (field, customer, since) else {
            continue;
        };
        let claim = Claim {
            record: decided.by.clone(),
            value: decided.value.clone(),
            version: decided.version,
        };
        if !customer.contested.contains_key(name) {
            let base = Base::Unknown;
            agree::settle(journal, terms, &customer, field, &claim, base);
            settled.insert(name.clone());
        }
    }
    // Whoever lost has to follow: it kept what was its own when the two were joined.
    if let Some(customer) = customer_of(journal, &bridge, lead) {
        settled.retain(|name| !customer.contested.contains_key(name));
    }
    agree::follow(journal, terms, section, lead, &settled);
}

/// What a contact took over from its lead and the lead has not shown: somebody changed the lead,
/// and it was converted before its event came, or the event was lost. Salesforce copies the lead's
/// values in the transaction that converts it; what the contact held before is older.
fn last_words(lead: &RecordState, contact: &RecordState) -> Fields {
    let copied = contact.seen.iter().filter(|(name, seen)| {
        seen.via == Via::Feed
            && seen.version.against(&lead.version) == Order::Overlaps
            && *lead.value_seen(name) != seen.value
    });
    let values = copied.map(|(name, seen)| (name.clone(), seen.value.clone()));
    values.collect()
}

/// The contact takes the lead's place: it speaks for the customer and follows its decisions.
fn take_over<J: Journal>(
    journal: &mut J,
    terms: &Terms<'_>,
    section: &Section,
    lead: &RecordRef,
    contact: &RecordRef,
) {
    let bridge = journal.bridge().clone();
    let Some(before) = record_state(journal, &bridge, lead) else {
        return;
    };
    let news = record_state(journal, &bridge, contact).map(|state| last_words(&before, &state));
    let news = news.unwrap_or_default();
    first_link::spoken_anew(journal, terms, section, contact);
    let moved = Move {
        record: contact,
        before: &before,
        fields: &news,
        version: before.version,
        // Somebody changed the lead at some time before: when, nobody has told.
        via: Via::Row,
        against: &BTreeSet::new(),
    };
    agree::agree(journal, terms, section, &moved);
    let all = first_link::fields(section);
    agree::follow_beside(journal, terms, section, contact, &all, &[contact]);
    let Some(customer) = customer_of(journal, &bridge, contact) else {
        return;
    };
    let target = Target {
        system: terms.mapping.system_of(contact),
        record: contact,
        state: &customer.records[contact],
    };
    let lead = &customer.records[lead];
    let mut desires = at_conversion(section, &customer, lead, target, &news);
    desires.extend(first_link::key_desire(terms, section, &customer, target));
    reconcile::desire(journal, terms, contact, desires);
}
