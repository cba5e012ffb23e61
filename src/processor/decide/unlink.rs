//! What a person says of two records: that they are one customer, or that they are not.

use std::collections::BTreeSet;

use crate::domain::journal::{Claim, DomainEvent as E};
use crate::domain::record::MatchRule;
use crate::domain::view::{Customer, Journal, ViewEntry, ViewRead, customer_of, matching};
use crate::domain::{BridgeId, CustomerId, MatchKey, Name, RecordRef, Value, ViewKey};
use crate::identity::participation::may_meet;
use crate::mapping::{Mapping, Section};
use crate::processor::decide::{Terms, agree, brake, first_link, link, pursue, reconcile};
use crate::sync::desires::Target;
use crate::sync::split::{Parts, Whole, given_back, own_claim, parts, still_said, was_made};

/// Joins two records, or takes them apart.
pub fn decided<J: Journal>(
    journal: &mut J,
    terms: &Terms<'_>,
    (left, right): (&RecordRef, &RecordRef),
    same: bool,
    by: &str,
) {
    let checked = match same {
        true => can_link(journal, journal.bridge(), terms.mapping, left, right).map(|()| None),
        false => can_unlink(journal, journal.bridge(), terms.mapping, left, right).map(Some),
    };
    match checked {
        Err(refusal) => journal.trace(refusal.code(), Some(left)),
        Ok(None) => join(journal, terms, left, right, by),
        Ok(Some(parts)) => split(journal, terms, (left, right), parts, by),
    }
}

/// Why a person's word on two records cannot be carried out as things are.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("{0} is not known")]
    Unknown(RecordRef),
    #[error("both are one record")]
    OneRecord,
    #[error("a person and a company are not one customer")]
    OtherKind,
    #[error("{0} is an object that the mapping does not name")]
    NotMapped(RecordRef),
    #[error("they are one customer already")]
    Linked,
    #[error("they are not one customer")]
    NotLinked,
    #[error("they are joined through {}: take that apart first, or take one out", listed(.0))]
    Through(Vec<RecordRef>),
    #[error("their source itself made them one")]
    OneToItsSource,
    #[error("{0} has left its source")]
    Gone(RecordRef),
    #[error("{0} takes no part ({1}): see `include`, `scope` and `pilot` of the mapping")]
    LeftOut(RecordRef, &'static str),
}

impl Refusal {
    fn code(&self) -> &'static str {
        match self {
            Self::Unknown(_) => "record_unknown",
            Self::OneRecord => "one_record",
            Self::OtherKind => "other_kind",
            Self::NotMapped(_) => "not_mapped",
            Self::Linked => "linked_already",
            Self::NotLinked => "not_linked",
            Self::Through(_) => "linked_through_others",
            Self::OneToItsSource => "merged_by_their_source",
            Self::Gone(_) => "record_gone",
            Self::LeftOut(_, why) => why,
        }
    }
}

fn listed(records: &[RecordRef]) -> String {
    let names: Vec<String> = records.iter().map(ToString::to_string).collect();
    names.join(", ")
}

/// Whether two records can be joined. A record of Salesforce may be one that nobody has told of: it
/// is read first.
pub fn can_link<V: ViewRead + ?Sized>(
    view: &V,
    bridge: &BridgeId,
    mapping: &Mapping,
    left: &RecordRef,
    right: &RecordRef,
) -> Result<(), Refusal> {
    if left == right {
        return Err(Refusal::OneRecord);
    }
    let section = |record: &RecordRef| {
        let section = mapping.section_of(record);
        section.ok_or_else(|| Refusal::NotMapped(record.clone()))
    };
    if section(left)?.kind != section(right)?.kind {
        return Err(Refusal::OtherKind);
    }
    let known = |record: &RecordRef| customer_of(view, bridge, record);
    for record in [left, right] {
        let gone = known(record).is_some_and(|customer| customer.records[record].gone.is_some());
        if gone {
            return Err(Refusal::Gone(record.clone()));
        }
    }
    let met = may_meet(view, bridge, mapping, left, right);
    if let Err((record, out)) = met.or_else(|_| may_meet(view, bridge, mapping, right, left)) {
        return Err(Refusal::LeftOut(record.clone(), out.code()));
    }
    match (known(left), known(right)) {
        (Some(left), Some(right)) if left.id == right.id => Err(Refusal::Linked),
        (Some(_), Some(_)) => Ok(()),
        (Some(_), None) if crosses(mapping, left, right) => Ok(()),
        (None, Some(_)) if crosses(mapping, right, left) => Ok(()),
        (None, _) => Err(Refusal::Unknown(left.clone())),
        (_, None) => Err(Refusal::Unknown(right.clone())),
    }
}

/// Whether the first is of Intercom and the second of Salesforce.
fn crosses(mapping: &Mapping, here: &RecordRef, there: &RecordRef) -> bool {
    !mapping.is_salesforce(here) && mapping.is_salesforce(there)
}

/// What becomes of a customer if two of its records are taken apart, or one is taken out.
pub fn can_unlink<V: ViewRead + ?Sized>(
    view: &V,
    bridge: &BridgeId,
    mapping: &Mapping,
    left: &RecordRef,
    right: &RecordRef,
) -> Result<Parts, Refusal> {
    if mapping.section_of(left).is_none() {
        return Err(Refusal::NotMapped(left.clone()));
    }
    let known = |record: &RecordRef| {
        let customer = customer_of(view, bridge, record);
        customer.ok_or_else(|| Refusal::Unknown(record.clone()))
    };
    let (customer, other) = (known(left)?, known(right)?);
    if customer.id != other.id {
        return Err(Refusal::NotLinked);
    }
    parts(&customer, left, right).map_err(|whole| match whole {
        Whole::OneToItsSource => Refusal::OneToItsSource,
        Whole::Through(others) => Refusal::Through(others),
        Whole::Alone => Refusal::NotLinked,
    })
}

fn join<J: Journal>(
    journal: &mut J,
    terms: &Terms<'_>,
    left: &RecordRef,
    right: &RecordRef,
    by: &str,
) {
    let (left, right) = match crosses(terms.mapping, right, left) {
        true => (right, left),
        false => (left, right),
    };
    for record in [left, right] {
        pursue::close_review(journal, record, "linked");
    }
    let key = MatchKey::new(MatchRule::Operator, by);
    if crosses(terms.mapping, left, right) {
        return link::link(journal, terms, left, right, &key, None);
    }
    let mut waiting = pursue::waiting_behind(journal, left);
    waiting.extend(pursue::waiting_behind(journal, right));
    link::join(
        journal,
        terms,
        left,
        right,
        MatchRule::Operator,
        &hex::encode(key.hash),
    );
    let bridge = journal.bridge().clone();
    if let (Some(section), Some(customer)) = (
        terms.mapping.section_of(left),
        customer_of(journal, &bridge, left),
    ) {
        let records: Vec<RecordRef> = customer.records.keys().cloned().collect();
        first_link::adopt_all(journal, terms, section, &records);
    }
    pursue::release(journal, terms, waiting);
    pursue::pursue(journal, terms, left, true);
}

/// Takes two records of a customer apart, and lets each part say what it says of itself. `by`: the
/// person who says so, or `RESTORED`.
pub fn split<J: Journal>(
    journal: &mut J,
    terms: &Terms<'_>,
    (left, right): (&RecordRef, &RecordRef),
    parts: Parts,
    by: &str,
) {
    let bridge = journal.bridge().clone();
    let (Some(section), Some(before)) = (
        terms.mapping.section_of(left),
        customer_of(journal, &bridge, left),
    ) else {
        return;
    };
    let disputed = disputed(journal, &before);
    for review in before.contested.values() {
        journal.emit(E::ReviewClosed {
            review: *review,
            how: "unlinked".into(),
        });
    }
    for record in before.records.keys() {
        brake::set_back(journal, record, "unlinked");
    }
    for part in &parts.leave {
        journal.emit(E::RecordsUnlinked {
            left: left.clone(),
            right: right.clone(),
            by: by.to_owned(),
            customer: before.id,
            founded: CustomerId::founded_at(&bridge, journal.next_sequence()),
            moved: part.iter().cloned().collect(),
        });
    }
    let all = || [&parts.stay].into_iter().chain(&parts.leave);
    for first in all().filter_map(|records| records.first()) {
        let changed = decide_anew(journal, terms, section, &before, first);
        dispute_on(journal, terms, section, first, &disputed);
        give_back(journal, terms, section, &before, first, &changed);
    }
    for record in all().flatten() {
        pursue::pursue(journal, terms, record, true);
    }
}

/// What is claimed of the fields on which the records of a customer disagree.
fn disputed<J: Journal>(journal: &J, customer: &Customer) -> Vec<(Name, Vec<Claim>)> {
    let claims = |(field, review): (&Name, _)| {
        let entry = journal.get(&ViewKey::review(journal.bridge(), review))?;
        match &*entry {
            ViewEntry::Review(item) => Some((field.clone(), item.claims.clone())),
            _ => None,
        }
    };
    customer.contested.iter().filter_map(claims).collect()
}

/// Those who disagree and are still one disagree on: a person has not answered yet.
fn dispute_on<J: Journal>(
    journal: &mut J,
    terms: &Terms<'_>,
    section: &Section,
    record: &RecordRef,
    disputed: &[(Name, Vec<Claim>)],
) {
    for (name, claims) in disputed {
        let Some(part) = customer_of(journal, journal.bridge(), record) else {
            return;
        };
        let lives = |claim: &&Claim| {
            let state = part.records.get(&claim.record);
            state.is_some_and(|state| state.gone.is_none())
        };
        let claims: Vec<Claim> = claims.iter().filter(lives).cloned().collect();
        let field = section.fields.iter().find(|field| field.intercom == *name);
        if let Some(field) = field
            && claims.iter().any(|claim| claim.value != claims[0].value)
        {
            agree::open(journal, terms, &part, field, claims);
        }
    }
}

/// What the part that holds a record says of each field. What came from the other part is its word
/// no longer.
fn decide_anew<J: Journal>(
    journal: &mut J,
    terms: &Terms<'_>,
    section: &Section,
    before: &Customer,
    record: &RecordRef,
) -> BTreeSet<Name> {
    let mut changed = BTreeSet::new();
    for field in &section.fields {
        let Some(part) = customer_of(journal, journal.bridge(), record) else {
            return changed;
        };
        let was = before.decided.get(&field.intercom);
        let standing = part.decided.get(&field.intercom);
        let stays = was.filter(|was| part.records.contains_key(&was.by));
        let (value, by, version) = match stays {
            Some(was) => {
                let value = still_said(terms.mapping, field, &part, &was.value);
                (value, was.by.clone(), was.version)
            }
            None => match own_claim(terms.mapping, section, field, &part) {
                Some(claim) => (claim.value, claim.record, claim.version),
                None => (
                    Value::Null,
                    record.clone(),
                    was.map_or_else(Default::default, |was| was.version),
                ),
            },
        };
        let previous = standing.map_or(Value::Null, |standing| standing.value.clone());
        let new = standing.is_none() && !value.is_blank();
        if new || standing.is_some_and(|standing| standing.value != value || standing.by != by) {
            if previous != value {
                changed.insert(field.intercom.clone());
            }
            journal.emit(E::FieldAgreed {
                customer: part.id,
                field: field.intercom.clone(),
                value,
                previous,
                by,
                policy: "split".into(),
                version,
            });
        }
    }
    changed
}

/// The repair writes: what the records of a part held before the other part's words replaced it.
fn give_back<J: Journal>(
    journal: &mut J,
    terms: &Terms<'_>,
    section: &Section,
    before: &Customer,
    record: &RecordRef,
    changed: &BTreeSet<Name>,
) {
    let Some(part) = customer_of(journal, journal.bridge(), record) else {
        return;
    };
    for (record, state) in agree::live(&part) {
        let target = Target {
            system: terms.mapping.system_of(&record),
            record: &record,
            state: &state,
        };
        let made = was_made(section, before, &record);
        let mut desires = given_back(terms.mapping, section, &part, target, made);
        desires.extend(first_link::key_after_split(terms, section, &part, target));
        desires.extend(first_link::marker_after_split(section, &part, target));
        desires.retain(|desire| state.desired.get(&desire.name) != Some(desire));
        reconcile::desire(journal, terms, &record, desires);
    }
    // Those that are still linked tell each other what they now say.
    agree::follow_beside(journal, terms, section, record, changed, &[]);
}

/// A record of Salesforce bears our key no longer, whoever took it away: the one whom it names
/// goes on, for whom nothing could be made, or marked with it, while that one bore it. A key that
/// a record of its own customer has lost is nobody's to give again.
pub fn key_taken<J: Journal>(
    journal: &mut J,
    terms: &Terms<'_>,
    section: &Section,
    loser: &RecordRef,
    key: &MatchKey,
) {
    let bridge = journal.bridge().clone();
    let named = matching(journal, &bridge, key).records;
    if !terms.mapping.is_salesforce(loser) {
        // What was made of a record bears its marker no longer: another one can be made of it.
        for record in named.iter().filter(|one| terms.mapping.is_salesforce(one)) {
            let known = customer_of(journal, &bridge, record);
            if known.is_some_and(|customer| !customer.records.contains_key(loser)) {
                pursue::pursue(journal, terms, record, true);
            }
        }
        return;
    }
    let named = named.iter().filter(|one| !terms.mapping.is_salesforce(one));
    for record in named {
        let known = customer_of(journal, &bridge, record);
        if known.is_none_or(|customer| customer.records.contains_key(loser)) {
            continue;
        }
        pursue::pursue(journal, terms, record, true);
        // Whom it has been joined to since may bear the key now: one of them.
        let joined = customer_of(journal, &bridge, record);
        let joined = joined.map(|customer| agree::live(&customer));
        for (other, _) in joined.unwrap_or_default() {
            let Some(customer) = customer_of(journal, &bridge, &other) else {
                continue;
            };
            let target = Target {
                system: terms.mapping.system_of(&other),
                record: &other,
                state: &customer.records[&other],
            };
            let desire = first_link::key_desire(terms, section, &customer, target);
            reconcile::desire(journal, terms, &other, desire.into_iter().collect());
        }
    }
}
