//! Outward: the next step of a Salesforce record towards a counterpart in Intercom, which only a
//! rule of creation asks for. Records that are there link by themselves, from Intercom's side.

use std::collections::BTreeSet;

use crate::domain::command::{Lookup, LookupQuery};
use crate::domain::journal::CustomerKind;
use crate::domain::view::{Customer, Pursuit, RecordState, ViewRead, customer_of, matching};
use crate::domain::{BridgeId, MatchKey, MatchRule, ObjectName, RecordRef};
use crate::identity::candidates::{Verdict, is_apart, is_hidden};
use crate::identity::keys::{lacks, nameless, telling};
use crate::identity::participation::Participation;
use crate::identity::pursuit::{self, LOOKUP_ROWS_MAX, Step, seen_fields};
use crate::mapping::{CreateInIntercom, Mapping, MatchBy, Section, System};

/// Decides the next step for a record of Salesforce.
pub fn next<V: ViewRead + ?Sized>(
    view: &V,
    bridge: &BridgeId,
    mapping: &Mapping,
    section: &Section,
    customer: &Customer,
    record: &RecordRef,
    keys_changed: bool,
) -> Step {
    let Some(rule) = rule_for(section, record) else {
        return Step::Rest {
            why: "no_create_rule",
        };
    };
    let known = customer.records.get(record);
    let Some(state) = known.filter(|state| state.gone.is_none()) else {
        return Step::Rest { why: "record_gone" };
    };
    let parts = Participation {
        view,
        bridge,
        mapping,
        section,
    };
    if let Some(out) = parts.out(customer, record) {
        return pursuit::rest_of(out, state);
    }
    if is_in_intercom(mapping, customer) {
        return Step::Rest { why: "linked" };
    }
    let waiting = match &state.pursuit {
        Pursuit::Idle => None,
        Pursuit::Waiting { missing } => Some(missing),
        Pursuit::InReview { .. } => return Step::Rest { why: "in_review" },
        _ => return Step::Rest { why: "pursued" },
    };
    if !qualifies(record, state, rule) {
        return match waiting {
            Some(_) => Step::StopWaiting,
            None => Step::Rest {
                why: "not_qualified",
            },
        };
    }
    let missing = missing(view, bridge, section, (record, state), rule);
    if !missing.is_empty() {
        return match waiting {
            Some(known) if *known == missing => Step::Rest { why: "waiting" },
            _ => Step::Wait { missing },
        };
    }
    if bears_our_key(section, state) && !keys_changed {
        return Step::Rest {
            why: "was_linked_once",
        };
    }
    if is_marked_elsewhere(view, bridge, mapping, section, customer, record) {
        return Step::Rest {
            why: "marked_elsewhere",
        };
    }
    if let Some(behind) = pursuit::creating(customer) {
        return Step::Defer { behind };
    }
    match holders(view, bridge, mapping, section, customer, state) {
        Holders::Nobody => {}
        // Each takes its own step, which can lead to this record.
        Holders::Undecided => {
            return Step::Rest {
                why: "theirs_first",
            };
        }
        Holders::Taken(records, key) => return Step::Found(Verdict::Asked { records, key }),
    }
    let keys = telling(view, bridge, section, state);
    match pursuit::in_flight(view, bridge, &keys, record) {
        Some(behind) => Step::Defer { behind },
        None => Step::LookUp(lookup(mapping, section, state, &keys, record)),
    }
}

/// The rule by which the record may become one of Intercom.
pub fn rule_for<'s>(section: &'s Section, record: &RecordRef) -> Option<&'s CreateInIntercom> {
    let rule = section.create_in_intercom.as_ref()?;
    let object = record.object.as_str();
    rule.objects.iter().any(|one| one == object).then_some(rule)
}

/// Whether a customer has, or had, a record in Intercom: what was deleted there is not made again.
pub fn is_in_intercom(mapping: &Mapping, customer: &Customer) -> bool {
    let mut records = customer.records.keys();
    records.any(|other| !mapping.is_salesforce(other))
}

/// Whether a record bears our key: it was linked once, and nothing is made for it again. What was
/// deleted in Intercom stays deleted.
pub fn bears_our_key(section: &Section, state: &RecordState) -> bool {
    let rule = section.rule(MatchRule::Explicit);
    rule.is_some_and(|by| !state.value_seen(&by.salesforce).is_blank())
}

/// Whether a contact that we made of a record, and that a person has kept apart from it since,
/// still bears its marker: whoever looks for what was made would find that one.
pub fn is_marked_elsewhere<V: ViewRead + ?Sized>(
    view: &V,
    bridge: &BridgeId,
    mapping: &Mapping,
    section: &Section,
    customer: &Customer,
    record: &RecordRef,
) -> bool {
    if !section.rules.iter().any(MatchBy::is_marker) {
        return false;
    }
    let key = MatchKey::new(MatchRule::Explicit, &record.id);
    let marked = matching(view, bridge, &key).records.into_iter();
    let mut marked = marked.filter(|one| !mapping.is_salesforce(one));
    marked.any(|one| is_apart(view, bridge, customer, &one))
}

/// Whether the rule holds for what is known of a record.
pub fn qualifies(record: &RecordRef, state: &RecordState, rule: &CreateInIntercom) -> bool {
    rule.when
        .holds_for(record.object.as_str(), &seen_fields(state))
}

/// What the creation needs and the record lacks: what the new record is to be known by.
pub fn missing<V: ViewRead + ?Sized>(
    view: &V,
    bridge: &BridgeId,
    section: &Section,
    (record, state): (&RecordRef, &RecordState),
    rule: &CreateInIntercom,
) -> Vec<String> {
    let field = &rule.key.salesforce;
    let lacks = lacks(view, bridge, section, state, field);
    let mut missing: Vec<String> = lacks.then(|| field.to_string()).into_iter().collect();
    let required = section.fields.iter().filter(|field| {
        let here = field.applies_to(record.object.as_str());
        here && field.is_missing_for(System::Intercom, state)
    });
    let required = required.map(|field| field.salesforce.join(" + "));
    let nameless = nameless(view, bridge, section, state, System::Salesforce);
    for name in nameless.into_iter().chain(required) {
        if !missing.contains(&name) {
            missing.push(name);
        }
    }
    missing
}

/// Records of Intercom that hold an identifier of one of Salesforce.
pub enum Holders {
    Nobody,
    /// At least one is not linked, and takes its own steps.
    Undecided,
    /// All are linked to others: whether this is the same customer is for a person to say.
    Taken(Vec<RecordRef>, MatchKey),
}

/// Who in Intercom is known to hold one of the keys.
pub fn holders<V: ViewRead + ?Sized>(
    view: &V,
    bridge: &BridgeId,
    mapping: &Mapping,
    section: &Section,
    sought: &Customer,
    state: &RecordState,
) -> Holders {
    let parts = Participation {
        view,
        bridge,
        mapping,
        section,
    };
    let mut taken: Option<(Vec<RecordRef>, MatchKey)> = None;
    for key in telling(view, bridge, section, state) {
        let records = matching(view, bridge, &key).records.into_iter();
        let candidate =
            |one: &RecordRef| !mapping.is_salesforce(one) && !is_apart(view, bridge, sought, one);
        for record in records.filter(candidate) {
            let Some(customer) = customer_of(view, bridge, &record) else {
                continue;
            };
            if customer.records[&record].gone.is_some() {
                continue;
            }
            match parts.between_known(sought, &record) {
                None => {}
                // It is the counterpart, and takes no part: nothing is made beside it.
                out if is_hidden(out) => return Holders::Undecided,
                Some(_) => continue,
            }
            if !customer
                .records
                .keys()
                .any(|other| mapping.is_salesforce(other))
            {
                return Holders::Undecided;
            }
            let (records, _) = taken.get_or_insert_with(|| (Vec::new(), key));
            if !records.contains(&record) {
                records.push(record);
            }
        }
    }
    match taken {
        Some((records, key)) => Holders::Taken(records, key),
        None => Holders::Nobody,
    }
}

/// The question before a first create: who in Intercom holds one of this record's identifiers?
pub fn lookup(
    mapping: &Mapping,
    section: &Section,
    state: &RecordState,
    keys: &BTreeSet<MatchKey>,
    record: &RecordRef,
) -> Lookup {
    let mut any_of = Vec::new();
    for by in &section.rules {
        if by.rule == MatchRule::Domain {
            // Intercom cannot be asked for companies by their web address.
            continue;
        }
        let value = state.value_seen(&by.salesforce);
        let values = if by.is_our_key() {
            if section.kind == CustomerKind::Company {
                // Companies are found by their company id only.
                continue;
            }
            // Another bridge's key names a record of a workspace that is not ours.
            let key = by.form.compared(value);
            let id = key.and_then(|key| own_id(mapping, &key));
            id.into_iter().collect()
        } else if keys.iter().any(|key| key.rule == by.rule) {
            by.form.spellings(value)
        } else {
            BTreeSet::new()
        };
        any_of.extend(values.into_iter().map(|value| (by.intercom.clone(), value)));
    }
    let query = ObjectName::new(section.intercom_object.as_str())
        .ok()
        .map(|object| LookupQuery {
            object,
            any_of,
            fields: Vec::new(),
            rows_max: LOOKUP_ROWS_MAX,
        });
    Lookup {
        origin: record.clone(),
        queries: query.into_iter().collect(),
    }
}

/// The id in an explicit key of one of the bridge's workspaces.
fn own_id(mapping: &Mapping, key: &str) -> Option<String> {
    let mut workspaces = mapping.sources.intercom.values();
    workspaces.find_map(|app| {
        Some(
            key.strip_prefix(app.as_str())?
                .strip_prefix(':')?
                .to_owned(),
        )
    })
}
