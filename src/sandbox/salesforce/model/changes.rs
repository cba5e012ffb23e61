//! The list of changes: what a change-event stream would tell, in commit order.

use std::collections::VecDeque;

use serde::Serialize;

use crate::sandbox::salesforce::model::publishing::Told;

/// How many changes one org remembers; older ones are forgotten first.
pub(crate) const CHANGES_MAX: usize = 200_000;

/// What happened to a record; names as in change events (salesforce.md 2.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum ChangeType {
    /// It was made.
    Create,
    /// Fields of it are different.
    Update,
    /// It went to the recycle bin, or lost a merge.
    Delete,
    /// It came back.
    Undelete,
}

/// One change of one record.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Change {
    /// Its number, from 1 without gaps.
    pub n: u64,
    /// The object.
    pub object: String,
    /// The record, 18 characters.
    pub record_id: String,
    /// What happened.
    pub change_type: ChangeType,
    /// The fields that differ, for an update; without LastModifiedDate.
    pub changed_fields: Vec<String>,
    /// `com/salesforce/api/<api>/<version>;client=<token>`, salesforce.md 2.7.
    pub change_origin: String,
    /// Who did it.
    pub commit_user: String,
    /// When, in milliseconds of the sandbox's wall clock.
    pub commit_ms: i64,
    /// The same for all changes of one transaction.
    pub transaction_key: String,
    /// From 1 within the transaction.
    pub sequence_number: u32,
}

/// Who changes something, through what, and when.
#[derive(Debug, Clone)]
pub(crate) struct Actor {
    pub(crate) user_id: String,
    pub(crate) origin: String,
    pub(crate) now_ms: i64,
    pub(crate) transaction_key: String,
    pub(crate) sequence: u32,
    /// Whether assignment rules run.
    pub(crate) auto_assign: bool,
}

/// A change of which no event was made yet. The values stand here and not in [`Change`], which
/// is kept for long.
#[derive(Debug, Clone)]
pub(crate) struct Pending {
    pub(crate) change: Change,
    pub(crate) told: Told,
    /// Whether subscribers learn only that something happened (salesforce.md 2.5).
    pub(crate) gap: bool,
}

/// The last [`CHANGES_MAX`] changes.
#[derive(Debug, Default)]
pub(crate) struct ChangeLog {
    entries: VecDeque<Change>,
    /// Those of the transactions under way, for the change events.
    pending: VecDeque<Pending>,
    last_n: u64,
}

// === impl ChangeLog ===

impl ChangeLog {
    pub(crate) fn push(
        &mut self,
        actor: &mut Actor,
        change_type: ChangeType,
        (object, record_id): (&str, &str),
        changed_fields: Vec<String>,
        told: Told,
    ) {
        self.last_n += 1;
        actor.sequence += 1;
        if self.entries.len() >= CHANGES_MAX {
            self.entries.pop_front();
        }
        let change = Change {
            n: self.last_n,
            object: object.to_owned(),
            record_id: record_id.to_owned(),
            change_type,
            changed_fields,
            change_origin: actor.origin.clone(),
            commit_user: actor.user_id.clone(),
            commit_ms: actor.now_ms,
            transaction_key: actor.transaction_key.clone(),
            sequence_number: actor.sequence,
        };
        self.entries.push_back(change.clone());
        if self.pending.len() >= CHANGES_MAX {
            self.pending.pop_front();
        }
        self.pending.push_back(Pending {
            change,
            told,
            gap: false,
        });
    }

    /// Hands out what no event was made of yet.
    pub(crate) fn take_pending(&mut self) -> Vec<Pending> {
        std::mem::take(&mut self.pending).into()
    }

    /// What no event was made of yet is told as gaps.
    pub(crate) fn pending_become_gaps(&mut self) {
        for pending in &mut self.pending {
            pending.gap = true;
        }
    }

    /// The changes with a number greater than `since`.
    pub(crate) fn since(&self, since: u64) -> Vec<Change> {
        self.entries
            .iter()
            .filter(|change| change.n > since)
            .cloned()
            .collect()
    }
}
