//! Overwrite: what somebody set and a write of ours replaced, neither knowing of the other. It is
//! gone from the record, but it was said: the field's policy decides, and both values are kept.

use std::collections::BTreeSet;

use crate::domain::journal::Claim;
use crate::domain::view::{Journal, RecordState, customer_of, record_state};
use crate::domain::{Fields, Name, Over, RecordSnapshot, Version};
use crate::mapping::Section;
use crate::mapping::set::Base;
use crate::processor::decide::{Terms, agree};
use crate::sync::echo::{Placed, overwritten};

/// Takes what a snapshot shows of replaced values as claims. False if it shows none.
pub fn claims<J: Journal>(
    journal: &mut J,
    terms: &Terms<'_>,
    section: &Section,
    snapshot: &RecordSnapshot,
    placed: Placed,
) -> bool {
    let bridge = journal.bridge().clone();
    let record = &snapshot.record;
    let Some(state) = record_state(journal, &bridge, record) else {
        return false;
    };
    let lost = overwritten(&state, snapshot, placed);
    if lost.is_empty() {
        return false;
    }
    let system = terms.mapping.system_of(record);
    let shown = Over(&lost, &*state);
    let mut changed = BTreeSet::new();
    let mut claimed = false;
    for field in &section.fields {
        let names = field.names_in(system);
        let says = |name: &Name| lost.get(name).is_some_and(|value| !field.stands_in(value));
        if !field.flows_from(system) || !field.flows_to(system) || !names.iter().any(says) {
            continue;
        }
        let Some(customer) = customer_of(journal, &bridge, record) else {
            break;
        };
        if customer.contested.contains_key(&field.intercom) {
            continue;
        }
        let version = match placed {
            Placed::ByVersion | Placed::Causally => snapshot.version,
            Placed::Shown => by_then(&state, names, snapshot.version),
        };
        let claim = Claim {
            record: record.clone(),
            value: field.decided_from(system, &shown),
            version,
        };
        let before = before_our_write(&state, names);
        let before = field.decided_from(system, &Over(&before, &*state));
        if before == claim.value {
            // It was there already, in another form.
            continue;
        }
        claimed = true;
        let base = Base::Agreed(&before);
        if agree::settle(journal, terms, &customer, field, &claim, base) {
            changed.insert(field.intercom.clone());
        }
    }
    agree::follow(journal, terms, section, record, &changed);
    claimed
}

/// What stood in fields before the last write of ours that replaced it: fields that no write has
/// replaced are as they are.
fn before_our_write(state: &RecordState, names: &[Name]) -> Fields {
    let before = names.iter().filter_map(|name| {
        let mut writes = state.writes().rev();
        let write = writes.find(|write| write.hashes.contains_key(name))?;
        Some((name.clone(), write.before.get(name)?.clone()))
    });
    before.collect()
}

/// From what was known before the write that replaced a value to when the value was there.
fn by_then(state: &RecordState, names: &[Name], at: Version) -> Version {
    let mut writes = state.recent_writes.iter().rev();
    let wrote = writes.find(|write| names.iter().any(|name| write.hashes.contains_key(name)));
    let since = wrote.map_or(at.from_ms, |write| write.since.from_ms);
    Version {
        from_ms: since.min(at.from_ms),
        ..at
    }
}
