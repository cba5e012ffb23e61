//! Due: what a passed deadline means.

use crate::domain::command::ReadCommand;
use crate::domain::journal::{DomainEvent as E, ReadEnding, ReviewKind};
use crate::domain::view::{Due, Journal, Outstanding, outstanding, record_state};
use crate::domain::{CommandId, CommandKind, ReviewId};
use crate::processor::decide::{Terms, create, holds, pause, pursue, request, settle_lookup};

pub fn decide<J: Journal>(journal: &mut J, terms: &Terms<'_>, due: &Due) {
    match due {
        Due::Command(command) => repeat(journal, terms, command),
        Due::Deferral(record) => pursue::end_deferral(journal, terms, record, "deadline"),
        Due::Pause(record) => pause::over(journal, terms, record),
        Due::Hold(record, observation) => {
            let state = record_state(journal, journal.bridge(), record);
            let held = state.and_then(|state| {
                let mut held = state.held.iter();
                held.find(|held| held.observation.observation == *observation)
                    .cloned()
            });
            if let Some(held) = held {
                holds::expired(journal, terms, record, &held);
            }
        }
    }
}

/// Asks again: the same command, the next attempt, which reads before it writes.
fn repeat<J: Journal>(journal: &mut J, terms: &Terms<'_>, command: &CommandId) {
    let Some(waiting) = outstanding(journal, journal.bridge(), command) else {
        return;
    };
    if is_lookup(&waiting) && !settle_lookup::is_asked(journal, &waiting) {
        // Nobody waits for the answer any more.
        return journal.emit(E::ReadSettled {
            command: *command,
            attempt: waiting.command.attempt,
            ending: ReadEnding::Unknown {
                reason: "no_longer_asked".into(),
            },
        });
    }
    request::again(journal, terms, &waiting);
    if waiting.command.attempt >= terms.timing.attempts_before_review && waiting.review.is_none() {
        let review = ReviewId::opened_at(journal.bridge(), journal.next_sequence());
        journal.emit(E::ReviewOpened {
            review,
            kind: ReviewKind::Unanswered,
            record: waiting.record.clone(),
            candidates: Vec::new(),
            reason: format!("unanswered:{command}"),
        });
    }
    no_longer_awaited(journal, terms, &waiting);
}

fn is_lookup(waiting: &Outstanding) -> bool {
    let kind = &waiting.command.kind;
    matches!(kind, CommandKind::Read(ReadCommand::Lookup(_)))
}

/// Contacts do not wait for a company's name beyond the first deadline.
fn no_longer_awaited<J: Journal>(journal: &mut J, terms: &Terms<'_>, waiting: &Outstanding) {
    if let CommandKind::Read(ReadCommand::Record { record, .. }) = &waiting.command.kind {
        create::company_changed(journal, terms, record);
    }
}
