//! Dead letters that a person settles: taken up again, or put aside.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use crosswalk::clients::intercom::{company_snapshot, contact_snapshot};
use crosswalk::clients::salesforce::row;
use crosswalk::config::Config;
use crosswalk::domain::{BridgeId, Change, Command, DeadLetter, LetterSettlement, Message};
use crosswalk::domain::{Observation, ObservationBody, ObservationId, RawPayload, RecordRef};
use crosswalk::domain::{SourceId, Timestamp, Topic};
use crosswalk::ingest::intercom::{Workspace, taken_up};
use crosswalk::ports::clock::Clock;
use crosswalk::ports::event_log::{
    self, EntryBody, EventLog, Outgoing, Place, ReadFrom, ReadLimit, TopicPartition,
};
use crosswalk::ports::view_questions::Error;
use crosswalk::processor::evolve::commands::subject;
use serde_json::Value as Json;

const LIMIT: ReadLimit = ReadLimit {
    entries_max: 500,
    bytes_max: 4 << 20,
};

/// A letter's id: where it stands. Each letter has one form, under which it is settled.
pub fn place(letter: &str) -> Option<(u32, u64)> {
    let (partition, offset) = letter.split_once('@')?;
    let (partition, offset) = (partition.parse().ok()?, offset.parse().ok()?);
    (format!("{partition}@{offset}") == letter).then_some((partition, offset))
}

/// What people did about letters, by the letter's id: how, and who.
pub type Settled = BTreeMap<String, (LetterSettlement, String)>;

/// Reads what people did about letters.
pub fn settled(
    log: &dyn EventLog,
    partitions: impl Iterator<Item = u32>,
) -> Result<Settled, event_log::Error> {
    let topic = Topic::Decisions;
    let mut settled = BTreeMap::new();
    for partition in partitions {
        let at = TopicPartition { topic, partition };
        event_log::each(log, at, LIMIT, |entry| {
            if let EntryBody::Message(Message::Observation(decided)) = entry.body
                && let ObservationBody::LetterSettled { letter, how, by } = decided.body
            {
                settled.entry(letter).or_insert((how, by));
            }
            Ok::<(), event_log::Error>(())
        })?;
    }
    Ok(settled)
}

/// Letters that are settled in one request.
pub const LETTERS_MAX: usize = 100;
/// Bytes of letters after which what was decided about them is appended.
pub const APPEND_BYTES_MAX: usize = 4 << 20;

/// Letters that are settled together: each is read once, and each record is tried again once.
#[derive(Default)]
pub struct Batch {
    pub settled: Settled,
    pub records: BTreeSet<RecordRef>,
    pub outgoing: Vec<Outgoing>,
    pub bytes: usize,
    pub told: Vec<Json>,
}

/// Where letters are settled.
pub struct Letters {
    log: Arc<dyn EventLog>,
    clock: Arc<dyn Clock>,
    workspaces: Vec<Workspace>,
    /// Whether a source is an org.
    sources: BTreeMap<SourceId, bool>,
    bridges: Vec<(BridgeId, u32)>,
}

/// What a letter leads to when it is taken up.
pub enum Follows {
    /// These stand on the log then.
    Entries(Vec<Outgoing>),
    /// The command of a record was refused: the review item beside it is answered.
    Retry(RecordRef),
}

impl Letters {
    pub fn new(config: &Config, log: Arc<dyn EventLog>, clock: Arc<dyn Clock>) -> Self {
        let sources = config.sources.values();
        let sources = sources.map(|one| (one.id.clone(), one.salesforce().is_some()));
        let bridges = config.bridges.values();
        Self {
            log,
            clock,
            workspaces: Workspace::of(config),
            sources: sources.collect(),
            bridges: bridges.map(|one| (one.id.clone(), one.partition)).collect(),
        }
    }

    /// What was settled so far.
    pub fn settled(&self) -> Result<Settled, Error> {
        let partitions: BTreeSet<u32> = self.bridges.iter().map(|(_, at)| *at).collect();
        let settled = settled(self.log.as_ref(), partitions.into_iter());
        settled.map_err(|error| Error::Failed(error.to_string()))
    }

    /// The letter, unless it was settled before.
    pub fn open(&self, letter: &str, settled: &Settled) -> Result<DeadLetter, Error> {
        let Some((partition, offset)) = place(letter) else {
            let text = format!("{letter:?} is no letter's id; they look like 0@17");
            return Err(Error::BadQuery(text));
        };
        if let Some((how, by)) = settled.get(letter) {
            let text = format!("{letter} was {} by {by}", how.label());
            return Err(Error::Refused(text));
        }
        let topic = Topic::DeadLetters;
        let at = TopicPartition { topic, partition };
        let limit = ReadLimit {
            entries_max: 1,
            ..LIMIT
        };
        let entries = self
            .log
            .read(&[ReadFrom { at, offset }], limit, Duration::ZERO);
        let entries = entries.map_err(|error| Error::Failed(error.to_string()))?;
        let found = entries.into_iter().find(|entry| entry.offset == offset);
        match found.map(|entry| entry.body) {
            Some(EntryBody::Message(Message::DeadLetter(letter))) => Ok(*letter),
            _ => Err(Error::Refused(format!(
                "there is no dead letter {letter}, or it is not kept any more"
            ))),
        }
    }

    /// What follows where a letter is taken up; the error is why it cannot be.
    pub fn follows(&self, letter: &DeadLetter) -> Result<Follows, String> {
        let now = self.clock.now();
        let cause = letter.reason.split(':').next().unwrap_or_default();
        match cause {
            "write_rejected" | "read_rejected" => {
                let asked: Result<Command, _> = serde_json::from_slice(&letter.bytes);
                let asked = asked.map_err(|_| "its command cannot be read".to_owned())?;
                Ok(Follows::Retry(subject(&asked)))
            }
            "bad_item" | "no_app_id" | "no_id" | "no_topic" | "not_json" | "unknown_workspace" => {
                taken_up(&self.workspaces, &letter.bytes, now).map(Follows::Entries)
            }
            "row_unreadable" => self.row(letter, now).map(|row| Follows::Entries(vec![row])),
            "undecodable" => self.decoded(letter).map(|one| Follows::Entries(vec![one])),
            "event_unreadable" | "schema_unknown" => Err(
                "a change event cannot be taken up alone; the next sweep, or `crosswalk \
                 backfill`, brings what it told: discard the letter"
                    .to_owned(),
            ),
            "unknown_bridge" => Err(
                "an old command is never sent again; with the bridge configured, what differs is \
                 requested anew: discard the letter"
                    .to_owned(),
            ),
            _ => Err("nothing can be done with its bytes but to look at them".to_owned()),
        }
    }

    /// A row of an import or sweep, read anew.
    fn row(&self, letter: &DeadLetter, now: Timestamp) -> Result<Outgoing, String> {
        let (source, object) = letter
            .origin
            .split_once('/')
            .ok_or("its origin is no row's")?;
        let source = SourceId::new(source).map_err(|_| "its origin is no row's")?;
        let is_salesforce = self.sources.get(&source);
        let is_salesforce = *is_salesforce.ok_or("its source is not configured")?;
        let raw: Json = serde_json::from_slice(&letter.bytes).map_err(|_| "it is no JSON")?;
        let row = match (is_salesforce, object) {
            (true, _) => row::snapshot(&source, object, &raw, &[]).map_err(|e| e.to_string())?,
            (false, "company") => company_snapshot(&source, &raw).map_err(|e| e.to_string())?,
            (false, _) => contact_snapshot(&source, &raw).map_err(|e| e.to_string())?,
        };
        let id = ObservationId::of_swept_row(&row);
        let body = ObservationBody::Changed {
            source,
            topic: object.to_owned(),
            change: Change::Swept(row),
            raw: RawPayload {
                content_type: "application/json".to_owned(),
                bytes: letter.bytes.clone(),
            },
        };
        let topic = match is_salesforce {
            true => Topic::SalesforceObserved,
            false => Topic::IntercomObserved,
        };
        self.outgoing(&letter.bridge, topic, id, now, body)
    }

    /// An entry that another version could not decode.
    fn decoded(&self, letter: &DeadLetter) -> Result<Outgoing, String> {
        let from = |topic: &Topic| letter.origin.starts_with(&format!("{topic:?}/"));
        let topic = Topic::INPUTS.into_iter().find(from);
        let topic = topic.ok_or("it is no observation's entry")?;
        let body = self.log.decode(topic, &letter.bytes);
        let observation = match body.map_err(|error| error.to_string())? {
            EntryBody::Message(Message::Observation(observation)) => observation,
            EntryBody::Undecodable { reason, .. } => return Err(reason),
            _ => return Err("it is no observation".to_owned()),
        };
        let Observation {
            id,
            bridge,
            received_at,
            body,
            ..
        } = *observation;
        self.outgoing(&bridge, topic, id, received_at, body)
    }

    fn outgoing(
        &self,
        bridge: &BridgeId,
        topic: Topic,
        id: ObservationId,
        received_at: Timestamp,
        body: ObservationBody,
    ) -> Result<Outgoing, String> {
        let known = self.bridges.iter().find(|(known, _)| known == bridge);
        let (_, partition) = known.ok_or_else(|| format!("bridge {bridge} is not configured"))?;
        Ok(Outgoing {
            topic,
            place: Place::Partition(*partition),
            key: bridge.text(),
            message: Some(Message::Observation(Box::new(Observation {
                id,
                bridge: bridge.clone(),
                received_at,
                traceparent: None,
                body,
            }))),
        })
    }

    /// The decision of a person about a letter, as an entry of the log.
    pub fn decision(
        &self,
        (place, letter): (&str, &DeadLetter),
        how: LetterSettlement,
        by: &str,
    ) -> Result<Outgoing, Error> {
        // A letter of no bridge is settled beside those of the first one.
        let known = self.bridges.iter().find(|(id, _)| *id == letter.bridge);
        let Some((bridge, _)) = known.or_else(|| self.bridges.first()) else {
            return Err(Error::Failed("no bridge is configured".to_owned()));
        };
        let body = ObservationBody::LetterSettled {
            letter: place.to_owned(),
            how,
            by: by.to_owned(),
        };
        let id = ObservationId::of_decision(&format!("letter {place}"));
        let now = self.clock.now();
        let decision = self.outgoing(bridge, Topic::Decisions, id, now, body);
        decision.map_err(Error::Failed)
    }
}
