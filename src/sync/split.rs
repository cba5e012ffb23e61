//! Split: a customer of which two records are not the same after all. Which records go with which,
//! what each part says of itself, and what our writes are to give back.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::journal::{Basis, Claim, Desire};
use crate::domain::view::{Customer, Link, Own, RecordState};
use crate::domain::{RecordRef, Shows, Value};
use crate::mapping::{FieldMap, Mapping, Section, System};
use crate::sync::desires::{Target, never_blank};

/// The records of a customer once what links two of them is gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parts {
    /// They stay the customer: the record that was linked first is among them.
    pub stay: BTreeSet<RecordRef>,
    /// They become one of their own.
    pub leave: BTreeSet<RecordRef>,
}

/// Takes the links between two records of a customer away. None where other links still join the
/// two: what they go through is in the error.
pub fn parts(
    customer: &Customer,
    left: &RecordRef,
    right: &RecordRef,
) -> Result<Parts, Vec<RecordRef>> {
    let between = |link: &&Link| {
        let pair = [&link.left, &link.right];
        !(pair.contains(&left) && pair.contains(&right))
    };
    let links: Vec<&Link> = customer.links.iter().filter(between).collect();
    let of_left = reached(&links, left);
    if of_left.contains_key(right) {
        return Err(path(&of_left, right));
    }
    let of_left: BTreeSet<RecordRef> = of_left.into_keys().cloned().collect();
    let all = customer.records.keys();
    let others: BTreeSet<RecordRef> = all.filter(|one| !of_left.contains(*one)).cloned().collect();
    let first = |records: &BTreeSet<RecordRef>| {
        let places = records.iter().map(|record| linked_at(customer, record));
        places.min()
    };
    let (stay, leave) = match first(&of_left) < first(&others) {
        true => (of_left, others),
        false => (others, of_left),
    };
    Ok(Parts { stay, leave })
}

/// When a record was first linked, and when it became known.
fn linked_at(customer: &Customer, record: &RecordRef) -> (u64, u64) {
    let links = customer.links.iter();
    let own = links.filter(|link| link.left == *record || link.right == *record);
    let first = own.map(|link| link.sequence).min().unwrap_or(u64::MAX);
    (first, customer.records[record].entered)
}

/// Every record that links lead to, with the one from which it was reached.
fn reached<'a>(
    links: &[&'a Link],
    from: &'a RecordRef,
) -> BTreeMap<&'a RecordRef, Option<&'a RecordRef>> {
    let mut found = BTreeMap::from([(from, None)]);
    let mut next = vec![from];
    while let Some(here) = next.pop() {
        for link in links {
            let there = match (&link.left == here, &link.right == here) {
                (true, _) => &link.right,
                (_, true) => &link.left,
                _ => continue,
            };
            if !found.contains_key(there) {
                found.insert(there, Some(here));
                next.push(there);
            }
        }
    }
    found
}

/// The records between, from the one that `found` began with to `to`.
fn path(found: &BTreeMap<&RecordRef, Option<&RecordRef>>, to: &RecordRef) -> Vec<RecordRef> {
    let mut path = Vec::new();
    let mut here = found.get(to).copied().flatten();
    while let Some(record) = here {
        path.push(record.clone());
        here = found.get(record).copied().flatten();
    }
    path.reverse();
    path.drain(..1.min(path.len()));
    path
}

/// What a record showed before our writes replaced it.
struct Before<'a>(&'a RecordState);

impl Shows for Before<'_> {
    fn shown(&self, name: &str) -> Option<&Value> {
        match self.0.own.get(name) {
            Some(own) => Some(&own.value),
            None => self.0.shown(name),
        }
    }
}

/// What the records of a part say of a field themselves: the owner's word first, then the newest.
/// None where nobody says anything.
pub fn own_claim(mapping: &Mapping, field: &FieldMap, part: &Customer) -> Option<Claim> {
    let live = part
        .records
        .iter()
        .filter(|(_, state)| state.gone.is_none());
    let claims = live.filter_map(|(record, state)| {
        let system = mapping.system_of(record);
        let speaks = system == System::Intercom || field.applies_to(record.object.as_str());
        if !field.flows_from(system) || !speaks {
            return None;
        }
        let value = field.decided_from(system, &Before(state));
        let version = field.names_in(system).iter().filter_map(|name| {
            let own = state.own.get(name).map(|own| own.version);
            own.or_else(|| state.seen.get(name).map(|seen| seen.version))
        });
        let version = version
            .max_by_key(|version| version.to_ms)
            .unwrap_or(state.version);
        let claim = Claim {
            record: record.clone(),
            value,
            version,
        };
        (!claim.value.is_blank()).then_some((system == field.owner, claim))
    });
    let best = claims.max_by_key(|(owns, claim)| (*owns, claim.version.to_ms));
    best.map(|(_, claim)| claim)
}

/// What a record of a part should hold: what it held before our writes, where that is its own to
/// say, and nothing of what came from the other part.
pub fn given_back(
    mapping: &Mapping,
    section: &Section,
    part: &Customer,
    target: Target<'_>,
) -> Vec<Desire> {
    let mut desires = Vec::new();
    let written = section.fields.iter().filter(|field| {
        let applies = field.applies_to(target.record.object.as_str());
        field.flows_to(target.system) && (target.system == System::Intercom || applies)
    });
    for field in written {
        let decided = part
            .decided
            .get(&field.intercom)
            .map(|decided| &decided.value);
        let told = has_source(mapping, field, part, target.record);
        for name in field.names_in(target.system) {
            let Some(Own { value, .. }) = target.state.own.get(name) else {
                continue;
            };
            // A blank that somebody in this part fills is filled again.
            if value.is_blank() && (told || never_blank(section, target, name)) {
                continue;
            }
            let says = decided.is_some_and(|decided| {
                let desired = field.desired_in(target.system, decided);
                let mut of_name = desired.filter(|(known, _)| *known == name);
                of_name.any(|(_, wanted)| wanted == *value)
            });
            desires.push(Desire {
                name: name.clone(),
                value: value.clone(),
                basis: match says {
                    true => Basis::Agreed,
                    false => Basis::Kept,
                },
            });
        }
    }
    desires
}

/// Whether another record of the part says what a field should hold.
fn has_source(mapping: &Mapping, field: &FieldMap, part: &Customer, record: &RecordRef) -> bool {
    let mut others = part
        .records
        .iter()
        .filter(|(other, state)| *other != record && state.gone.is_none());
    let decided = part.decided.get(&field.intercom);
    decided.is_some_and(|decided| !decided.value.is_blank())
        && others.any(|(other, _)| field.flows_from(mapping.system_of(other)))
}
