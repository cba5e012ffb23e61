//! First link: what two records that existed apart mean for the customer that they now are.

use std::collections::BTreeSet;

use crate::domain::journal::{Basis, Claim, Desire};
use crate::domain::record::MatchRule;
use crate::domain::view::{Customer, Journal, RecordState, customer_of, matching};
use crate::domain::{MatchKey, Name, RecordRef, Shows, Value};
use crate::identity::participation::left_out;
use crate::mapping::{Direction, FieldMap, MARKER, MatchBy, OnFirstLink, Section, System};
use crate::processor::decide::{Terms, agree, reconcile};
use crate::sync::desires::{self, Target};
use crate::sync::moves::spokesman;

/// Decides the fields of a customer whose records `record` (Intercom) and `to` (Salesforce) were
/// just linked, by the section's policy, and fills what follows from it.
pub fn connect<J: Journal>(
    journal: &mut J,
    terms: &Terms<'_>,
    section: &Section,
    record: &RecordRef,
    to: &RecordRef,
) {
    for field in &section.fields {
        if field.applies_to(to.object.as_str()) && field.flows_from(System::Salesforce) {
            settle_field(journal, terms, section, field, record, to);
        }
    }
    adopt_all(journal, terms, section, [record, to]);
    // Joining two customers can have changed what the records linked before should hold.
    let all = fields(section);
    agree::follow_beside(journal, terms, section, record, &all, &[record, to]);
}

/// The names of all mapped fields.
pub fn fields(section: &Section) -> BTreeSet<Name> {
    let names = section.fields.iter().map(|field| field.intercom.clone());
    names.collect()
}

/// What a record that we created means for the one it was made from: it has nothing of its own
/// but what the org gave it.
pub fn created<J: Journal>(
    journal: &mut J,
    terms: &Terms<'_>,
    section: &Section,
    origin: &RecordRef,
    record: &RecordRef,
) {
    spoken_anew(journal, terms, section, record);
    adopt_all(journal, terms, section, [origin]);
}

/// What a record that we created in Intercom says first: its values are decided where nobody has
/// decided, which is so for what flows to Salesforce only.
pub fn founded_by<J: Journal>(
    journal: &mut J,
    terms: &Terms<'_>,
    section: &Section,
    record: &RecordRef,
) {
    let system = terms.mapping.system_of(record);
    for field in section.fields.iter().filter(|one| one.flows_from(system)) {
        let Some(customer) = customer_of(journal, journal.bridge(), record) else {
            return;
        };
        let claim = claim(field, system, record, &customer.records[record]);
        if !customer.decided.contains_key(&field.intercom) && !claim.value.is_blank() {
            agree::decided(journal, &customer, field, &claim, Value::Null, "founding");
        }
    }
}

/// Gives the records that are new to their customer what it has decided: blanks are filled.
pub fn adopt_all<'a, J: Journal>(
    journal: &mut J,
    terms: &Terms<'_>,
    section: &Section,
    records: impl IntoIterator<Item = &'a RecordRef>,
) {
    for record in records {
        let Some(customer) = customer_of(journal, journal.bridge(), record) else {
            continue;
        };
        let Some(state) = customer
            .records
            .get(record)
            .filter(|state| state.gone.is_none())
        else {
            continue;
        };
        let target = Target {
            system: terms.mapping.system_of(record),
            record,
            state,
        };
        let explicit = explicit(terms, section, &customer, target)
            .filter(|(_, key)| !is_borne_elsewhere(journal, record, key));
        let mut wanted = desires::at_first_link(section, &customer, target, explicit);
        wanted.retain(|desire| state.desired.get(&desire.name) != Some(desire));
        reconcile::desire(journal, terms, record, wanted);
    }
}

/// Decides one field.
fn settle_field<J: Journal>(
    journal: &mut J,
    terms: &Terms<'_>,
    section: &Section,
    field: &FieldMap,
    record: &RecordRef,
    to: &RecordRef,
) {
    let Some(customer) = customer_of(journal, journal.bridge(), to) else {
        return;
    };
    if customer.contested.contains_key(&field.intercom) {
        return;
    }
    let (Some(ours), Some(theirs)) = (customer.records.get(record), customer.records.get(to))
    else {
        return;
    };
    let ours = claim(field, System::Intercom, record, ours);
    let theirs = claim(field, System::Salesforce, to, theirs);
    let policy = match section.on_first_link {
        OnFirstLink::Owner => "owner",
        _ => "fill_blank",
    };
    let standing = customer.decided.get(&field.intercom);
    let previous = standing.map_or(Value::Null, |decided| decided.value.clone());
    let chosen = match field.direction {
        Direction::ToIntercom => {
            let salesforce = |record: &RecordRef| terms.mapping.is_salesforce(record);
            if spokesman(section, salesforce, &customer, field) != Some(to) {
                return;
            }
            theirs
        }
        // It was decided with those who are linked already: a newcomer fills blanks only.
        _ if is_established(terms, &customer, [record, to]) => {
            let newcomer = match is_established(terms, &customer, [record]) {
                true => ours,
                false => theirs,
            };
            if newcomer.value.is_blank() || !previous.is_blank() {
                return;
            }
            newcomer
        }
        _ if ours.value.is_blank() || ours.value == theirs.value => theirs,
        _ if theirs.value.is_blank() => ours,
        _ if section.on_first_link == OnFirstLink::Review => {
            return agree::open(journal, terms, &customer, field, vec![ours, theirs]);
        }
        _ if field.owner == System::Salesforce => theirs,
        _ => ours,
    };
    if chosen.value != previous {
        agree::decided(journal, &customer, field, &chosen, previous, policy);
    }
}

/// Whether records of both systems were linked before these came: by a link that not all of these
/// are part of.
fn is_established<const N: usize>(
    terms: &Terms<'_>,
    customer: &Customer,
    newcomers: [&RecordRef; N],
) -> bool {
    let others = |link: &crate::domain::view::Link| {
        let pair = [&link.left, &link.right];
        let crosses = terms.mapping.is_salesforce(pair[0]) != terms.mapping.is_salesforce(pair[1]);
        crosses && !newcomers.iter().all(|one| pair.contains(one))
    };
    customer.links.iter().any(others)
}

fn claim(field: &FieldMap, system: System, record: &RecordRef, state: &RecordState) -> Claim {
    Claim {
        record: record.clone(),
        value: field.decided_from(system, &OnceSettled(state)),
        version: state.version,
    }
}

/// What a record shows once our writes have given it back what is its own.
struct OnceSettled<'a>(&'a RecordState);

impl Shows for OnceSettled<'_> {
    fn shown(&self, name: &str) -> Option<&Value> {
        match self.0.desired.get(name) {
            Some(desire) if desire.basis == Basis::Kept => Some(&desire.value),
            _ => self.0.shown(name),
        }
    }
}

/// Fields that one record of Salesforce speaks for are decided anew when another one takes over.
pub fn spoken_anew<J: Journal>(
    journal: &mut J,
    terms: &Terms<'_>,
    section: &Section,
    record: &RecordRef,
) {
    let mut decided = BTreeSet::new();
    for field in &section.fields {
        let Some(customer) = customer_of(journal, journal.bridge(), record) else {
            return;
        };
        if field.direction != Direction::ToIntercom {
            continue;
        }
        let salesforce = |record: &RecordRef| terms.mapping.is_salesforce(record);
        let Some(speaker) = spokesman(section, salesforce, &customer, field).cloned() else {
            continue;
        };
        if left_out(journal, journal.bridge(), terms.mapping, &speaker).is_some() {
            continue;
        }
        let state = &customer.records[&speaker];
        if !field
            .salesforce
            .iter()
            .all(|name| state.seen.contains_key(name))
        {
            // Not shown yet: its own event decides when it comes.
            continue;
        }
        let claim = claim(field, System::Salesforce, &speaker, state);
        let standing = customer.decided.get(&field.intercom);
        let previous = standing.map_or(Value::Null, |decided| decided.value.clone());
        if claim.value != previous {
            agree::decided(journal, &customer, field, &claim, previous, "spokesman");
            decided.insert(field.intercom.clone());
        }
    }
    agree::follow(journal, terms, section, record, &decided);
}

/// Our key for a record of Salesforce that has none.
pub fn key_desire(
    terms: &Terms<'_>,
    section: &Section,
    customer: &Customer,
    target: Target<'_>,
) -> Option<Desire> {
    let (by, key) = explicit(terms, section, customer, target)?;
    target
        .state
        .value_seen(&by.salesforce)
        .is_blank()
        .then(|| Desire {
            name: by.salesforce.clone(),
            value: Value::text(key),
            basis: Basis::Key,
        })
}

/// A contact that we made bears the marker of the record it was made of: no longer, once they are
/// taken apart. Whoever looked for what was made of that record would find it.
pub fn marker_after_split(
    section: &Section,
    part: &Customer,
    target: Target<'_>,
) -> Option<Desire> {
    if target.system != System::Intercom || !section.rules.iter().any(MatchBy::is_marker) {
        return None;
    }
    let marked = target.state.value_seen(MARKER);
    let mut records = part.records.keys();
    let is_here = marked
        .as_text()
        .is_some_and(|id| records.any(|one| one.id == *id));
    (!marked.is_blank() && !is_here).then(|| Desire {
        name: MARKER.into(),
        value: Value::Null,
        basis: Basis::Kept,
    })
}

/// Our key for a record of Salesforce that bears, or is about to, that of a record it is no longer
/// linked to. What somebody else writes there later stays.
pub fn key_after_split(
    terms: &Terms<'_>,
    section: &Section,
    part: &Customer,
    target: Target<'_>,
) -> Option<Desire> {
    let rule = section.rule(MatchRule::Explicit)?;
    if target.system != System::Salesforce {
        return None;
    }
    let (name, state) = (&rule.salesforce, target.state);
    let ours = part.records.keys();
    let keys: Vec<String> = ours
        .filter_map(|one| terms.mapping.explicit_key(one))
        .collect();
    let is_foreign = |value: &Value| {
        let key = value.as_text().filter(|text| is_our_form(terms, text));
        key.is_some_and(|key| !keys.iter().any(|one| one == key))
    };
    let desired = state.desired.get(name).map(|desire| &desire.value);
    if !is_foreign(state.value_seen(name)) && !desired.is_some_and(is_foreign) {
        return None;
    }
    let key = explicit(terms, section, part, target).map(|(_, key)| Value::text(key));
    let basis = match key {
        Some(_) => Basis::Key,
        None => Basis::Kept,
    };
    Some(Desire {
        name: name.clone(),
        value: key.unwrap_or(Value::Null),
        basis,
    })
}

/// Whether a key names a record of one of the bridge's workspaces: another one is not ours to take.
fn is_our_form(terms: &Terms<'_>, key: &str) -> bool {
    let mut workspaces = terms.mapping.sources.intercom.values();
    workspaces.any(|app| {
        let rest = key.strip_prefix(app.as_str());
        rest.is_some_and(|rest| rest.starts_with(':'))
    })
}

/// The explicit rule with the key of the customer's first Intercom record that no other record of
/// the object bears: the key is unique in the org.
fn explicit<'s>(
    terms: &Terms<'_>,
    section: &'s Section,
    customer: &Customer,
    target: Target<'_>,
) -> Option<(&'s crate::mapping::MatchBy, String)> {
    if target.system != System::Salesforce {
        return None;
    }
    let rule = section.rule(MatchRule::Explicit)?;
    let ours = customer
        .records
        .iter()
        .filter(|(record, state)| !terms.mapping.is_salesforce(record) && state.gone.is_none());
    let mut ours: Vec<_> = ours.collect();
    ours.sort_by_key(|(record, state)| (state.entered, (*record).clone()));
    let mut keys = ours
        .into_iter()
        .filter_map(|(record, _)| terms.mapping.explicit_key(record));
    let key = keys.find(|key| !is_borne(customer, target.record, &rule.salesforce, key))?;
    Some((rule, key))
}

/// Whether a record of another customer still bears a key, which is unique in the org: it is
/// written once that one has lost it.
fn is_borne_elsewhere<J: Journal>(journal: &J, record: &RecordRef, key: &str) -> bool {
    let key = MatchKey::new(MatchRule::Explicit, key);
    let holders = matching(journal, journal.bridge(), &key).records;
    let mut others = holders.iter().filter(|other| *other != record);
    others.any(|other| other.source == record.source && other.object == record.object)
}

/// Whether another record of the same object bears a key, or is to bear it.
fn is_borne(customer: &Customer, record: &RecordRef, field: &str, key: &str) -> bool {
    let key = Value::text(key);
    customer.records.iter().any(|(other, state)| {
        let desired = state.desired.get(field).map(|desire| &desire.value);
        other != record
            && other.object == record.object
            && state.gone.is_none()
            && (*state.value_seen(field) == key || desired == Some(&key))
    })
}
