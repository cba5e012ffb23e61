//! A command as requests to Intercom. Pure.

use crate::clients::intercom::snapshot::{COMPANY, CONTACT};
use crate::domain::{Command, CommandKind, ReadCommand, RecordRef, RejectClass, Rejection};
use crate::sink::retry;

/// The one request of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Plan {
    Contact(RecordRef),
    Company(RecordRef),
}

/// What to ask, or why there is nothing to ask. Intercom answers whole records: the names of
/// fields in the command are not needed.
pub fn plan(command: &Command) -> Result<Plan, Box<Rejection>> {
    match &command.kind {
        CommandKind::Read(ReadCommand::Record { record, .. }) => match record.object.as_str() {
            CONTACT => Ok(Plan::Contact(record.clone())),
            COMPANY => Ok(Plan::Company(record.clone())),
            _ => Err(unsupported(
                "this version reads contacts and companies of Intercom only",
            )),
        },
        CommandKind::Read(ReadCommand::Lookup(_)) => {
            Err(unsupported("this version does not search Intercom"))
        }
        CommandKind::Write(_) => Err(unsupported("this version does not write to Intercom")),
    }
}

fn unsupported(hint: &str) -> Box<Rejection> {
    Box::new(retry::ours(RejectClass::Other, "UNSUPPORTED", hint, hint))
}
