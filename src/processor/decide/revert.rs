//! Revert: what was written under a mapping since a time is undone, as a walk.

use crate::domain::brakes::Undo;
use crate::domain::journal::{Basis, Desire, DomainEvent as E, WalkReason};
use crate::domain::view::{
    Customer, Journal, ViewEntry, ViewRead, Walk, outstanding, record_state,
};
use crate::domain::{BridgeId, CommandKind, Name, RecordRef, Timestamp, ViewKey};
use crate::mapping::Mapping;
use crate::processor::decide::{Terms, agree, reconcile, walk};
use crate::sync::desires::Target;
use crate::sync::revert::{Scope, undo};

/// A person wants writes undone.
pub fn decided<J: Journal>(journal: &mut J, mapping: [u8; 32], since: Timestamp, by: &str) {
    let Some(version) = version_of(journal, journal.bridge(), &mapping) else {
        return journal.trace("mapping_unknown", None);
    };
    journal.emit(E::RevertDecided {
        mapping,
        since,
        by: by.to_owned(),
    });
    walk::start_since(journal, WalkReason::Revert, version, since);
}

/// The version of a mapping that is or was active.
pub fn version_of<V: ViewRead + ?Sized>(
    view: &V,
    bridge: &BridgeId,
    hash: &[u8; 32],
) -> Option<u64> {
    let known = known(view, bridge);
    let found = known.into_iter().find(|(_, one)| one == hash)?;
    Some(found.0)
}

/// The mappings that are or were active, by version and hash.
pub fn known<V: ViewRead + ?Sized>(view: &V, bridge: &BridgeId) -> Vec<(u64, [u8; 32])> {
    match view.get(&ViewKey::mapping(bridge)).as_deref() {
        Some(ViewEntry::Mapping(active)) => {
            let mut known = active.earlier.clone();
            known.push((active.version, active.hash));
            known
        }
        _ => Vec::new(),
    }
}

/// What becomes of the fields of a customer that were written in a scope.
pub fn of_customer<V: ViewRead + ?Sized>(
    view: &V,
    bridge: &BridgeId,
    mapping: &Mapping,
    customer: &Customer,
    scope: Scope,
) -> Vec<(RecordRef, Vec<(Name, Undo)>)> {
    let mut found = Vec::new();
    for (record, state) in agree::live(customer) {
        let Some(section) = mapping.section_of(&record) else {
            continue;
        };
        let target = Target {
            system: mapping.system_of(&record),
            record: &record,
            state: &state,
        };
        let waiting = state.writing.and_then(|id| outstanding(view, bridge, &id));
        let in_flight = waiting.as_deref().and_then(|waiting| {
            let asked = waiting.asked();
            match &waiting.command.kind {
                CommandKind::Write(write) => Some((write, asked)),
                CommandKind::Read(_) => None,
            }
        });
        let fields = undo(section, target, scope, in_flight);
        if !fields.is_empty() {
            found.push((record, fields));
        }
    }
    found
}

/// Undoes what was written to the records of a customer.
pub fn look<J: Journal>(journal: &mut J, terms: &Terms<'_>, walk: &Walk, customer: &Customer) {
    let Some(since) = walk.since else {
        return;
    };
    let scope = Scope {
        mapping: walk.version,
        since,
    };
    let bridge = journal.bridge().clone();
    for (record, fields) in of_customer(journal, &bridge, terms.mapping, customer, scope) {
        if record_state(journal, journal.bridge(), &record).is_none() {
            continue;
        }
        let mut desires = Vec::new();
        for (name, what) in fields {
            match what {
                Undo::To(value) => desires.push(Desire {
                    name,
                    value,
                    basis: Basis::Kept,
                }),
                Undo::Changed | Undo::Required | Undo::Unknown => {
                    journal.trace(what.label(), Some(&record));
                }
            }
        }
        reconcile::desire(journal, terms, &record, desires);
    }
}
