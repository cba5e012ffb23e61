//! One message of every kind, with invented people. Case names begin with the subject.

use std::collections::BTreeMap;

use crosswalk::domain::{
    BridgeId, Change, Command, CommandId, CommandKind, CommandResult, Cursor, DeadLetter,
    EventKind, FieldWrite, Fields, Gone, LetterSettlement, Lookup, LookupQuery, Message,
    Notification, ObjectName, Observation, ObservationBody, ObservationId, Outcome, RawPayload,
    ReadCommand, RecordEvent, RecordRef, RecordSnapshot, RefSet, RejectClass, Rejection,
    ReviewAnswer, ReviewId, SourceId, SourceSchema, Timestamp, TraceLine, Value, Version,
    WriteCommand, WriteTarget, Writer,
};

use super::{samples_customer, samples_journal};

pub const AT: Timestamp = Timestamp(1_767_225_600_000);

pub fn samples() -> Vec<(String, Message)> {
    let mut all = observed();
    all.extend(results());
    all.extend(decisions());
    let command = |(case, kind): (&str, _)| {
        (
            format!("command.{case}"),
            Message::Command(Box::new(command(kind))),
        )
    };
    all.extend(kinds().into_iter().map(command));
    all.extend(others());
    all.extend(samples_customer::customers());
    all.extend(samples_journal::journal());
    all
}

pub fn bridge() -> BridgeId {
    BridgeId::new("main").unwrap()
}

pub fn source(name: &str) -> SourceId {
    SourceId::new(name).unwrap()
}

pub fn contact() -> RecordRef {
    RecordRef::new(&source("support"), "contact", "6657a3b2c9e77d001f0a1b2c").unwrap()
}

pub fn company() -> RecordRef {
    RecordRef::new(&source("support"), "company", "6657a3b2c9e77d001f0acafe").unwrap()
}

pub fn lead() -> RecordRef {
    RecordRef::new(&source("sales"), "Lead", "00Q5g00000ABCDEEA4").unwrap()
}

pub fn fields() -> Fields {
    BTreeMap::from([
        ("custom_attributes.score".into(), Value::number(4.5)),
        ("email".into(), Value::from("ada@example.com")),
        ("has_hard_bounced".into(), Value::from(false)),
        ("name".into(), Value::from("Ada Example")),
        ("phone".into(), Value::Null),
        ("session_count".into(), Value::from(12)),
    ])
}

pub fn version() -> Version {
    Version::second(1_767_225_600)
}

pub fn command_id() -> CommandId {
    CommandId::requested_at(&bridge(), 7)
}

pub fn observation_id() -> ObservationId {
    ObservationId::of_notification("abc123def", "notif_1")
}

pub fn rejection() -> Rejection {
    Rejection {
        class: RejectClass::Duplicate,
        code: "DUPLICATE_VALUE".to_owned(),
        text: "duplicate value found: Email ada@example.com".to_owned(),
        fields: vec!["Email".to_owned()],
        records: vec![lead()],
        hint: "merge the two records or unlink one".to_owned(),
    }
}

fn snapshot(record: RecordRef) -> RecordSnapshot {
    let set = |ids: &[&str], complete| RefSet {
        ids: ids.iter().map(|id| (*id).to_owned()).collect(),
        complete,
    };
    RecordSnapshot {
        record,
        version: version(),
        fields: fields(),
        tags: Some(set(&["17", "4"], true)),
        companies: None,
    }
}

fn observation(body: ObservationBody) -> Message {
    Message::Observation(Box::new(Observation {
        id: observation_id(),
        bridge: bridge(),
        received_at: AT,
        traceparent: Some("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".to_owned()),
        body,
    }))
}

fn decisions() -> Vec<(String, Message)> {
    let mapping = ObservationBody::MappingOffered {
        version: 3,
        hash: [0xab; 32],
        body: "version: 3\n".to_owned(),
    };
    let answered = |answer| ObservationBody::ReviewAnswered {
        review: ReviewId::opened_at(&bridge(), 9),
        answer,
        by: "ops".to_owned(),
    };
    let bodies = [
        ("mapping_offered", mapping),
        ("answered.link", answered(ReviewAnswer::Link { to: lead() })),
        (
            "answered.keep",
            answered(ReviewAnswer::Keep { record: lead() }),
        ),
        ("answered.retry", answered(ReviewAnswer::Retry)),
        ("answered.dismiss", answered(ReviewAnswer::Dismiss)),
        ("answered.apart", answered(ReviewAnswer::Apart)),
        ("answered.approve", answered(ReviewAnswer::Approve)),
        ("answered.refuse", answered(ReviewAnswer::Refuse)),
        (
            "link_decided",
            ObservationBody::LinkDecided {
                left: contact(),
                right: lead(),
                same: false,
                by: "ops".to_owned(),
            },
        ),
        (
            "letter_settled",
            ObservationBody::LetterSettled {
                letter: "0@17".to_owned(),
                how: LetterSettlement::Redriven,
                by: "ops".to_owned(),
            },
        ),
        (
            "revert_decided",
            ObservationBody::RevertDecided {
                mapping: [0xab; 32],
                since: AT,
                by: "ops".to_owned(),
            },
        ),
        (
            "mode_decided",
            ObservationBody::ModeDecided {
                mode: crosswalk::domain::journal::BridgeMode::Shadow,
                by: "ops".to_owned(),
            },
        ),
        (
            "bridge_released",
            ObservationBody::BridgeReleased {
                skip: Some(observation_id()),
                by: "ops".to_owned(),
            },
        ),
    ];
    let message = |(case, body): (&str, _)| (format!("decision.{case}"), observation(body));
    bodies.into_iter().map(message).collect()
}

/// An update in a feed: a field that moved, one that was cleared, one that must be read.
fn record_event() -> RecordEvent {
    RecordEvent {
        record: lead(),
        kind: EventKind::Updated,
        version: version(),
        fields: BTreeMap::from([
            ("LastName".into(), Value::from("Example")),
            ("Phone".into(), Value::Null),
        ]),
        unread: ["Description".to_owned()].into(),
        writer: Writer::Foreign,
        origin: "com/salesforce/api/rest/64.0".to_owned(),
        user: "0055g00000ABCDEAA4".to_owned(),
        transaction: "0006e2a4-6f4b-9d1c-8f4e-0c5f1b2d3e4f".to_owned(),
        transaction_sequence: 1,
    }
}

fn observed() -> Vec<(String, Message)> {
    let changes = [
        ("shown", Change::Shown(snapshot(contact()))),
        (
            "tagged",
            Change::Tagged {
                snapshot: snapshot(contact()),
                tag_id: "17".to_owned(),
                tag_name: "qualified".to_owned(),
                added: true,
            },
        ),
        (
            "attached",
            Change::Attached {
                company: snapshot(company()),
                contact: snapshot(contact()),
                attached: true,
            },
        ),
        (
            "merged",
            Change::Merged {
                survivor: snapshot(contact()),
                absorbed: Some(company()),
            },
        ),
        (
            "left",
            Change::Left {
                record: contact(),
                how: Gone::Archived,
                at: Some(version()),
            },
        ),
        ("kept", Change::Kept),
        ("event", Change::Event(record_event())),
        ("row", Change::Row(snapshot(lead()))),
        (
            "imported",
            Change::Imported {
                run: 1,
                row: snapshot(lead()),
            },
        ),
        (
            "import_ended",
            Change::ImportEnded {
                run: 1,
                of: 2,
                rows: 120_000,
            },
        ),
        (
            "tag_named",
            Change::TagNamed {
                tag_id: "42".to_owned(),
                name: "qualified".to_owned(),
            },
        ),
        ("swept", Change::Swept(snapshot(lead()))),
        (
            "swept_gone",
            Change::SweptGone {
                record: lead(),
                at: version(),
            },
        ),
        (
            "sweep_ended",
            Change::SweepEnded {
                run: 7,
                since: Timestamp(1_768_018_094_000),
                until: Timestamp(1_768_018_994_000),
                compared: 212,
            },
        ),
    ];
    let message = |(case, change): (&str, _)| {
        let body = ObservationBody::Changed {
            source: source("support"),
            topic: "contact.tag.created".to_owned(),
            change,
            raw: RawPayload {
                content_type: "application/json".to_owned(),
                bytes: br#"{"type":"notification_event","id":"notif_1"}"#.to_vec(),
            },
        };
        (format!("observed.{case}"), observation(body))
    };
    changes.into_iter().map(message).collect()
}

fn results() -> Vec<(String, Message)> {
    let found = || snapshot(lead());
    let outcomes = [
        (
            "written",
            Outcome::Written {
                record: lead(),
                created: true,
                values: Some(fields()),
                version: Some(version()),
            },
        ),
        ("already_there", Outcome::AlreadyThere { snapshot: found() }),
        ("found_other", Outcome::FoundOther { snapshot: found() }),
        ("read", Outcome::Read { snapshot: found() }),
        ("not_found", Outcome::NotFound { record: lead() }),
        (
            "looked_up",
            Outcome::LookedUp {
                rows: vec![found()],
                truncated: false,
            },
        ),
        ("rejected", Outcome::Rejected(rejection())),
        (
            "unknown",
            Outcome::Unknown {
                reason: "no_answer".to_owned(),
            },
        ),
    ];
    let message = |(case, outcome): (&str, _)| {
        let result = CommandResult {
            command: command_id(),
            bridge: bridge(),
            source: source("sales"),
            attempt: 2,
            finished_at: AT.plus_ms(250),
            outcome,
        };
        (
            format!("result.{case}"),
            observation(ObservationBody::Answered(result)),
        )
    };
    outcomes.into_iter().map(message).collect()
}

pub fn command(kind: CommandKind) -> Command {
    Command {
        id: command_id(),
        bridge: bridge(),
        source: source("sales"),
        attempt: 1,
        requested_at: AT,
        deadline: AT.plus_ms(60_000),
        lane: lead().to_string(),
        cause: observation_id(),
        caused_at: AT,
        kind,
    }
}

pub fn kinds() -> Vec<(&'static str, CommandKind)> {
    let write = |target| {
        CommandKind::Write(WriteCommand {
            target,
            sequence: 4,
            fields: vec![FieldWrite {
                name: "LastName".into(),
                value: Value::from("Example"),
                expect: Value::Null,
            }],
            auto_assign: true,
            read_first: true,
        })
    };
    let create = WriteTarget::Create {
        object: ObjectName::new("Lead").unwrap(),
        key_field: "Intercom_Contact_ID__c".into(),
        key_value: contact().id.clone(),
        origin: contact(),
    };
    let attach = WriteTarget::Attach {
        contact: contact(),
        company: company(),
    };
    let lookup = Lookup {
        origin: contact(),
        queries: vec![LookupQuery {
            object: ObjectName::new("Contact").unwrap(),
            any_of: vec![("Email".into(), "ada@example.com".to_owned())],
            fields: vec!["Id".to_owned(), "Email".to_owned()],
            rows_max: 5,
        }],
    };
    let read = ReadCommand::Record {
        record: lead(),
        fields: vec!["Email".to_owned()],
    };
    vec![
        ("update", write(WriteTarget::Record(lead()))),
        ("create", write(create)),
        ("attach", write(attach)),
        ("read", CommandKind::Read(read)),
        (
            "read_gone",
            CommandKind::Read(ReadCommand::Gone { record: lead() }),
        ),
        ("lookup", CommandKind::Read(ReadCommand::Lookup(lookup))),
    ]
}

fn others() -> Vec<(String, Message)> {
    let cursor = Cursor {
        source: source("sales"),
        name: "cdc".to_owned(),
        position: b"replay-17".to_vec(),
        at: AT,
    };
    let notification = Notification {
        bridge: bridge(),
        at: AT,
        kind: "review_opened".to_owned(),
        text: "two contacts match one lead".to_owned(),
        records: vec![contact(), lead()],
    };
    let trace = TraceLine {
        bridge: bridge(),
        at: AT,
        observation: observation_id(),
        reason: "duplicate".to_owned(),
        record: Some(contact()),
    };
    let letter = DeadLetter {
        bridge: bridge(),
        at: AT,
        origin: "webhook".to_owned(),
        reason: "not_json".to_owned(),
        hint: "look at the sender".to_owned(),
        command: Some(command_id()),
        bytes: b"not json".to_vec(),
    };
    let schema = SourceSchema {
        source: source("sales"),
        schema_id: "Wk1dV8zM3mXqv9tD5d3J8A".to_owned(),
        json: r#"{"name":"LeadChangeEvent","type":"record","fields":[]}"#.to_owned(),
    };
    vec![
        ("cursor.cdc".to_owned(), Message::Cursor(cursor)),
        (
            "source_schema.lead".to_owned(),
            Message::SourceSchema(schema),
        ),
        (
            "notification.review_opened".to_owned(),
            Message::Notification(notification),
        ),
        ("trace.duplicate".to_owned(), Message::Trace(trace)),
        (
            "dead_letter.webhook".to_owned(),
            Message::DeadLetter(Box::new(letter)),
        ),
    ]
}
