//! `crosswalk.write.Command`: one write or read of one record.

use crate::avro::error::Error;
use crate::avro::scalar::Item;
use crate::avro::wire::{Reader, Wire, Writer};
use crate::domain::{Command, CommandKind, FieldWrite, Lookup, LookupQuery, ReadCommand};
use crate::domain::{Name, WriteCommand, WriteTarget};

const WRITE_COMMAND: i64 = 0;
const READ_RECORD: i64 = 1;
const LOOKUP: i64 = 2;
const READ_GONE: i64 = 3;

/// By hand: the schema calls `kind` the body.
impl Wire for Command {
    fn put(&self, w: &mut Writer) {
        w.field("id", &self.id);
        w.field("bridge", &self.bridge);
        w.field("source", &self.source);
        w.field("attempt", &self.attempt);
        w.field("requested_at", &self.requested_at);
        w.field("deadline", &self.deadline);
        w.field("lane", &self.lane);
        w.field("cause", &self.cause);
        w.field("caused_at", &self.caused_at);
        w.field("body", &self.kind);
    }

    fn take(r: &mut Reader<'_>) -> Result<Self, Error> {
        Ok(Self {
            id: r.field("id")?,
            bridge: r.field("bridge")?,
            source: r.field("source")?,
            attempt: r.field("attempt")?,
            requested_at: r.field("requested_at")?,
            deadline: r.field("deadline")?,
            lane: r.field("lane")?,
            cause: r.field("cause")?,
            caused_at: r.field("caused_at")?,
            kind: r.field("body")?,
        })
    }
}

/// By hand: two levels of the domain are one union.
impl Wire for CommandKind {
    fn put(&self, w: &mut Writer) {
        match self {
            Self::Write(write) => {
                w.branch(WRITE_COMMAND, "WriteCommand");
                write.put(w);
            }
            Self::Read(ReadCommand::Record { record, fields }) => {
                w.branch(READ_RECORD, "ReadRecord");
                w.field("record", record);
                w.field("fields", fields);
            }
            Self::Read(ReadCommand::Lookup(lookup)) => {
                w.branch(LOOKUP, "Lookup");
                lookup.put(w);
            }
            Self::Read(ReadCommand::Gone { record }) => {
                w.branch(READ_GONE, "ReadGone");
                w.field("record", record);
            }
        }
    }

    fn take(r: &mut Reader<'_>) -> Result<Self, Error> {
        match r.long()? {
            WRITE_COMMAND => Ok(Self::Write(WriteCommand::take(r)?)),
            READ_RECORD => Ok(Self::Read(ReadCommand::Record {
                record: r.field("record")?,
                fields: r.field("fields")?,
            })),
            LOOKUP => Ok(Self::Read(ReadCommand::Lookup(Lookup::take(r)?))),
            READ_GONE => Ok(Self::Read(ReadCommand::Gone {
                record: r.field("record")?,
            })),
            other => Err(r.unknown_case(other)),
        }
    }
}

record!(WriteCommand {
    target,
    sequence,
    fields,
    auto_assign,
    read_first,
});

union!(WriteTarget {
    0 "UpdateRecord" => Record(record),
    1 "CreateRecord" => Create { object, key_field, key_value, origin },
    2 "AttachContact" => Attach { contact, company },
});

record!(FieldWrite {
    name,
    value,
    expect
});

impl Item for FieldWrite {}

record!(Lookup { origin, queries });

record!(LookupQuery {
    object,
    any_of,
    fields,
    rows_max,
});

impl Item for LookupQuery {}

/// `LookupTerm`.
impl Wire for (Name, String) {
    fn put(&self, w: &mut Writer) {
        w.field("name", &self.0);
        w.field("value", &self.1);
    }

    fn take(r: &mut Reader<'_>) -> Result<Self, Error> {
        Ok((r.field("name")?, r.field("value")?))
    }
}

impl Item for (Name, String) {}
