//! Decide: one observation, by its kind.

use crate::domain::journal::{DomainEvent as E, WalkReason};
use crate::domain::view::{Journal, ViewEntry};
use crate::domain::{Observation, ObservationBody, ViewKey};
use crate::mapping::Mapping;
use crate::processor::decide::{Brakes, observed, revert, review, settle, shadow, unlink, walk};

/// What decide may know besides the view.
#[derive(Debug, Clone, Copy)]
pub struct Terms<'a> {
    pub mapping: &'a Mapping,
    pub timing: Timing,
    pub brakes: Brakes,
    /// Rows of an import change what is known and ask for nothing: no lookup, no write, no read.
    pub quiet: bool,
}

/// How long things may stay open. Deadlines enter the journal with the events that set them, so a
/// rebuild does not depend on these.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    /// How long a command may stay unanswered, in milliseconds.
    pub command_deadline_ms: i64,
    /// The longest time between two requests of an unanswered command, in milliseconds.
    pub command_deadline_ms_max: i64,
    /// Attempts without an answer after which a person is told.
    pub attempts_before_review: u32,
    /// How long a record stands behind another one's lookup or create, in milliseconds.
    pub deferral_deadline_ms: i64,
}

/// Decides one observation. `terms` are none until the bridge has a mapping.
pub fn decide<J: Journal>(journal: &mut J, terms: Option<&Terms<'_>>, observation: &Observation) {
    if let ObservationBody::MappingOffered {
        version,
        hash,
        body,
    } = &observation.body
    {
        return activate(journal, *version, *hash, body);
    }
    if let ObservationBody::LetterSettled { letter, how, by } = &observation.body {
        return journal.emit(E::LetterSettled {
            letter: letter.clone(),
            how: how.label().to_owned(),
            by: by.clone(),
        });
    }
    if let ObservationBody::ModeDecided { mode, by } = &observation.body {
        return shadow::decided(journal, *mode, by);
    }
    if let ObservationBody::BridgeReleased { .. } = &observation.body {
        // The step takes it where the bridge stands aside.
        return journal.trace("not_quarantined", None);
    }
    let Some(terms) = terms else {
        return journal.trace("no_mapping", None);
    };
    match &observation.body {
        ObservationBody::RevertDecided { mapping, since, by } => {
            revert::decided(journal, *mapping, *since, by);
        }
        ObservationBody::Changed { source, change, .. } => {
            observed::decide(journal, terms, source, change);
        }
        ObservationBody::Answered(result) => settle::decide(journal, terms, result),
        ObservationBody::ReviewAnswered { review, answer, by } => {
            review::answered(journal, terms, *review, answer, by);
        }
        ObservationBody::LinkDecided {
            left,
            right,
            same,
            by,
        } => unlink::decided(journal, terms, (left, right), *same, by),
        ObservationBody::MappingOffered { .. }
        | ObservationBody::LetterSettled { .. }
        | ObservationBody::ModeDecided { .. }
        | ObservationBody::BridgeReleased { .. } => {
            unreachable!("decided above")
        }
    }
}

/// A mapping becomes active if its version is higher than the active one's.
fn activate<J: Journal>(journal: &mut J, version: u64, hash: [u8; 32], body: &str) {
    let key = ViewKey::mapping(journal.bridge());
    let active = match journal.get(&key).as_deref() {
        Some(ViewEntry::Mapping(active)) => Some(active.version),
        _ => None,
    };
    if active.is_some_and(|active| active >= version) {
        return journal.trace("mapping_not_newer", None);
    }
    journal.emit(E::MappingActivated {
        version,
        hash,
        body: body.to_owned(),
    });
    if active.is_some() {
        walk::start(journal, WalkReason::Mapping, None, version);
    }
}
