//! Candidates: the records that could be a record's counterpart, and what follows from them.

use std::collections::BTreeSet;

use crate::domain::view::{Customer, RecordState, ViewRead, customer_of, matching, record_state};
use crate::domain::{BridgeId, MatchKey, MatchRule, RecordRef, RecordSnapshot, Value};
use crate::identity::keys::{is_shared, keys_of, telling};
use crate::identity::participation::{Out, Participation};
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
    let parts = Participation {
        view,
        bridge,
        mapping,
        section,
    };
    let joins = |record: &RecordRef| {
        !is_apart(view, bridge, customer, record) && parts.between_known(customer, record).is_none()
    };
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
    let parts = Participation {
        view,
        bridge,
        mapping,
        section,
    };
    let takes_part = |row: &RecordSnapshot| {
        let out = parts.between(customer, &row.record, &row.fields, &row.fields);
        out.is_none()
    };
    let joins = |record: &RecordRef| {
        let mut of_it = rows.iter().filter(|row| row.record == *record);
        !is_apart(view, bridge, customer, record) && of_it.all(takes_part)
    };
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

/// Whether a record of Salesforce that holds one of a record's identifiers is left out: it is the
/// counterpart, and nothing is made beside it. One of another scope is somebody else.
pub fn is_left_out_in_view<V: ViewRead + ?Sized>(
    parts: Participation<'_, V>,
    customer: &Customer,
    state: &RecordState,
) -> bool {
    if !parts.section.parts() && parts.mapping.pilot.is_none() {
        return false;
    }
    telling(parts.view, parts.bridge, parts.section, state)
        .iter()
        .any(|key| {
            let holders = matching(parts.view, parts.bridge, key).records.into_iter();
            let mut others = holders.filter(|other| {
                let known = record_state(parts.view, parts.bridge, other);
                parts.mapping.is_salesforce(other) && known.is_some_and(|one| one.gone.is_none())
            });
            others.any(|other| is_hidden(parts.between_known(customer, &other)))
        })
}

/// The rows of a lookup that are left out in the same way.
pub fn left_out_rows<'r, V: ViewRead + ?Sized>(
    parts: Participation<'_, V>,
    customer: &Customer,
    state: &RecordState,
    rows: &'r [RecordSnapshot],
) -> Vec<&'r RecordSnapshot> {
    let keys = telling(parts.view, parts.bridge, parts.section, state);
    let hidden = rows.iter().filter(|row| {
        let theirs = keys_of(parts.mapping, parts.section, &row.record, &row.fields);
        !is_converted(row)
            && !theirs.is_disjoint(&keys)
            && is_hidden(parts.between(customer, &row.record, &row.fields, &row.fields))
    });
    hidden.collect()
}

/// Whether a record is the same person, but for who takes part.
pub fn is_hidden(out: Option<Out>) -> bool {
    matches!(out, Some(Out::NotIncluded | Out::NotInPilot))
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
