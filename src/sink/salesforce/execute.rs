//! Carries the Salesforce commands out.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value as Json;

use crate::clients::salesforce::{Client, Page, Select, row};
use crate::clients::{self, System};
use crate::domain::WriteTarget;
use crate::domain::{BridgeId, Command, CommandKind, Lookup, ObjectName, Outcome, ReadCommand};
use crate::domain::{RecordRef, RecordSnapshot, RejectClass, Rejection, SourceId, WriteCommand};
use crate::sink::error::{Access, Error};
use crate::sink::executor::{Alone, Answer, Execute, Execution, Executions, Sharing};
use crate::sink::gate::Gates;
use crate::sink::retry::{self, Retries};
use crate::sink::salesforce::collect;
use crate::sink::salesforce::plan::{self, Read, Standing};

/// The orgs of every bridge: each bridge writes under a token of its own.
pub type Clients = BTreeMap<(BridgeId, SourceId), Arc<Client>>;

pub struct Executor {
    clients: Clients,
    retries: Retries,
    gates: Gates,
}

impl Executor {
    pub fn new(clients: Clients, options: retry::Options) -> Self {
        let retries = Retries::new(System::Salesforce, options);
        let gates = Gates::new(&clients, || retries.gate());
        Self {
            clients,
            retries,
            gates,
        }
    }

    async fn settle(&self, command: &Command, repeat: bool) -> Outcome {
        let key = (command.bridge.clone(), command.source.clone());
        let Some(client) = self.clients.get(&key) else {
            let hint = format!("add the org {} to bridge {}", key.1, key.0);
            let text = "no such org is configured";
            let refused = retry::ours(RejectClass::Other, "UNKNOWN_SOURCE", text, &hint);
            return Outcome::Rejected(refused);
        };
        let call = Call { client, command };
        let gate = self.gates.of(&key);
        self.retries
            .run(gate, repeat, |repeat| async move {
                call.once(repeat).await.or_else(Halt::settled)
            })
            .await
    }

    async fn settle_many(&self, commands: &[Command]) -> Vec<Answer> {
        let alone = |alone| Answer::all_alone(commands.len(), alone);
        let Some((first, collection)) = commands.first().zip(collect::collection(commands)) else {
            return alone(Alone::default());
        };
        let key = (first.bridge.clone(), first.source.clone());
        let Some(client) = self.clients.get(&key) else {
            return alone(Alone::default());
        };
        let write = || async {
            let answer = client.write_many(&collection).await;
            let rows = answer.and_then(|rows| collect::in_order(commands, rows));
            rows.map_err(|source| Box::new(collect::failed(first, source)))
        };
        let gate = self.gates.of(&key);
        match self.retries.run_shared(gate, write).await {
            Ok(rows) => {
                let rows = commands.iter().zip(rows);
                rows.map(|(command, row)| self.row(command, row)).collect()
            }
            Err(apart) => alone(apart),
        }
    }

    fn row(&self, command: &Command, row: collect::Row) -> Answer {
        match row {
            collect::Row::Written(outcome) => Answer::Settled(outcome),
            collect::Row::LookFirst => Answer::Alone(Alone {
                repeat: true,
                ..Alone::default()
            }),
            collect::Row::Failed(source) => self.retries.of_row(&collect::failed(command, source)),
        }
    }
}

impl Execute for Executor {
    fn system(&self) -> System {
        System::Salesforce
    }

    fn request_timeout(&self) -> Duration {
        let timeouts = self.clients.values().map(|client| client.request_timeout());
        timeouts.max().unwrap_or_default()
    }

    fn execute<'a>(&'a self, command: &'a Command, repeat: bool) -> Execution<'a> {
        Box::pin(self.settle(command, repeat))
    }

    fn sharing(&self, command: &Command) -> Option<Sharing> {
        collect::sharing(command)
    }

    fn execute_many<'a>(&'a self, commands: &'a [Command]) -> Executions<'a> {
        Box::pin(self.settle_many(commands))
    }
}

/// Why a command goes no further: a failed call, or a refusal of ours before any.
enum Halt {
    Failed(Box<Error>),
    Refused(Box<Rejection>),
}

impl Halt {
    fn settled(self) -> Result<Outcome, Box<Error>> {
        match self {
            Self::Failed(error) => Err(error),
            Self::Refused(rejection) => Ok(Outcome::Rejected(*rejection)),
        }
    }
}

impl From<Box<Rejection>> for Halt {
    fn from(rejection: Box<Rejection>) -> Self {
        Self::Refused(rejection)
    }
}

/// A create's target.
#[derive(Clone, Copy)]
struct Key<'a> {
    object: &'a ObjectName,
    field: &'a str,
    value: &'a str,
}

#[derive(Clone, Copy)]
struct Call<'a> {
    client: &'a Client,
    command: &'a Command,
}

impl Call<'_> {
    async fn once(&self, repeat: bool) -> Result<Outcome, Halt> {
        match &self.command.kind {
            CommandKind::Write(write) => match &write.target {
                WriteTarget::Record(record) => self.update(record, write, repeat).await,
                WriteTarget::Create {
                    object,
                    key_field,
                    key_value,
                    ..
                } => {
                    let key = Key {
                        object,
                        field: key_field,
                        value: key_value,
                    };
                    self.create(key, write, repeat).await
                }
                WriteTarget::Attach { .. } => {
                    let text = "contacts join companies in Intercom only";
                    let refused = retry::ours(RejectClass::Other, "UNSUPPORTED", text, text);
                    Ok(Outcome::Rejected(refused))
                }
            },
            CommandKind::Read(ReadCommand::Record { record, fields }) => {
                let read = plan::read(record, fields)?;
                Ok(match self.read(record, &read).await? {
                    Some(snapshot) => Outcome::Read { snapshot },
                    None => not_found(record),
                })
            }
            CommandKind::Read(ReadCommand::Lookup(lookup)) => self.lookup(lookup).await,
            CommandKind::Read(ReadCommand::Gone { record }) => self.read_gone(record).await,
        }
    }

    async fn update(
        &self,
        record: &RecordRef,
        write: &WriteCommand,
        repeat: bool,
    ) -> Result<Outcome, Halt> {
        if repeat {
            let names: Vec<String> = write.fields.iter().map(|f| f.name.to_string()).collect();
            let Some(snapshot) = self.read(record, &plan::read(record, &names)?).await? else {
                return Err(gone(record).into());
            };
            match plan::standing(&write.fields, &snapshot) {
                Standing::InPlace => return Ok(Outcome::AlreadyThere { snapshot }),
                Standing::Changed => return Ok(Outcome::FoundOther { snapshot }),
                Standing::Open => {}
            }
        }
        let updated = self.client.update(&plan::update(record, write)).await;
        updated.map_err(|e| self.failed(&record.object, Access::Write, e))?;
        Ok(written(record.clone(), false))
    }

    async fn create(
        &self,
        key: Key<'_>,
        write: &WriteCommand,
        repeat: bool,
    ) -> Result<Outcome, Halt> {
        if repeat && let Some(outcome) = self.find_created(key, write).await? {
            return Ok(outcome);
        }
        let upsert = plan::create(key.object, key.field, key.value, write);
        let mut answer = self.client.upsert(&upsert).await;
        // Two upserts of one new key can race; the one that lost finds the record now.
        if matches!(&answer, Err(clients::Error::Refused(r)) if r.has_code("DUPLICATE_VALUE")) {
            if let Some(outcome) = self.find_created(key, write).await? {
                return Ok(outcome);
            }
            answer = self.client.upsert(&upsert).await;
        }
        let upserted = answer.map_err(|e| self.failed(key.object, Access::Write, e))?;
        match upserted.id {
            Some(id) => Ok(written(self.record(key.object, id)?, upserted.created)),
            None => self.find_updated(key, write).await,
        }
    }

    /// After a 204, which names no record. The write holds, so a failure here must not write.
    async fn find_updated(&self, key: Key<'_>, write: &WriteCommand) -> Result<Outcome, Halt> {
        match self.find_created(key, write).await {
            Ok(Some(Outcome::AlreadyThere { snapshot })) => Ok(written(snapshot.record, false)),
            Ok(Some(outcome)) => Ok(outcome),
            _ => {
                let lost = clients::Error::NoAnswer("the upserted record was not found");
                Err(self.failed(key.object, Access::Write, lost))
            }
        }
    }

    /// The record with the key, or the refusal of a key that several hold.
    async fn find_created(
        &self,
        key: Key<'_>,
        write: &WriteCommand,
    ) -> Result<Option<Outcome>, Halt> {
        let select = plan::find_created(key.object, key.field, key.value, write)?;
        let mut rows = self.search(&select).await?;
        if rows.len() > 1 {
            let text = "several records hold the key";
            let hint = format!(
                "make {}.{} unique, and clear it on all but one of the records",
                key.object, key.field
            );
            let records = rows.into_iter().map(|row| row.record).collect();
            let class = RejectClass::Ambiguous;
            return Ok(Some(Outcome::Rejected(Rejection {
                fields: vec![key.field.to_string()],
                records,
                ..retry::ours(class, "MULTIPLE_RECORDS_FOUND", text, &hint)
            })));
        }
        let found = rows.pop();
        Ok(found.map(|snapshot| Outcome::AlreadyThere { snapshot }))
    }

    async fn lookup(&self, lookup: &Lookup) -> Result<Outcome, Halt> {
        let mut rows = Vec::new();
        let mut truncated = false;
        for query in &lookup.queries {
            let Some(select) = plan::lookup(query)? else {
                continue;
            };
            let mut found = self.search(&select).await?;
            let rows_max = select.rows_max as usize - 1;
            truncated |= found.len() > rows_max;
            found.truncate(rows_max);
            rows.append(&mut found);
        }
        Ok(Outcome::LookedUp { rows, truncated })
    }

    /// None where no record has that id (any more).
    async fn read(&self, record: &RecordRef, read: &Read) -> Result<Option<RecordSnapshot>, Halt> {
        let (object, id, fields) = match read {
            Read::Search(select) => return Ok(self.search(select).await?.pop()),
            Read::ById { object, id, fields } => (object, id, fields),
        };
        match self.client.record(object, id, fields).await {
            Ok(row) => self.snapshot(&record.object, &row, fields).map(Some),
            Err(clients::Error::Refused(refusal))
                if refusal.status == 404 || refusal.has_code("ENTITY_IS_DELETED") =>
            {
                Ok(None)
            }
            Err(error) => Err(self.failed(&record.object, Access::Read, error)),
        }
    }

    /// The row of a record that left, while the bin keeps it: some fifteen days.
    async fn read_gone(&self, record: &RecordRef) -> Result<Outcome, Halt> {
        let (soql, asked) = plan::gone(record)?;
        let page = self.client.query_page(&Page::All { soql }).await;
        let mut page = page.map_err(|e| self.failed(&record.object, Access::Read, e))?;
        match page.rows.pop() {
            Some(row) => self
                .snapshot(&record.object, &row, &asked)
                .map(|snapshot| Outcome::Read { snapshot }),
            None => Ok(not_found(record)),
        }
    }

    async fn search(&self, select: &Select) -> Result<Vec<RecordSnapshot>, Halt> {
        let object = self.object(&select.object)?;
        let soql = select.to_soql().map_err(|_| unaskable())?;
        let rows = self.client.query(&soql, select.rows_max as usize).await;
        let rows = rows.map_err(|e| self.failed(&object, Access::Read, e))?;
        let snapshots = rows
            .iter()
            .map(|row| self.snapshot(&object, row, &select.fields));
        snapshots.collect()
    }

    fn snapshot(
        &self,
        object: &ObjectName,
        row: &Json,
        asked: &[String],
    ) -> Result<RecordSnapshot, Halt> {
        row::snapshot(&self.command.source, object.as_str(), row, asked).map_err(|error| {
            let unreadable = clients::Error::Malformed {
                step: "row",
                reason: error.to_string(),
            };
            self.failed(object, Access::Read, unreadable)
        })
    }

    fn failed(&self, object: &ObjectName, access: Access, source: clients::Error) -> Halt {
        Halt::Failed(Box::new(Error {
            system: System::Salesforce,
            at: self.command.source.clone(),
            object: object.to_string(),
            access,
            source,
        }))
    }

    fn record(&self, object: &ObjectName, id: String) -> Result<RecordRef, Halt> {
        RecordRef::new(&self.command.source, object.as_str(), id).map_err(|_| unaskable())
    }

    fn object(&self, name: &str) -> Result<ObjectName, Halt> {
        ObjectName::new(name).map_err(|_| unaskable())
    }
}

pub(super) fn written(record: RecordRef, created: bool) -> Outcome {
    Outcome::Written {
        record,
        created,
        values: None,
        version: None,
    }
}

fn not_found(record: &RecordRef) -> Outcome {
    Outcome::NotFound {
        record: record.clone(),
    }
}

fn gone(record: &RecordRef) -> Box<Rejection> {
    let hint = format!(
        "the {} was deleted or merged: nothing to repair",
        record.object
    );
    let text = "no record has the id";
    Box::new(retry::ours(RejectClass::Gone, "NOT_FOUND", text, &hint))
}

fn unaskable() -> Halt {
    let hint = "correct the names in the mapping";
    let text = "a name is not usable";
    let refused = retry::ours(RejectClass::BadData, "NOT_ASKABLE", text, hint);
    Halt::Refused(Box::new(refused))
}
