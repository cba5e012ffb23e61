//! Requests: commands as they are asked for the first time, and asked for again.

use crate::domain::command::{Lookup, ReadCommand};
use crate::domain::journal::{Desire, DomainEvent as E, ReadPurpose};
use crate::domain::view::{Journal, Outstanding, RecordState, record_state};
use crate::domain::{Command, CommandId, CommandKind, FieldWrite, ObjectName, RecordRef};
use crate::domain::{SourceId, Value, WriteCommand, WriteTarget};
use crate::mapping::System;
use crate::processor::decide::{Terms, relation, shadow};
use crate::sync::writes;

/// Asks for an update of a record by its id.
pub fn update<J: Journal>(
    journal: &mut J,
    terms: &Terms<'_>,
    record: &RecordRef,
    state: &RecordState,
    fields: Vec<FieldWrite>,
) {
    let read_first = fields
        .iter()
        .any(|field| is_said_there(terms, record, field));
    let pair = writes::pair(record, &fields);
    let write = WriteCommand {
        target: WriteTarget::Record(record.clone()),
        sequence: state.write_sequence + 1,
        fields,
        auto_assign: false,
        read_first,
    };
    let kind = CommandKind::Write(write);
    let lane = lane(record, state);
    let command = new(journal, terms, &record.source, lane, kind);
    send(journal, record, pair, command);
}

/// Asks for a write. In shadow mode it is only noted; false then.
fn send<J: Journal>(journal: &mut J, record: &RecordRef, pair: [u8; 16], command: Command) -> bool {
    if shadow::is_on(journal) {
        shadow::withhold(journal, record, pair, command);
        return false;
    }
    journal.emit(E::WriteRequested { command });
    true
}

/// Whether what a write replaces may be somebody's words that nobody has told us of: people of
/// Intercom say the field too, and Intercom gives a webhook up after its second delivery
/// (`../shared/intercom.md`, webhooks). The stream of an org leaves nothing out, but for a set it
/// tells too late: what was replaced of it must be measured against what stood before.
fn is_said_there(terms: &Terms<'_>, record: &RecordRef, write: &FieldWrite) -> bool {
    let system = terms.mapping.system_of(record);
    let section = terms.mapping.section_of(record);
    let mut fields = section.into_iter().flat_map(|section| &section.fields);
    fields.any(|field| {
        let here = system == System::Intercom || field.is_set();
        let names = field.names_in(system);
        here && field.flows_from(system) && names.contains(&write.name)
    })
}

/// Asks for a contact to join a company in Intercom.
pub fn attach<J: Journal>(
    journal: &mut J,
    terms: &Terms<'_>,
    contact: &RecordRef,
    state: &RecordState,
    company: RecordRef,
) {
    let pair = relation::pair(contact, &company);
    let write = WriteCommand {
        target: WriteTarget::Attach {
            contact: contact.clone(),
            company,
        },
        sequence: state.write_sequence + 1,
        fields: Vec::new(),
        auto_assign: false,
        read_first: false,
    };
    let kind = CommandKind::Write(write);
    let command = new(journal, terms, &contact.source, contact.to_string(), kind);
    send(journal, contact, pair, command);
}

/// Writes of the children of one account lock the account: they go one after the other.
fn lane(record: &RecordRef, state: &RecordState) -> String {
    let account = state.seen.get("AccountId");
    let account = account.and_then(|seen| seen.value.as_text());
    let parent = account.and_then(|id| RecordRef::new(&record.source, "Account", id).ok());
    parent.map_or_else(|| record.to_string(), |parent| parent.to_string())
}

/// What a creation needs to know.
pub struct Creation {
    pub object: ObjectName,
    pub key_field: String,
    pub key_value: String,
    pub auto_assign: bool,
    pub desires: Vec<Desire>,
}

/// The fields of a creation. The key stands in the request's address, not among them.
pub fn creation_fields(creation: &Creation) -> Vec<FieldWrite> {
    let field = |desire: &Desire| FieldWrite {
        name: desire.name.clone(),
        value: desire.value.clone(),
        expect: Value::Null,
    };
    let rest = creation
        .desires
        .iter()
        .filter(|desire| desire.name != creation.key_field);
    rest.map(field).collect()
}

/// Asks for a record to be created in the other system than its origin's, by what it is known by.
/// False in shadow mode.
pub fn create<J: Journal>(
    journal: &mut J,
    terms: &Terms<'_>,
    origin: &RecordRef,
    creation: &Creation,
) -> bool {
    let fields = creation_fields(creation);
    let pair = writes::pair(origin, &fields);
    let write = WriteCommand {
        target: WriteTarget::Create {
            object: creation.object.clone(),
            key_field: creation.key_field.as_str().into(),
            key_value: creation.key_value.clone(),
            origin: origin.clone(),
        },
        sequence: 1,
        fields,
        auto_assign: creation.auto_assign,
        read_first: false,
    };
    let Some(source) = terms.mapping.source_opposite(origin) else {
        return true;
    };
    let command = new(
        journal,
        terms,
        source,
        origin.to_string(),
        CommandKind::Write(write),
    );
    send(journal, origin, pair, command)
}

/// Asks who in the other system holds one of a record's identifiers.
pub fn look_up<J: Journal>(
    journal: &mut J,
    terms: &Terms<'_>,
    lookup: Lookup,
    purpose: ReadPurpose,
) {
    let Some(source) = terms.mapping.source_opposite(&lookup.origin) else {
        return;
    };
    let lane = lookup.origin.to_string();
    let kind = CommandKind::Read(ReadCommand::Lookup(lookup));
    let command = new(journal, terms, source, lane, kind);
    journal.emit(E::ReadRequested { command, purpose });
}

/// Asks for a record as it now is, unless that is being asked already.
pub fn read_record<J: Journal>(
    journal: &mut J,
    terms: &Terms<'_>,
    record: &RecordRef,
    purpose: ReadPurpose,
) {
    if terms.quiet {
        return;
    }
    let state = record_state(journal, journal.bridge(), record);
    if state.is_none_or(|state| state.reading.is_some()) {
        return;
    }
    let section = terms.mapping.section_of(record);
    let fields = section
        .filter(|_| terms.mapping.is_salesforce(record))
        .map(|section| section.salesforce_fields(record.object.as_str()))
        .unwrap_or_default();
    let kind = CommandKind::Read(ReadCommand::Record {
        record: record.clone(),
        fields,
    });
    let command = new(journal, terms, &record.source, record.to_string(), kind);
    journal.emit(E::ReadRequested { command, purpose });
}

/// Asks the bin what became of a record of Salesforce that left.
pub fn read_gone<J: Journal>(
    journal: &mut J,
    terms: &Terms<'_>,
    record: &RecordRef,
    purpose: ReadPurpose,
) {
    if terms.quiet {
        return;
    }
    let kind = CommandKind::Read(ReadCommand::Gone {
        record: record.clone(),
    });
    let command = new(journal, terms, &record.source, record.to_string(), kind);
    journal.emit(E::ReadRequested { command, purpose });
}

/// Asks again for a command that stayed unanswered: the same id and write sequence, the next
/// attempt, a longer deadline.
pub fn again<J: Journal>(journal: &mut J, terms: &Terms<'_>, waiting: &Outstanding) {
    let mut command = waiting.command.clone();
    command.attempt += 1;
    command.requested_at = journal.now();
    let doublings = command.attempt.min(16);
    let interval = terms
        .timing
        .command_deadline_ms
        .saturating_mul(1 << doublings);
    command.deadline = journal
        .now()
        .plus_ms(interval.min(terms.timing.command_deadline_ms_max));
    let event = match waiting.purpose {
        None => E::WriteRequested { command },
        Some(purpose) => E::ReadRequested { command, purpose },
    };
    journal.emit(event);
}

fn new<J: Journal>(
    journal: &J,
    terms: &Terms<'_>,
    source: &SourceId,
    lane: String,
    kind: CommandKind,
) -> Command {
    Command {
        id: CommandId::requested_at(journal.bridge(), journal.next_sequence()),
        bridge: journal.bridge().clone(),
        source: source.clone(),
        attempt: 1,
        requested_at: journal.now(),
        deadline: journal.now().plus_ms(terms.timing.command_deadline_ms),
        lane,
        cause: journal.cause(),
        caused_at: journal.caused_at(),
        kind,
    }
}
