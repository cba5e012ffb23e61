//! A mapping that flows both ways, and the words to play with it.

use std::collections::BTreeSet;

use crate::domain::Writer;
use crate::domain::journal::DomainEvent;
use crate::domain::{Change, Command, CommandKind, EventKind, Fields, ObservationBody, Outcome};
use crate::domain::{RawPayload, RecordEvent, RecordRef, RecordSnapshot, Topic, Value, Version};
use crate::processor::tests::world::*;

pub const BOTH: &str = r#"
version: 1
people:
  objects: {intercom: contact, salesforce: [Contact, Lead]}
  match:
    - explicit: {salesforce: Intercom_Contact_ID__c}
    - email: {salesforce: Email, intercom: email}
  create:
    salesforce_lead:
      when: '"qualified" in contact.tags && contact.role == "lead"'
      needs: [email]
      set: {LeadSource: Intercom}
      company_name: Company
      placeholders: {Company: "[not provided]", LastName: "[not provided]"}
  fields:
    - intercom: name
      salesforce: [FirstName, LastName]
      transform: split_name
      owner: intercom
      direction: to_salesforce
      meaning: name
    - {intercom: email, salesforce: Email, owner: intercom, direction: to_salesforce, meaning: m}
    - intercom: phone
      salesforce: Phone
      transform: phone_e164
      region: US
      owner: salesforce
      direction: both
      conflict: newest_wins
      meaning: number
    - intercom: custom_attributes.job_title
      salesforce: Title
      owner: salesforce
      direction: both
      conflict: owner_wins
      meaning: position
    - intercom: custom_attributes.nickname
      salesforce: Nickname__c
      owner: intercom
      direction: both
      conflict: owner_wins
      meaning: how friends call the person
    - intercom: custom_attributes.tier
      salesforce: Tier__c
      owner: salesforce
      direction: both
      conflict: review
      meaning: agreed level of support
    - intercom: unsubscribed_from_emails
      salesforce: HasOptedOutOfEmail
      owner: intercom
      direction: both
      conflict: restrictive_wins
      meaning: consent
    - intercom: custom_attributes.SALESFORCE_STATUS
      salesforce: Lead.Status
      owner: salesforce
      direction: to_intercom
      meaning: status
    - intercom: custom_attributes.SALESFORCE_OWNER_NAME
      salesforce: Owner.Name
      owner: salesforce
      direction: to_intercom
      meaning: who looks after the person
    - intercom: custom_attributes.SALESFORCE_ID
      salesforce: Id
      owner: salesforce
      direction: to_intercom
      meaning: where to find the person
"#;

/// To stand behind `BOTH`: people join the company of their account.
pub const COMPANIES: &str = "companies:
  objects: {intercom: company, salesforce: [Account]}
  match:
    - account_key: {salesforce: Intercom_Company_ID__c, intercom: company_id}
  fields: []
relations: {contact_company: to_intercom}
";

pub const ADA: &str = "ada@example.com";
pub const TITLE: &str = "custom_attributes.job_title";

/// A contact and the lead made of it, at rest; both exist since second 1.
pub struct Pair {
    pub world: World,
    pub contact: RecordRef,
    pub lead: RecordRef,
}

impl Pair {
    pub fn new() -> Self {
        Self::of(BOTH)
    }

    pub fn of(mapping: &str) -> Self {
        let mut pair = Self::made(mapping);
        let mut all = pair.fields_of(&pair.lead);
        all.extend(texts(&[("IsConverted", "false"), ("Status", "Open")]));
        let created = pair.lead.clone();
        let more = pair.event_of(&created, EventKind::Created, 2, Writer::Ours, all);
        pair.settle(more, 3);
        pair
    }

    /// The lead stands, and no change event has told of it yet.
    pub fn before_the_echo() -> Self {
        Self::made(BOTH)
    }

    fn made(mapping: &str) -> Self {
        let mut world = World::with_mapping(mapping);
        let look = world.qualify(lead(
            "c1",
            1000,
            &[("email", ADA), ("name", "Ada Lovelace")],
        ));
        let create = world.answer(&look[0], found(&[]));
        let made = salesforce("Lead", "00Q000000000001AAA");
        let mut more = world.answer(&create[0], written(&made, true));
        let mut pair = Self {
            world,
            contact: contact("c1"),
            lead: made,
        };
        pair.settle(std::mem::take(&mut more), 1);
        pair
    }

    /// Carries out whatever follows.
    pub fn settle(&mut self, mut commands: Vec<Command>, mut second: i64) {
        let end = second + 100;
        while let Some(command) = commands.pop() {
            second += 1;
            assert!(second < end, "it comes to rest");
            commands.extend(self.done(&command, second));
        }
    }

    pub fn fields_of(&self, record: &RecordRef) -> Fields {
        let state = self.world.state(record);
        let seen = state.seen.iter();
        seen.map(|(name, seen)| (name.clone(), seen.value.clone()))
            .collect()
    }

    /// A change event of the lead.
    pub fn event(&mut self, second: i64, writer: Writer, fields: &[(&str, &str)]) -> Vec<Command> {
        let record = self.lead.clone();
        self.event_of(&record, EventKind::Updated, second, writer, texts(fields))
    }

    pub fn event_of(
        &mut self,
        record: &RecordRef,
        kind: EventKind,
        second: i64,
        writer: Writer,
        fields: Fields,
    ) -> Vec<Command> {
        let change = Change::Event(RecordEvent {
            record: record.clone(),
            kind,
            version: Version::second(second),
            fields,
            unread: BTreeSet::new(),
            writer,
            origin: "com/salesforce/api/rest/67.0".into(),
            user: "005000000000001AAA".into(),
            transaction: format!("t{second}"),
            transaction_sequence: 1,
        });
        let raw = RawPayload {
            content_type: "avro/binary".into(),
            bytes: vec![0],
        };
        let body = ObservationBody::Changed {
            source: sales(),
            topic: "/data/ChangeEvents".into(),
            change,
            raw,
        };
        self.world.take(Topic::SalesforceObserved, body)
    }

    /// The contact as a webhook shows it, with everything it held before.
    pub fn webhook(&mut self, at_ms: i64, fields: &[(&str, &str)]) -> Vec<Command> {
        let shown = self.shown(at_ms, fields);
        self.world.show(shown)
    }

    pub fn shown(&self, at_ms: i64, fields: &[(&str, &str)]) -> RecordSnapshot {
        let state = self.world.state(&self.contact);
        let mut shown = with_tag(lead("c1", at_ms, &[]));
        for (name, seen) in &state.seen {
            shown.fields.insert(name.clone(), seen.value.clone());
        }
        shown.fields.extend(texts(fields));
        shown
    }

    /// Carries a write or read out as the remote would, at a second.
    pub fn done(&mut self, command: &Command, second: i64) -> Vec<Command> {
        let outcome = self.outcome(command, second, &[]);
        self.world.answer(command, outcome)
    }

    /// The answer to a command; `stored` overlays what the remote stores and shows.
    pub fn outcome(&self, command: &Command, second: i64, stored: &[(&str, &str)]) -> Outcome {
        let record = crate::processor::evolve::commands::subject(command);
        let mut fields = self.fields_of(&record);
        let version = Version::second(second);
        match &command.kind {
            CommandKind::Write(write) => {
                let sent = write.fields.iter();
                fields.extend(sent.map(|field| (field.name.clone(), field.value.clone())));
                fields.extend(texts(stored));
                let ours = record.source == support();
                Outcome::Written {
                    record,
                    created: false,
                    values: ours.then_some(fields),
                    version: ours.then_some(version),
                }
            }
            CommandKind::Read(_) => {
                fields.extend(texts(stored));
                let snapshot = RecordSnapshot {
                    record,
                    version,
                    fields,
                    tags: None,
                    companies: None,
                };
                Outcome::Read { snapshot }
            }
        }
    }

    pub fn seen(&self, record: &RecordRef, name: &str) -> Value {
        let state = self.world.state(record);
        state
            .seen
            .get(name)
            .map_or(Value::Null, |seen| seen.value.clone())
    }

    pub fn decided(&self, name: &str) -> Value {
        let customer = self.world.customer(&self.contact);
        customer
            .decided
            .get(name)
            .map_or(Value::Null, |decided| decided.value.clone())
    }

    pub fn count(&self, name: &str) -> usize {
        let entries = self.world.journal.iter();
        entries.filter(|entry| entry.event.name() == name).count()
    }

    pub fn last_conflict(&self) -> (Value, Value) {
        let mut entries = self.world.journal.iter().rev();
        let found = entries.find_map(|entry| match &entry.event {
            DomainEvent::ConflictDecided { kept, lost, .. } => {
                Some((kept.value.clone(), lost.value.clone()))
            }
            _ => None,
        });
        found.expect("a conflict was decided")
    }

    /// Neither side differs from what it should hold, and nothing is out.
    pub fn is_at_rest(&self) -> bool {
        [&self.contact, &self.lead].into_iter().all(|record| {
            let state = self.world.state(record);
            let plan = crate::sync::writes::plan(record, &state, |_| false);
            matches!(plan, crate::sync::writes::Plan::Nothing { why } if why != "paused")
                && state.writing.is_none()
                && state.reading.is_none()
                && state.held.is_empty()
        })
    }
}

pub fn texts(fields: &[(&str, &str)]) -> Fields {
    let value = |text: &str| match text {
        "true" => Value::Bool(true),
        "false" => Value::Bool(false),
        text => Value::text(text),
    };
    fields
        .iter()
        .map(|(name, text)| ((*name).into(), value(text)))
        .collect()
}

/// The commands that write a record.
pub fn writes_to<'a>(commands: &'a [Command], record: &RecordRef) -> Vec<&'a Command> {
    let ours = |command: &&Command| {
        matches!(command.kind, CommandKind::Write(_))
            && crate::processor::evolve::commands::subject(command) == *record
    };
    commands.iter().filter(ours).collect()
}
