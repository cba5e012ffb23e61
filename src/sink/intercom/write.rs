//! The writes: update, company by key, user by external id, attach.

use std::collections::BTreeSet;

use serde_json::{Map, Value as Json};

use crate::clients;
use crate::clients::intercom::NewAttribute;
use crate::domain::{FieldWrite, Outcome, RecordRef, RecordSnapshot, RejectClass, Rejection};
use crate::sink::error::Access;
use crate::sink::intercom::attributes::Defined;
use crate::sink::intercom::execute::{Call, Halt, is_refused};
use crate::sink::intercom::plan::{self, Kind, Standing};
use crate::sink::retry;

/// Which request carries the fields.
#[derive(Clone, Copy)]
pub(super) enum To<'a> {
    Record(Kind, &'a RecordRef),
    NewContact,
    CompanyByKey,
}

impl To<'_> {
    fn kind(self) -> Kind {
        match self {
            Self::Record(kind, _) => kind,
            Self::NewContact => Kind::Contact,
            Self::CompanyByKey => Kind::Company,
        }
    }
}

impl Call<'_> {
    pub(super) async fn update(
        &self,
        kind: Kind,
        record: &RecordRef,
        fields: &[FieldWrite],
        repeat: bool,
    ) -> Result<Outcome, Halt> {
        if repeat {
            let Some(snapshot) = self.shown(kind, record).await? else {
                return Ok(not_found(record));
            };
            let snapshot = plan::with_blanks(fields, snapshot);
            match plan::standing(fields, &snapshot) {
                Standing::InPlace => return Ok(Outcome::AlreadyThere { snapshot }),
                Standing::Changed => return Ok(Outcome::FoundOther { snapshot }),
                Standing::Open => {}
            }
        }
        let item = match self.send(To::Record(kind, record), fields).await {
            Err(Halt::Failed(error)) if is_refused(&error.source, 404) => {
                return Ok(not_found(record));
            }
            sent => sent?,
        };
        let snapshot = self.snapshot_of(kind, record, &item, Access::Write)?;
        Ok(written(snapshot, false))
    }

    pub(super) async fn save_company(
        &self,
        key: &str,
        fields: &[FieldWrite],
        repeat: bool,
    ) -> Result<Outcome, Halt> {
        if repeat && let Some(snapshot) = self.company_by("company_id", key).await? {
            let snapshot = plan::with_blanks(fields, snapshot);
            return Ok(Outcome::AlreadyThere { snapshot });
        }
        let item = self.send(To::CompanyByKey, fields).await?;
        // An upsert does not say which it was; only a new company has not been updated since.
        let created = item["created_at"] == item["updated_at"];
        let snapshot = self.snapshot(Kind::Company, &item, Access::Write)?;
        Ok(written(snapshot, created))
    }

    pub(super) async fn create_user(
        &self,
        key: &str,
        fields: &[FieldWrite],
        repeat: bool,
    ) -> Result<Outcome, Halt> {
        if repeat {
            let answer = self.client.user_by_external_id(key).await;
            if let Some(item) = self.found(Kind::Contact, answer)? {
                let snapshot = self.snapshot(Kind::Contact, &item, Access::Read)?;
                let snapshot = plan::with_blanks(fields, snapshot);
                return Ok(Outcome::AlreadyThere { snapshot });
            }
        }
        let item = self.send(To::NewContact, fields).await?;
        let snapshot = self.snapshot(Kind::Contact, &item, Access::Write)?;
        Ok(written(snapshot, true))
    }

    /// Attaching twice changes nothing; a repeat looks all the same, to send nothing in vain. The
    /// contact lists ten companies at most, so one that is not listed is attached again.
    pub(super) async fn attach(
        &self,
        contact: &RecordRef,
        company: &RecordRef,
        repeat: bool,
    ) -> Result<Outcome, Halt> {
        if repeat {
            let Some(snapshot) = self.shown(Kind::Contact, contact).await? else {
                return Ok(not_found(contact));
            };
            let companies = snapshot.companies.as_ref();
            if companies.is_some_and(|set| set.ids.contains(&company.id)) {
                return Ok(Outcome::AlreadyThere { snapshot });
            }
        }
        match self.client.attach(&contact.id, &company.id).await {
            Ok(_) => Ok(Outcome::Written {
                record: contact.clone(),
                created: false,
                values: None,
                version: None,
            }),
            Err(clients::Error::Refused(refusal)) if refusal.status == 404 => {
                let company_is_missing =
                    refusal.has_code("company_not_found") || refusal.text().starts_with("Company");
                Ok(not_found(match company_is_missing {
                    true => company,
                    false => contact,
                }))
            }
            Err(error) => Err(self.failed(Kind::Contact, Access::Write, error)),
        }
    }

    /// Sends a write and answers the record as it then is. Custom attributes that do not exist
    /// are made, where that is allowed; until then Intercom takes nothing of the write.
    pub(super) async fn send(&self, to: To<'_>, fields: &[FieldWrite]) -> Result<Json, Halt> {
        let mut absent = BTreeSet::new();
        let mut made = BTreeSet::new();
        loop {
            let error = match self.request(to, &plan::body(fields, &absent)).await {
                Ok(item) => return Ok(item),
                Err(error) => error,
            };
            let missing = match &error {
                clients::Error::Refused(refusal) => plan::missing(refusal, fields),
                _ => Vec::new(),
            };
            // Each name is made once: what is still said to be missing then is refused.
            let lacking = missing.into_iter().find(|(name, _)| !made.contains(name));
            let Some((name, data_type)) = lacking.filter(|_| self.settings.create_attributes)
            else {
                return Err(self.failed(to.kind(), Access::Write, error));
            };
            made.insert(name);
            match data_type {
                Some(data_type) => self.define(to.kind(), name, data_type).await?,
                None => {
                    absent.insert(name.to_string());
                }
            }
        }
    }

    async fn request(&self, to: To<'_>, body: &Map<String, Json>) -> Result<Json, clients::Error> {
        match to {
            To::Record(Kind::Contact, record) => self.client.update_contact(&record.id, body).await,
            To::Record(Kind::Company, record) => self.client.update_company(&record.id, body).await,
            To::NewContact => self.client.create_contact(body).await,
            To::CompanyByKey => self.client.upsert_company(body).await,
        }
    }

    async fn define(&self, kind: Kind, name: &str, data_type: &'static str) -> Result<(), Halt> {
        let new = NewAttribute {
            name: name.to_string(),
            model: kind.as_str(),
            data_type,
        };
        let defined = self.attributes.define(self.client, self.source, &new).await;
        let defined = defined.map_err(|error| self.failed(kind, Access::Write, error))?;
        match defined {
            Defined::There => Ok(()),
            Defined::Taken => Err(taken(kind, name).into()),
        }
    }
}

pub(super) fn written(snapshot: RecordSnapshot, created: bool) -> Outcome {
    Outcome::Written {
        record: snapshot.record,
        created,
        values: Some(snapshot.fields),
        version: Some(snapshot.version),
    }
}

fn not_found(record: &RecordRef) -> Outcome {
    Outcome::NotFound {
        record: record.clone(),
    }
}

fn taken(kind: Kind, name: &str) -> Rejection {
    let (kind, other) = match kind {
        Kind::Contact => ("contact", "company"),
        Kind::Company => ("company", "contact"),
    };
    let hint = format!(
        "map to another {kind} attribute than {name}: a {other} attribute, or an archived one, \
         has that name, and Intercom takes each name once"
    );
    let text = "the name of an attribute is taken";
    Rejection {
        fields: vec![name.to_string()],
        ..retry::ours(RejectClass::Permission, "ATTRIBUTE_TAKEN", text, &hint)
    }
}
