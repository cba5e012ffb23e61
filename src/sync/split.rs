//! Split: a customer of which two records are not the same after all. Which records go with which,
//! what each part says of itself, and what our writes are to give back.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::journal::{Basis, Claim, Desire};
use crate::domain::shared::Shared;
use crate::domain::view::{Customer, Link, RecordState};
use crate::domain::{MatchKey, MatchRule, RecordRef, Shows, Value};
use crate::mapping::set::said_by;
use crate::mapping::{Conflict, Direction, FieldMap, Mapping, MatchBy, Section, System};
use crate::sync::desires::{Target, after_agreement, never_blank};
use crate::sync::moves::spokesman;

/// The records of a customer once what links some of them is gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parts {
    /// They stay the customer: the record that was linked first is among them.
    pub stay: BTreeSet<RecordRef>,
    /// Each of these becomes one of its own.
    pub leave: Vec<BTreeSet<RecordRef>>,
}

/// Why a customer is not taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Whole {
    /// Their source itself made one of them, or made the one into the other.
    OneToItsSource,
    /// Other links still join them: what these go through.
    Through(Vec<RecordRef>),
    /// There is nobody else.
    Alone,
}

/// Takes the links between two records of a customer away; all links of one where both are the
/// same. Records that their own source made one go together.
pub fn parts(customer: &Customer, left: &RecordRef, right: &RecordRef) -> Result<Parts, Whole> {
    let by_source = |link: &&Link| match link.rule {
        MatchRule::Conversion => true,
        // Until the one that was merged away is back.
        MatchRule::SourceMerge => {
            let absorbed = customer.records.get(&link.right);
            absorbed.is_some_and(|state| state.gone.is_some())
        }
        _ => false,
    };
    let fixed: Vec<&Link> = customer.links.iter().filter(by_source).collect();
    let (here, there) = (reached(&fixed, left), reached(&fixed, right));
    let out = left == right;
    if !out && here.contains_key(right) {
        return Err(Whole::OneToItsSource);
    }
    let stays = |link: &&Link| {
        let pair = [&link.left, &link.right];
        let ends = pair.map(|end| here.contains_key(end));
        let cut = match out {
            true => ends[0] != ends[1],
            false => {
                let others = pair.map(|end| there.contains_key(end));
                (ends[0] && others[1]) || (ends[1] && others[0])
            }
        };
        !cut
    };
    let links: Vec<&Link> = customer.links.iter().filter(stays).collect();
    let from_left = reached(&links, left);
    if !out && from_left.contains_key(right) {
        return Err(Whole::Through(path(&from_left, right)));
    }
    let mut parts: Vec<BTreeSet<RecordRef>> = Vec::new();
    for record in customer.records.keys() {
        if !parts.iter().any(|part| part.contains(record)) {
            parts.push(reached(&links, record).into_keys().cloned().collect());
        }
    }
    if parts.len() < 2 {
        return Err(Whole::Alone);
    }
    parts.sort_by_key(|part| part.iter().map(|record| linked_at(customer, record)).min());
    let stay = parts.remove(0);
    Ok(Parts { stay, leave: parts })
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

/// What the records of a part say of a field themselves: the newest, and of those of one moment the
/// owner's. None where nobody says anything.
pub fn own_claim(
    mapping: &Mapping,
    section: &Section,
    field: &FieldMap,
    part: &Customer,
) -> Option<Claim> {
    let salesforce = |record: &RecordRef| mapping.is_salesforce(record);
    let speaker = (field.direction == Direction::ToIntercom)
        .then(|| spokesman(section, salesforce, part, field));
    let live = part
        .records
        .iter()
        .filter(|(_, state)| state.gone.is_none());
    let live = live.filter(|(record, _)| speaker.is_none_or(|speaker| speaker == Some(*record)));
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
    let best = claims.max_by_key(|(owns, claim)| (claim.version.to_ms, *owns));
    best.map(|(_, claim)| claim)
}

/// What stands of a field for a part whose own record decided it: what was merged into a set is of
/// several, and what only those said who have left is no word of the part.
pub fn still_said(mapping: &Mapping, field: &FieldMap, part: &Customer, stands: &Value) -> Value {
    if field.conflict != Conflict::Merge {
        return stands.clone();
    }
    let of_object = |record: &RecordRef, system| {
        system == System::Intercom || field.applies_to(record.object.as_str())
    };
    let own = part.records.iter().filter_map(|(record, state)| {
        let system = mapping.system_of(record);
        of_object(record, system).then(|| field.decided_from(system, &Before(state)))
    });
    said_by(stands, &own.collect::<Vec<_>>())
}

/// Whether we made a record of another one of its customer: so says the link, or, where a
/// notification came before our answer, the marker that both share.
pub fn was_made(section: &Section, customer: &Customer, record: &RecordRef) -> bool {
    let Some(state) = customer.records.get(record) else {
        return false;
    };
    let created = |link: &Link| {
        let ends = [&link.left, &link.right];
        link.rule == MatchRule::Created && ends.contains(&record) && link.sequence == state.entered
    };
    let marks = section.rules.iter().any(MatchBy::is_marker);
    let mut others = customer.records.keys();
    let names = |other: &RecordRef| {
        let key = MatchKey::new(MatchRule::Explicit, &other.id);
        other != record && state.keys.contains(&key)
    };
    customer.links.iter().any(created) || (marks && others.any(names))
}

/// Whether a field only tells of the record on the other side: it names it, or nobody says it here.
fn tells_of_the_other(field: &FieldMap, system: System) -> bool {
    match system {
        System::Intercom => field.direction == Direction::ToIntercom,
        System::Salesforce => field.paths.iter().all(|path| path == "id"),
    }
}

/// What a record of a part should hold of fields of which nobody else in the part says anything:
/// what it held before our writes. From now on that is its own to change. `made`: by us, so what it
/// was created with of the other side's own is not its own.
pub fn given_back(
    mapping: &Mapping,
    section: &Section,
    part: &Customer,
    target: Target<'_>,
    made: bool,
) -> Vec<Desire> {
    let mut desires = Vec::new();
    let written = section.fields.iter().filter(|field| {
        let applies = field.applies_to(target.record.object.as_str());
        field.flows_to(target.system) && (target.system == System::Intercom || applies)
    });
    for field in written {
        let has_source = has_source(mapping, field, part, target);
        if has_source && !is_orphaned(mapping, field, part, target, made) {
            continue;
        }
        let back = held_before(section, field, target, made);
        // What it did not hold, those who are still there may say; and who followed, follows them.
        let keeps = |desire: &Desire| {
            let known = target.state.desired.get(&desire.name);
            let followed = known.is_some_and(|known| known.basis == Basis::Agreed);
            !desire.value.is_blank() && !followed
        };
        match has_source && !back.iter().any(keeps) {
            true => {
                let fields = BTreeSet::from([field.intercom.clone()]);
                desires.extend(after_agreement(section, part, target, &fields));
            }
            false => desires.extend(back),
        }
    }
    desires
}

/// What a record held of a field before our writes; nothing of what is its own already.
fn held_before(section: &Section, field: &FieldMap, target: Target<'_>, made: bool) -> Vec<Desire> {
    let (state, mut desires) = (target.state, Vec::new());
    for name in field.names_in(target.system) {
        let known = state.desired.get(name);
        let ours = known.is_some_and(|known| {
            matches!(known.basis, Basis::Agreed | Basis::Kept | Basis::Contested)
        });
        if !ours && !state.own.contains_key(name) {
            continue;
        }
        let foreign = made && tells_of_the_other(field, target.system);
        let before = match foreign && !state.own.contains_key(name) {
            true => Value::Null,
            false => Before(state).shown(name).cloned().unwrap_or_default(),
        };
        let value = match before.is_blank() && never_blank(section, target, name) {
            true => state.value_seen(name).clone(),
            false => before,
        };
        desires.push(Desire {
            name: name.clone(),
            value,
            basis: Basis::Kept,
        });
    }
    desires
}

/// Whether a record holds, beside what its part has decided, what our hand put there and only those
/// who left have said: they were joined once, and each kept what it had.
fn is_orphaned(
    mapping: &Mapping,
    field: &FieldMap,
    part: &Customer,
    target: Target<'_>,
    made: bool,
) -> bool {
    let state = target.state;
    let foreign = made && tells_of_the_other(field, target.system);
    let mut names = field.names_in(target.system).iter();
    let is_ours = names.any(|name| {
        let known = state.desired.get(name);
        let ours = known.is_some_and(|one| {
            matches!(one.basis, Basis::Kept | Basis::Agreed) && !one.value.is_blank()
        });
        ours && (foreign || state.own.contains_key(name))
    });
    let mut others = part.records.iter();
    let is_said = |(other, said): (&RecordRef, &Shared<RecordState>)| {
        let system = mapping.system_of(other);
        let says = other != target.record && field.flows_from(system);
        says && field.says(
            target.system,
            state,
            &field.decided_from(system, &Before(said)),
        )
    };
    let decided = part.decided.get(&field.intercom);
    let agrees = decided.is_some_and(|one| field.says(target.system, state, &one.value));
    is_ours && !agrees && !others.any(is_said)
}

/// Whether another record of the part says what a field should hold, or has said so before it left
/// its source. What has no form in the record's system is not said to it.
fn has_source(mapping: &Mapping, field: &FieldMap, part: &Customer, target: Target<'_>) -> bool {
    let others = part.records.iter();
    let mut others = others.filter(|(other, _)| *other != target.record);
    let decided = part.decided.get(&field.intercom);
    decided.is_some_and(|decided| {
        let says = |(other, state): (&RecordRef, &Shared<RecordState>)| {
            let speaks = state.gone.is_none() || *other == decided.by;
            speaks && field.flows_from(mapping.system_of(other))
        };
        let has_form = field.refusal(target.system, &decided.value).is_none();
        !decided.value.is_blank() && has_form && others.any(says)
    })
}
