//! Overwrite: what somebody set and a write of ours replaced, neither knowing of the other. It is
//! gone from the record, but it was said: the field's policy decides, and both values are kept.

use std::collections::BTreeSet;

use crate::domain::journal::Claim;
use crate::domain::view::{Journal, RecordState, customer_of, record_state};
use crate::domain::{Name, Over, RecordSnapshot, Version};
use crate::mapping::Section;
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
        if !field.flows_from(system)
            || !field.flows_to(system)
            || !names.iter().any(|name| lost.contains_key(name))
        {
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
        claimed = true;
        if agree::settle(journal, terms, &customer, field, &claim) {
            changed.insert(field.intercom.clone());
        }
    }
    agree::follow(journal, terms, section, record, &changed);
    claimed
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
