//! The world of the bench: people and companies in two systems, what is observed of them, and the
//! answers to what is asked for.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::{Duration, Instant};

use crosswalk::domain::{
    BridgeId, Change, Command, CommandKind, CommandResult, EventKind, Fields, Message, Observation,
    ObservationBody, ObservationId, Outcome, RawPayload, ReadCommand, RecordEvent, RecordRef,
    RecordSnapshot, RefSet, SourceId, Timestamp, Topic, Value, Version, WriteTarget, Writer,
};
use crosswalk::mapping::{DEFAULT, Offer, Sources};
use crosswalk::ports::event_log::{Entry, EntryBody, Outgoing, TopicPartition};
use crosswalk::ports::view_store::{MemoryStore, ViewStore};
use crosswalk::processor::decide::{Brakes, Timing};
use crosswalk::processor::overlay::Changes;
use crosswalk::processor::step::{Mappings, Settings, step};
use crosswalk::processor::view::View;

use crate::bare::{Bare, Recording};

const BATCH: usize = 500;
const APP_ID: &str = "bench1";
/// People to a company.
pub const PEOPLE_EACH: usize = 10;
/// Writes that may still come back as echoes.
const ECHOES_MAX: usize = 10_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    Change,
    Echo,
    NoChange,
    NewMatch,
    Account,
}

/// In percent, as workload W1 says.
pub const MIX: [(Class, u32); 5] = [
    (Class::Change, 70),
    (Class::Echo, 10),
    (Class::NoChange, 10),
    (Class::NewMatch, 5),
    (Class::Account, 5),
];

/// What both systems hold of one person, or of one company.
struct Pair {
    intercom: RecordSnapshot,
    salesforce: RecordRef,
    there: Fields,
}

/// A batch as it was taken.
pub struct Batch {
    pub now: Timestamp,
    pub entries: Vec<Entry>,
    pub outputs: Vec<Outgoing>,
    pub changes: Changes,
    /// What deciding and evolving it took of the thread.
    pub cpu_ns: u64,
}

/// What this thread has had of the processors, in nanoseconds.
pub fn thread_cpu_ns() -> u64 {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let first = told.split_whitespace().next();
    first.and_then(|text| text.parse().ok()).unwrap_or(0)
}

/// What a step took: ours, and bare sled with the same gets and puts, where it stands beside.
#[derive(Clone, Copy, Default)]
pub struct Took {
    pub ours: Duration,
    pub bare: Duration,
}

impl std::ops::AddAssign for Took {
    fn add_assign(&mut self, other: Self) {
        self.ours += other.ours;
        self.bare += other.bare;
    }
}

pub struct World {
    pub view: View,
    bare: Option<Bare>,
    /// Whether changes are brought to the store, as the driver does when they are many.
    pub is_stored: bool,
    /// Whether nobody new comes: changes of those that are there in their place.
    pub is_steady: bool,
    /// What was taken and what came of it, where somebody is to play it again.
    pub tape: Option<Vec<Batch>>,
    pub settings: Settings,
    mappings: Mappings,
    now: i64,
    offsets: BTreeMap<Topic, u64>,
    journal: u64,
    random: u64,
    people: Vec<Pair>,
    /// Those who have just come, until their commands are answered; nobody is told of them again.
    passing: BTreeMap<usize, Pair>,
    /// People so far.
    founded: usize,
    companies: Vec<Pair>,
    /// Cumulated weights of a Zipf distribution with exponent 0.99 over the people.
    zipf: Vec<f64>,
    /// Writes that were answered, to come back as echoes.
    echoes: VecDeque<(RecordRef, Fields)>,
    /// By record: the index of its pair, people first.
    of: BTreeMap<RecordRef, usize>,
    waiting: Vec<Command>,
    drawn: u64,
    pub answered: u64,
}

fn bridge() -> BridgeId {
    BridgeId::new("main").unwrap()
}

fn support() -> SourceId {
    SourceId::new("support").unwrap()
}

fn sales() -> SourceId {
    SourceId::new("sales").unwrap()
}

fn fields(pairs: &[(&str, String)]) -> Fields {
    let pairs = pairs.iter();
    pairs
        .map(|(name, text)| ((*name).into(), Value::text(text.as_str())))
        .collect()
}

impl World {
    /// A world of people that nobody has told of yet, over a store.
    pub fn new(people: usize, store: Box<dyn ViewStore>, bare: Option<Bare>) -> Self {
        Self::begin(people, store, bare, None)
    }

    /// Such a world in memory, and everything that it takes on a tape.
    pub fn taped(people: usize) -> Self {
        Self::begin(
            people,
            Box::<MemoryStore>::default(),
            None,
            Some(Vec::new()),
        )
    }

    fn begin(
        people: usize,
        store: Box<dyn ViewStore>,
        bare: Option<Bare>,
        tape: Option<Vec<Batch>>,
    ) -> Self {
        let mut sum = 0.0;
        let zipf = (1..=people).map(|rank| {
            sum += 1.0 / (rank as f64).powf(0.99);
            sum
        });
        let mut world = Self {
            zipf: zipf.collect(),
            view: View::open(store).unwrap(),
            bare,
            is_stored: false,
            is_steady: false,
            tape,
            settings: Settings {
                partition: 0,
                bridges: vec![bridge()],
                timing: Timing {
                    command_deadline_ms: 60_000,
                    command_deadline_ms_max: 900_000,
                    attempts_before_review: 5,
                    deferral_deadline_ms: 120_000,
                },
                brakes: Brakes::default(),
                resting: BTreeMap::new(),
            },
            mappings: Mappings::default(),
            now: 1_700_000_000_000,
            offsets: BTreeMap::new(),
            journal: 0,
            random: 0x9e37_79b9_7f4a_7c15,
            people: Vec::new(),
            passing: BTreeMap::new(),
            founded: people,
            companies: Vec::new(),
            echoes: VecDeque::new(),
            of: BTreeMap::new(),
            waiting: Vec::new(),
            drawn: 0,
            answered: 0,
        };
        let offer = Offer {
            sources: Sources {
                salesforce: sales(),
                intercom: BTreeMap::from([(support(), APP_ID.to_owned())]),
            },
            file: DEFAULT.to_owned(),
        };
        let offered = ObservationBody::MappingOffered {
            version: 1,
            hash: offer.hash(),
            body: offer.body(),
        };
        let entry = world.entry(Topic::Decisions, offered);
        world.take(&[entry]);
        for number in 0..people {
            let pair = world.person(number);
            world.people.push(pair);
        }
        for number in 0..people / PEOPLE_EACH {
            world.company(number);
        }
        world
    }

    fn person(&mut self, number: usize) -> Pair {
        let email = format!("p{number}@x.example");
        let told = [
            ("role", "user".to_owned()),
            ("email", email.clone()),
            ("name", format!("Pat N{number}")),
            ("phone", "+14155550100".to_owned()),
            ("custom_attributes.job_title", "Engineer".to_owned()),
            ("utm_source", "ad".to_owned()),
        ];
        let there = [
            ("Email", email),
            ("FirstName", "Pat".to_owned()),
            ("LastName", format!("N{number}")),
            ("Phone", "+14155550100".to_owned()),
            ("Title", "Engineer".to_owned()),
            ("OwnerId", "005000000000001AAA".to_owned()),
        ];
        let pair = Pair {
            intercom: RecordSnapshot {
                record: RecordRef::new(&support(), "contact", format!("{number:024x}")).unwrap(),
                version: Version::exact_ms(self.now),
                fields: fields(&told),
                tags: Some(all(BTreeSet::new())),
                companies: Some(all(BTreeSet::new())),
            },
            salesforce: RecordRef::new(&sales(), "Contact", format!("003{number:012}AAA")).unwrap(),
            there: fields(&there),
        };
        self.of.insert(pair.intercom.record.clone(), number);
        self.of.insert(pair.salesforce.clone(), number);
        pair
    }

    fn pair(&self, number: usize) -> &Pair {
        self.people
            .get(number)
            .unwrap_or_else(|| &self.passing[&number])
    }

    fn company(&mut self, number: usize) {
        let key = format!("acme-{number}");
        let told = [
            ("company_id", key.clone()),
            ("name", format!("Acme {number}")),
        ];
        let there = [
            ("Intercom_Company_ID__c", key),
            ("Name", format!("Acme {number}")),
            ("OwnerId", "005000000000001AAA".to_owned()),
        ];
        let pair = Pair {
            intercom: RecordSnapshot {
                record: RecordRef::new(&support(), "company", format!("{number:024x}")).unwrap(),
                version: Version::exact_ms(self.now),
                fields: fields(&told),
                tags: None,
                companies: None,
            },
            salesforce: RecordRef::new(&sales(), "Account", format!("001{number:012}AAA")).unwrap(),
            there: fields(&there),
        };
        self.companies.push(pair);
    }

    fn entry(&mut self, topic: Topic, body: ObservationBody) -> Entry {
        self.drawn += 1;
        let id = match &body {
            ObservationBody::Answered(one) => ObservationId::of_result(&one.command, one.attempt),
            _ => ObservationId::of_notification(APP_ID, &self.drawn.to_string()),
        };
        let next = self.offsets.entry(topic).or_default();
        *next += 1;
        let observation = Observation {
            id,
            bridge: bridge(),
            received_at: Timestamp(self.now),
            traceparent: None,
            body,
        };
        Entry {
            at: TopicPartition {
                topic,
                partition: 0,
            },
            offset: *next - 1,
            appended_at: Timestamp(self.now),
            key: bridge().to_string(),
            body: EntryBody::Message(Message::Observation(Box::new(observation))),
        }
    }

    /// The part that is timed.
    fn take(&mut self, entries: &[Entry]) -> Took {
        let mut sorted = Vec::new();
        let entries = match self.tape {
            None => entries,
            // As a log hands them out.
            Some(_) => {
                sorted.extend_from_slice(entries);
                sorted.sort_by_key(|entry| {
                    Topic::INPUTS.iter().position(|one| *one == entry.at.topic)
                });
                &sorted
            }
        };
        self.now += 1;
        let now = Timestamp(self.now);
        let bare = self.bare.as_mut().map(|bare| {
            let seen = Recording::new(&self.view);
            let output = step(&seen, &self.settings, &mut self.mappings, entries, now).unwrap();
            bare.repeat(seen.into_keys(), output.changes)
        });
        let taken = entries;
        let (began, cpu) = (Instant::now(), thread_cpu_ns());
        let output = step(&self.view, &self.settings, &mut self.mappings, entries, now).unwrap();
        let changes = self.tape.is_some().then(|| output.changes.clone());
        let is_entry = |message: &Option<Message>| matches!(message, Some(Message::Journal(_)));
        let entries = output.outputs.iter();
        self.journal += entries.filter(|one| is_entry(&one.message)).count() as u64;
        self.view.apply(output.changes, self.journal);
        if self.view.is_full() && self.is_stored {
            self.view.checkpoint().unwrap();
        }
        let took = began.elapsed();
        let cpu_ns = thread_cpu_ns().saturating_sub(cpu);
        assert!(output.quarantined.is_empty(), "a decision panicked");
        if let Some(tape) = &mut self.tape {
            tape.push(Batch {
                now,
                entries: taken.to_vec(),
                outputs: output.outputs.clone(),
                changes: changes.unwrap_or_default(),
                cpu_ns,
            });
        }
        let commands = output.outputs.into_iter().filter_map(|one| one.message);
        self.waiting
            .extend(commands.filter_map(|message| match message {
                Message::Command(command) => Some(*command),
                _ => None,
            }));
        Took {
            ours: took,
            bare: bare.unwrap_or_default(),
        }
    }

    fn draw(&mut self, below: u64) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        (self.random >> 11) % below
    }

    fn somebody(&mut self) -> usize {
        let total = self.zipf[self.zipf.len() - 1];
        let point = self.draw(1 << 40) as f64 / (1_u64 << 40) as f64 * total;
        self.zipf
            .partition_point(|sum| *sum < point)
            .min(self.zipf.len() - 1)
    }

    pub fn classes(&mut self, count: usize) -> Vec<Class> {
        let one = |world: &mut Self| {
            let mut point = world.draw(100) as u32;
            for (class, share) in MIX {
                if point < share {
                    return match class {
                        Class::NewMatch if world.is_steady => Class::Change,
                        class => class,
                    };
                }
                point -= share;
            }
            Class::Change
        };
        (0..count).map(|_| one(self)).collect()
    }

    /// Answers everything that waits, until nothing does. What it took counts.
    fn settle(&mut self) -> Took {
        let mut took = Took::default();
        let mut turns = 0;
        while !self.waiting.is_empty() {
            let commands = std::mem::take(&mut self.waiting);
            turns += 1;
            assert!(
                turns < 20,
                "answers lead to ever more commands: {:?}",
                commands[0]
            );
            let entries: Vec<Entry> = commands.iter().map(|one| self.answer(one)).collect();
            self.answered += entries.len() as u64;
            for batch in entries.chunks(BATCH) {
                took += self.take(batch);
            }
        }
        took
    }

    fn answer(&mut self, command: &Command) -> Entry {
        let version = Version::exact_ms(self.now);
        let outcome = match &command.kind {
            CommandKind::Write(write) => {
                let written = write.fields.iter();
                let values: Fields = written
                    .map(|field| (field.name.clone(), field.value.clone()))
                    .collect();
                let WriteTarget::Record(record) = &write.target else {
                    panic!("nothing is created here: {command:?}");
                };
                self.hold(record, &values);
                Outcome::Written {
                    record: record.clone(),
                    created: false,
                    values: Some(values),
                    version: Some(version),
                }
            }
            CommandKind::Read(ReadCommand::Record { record, .. }) => Outcome::Read {
                snapshot: self.shown(record, version),
            },
            CommandKind::Read(ReadCommand::Gone { record }) => Outcome::NotFound {
                record: record.clone(),
            },
            CommandKind::Read(ReadCommand::Lookup(_)) => Outcome::LookedUp {
                rows: Vec::new(),
                truncated: false,
            },
        };
        let result = CommandResult {
            command: command.id,
            bridge: bridge(),
            source: command.source.clone(),
            attempt: command.attempt,
            finished_at: Timestamp(self.now),
            outcome,
        };
        self.entry(Topic::Results, ObservationBody::Answered(result))
    }

    /// What a write leaves in the remote, to come back as an echo.
    fn hold(&mut self, record: &RecordRef, values: &Fields) {
        if let Some(&number) = self.of.get(record) {
            let passing = self.passing.get_mut(&number);
            let pair = self.people.get_mut(number).or(passing).unwrap();
            let held = match *record == pair.salesforce {
                true => &mut pair.there,
                false => &mut pair.intercom.fields,
            };
            held.extend(values.clone());
            self.echoes.push_back((record.clone(), values.clone()));
            if self.echoes.len() > ECHOES_MAX {
                self.echoes.pop_front();
            }
        }
    }

    fn shown(&self, record: &RecordRef, version: Version) -> RecordSnapshot {
        let Some(&number) = self.of.get(record) else {
            return RecordSnapshot {
                record: record.clone(),
                version,
                fields: Fields::new(),
                tags: None,
                companies: None,
            };
        };
        let pair = self.pair(number);
        match *record == pair.salesforce {
            false => RecordSnapshot {
                version,
                ..pair.intercom.clone()
            },
            true => RecordSnapshot {
                record: record.clone(),
                version,
                fields: pair.there.clone(),
                tags: None,
                companies: None,
            },
        }
    }

    fn webhook(&mut self, snapshot: RecordSnapshot) -> Entry {
        let body = ObservationBody::Changed {
            source: support(),
            topic: "contact.user.updated".into(),
            change: Change::Shown(snapshot),
            raw: RawPayload {
                content_type: "application/json".into(),
                bytes: vec![b' '; 1_200],
            },
        };
        self.entry(Topic::IntercomObserved, body)
    }

    fn event(&mut self, record: RecordRef, kind: EventKind, who: Writer, fields: Fields) -> Entry {
        let change = Change::Event(RecordEvent {
            record,
            kind,
            version: Version::exact_ms(self.now),
            fields,
            unread: BTreeSet::new(),
            writer: who,
            origin: "com/salesforce/api/rest/66.0".into(),
            user: "005000000000001AAA".into(),
            transaction: format!("t{}", self.drawn),
            transaction_sequence: 1,
        });
        let body = ObservationBody::Changed {
            source: sales(),
            topic: "/data/ChangeEvents".into(),
            change,
            raw: RawPayload {
                content_type: "avro/binary".into(),
                bytes: vec![0; 300],
            },
        };
        self.entry(Topic::SalesforceObserved, body)
    }

    pub fn link_everybody(&mut self) {
        let (people, companies) = (self.people.len(), self.companies.len());
        let mut entries = Vec::new();
        for number in 0..people + companies {
            let pair = match number.checked_sub(people) {
                None => &self.people[number],
                Some(number) => &self.companies[number],
            };
            let (shown, record) = (pair.intercom.clone(), pair.salesforce.clone());
            let there = pair.there.clone();
            entries.push(self.webhook(shown));
            entries.push(self.event(record, EventKind::Created, Writer::Foreign, there));
            if entries.len() >= BATCH {
                self.take(&std::mem::take(&mut entries));
                self.settle();
            }
        }
        self.take(&entries);
        self.settle();
        self.echoes.clear();
    }

    /// One observation of a class, and what it changes in the remotes.
    fn observe(&mut self, class: Class) -> Vec<Entry> {
        self.now += 1;
        let version = Version::exact_ms(self.now);
        match class {
            Class::Change => vec![self.edit()],
            Class::Echo => match self.echoes.pop_front() {
                Some((record, values)) if record.source == sales() => {
                    vec![self.event(record, EventKind::Updated, Writer::Ours, values)]
                }
                Some((record, _)) => {
                    let shown = self.shown(&record, version);
                    vec![self.webhook(shown)]
                }
                None => self.observe(Class::NoChange),
            },
            Class::NoChange => {
                let number = self.somebody();
                let shown = RecordSnapshot {
                    version,
                    ..self.people[number].intercom.clone()
                };
                vec![self.webhook(shown)]
            }
            Class::NewMatch => {
                let number = self.founded;
                self.founded += 1;
                let pair = self.person(number);
                let (shown, record) = (pair.intercom.clone(), pair.salesforce.clone());
                let there = pair.there.clone();
                self.passing.insert(number, pair);
                let created = self.event(record, EventKind::Created, Writer::Foreign, there);
                vec![self.webhook(shown), created]
            }
            Class::Account => {
                let number = self.draw(self.companies.len() as u64) as usize;
                let record = self.companies[number].salesforce.clone();
                let name = format!("Acme {number} {}", self.drawn);
                let changed = fields(&[("Name", name)]);
                vec![self.event(record, EventKind::Updated, Writer::Foreign, changed)]
            }
        }
    }

    /// One to three fields of somebody, on either side.
    fn edit(&mut self) -> Entry {
        let number = self.somebody();
        let count = 1 + self.draw(3) as usize;
        let (title, digits) = (self.drawn, self.drawn % 10_000);
        let job = format!("Engineer {title}");
        let phone = format!("+1415556{digits:04}");
        if self.draw(2) == 0 {
            let all = [("Title", job), ("Phone", phone), ("OwnerId", owner(title))];
            let changed = fields(&all[..count]);
            self.people[number].there.extend(changed.clone());
            let record = self.people[number].salesforce.clone();
            return self.event(record, EventKind::Updated, Writer::Foreign, changed);
        }
        let name = format!("Pat N{number}x{title}");
        let all = [
            ("custom_attributes.job_title", job),
            ("phone", phone),
            ("name", name),
        ];
        let changed = fields(&all[..count]);
        let shown = &mut self.people[number].intercom;
        shown.fields.extend(changed);
        shown.version = Version::exact_ms(self.now);
        let shown = shown.clone();
        self.webhook(shown)
    }

    /// Takes observations of these classes and the answers to what follows: what each took, and how
    /// many observations and answers there were.
    pub fn round(&mut self, classes: &[Class]) -> (Took, Took, usize, usize) {
        let (mut took, mut answering) = (Took::default(), Took::default());
        let answered = self.answered;
        let mut count = 0;
        for part in classes.chunks(BATCH) {
            let mut entries = Vec::new();
            for class in part {
                entries.extend(self.observe(*class));
            }
            count += entries.len();
            took += self.take(&entries);
            answering += self.settle();
            for (_, pair) in std::mem::take(&mut self.passing) {
                self.of.remove(&pair.intercom.record);
                self.of.remove(&pair.salesforce);
            }
        }
        let answers = (self.answered - answered) as usize;
        (took, answering, count, answers)
    }
}

fn owner(number: u64) -> String {
    format!("005{:012}AAA", number % 50)
}

fn all(ids: BTreeSet<String>) -> RefSet {
    RefSet {
        ids,
        complete: true,
    }
}
