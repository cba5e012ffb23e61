//! What the journal may and may not say, kept in plain maps while it grows.

use std::collections::BTreeMap;

use crate::domain::command::{Lookup, ReadCommand};
use crate::domain::journal::{DomainEvent as E, ReadEnding, WriteEnding};
use crate::domain::{Command, CommandId, CommandKind, JournalEntry, Name, RecordRef, Value};
use crate::domain::{WriteCommand, WriteTarget};

#[derive(Default)]
pub struct History {
    pub outstanding: BTreeMap<CommandId, Command>,
    sequences: BTreeMap<RecordRef, u64>,
    /// The last lookup of a record that was answered and not yet used up by a creation.
    looked_up: BTreeMap<RecordRef, Lookup>,
    /// The addresses of creations in flight.
    creating: BTreeMap<CommandId, (RecordRef, String)>,
    /// The addresses that Salesforce records are known to have, as far as the journal tells.
    pub addresses: BTreeMap<RecordRef, String>,
}

impl History {
    pub fn note(&mut self, entry: &JournalEntry) {
        match &entry.event {
            E::WriteRequested { command } => self.write_requested(command),
            E::ReadRequested { command, .. } => self.requested(command),
            E::ReadSettled {
                command, ending, ..
            } => {
                let ended = self.outstanding.remove(command).expect("it was asked for");
                if let (ReadEnding::Answered, Some(lookup)) = (ending, lookup_of(&ended)) {
                    self.looked_up.insert(lookup.origin.clone(), lookup.clone());
                }
            }
            E::WriteSettled {
                command,
                record,
                ending,
                ..
            } => self.write_settled(command, record, ending),
            E::RecordSeen { record, fields, .. } => {
                if let Some(email) = fields.get("Email") {
                    self.addresses.insert(record.clone(), address(email));
                }
            }
            E::RecordLeft { record, .. } => {
                self.addresses.remove(record);
            }
            _ => {}
        }
    }

    fn requested(&mut self, command: &Command) {
        match self.outstanding.insert(command.id, command.clone()) {
            Some(before) => {
                assert_eq!(command.attempt, before.attempt + 1, "attempts are counted");
                assert_eq!(command.kind, before.kind, "a repeat is the same command");
            }
            None => assert_eq!(command.attempt, 1),
        }
        let same = |one: &&Command| {
            one.id != command.id && subject(one).is_some() && subject(one) == subject(command)
        };
        let other = self.outstanding.values().find(same);
        assert!(
            other.is_none(),
            "two are out at once: {other:?} {command:?}"
        );
    }

    fn write_requested(&mut self, command: &Command) {
        let first = !self.outstanding.contains_key(&command.id);
        self.requested(command);
        let CommandKind::Write(write) = &command.kind else {
            panic!("a write is requested");
        };
        if !first {
            return;
        }
        match &write.target {
            WriteTarget::Record(record) => {
                let before = self.sequences.insert(record.clone(), write.sequence);
                let grown = before.unwrap_or(0) + 1;
                assert_eq!(write.sequence, grown, "the sequence of {record}");
                let idle = write
                    .fields
                    .iter()
                    .find(|field| field.value == field.expect);
                assert!(idle.is_none(), "a write changes every field that it names");
            }
            WriteTarget::Create { origin, .. } => self.creation(command.id, origin, write),
            WriteTarget::Attach { .. } => panic!("no mapping of the storms attaches"),
        }
    }

    fn creation(&mut self, id: CommandId, origin: &RecordRef, write: &WriteCommand) {
        let lookup = self.looked_up.remove(origin);
        let lookup = lookup.expect("a creation comes after a lookup");
        let email = write.fields.iter().find(|field| field.name == "Email");
        let email = address(&email.expect("it needs one").value);
        for query in &lookup.queries {
            let asked = |(name, value): &(Name, String)| *name == *"Email" && *value == email;
            assert!(query.any_of.iter().any(asked), "it looked for this address");
        }
        for (other, address) in self.creating.values() {
            assert_ne!(other, origin, "one record is created twice at once");
            assert_ne!(*address, email, "two creations in flight: {origin} {other}");
        }
        let known = self.addresses.iter().find(|(_, known)| **known == email);
        assert!(known.is_none(), "{origin} is created, known: {known:?}");
        self.creating.insert(id, (origin.clone(), email));
    }

    fn write_settled(&mut self, command: &CommandId, record: &RecordRef, ending: &WriteEnding) {
        let ended = self.outstanding.remove(command).expect("it was asked for");
        self.creating.remove(command);
        let (CommandKind::Write(write), WriteEnding::Done { values, .. }) = (&ended.kind, ending)
        else {
            return;
        };
        if let WriteTarget::Create { .. } = write.target {
            self.sequences.entry(record.clone()).or_insert(1);
        }
        if let Some(field) = write.fields.iter().find(|field| field.name == "Email") {
            let answered = values.as_ref().and_then(|values| values.get("Email"));
            let email = answered.unwrap_or(&field.value);
            self.addresses.insert(record.clone(), address(email));
        }
    }
}

fn lookup_of(command: &Command) -> Option<&Lookup> {
    match &command.kind {
        CommandKind::Read(ReadCommand::Lookup(lookup)) => Some(lookup),
        _ => None,
    }
}

/// The kind of a command and the record for which at most one of the kind may be out. A lookup
/// whose answer is not waited for any more may still be out beside the next one.
fn subject(command: &Command) -> Option<(&'static str, &RecordRef)> {
    match &command.kind {
        CommandKind::Write(WriteCommand { target, .. }) => match target {
            WriteTarget::Record(record) => Some(("write", record)),
            WriteTarget::Create { origin, .. } => Some(("create", origin)),
            WriteTarget::Attach { contact, .. } => Some(("write", contact)),
        },
        CommandKind::Read(ReadCommand::Record { record, .. }) => Some(("read", record)),
        CommandKind::Read(ReadCommand::Gone { record }) => Some(("read_gone", record)),
        CommandKind::Read(ReadCommand::Lookup(_)) => None,
    }
}

pub fn address(value: &Value) -> String {
    value.display().trim().to_lowercase()
}
