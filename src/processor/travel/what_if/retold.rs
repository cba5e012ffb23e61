//! What a source told, as it would have told it: where nothing was news to us, nothing is news, and
//! what our own writes had put there is what the other writes would have put there.

use crate::domain::view::{RecordState, ViewRead, customer_of, outstanding, record_state};
use crate::domain::{BridgeId, Change, CommandKind, EventKind, Fields, MatchRule, Name};
use crate::domain::{RecordRef, RecordSnapshot, Value, Writer};

/// The two views, before an observation is taken.
pub struct Both<'a, V: ViewRead> {
    pub happened: &'a V,
    pub would_be: &'a V,
    pub bridge: &'a BridgeId,
    /// Whether a record would be about to be created.
    pub creates: bool,
}

impl<V: ViewRead> Both<'_, V> {
    /// The change as it would have been told; none where it is about a record that would not be
    /// there.
    pub fn change(&self, change: &Change) -> Option<Change> {
        Some(match change {
            Change::Shown(shown) => Change::Shown(self.snapshot(shown)?),
            Change::Row(row) => Change::Row(self.snapshot(row)?),
            Change::Swept(row) => Change::Swept(self.snapshot(row)?),
            Change::Imported { run, row } => Change::Imported {
                run: *run,
                row: self.snapshot(row)?,
            },
            Change::Tagged {
                snapshot,
                tag_id,
                tag_name,
                added,
            } => Change::Tagged {
                snapshot: self.snapshot(snapshot)?,
                tag_id: tag_id.clone(),
                tag_name: tag_name.clone(),
                added: *added,
            },
            Change::Attached {
                company,
                contact,
                attached,
            } => Change::Attached {
                company: self.snapshot(company)?,
                contact: self.snapshot(contact)?,
                attached: *attached,
            },
            Change::Merged { survivor, absorbed } => Change::Merged {
                survivor: self.snapshot(survivor)?,
                absorbed: absorbed.clone(),
            },
            Change::Event(event) => {
                let ours = event.writer != Writer::Foreign;
                let is_unheard_of =
                    customer_of(self.happened, self.bridge, &event.record).is_none();
                if ours && is_unheard_of && event.kind == EventKind::Created && !self.creates {
                    return None;
                }
                if self.would_not_be(&event.record) {
                    return None;
                }
                let mut event = event.clone();
                self.retell(&event.record, &mut event.fields, ours);
                Change::Event(event)
            }
            as_told => as_told.clone(),
        })
    }

    pub fn snapshot(&self, shown: &RecordSnapshot) -> Option<RecordSnapshot> {
        if self.would_not_be(&shown.record) {
            return None;
        }
        let mut shown = shown.clone();
        self.retell(&shown.record, &mut shown.fields, false);
        Some(shown)
    }

    /// Whether a record was made by us that would not have been made.
    fn would_not_be(&self, record: &RecordRef) -> bool {
        let known = customer_of(self.happened, self.bridge, record);
        let made = known.is_some_and(|customer| {
            let mut links = customer.links.iter();
            links.any(|link| {
                link.rule == MatchRule::Created && [&link.left, &link.right].contains(&record)
            })
        });
        made && customer_of(self.would_be, self.bridge, record).is_none() && !self.creates
    }

    /// Puts what would stand in each field that shows no news. `ours`: our user committed it.
    pub fn retell(&self, record: &RecordRef, fields: &mut Fields, ours: bool) {
        let Some(happened) = record_state(self.happened, self.bridge, record) else {
            return;
        };
        let would_be = record_state(self.would_be, self.bridge, record).unwrap_or_default();
        for (name, value) in fields.iter_mut() {
            let known = happened.seen.get(name).map(|seen| &seen.value);
            let is_news =
                known != Some(value) && !self.is_own(self.happened, &happened, name, value, ours);
            if is_news || self.is_own(self.would_be, &would_be, name, value, true) {
                continue;
            }
            if let Some(seen) = would_be.seen.get(name) {
                *value = seen.value.clone();
            } else if let Some(own) = happened.own.get(name) {
                *value = own.value.clone();
            }
        }
    }

    /// Whether a value is one that we wrote there: by the write that is out, or by any that the
    /// record remembers where our user committed it.
    fn is_own(
        &self,
        view: &V,
        state: &RecordState,
        name: &Name,
        value: &Value,
        ours: bool,
    ) -> bool {
        let out = state
            .writing
            .and_then(|id| outstanding(view, self.bridge, &id));
        let sent = out.as_ref().map(|out| &out.command.kind);
        if let Some(CommandKind::Write(write)) = sent
            && write
                .fields
                .iter()
                .any(|field| field.name == *name && field.value == *value)
        {
            return true;
        }
        let hash = value.hash();
        ours && state
            .writes()
            .any(|write| write.hashes.get(name) == Some(&hash))
    }
}
