//! Convert: a lead became a contact. The customer goes on with the contact.

use crate::domain::journal::DomainEvent as E;
use crate::domain::record::{Gone, MatchRule};
use crate::domain::view::{Journal, customer_of, record_state};
use crate::domain::{RecordRef, Value};
use crate::mapping::Section;
use crate::processor::decide::{Terms, agree, first_link, link, pursue, reconcile};
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
    journal.emit(E::LeadConverted {
        lead: lead.clone(),
        contact: contact.clone(),
        account,
        opportunity,
    });
    let known = contact.filter(|contact| terms.mapping.section_of(contact).is_some());
    if let Some(contact) = &known {
        link::join(
            journal,
            terms,
            lead,
            contact,
            MatchRule::Conversion,
            "lead_converted",
        );
        take_over(journal, terms, section, lead, contact);
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

/// The contact takes the lead's place: it speaks for the customer and follows its decisions.
fn take_over<J: Journal>(
    journal: &mut J,
    terms: &Terms<'_>,
    section: &Section,
    lead: &RecordRef,
    contact: &RecordRef,
) {
    let bridge = journal.bridge().clone();
    first_link::spoken_anew(journal, terms, section, contact);
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
    let mut desires = at_conversion(section, &customer, &customer.records[lead], target);
    desires.extend(first_link::key_desire(terms, section, &customer, target));
    reconcile::desire(journal, terms, contact, desires);
}
