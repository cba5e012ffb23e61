//! Evolve: imports, and walks over every customer.

use crate::domain::ViewKey;
use crate::domain::journal::{DomainEvent as E, WalkReason};
use crate::domain::view::{Importing, ViewEntry, ViewWrite, Walk};
use crate::processor::evolve::edit::Edit;
use crate::processor::evolve::{bookkeeping, brakes};

pub fn apply<V: ViewWrite>(edit: &mut Edit<'_, V>, event: &E) {
    match event {
        E::ImportEnded { source, run, .. } => {
            bookkeeping::of_bridge(edit.view, edit.bridge, |state| {
                // A later run takes the place of one that was given up.
                let known = state.importing.take().filter(|known| known.run == *run);
                let mut importing = known.unwrap_or_else(|| Importing {
                    run: *run,
                    ended: Default::default(),
                });
                importing.ended.insert(source.clone());
                state.importing = Some(importing);
            });
        }
        E::WalkStarted {
            reason,
            record,
            version,
            since,
        } => {
            if *reason == WalkReason::Import {
                bookkeeping::of_bridge(edit.view, edit.bridge, |state| state.importing = None);
            }
            let walk = Walk {
                reason: *reason,
                record: record.clone(),
                version: *version,
                since: *since,
                to: None,
                customers: 0,
                path: Vec::new(),
            };
            let key = ViewKey::walk(edit.bridge, edit.sequence);
            edit.view.put(key, ViewEntry::Walk(walk));
        }
        E::WalkAdvanced {
            walk,
            to,
            customers,
        } => {
            let key = ViewKey::walk(edit.bridge, *walk);
            edit.view.change(&key, &mut |entry| {
                if let ViewEntry::Walk(walk) = entry {
                    walk.to = Some(*to);
                    walk.customers = *customers;
                }
            });
        }
        E::PlacesTold {
            walk,
            path,
            customers,
        } => {
            let key = ViewKey::walk(edit.bridge, *walk);
            edit.view.change(&key, &mut |entry| {
                if let ViewEntry::Walk(walk) = entry
                    && walk.reason == WalkReason::Tree
                {
                    walk.path.clone_from(path);
                    walk.to = customers.last().copied().or(walk.to);
                    walk.customers += customers.len() as u64;
                }
            });
        }
        E::WalkEnded { walk, reason, .. } => {
            edit.view.remove(&ViewKey::walk(edit.bridge, *walk));
            if *reason == WalkReason::Brake {
                brakes::walked(edit, *walk);
            }
        }
        other => unreachable!("{} is no event of a walk", other.name()),
    }
}
