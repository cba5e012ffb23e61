//! Explain: why records are linked or not, and where each value comes from. Read only.

use serde_json::{Map, Value as Json, json};

use crate::domain::brakes::{FieldRef, Hold, brake_of};
use crate::domain::journal::ReviewKind;
use crate::domain::record::MatchRule;
use crate::domain::shared::Shared;
use crate::domain::view::{Customer, Link, Pursuit, RecordState, ReviewItem, ViewEntry, ViewRead};
use crate::domain::view::{customer_id_of, matching};
use crate::domain::{BridgeId, MatchKey, Name, RecordRef, ViewKey};
use crate::identity::keys::{is_shared, key_by};
use crate::identity::outward;
use crate::identity::participation::{Out, left_out};
use crate::mapping::{FieldMap, Mapping, Section, System};
use crate::processor::decide::pursue::asked_by;
use crate::processor::nearest::{Alone, Depth, nearest};
use crate::processor::queries;

/// Other holders of a key that are named.
const HOLDERS_MAX: usize = 10;

/// Explains the customers that a query finds. Values are shown: the answer is for operators.
pub fn explain<V: ViewRead>(
    view: &V,
    bridge: &BridgeId,
    mapping: Option<&Mapping>,
    query: &str,
    depth: Depth,
) -> Json {
    let sources = mapping.map(|mapping| &mapping.sources);
    let customers = queries::customers(view, bridge, sources, query);
    let explained = customers.iter().map(|customer| {
        json!({
            "customer_id": customer.id.to_string(),
            "kind": format!("{:?}", customer.kind).to_lowercase(),
            "place": queries::place(view, bridge, customer),
            "linked_because": customer.links.iter().map(link).collect::<Vec<_>>(),
            "records": records(view, bridge, mapping, customer, depth),
            "fields": fields(view, bridge, mapping, customer),
        })
    });
    json!({"bridge": bridge.as_str(), "query": query, "customers": explained.collect::<Vec<_>>()})
}

fn link(link: &Link) -> Json {
    json!({
        "left": link.left.to_string(),
        "right": link.right.to_string(),
        "rule": format!("{:?}", link.rule),
        "rule_version": link.rule_version,
        "meaning": meaning(link.rule),
        "evidence": link.evidence,
        "observation": link.cause.map(|cause| cause.to_string()),
        "journal_sequence": link.sequence,
    })
}

fn meaning(rule: MatchRule) -> &'static str {
    match rule {
        MatchRule::Explicit => "our key of the one stands in the other",
        MatchRule::ExternalId => "both hold the same configured id",
        MatchRule::Email => "both hold the same e-mail address",
        MatchRule::Phone => "both hold the same telephone number",
        MatchRule::Domain => "both have the same web domain",
        MatchRule::AccountKey => "both hold the same company key",
        MatchRule::Created => "the one was created from the other, after a look found none",
        MatchRule::SourceMerge => "the source merged the two",
        MatchRule::Conversion => "the lead was converted into the contact",
        MatchRule::Operator => "a person said so",
    }
}

fn records<V: ViewRead>(
    view: &V,
    bridge: &BridgeId,
    mapping: Option<&Mapping>,
    customer: &Customer,
    depth: Depth,
) -> Vec<Json> {
    let one = |(record, state): (&RecordRef, &Shared<RecordState>)| {
        let mut shown = json!({
            "record": record.to_string(),
            "gone": state.gone.map(|gone| format!("{gone:?}")),
            "takes_no_part": mapping.and_then(|mapping| {
                left_out(view, bridge, mapping, record).map(Out::code)
            }),
            "keys": state.keys.iter().map(key).collect::<Vec<_>>(),
            "suppressed_in_shadow_mode": state.suppressed.as_ref().map(|one| json!({
                "what": one.what.label(), "fields": one.names,
            })),
            "last_writes": state.recent_writes.iter().map(|write| json!({
                "write": write.sequence,
                "fields": write.hashes.keys().collect::<Vec<_>>(),
                "echoed": write.echoed,
            })).collect::<Vec<_>>(),
        });
        if let Some(mapping) = mapping
            && let Some(section) = mapping.section_of(record)
            && is_alone(mapping, section, customer, record)
        {
            let alone = Alone {
                view,
                bridge,
                mapping,
                section,
                record,
                state,
            };
            let mut why = not_linked(view, bridge, mapping, section, record, state);
            why["nearest"] = json!(nearest(&alone, depth));
            shown["not_linked_because"] = why;
        }
        shown
    };
    customer.records.iter().map(one).collect()
}

/// Whether a record has no counterpart in the other system and might have one. That a record of
/// Salesforce has none needs no reason unless a rule creates them in Intercom.
fn is_alone(mapping: &Mapping, section: &Section, customer: &Customer, record: &RecordRef) -> bool {
    let salesforce = mapping.is_salesforce(record);
    let mut others = customer.records.keys();
    let met = others.any(|other| mapping.is_salesforce(other) != salesforce);
    !met && (!salesforce || outward::rule_for(section, record).is_some())
}

pub(super) fn key(key: &MatchKey) -> String {
    format!("{:?}:{}", key.rule, hex::encode(&key.hash[..4]))
}

/// What each rule says, and where the record stands.
fn not_linked<V: ViewRead>(
    view: &V,
    bridge: &BridgeId,
    mapping: &Mapping,
    section: &Section,
    record: &RecordRef,
    state: &RecordState,
) -> Json {
    let salesforce = mapping.is_salesforce(record);
    let (here, there) = if salesforce {
        ("Salesforce", "Intercom")
    } else {
        ("Intercom", "Salesforce")
    };
    let rules = section.rules.iter().map(|by| {
        let (own_field, other_field) = if salesforce {
            (&by.salesforce, &by.intercom)
        } else {
            (&by.intercom, &by.salesforce)
        };
        let value = state.value_seen(own_field);
        let why = match key_by(mapping, section, by, record, state) {
            None if section.blocks(own_field, value) => {
                format!("its {own_field} is one that never matches (protect.blocked)")
            }
            None => format!("it has no {own_field} in {here}"),
            Some(key) if is_shared(view, bridge, section, &key) => format!(
                "more than {} records hold it: it says nothing of who they are",
                section.protection.holders_max
            ),
            Some(key) => {
                let holders = matching(view, bridge, &key).records.into_iter();
                let holders: Vec<RecordRef> = holders
                    .filter(|other| mapping.is_salesforce(other) != salesforce)
                    .take(HOLDERS_MAX)
                    .collect();
                match holders.len() {
                    0 => format!("no known record holds it in {other_field}"),
                    count => format!("{count} record(s) hold it: {}", listed(&holders)),
                }
            }
        };
        json!({"rule": format!("{:?}", by.rule), "finding": why})
    });
    let out = left_out(view, bridge, mapping, record);
    let stands = match &state.pursuit {
        Pursuit::Idle if out.is_some() => {
            format!("it takes no part: {}", out.map_or("", Out::code))
        }
        Pursuit::Idle if salesforce || section.create.is_some() => {
            "it does not meet the condition under which a record is created".to_owned()
        }
        Pursuit::Idle => "nobody asked for a record to be created".to_owned(),
        Pursuit::Waiting { missing } => format!("it lacks {}", missing.join(", ")),
        Pursuit::LookingUp { .. } => format!("{there} is being asked who holds its keys"),
        Pursuit::Deferred { behind, .. } => format!("it stands in line behind {behind}"),
        Pursuit::AwaitingCompany { company } => format!("it waits for the name of {company}"),
        Pursuit::Creating { .. } => "its record is being created".to_owned(),
        Pursuit::InReview { review } => in_review(view, bridge, review),
    };
    json!({"rules": rules.collect::<Vec<_>>(), "stands": stands})
}

fn in_review<V: ViewRead>(view: &V, bridge: &BridgeId, review: &crate::domain::ReviewId) -> String {
    match view.get(&ViewKey::review(bridge, review)).as_deref() {
        Some(ViewEntry::Review(item)) => format!(
            "a person is asked ({review}, {}): {}",
            item.reason,
            listed(&item.candidates)
        ),
        _ => format!("a person is asked ({review})"),
    }
}

fn listed(records: &[RecordRef]) -> String {
    let names: Vec<String> = records.iter().map(ToString::to_string).collect();
    names.join(", ")
}

/// Each mapped field: its value, where it came from, and what each record holds of it.
fn fields<V: ViewRead>(
    view: &V,
    bridge: &BridgeId,
    mapping: Option<&Mapping>,
    customer: &Customer,
) -> Map<String, Json> {
    let first = customer.records.keys().next();
    let section = mapping
        .zip(first)
        .and_then(|(mapping, record)| mapping.section_of(record));
    let mut shown = Map::new();
    for (name, decided) in &customer.decided {
        let field = section.and_then(|section| {
            let mut fields = section.fields.iter();
            fields.find(|field| field.intercom == *name)
        });
        let mut one = json!({
            "value": decided.value.display(),
            "from": decided.by.to_string(),
            "policy": decided.policy,
            "since_ms": [decided.version.from_ms, decided.version.to_ms],
            "observation": decided.cause.map(|cause| cause.to_string()),
            "journal_sequence": decided.sequence,
            "in_conflict": customer.contested.get(name).map(ToString::to_string),
        });
        if let (Some(mapping), Some(field)) = (mapping, field) {
            one["meaning"] = json!(field.meaning);
            one["owner"] = json!(format!("{:?}", field.owner).to_lowercase());
            one["records"] = held(view, bridge, mapping, field, customer);
            let systems = [System::Intercom, System::Salesforce].into_iter();
            let refused = systems.filter(|system| field.flows_to(*system));
            let refused = refused.filter_map(|system| {
                let refusal = field.refusal(system, &decided.value)?;
                let system = format!("{system:?}").to_lowercase();
                Some(json!({"to": system, "because": refusal.0}))
            });
            one["not_written"] = refused.collect();
        }
        shown.insert(name.to_string(), one);
    }
    shown
}

fn held<V: ViewRead>(
    view: &V,
    bridge: &BridgeId,
    mapping: &Mapping,
    field: &FieldMap,
    customer: &Customer,
) -> Json {
    let mut held = Map::new();
    for (record, state) in &customer.records {
        let names = field.names_in(mapping.system_of(record)).iter();
        let values = names.filter_map(|name| {
            let seen = state.seen.get(name)?;
            let desire = state.desired.get(name);
            let accepted = state.accepted.get(name);
            let one = json!({
                "value": seen.value.display(),
                "via": format!("{:?}", seen.via).to_lowercase(),
                "confirmed": seen.confirmed,
                "desired": desire.map(|desire| desire.value.display()),
                "why_desired": desire.map(|desire| format!("{:?}", desire.basis).to_lowercase()),
                "accepted_form_of": accepted.map(|form| form.desired.display()),
                "written_no_more": written_no_more(view, bridge, record, state, name),
            });
            Some((name.to_string(), one))
        });
        let values: Map<String, Json> = values.collect();
        if !values.is_empty() {
            held.insert(record.to_string(), Json::Object(values));
        }
    }
    Json::Object(held)
}

/// Why a field of a record is not written, whatever is desired of it.
fn written_no_more<V: ViewRead>(
    view: &V,
    bridge: &BridgeId,
    record: &RecordRef,
    state: &RecordState,
    name: &Name,
) -> Option<String> {
    if let Some(review) = state.tripped.get(name) {
        return Some(format!("it went back and forth: see {review}"));
    }
    match brake_of(view, bridge, &FieldRef::of(record, name))?.hold {
        Hold::Stopped { review } => Some(format!(
            "too many records of the field were changed within an hour: see {review}"
        )),
        Hold::Refused { .. } => Some("a person refused what waits; it is being given up".into()),
        Hold::Free | Hold::Approved { .. } => None,
    }
}

/// One review item for people who decide: with both values of a conflict.
pub fn review<V: ViewRead>(view: &V, bridge: &BridgeId, item: &ReviewItem) -> Json {
    let claims = item.claims.iter().map(|claim| {
        json!({
            "record": claim.record.to_string(),
            "value": claim.value.display(),
            "since_ms": [claim.version.from_ms, claim.version.to_ms],
        })
    });
    json!({
        "review": item.id.to_string(),
        "bridge": bridge.as_str(),
        "kind": item.kind.label(),
        "record": item.record.to_string(),
        "customer_id": customer_id_of(view, bridge, &item.record).map(|id| id.to_string()),
        "candidates": item.candidates.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "reason": item.reason,
        "field": item.field,
        "claims": claims.collect::<Vec<_>>(),
        "opened_at_ms": item.opened_at.0,
        "answers": answers(item),
    })
}

/// What an item can be answered with, as the command line takes it.
pub fn answers(item: &ReviewItem) -> String {
    let any_of = |flag: &str| match item.candidates.is_empty() {
        true => String::new(),
        false => format!("{flag} RECORD (one of {}), ", listed(&item.candidates)),
    };
    match item.kind {
        ReviewKind::Ambiguous if item.candidates.is_empty() => "--retry or --dismiss".to_owned(),
        ReviewKind::Ambiguous if asked_by(&item.reason, MatchRule::Explicit) => {
            format!("{}--retry or --dismiss", any_of("--link"))
        }
        ReviewKind::Ambiguous => {
            format!("{}--apart, --retry or --dismiss", any_of("--link"))
        }
        ReviewKind::Shared | ReviewKind::Tree => "--dismiss".to_owned(),
        ReviewKind::MassChange => "--approve or --refuse".to_owned(),
        ReviewKind::Oscillating => {
            format!("{}--retry or --dismiss", any_of("--keep"))
        }
        ReviewKind::Conflict => format!("{}--dismiss", any_of("--keep")),
        _ => "--retry or --dismiss".to_owned(),
    }
}
