//! Queries: what an operator asks of the view. Read only.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

use crate::domain::brakes::Withheld;
use crate::domain::journal::{BridgeMode, ReviewKind};
use crate::domain::record::MatchRule;
use crate::domain::shared::Shared;
use crate::domain::tree;
use crate::domain::view::{
    Customer, Pursuit, RecordState, ViewEntry, ViewRead, bridge_state, customer_id_of, matching,
};
use crate::domain::{
    BridgeId, CustomerId, MatchKey, Name, ObservationId, RecordRef, ReviewAnswer, ReviewId,
    Timestamp, Topic, ViewKey,
};
use crate::mapping::{Mapping, Offer, Sources};
use crate::processor::decide::revert;
use crate::processor::decide::review::fits;
use crate::processor::decide::unlink::{self, Refusal};
use crate::processor::explain;
use crate::processor::nearest::Depth;
use crate::processor::project::account;
use crate::processor::step::partition_state;
use crate::processor::view::View;
use crate::sync::revert::Scope;

/// Most customers one query answers.
const ANSWERS_MAX: usize = 20;

/// Finds customers by customer id, e-mail address, record id or `source/object/id`, and shows how
/// their records are linked and what should hold. Values are shown: the answer is for operators.
pub fn identity<V: ViewRead>(
    view: &V,
    bridge: &BridgeId,
    sources: Option<&Sources>,
    query: &str,
) -> Json {
    let customers = customers(view, bridge, sources, query);
    let customers: Vec<Json> = customers
        .iter()
        .map(|one| show(view, bridge, one))
        .collect();
    json!({"bridge": bridge.as_str(), "query": query, "customers": customers})
}

/// The customers that a query finds.
pub fn customers<V: ViewRead>(
    view: &V,
    bridge: &BridgeId,
    sources: Option<&Sources>,
    query: &str,
) -> Vec<Customer> {
    let mut ids = Vec::new();
    if let Ok(id) = CustomerId::parse(query) {
        ids.push(resolve(view, bridge, id));
    }
    if query.contains('@') {
        let key = MatchKey::new(MatchRule::Email, &query.trim().to_lowercase());
        for record in matching(view, bridge, &key).records {
            ids.extend(customer_id_of(view, bridge, &record));
        }
    }
    for record in possible_records(sources, query) {
        ids.extend(customer_id_of(view, bridge, &record));
    }
    ids.sort();
    ids.dedup();
    ids.truncate(ANSWERS_MAX);
    let known = |id: &CustomerId| match view.get(&ViewKey::customer(bridge, id)).as_deref() {
        Some(ViewEntry::Customer(customer)) => Some(customer.clone()),
        _ => None,
    };
    ids.iter().filter_map(known).collect()
}

/// The view's digest and the journal position it holds at.
pub fn digest(view: &View, partition: u32) -> Json {
    json!({
        "partition": partition,
        "digest": view.digest().to_string(),
        "view_version": crate::domain::view::VIEW_VERSION,
        "journal_offset": view.journal_offset(),
        "partition_sequence": partition_state(view, partition).next_sequence,
    })
}

/// Whether a bridge takes what comes, and if not, since when, why and how much waits.
pub fn bridge<V: ViewRead>(view: &V, partition: u32, bridge: &BridgeId) -> Json {
    let state = bridge_state(view, bridge);
    let mode = match state.shadow {
        Some(_) => BridgeMode::Shadow,
        None => BridgeMode::Live,
    };
    let Some(aside) = state.aside else {
        return json!({
            "bridge": bridge.as_str(), "partition": partition, "state": "runs",
            "mode": mode.label(), "shadow_since_ms": state.shadow.map(|since| since.0),
        });
    };
    let ends = partition_state(view, partition).positions;
    let waiting = |(topic, end): (&Topic, &u64)| {
        let at = aside.positions.get(topic).copied().unwrap_or(0);
        end.saturating_sub(at)
    };
    json!({
        "bridge": bridge.as_str(),
        "partition": partition,
        "state": if aside.released { "rereading" } else { "quarantined" },
        "mode": mode.label(),
        "since_ms": aside.since.0,
        "cause": aside.cause.map(|id| id.to_string()),
        "passed": ends.iter().map(waiting).sum::<u64>(),
    })
}

/// The release of a quarantined bridge as a decision: its id, and what it skips. Twice is once.
pub fn release<V: ViewRead>(
    view: &V,
    bridge: &BridgeId,
    skips: bool,
) -> Result<(ObservationId, Option<ObservationId>), String> {
    let aside = bridge_state(view, bridge).aside;
    let Some(aside) = aside.filter(|aside| !aside.released) else {
        return Err(format!("{bridge} is not quarantined"));
    };
    let skip = aside.cause.filter(|_| skips);
    if skips && skip.is_none() {
        return Err(format!(
            "no observation of {bridge} panicked but a deadline or a walk, which cannot be \
             skipped; release it with a version that is mended"
        ));
    }
    let id = format!("release {bridge} {} {skip:?}", aside.since.0);
    Ok((ObservationId::of_decision(&id), skip))
}

/// A person's word on whether a bridge writes, as a decision: its id, or why there is none.
pub fn mode<V: ViewRead>(
    view: &V,
    bridge: &BridgeId,
    mode: BridgeMode,
) -> Result<ObservationId, String> {
    let state = bridge_state(view, bridge);
    if state.shadow.is_some() == (mode == BridgeMode::Shadow) {
        return Err(format!("{bridge} is in {} mode already", mode.label()));
    }
    // Said twice of one state it is one decision; said again later it is another.
    let id = format!("mode {bridge} {} {}", mode.label(), state.next_sequence);
    Ok(ObservationId::of_decision(&id))
}

/// Customers looked at for one page.
const PAGE_CUSTOMERS: usize = 2_000;

/// What shadow mode withholds of the customers behind one, a page at a time: by record, what would
/// be done with it, and in which fields. No value is told.
pub fn withheld<V: ViewRead>(view: &V, bridge: &BridgeId, after: Option<&CustomerId>) -> Json {
    page(view, bridge, after, |customer| {
        let of_record = |(record, state): (&RecordRef, &Shared<RecordState>)| {
            let withheld = state.suppressed.as_ref().filter(|_| state.gone.is_none())?;
            let object = match &withheld.what {
                Withheld::Create(object) => object.as_str(),
                Withheld::Update | Withheld::Attach => record.object.as_str(),
            };
            Some(json!({
                "record": record.to_string(), "what": withheld.what.label(),
                "object": object, "fields": withheld.names,
            }))
        };
        customer.records.iter().filter_map(of_record).collect()
    })
}

/// The mapping of a hash, or of the first digits of one that no other begins with.
fn mapping_of(view: &View, bridge: &BridgeId, hash: &str) -> Result<(u64, [u8; 32]), String> {
    let known = revert::known(view, bridge);
    let begins = |one: &&(u64, [u8; 32])| hex::encode(one.1).starts_with(hash);
    let found: Vec<_> = known.iter().filter(begins).collect();
    match found[..] {
        [one] if hash.len() >= HASH_DIGITS_MIN => Ok(*one),
        _ => {
            let names = known.iter().rev();
            let names = names.map(|(version, hash)| format!("{version} is {}", hex::encode(hash)));
            let names: Vec<String> = names.take(5).collect();
            Err(format!(
                "{hash:?} is no mapping that was active in {bridge}; version {}",
                names.join(", version ")
            ))
        }
    }
}

/// Digits of a mapping's hash that name it.
const HASH_DIGITS_MIN: usize = 8;

/// A person's wish to undo what was written under a mapping, as a decision: its id and the whole
/// hash, or why there is none.
pub fn revert_decision(
    view: &View,
    bridge: &BridgeId,
    hash: &str,
    since: Timestamp,
) -> Result<(ObservationId, [u8; 32]), String> {
    let (_, mapping) = mapping_of(view, bridge, hash)?;
    // Said twice of one state it is one decision; said again later it is another.
    let state = bridge_state(view, bridge).next_sequence;
    let id = format!(
        "revert {bridge} {} {} {state}",
        hex::encode(mapping),
        since.0
    );
    Ok((ObservationId::of_decision(&id), mapping))
}

/// What a revert would do with the customers behind one, a page at a time: by record, what becomes
/// of which fields. No value is told.
pub fn revertible(
    view: &View,
    bridge: &BridgeId,
    hash: &str,
    since: Timestamp,
    after: Option<&CustomerId>,
) -> Result<Json, String> {
    let (version, _) = mapping_of(view, bridge, hash)?;
    let active = active_mapping(view, bridge);
    let mapping = active.ok_or_else(|| format!("{bridge} has no mapping"))?;
    let scope = Scope {
        mapping: version,
        since,
    };
    Ok(page(view, bridge, after, |customer| {
        let mut told = Vec::new();
        for (record, fields) in revert::of_customer(view, bridge, &mapping, customer, scope) {
            let mut by_what: BTreeMap<&str, Vec<Name>> = BTreeMap::new();
            for (name, what) in fields {
                by_what.entry(what.label()).or_default().push(name);
            }
            let of_record = by_what.into_iter().map(|(what, names)| {
                json!({
                    "record": record.to_string(), "what": what,
                    "object": record.object.as_str(), "fields": names,
                })
            });
            told.extend(of_record);
        }
        told
    }))
}

/// Looks at the next customers behind one; `next` is where the next page begins.
fn page<V: ViewRead>(
    view: &V,
    bridge: &BridgeId,
    after: Option<&CustomerId>,
    look: impl Fn(&Customer) -> Vec<Json>,
) -> Json {
    let (first, to) = ViewKey::range(bridge, 0x01);
    let mut from = after.map_or(first, |id| ViewKey::customer(bridge, id).next());
    let (mut records, mut customers, mut last) = (Vec::new(), 0, None);
    while customers < PAGE_CUSTOMERS {
        let Some((key, entry)) = view.first(&from, &to) else {
            last = None;
            break;
        };
        from = key.next();
        let ViewEntry::Customer(customer) = &*entry else {
            unreachable!("the range holds customers only");
        };
        customers += 1;
        last = Some(customer.id.to_string());
        records.extend(look(customer));
    }
    json!({"customers": customers, "records": records, "next": last})
}

/// Open review items, at most `max`.
pub fn reviews<V: ViewRead>(view: &V, bridge: &BridgeId, max: usize) -> Json {
    let (mut from, to) = ViewKey::range(bridge, 0x07);
    let mut items = Vec::new();
    while items.len() < max {
        let Some((key, entry)) = view.first(&from, &to) else {
            break;
        };
        if let ViewEntry::Review(item) = &*entry {
            items.push(explain::review(view, bridge, item));
        }
        from = key.next();
    }
    json!(items)
}

/// The last report of each source that is swept.
pub fn sweeps<V: ViewRead>(view: &V, bridge: &BridgeId) -> Json {
    let (mut from, to) = ViewKey::range(bridge, 0x10);
    let mut reports = Vec::new();
    while let Some((key, entry)) = view.first(&from, &to) {
        if let ViewEntry::Sweep(state) = &*entry
            && let Some(last) = &state.last
        {
            reports.push(json!({
                "bridge": bridge.as_str(), "source": last.source.as_str(), "run": last.run,
                "since": last.since.0, "until": last.until.0, "compared": last.compared,
                "healed": last.healed, "healed_ever": state.healed_ever,
                "ended_at": last.ended_at.0,
            }));
        }
        from = key.next();
    }
    json!(reports)
}

/// The open review item of a record whose write or read was refused.
pub fn refused<V: ViewRead>(view: &V, bridge: &BridgeId, record: &RecordRef) -> Option<ReviewId> {
    let (mut from, to) = ViewKey::range(bridge, 0x07);
    while let Some((key, entry)) = view.first(&from, &to) {
        if let ViewEntry::Review(item) = &*entry
            && item.record == *record
            && item.kind == ReviewKind::Rejected
        {
            return Some(item.id);
        }
        from = key.next();
    }
    None
}

fn resolve<V: ViewRead>(view: &V, bridge: &BridgeId, mut id: CustomerId) -> CustomerId {
    // Aliases point at what was kept, which may have been absorbed later; founding order ends it.
    for _ in 0..64 {
        match view.get(&ViewKey::alias(bridge, &id)).as_deref() {
            Some(ViewEntry::Alias(kept)) => id = *kept,
            _ => break,
        }
    }
    id
}

fn possible_records(sources: Option<&Sources>, query: &str) -> Vec<RecordRef> {
    let Some(sources) = sources else {
        return Vec::new();
    };
    let id = query.rsplit('/').next().unwrap_or(query);
    let mut records = Vec::new();
    for source in sources.intercom.keys() {
        for object in ["contact", "company"] {
            records.extend(RecordRef::new(source, object, id));
        }
    }
    for object in ["Lead", "Contact", "Account"] {
        records.extend(RecordRef::new(&sources.salesforce, object, id));
    }
    records
}

/// Where a record stands on its way to a counterpart, in words.
pub(super) fn pursuit(pursuit: &Pursuit) -> Json {
    match pursuit {
        Pursuit::Idle => json!("idle"),
        Pursuit::Waiting { missing } => json!({"waiting_for": missing}),
        Pursuit::LookingUp { command } => json!({"looking_up": command.to_string()}),
        Pursuit::Deferred { behind, deadline } => {
            json!({"behind": behind.to_string(), "until_ms": deadline.0})
        }
        Pursuit::AwaitingCompany { company } => json!({"awaiting": company.to_string()}),
        Pursuit::Creating { command } => json!({"creating": command.to_string()}),
        Pursuit::InReview { review } => json!({"in_review": review.to_string()}),
    }
}

/// The account that a customer belongs to, and the way up from there, with what says so.
pub fn place<V: ViewRead>(view: &V, bridge: &BridgeId, customer: &Customer) -> Option<Json> {
    let (by, account) = account::said(view, bridge, customer)?;
    let context = account::held(view, bridge, account);
    let ascent = tree::ascend(view, bridge, &context.account);
    let step = |record: &RecordRef| {
        json!({
            "account": record.to_string(),
            "customer_id": customer_id_of(view, bridge, record).map(|id| id.to_string()),
        })
    };
    Some(json!({
        "account": context.account.to_string(),
        "said_by": by.to_string(),
        "path": ascent.path.iter().map(step).collect::<Vec<_>>(),
        "ultimate": context.ultimate.map(|top| top.to_string()),
        "fault": context.fault,
    }))
}

fn show<V: ViewRead>(view: &V, bridge: &BridgeId, customer: &Customer) -> Json {
    let record = |(record, state): (&RecordRef, &Shared<RecordState>)| {
        let seen = |(name, seen): (&Name, &crate::domain::view::Seen)| {
            (
                name.to_string(),
                json!({"value": seen.value.display(), "confirmed": seen.confirmed}),
            )
        };
        let desired = |(name, desire): (&Name, &crate::domain::journal::Desire)| {
            let basis = format!("{:?}", desire.basis);
            (
                name.to_string(),
                json!({"value": desire.value.display(), "basis": basis}),
            )
        };
        json!({
            "record": record.to_string(),
            "gone": state.gone.map(|gone| format!("{gone:?}")),
            "pursuit": pursuit(&state.pursuit),
            "write_in_flight": state.writing.map(|id| id.to_string()),
            "writes": state.write_sequence,
            "seen": state.seen.iter().map(seen).collect::<serde_json::Map<_, _>>(),
            "desired": state.desired.iter().map(desired).collect::<serde_json::Map<_, _>>(),
        })
    };
    let links = customer.links.iter().map(|link| {
        json!({
            "left": link.left.to_string(),
            "right": link.right.to_string(),
            "rule": format!("{:?}", link.rule),
            "rule_version": link.rule_version,
            "evidence": link.evidence,
            "journal_sequence": link.sequence,
        })
    });
    json!({
        "customer_id": customer.id.to_string(),
        "kind": format!("{:?}", customer.kind),
        "founded": customer.founded,
        "place": place(view, bridge, customer),
        "records": customer.records.iter().map(record).collect::<Vec<_>>(),
        "links": links.collect::<Vec<_>>(),
    })
}

/// Explains what a query finds, by the mapping that is active in the view.
pub fn explain(view: &View, bridge: &BridgeId, query: &str) -> Json {
    let mapping = active_mapping(view, bridge);
    explain::explain(view, bridge, mapping.as_ref(), query, Depth::Index)
}

/// The same of a view that nobody waits for: whoever comes near to a record that stands alone is
/// looked for among all.
pub fn explain_at_leisure(view: &View, bridge: &BridgeId, query: &str) -> Json {
    let mapping = active_mapping(view, bridge);
    explain::explain(view, bridge, mapping.as_ref(), query, Depth::All)
}

fn active_mapping(view: &View, bridge: &BridgeId) -> Option<Mapping> {
    match view.get(&ViewKey::mapping(bridge)).as_deref() {
        Some(ViewEntry::Mapping(active)) => Offer::compile_body(&active.body).ok(),
        _ => None,
    }
}

/// Whether a person's word on two records can be carried out: the decision's id, or why not. None
/// where the bridge has no mapping or knows neither.
pub fn link_decision(
    view: &View,
    bridge: &BridgeId,
    (left, right): (&RecordRef, &RecordRef),
    same: bool,
) -> Option<Result<ObservationId, Refusal>> {
    let mapping = active_mapping(view, bridge)?;
    let known = |record: &RecordRef| customer_id_of(view, bridge, record).is_some();
    if !known(left) && !known(right) {
        return None;
    }
    let checked = match same {
        true => unlink::can_link(view, bridge, &mapping, left, right),
        false => unlink::can_unlink(view, bridge, &mapping, left, right).map(|_| ()),
    };
    // Said twice of one state it is one decision; said again later it is another.
    let state = bridge_state(view, bridge).next_sequence;
    let id = format!("link {bridge} {left} {right} {same} {state}");
    Some(checked.map(|()| ObservationId::of_decision(&id)))
}

/// Whether a review item waits for this answer. None where no such item is open; where it waits for
/// another one, which.
pub fn awaits(
    view: &View,
    bridge: &BridgeId,
    review: &ReviewId,
    answer: &ReviewAnswer,
) -> Option<Result<(), String>> {
    match view.get(&ViewKey::review(bridge, review)).as_deref() {
        Some(ViewEntry::Review(item)) if fits(item, answer) => Some(Ok(())),
        Some(ViewEntry::Review(item)) => Some(Err(explain::answers(item))),
        _ => None,
    }
}
