//! The ledger: what happened and what would have happened, cancelled out against each other.

use std::collections::BTreeMap;

use crate::domain::journal::{DomainEvent as E, ReviewKind, WriteEnding};
use crate::domain::view::{RecordState, ViewRead, outstanding, record_state};
use crate::domain::{BridgeId, Command, CommandKind, FieldWrite, JournalEntry, Name};
use crate::domain::{ObservationId, RecordRef, Value, WriteTarget};
use crate::processor::evolve::commands::subject;

/// Differences that are kept apart at a time; what is beyond is counted only.
pub const DIFFERENCES_MAX: usize = 10_000;

/// What leaves a trace outside, or asks a person.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Effect {
    Link {
        left: RecordRef,
        right: RecordRef,
        rule: String,
    },
    Split {
        left: RecordRef,
        right: RecordRef,
    },
    Create {
        object: String,
        origin: RecordRef,
    },
    /// A field that is written: of a record, or of one that is made from it (`Lead.Title`).
    Write {
        record: RecordRef,
        field: String,
        value: Value,
    },
    Attach {
        contact: RecordRef,
        company: RecordRef,
    },
    Review {
        record: RecordRef,
        reason: String,
    },
}

/// One effect, how many times more it happened than it would have, and what led to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    pub effect: Effect,
    /// Above zero: it happened and would not have. Below: the other way round.
    pub times: i64,
    pub cause: Option<ObservationId>,
}

/// Which of the two an effect belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Happened,
    WouldBe,
}

#[derive(Debug, Default)]
pub struct Ledger {
    open: BTreeMap<Effect, (i64, Option<ObservationId>)>,
    /// Effects that found no room.
    pub beyond: u64,
    /// What was refused or lost when it was written: another try of the same is none of its own.
    refused: BTreeMap<(RecordRef, String), [u8; 16]>,
}

impl Ledger {
    /// Takes an event of either side; `view` is as it was before it.
    pub fn take<V: ViewRead>(
        &mut self,
        side: Side,
        view: &V,
        bridge: &BridgeId,
        entry: &JournalEntry,
    ) {
        for effect in effects(view, bridge, &entry.event) {
            if side == Side::WouldBe || !self.is_another_try(&effect) {
                self.note(side, effect, entry.cause);
            }
        }
        if let (
            Side::Happened,
            E::WriteSettled {
                command, ending, ..
            },
        ) = (side, &entry.event)
            && matches!(
                ending,
                WriteEnding::Rejected(_) | WriteEnding::Unknown { .. }
            )
            && let Some(waiting) = outstanding(view, bridge, command)
        {
            for effect in of_write(view, bridge, &waiting.command) {
                if let Some((place, hash)) = refusable(&effect)
                    && self.refused.len() < DIFFERENCES_MAX
                {
                    self.refused.insert(place, hash);
                }
            }
        }
    }

    fn is_another_try(&mut self, effect: &Effect) -> bool {
        let Some((place, hash)) = refusable(effect) else {
            return false;
        };
        let same = self.refused.get(&place) == Some(&hash);
        if !same {
            self.refused.remove(&place);
        }
        same
    }

    fn note(&mut self, side: Side, effect: Effect, cause: Option<ObservationId>) {
        let by = match side {
            Side::Happened => 1,
            Side::WouldBe => -1,
        };
        if let Some((times, _)) = self.open.get_mut(&effect) {
            *times += by;
            if *times == 0 {
                self.open.remove(&effect);
            }
        } else if self.open.len() < DIFFERENCES_MAX {
            self.open.insert(effect, (by, cause));
        } else {
            self.beyond += 1;
        }
    }

    /// What is left, in the order of effects.
    pub fn differences(&self) -> Vec<Difference> {
        let left = self.open.iter().map(|(effect, (times, cause))| Difference {
            effect: effect.clone(),
            times: *times,
            cause: *cause,
        });
        left.collect()
    }
}

/// Where an effect can be refused, and what it was.
fn refusable(effect: &Effect) -> Option<((RecordRef, String), [u8; 16])> {
    match effect {
        Effect::Write {
            record,
            field,
            value,
        } => Some(((record.clone(), field.clone()), value.hash())),
        Effect::Create { object, origin } => Some(((origin.clone(), object.clone()), [0; 16])),
        Effect::Attach { contact, company } => {
            Some(((contact.clone(), company.to_string()), [0; 16]))
        }
        Effect::Link { .. } | Effect::Split { .. } | Effect::Review { .. } => None,
    }
}

/// The effects of an event. `view` is as it was before it: what repeats a write of ours is none.
fn effects<V: ViewRead>(view: &V, bridge: &BridgeId, event: &E) -> Vec<Effect> {
    match event {
        E::RecordLinked {
            left, right, rule, ..
        } => vec![Effect::Link {
            left: left.clone(),
            right: right.clone(),
            rule: format!("{rule:?}"),
        }],
        E::RecordsUnlinked { left, right, .. } => vec![Effect::Split {
            left: left.clone(),
            right: right.clone(),
        }],
        E::WriteRequested { command } | E::WriteSuppressed { command, .. }
            if command.attempt == 1 =>
        {
            of_write(view, bridge, command)
        }
        E::ReviewOpened {
            record,
            kind: ReviewKind::Ambiguous,
            reason,
            ..
        } => vec![Effect::Review {
            record: record.clone(),
            reason: reason.clone(),
        }],
        E::IdentifierShared { record, .. } => vec![Effect::Review {
            record: record.clone(),
            reason: "identifier_of_too_many".to_owned(),
        }],
        E::ConflictOpened { field, claims, .. } => {
            let record = claims.first().map(|claim| claim.record.clone());
            let asked = record.map(|record| Effect::Review {
                record,
                reason: format!("conflict:{field}"),
            });
            asked.into_iter().collect()
        }
        _ => Vec::new(),
    }
}

fn of_write<V: ViewRead>(view: &V, bridge: &BridgeId, command: &Command) -> Vec<Effect> {
    let CommandKind::Write(write) = &command.kind else {
        return Vec::new();
    };
    let record = subject(command);
    let state = record_state(view, bridge, &record);
    let repeats = |field: &&FieldWrite| {
        let last = state
            .as_ref()
            .and_then(|state| last_written(state, &field.name));
        last != Some(field.value.hash())
    };
    match &write.target {
        WriteTarget::Record(_) => {
            let fields = write.fields.iter().filter(repeats);
            let written = fields.map(|field| Effect::Write {
                record: record.clone(),
                field: field.name.to_string(),
                value: field.value.clone(),
            });
            written.collect()
        }
        WriteTarget::Create { object, origin, .. } => {
            let object = object.as_str().to_owned();
            let fields = write.fields.iter().map(|field| Effect::Write {
                record: origin.clone(),
                field: format!("{object}.{}", field.name),
                value: field.value.clone(),
            });
            let mut effects: Vec<Effect> = fields.collect();
            let origin = origin.clone();
            effects.push(Effect::Create { object, origin });
            effects
        }
        WriteTarget::Attach { contact, company } => vec![Effect::Attach {
            contact: contact.clone(),
            company: company.clone(),
        }],
    }
}

/// What the last write of a field that the record remembers wrote, by its hash.
fn last_written(state: &RecordState, name: &Name) -> Option<[u8; 16]> {
    let mut writes = state.writes().rev();
    writes.find_map(|write| write.hashes.get(name).copied())
}
