//! Evolve: who stands right below which account. It follows what is seen of a record, whichever
//! event showed it.

use crate::domain::journal::DomainEvent as E;
use crate::domain::tree;
use crate::domain::view::{ViewEntry, ViewRead, ViewWrite, record_state};
use crate::domain::{BridgeId, RecordRef, ViewKey};

/// The record of which an event can show another account above it.
pub fn shown(event: &E) -> Option<&RecordRef> {
    let (E::RecordSeen { record, .. } | E::WriteSettled { record, .. }) = event else {
        return None;
    };
    tree::names_above(record).map(|_| record)
}

/// The account above a record as the view has it now.
pub fn above<V: ViewRead>(view: &V, bridge: &BridgeId, record: &RecordRef) -> Option<RecordRef> {
    let state = record_state(view, bridge, record)?;
    tree::above(record, &state)
}

/// Moves a record in the index.
pub fn moved<V: ViewWrite>(
    view: &mut V,
    bridge: &BridgeId,
    record: &RecordRef,
    before: Option<&RecordRef>,
) {
    let now = above(view, bridge, record);
    if now.as_ref() == before {
        return;
    }
    if let Some(before) = before {
        view.remove(&ViewKey::below(bridge, before, record));
    }
    if let Some(now) = &now {
        let key = ViewKey::below(bridge, now, record);
        view.put(key, ViewEntry::Below(record.clone()));
    }
}
