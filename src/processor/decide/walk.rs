//! Walks: what touches many customers is done in slices, interleaved with input. What a slice asks
//! for is bounded by what is unanswered, so that a walk never buries what people change meanwhile.

use std::collections::BTreeSet;

use crate::domain::journal::{Basis, DomainEvent as E, Via, WalkReason};
use crate::domain::view::{Customer, Decided, Journal, ViewEntry, ViewRead, Walk};
use crate::domain::view::{bridge_state, customer_of, record_state};
use crate::domain::{
    BridgeId, CustomerId, Name, RecordRef, RecordSnapshot, SourceId, Timestamp, Value, ViewKey,
};
use crate::identity::keys::keys_of;
use crate::mapping::{FieldMap, Section};
use crate::processor::decide::agree::{self, Move};
use crate::processor::decide::{
    Terms, brake, create, fold, mass_change, pursue, reconcile, revert, shared, tree,
};
use crate::sync::desires::{self, Target};

/// Customers looked at in one step.
pub const SLICE_MAX: usize = 50;
/// Events after which a slice is closed, however few customers it has looked at.
const SLICE_EVENTS_MAX: u64 = 500;
/// Commands without an answer above which no walk goes on.
pub const OUTSTANDING_MAX: u64 = 100;
/// Walks that wait for their turn; another one of the same kind stands for those beyond it.
const WAITING_MAX: usize = 1_000;

/// Takes note that all rows of a source stand in the view. The last source of a run starts the walk
/// over what it brought.
pub fn import_ended<J: Journal>(journal: &mut J, source: &SourceId, run: u64, of: u32, rows: u64) {
    journal.emit(E::ImportEnded {
        source: source.clone(),
        run,
        of,
        rows,
    });
    let importing = bridge_state(journal, journal.bridge()).importing;
    let ended = importing.map_or(0, |importing| importing.ended.len());
    if ended >= of as usize {
        start(journal, WalkReason::Import, None, run);
    }
}

/// Starts a walk, unless one that has not begun will see the same.
pub fn start<J: Journal>(
    journal: &mut J,
    reason: WalkReason,
    record: Option<RecordRef>,
    version: u64,
) {
    begin(journal, reason, record, version, None);
}

/// Starts a walk over what was written since a time.
pub fn start_since<J: Journal>(
    journal: &mut J,
    reason: WalkReason,
    version: u64,
    since: Timestamp,
) {
    begin(journal, reason, None, version, Some(since));
}

fn begin<J: Journal>(
    journal: &mut J,
    reason: WalkReason,
    record: Option<RecordRef>,
    version: u64,
    since: Option<Timestamp>,
) {
    let (mut from, to) = ViewKey::range(journal.bridge(), 0x0f);
    for _ in 0..WAITING_MAX {
        let Some((key, entry)) = journal.first(&from, &to) else {
            return journal.emit(E::WalkStarted {
                reason,
                record,
                version,
                since,
            });
        };
        from = key.next();
        if let ViewEntry::Walk(walk) = &*entry
            && (walk.reason, &walk.record) == (reason, &record)
            && walk.to.is_none()
            && !matches!(reason, WalkReason::Import | WalkReason::Brake)
            && (since.is_none() || (walk.version, walk.since) == (version, since))
        {
            return journal.trace("walk_waits_already", record.as_ref());
        }
    }
    journal.trace("too_many_walks", record.as_ref());
}

/// The walk whose turn it is: the one that was started first. None while as much is unanswered as a
/// walk may ask for.
pub fn next<V: ViewRead + ?Sized>(view: &V, bridge: &BridgeId) -> Option<(u64, Walk)> {
    let state = bridge_state(view, bridge);
    if state.aside.is_some() || state.outstanding >= OUTSTANDING_MAX {
        return None;
    }
    let (from, to) = ViewKey::range(bridge, 0x0f);
    let (key, entry) = view.first(&from, &to)?;
    match &*entry {
        ViewEntry::Walk(walk) => Some((key.walk_of()?, walk.clone())),
        _ => None,
    }
}

/// Looks at the next customers of a walk, and ends it behind the last one.
pub fn advance<J: Journal>(journal: &mut J, terms: &Terms<'_>, id: u64, walk: &Walk) {
    if walk.reason == WalkReason::Tree {
        return tree::advance(journal, terms, id, walk);
    }
    let (first, end) = ViewKey::range(journal.bridge(), 0x01);
    let behind = |to: &CustomerId| ViewKey::customer(journal.bridge(), to).next();
    let mut from = walk.to.as_ref().map_or(first, behind);
    let began = journal.next_sequence();
    let (mut customers, mut last) = (walk.customers, None);
    let mut places = Vec::new();
    for _ in 0..SLICE_MAX {
        let Some((key, entry)) = journal.first(&from, &end) else {
            tell_places(journal, id, places);
            return finish(journal, id, walk, customers);
        };
        from = key.next();
        let ViewEntry::Customer(customer) = &*entry else {
            unreachable!("the range holds customers only");
        };
        customers += 1;
        last = Some(customer.id);
        places.extend(look(journal, terms, walk, customer));
        if journal.next_sequence() - began > SLICE_EVENTS_MAX {
            break;
        }
    }
    tell_places(journal, id, places);
    if let Some(to) = last {
        journal.emit(E::WalkAdvanced {
            walk: id,
            to,
            customers,
        });
    }
}

fn finish<J: Journal>(journal: &mut J, id: u64, walk: &Walk, customers: u64) {
    let again = walk.reason == WalkReason::Brake && mass_change::gives_up(journal, id);
    journal.emit(E::WalkEnded {
        walk: id,
        reason: walk.reason,
        customers,
    });
    if again {
        start(journal, WalkReason::Brake, None, 0);
    }
}

fn tell_places<J: Journal>(journal: &mut J, walk: u64, customers: Vec<CustomerId>) {
    if !customers.is_empty() {
        journal.emit(E::PlacesTold {
            walk,
            path: Vec::new(),
            customers,
        });
    }
}

/// Looks at one customer. The answer is its id where it stands in a tree whose accounts may have
/// come in any order.
fn look<J: Journal>(
    journal: &mut J,
    terms: &Terms<'_>,
    walk: &Walk,
    customer: &Customer,
) -> Option<CustomerId> {
    let live = agree::live(customer).into_iter().map(|(record, _)| record);
    let live: Vec<RecordRef> = live.collect();
    let section = live.first().and_then(|one| terms.mapping.section_of(one))?;
    match (walk.reason, &walk.record) {
        // What both sides hold is known: where nothing is to be created, nobody is looked for.
        (WalkReason::Import | WalkReason::Live, _) => {
            settle(journal, terms, &live, |_| false);
            return tree::look(journal, terms, &live);
        }
        (WalkReason::Mapping, _) => {
            // Under other rules it may come to rest.
            for record in &live {
                brake::under_new_mapping(journal, record);
            }
            let remapped = live
                .iter()
                .filter(|one| remap(journal, terms, section, one));
            let rekeyed: BTreeSet<&RecordRef> = remapped.collect();
            // Only once all have spoken: what one says anew is what the others follow.
            for record in &live {
                follow_on(journal, terms, section, record);
            }
            settle(journal, terms, &live, |record| rekeyed.contains(record));
            return tree::look(journal, terms, &live);
        }
        (WalkReason::Owner, Some(owner)) => {
            let owned = |record: &&RecordRef| {
                let held = customer.records[*record].value_seen("OwnerId");
                record.source == owner.source && held.as_text() == Some(owner.id.as_str())
            };
            for record in live.iter().filter(owned) {
                rename(journal, terms, section, record, owner);
            }
        }
        (WalkReason::Revert, _) => revert::look(journal, terms, walk, customer),
        (WalkReason::Brake, _) => {
            for record in &live {
                mass_change::give_up(journal, record);
                reconcile::reconcile(journal, terms, record);
            }
        }
        (WalkReason::Relations | WalkReason::Tree, _) | (WalkReason::Owner, None) => {
            let intercom = |record: &&RecordRef| !terms.mapping.is_salesforce(record);
            for record in live.iter().filter(intercom) {
                reconcile::reconcile(journal, terms, record);
            }
        }
    }
    None
}

/// Pursues what has no counterpart and writes what differs.
fn settle<J: Journal>(
    journal: &mut J,
    terms: &Terms<'_>,
    records: &[RecordRef],
    is_rekeyed: impl Fn(&RecordRef) -> bool,
) {
    for record in records {
        pursue::pursue(journal, terms, record, is_rekeyed(record));
        if !terms.mapping.is_salesforce(record) {
            create::name_company(journal, terms, record);
        }
        reconcile::reconcile(journal, terms, record);
    }
}

/// What a record shows, under a mapping that is new: its identifiers, and what it says of fields
/// that nobody decided yet or that have another form now. True if its identifiers are others.
fn remap<J: Journal>(
    journal: &mut J,
    terms: &Terms<'_>,
    section: &Section,
    record: &RecordRef,
) -> bool {
    let bridge = journal.bridge().clone();
    let Some(state) = record_state(journal, &bridge, record) else {
        return false;
    };
    let keys = keys_of(terms.mapping, section, record, &*state);
    let rekeyed = keys != *state.keys;
    if rekeyed {
        journal.emit(E::RecordSeen {
            record: record.clone(),
            version: state.version,
            via: Via::Row,
            fields: Default::default(),
            tags: None,
            companies: None,
            keys: Some(keys),
        });
        shared::changed(journal, terms, record, &state.keys);
    }
    shared::revisit(journal, terms, record);
    let Some(customer) = customer_of(journal, &bridge, record) else {
        return rekeyed;
    };
    let system = terms.mapping.system_of(record);
    // A new transform may know a decided value in another form: whoever said it says it anew.
    let other_form = |field: &FieldMap, decided: &Decided| {
        decided.by == *record && field.transform.decided(&decided.value) != decided.value
    };
    let open = section.fields.iter().filter(|field| {
        let decided = customer.decided.get(&field.intercom);
        field.flows_from(system) && decided.is_none_or(|decided| other_form(field, decided))
    });
    let names: BTreeSet<&Name> = open.flat_map(|field| field.names_in(system)).collect();
    let news = state.seen.iter().filter(|(name, _)| names.contains(name));
    let news = news.map(|(name, seen)| (name.clone(), seen.value.clone()));
    let moved = Move {
        record,
        before: &state,
        fields: &news.collect(),
        version: state.version,
        via: Via::Row,
        against: &BTreeSet::new(),
    };
    agree::agree(journal, terms, section, &moved);
    rekeyed
}

/// A field that was not mapped before is filled where it is blank, as at a first link; what a
/// record already follows is put through the new transform.
fn follow_on<J: Journal>(
    journal: &mut J,
    terms: &Terms<'_>,
    section: &Section,
    record: &RecordRef,
) {
    let Some(customer) = customer_of(journal, journal.bridge(), record) else {
        return;
    };
    if customer.links.is_empty() {
        return;
    }
    let target = Target {
        system: terms.mapping.system_of(record),
        record,
        state: &customer.records[record],
    };
    let mut wanted = desires::at_first_link(section, &customer, target, None);
    wanted.retain(|desire| !target.state.desired.contains_key(&desire.name));
    let all = section.fields.iter().map(|field| field.intercom.clone());
    let follows = desires::after_agreement(section, &customer, target, &all.collect());
    wanted.extend(follows.into_iter().filter(|desire| {
        let known = target.state.desired.get(&desire.name);
        known.is_some_and(|known| known.basis == Basis::Agreed)
    }));
    if !wanted.is_empty() {
        journal.emit(E::DesiredChanged {
            record: record.clone(),
            desires: wanted,
        });
    }
}

/// The name of an owner is another one: what the record shows of it moved.
fn rename<J: Journal>(
    journal: &mut J,
    terms: &Terms<'_>,
    section: &Section,
    record: &RecordRef,
    owner: &RecordRef,
) {
    let state = record_state(journal, journal.bridge(), record);
    let Some(state) = state else {
        return;
    };
    let snapshot = RecordSnapshot {
        record: record.clone(),
        version: state.version,
        fields: [("OwnerId".into(), Value::text(owner.id.as_str()))].into(),
        tags: None,
        companies: None,
    };
    fold::fold(journal, terms, section, &snapshot, Via::Row);
}
