//! The answers to commands that were never sent: what ours were answered with where they asked the
//! same, and success everywhere else.

use crate::domain::command::{Command, CommandKind, ReadCommand, WriteCommand, WriteTarget};
use crate::domain::view::{OutstandingHeld, Pursuit, ViewRead, outstanding, record_state};
use crate::domain::{BridgeId, Fields, Outcome, RecordRef, RecordSnapshot, Version};
use crate::processor::evolve::commands::subject;
use crate::processor::travel::what_if::retold::Both;

/// The command without an answer that a view has for the same record, and of the same kind.
pub fn counterpart<V: ViewRead>(
    view: &V,
    bridge: &BridgeId,
    command: &Command,
) -> Option<OutstandingHeld> {
    let state = record_state(view, bridge, &subject(command))?;
    let pursued = match state.pursuit {
        Pursuit::LookingUp { command } | Pursuit::Creating { command } => Some(command),
        _ => None,
    };
    let ids = [state.writing, state.reading, pursued]
        .into_iter()
        .flatten();
    let mut open = ids.filter_map(|id| outstanding(view, bridge, &id));
    open.find(|other| kind(&other.command) == kind(command))
}

fn kind(command: &Command) -> u8 {
    match &command.kind {
        CommandKind::Write(write) => match write.target {
            WriteTarget::Record(_) => 0,
            WriteTarget::Create { .. } => 1,
            WriteTarget::Attach { .. } => 2,
        },
        CommandKind::Read(ReadCommand::Record { .. }) => 3,
        CommandKind::Read(ReadCommand::Lookup(_)) => 4,
        CommandKind::Read(ReadCommand::Gone { .. }) => 5,
    }
}

/// What a command is answered with. `theirs` is the one that was sent for the same record, with its
/// outcome; none where there was none.
pub fn answer<V: ViewRead>(
    both: &Both<'_, V>,
    command: &Command,
    theirs: Option<(&Command, &Outcome)>,
    salesforce: bool,
) -> Outcome {
    match &command.kind {
        CommandKind::Write(write) => {
            let same = theirs.filter(|(other, _)| is_same(write, &other.kind));
            let same = same.and_then(|(_, outcome)| done(both, write, outcome));
            same.unwrap_or_else(|| {
                let theirs = theirs.map(|(_, outcome)| outcome);
                assumed(both, command, write, theirs, salesforce)
            })
        }
        CommandKind::Read(ReadCommand::Record { record, .. }) => match theirs {
            Some((_, Outcome::Read { snapshot })) => match both.snapshot(snapshot) {
                Some(snapshot) => Outcome::Read { snapshot },
                None => unchanged(both, record),
            },
            Some((_, Outcome::NotFound { record })) => Outcome::NotFound {
                record: record.clone(),
            },
            _ => unchanged(both, record),
        },
        // What became of a record that left is nobody's to retell.
        CommandKind::Read(ReadCommand::Gone { record, .. }) => match theirs {
            Some((_, outcome @ (Outcome::Read { .. } | Outcome::NotFound { .. }))) => {
                outcome.clone()
            }
            _ => Outcome::NotFound {
                record: record.clone(),
            },
        },
        CommandKind::Read(ReadCommand::Lookup(_)) => match theirs {
            Some((_, Outcome::LookedUp { rows, truncated })) => Outcome::LookedUp {
                rows: rows.iter().filter_map(|row| both.snapshot(row)).collect(),
                truncated: *truncated,
            },
            _ => Outcome::LookedUp {
                rows: Vec::new(),
                truncated: false,
            },
        },
    }
}

fn is_same(write: &WriteCommand, other: &CommandKind) -> bool {
    let CommandKind::Write(other) = other else {
        return false;
    };
    write.target == other.target && write.fields == other.fields
}

/// An answer that says how a write ended, retold; none where it failed.
fn done<V: ViewRead>(
    both: &Both<'_, V>,
    write: &WriteCommand,
    outcome: &Outcome,
) -> Option<Outcome> {
    let mut outcome = outcome.clone();
    let keep_sent = |record: &RecordRef, fields: &mut Fields| {
        let told = fields.clone();
        both.retell(record, fields, false);
        for field in &write.fields {
            if let Some(value) = told.get(&field.name) {
                fields.insert(field.name.clone(), value.clone());
            }
        }
    };
    match &mut outcome {
        Outcome::Written { record, values, .. } => {
            if let Some(values) = values {
                keep_sent(record, values);
            }
        }
        Outcome::AlreadyThere { snapshot } | Outcome::FoundOther { snapshot } => {
            let record = snapshot.record.clone();
            keep_sent(&record, &mut snapshot.fields);
        }
        Outcome::NotFound { .. } => {}
        Outcome::Read { .. }
        | Outcome::LookedUp { .. }
        | Outcome::Rejected(_)
        | Outcome::Unknown { .. } => return None,
    }
    Some(outcome)
}

/// A write that succeeds. Intercom answers with the whole record, Salesforce with nothing of it.
fn assumed<V: ViewRead>(
    both: &Both<'_, V>,
    command: &Command,
    write: &WriteCommand,
    theirs: Option<&Outcome>,
    salesforce: bool,
) -> Outcome {
    let (made, told) = match theirs {
        Some(Outcome::Written {
            record, version, ..
        }) => (Some(record.clone()), *version),
        _ => (None, None),
    };
    let (record, created) = match &write.target {
        WriteTarget::Record(record) => (record.clone(), false),
        WriteTarget::Attach { contact, .. } => (contact.clone(), false),
        WriteTarget::Create { object, .. } => {
            let id = format!("whatif{}", hex::encode(&command.id.as_bytes()[..6]));
            let named = RecordRef::new(&command.source, object.as_str(), id);
            let named = made.or_else(|| named.ok());
            (named.unwrap_or_else(|| subject(command)), true)
        }
    };
    let mut values = seen(both, &record);
    let sent = write.fields.iter();
    values.extend(sent.map(|field| (field.name.clone(), field.value.clone())));
    let version = told.or_else(|| (!salesforce).then(|| known(both, &record)));
    Outcome::Written {
        record,
        created,
        values: (!salesforce).then_some(values),
        version,
    }
}

/// The record as it would be known already.
fn unchanged<V: ViewRead>(both: &Both<'_, V>, record: &RecordRef) -> Outcome {
    Outcome::Read {
        snapshot: RecordSnapshot {
            record: record.clone(),
            version: known(both, record),
            fields: seen(both, record),
            tags: None,
            companies: None,
        },
    }
}

/// As new as what is known of the record: nobody's clock says more.
fn known<V: ViewRead>(both: &Both<'_, V>, record: &RecordRef) -> Version {
    let state = record_state(both.would_be, both.bridge, record).unwrap_or_default();
    Version::exact_ms(state.version.to_ms)
}

fn seen<V: ViewRead>(both: &Both<'_, V>, record: &RecordRef) -> Fields {
    let state = record_state(both.would_be, both.bridge, record).unwrap_or_default();
    let seen = state.seen.iter();
    seen.map(|(name, seen)| (name.clone(), seen.value.clone()))
        .collect()
}
