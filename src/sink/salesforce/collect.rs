//! Writes that share a request, and what a row's answer means for its command. Pure.

use crate::clients::salesforce::collection::{self, Collection, ROWS_MAX};
use crate::clients::salesforce::record_id;
use crate::clients::{self, System, percent};
use crate::domain::{Command, CommandKind, Outcome, RecordRef, WriteCommand, WriteTarget};
use crate::sink::error::{Access, Error};
use crate::sink::executor::Sharing;
use crate::sink::salesforce::execute::written;
use crate::sink::salesforce::plan;

/// What an upsert is told that lost a race for its key, or that Salesforce takes for another row
/// of the request.
const TAKEN: [&str; 2] = ["DUPLICATE_VALUE", "DUPLICATE_EXTERNAL_ID"];

/// What became of one row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Row {
    Written(Outcome),
    /// The record is there, or the row's answer is not: only a read tells.
    LookFirst,
    Failed(clients::Error),
}

/// Updates of one object share a request, and upserts of one object on one key field, each with
/// the same say about assignment rules. What the request's address or row cannot hold goes alone,
/// and is refused there.
pub fn sharing(command: &Command) -> Option<Sharing> {
    let write = write_of(command)?;
    let (request, row) = match &write.target {
        WriteTarget::Record(record) => (
            format!("update {}", record.object),
            record_id::normalise(&record.id)?,
        ),
        WriteTarget::Create {
            object,
            key_field,
            key_value,
            ..
        } => {
            percent::segment(key_field)?;
            percent::segment(key_value)?;
            // As Salesforce compares keys.
            let row = key_value.trim().to_lowercase();
            (format!("upsert {object} {key_field}"), row)
        }
        WriteTarget::Attach { .. } => return None,
    };
    let sharing = Sharing {
        request: format!("{request} {}", write.auto_assign),
        row,
        rows_max: ROWS_MAX,
    };
    Some(sharing).filter(|sharing| !sharing.row.is_empty())
}

/// The request of writes whose `sharing` names one. None if one of them is no write.
pub fn collection(commands: &[Command]) -> Option<Collection> {
    let writes: Vec<&WriteCommand> = commands.iter().map(write_of).collect::<Option<_>>()?;
    let first = writes.first()?;
    let (object, key_field) = match &first.target {
        WriteTarget::Record(record) => (&record.object, None),
        WriteTarget::Create {
            object, key_field, ..
        } => (object, Some(key_field.to_string())),
        WriteTarget::Attach { .. } => return None,
    };
    let row = |write: &&WriteCommand| match &write.target {
        WriteTarget::Record(record) => {
            let mut row = plan::update(record, write).body;
            row.insert("id".into(), record.id.clone().into());
            Some(row)
        }
        WriteTarget::Create {
            object,
            key_field,
            key_value,
            ..
        } => {
            let mut row = plan::create(object, key_field, key_value, write).body;
            row.insert(key_field.to_string(), key_value.clone().into());
            Some(row)
        }
        WriteTarget::Attach { .. } => None,
    };
    let rows: Option<_> = writes.iter().map(row).collect();
    Some(Collection {
        object: object.to_string(),
        key_field,
        rows: rows?,
        auto_assign: first.auto_assign,
    })
}

/// What became of each row. An error if the answer is of other records than were written: then
/// nothing is known of any.
pub fn in_order(
    commands: &[Command],
    answers: Vec<Option<collection::Row>>,
) -> Result<Vec<Row>, clients::Error> {
    let rows = commands.iter().zip(answers);
    rows.map(|(command, answer)| row(command, answer)).collect()
}

/// The failure of a command's write.
pub fn failed(command: &Command, source: clients::Error) -> Error {
    let object = match write_of(command).map(|write| &write.target) {
        Some(WriteTarget::Record(record)) => record.object.to_string(),
        Some(WriteTarget::Create { object, .. }) => object.to_string(),
        Some(WriteTarget::Attach { contact, .. }) => contact.object.to_string(),
        None => String::new(),
    };
    Error {
        system: System::Salesforce,
        at: command.source.clone(),
        object,
        access: Access::Write,
        source,
    }
}

fn row(command: &Command, answer: Option<collection::Row>) -> Result<Row, clients::Error> {
    let Some((answer, write)) = answer.zip(write_of(command)) else {
        return Ok(Row::LookFirst);
    };
    Ok(match (answer, &write.target) {
        (Ok(answer), WriteTarget::Record(record)) => {
            if answer.id.is_some() && answer.id != record_id::normalise(&record.id) {
                return Err(clients::Error::Malformed {
                    step: "collection",
                    reason: "it names another record".into(),
                });
            }
            match answer.id {
                Some(_) => Row::Written(written(record.clone(), false)),
                None => Row::LookFirst,
            }
        }
        (Ok(answer), WriteTarget::Create { object, .. }) => {
            let made = answer
                .id
                .and_then(|id| RecordRef::new(&command.source, object.as_str(), id).ok());
            made.map_or(Row::LookFirst, |record| {
                Row::Written(written(record, answer.created))
            })
        }
        (Err(refusal), WriteTarget::Create { .. })
            if TAKEN.iter().any(|code| refusal.has_code(code)) =>
        {
            Row::LookFirst
        }
        (Ok(_), WriteTarget::Attach { .. }) => Row::LookFirst,
        (Err(refusal), _) => Row::Failed(clients::Error::Refused(refusal)),
    })
}

fn write_of(command: &Command) -> Option<&WriteCommand> {
    match &command.kind {
        CommandKind::Write(write) => Some(write),
        CommandKind::Read(_) => None,
    }
}
