//! A processor over memory: feed it observations and answers, look at commands and records.

use std::collections::BTreeMap;

use crate::domain::command::ReadCommand;
use crate::domain::journal::DomainEvent;
use crate::domain::view::{Customer, RecordState, customer_of, record_state};
use crate::domain::{BridgeId, Change, Command, CommandKind, CommandResult, Fields, JournalEntry};
use crate::domain::{
    CustomerEvent, Message, Observation, ObservationBody, ObservationId, Outcome, Profile,
    RawPayload,
};
use crate::domain::{
    RecordRef, RecordSnapshot, RefSet, SourceId, Timestamp, Topic, Value, Version,
};
use crate::domain::{WriteCommand, WriteTarget};
use crate::mapping::{Offer, Sources};
use crate::ports::event_log::{Entry, EntryBody, TopicPartition};
use crate::ports::view_store::MemoryStore;
use crate::processor::decide::{Brakes, Timing};
use crate::processor::evolve::evolve;
use crate::processor::overlay::Overlay;
use crate::processor::step::{Mappings, Output, Part, Settings, reread, step, waiting};
use crate::processor::view::View;

pub const MAPPING: &str = r#"
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
    - intercom: email
      salesforce: Email
      owner: intercom
      direction: to_salesforce
      meaning: address
    - intercom: phone
      salesforce: Phone
      owner: intercom
      direction: to_salesforce
      meaning: number
    - intercom: custom_attributes.job_title
      salesforce: Title
      owner: intercom
      direction: to_salesforce
      meaning: position
companies:
  objects: {intercom: company, salesforce: [Account]}
  match:
    - account_key: {salesforce: Intercom_Company_ID__c, intercom: company_id}
  fields:
    - intercom: plan.name
      salesforce: Intercom_Plan__c
      owner: intercom
      direction: to_salesforce
      meaning: plan
"#;

/// The command deadline of these tests.
pub const DEADLINE_MS: i64 = 60_000;

pub struct World {
    pub view: View,
    pub settings: Settings,
    mappings: Mappings,
    pub now: i64,
    offsets: BTreeMap<Topic, u64>,
    /// All that was ever given.
    pub entries: Vec<Entry>,
    pub journal: Vec<JournalEntry>,
    /// Commands in the order in which they were requested, repeats included.
    pub commands: Vec<Command>,
    pub last: Output,
    /// Canonical events and profiles in the order in which they were told.
    pub told: Vec<CustomerEvent>,
    pub profiles: Vec<Profile>,
    drawn: u64,
    /// Off once a test has broken the view on purpose.
    pub rebuild_is_checked: bool,
    pub offer: Offer,
}

pub fn bridge() -> BridgeId {
    BridgeId::new("main").unwrap()
}

pub fn support() -> SourceId {
    SourceId::new("support").unwrap()
}

pub fn sales() -> SourceId {
    SourceId::new("sales").unwrap()
}

pub fn contact(id: &str) -> RecordRef {
    RecordRef::new(&support(), "contact", id).unwrap()
}

pub fn company(id: &str) -> RecordRef {
    RecordRef::new(&support(), "company", id).unwrap()
}

pub fn salesforce(object: &str, id: &str) -> RecordRef {
    RecordRef::new(&sales(), object, id).unwrap()
}

/// A lead's snapshot at a time in milliseconds.
pub fn lead(id: &str, at: i64, fields: &[(&str, &str)]) -> RecordSnapshot {
    let mut all = Fields::from([("role".into(), Value::text("lead"))]);
    all.extend(
        fields
            .iter()
            .map(|(name, value)| ((*name).into(), Value::text(*value))),
    );
    RecordSnapshot {
        record: contact(id),
        version: Version::exact_ms(at),
        fields: all,
        tags: Some(RefSet {
            ids: Default::default(),
            complete: true,
        }),
        companies: Some(RefSet {
            ids: Default::default(),
            complete: true,
        }),
    }
}

pub fn with_tag(mut snapshot: RecordSnapshot) -> RecordSnapshot {
    snapshot.tags = Some(RefSet {
        ids: ["t1".to_owned()].into(),
        complete: true,
    });
    snapshot
}

pub fn row(object: &str, id: &str, second: i64, fields: &[(&str, &str)]) -> RecordSnapshot {
    let fields = fields
        .iter()
        .map(|(name, value)| ((*name).into(), Value::text(*value)));
    RecordSnapshot {
        record: salesforce(object, id),
        version: Version::second(second),
        fields: fields.collect(),
        tags: None,
        companies: None,
    }
}

/// A world in which as many may hold one identifier as can be kept.
pub fn many_holders() -> World {
    let most = "  protect: {holders_max: 100, records_max: 1000}\n  create:\n";
    World::with_mapping(&MAPPING.replacen("  create:\n", most, 1))
}

impl World {
    /// A world with the mapping active.
    pub fn new() -> Self {
        Self::with_mapping(MAPPING)
    }

    pub fn with_mapping(file: &str) -> Self {
        let settings = Settings {
            partition: 0,
            bridges: vec![bridge()],
            timing: Timing {
                command_deadline_ms: DEADLINE_MS,
                command_deadline_ms_max: 15 * DEADLINE_MS,
                attempts_before_review: 5,
                deferral_deadline_ms: 2 * DEADLINE_MS,
            },
            brakes: Brakes::default(),
            resting: BTreeMap::new(),
        };
        let sources = Sources {
            salesforce: sales(),
            intercom: BTreeMap::from([(support(), "abc123".to_owned())]),
        };
        let offer = Offer {
            sources,
            file: file.to_owned(),
        };
        let mut world = Self {
            view: View::open(Box::new(MemoryStore::default())).unwrap(),
            settings,
            mappings: Mappings::default(),
            now: 1_000_000_000,
            offsets: BTreeMap::new(),
            entries: Vec::new(),
            journal: Vec::new(),
            commands: Vec::new(),
            last: Output::default(),
            told: Vec::new(),
            profiles: Vec::new(),
            drawn: 0,
            rebuild_is_checked: true,
            offer,
        };
        let (hash, body) = world.offer();
        let offered = ObservationBody::MappingOffered {
            version: 1,
            hash,
            body,
        };
        world.take(Topic::Decisions, offered);
        world
    }

    /// What this world's mapping is offered as.
    pub fn offer(&self) -> ([u8; 32], String) {
        (self.offer.hash(), self.offer.body())
    }

    pub fn add_bridge(&mut self, bridge: BridgeId) {
        self.settings.bridges.push(bridge);
    }

    pub fn observation(&mut self, body: ObservationBody) -> Observation {
        self.drawn += 1;
        let id = match &body {
            ObservationBody::Answered(result) => {
                ObservationId::of_result(&result.command, result.attempt)
            }
            _ => ObservationId::of_notification("abc123", &format!("notif_{}", self.drawn)),
        };
        let received_at = Timestamp(self.now);
        Observation {
            id,
            bridge: bridge(),
            received_at,
            traceparent: None,
            body,
        }
    }

    pub fn changed(&mut self, change: Change) -> Observation {
        let raw = RawPayload {
            content_type: "application/json".into(),
            bytes: b"{}".to_vec(),
        };
        let (source, topic) = (support(), "contact.lead.updated".into());
        self.observation(ObservationBody::Changed {
            source,
            topic,
            change,
            raw,
        })
    }

    /// Takes one observation as a batch of its own; returns the commands it led to.
    pub fn take(&mut self, topic: Topic, body: ObservationBody) -> Vec<Command> {
        let observation = self.observation(body);
        self.batch(vec![(topic, observation)])
    }

    pub fn show(&mut self, snapshot: RecordSnapshot) -> Vec<Command> {
        self.change(Change::Shown(snapshot))
    }

    pub fn change(&mut self, change: Change) -> Vec<Command> {
        let observation = self.changed(change);
        self.batch(vec![(Topic::IntercomObserved, observation)])
    }

    /// Tags a lead `qualified`.
    pub fn qualify(&mut self, snapshot: RecordSnapshot) -> Vec<Command> {
        let snapshot = with_tag(snapshot);
        let (tag_id, tag_name) = ("t1".into(), "qualified".into());
        self.change(Change::Tagged {
            snapshot,
            tag_id,
            tag_name,
            added: true,
        })
    }

    pub fn answer(&mut self, command: &Command, outcome: Outcome) -> Vec<Command> {
        let result = CommandResult {
            command: command.id,
            bridge: bridge(),
            source: command.source.clone(),
            attempt: command.attempt,
            finished_at: Timestamp(self.now),
            outcome,
        };
        self.take(Topic::Results, ObservationBody::Answered(result))
    }

    /// Lets time pass without input.
    pub fn pass(&mut self, ms: i64) -> Vec<Command> {
        self.now += ms;
        self.batch(Vec::new())
    }

    pub fn batch(&mut self, observations: Vec<(Topic, Observation)>) -> Vec<Command> {
        let ids: Vec<ObservationId> = observations.iter().map(|(_, one)| one.id).collect();
        let entries: Vec<Entry> = observations
            .into_iter()
            .map(|(topic, observation)| self.entry(topic, observation))
            .collect();
        self.now += 1;
        let now = Timestamp(self.now);
        let output = step(
            &self.view,
            &self.settings,
            &mut self.mappings,
            &entries,
            now,
        )
        .unwrap();
        self.entries.extend(entries);
        let commands = self.keep(output);
        self.nothing_disappeared(&ids);
        commands
    }

    /// Lets a released bridge take again what it was sent meanwhile, at most `size` entries at a
    /// time; what was observed in Intercom before `kept_from` is not kept any more.
    pub fn reread(&mut self, size: usize, kept_from: u64) -> Vec<Command> {
        let mut commands = Vec::new();
        while let Some((topic, from, end)) = waiting(&self.view, 0, &bridge()) {
            let start = match topic {
                Topic::IntercomObserved => kept_from.clamp(from, end),
                _ => from,
            };
            let wanted = |one: &&Entry| one.at.topic == topic && (start..end).contains(&one.offset);
            let entries: Vec<Entry> = self
                .entries
                .iter()
                .filter(wanted)
                .take(size)
                .cloned()
                .collect();
            let part = Part {
                at: TopicPartition {
                    topic,
                    partition: 0,
                },
                from,
                to: entries.last().map_or(end, |last| last.offset + 1),
                gone: start - from,
                entries,
            };
            self.now += 1;
            let now = Timestamp(self.now);
            let (settings, mappings) = (&self.settings, &mut self.mappings);
            let output = reread(&self.view, settings, mappings, &bridge(), &part, now).unwrap();
            commands.extend(self.keep(output));
        }
        commands
    }

    fn keep(&mut self, output: Output) -> Vec<Command> {
        let mut commands = Vec::new();
        for outgoing in &output.outputs {
            match &outgoing.message {
                Some(Message::Journal(entry)) => self.journal.push((**entry).clone()),
                Some(Message::Command(command)) => commands.push((**command).clone()),
                Some(Message::CustomerEvent(event)) => self.told.push((**event).clone()),
                Some(Message::Profile(profile)) => self.profiles.push((**profile).clone()),
                _ => {}
            }
        }
        self.view
            .apply(output.changes.clone(), self.journal.len() as u64);
        self.last = output;
        self.commands.extend(commands.clone());
        self.nothing_leaves_unjournaled();
        if self.rebuild_is_checked {
            self.agrees_with_rebuild();
        }
        commands
    }

    /// After every step: what leaves for another topic is a journal event's projection.
    fn nothing_leaves_unjournaled(&self) {
        let messages: Vec<&Message> = self
            .last
            .outputs
            .iter()
            .filter_map(|one| one.message.as_ref())
            .collect();
        let journaled = |holds: &dyn Fn(&DomainEvent) -> bool| {
            messages.iter().any(|message| match message {
                Message::Journal(entry) => holds(&entry.event),
                _ => false,
            })
        };
        for message in &messages {
            let held = match message {
                Message::Command(sent) => journaled(&|event| match event {
                    DomainEvent::WriteRequested { command }
                    | DomainEvent::ReadRequested { command, .. } => *command == **sent,
                    _ => false,
                }),
                Message::Notification(notice) => journaled(&|event| event.name() == notice.kind),
                Message::DeadLetter(letter) if letter.reason == "skipped" => {
                    journaled(&|event| matches!(event, DomainEvent::BridgeReread { .. }))
                }
                Message::DeadLetter(letter) => journaled(&|event| match event {
                    DomainEvent::WriteSettled { command, .. }
                    | DomainEvent::ReadSettled { command, .. } => Some(*command) == letter.command,
                    _ => false,
                }),
                Message::CustomerEvent(told) => messages.iter().any(|message| match message {
                    Message::Journal(entry) => entry.id() == told.id,
                    _ => false,
                }),
                _ => true,
            };
            assert!(held, "the journal does not hold what leaves: {message:?}");
        }
    }

    /// Invariant 8, after every step: each observation is some event's cause or has a trace line.
    fn nothing_disappeared(&self, ids: &[ObservationId]) {
        for id in ids {
            let ended = self.last.outputs.iter().any(|one| match &one.message {
                Some(Message::Journal(entry)) => entry.cause == Some(*id),
                Some(Message::Trace(line)) => line.observation == *id && !line.reason.is_empty(),
                _ => false,
            });
            assert!(ended, "{id} disappeared");
        }
    }

    /// Invariant 6, after every step: what the journal holds rebuilds this very view.
    fn agrees_with_rebuild(&self) {
        let rebuilt = self.rebuilt();
        assert_eq!(
            rebuilt.digest(),
            self.view.digest(),
            "a rebuild gives another view"
        );
    }

    pub fn rebuilt(&self) -> View {
        let mut view = View::open(Box::new(MemoryStore::default())).unwrap();
        for entry in &self.journal {
            let mut overlay = Overlay::new(&view);
            evolve(&mut overlay, entry);
            let changes = overlay.into_changes();
            view.apply(changes, 0);
        }
        view
    }

    fn entry(&mut self, topic: Topic, observation: Observation) -> Entry {
        let offset = self.offsets.entry(topic).or_default();
        let entry = Entry {
            at: TopicPartition {
                topic,
                partition: 0,
            },
            offset: *offset,
            appended_at: Timestamp(self.now),
            key: "main".into(),
            body: EntryBody::Message(Message::Observation(Box::new(observation))),
        };
        *offset += 1;
        entry
    }

    pub fn state(&self, record: &RecordRef) -> RecordState {
        let held = record_state(&self.view, &bridge(), record);
        (*held.expect("the record is known")).clone()
    }

    pub fn customer(&self, record: &RecordRef) -> Customer {
        let held = customer_of(&self.view, &bridge(), record);
        (*held.expect("the record is known")).clone()
    }

    /// The names of the events of the last step, bookkeeping left out.
    pub fn events(&self) -> Vec<&'static str> {
        let journaled = self
            .last
            .outputs
            .iter()
            .filter_map(|outgoing| match &outgoing.message {
                Some(Message::Journal(entry)) => Some(entry.event.name()),
                _ => None,
            });
        journaled.filter(|name| *name != "batch_consumed").collect()
    }

    pub fn counted(&self, event: fn(&DomainEvent) -> bool) -> usize {
        self.journal
            .iter()
            .filter(|entry| event(&entry.event))
            .count()
    }

    /// A lead that was qualified, looked up and created as `00Q<n>`; returns its record.
    pub fn created_lead(&mut self, id: &str, email: &str) -> RecordRef {
        let lookup = self.qualify(lead(
            id,
            1000,
            &[("email", email), ("name", "Ada Lovelace")],
        ));
        assert_eq!(lookup.len(), 1, "a qualified lead is looked up");
        let create = self.answer(&lookup[0], found(&[]));
        assert_eq!(create.len(), 1, "nobody was found, so the lead is created");
        let record = salesforce("Lead", &format!("00Q{id}"));
        let more = self.answer(&create[0], written(&record, true));
        assert_eq!(more, vec![], "nothing is left to be written");
        record
    }
}

pub fn found(rows: &[RecordSnapshot]) -> Outcome {
    Outcome::LookedUp {
        rows: rows.to_vec(),
        truncated: false,
    }
}

pub fn written(record: &RecordRef, created: bool) -> Outcome {
    Outcome::Written {
        record: record.clone(),
        created,
        values: None,
        version: None,
    }
}

/// The fields of a write as (name, value as text).
pub fn fields(command: &Command) -> Vec<(String, String)> {
    let write = write_of(command);
    write
        .fields
        .iter()
        .map(|field| (field.name.to_string(), field.value.display()))
        .collect()
}

pub fn write_of(command: &Command) -> &WriteCommand {
    match &command.kind {
        CommandKind::Write(write) => write,
        CommandKind::Read(_) => panic!("{} is a read", command.id),
    }
}

pub fn is_lookup(command: &Command) -> bool {
    matches!(command.kind, CommandKind::Read(ReadCommand::Lookup(_)))
}

pub fn is_read_of(command: &Command, of: &RecordRef) -> bool {
    matches!(&command.kind, CommandKind::Read(ReadCommand::Record { record, .. }) if record == of)
}

pub fn is_create(command: &Command) -> bool {
    matches!(
        &command.kind,
        CommandKind::Write(WriteCommand {
            target: WriteTarget::Create { .. },
            ..
        })
    )
}

pub fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
    list.iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}
