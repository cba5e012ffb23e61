//! The schemas this build knows: today's, assembled from `schemas/**/*.avsc`, and every released
//! one. Parsed once; found by fingerprint.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use apache_avro::Schema;
use apache_avro::rabin::Rabin;
use serde_json::Value as Json;

use crate::avro::files::FILES;
use crate::avro::released::RELEASED;
use crate::domain::{Message, ObservationBody, Topic};

/// The value records: one per topic, the two topics of writes share one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    Observed,
    Result,
    Decision,
    Journal,
    Command,
    Cursor,
    Notification,
    Trace,
    DeadLetter,
    SourceSchema,
    CustomerEvent,
    Profile,
}

impl Subject {
    pub const ALL: [Self; 12] = [
        Self::Observed,
        Self::Result,
        Self::Decision,
        Self::Journal,
        Self::Command,
        Self::Cursor,
        Self::Notification,
        Self::Trace,
        Self::DeadLetter,
        Self::SourceSchema,
        Self::CustomerEvent,
        Self::Profile,
    ];

    /// What stands on a topic.
    pub fn of_topic(topic: Topic) -> Self {
        match topic {
            Topic::IntercomObserved | Topic::SalesforceObserved => Self::Observed,
            Topic::Results => Self::Result,
            Topic::Decisions => Self::Decision,
            Topic::Cursors => Self::Cursor,
            Topic::Journal => Self::Journal,
            Topic::SalesforceWrites | Topic::IntercomWrites => Self::Command,
            Topic::Notifications => Self::Notification,
            Topic::Trace => Self::Trace,
            Topic::DeadLetters => Self::DeadLetter,
            Topic::SourceSchemas => Self::SourceSchema,
            Topic::CustomerEvents => Self::CustomerEvent,
            Topic::CustomerProfiles => Self::Profile,
        }
    }

    /// What a message is written as.
    pub fn of_message(message: &Message) -> Self {
        match message {
            Message::Observation(observation) => match &observation.body {
                ObservationBody::Changed { .. } => Self::Observed,
                ObservationBody::Answered(_) => Self::Result,
                ObservationBody::MappingOffered { .. }
                | ObservationBody::ReviewAnswered { .. }
                | ObservationBody::LetterSettled { .. }
                | ObservationBody::LinkDecided { .. }
                | ObservationBody::ModeDecided { .. }
                | ObservationBody::RevertDecided { .. }
                | ObservationBody::BridgeReleased { .. } => Self::Decision,
            },
            Message::Journal(_) => Self::Journal,
            Message::Command(_) => Self::Command,
            Message::Cursor(_) => Self::Cursor,
            Message::Notification(_) => Self::Notification,
            Message::Trace(_) => Self::Trace,
            Message::DeadLetter(_) => Self::DeadLetter,
            Message::SourceSchema(_) => Self::SourceSchema,
            Message::CustomerEvent(_) => Self::CustomerEvent,
            Message::Profile(_) => Self::Profile,
        }
    }

    /// Full name of its record.
    pub fn full_name(self) -> &'static str {
        match self {
            Self::Observed => "crosswalk.observed.Observed",
            Self::Result => "crosswalk.result.Result",
            Self::Decision => "crosswalk.decision.Decision",
            Self::Journal => "crosswalk.journal.JournalEntry",
            Self::Command => "crosswalk.write.Command",
            Self::Cursor => "crosswalk.Cursor",
            Self::Notification => "crosswalk.Notification",
            Self::Trace => "crosswalk.Trace",
            Self::DeadLetter => "crosswalk.DeadLetter",
            Self::SourceSchema => "crosswalk.SourceSchema",
            Self::CustomerEvent => "crosswalk.customer.CustomerEvent",
            Self::Profile => "crosswalk.customer.Profile",
        }
    }

    /// Name of its file among the released ones.
    pub fn file_name(self) -> &'static str {
        match self {
            Self::Observed => "observed",
            Self::Result => "result",
            Self::Decision => "decision",
            Self::Journal => "journal",
            Self::Command => "command",
            Self::Cursor => "cursor",
            Self::Notification => "notification",
            Self::Trace => "trace",
            Self::DeadLetter => "dead_letter",
            Self::SourceSchema => "source_schema",
            Self::CustomerEvent => "customer_event",
            Self::Profile => "profile",
        }
    }
}

/// A parsed schema with the fingerprint that stands before its datums.
#[derive(Debug)]
pub struct Known {
    pub schema: Schema,
    pub fingerprint: u64,
}

impl Known {
    pub fn parse(json: &Json) -> Result<Self, apache_avro::Error> {
        let schema = Schema::parse(json)?;
        let digest = schema.fingerprint::<Rabin>();
        let mut bytes = [0; 8];
        bytes.copy_from_slice(&digest.bytes[..8]);
        Ok(Self {
            schema,
            fingerprint: u64::from_le_bytes(bytes),
        })
    }
}

/// Today's schema of a subject.
pub fn today(subject: Subject) -> &'static Known {
    static TODAY: LazyLock<Vec<Known>> = LazyLock::new(|| {
        let parse = |subject: &Subject| Known::parse(&assembled(*subject));
        let parsed: Result<Vec<_>, _> = Subject::ALL.iter().map(parse).collect();
        parsed.expect("the embedded schemas parse, a test holds it")
    });
    &TODAY[subject as usize]
}

/// A released schema of a subject, by its fingerprint.
pub fn released(subject: Subject, fingerprint: u64) -> Option<&'static Known> {
    static BY_FINGERPRINT: LazyLock<BTreeMap<(Subject, u64), Known>> = LazyLock::new(|| {
        let known = RELEASED.iter().map(|(subject, _, text)| {
            let json = serde_json::from_str(text).expect("released schemas are JSON");
            let known = Known::parse(&json).expect("released schemas parse");
            ((*subject, known.fingerprint), known)
        });
        known.collect()
    });
    BY_FINGERPRINT.get(&(subject, fingerprint))
}

/// Today's schema of a subject in one piece: each named type stands where it is first used, as a
/// schema registry wants it.
pub fn assembled(subject: Subject) -> Json {
    static PARTS: LazyLock<BTreeMap<&str, Json>> = LazyLock::new(|| {
        let parse = |text| serde_json::from_str(text).expect("schema files are JSON");
        FILES
            .iter()
            .map(|(name, text)| (*name, parse(text)))
            .collect()
    });
    let name = Json::String(subject.full_name().to_owned());
    expand(&name, &PARTS, &mut BTreeSet::new())
}

fn expand(kind: &Json, parts: &BTreeMap<&str, Json>, done: &mut BTreeSet<String>) -> Json {
    match kind {
        Json::String(name) => match parts.get(name.as_str()) {
            Some(part) if done.insert(name.clone()) => expand(part, parts, done),
            _ => kind.clone(),
        },
        Json::Array(branches) => {
            let expanded = branches.iter().map(|branch| expand(branch, parts, done));
            Json::Array(expanded.collect())
        }
        Json::Object(definition) => {
            let mut definition = definition.clone();
            for inner in ["items", "values"] {
                if let Some(kind) = definition.get_mut(inner) {
                    *kind = expand(kind, parts, done);
                }
            }
            if let Some(Json::Array(fields)) = definition.get_mut("fields") {
                for field in fields {
                    field["type"] = expand(&field["type"], parts, done);
                }
            }
            Json::Object(definition)
        }
        other => other.clone(),
    }
}
