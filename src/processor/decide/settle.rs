//! Settle: the answers to writes and to reads by id.

use crate::domain::command::ReadCommand;
use crate::domain::journal::{DomainEvent as E, ReadEnding, ReadPurpose, ReviewKind};
use crate::domain::journal::{Via, WriteEnding};
use crate::domain::record::Gone;
use crate::domain::view::{Journal, Outstanding, outstanding, record_state};
use crate::domain::{CommandKind, CommandResult, Fields, Outcome, RecordRef, RecordSnapshot};
use crate::domain::{RejectClass, Rejection, ReviewId, Version, WriteCommand, WriteTarget};
use crate::processor::decide::settle_lookup;
use crate::processor::decide::{Terms, create, fold, holds, pause, pursue, reconcile, request};
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
            read(journal, terms, &waiting, record, result);
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
    let mut placed = false;
    match &result.outcome {
        Outcome::Written {
            created,
            values,
            version,
            ..
        } => {
            placed = version.is_some();
            let (values, version) = (values.clone(), *version);
            journal.emit(settled(WriteEnding::Done {
                created: *created,
                values,
                version,
            }));
            rekey(journal, terms, record);
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
            shown(journal, terms, snapshot, Via::Write);
        }
        Outcome::FoundOther { snapshot } => {
            placed = true;
            journal.emit(settled(WriteEnding::FoundOther));
            shown(journal, terms, snapshot, Via::Write);
        }
        Outcome::NotFound { record: missing } => {
            let rejection = if missing == record {
                gone()
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
    holds::release(journal, terms, record, placed);
    reconcile::reconcile(journal, terms, record);
}

/// The written fields as a repeat found them.
pub fn written_values(write: &WriteCommand, snapshot: &RecordSnapshot) -> Option<Fields> {
    let shown = |name: &String| Some((name.clone(), snapshot.fields.get(name)?.clone()));
    Some(
        write
            .fields
            .iter()
            .filter_map(|field| shown(&field.name))
            .collect(),
    )
}

/// What a remote says of an id that it does not know.
pub fn gone() -> Rejection {
    Rejection {
        class: RejectClass::Gone,
        code: "NOT_FOUND".into(),
        text: String::new(),
        fields: Vec::new(),
        records: Vec::new(),
        hint: "the record was deleted or merged in Salesforce; restore it or unlink it".into(),
    }
}

/// The company that a contact was to join is not there; the contact itself did not leave.
fn no_company(missing: &RecordRef) -> Rejection {
    Rejection {
        class: RejectClass::BadData,
        records: vec![missing.clone()],
        hint: "the company was deleted in Intercom; create it again or unlink it".into(),
        ..gone()
    }
}

fn refused<J: Journal>(
    journal: &mut J,
    _terms: &Terms<'_>,
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
    let pair = writes::pair(record, &write.fields);
    block(journal, record, pair, rejection);
    if rejection.class == RejectClass::Gone {
        journal.emit(E::RecordLeft {
            record: record.clone(),
            how: Gone::NotFound,
            at: None,
        });
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
    let unchanged = RecordSnapshot {
        record: record.clone(),
        version: state.version,
        fields: Fields::new(),
        tags: None,
        companies: None,
    };
    fold::note(journal, terms, section, &unchanged, Via::Write);
}

/// Takes a snapshot that came with an answer.
fn shown<J: Journal>(journal: &mut J, terms: &Terms<'_>, snapshot: &RecordSnapshot, via: Via) {
    if let Some(section) = terms.mapping.section_of(&snapshot.record)
        && record_state(journal, journal.bridge(), &snapshot.record).is_some()
    {
        fold::note(journal, terms, section, snapshot, via);
    }
}

fn read<J: Journal>(
    journal: &mut J,
    terms: &Terms<'_>,
    waiting: &Outstanding,
    record: &RecordRef,
    result: &CommandResult,
) {
    let settled = |ending| E::ReadSettled {
        command: waiting.command.id,
        attempt: result.attempt,
        ending,
    };
    match &result.outcome {
        Outcome::Read { snapshot } => {
            let state = record_state(journal, journal.bridge(), record);
            let overtaken = state.is_some_and(|state| state.folded > waiting.folded);
            journal.emit(settled(ReadEnding::Answered));
            if overtaken && terms.mapping.is_salesforce(record) {
                // A write of ours ended while it was out: it may show what was there before.
                journal.emit(E::RereadRequired {
                    record: record.clone(),
                });
            } else {
                answered(journal, terms, record, snapshot);
            }
        }
        Outcome::NotFound { .. } => {
            journal.emit(settled(ReadEnding::NotFound));
            let state = record_state(journal, journal.bridge(), record);
            // Deleted is final, and more than not found.
            if state.is_some_and(|state| state.gone.is_none()) {
                let behind = pursue::waiting_behind(journal, record);
                journal.emit(E::RecordLeft {
                    record: record.clone(),
                    how: Gone::NotFound,
                    at: None,
                });
                pursue::release(journal, terms, behind);
            }
        }
        Outcome::Rejected(rejection) => {
            journal.emit(settled(ReadEnding::Rejected(rejection.clone())));
            let review = ReviewId::opened_at(journal.bridge(), journal.next_sequence());
            journal.emit(E::ReviewOpened {
                review,
                kind: ReviewKind::Rejected,
                record: record.clone(),
                candidates: Vec::new(),
                reason: format!("read_{}:{}", rejection.class.as_str(), rejection.code),
            });
        }
        // Reads change nothing: the deadline asks again.
        _ => return journal.trace("read_unknown", Some(record)),
    }
    create::company_changed(journal, terms, record);
    holds::release(journal, terms, record, true);
    if terms.mapping.is_salesforce(record) {
        reconcile::reconcile(journal, terms, record);
    } else {
        pursue::pursue(journal, terms, record, false);
    }
}

/// A read supersedes everything that was consumed before it was asked for, whatever the clocks say.
fn answered<J: Journal>(
    journal: &mut J,
    terms: &Terms<'_>,
    record: &RecordRef,
    snapshot: &RecordSnapshot,
) {
    let Some(section) = terms.mapping.section_of(record) else {
        return;
    };
    let state = record_state(journal, journal.bridge(), record);
    let version = state
        .as_ref()
        .map_or(snapshot.version, |state| merged(state.version, snapshot));
    match state.and_then(|state| state.gone) {
        Some(Gone::NotFound) => journal.emit(E::RecordReturned {
            record: record.clone(),
        }),
        // It left after it was read.
        Some(_) => return journal.trace("record_gone", Some(record)),
        None => {}
    }
    let snapshot = RecordSnapshot {
        version,
        ..snapshot.clone()
    };
    fold::fold(journal, terms, section, &snapshot, Via::Read);
}

/// A read's second must not reach back before a version that is already known.
fn merged(known: Version, snapshot: &RecordSnapshot) -> Version {
    let read = snapshot.version;
    Version {
        from_ms: read.from_ms,
        to_ms: read.to_ms.max(known.to_ms),
    }
}
