//! From a change event to observations: one for each record it names and each bridge of the org.

use crate::clients::salesforce::record_id;
use crate::domain::{
    Change, EventKind, Message, Observation, ObservationBody, ObservationId, RawPayload, RecordRef,
    Timestamp, Topic, Version, Writer,
};
use crate::domain::{Fields, RecordEvent};
use crate::feeds::salesforce::event::{Event, Kind, Target};
use crate::feeds::salesforce::notes;
use crate::feeds::salesforce::org::Org;
use crate::feeds::salesforce::source::{Identity, Received};
use crate::ports::event_log::{Outgoing, Place};

/// What holds for every event of a subscription.
pub struct Context<'a> {
    pub org: &'a Org,
    pub identity: &'a Identity,
    pub channel: &'a str,
}

/// What becomes of one target of an event.
pub struct Translated {
    pub id: ObservationId,
    pub entries: Vec<Outgoing>,
    /// Kept and reported, because the event does not say what changed.
    pub kept: bool,
}

/// The event names an entity or a record that can be no record of ours.
#[derive(Debug, PartialEq, Eq)]
pub struct NoRecord;

impl Context<'_> {
    /// `index`: which target.
    pub fn translate(
        &self,
        received: &Received,
        event: &Event,
        index: usize,
        now: Timestamp,
    ) -> Result<Translated, NoRecord> {
        let target = event.targets.get(index).ok_or(NoRecord)?;
        let id = |named: &str| {
            let event_id = received.id.as_str();
            ObservationId::of_change_event(&self.identity.org_id, event_id, named)
        };
        let (id, report) = match target {
            Target::Record(record) => {
                let change = Change::Event(self.record_event(event, record)?);
                let id = id(record);
                return Ok(Translated {
                    id,
                    entries: self.copies(id, received, &change, now),
                    kept: false,
                });
            }
            Target::Wildcard(prefix) => (id(&format!("{prefix}*")), wildcard(event, prefix)),
            Target::Overflow => (id("overflow"), overflow(event)),
        };
        let replay = hex::encode(&received.replay_id);
        let text = format!("{}, at replay id {replay}", report.1);
        let mut entries = self.copies(id, received, &Change::Kept, now);
        entries.extend(notes::notifications(self.org, now, report.0, &text));
        Ok(Translated {
            id,
            entries,
            kept: true,
        })
    }

    fn record_event(&self, event: &Event, record: &str) -> Result<RecordEvent, NoRecord> {
        let record = RecordRef::new(&self.org.source, &event.entity, record);
        let kind = kind(event);
        let shows = !matches!(kind, EventKind::Deleted | EventKind::Gap);
        Ok(RecordEvent {
            record: record.map_err(|_| NoRecord)?,
            kind,
            version: Version::second(event.committed_ms.div_euclid(1_000)),
            fields: match shows {
                true => event.fields.clone(),
                false => Fields::new(),
            },
            unread: event.unread.clone(),
            writer: writer(
                (&event.origin, &event.user),
                (&self.org.client_token, &self.identity.user_id),
            ),
            origin: event.origin.clone(),
            user: event.user.clone(),
            transaction: event.transaction.clone(),
            transaction_sequence: event.sequence,
        })
    }

    fn copies(
        &self,
        id: ObservationId,
        received: &Received,
        change: &Change,
        now: Timestamp,
    ) -> Vec<Outgoing> {
        let observation = |bridge| Observation {
            id,
            bridge,
            received_at: now,
            traceparent: None,
            body: ObservationBody::Changed {
                source: self.org.source.clone(),
                topic: self.channel.to_owned(),
                change: change.clone(),
                raw: RawPayload {
                    content_type: content_type(received),
                    bytes: received.payload.clone(),
                },
            },
        };
        let bridges = self.org.bridges.iter();
        bridges
            .map(|to| Outgoing {
                topic: Topic::SalesforceObserved,
                place: Place::Partition(to.partition),
                key: to.bridge.text(),
                message: Some(Message::Observation(Box::new(observation(
                    to.bridge.clone(),
                )))),
            })
            .collect()
    }
}

/// Bare Avro; only the schema of that id reads it.
pub fn content_type(received: &Received) -> String {
    format!("avro/binary; schema={}", received.schema_id)
}

fn wildcard(event: &Event, prefix: &str) -> (&'static str, String) {
    let entity = &event.entity;
    let text = format!(
        "all {entity} records ({prefix}*) changed by a conversion of a field's type; \
         the new values come by import"
    );
    ("feed_wildcard", text)
}

fn overflow(event: &Event) -> (&'static str, String) {
    let entity = &event.entity;
    let text = format!(
        "{entity}: one transaction changed more than Salesforce lists; \
         the changed records come by import"
    );
    ("feed_overflow", text)
}

/// An event that may hide a changed field is a gap: only a read tells.
fn kind(event: &Event) -> EventKind {
    match event.kind {
        Kind::Update if event.doubtful => EventKind::Gap,
        Kind::Create => EventKind::Created,
        Kind::Update => EventKind::Updated,
        Kind::Delete => EventKind::Deleted,
        Kind::Undelete => EventKind::Undeleted,
        Kind::Gap | Kind::Unknown => EventKind::Gap,
    }
}

/// Who committed it: `(origin, user)` of the event against `(token, user)` of ours.
fn writer((origin, user): (&str, &str), (token, ours): (&str, &str)) -> Writer {
    let user = record_id::normalise(user);
    if user.is_none() || user != record_id::normalise(ours) {
        return Writer::Foreign;
    }
    match carries(origin, token) {
        true => Writer::Ours,
        false => Writer::OurUser,
    }
}

/// Whether the last `client=` of an origin is this token, whole: other options may follow, and
/// some writers' names end in a slash (salesforce.md 2.7).
fn carries(origin: &str, token: &str) -> bool {
    let Some((_, rest)) = origin.rsplit_once("client=") else {
        return false;
    };
    let named = rest.split([';', ',']).next().unwrap_or_default().trim();
    named == token || named.strip_suffix('/') == Some(token)
}

#[cfg(test)]
mod tests {
    use super::*;

    const OURS: &str = "005D000000AbCdEFGH";
    const REST: &str = "com/salesforce/api/rest/66.0";

    #[test]
    fn only_the_whole_token_of_our_own_user_is_ours() {
        let origin = |rest: &str| format!("{REST}{rest}");
        let cases = [
            (";client=crosswalk-main", OURS, Writer::Ours),
            (";client=crosswalk-main/", OURS, Writer::Ours),
            (";client=crosswalk-main;x=1", OURS, Writer::Ours),
            (";client=crosswalk-main,x", OURS, Writer::Ours),
            (";client=other;client=crosswalk-main", OURS, Writer::Ours),
            (";client=crosswalk-main;client=other", OURS, Writer::OurUser),
            (";client=crosswalk-main-2", OURS, Writer::OurUser),
            (";client=Crosswalk-main", OURS, Writer::OurUser),
            (";client=my-crosswalk-main", OURS, Writer::OurUser),
            (";client=", OURS, Writer::OurUser),
            ("", OURS, Writer::OurUser),
            (
                ";client=crosswalk-main",
                "005D000000AbCdFFGH",
                Writer::Foreign,
            ),
            (";client=crosswalk-main", "", Writer::Foreign),
            ("", "005D000000AbCdFFGH", Writer::Foreign),
        ];
        for (rest, user, expected) in cases {
            let found = writer((&origin(rest), user), ("crosswalk-main", OURS));
            assert_eq!(found, expected, "{rest} by {user}");
        }
        // Without an id of ours nothing is ours.
        assert_eq!(writer(("", ""), ("crosswalk-main", "")), Writer::Foreign);
    }
}
