//! Evolve: mappings, what should hold, and what waits for people.

use crate::domain::journal::{Basis, Desire, DomainEvent as E, ReviewKind};
use crate::domain::view::{AcceptedForm, ActiveMapping, Decided, MAPPINGS_KEPT_MAX, Own};
use crate::domain::view::{Pursuit, RecordState, ReviewItem};
use crate::domain::view::{ViewEntry, ViewWrite, bridge_state, customer_of};
use crate::domain::{CommandId, RecordRef, ReviewId, ViewKey};
use crate::processor::evolve::brakes;
use crate::processor::evolve::edit::Edit;

pub fn apply<V: ViewWrite>(edit: &mut Edit<'_, V>, event: &E) {
    match event {
        E::MappingActivated {
            version,
            hash,
            body,
        } => {
            let key = ViewKey::mapping(edit.bridge);
            let earlier = match edit.view.get(&key).as_deref() {
                Some(ViewEntry::Mapping(before)) => earlier(before),
                _ => Vec::new(),
            };
            let active = ActiveMapping {
                version: *version,
                hash: *hash,
                body: body.clone(),
                earlier,
            };
            edit.view.put(key, ViewEntry::Mapping(active));
            try_refused_again(edit);
        }
        E::FieldAgreed {
            customer,
            field,
            value,
            by,
            version,
            policy,
            ..
        } => {
            let key = ViewKey::customer(edit.bridge, customer);
            let entry = edit.view.get(&key);
            assert!(
                matches!(entry.as_deref(), Some(ViewEntry::Customer(_))),
                "the journal decided a field of {customer}, which no event founded"
            );
            drop(entry);
            let decided = Decided {
                value: value.clone(),
                by: by.clone(),
                sequence: edit.sequence,
                version: *version,
                policy: policy.clone(),
                cause: edit.cause,
            };
            edit.view.change(&key, &mut |entry| {
                if let ViewEntry::Customer(customer) = entry {
                    customer.decided.insert(field.clone(), decided.clone());
                }
            });
        }
        E::DesiredChanged { record, desires } => desired(edit, record, desires),
        E::FormAccepted {
            record,
            name,
            desired,
            stored,
        } => edit.record(record, |state| {
            let form = AcceptedForm {
                desired: desired.clone(),
                stored: stored.clone(),
            };
            state.accepted.insert(name.clone(), form);
            let sent = desired.hash();
            let mut writes = state.recent_writes.iter_mut().rev();
            if let Some(write) = writes.find(|one| one.hashes.get(name) == Some(&sent)) {
                write.forms.insert(name.clone(), stored.hash());
            }
        }),
        E::ConflictOpened { .. } => contested(edit, event),
        // These say why; what follows from them stands in events of its own.
        E::ConflictDecided { .. }
        | E::ReviewAnswered { .. }
        | E::LetterSettled { .. }
        | E::RevertDecided { .. } => {}
        E::ReviewOpened { .. } => opened(edit, event),
        E::ReviewClosed { review, .. } => closed(edit, review),
        other => unreachable!("{} is no decision", other.name()),
    }
}

/// The mappings that were active up to now, this one included.
fn earlier(before: &ActiveMapping) -> Vec<(u64, [u8; 32])> {
    let mut earlier = before.earlier.clone();
    if earlier.len() == MAPPINGS_KEPT_MAX {
        earlier.remove(0);
    }
    earlier.push((before.version, before.hash));
    earlier
}

fn desired<V: ViewWrite>(edit: &mut Edit<'_, V>, record: &RecordRef, desires: &[Desire]) {
    let mut new = Vec::new();
    edit.record(record, |state| {
        for desire in desires {
            let accepted = state.accepted.get(&desire.name);
            if accepted.is_some_and(|form| form.desired != desire.value) {
                state.accepted.remove(&desire.name);
            }
            given_back(state, desire);
            let known = state.desired.insert(desire.name.clone(), desire.clone());
            if known.is_none() && state.gone.is_none() {
                new.push(desire.name.clone());
            }
        }
    });
    brakes::tally(edit, record, new, true);
}

/// What a record is given back beside what it shows, where none of our writes has put anything
/// aside: it was created with what it shows, and never said it. What it is given back is its own:
/// taken apart again, it is given back that, and not what our repair replaced.
fn given_back(state: &mut RecordState, desire: &Desire) {
    let name = &desire.name;
    let known = state.desired.get(name);
    // Where only the basis changes, the value was written or is under way: nothing is given back.
    let stood = known.is_some_and(|known| known.value == desire.value);
    let seen = state.seen.get(name);
    let Some(seen) = seen.filter(|seen| seen.value != desire.value) else {
        return;
    };
    if desire.basis == Basis::Kept && !stood && !state.own.contains_key(name) {
        let own = Own {
            value: desire.value.clone(),
            version: seen.version,
            // Nothing of ours stands over it yet.
            ..Own::default()
        };
        state.own.insert(name.clone(), own);
    }
}

/// Records that a new mapping gives another try; beyond it they wait for a change of their own.
const TRIED_AGAIN_MAX: usize = 1_000;

/// What was refused under the old mapping is due at once under the new one.
fn try_refused_again<V: ViewWrite>(edit: &mut Edit<'_, V>) {
    let now = bridge_state(edit.view, edit.bridge).last_at;
    let (mut from, to) = ViewKey::range(edit.bridge, 0x07);
    for _ in 0..TRIED_AGAIN_MAX {
        let Some((key, entry)) = edit.view.first(&from, &to) else {
            return;
        };
        from = key.next();
        if let ViewEntry::Review(item) = &*entry
            && item.kind == ReviewKind::Rejected
            && edit.knows(&item.record)
        {
            edit.pause(&item.record, now);
        }
    }
}

fn opened<V: ViewWrite>(edit: &mut Edit<'_, V>, event: &E) {
    let E::ReviewOpened {
        review,
        kind,
        record,
        candidates,
        reason,
    } = event
    else {
        unreachable!("the caller matched the event");
    };
    let item = ReviewItem {
        id: *review,
        kind: *kind,
        record: record.clone(),
        candidates: candidates.clone(),
        reason: reason.clone(),
        opened_at: bridge_state(edit.view, edit.bridge).last_at,
        field: None,
        claims: Vec::new(),
    };
    edit.view.put(
        ViewKey::review(edit.bridge, review),
        ViewEntry::Review(Box::new(item)),
    );
    if !edit.knows(record) {
        return;
    }
    let mut state = RecordState::default();
    edit.record(record, |known| state = known.clone());
    let pursuing = matches!(
        state.pursuit,
        Pursuit::LookingUp { .. } | Pursuit::AwaitingCompany { .. } | Pursuit::Creating { .. }
    );
    // The view alone can show several counterparts, before any lookup.
    let rests = matches!(state.pursuit, Pursuit::Idle | Pursuit::Waiting { .. });
    let pursuing = pursuing || (rests && *kind == ReviewKind::Ambiguous);
    match kind {
        ReviewKind::Ambiguous | ReviewKind::Rejected if pursuing => {
            edit.pursue(record, Pursuit::InReview { review: *review });
        }
        ReviewKind::Unanswered => {
            for command in commands_of(&state) {
                note_review(edit, &command, review);
            }
            if state.unknowns > 0 && state.writing.is_none() {
                edit.record(record, |state| state.told = Some(*review));
            }
        }
        ReviewKind::Tree => edit.record(record, |state| state.tree = Some(*review)),
        _ => {}
    }
}

/// Two sides of a field are put before a person; the item stands at the record that spoke last.
fn contested<V: ViewWrite>(edit: &mut Edit<'_, V>, event: &E) {
    let E::ConflictOpened {
        review,
        customer,
        field,
        claims,
    } = event
    else {
        unreachable!("the caller matched the event");
    };
    let key = ViewKey::customer(edit.bridge, customer);
    let entry = edit.view.get(&key);
    let (Some(ViewEntry::Customer(known)), Some(last)) = (entry.as_deref(), claims.last()) else {
        panic!("the journal opened a conflict of {customer}, which no event founded");
    };
    let mut known = known.clone();
    known.contested.insert(field.clone(), *review);
    edit.put_customer(known);
    let item = ReviewItem {
        id: *review,
        kind: ReviewKind::Conflict,
        record: last.record.clone(),
        candidates: claims.iter().map(|claim| claim.record.clone()).collect(),
        reason: format!("conflict:{field}"),
        opened_at: bridge_state(edit.view, edit.bridge).last_at,
        field: Some(field.to_string()),
        claims: claims.clone(),
    };
    let key = ViewKey::review(edit.bridge, review);
    edit.view.put(key, ViewEntry::Review(Box::new(item)));
}

/// The commands that a record waits for.
fn commands_of(state: &RecordState) -> Vec<CommandId> {
    let pursued = match state.pursuit {
        Pursuit::LookingUp { command } | Pursuit::Creating { command } => Some(command),
        _ => None,
    };
    [state.writing, state.reading, pursued]
        .into_iter()
        .flatten()
        .collect()
}

/// Remembers at the command that a person has been told of its silence.
fn note_review<V: ViewWrite>(edit: &mut Edit<'_, V>, command: &CommandId, review: &ReviewId) {
    let key = ViewKey::outstanding(edit.bridge, command);
    edit.view.change(&key, &mut |entry| {
        if let ViewEntry::Outstanding(waiting) = entry {
            waiting.review.get_or_insert(*review);
        }
    });
}

fn closed<V: ViewWrite>(edit: &mut Edit<'_, V>, review: &ReviewId) {
    let key = ViewKey::review(edit.bridge, review);
    let record: Option<RecordRef> = match edit.view.get(&key).as_deref() {
        Some(ViewEntry::Review(item)) => Some(item.record.clone()),
        _ => None,
    };
    edit.view.remove(&key);
    let Some(record) = record.filter(|record| edit.knows(record)) else {
        return;
    };
    let mut waits = false;
    edit.record(&record, |state| {
        waits = state.pursuit == Pursuit::InReview { review: *review };
        if state.told == Some(*review) {
            state.told = None;
        }
        if state.tree == Some(*review) {
            state.tree = None;
        }
        brakes::reset(state, *review);
    });
    if waits {
        edit.pursue(&record, Pursuit::Idle);
    }
    let contested = customer_of(edit.view, edit.bridge, &record)
        .is_some_and(|customer| customer.contested.values().any(|open| open == review));
    if contested {
        edit.customer(&record, |customer| {
            customer.contested.retain(|_, open| open != review);
        });
    }
}
