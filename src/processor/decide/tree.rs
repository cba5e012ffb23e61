//! Tree: an account stands below another one, or no longer. What that means for those below it is
//! told in slices; a way up that does not end at a top is put before a person once.

use std::collections::BTreeSet;

use crate::domain::journal::{DomainEvent as E, ReadPurpose, ReviewKind, WalkReason};
use crate::domain::tree::{self, ACCOUNT, Ascent, DEPTH_MAX, End};
use crate::domain::view::{
    Journal, RecordState, ViewRead, Walk, customer_id_of, customer_of, record_state,
};
use crate::domain::{BridgeId, CustomerId, RecordRef, ReviewId};
use crate::processor::decide::observed::known_or_founded;
use crate::processor::decide::{Terms, request, walk};

/// Accounts below one that is gone, of those that are named to a person.
const TOLD_MAX: usize = 20;
/// Records below one that is gone, of those that are looked at for them.
const LOOKED_AT_MAX: usize = 1_000;

/// Whether the mapping follows the tree, and a record of it is what this is about.
fn follows(terms: &Terms<'_>, record: &RecordRef) -> bool {
    let relations = &terms.mapping.relations;
    relations.account_tree
        && terms.mapping.is_salesforce(record)
        && tree::names_above(record).is_some()
}

/// A record was shown. Where it stands below another account than before, or is seen for the first
/// time, that is followed.
pub fn seen<J: Journal>(
    journal: &mut J,
    terms: &Terms<'_>,
    record: &RecordRef,
    before: &RecordState,
) {
    let bridge = journal.bridge().clone();
    let state = record_state(journal, &bridge, record);
    let Some(state) = state.filter(|_| follows(terms, record)) else {
        return;
    };
    let above = tree::above(record, before);
    let is_first = before.folded == 0 && state.folded > 0;
    if is_first || above != tree::above(record, &state) {
        moved(journal, terms, record, above.as_ref());
    }
}

fn moved<J: Journal>(
    journal: &mut J,
    terms: &Terms<'_>,
    record: &RecordRef,
    before: Option<&RecordRef>,
) {
    let bridge = journal.bridge().clone();
    learn(journal, terms, record);
    if record.object.as_str() != ACCOUNT {
        return;
    }
    let now = tree::ascend(journal, &bridge, record);
    if let Some(fault) = now.fault() {
        journal.trace(fault, Some(record));
    }
    let then = before.map(|before| tree::ascend(journal, &bridge, before));
    judge(journal, terms, &now);
    for other in then.iter().flat_map(|ascent| &ascent.path) {
        judge_again(journal, terms, other);
    }
    tell_below(journal, terms, record);
}

/// Asks for the account above a record that nobody has told of.
fn learn<J: Journal>(journal: &mut J, terms: &Terms<'_>, record: &RecordRef) {
    let bridge = journal.bridge().clone();
    let state = record_state(journal, &bridge, record);
    let Some(above) = state.and_then(|state| tree::above(record, &state)) else {
        return;
    };
    let known = record_state(journal, &bridge, &above);
    let is_told = known.is_some_and(|state| state.folded > 0 || state.gone.is_some());
    if let Some(section) = terms.mapping.section_of(&above).filter(|_| !is_told) {
        known_or_founded(journal, section, &above);
        request::read_record(journal, terms, &above, ReadPurpose::Company);
    }
}

/// Those below an account have another one at the top of their tree.
pub fn tell_below<J: Journal>(journal: &mut J, terms: &Terms<'_>, account: &RecordRef) {
    let follows = follows(terms, account) && account.object.as_str() == ACCOUNT;
    if follows && !terms.quiet && has_below(journal, account) {
        walk::start(journal, WalkReason::Tree, Some(account.clone()), 0);
    }
}

pub fn has_below<J: Journal>(journal: &J, account: &RecordRef) -> bool {
    tree::below(journal, journal.bridge(), account, None).is_some()
}

/// An account left, or is back: those that name it are orphans, unless it was merged into another
/// one, or no longer.
pub fn orphaned<J: Journal>(journal: &mut J, terms: &Terms<'_>, account: &RecordRef) {
    if follows(terms, account) {
        judge_again(journal, terms, account);
        tell_below(journal, terms, account);
    }
}

/// Puts a way up that leads nowhere before a person: at the account that is gone, or at the first
/// of those that stand in a circle, which no org lets happen, so that each of them is read again.
fn judge<J: Journal>(journal: &mut J, terms: &Terms<'_>, ascent: &Ascent) {
    match &ascent.end {
        End::Gone(gone) => judge_again(journal, terms, gone),
        End::Circle(of) => {
            let circle = ascent.path.iter().skip_while(|one| *one != of);
            let circle: BTreeSet<RecordRef> = circle.cloned().collect();
            let Some(first) = circle.first() else {
                return;
            };
            judge_again(journal, terms, first);
            for one in &circle {
                request::read_record(journal, terms, one, ReadPurpose::Tie);
            }
        }
        End::Top | End::Unknown(_) | End::TooDeep => {}
    }
    for one in &ascent.path {
        judge_again(journal, terms, one);
    }
}

/// Opens or closes what a person is asked about an account in the tree.
pub fn judge_again<J: Journal>(journal: &mut J, terms: &Terms<'_>, account: &RecordRef) {
    let bridge = journal.bridge().clone();
    let Some(state) = record_state(journal, &bridge, account) else {
        return;
    };
    if terms.quiet {
        return;
    }
    match (state.tree, fault(journal, &bridge, account)) {
        (None, Some((reason, candidates))) => {
            let review = ReviewId::opened_at(&bridge, journal.next_sequence());
            journal.emit(E::ReviewOpened {
                review,
                kind: ReviewKind::Tree,
                record: account.clone(),
                candidates,
                reason: reason.to_owned(),
            });
        }
        (Some(review), None) => journal.emit(E::ReviewClosed {
            review,
            how: "tree_is_whole".into(),
        }),
        _ => {}
    }
}

/// What is wrong at an account, with those concerned.
fn fault<V: ViewRead + ?Sized>(
    view: &V,
    bridge: &BridgeId,
    account: &RecordRef,
) -> Option<(&'static str, Vec<RecordRef>)> {
    let holder = customer_of(view, bridge, account)?;
    if tree::heir(&holder, account).is_none() {
        let (mut orphans, mut behind) = (Vec::new(), None);
        for _ in 0..LOOKED_AT_MAX {
            behind = tree::below(view, bridge, account, behind.as_ref());
            let accounts = behind.iter().filter(|one| one.object.as_str() == ACCOUNT);
            orphans.extend(accounts.cloned());
            if behind.is_none() || orphans.len() == TOLD_MAX {
                break;
            }
        }
        return (!orphans.is_empty()).then_some(("parent_gone", orphans));
    }
    let ascent = tree::ascend(view, bridge, account);
    match &ascent.end {
        End::Circle(of) if of == account => {
            let first = ascent.path.iter().min() == Some(account);
            first.then_some(("circle", ascent.path))
        }
        _ => None,
    }
}

/// Looks at the next of those below the account of a walk, and ends it behind the last one. A
/// record has one account above it, so that nobody is passed twice.
pub fn advance<J: Journal>(journal: &mut J, terms: &Terms<'_>, id: u64, walk: &Walk) {
    let bridge = journal.bridge().clone();
    let mut path = walk.path.clone();
    let mut told: BTreeSet<CustomerId> = BTreeSet::new();
    let mut left = walk::SLICE_MAX;
    while left > 0
        && let Some(root) = &walk.record
        && let Some(next) = next(journal, &bridge, root, &mut path)
    {
        left -= 1;
        told.extend(customer_id_of(journal, &bridge, &next));
        judge_again(journal, terms, &next);
    }
    let customers = walk.customers + told.len() as u64;
    if left < walk::SLICE_MAX {
        journal.emit(E::PlacesTold {
            walk: id,
            path,
            customers: told.into_iter().collect(),
        });
    }
    if left > 0 {
        journal.emit(E::WalkEnded {
            walk: id,
            reason: walk.reason,
            customers,
        });
    }
}

/// The record behind the one at which a path ends: the first below it, else the next beside it or
/// beside one above it. `path` leads there then.
fn next<V: ViewRead + ?Sized>(
    view: &V,
    bridge: &BridgeId,
    root: &RecordRef,
    path: &mut Vec<RecordRef>,
) -> Option<RecordRef> {
    let mut behind = None;
    loop {
        let here = path.last().unwrap_or(root);
        let deeper = here.object.as_str() == ACCOUNT && path.len() < DEPTH_MAX;
        let below = match deeper {
            true => tree::below(view, bridge, here, behind.as_ref()),
            false => None,
        };
        match below {
            Some(next) if next == *root || path.contains(&next) => behind = Some(next),
            Some(next) => {
                path.push(next.clone());
                return Some(next);
            }
            None => behind = Some(path.pop()?),
        }
    }
}

/// Looks at those of a customer who stand in a tree, once everything that an import brought is
/// known.
pub fn look<J: Journal>(
    journal: &mut J,
    terms: &Terms<'_>,
    records: &[RecordRef],
) -> Option<CustomerId> {
    let bridge = journal.bridge().clone();
    let mut below = None;
    for record in records.iter().filter(|one| follows(terms, one)) {
        learn(journal, terms, record);
        if record.object.as_str() == ACCOUNT {
            let ascent = tree::ascend(journal, &bridge, record);
            judge(journal, terms, &ascent);
            if ascent.path.len() > 1 {
                below = customer_id_of(journal, &bridge, record);
            }
        }
    }
    below
}
