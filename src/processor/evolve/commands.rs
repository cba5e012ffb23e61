//! Evolve: commands and their endings.

use crate::domain::RecordRef;
use crate::domain::journal::Via;
use crate::domain::journal::{DomainEvent as E, ReadPurpose, WriteEnding};
use crate::domain::view::record_state;
use crate::domain::view::{
    Asked, Blocked, Due, Outstanding, OutstandingHeld, Own, Pursuit, RECENT_WRITES_MAX, RecentWrite,
};
use crate::domain::view::{RecordState, Seen, ViewEntry, ViewWrite, bridge_state, outstanding};
use crate::domain::{Command, CommandId, CommandKind, FieldWrite, Fields, Name, ReadCommand};
use crate::domain::{Value, Version, ViewKey, WriteCommand, WriteTarget};
use crate::processor::evolve::edit::Edit;
use crate::processor::evolve::{bookkeeping, brakes};

pub fn apply<V: ViewWrite>(edit: &mut Edit<'_, V>, event: &E) {
    match event {
        E::WriteRequested { command } => requested(edit, command, None),
        E::ReadRequested { command, purpose } => requested(edit, command, Some(*purpose)),
        E::WriteSettled {
            command,
            record,
            ending,
            ..
        } => {
            if let Some(ended) = end(edit, command) {
                write_settled(edit, &ended, record, ending);
            }
        }
        E::ReadSettled { command, .. } => {
            if let Some(ended) = end(edit, command) {
                edit.record(&ended.record, |state| {
                    if state.reading == Some(*command) {
                        state.reading = None;
                    }
                    if state.held.is_empty() {
                        state.rereads = 0;
                    }
                });
            }
        }
        E::WriteBlocked {
            record,
            pair,
            review,
        } => edit.record(record, |state| {
            state.blocked = Some(Blocked {
                pair: *pair,
                review: *review,
            });
        }),
        E::WriteUnblocked { record, .. } => {
            edit.unpause(record);
            edit.record(record, |state| state.blocked = None);
        }
        E::EchoSuppressed {
            record,
            write,
            fields,
            ..
        } => edit.record(record, |state| echoed(state, *write, fields)),
        other => unreachable!("{} is no command event", other.name()),
    }
}

fn requested<V: ViewWrite>(
    edit: &mut Edit<'_, V>,
    command: &Command,
    purpose: Option<ReadPurpose>,
) {
    let known = outstanding(edit.view, edit.bridge, &command.id);
    if let Some(known) = &known {
        edit.remove_due(known.command.deadline, &Due::Command(command.id));
    }
    let record = subject(command);
    if known.is_none() {
        begin(edit, command, purpose, &record);
        bookkeeping::of_bridge(edit.view, edit.bridge, |state| state.outstanding += 1);
    }
    let (mut folded, mut since) = (0, Version::default());
    edit.record(&record, |state| {
        folded = state.folded;
        since = state.version;
    });
    let active = match edit.view.get(&ViewKey::mapping(edit.bridge)).as_deref() {
        Some(ViewEntry::Mapping(active)) => active.version,
        _ => 0,
    };
    let entry = Outstanding {
        command: command.clone(),
        purpose,
        record,
        folded: known.as_ref().map_or(folded, |known| known.folded),
        since: known.as_ref().map_or(since, |known| known.since),
        sequence: known.as_ref().map_or(edit.sequence, |known| known.sequence),
        mapping: known.as_ref().map_or(active, |known| known.mapping),
        review: known.and_then(|known| known.review),
    };
    edit.put_due(command.deadline, Due::Command(command.id));
    let key = ViewKey::outstanding(edit.bridge, &command.id);
    edit.view.put(key, ViewEntry::Outstanding(Box::new(entry)));
}

/// The record that a command is for; for a create or a lookup the one it starts from.
pub fn subject(command: &Command) -> RecordRef {
    match &command.kind {
        CommandKind::Write(WriteCommand { target, .. }) => match target {
            WriteTarget::Record(record) => record.clone(),
            WriteTarget::Create { origin, .. } => origin.clone(),
            WriteTarget::Attach { contact, .. } => contact.clone(),
        },
        CommandKind::Read(ReadCommand::Record { record, .. } | ReadCommand::Gone { record }) => {
            record.clone()
        }
        CommandKind::Read(ReadCommand::Lookup(lookup)) => lookup.origin.clone(),
    }
}

/// What the write of a record that is out sends, and when it was asked for.
pub fn sent_in_flight<V: ViewWrite>(edit: &mut Edit<'_, V>, record: &RecordRef) -> (Fields, Asked) {
    let writing = record_state(edit.view, edit.bridge, record).and_then(|state| state.writing);
    let waiting = writing.and_then(|id| outstanding(edit.view, edit.bridge, &id));
    let Some(waiting) = waiting else {
        return Default::default();
    };
    match &waiting.command.kind {
        CommandKind::Write(write) => {
            let sent = write.fields.iter();
            let sent = sent.map(|field| (field.name.clone(), field.value.clone()));
            (sent.collect(), waiting.asked())
        }
        CommandKind::Read(_) => Default::default(),
    }
}

/// The first of our writes in a row puts aside what stood in a field.
pub fn put_aside(state: &mut RecordState, name: &Name, asked: Asked) {
    if let Some(own) = state.own.get_mut(name) {
        own.last = asked;
        return;
    }
    let before = state.seen.get(name);
    let before = before.map(|seen| (seen.value.clone(), seen.version));
    let (value, version) = before.unwrap_or_default();
    let own = Own {
        value,
        version,
        first: asked,
        last: asked,
    };
    state.own.insert(name.clone(), own);
}

fn begin<V: ViewWrite>(
    edit: &mut Edit<'_, V>,
    command: &Command,
    purpose: Option<ReadPurpose>,
    record: &RecordRef,
) {
    let id = command.id;
    match &command.kind {
        CommandKind::Write(WriteCommand {
            target: WriteTarget::Create { .. },
            ..
        }) => {
            edit.record(record, |state| state.suppressed = None);
            edit.pursue(record, Pursuit::Creating { command: id });
        }
        CommandKind::Write(write) => {
            brakes::written(edit, record, write);
            edit.record(record, |state| {
                state.suppressed = None;
                state.writing = Some(id);
                state.write_sequence = write.sequence;
                state.echoed.clear();
            });
        }
        CommandKind::Read(ReadCommand::Record { .. }) => edit.record(record, |state| {
            state.reading = Some(id);
            state.reread_required = false;
            if matches!(purpose, Some(ReadPurpose::Tie | ReadPurpose::Reread)) {
                state.rereads += 1;
            }
        }),
        // It shows no value of the record: nothing waits for it.
        CommandKind::Read(ReadCommand::Gone { .. }) => {}
        CommandKind::Read(ReadCommand::Lookup(_)) => {
            edit.pursue(record, Pursuit::LookingUp { command: id });
            claim(edit, record);
        }
    }
}

/// Marks those of the record's keys as in flight that are free: another record with one of them is
/// deferred.
pub fn claim<V: ViewWrite>(edit: &mut Edit<'_, V>, record: &RecordRef) {
    let mut keys = Default::default();
    edit.record(record, |state| keys = state.keys.clone());
    for key in &keys {
        let mut ours = false;
        edit.matching(key, |matching| {
            ours = matching.in_flight.get_or_insert_with(|| record.clone()) == record;
        });
        if ours {
            edit.record(record, |state| {
                state.claimed.insert(*key);
            });
        }
    }
}

/// Takes a command off the list of the unanswered.
fn end<V: ViewWrite>(edit: &mut Edit<'_, V>, command: &CommandId) -> Option<OutstandingHeld> {
    let ended = outstanding(edit.view, edit.bridge, command)?;
    edit.remove_due(ended.command.deadline, &Due::Command(*command));
    edit.view
        .remove(&ViewKey::outstanding(edit.bridge, command));
    bookkeeping::of_bridge(edit.view, edit.bridge, |state| {
        state.outstanding = state.outstanding.saturating_sub(1);
    });
    Some(ended)
}

fn write_settled<V: ViewWrite>(
    edit: &mut Edit<'_, V>,
    ended: &Outstanding,
    record: &RecordRef,
    ending: &WriteEnding,
) {
    let CommandKind::Write(write) = &ended.command.kind else {
        panic!("a read was settled as the write {}", ended.command.id);
    };
    let (sequence, asked) = (edit.sequence, ended.asked());
    edit.record(record, |state| {
        if state.writing == Some(ended.command.id) {
            state.writing = None;
        }
        if let WriteEnding::Done { .. } = ending {
            confirm(state, write, asked, ending);
            state.folded = sequence;
        }
        let of_record = matches!(write.target, WriteTarget::Record(_));
        // One that found another value may have found what automation made of an earlier try.
        let doubtful = matches!(
            ending,
            WriteEnding::Unknown { .. } | WriteEnding::FoundOther
        );
        if of_record && doubtful {
            let since = state.version;
            remember(state, write, (since, asked), true);
        }
        state.echoed.clear();
    });
    let subject = &ended.record;
    if let WriteEnding::Unknown { .. } = ending {
        doubt(edit, subject);
    } else {
        edit.unpause(subject);
        edit.record(subject, |state| state.unknowns = 0);
    }
}

/// The first pause after unknown outcomes in a row, in milliseconds; it doubles.
const PAUSE_MS: i64 = 60_000;
const PAUSE_MS_MAX: i64 = 15 * 60_000;

/// One unknown outcome is looked into at once. From the second in a row the record rests, longer
/// each time: a remote that never answers costs a bounded number of calls.
fn doubt<V: ViewWrite>(edit: &mut Edit<'_, V>, record: &RecordRef) {
    let mut unknowns = 0;
    edit.record(record, |state| {
        state.unknowns = state.unknowns.saturating_add(1);
        unknowns = state.unknowns;
    });
    if unknowns >= 2 {
        let rest = (PAUSE_MS << (unknowns - 2).min(10)).min(PAUSE_MS_MAX);
        let now = bridge_state(edit.view, edit.bridge).last_at;
        edit.pause(record, now.plus_ms(rest));
    }
}

/// An echo confirms the write it belongs to: the one in flight, or one of the last.
fn echoed(state: &mut RecordState, write: u64, fields: &[Name]) {
    if state.writing.is_some() && state.write_sequence == write {
        state.echoed.extend(fields.iter().cloned());
    }
    let known = state.recent_writes.iter_mut();
    for one in known.filter(|one| one.sequence == write) {
        one.echoed.extend(fields.iter().cloned());
    }
}

/// Sets *seen* to what the remote answered, or to what was sent where it answers no values. Where
/// a feed has shown the write already, it has also shown what came after it.
fn confirm(state: &mut RecordState, write: &WriteCommand, asked: Asked, ending: &WriteEnding) {
    let WriteEnding::Done {
        values, version, ..
    } = ending
    else {
        return;
    };
    if let WriteTarget::Create {
        key_field,
        key_value,
        ..
    } = &write.target
    {
        let value = Value::text(key_value.as_str());
        note(state, key_field, value, values.is_some());
        state.write_sequence = state.write_sequence.max(write.sequence);
    }
    if let WriteTarget::Attach { company, .. } = &write.target {
        state.companies.insert(company.id.clone());
        return;
    }
    let since = state.version;
    if let Some(version) = version {
        state.version = *version;
    }
    for FieldWrite { name, value, .. } in &write.fields {
        // What was created by this write has no history that could have been shown before.
        let created = matches!(ending, WriteEnding::Done { created: true, .. });
        let known = state.seen.get(name);
        let shown = created && known.is_some_and(|seen| seen.via != Via::Write);
        if values.is_none() && (shown || state.echoed.contains(name)) {
            continue;
        }
        let answered = values.as_ref().and_then(|values| values.get(name));
        // What a record was created with is its own, also where an earlier try created it.
        let creates = matches!(write.target, WriteTarget::Create { .. });
        if !creates || (!created && state.seen.contains_key(name)) {
            put_aside(state, name, asked);
        }
        note(
            state,
            name,
            answered.unwrap_or(value).clone(),
            answered.is_some(),
        );
    }
    remember(state, write, (since, asked), false);
}

/// Keeps a write among the last ones, so that its echo is known when it comes.
fn remember(
    state: &mut RecordState,
    write: &WriteCommand,
    (since, asked): (Version, Asked),
    doubtful: bool,
) {
    if state.recent_writes.len() == RECENT_WRITES_MAX {
        state.recent_writes.pop_front();
    }
    let fields = write.fields.iter();
    let hashes = fields
        .clone()
        .map(|field| (field.name.clone(), field.value.hash()));
    let before = fields
        .clone()
        .map(|field| (field.name.clone(), field.expect.clone()));
    let forms = fields.filter_map(|field| {
        let form = state.accepted.get(&field.name);
        let form = form.filter(|form| form.desired == field.value)?;
        Some((field.name.clone(), form.stored.hash()))
    });
    let write = RecentWrite {
        looked: write.read_first && !doubtful,
        sequence: write.sequence,
        hashes: hashes.collect(),
        forms: forms.collect(),
        before: before.collect(),
        since,
        asked,
        echoed: std::mem::take(&mut state.echoed),
        doubtful,
    };
    state.recent_writes.push_back(write.into());
}

fn note(state: &mut RecordState, name: &Name, value: Value, confirmed: bool) {
    let version = state.version;
    state.seen.insert(
        name.clone(),
        Seen {
            value,
            version,
            via: Via::Write,
            confirmed,
        },
    );
}
