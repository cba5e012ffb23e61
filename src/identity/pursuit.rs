//! The pursuit: the next step of a record towards its counterpart in the other system.

use std::collections::BTreeSet;

use crate::domain::ViewKey;
use crate::domain::command::{Lookup, LookupQuery};
use crate::domain::view::{Customer, Pursuit, RecordState, ViewEntry, ViewRead};
use crate::domain::view::{matching, record_state};
use crate::domain::{BridgeId, Fields, Gone, MatchKey, MatchRule, ObjectName, RecordRef, Value};
use crate::identity::candidates::{Verdict, in_view, in_view_beside_our_key};
use crate::identity::candidates::{is_left_out_in_view, searchable};
use crate::identity::keys::{lacks, nameless, telling};
use crate::identity::participation::{Out, Participation};
use crate::mapping::{Ambiguous, CreateRule, Mapping, Section, System};

/// Rows asked of one lookup query: enough to see that a match is not the only one, and to list
/// candidates for a person.
pub const LOOKUP_ROWS_MAX: u32 = 20;

/// What is to be done next. Each case is a decision of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Nothing, because.
    Rest { why: &'static str },
    /// The view knows who it could be.
    Found(Verdict),
    /// It qualifies but lacks something.
    Wait { missing: Vec<String> },
    /// It waited, and no longer qualifies.
    StopWaiting,
    /// Another record with one of its keys is looking or creating.
    Defer { behind: RecordRef },
    /// Ask the other system before anything is created.
    LookUp(Lookup),
}

/// Decides the next step for an Intercom record.
pub fn next<V: ViewRead + ?Sized>(
    view: &V,
    bridge: &BridgeId,
    mapping: &Mapping,
    section: &Section,
    customer: &Customer,
    record: &RecordRef,
    keys_changed: bool,
) -> Step {
    let Some(state) = customer
        .records
        .get(record)
        .filter(|state| state.gone.is_none())
    else {
        return Step::Rest { why: "record_gone" };
    };
    let parts = Participation {
        view,
        bridge,
        mapping,
        section,
    };
    let out = parts.out(customer, record);
    if let Some(out) = out.filter(|out| *out != Out::Unplaced) {
        return rest_of(out, state);
    }
    if customer
        .records
        .keys()
        .any(|other| mapping.is_salesforce(other))
    {
        return match others_that_match(view, bridge, mapping, section, customer, state) {
            Some(verdict) => Step::Found(verdict),
            None => Step::Rest { why: "linked" },
        };
    }
    match state.pursuit {
        Pursuit::Idle | Pursuit::Waiting { .. } => {}
        Pursuit::InReview { .. } => return Step::Rest { why: "in_review" },
        _ => return Step::Rest { why: "pursued" },
    }
    if let Some(behind) = creating(customer) {
        // The same customer, told apart by no key: its record is about to stand.
        return Step::Defer { behind };
    }
    let verdict = in_view(view, bridge, mapping, section, customer, state);
    if verdict != Verdict::Nobody {
        return Step::Found(verdict);
    }
    if let Some(out) = out {
        return rest_of(out, state);
    }
    if is_left_out_in_view(parts, customer, state) {
        let why = "counterpart_left_out";
        return Step::Rest { why };
    }
    match &section.create {
        Some(create) => {
            towards_creation(view, bridge, mapping, section, (customer, record), create)
        }
        // Without a rule to create, one look per set of keys is enough.
        None if keys_changed && !telling(view, bridge, section, state).is_empty() => {
            claim_or_defer(view, bridge, mapping, section, state, record)
        }
        None => Step::Rest {
            why: "no_create_rule",
        },
    }
}

/// A record that takes no part waits for nothing.
pub fn rest_of(out: Out, state: &RecordState) -> Step {
    match state.pursuit {
        Pursuit::Waiting { .. } => Step::StopWaiting,
        _ => Step::Rest { why: out.code() },
    }
}

/// Where all that match are the customer: those that came since the first ones were linked.
fn others_that_match<V: ViewRead + ?Sized>(
    view: &V,
    bridge: &BridgeId,
    mapping: &Mapping,
    section: &Section,
    customer: &Customer,
    state: &RecordState,
) -> Option<Verdict> {
    if section.ambiguous != Ambiguous::All || state.pursuit != Pursuit::Idle {
        return None;
    }
    let found = in_view_beside_our_key(view, bridge, mapping, section, customer, state);
    let Verdict::All { mut records, key } = found else {
        return None;
    };
    // What it is linked to by another identifier says more than what all of these share.
    let evidence = hex::encode(key.hash);
    let mut links = customer.links.iter();
    let by_this = links.any(|link| link.rule == key.rule && link.evidence == evidence);
    records.retain(|record| !customer.records.contains_key(record));
    (by_this && !records.is_empty()).then_some(Verdict::All { records, key })
}

/// The record of a customer from which a creation is in flight.
pub fn creating(customer: &Customer) -> Option<RecordRef> {
    let creates = |state: &RecordState| matches!(state.pursuit, Pursuit::Creating { .. });
    let mut records = customer.records.iter();
    records
        .find(|(_, state)| creates(state))
        .map(|(record, _)| record.clone())
}

fn claim_or_defer<V: ViewRead + ?Sized>(
    view: &V,
    bridge: &BridgeId,
    mapping: &Mapping,
    section: &Section,
    state: &RecordState,
    record: &RecordRef,
) -> Step {
    let keys = telling(view, bridge, section, state);
    match in_flight(view, bridge, &keys, record) {
        Some(behind) => Step::Defer { behind },
        None => Step::LookUp(lookup(mapping, section, state, &keys, record)),
    }
}

/// Whether a record that a person has kept apart still bears our key for this one, as a converted
/// lead does for ever: what would be created by the key is that one.
fn is_borne_apart<V: ViewRead + ?Sized>(
    view: &V,
    bridge: &BridgeId,
    mapping: &Mapping,
    section: &Section,
    customer: &Customer,
    record: &RecordRef,
) -> bool {
    let (Some(rule), Some(key)) = (
        section.rule(MatchRule::Explicit),
        mapping.explicit_key(record),
    ) else {
        return false;
    };
    let key = Value::text(key);
    let mut apart = customer
        .records
        .values()
        .flat_map(|state| state.apart.iter());
    apart.any(|other| {
        // One that is gone is in no index.
        let state = record_state(view, bridge, other);
        state.is_some_and(|state| {
            let stands = matches!(state.gone, None | Some(Gone::Converted));
            stands && *state.value_seen(&rule.salesforce) == key
        })
    })
}

fn towards_creation<V: ViewRead + ?Sized>(
    view: &V,
    bridge: &BridgeId,
    mapping: &Mapping,
    section: &Section,
    (customer, record): (&Customer, &RecordRef),
    create: &CreateRule,
) -> Step {
    let state = &customer.records[record];
    let waiting = matches!(state.pursuit, Pursuit::Waiting { .. });
    if is_borne_apart(view, bridge, mapping, section, customer, record) {
        return match waiting {
            true => Step::StopWaiting,
            false => Step::Rest {
                why: "our_key_is_borne_apart",
            },
        };
    }
    if !qualifies(view, bridge, record, state, create) {
        return if waiting {
            Step::StopWaiting
        } else {
            Step::Rest {
                why: "not_qualified",
            }
        };
    }
    let missing = missing(view, bridge, section, create, state);
    if !missing.is_empty() {
        let already = state.pursuit
            == Pursuit::Waiting {
                missing: missing.clone(),
            };
        return if already {
            Step::Rest { why: "waiting" }
        } else {
            Step::Wait { missing }
        };
    }
    claim_or_defer(view, bridge, mapping, section, state, record)
}

/// What the creation rule needs and the record lacks.
pub fn missing<V: ViewRead + ?Sized>(
    view: &V,
    bridge: &BridgeId,
    section: &Section,
    create: &CreateRule,
    state: &RecordState,
) -> Vec<String> {
    let lacks = |need: &&String| lacks(view, bridge, section, state, need);
    let mut missing: Vec<String> = create.needs.iter().filter(lacks).cloned().collect();
    for name in nameless(view, bridge, section, state, System::Intercom) {
        if !missing.contains(&name) {
            missing.push(name);
        }
    }
    let required = section.fields.iter().filter(|field| {
        let here = field.applies_to(&create.object);
        here && field.is_missing_for(System::Salesforce, state)
    });
    for field in required {
        if !missing.iter().any(|name| field.intercom == *name) {
            missing.push(field.intercom.to_string());
        }
    }
    missing
}

/// Whether the creation rule holds for what is known of a record.
pub fn qualifies<V: ViewRead + ?Sized>(
    view: &V,
    bridge: &BridgeId,
    record: &RecordRef,
    state: &RecordState,
    create: &CreateRule,
) -> bool {
    let name = |tag_id: &String| {
        let key = ViewKey::tag_name(bridge, &record.source, tag_id);
        match view.get(&key).as_deref() {
            Some(ViewEntry::TagName(name)) => Some(name.clone()),
            _ => None,
        }
    };
    let tags: BTreeSet<String> = state.tags.iter().filter_map(name).collect();
    create.when.holds(&seen_fields(state), &tags)
}

/// The record that has one of the keys in flight, if it is another one.
pub fn in_flight<V: ViewRead + ?Sized>(
    view: &V,
    bridge: &BridgeId,
    keys: &BTreeSet<MatchKey>,
    record: &RecordRef,
) -> Option<RecordRef> {
    keys.iter()
        .filter_map(|key| matching(view, bridge, key).in_flight)
        .find(|holder| holder != record)
}

/// The question before a first create: who in Salesforce holds one of these identifiers of the
/// record?
pub fn lookup(
    mapping: &Mapping,
    section: &Section,
    state: &RecordState,
    keys: &BTreeSet<MatchKey>,
    record: &RecordRef,
) -> Lookup {
    let queries = section.salesforce_objects.iter().filter_map(|object| {
        let mut any_of = Vec::new();
        for by in &section.rules {
            let held = keys
                .iter()
                .any(|key| key.rule == by.rule && searchable(key));
            if by.is_marker() {
                // What was made from a record of Salesforce is found by the feed of that record: a
                // marker that a person wrote may be no id, which the org would refuse.
                continue;
            }
            let values = if by.is_our_key() {
                mapping.explicit_key(record).into_iter().collect()
            } else {
                by.form.spellings(state.value_seen(&by.intercom))
            };
            if held {
                let terms = values
                    .into_iter()
                    .map(|value| (by.salesforce.clone(), value));
                any_of.extend(terms);
            }
        }
        let object_name = ObjectName::new(object.as_str()).ok()?;
        let fields = section.salesforce_fields(object);
        Some(LookupQuery {
            object: object_name,
            any_of,
            fields,
            rows_max: LOOKUP_ROWS_MAX,
        })
    });
    Lookup {
        origin: record.clone(),
        queries: queries.collect(),
    }
}

/// The values of a record as last seen.
pub fn seen_fields(state: &RecordState) -> Fields {
    state
        .seen
        .iter()
        .map(|(name, seen)| (name.clone(), seen.value.clone()))
        .collect()
}
