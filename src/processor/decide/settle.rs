//! Settle: the answers to writes and to reads by id.

use crate::domain::command::ReadCommand;
use crate::domain::journal::{DomainEvent as E, ReadPurpose, ReviewKind};
use crate::domain::journal::{Via, WriteEnding};
use crate::domain::record::Gone;
use crate::domain::tree::merged_into;
use crate::domain::view::{Journal, Outstanding, customer_of, outstanding, record_state};
use crate::domain::{CommandKind, CommandResult, Fields, Name, Outcome, RecordRef, RecordSnapshot};
use crate::domain::{RejectClass, Rejection, ReviewId, Version, WriteCommand, WriteTarget};
use crate::mapping::System;
use crate::processor::decide::{
    Terms, fold, holds, owner, pause, reconcile, relation, request, source_merge,
};
use crate::processor::decide::{settle_lookup, settle_read};
use crate::sync::writes;

pub fn decide<J: Journal>(journal: &mut J, terms: &Terms<'_>, result: &CommandResult) {
    let waiting = outstanding(journal, journal.bridge(), &result.command);
    let Some(waiting) = waiting.filter(|waiting| result.attempt <= waiting.command.attempt) else {
        journal.trace("late_result", None);
        if let Outcome::Written { record, .. } = &result.outcome {
            // A repeat that was out when an earlier attempt ended otherwise, and wrote after it.
            request::read_record(journal, terms, record, ReadPurpose::AfterUnknown);
        }
        return;
    };
    // A read that could not be made is still unanswered: the deadline asks again.
    let no_answer = matches!(waiting.command.kind, CommandKind::Read(_))
        && matches!(result.outcome, Outcome::Unknown { .. });
    if let Some(review) = waiting.review.filter(|_| !no_answer) {
        journal.emit(E::ReviewClosed {
            review,
            how: "answered".into(),
        });
    }
    match &waiting.command.kind {
        CommandKind::Write(write) => match &write.target {
            WriteTarget::Record(record) => update(journal, terms, &waiting, record, write, result),
            WriteTarget::Create { .. } => {
                settle_lookup::creation(journal, terms, &waiting, write, result);
            }
            // An update of the contact that writes no field.
            WriteTarget::Attach { contact, .. } => {
                update(journal, terms, &waiting, contact, write, result);
            }
        },
        CommandKind::Read(ReadCommand::Record { record, .. }) => {
            settle_read::read(journal, terms, &waiting, record, result);
        }
        CommandKind::Read(ReadCommand::Gone { record }) => {
            source_merge::answered(journal, terms, &waiting, record, result);
        }
        CommandKind::Read(ReadCommand::Lookup(_)) => {
            settle_lookup::lookup(journal, terms, &waiting, result);
        }
    }
}

fn update<J: Journal>(
    journal: &mut J,
    terms: &Terms<'_>,
    waiting: &Outstanding,
    record: &RecordRef,
    write: &WriteCommand,
    result: &CommandResult,
) {
    let settled = |ending| E::WriteSettled {
        command: waiting.command.id,
        attempt: result.attempt,
        record: record.clone(),
        ending,
    };
    let (mut placed, since) = (false, journal.next_sequence());
    match &result.outcome {
        Outcome::Written {
            created,
            values,
            version,
            ..
        } => {
            placed = version.is_some();
            let version = *version;
            journal.emit(settled(WriteEnding::Done {
                created: *created,
                values: values.as_ref().map(|values| of_write(write, values)),
                version,
            }));
            accept_forms(journal, record, write, values.as_ref());
            look_after_repair(journal, terms, record, write, values.as_ref());
            rekey(journal, terms, record);
            answered_beside(journal, terms, record, write, values.as_ref().zip(version));
        }
        Outcome::AlreadyThere { snapshot } => {
            placed = true;
            let values = written_values(write, snapshot);
            let version = Some(snapshot.version);
            journal.emit(settled(WriteEnding::Done {
                created: false,
                values,
                version,
            }));
            accept_forms(journal, record, write, Some(&snapshot.fields));
            shown(journal, terms, snapshot, Via::Write);
        }
        Outcome::FoundOther { snapshot } => {
            placed = true;
            journal.emit(settled(WriteEnding::FoundOther));
            shown(journal, terms, snapshot, Via::Write);
        }
        Outcome::NotFound { record: missing } => {
            let rejection = if missing == record {
                gone(terms.mapping.system_of(record))
            } else {
                no_company(missing)
            };
            refused(journal, terms, waiting, record, write, result, &rejection);
        }
        Outcome::Rejected(rejection) => {
            refused(journal, terms, waiting, record, write, result, rejection);
        }
        Outcome::Unknown { reason } => {
            journal.emit(settled(WriteEnding::Unknown {
                reason: reason.clone(),
            }));
            let state = record_state(journal, journal.bridge(), record);
            if state.is_some_and(|state| state.reading.is_some()) {
                // That read may have been carried out before the write.
                journal.emit(E::RereadRequired {
                    record: record.clone(),
                });
            }
            if !pause::rests(journal, terms, record) {
                request::read_record(journal, terms, record, ReadPurpose::AfterUnknown);
            }
        }
        Outcome::Read { .. } | Outcome::LookedUp { .. } => {
            return journal.trace("answer_of_another_kind", Some(record));
        }
    }
    pause::answered(journal, record);
    let answer = holds::Answer::of_write(placed, since);
    holds::release(journal, terms, record, answer);
    reconcile::reconcile(journal, terms, record);
}

/// The written fields as a repeat found them.
fn written_values(write: &WriteCommand, snapshot: &RecordSnapshot) -> Option<Fields> {
    Some(of_write(write, &snapshot.fields))
}

/// Those of an answer's fields that were written.
fn of_write(write: &WriteCommand, fields: &Fields) -> Fields {
    let shown = |name: &Name| Some((name.clone(), fields.get(name)?.clone()));
    let names = write.fields.iter().map(|field| &field.name);
    names.filter_map(shown).collect()
}

/// Whether a write sends a value once more that was changed back. An org that changes it back again
/// in the same transaction has changed nothing, and its feed tells of nothing: only a read can.
fn is_repair<J: Journal>(journal: &J, record: &RecordRef, write: &WriteCommand) -> bool {
    let Some(state) = record_state(journal, journal.bridge(), record) else {
        return false;
    };
    let earlier = state.recent_writes.iter().rev();
    let earlier = earlier.filter(|one| one.sequence < write.sequence);
    write.fields.iter().any(|field| {
        let last = earlier
            .clone()
            .find(|one| one.hashes.contains_key(&field.name));
        last.is_some_and(|one| one.hashes[&field.name] == field.value.hash())
    })
}

fn look_after_repair<J: Journal>(
    journal: &mut J,
    terms: &Terms<'_>,
    record: &RecordRef,
    write: &WriteCommand,
    values: Option<&Fields>,
) {
    if values.is_none() && is_repair(journal, record, write) {
        request::read_record(journal, terms, record, ReadPurpose::Tie);
    }
}

/// The remote answers with what it stores: a form of its own is accepted and not fought.
pub fn accept_forms<J: Journal>(
    journal: &mut J,
    record: &RecordRef,
    write: &WriteCommand,
    values: Option<&Fields>,
) {
    for field in &write.fields {
        let stored = values.and_then(|values| values.get(&field.name));
        if let Some(stored) = stored.filter(|stored| **stored != field.value) {
            journal.emit(E::FormAccepted {
                record: record.clone(),
                name: field.name.clone(),
                desired: field.value.clone(),
                stored: stored.clone(),
            });
        }
    }
}

/// An answer that shows the whole record also shows what others changed beside our write.
fn answered_beside<J: Journal>(
    journal: &mut J,
    terms: &Terms<'_>,
    record: &RecordRef,
    write: &WriteCommand,
    answer: Option<(&Fields, Version)>,
) {
    let Some((values, version)) = answer else {
        return;
    };
    let written = |name: &Name| write.fields.iter().any(|field| field.name == *name);
    let beside = values.iter().filter(|(name, _)| !written(name));
    let snapshot = RecordSnapshot {
        record: record.clone(),
        version,
        fields: beside
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect(),
        tags: None,
        companies: None,
    };
    shown(journal, terms, &snapshot, Via::Write);
}

/// What a remote says of an id that it does not know.
pub fn gone(system: System) -> Rejection {
    let system = match system {
        System::Intercom => "Intercom",
        System::Salesforce => "Salesforce",
    };
    Rejection {
        class: RejectClass::Gone,
        code: "NOT_FOUND".into(),
        text: String::new(),
        fields: Vec::new(),
        records: Vec::new(),
        hint: format!(
            "the record was deleted or merged in {system}; restore it there, or discard the letter"
        ),
    }
}

/// The company that a contact was to join is not there; the contact itself did not leave.
fn no_company(missing: &RecordRef) -> Rejection {
    Rejection {
        class: RejectClass::BadData,
        records: vec![missing.clone()],
        hint: "the company was deleted in Intercom; create it again, or discard the letter".into(),
        ..gone(System::Intercom)
    }
}

fn refused<J: Journal>(
    journal: &mut J,
    terms: &Terms<'_>,
    waiting: &Outstanding,
    record: &RecordRef,
    write: &WriteCommand,
    result: &CommandResult,
    rejection: &Rejection,
) {
    journal.emit(E::WriteSettled {
        command: waiting.command.id,
        attempt: result.attempt,
        record: record.clone(),
        ending: WriteEnding::Rejected(rejection.clone()),
    });
    let customer = customer_of(journal, journal.bridge(), record);
    if customer.is_some_and(|customer| {
        let converted = customer.records[record].gone == Some(Gone::Converted);
        converted || merged_into(&customer, record).is_some()
    }) {
        // What it was to hold is decided for the record that it became.
        return;
    }
    let pair = relation::pair_of(record, &write.target);
    let pair = pair.unwrap_or_else(|| writes::pair(record, &write.fields));
    block(journal, record, pair, rejection);
    if rejection.class == RejectClass::Gone {
        let left = E::RecordLeft {
            record: record.clone(),
            how: Gone::NotFound,
            at: None,
        };
        source_merge::leave(journal, terms, record, left);
    }
}

/// Tells a person of a refusal and blocks the pair until something about it changes.
pub fn block<J: Journal>(
    journal: &mut J,
    record: &RecordRef,
    pair: [u8; 16],
    rejection: &Rejection,
) {
    let review = ReviewId::opened_at(journal.bridge(), journal.next_sequence());
    let kind = if rejection.class == RejectClass::Ambiguous {
        ReviewKind::Ambiguous
    } else {
        ReviewKind::Rejected
    };
    let mut reason = format!("{}:{}", rejection.class.as_str(), rejection.code);
    for field in &rejection.fields {
        reason.push_str(&format!(" {field}"));
    }
    journal.emit(E::ReviewOpened {
        review,
        kind,
        record: record.clone(),
        candidates: rejection.records.clone(),
        reason,
    });
    journal.emit(E::WriteBlocked {
        record: record.clone(),
        pair,
        review,
    });
}

/// Brings the match keys up to what is now seen.
pub fn rekey<J: Journal>(journal: &mut J, terms: &Terms<'_>, record: &RecordRef) {
    let state = record_state(journal, journal.bridge(), record);
    let (Some(section), Some(state)) = (terms.mapping.section_of(record), state) else {
        return;
    };
    let shown = RecordSnapshot {
        record: record.clone(),
        version: state.version,
        fields: Fields::new(),
        tags: None,
        companies: None,
    };
    let shown = owner::enriched(journal, terms, section, &shown);
    fold::note(journal, terms, section, &shown, Via::Write);
}

/// Takes a snapshot that came with an answer.
pub fn shown<J: Journal>(journal: &mut J, terms: &Terms<'_>, snapshot: &RecordSnapshot, via: Via) {
    if let Some(section) = terms.mapping.section_of(&snapshot.record)
        && record_state(journal, journal.bridge(), &snapshot.record).is_some()
    {
        fold::fold(journal, terms, section, snapshot, via);
    }
}
