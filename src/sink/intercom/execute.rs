//! Carries the Intercom commands out.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value as Json;

use crate::clients::intercom::{self, Client};
use crate::clients::{self, System};
use crate::domain::RejectClass;
use crate::domain::{BridgeId, Command, Outcome, RecordRef, RecordSnapshot, Rejection, SourceId};
use crate::sink::error::{Access, Error};
use crate::sink::executor::{Alone, Answer, Execute, Execution, Proceeding};
use crate::sink::gate::Gates;
use crate::sink::intercom::attributes::Attributes;
use crate::sink::intercom::create_lead::Doubt;
use crate::sink::intercom::plan::{Kind, Plan, Query, plan};
use crate::sink::retry::{self, Retries};

/// The workspaces of every bridge. Bridges that share a workspace share its client.
pub type Clients = BTreeMap<(BridgeId, SourceId), Arc<Client>>;

/// What a workspace allows, and how it behaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Whether a write may create the custom attributes that it needs.
    pub create_attributes: bool,
    /// How long a new contact may stay unknown to search; "a few minutes" by the vendor's words,
    /// 120 s by a recorded suite (intercom.md 2.4).
    pub search_lag: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            create_attributes: false,
            search_lag: Duration::from_secs(120),
        }
    }
}

pub struct Executor {
    clients: Clients,
    settings: BTreeMap<SourceId, Settings>,
    attributes: Attributes,
    retries: Retries,
    gates: Gates,
}

/// One command on its way.
#[derive(Clone, Copy)]
pub(super) struct Call<'a> {
    pub client: &'a Client,
    pub source: &'a SourceId,
    pub settings: &'a Settings,
    pub attributes: &'a Attributes,
    /// What is known of earlier sendings of a lead.
    pub doubt: &'a Doubt,
}

/// Why a command goes no further: a failed call, or a refusal of ours.
pub(super) enum Halt {
    Failed(Box<Error>),
    Refused(Box<Rejection>),
}

impl Executor {
    pub fn new(clients: Clients, options: retry::Options) -> Self {
        let retries = Retries::new(System::Intercom, options);
        let gates = Gates::new(&clients, || retries.gate());
        Self {
            clients,
            settings: BTreeMap::new(),
            attributes: Attributes::default(),
            retries,
            gates,
        }
    }

    /// Workspaces that are not named keep the defaults.
    pub fn with_settings(mut self, settings: BTreeMap<SourceId, Settings>) -> Self {
        self.settings = settings;
        self
    }

    async fn settle(&self, command: &Command, alone: Alone) -> Answer {
        let plan = match plan(command) {
            Ok(plan) => plan,
            Err(rejection) => return Answer::Settled(Outcome::Rejected(*rejection)),
        };
        let key = (command.bridge.clone(), command.source.clone());
        let Some(client) = self.clients.get(&key) else {
            let hint = format!("add the workspace {} to bridge {}", key.1, key.0);
            let text = "no such workspace is configured";
            let refused = retry::ours(RejectClass::Other, "UNKNOWN_SOURCE", text, &hint);
            return Answer::Settled(Outcome::Rejected(refused));
        };
        let defaults = Settings::default();
        let settings = self.settings.get(&command.source).unwrap_or(&defaults);
        // Whoever tried before us may have sent it a moment ago.
        let doubt = Doubt::new(settings.search_lag, &alone);
        let call = Call {
            client,
            source: &command.source,
            settings,
            attributes: &self.attributes,
            doubt: &doubt,
        };
        let (gate, plan) = (self.gates.of(&key), &plan);
        let once = |repeat| async move { call.once(plan, repeat).await.or_else(Halt::settled) };
        let outcome = self.retries.run(gate, alone.repeat, once).await;
        let creates = matches!(plan, Plan::CreateLead { .. });
        match (outcome, doubt.goes_on()) {
            // Not within the gate, and not in anybody's way: this can take minutes.
            (Outcome::Unknown { .. }, Some(later)) if creates => Answer::Alone(later),
            (outcome, _) => Answer::Settled(outcome),
        }
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
        let mut alone = Alone {
            repeat,
            ..Alone::default()
        };
        Box::pin(async move {
            loop {
                match self.settle(command, alone).await {
                    Answer::Settled(outcome) => return outcome,
                    Answer::Alone(later) => alone = later,
                }
                tokio::time::sleep(alone.after).await;
            }
        })
    }

    fn proceed<'a>(&'a self, command: &'a Command, alone: Alone) -> Proceeding<'a> {
        Box::pin(self.settle(command, alone))
    }
}

impl Halt {
    fn settled(self) -> Result<Outcome, Box<Error>> {
        match self {
            Self::Failed(error) => Err(error),
            Self::Refused(rejection) => Ok(Outcome::Rejected(*rejection)),
        }
    }
}

impl From<Rejection> for Halt {
    fn from(rejection: Rejection) -> Self {
        Self::Refused(Box::new(rejection))
    }
}

impl Call<'_> {
    async fn once(&self, plan: &Plan, repeat: bool) -> Result<Outcome, Halt> {
        match plan {
            // Reads change nothing: a repetition is the same call.
            Plan::Read(kind, record) => self.read(*kind, record).await,
            Plan::Lookup(queries) => self.lookup(queries).await,
            Plan::Update {
                kind,
                record,
                fields,
            } => self.update(*kind, record, fields, repeat).await,
            Plan::SaveCompany { key, fields } => self.save_company(key, fields, repeat).await,
            Plan::CreateUser { key, fields } => self.create_user(key, fields, repeat).await,
            Plan::CreateLead {
                marker,
                key,
                fields,
            } => self.create_lead(marker, key, fields, repeat).await,
            Plan::Attach { contact, company } => self.attach(contact, company, repeat).await,
        }
    }

    async fn read(&self, kind: Kind, record: &RecordRef) -> Result<Outcome, Halt> {
        let record_is_gone = || Outcome::NotFound {
            record: record.clone(),
        };
        match self.shown(kind, record).await {
            Ok(snapshot) => {
                Ok(snapshot.map_or_else(record_is_gone, |snapshot| Outcome::Read { snapshot }))
            }
            // 410 is how newer versions answer for a contact that was merged away.
            Err(Halt::Failed(error)) if is_refused(&error.source, 410) => Ok(record_is_gone()),
            Err(halt) => Err(halt),
        }
    }

    /// The record as it is; none where no record has that id (any more).
    pub(super) async fn shown(
        &self,
        kind: Kind,
        record: &RecordRef,
    ) -> Result<Option<RecordSnapshot>, Halt> {
        let answer = match kind {
            Kind::Contact => self.client.contact(&record.id).await,
            Kind::Company => self.client.company(&record.id).await,
        };
        let Some(item) = self.found(kind, answer)? else {
            return Ok(None);
        };
        self.snapshot_of(kind, record, &item, Access::Read)
            .map(Some)
    }

    /// None for a 404.
    pub(super) fn found(
        &self,
        kind: Kind,
        answer: Result<Json, clients::Error>,
    ) -> Result<Option<Json>, Halt> {
        match answer {
            Ok(item) => Ok(Some(item)),
            Err(error) if is_refused(&error, 404) => Ok(None),
            Err(error) => Err(self.failed(kind, Access::Read, error)),
        }
    }

    async fn lookup(&self, queries: &[Query]) -> Result<Outcome, Halt> {
        let mut rows = Vec::new();
        let mut truncated = false;
        for query in queries {
            let (mut found, rows_max) = match query {
                Query::Contacts { filter, rows_max } => {
                    let page = self.search(filter, rows_max + 1).await?;
                    truncated |= page.1;
                    (page.0, *rows_max)
                }
                Query::Companies { terms, rows_max } => (self.companies(terms).await?, *rows_max),
            };
            truncated |= found.len() > rows_max;
            found.truncate(rows_max);
            rows.append(&mut found);
        }
        Ok(Outcome::LookedUp { rows, truncated })
    }

    /// The contacts on the first page, and whether there are more.
    pub(super) async fn search(
        &self,
        filter: &Json,
        rows_max: usize,
    ) -> Result<(Vec<RecordSnapshot>, bool), Halt> {
        let page = self.client.search_contacts(filter, rows_max).await;
        let page = page.map_err(|error| self.failed(Kind::Contact, Access::Read, error))?;
        let rows = page.rows.iter();
        let rows = rows.map(|row| self.snapshot(Kind::Contact, row, Access::Read));
        Ok((rows.collect::<Result<_, _>>()?, page.more))
    }

    async fn companies(
        &self,
        terms: &[(&'static str, String)],
    ) -> Result<Vec<RecordSnapshot>, Halt> {
        let mut found: Vec<RecordSnapshot> = Vec::new();
        for (field, value) in terms {
            if let Some(company) = self.company_by(field, value).await?
                && found.iter().all(|one| one.record != company.record)
            {
                found.push(company);
            }
        }
        Ok(found)
    }

    pub(super) async fn company_by(
        &self,
        field: &'static str,
        value: &str,
    ) -> Result<Option<RecordSnapshot>, Halt> {
        let answer = self.client.company_by(field, value).await;
        let item = self.found(Kind::Company, answer)?;
        let snapshot = |item: Json| self.snapshot(Kind::Company, &item, Access::Read);
        item.map(snapshot).transpose()
    }

    /// What an answer about `record` shows. One that shows another record would be taken for
    /// news about that one.
    pub(super) fn snapshot_of(
        &self,
        kind: Kind,
        record: &RecordRef,
        item: &Json,
        access: Access,
    ) -> Result<RecordSnapshot, Halt> {
        let snapshot = self.snapshot(kind, item, access)?;
        if snapshot.record == *record {
            return Ok(snapshot);
        }
        let reason = "it shows another record".to_string();
        Err(self.unreadable(kind, access, reason))
    }

    pub(super) fn snapshot(
        &self,
        kind: Kind,
        item: &Json,
        access: Access,
    ) -> Result<RecordSnapshot, Halt> {
        let snapshot = match kind {
            Kind::Contact => intercom::contact_snapshot(self.source, item),
            Kind::Company => intercom::company_snapshot(self.source, item),
        };
        snapshot.map_err(|error| self.unreadable(kind, access, error.to_string()))
    }

    fn unreadable(&self, kind: Kind, access: Access, reason: String) -> Halt {
        let step = match access {
            Access::Read => "read",
            Access::Write => "write",
        };
        self.failed(kind, access, clients::Error::Malformed { step, reason })
    }

    pub(super) fn failed(&self, kind: Kind, access: Access, source: clients::Error) -> Halt {
        Halt::Failed(Box::new(Error {
            system: System::Intercom,
            at: self.source.clone(),
            object: kind.as_str().into(),
            access,
            source,
        }))
    }
}

pub(super) fn is_refused(error: &clients::Error, status: u16) -> bool {
    matches!(error, clients::Error::Refused(refusal) if refusal.status == status)
}
