//! Carries the Intercom commands out.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::clients::intercom::{self, Client, snapshot};
use crate::clients::{self, System};
use crate::domain::RejectClass;
use crate::domain::{BridgeId, Command, Outcome, RecordRef, RecordSnapshot, SourceId};
use crate::sink::error::{Access, Error};
use crate::sink::executor::{Execute, Execution};
use crate::sink::gate::Gates;
use crate::sink::intercom::plan::{Plan, plan};
use crate::sink::retry::{self, Retries};

/// The workspaces of every bridge. Bridges that share a workspace share its client.
pub type Clients = BTreeMap<(BridgeId, SourceId), Arc<Client>>;

pub struct Executor {
    clients: Clients,
    retries: Retries,
    gates: Gates,
}

impl Executor {
    pub fn new(clients: Clients, options: retry::Options) -> Self {
        let retries = Retries::new(System::Intercom, options);
        let gates = Gates::new(&clients, || retries.gate());
        Self {
            clients,
            retries,
            gates,
        }
    }

    async fn settle(&self, command: &Command, repeat: bool) -> Outcome {
        let plan = match plan(command) {
            Ok(plan) => plan,
            Err(rejection) => return Outcome::Rejected(*rejection),
        };
        let key = (command.bridge.clone(), command.source.clone());
        let Some(client) = self.clients.get(&key) else {
            let hint = format!("add the workspace {} to bridge {}", key.1, key.0);
            let text = "no such workspace is configured";
            let refused = retry::ours(RejectClass::Other, "UNKNOWN_SOURCE", text, &hint);
            return Outcome::Rejected(refused);
        };
        // Reads change nothing: a repetition is the same call.
        let gate = self.gates.of(&key);
        let read = |_| read(client, &plan);
        self.retries.run(gate, repeat, read).await
    }
}

impl Execute for Executor {
    fn system(&self) -> System {
        System::Intercom
    }

    fn request_timeout(&self) -> Duration {
        let timeouts = self.clients.values().map(|client| client.request_timeout());
        timeouts.max().unwrap_or_default()
    }

    fn execute<'a>(&'a self, command: &'a Command, repeat: bool) -> Execution<'a> {
        Box::pin(self.settle(command, repeat))
    }
}

async fn read(client: &Client, plan: &Plan) -> Result<Outcome, Box<Error>> {
    let (record, answer) = match plan {
        Plan::Contact(record) => (record, client.contact(&record.id).await),
        Plan::Company(record) => (record, client.company(&record.id).await),
    };
    let item = match answer {
        Ok(item) => item,
        // 410 is how newer versions answer for a contact that was merged away.
        Err(clients::Error::Refused(refusal)) if matches!(refusal.status, 404 | 410) => {
            let record = record.clone();
            return Ok(Outcome::NotFound { record });
        }
        Err(source) => return Err(failed(record, source)),
    };
    let snapshot = match plan {
        Plan::Contact(_) => intercom::contact_snapshot(&record.source, &item),
        Plan::Company(_) => intercom::company_snapshot(&record.source, &item),
    };
    snapshot
        .map_err(|error| unreadable(&error))
        .and_then(|snapshot| same(record, snapshot))
        .map_err(|source| failed(record, source))
}

/// A read that shows another record would be taken for news about that one.
fn same(record: &RecordRef, snapshot: RecordSnapshot) -> Result<Outcome, clients::Error> {
    if snapshot.record == *record {
        Ok(Outcome::Read { snapshot })
    } else {
        Err(clients::Error::Malformed {
            step: "read",
            reason: "it shows another record".into(),
        })
    }
}

fn unreadable(error: &snapshot::Error) -> clients::Error {
    clients::Error::Malformed {
        step: "read",
        reason: error.to_string(),
    }
}

fn failed(record: &RecordRef, source: clients::Error) -> Box<Error> {
    Box::new(Error {
        system: System::Intercom,
        at: record.source.clone(),
        object: record.object.to_string(),
        access: Access::Read,
        source,
    })
}
