//! Candidates: the records that could be a record's counterpart, and what follows from them.

use std::collections::BTreeSet;

use crate::domain::view::{Customer, RecordState, ViewRead, customer_of, matching, record_state};
use crate::domain::{BridgeId, MatchKey, MatchRule, RecordRef, RecordSnapshot, Value};
use crate::identity::keys::{is_shared, keys_of};
use crate::mapping::{Ambiguous, Mapping, MatchBy, Section};

/// What the candidates amount to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    Nobody,
    One {
        record: RecordRef,
        key: MatchKey,
    },
    /// More than one by the same rule in the same object, and all of them are the customer.
    All {
        records: Vec<RecordRef>,
        key: MatchKey,
    },
    /// More than one, or one that the rule only proposes: a person decides.
    Asked {
        records: Vec<RecordRef>,
        key: MatchKey,
    },
}

/// Candidates that the view knows already, for a record of Intercom.
pub fn in_view<V: ViewRead + ?Sized>(
    view: &V,
    bridge: &BridgeId,
    mapping: &Mapping,
    section: &Section,
    customer: &Customer,
    state: &RecordState,
) -> Verdict {
    let says = |key: &MatchKey| !is_shared(view, bridge, section, key);
    known(view, bridge, mapping, section, customer, state, says)
}

/// The same without our own key, which one record of an object bears at most.
pub fn in_view_beside_our_key<V: ViewRead + ?Sized>(
    view: &V,
    bridge: &BridgeId,
    mapping: &Mapping,
    section: &Section,
    customer: &Customer,
    state: &RecordState,
) -> Verdict {
    let says =
        |key: &MatchKey| key.rule != MatchRule::Explicit && !is_shared(view, bridge, section, key);
    known(view, bridge, mapping, section, customer, state, says)
}

fn known<V: ViewRead + ?Sized>(
    view: &V,
    bridge: &BridgeId,
    mapping: &Mapping,
    section: &Section,
    customer: &Customer,
    state: &RecordState,
    says: impl Fn(&MatchKey) -> bool,
) -> Verdict {
    let joins = |record: &RecordRef| !is_apart(view, bridge, customer, record);
    judge(section, state, says, joins, |key| {
        let live = |record: &RecordRef| {
            mapping.is_salesforce(record)
                && record_state(view, bridge, record).is_some_and(|state| state.gone.is_none())
        };
        matching(view, bridge, key)
            .records
            .into_iter()
            .filter(live)
            .collect()
    })
}

/// Candidates among the rows of a lookup. Converted leads are no target.
pub fn in_rows<V: ViewRead + ?Sized>(
    view: &V,
    bridge: &BridgeId,
    mapping: &Mapping,
    section: &Section,
    customer: &Customer,
    state: &RecordState,
    rows: &[RecordSnapshot],
) -> Verdict {
    let says = |key: &MatchKey| !is_shared(view, bridge, section, key);
    let joins = |record: &RecordRef| !is_apart(view, bridge, customer, record);
    judge(section, state, says, joins, |key| {
        let holds = |row: &&RecordSnapshot| {
            !is_converted(row) && keys_of(mapping, section, &row.record, &row.fields).contains(key)
        };
        rows.iter()
            .filter(holds)
            .map(|row| row.record.clone())
            .collect()
    })
}

fn is_converted(row: &RecordSnapshot) -> bool {
    row.fields.get("IsConverted") == Some(&Value::Bool(true))
}

/// Whether a person has kept a record apart from one of a customer's, or one of them from one that
/// the record belongs to. What was merged or converted since takes that over.
pub fn is_apart<V: ViewRead + ?Sized>(
    view: &V,
    bridge: &BridgeId,
    customer: &Customer,
    record: &RecordRef,
) -> bool {
    let keeps = |one: &Customer, other: &RecordRef| {
        let mut states = one.records.values();
        states.any(|state| state.apart.contains(other))
    };
    if keeps(customer, record) {
        return true;
    }
    customer_of(view, bridge, record).is_some_and(|theirs| {
        let mut here = theirs.records.keys();
        let mut there = customer.records.keys();
        here.any(|other| keeps(customer, other)) || there.any(|other| keeps(&theirs, other))
    })
}

/// Asks the rules in their order, and within a rule the objects in theirs; the first that has
/// candidates decides. What a person has kept apart is no candidate.
fn judge(
    section: &Section,
    state: &RecordState,
    says: impl Fn(&MatchKey) -> bool,
    joins: impl Fn(&RecordRef) -> bool,
    candidates: impl Fn(&MatchKey) -> Vec<RecordRef>,
) -> Verdict {
    for by in &section.rules {
        let same = state.keys.iter().filter(|key| key.rule == by.rule);
        for key in same.filter(|key| says(key)) {
            let mut found = candidates(key);
            found.retain(&joins);
            for object in &section.salesforce_objects {
                let of_object = found.iter().filter(|one| one.object.as_str() == object);
                let records: BTreeSet<RecordRef> = of_object.cloned().collect();
                if !records.is_empty() {
                    return judged(section, by, *key, records.into_iter().collect());
                }
            }
        }
    }
    Verdict::Nobody
}

/// What the candidates by one rule in one object amount to; there is one at least, and the lowest
/// id comes first.
fn judged(section: &Section, by: &MatchBy, key: MatchKey, records: Vec<RecordRef>) -> Verdict {
    if by.proposes {
        return Verdict::Asked { records, key };
    }
    let takes_all = records.len() < section.protection.holders_max;
    match (records.as_slice(), section.ambiguous) {
        ([only], _) | ([only, ..], Ambiguous::Best) => Verdict::One {
            record: only.clone(),
            key,
        },
        (_, Ambiguous::All) if takes_all => Verdict::All { records, key },
        _ => Verdict::Asked { records, key },
    }
}

/// Whether two rules' keys are worth a lookup: something that another system can hold.
pub fn searchable(key: &MatchKey) -> bool {
    !matches!(key.rule, MatchRule::Created | MatchRule::SourceMerge)
}
