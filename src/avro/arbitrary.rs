//! Strategies that make every kind of message, for the round trip tests.

use crate::domain::Name;
use crate::domain::journal::BridgeMode;
use std::collections::{BTreeMap, BTreeSet};

use proptest::collection::{btree_map, btree_set, vec};
use proptest::prelude::*;
use proptest::sample::select;

use crate::domain::journal::{InputRange, JournalEntry, JournalKey};
use crate::domain::*;

use super::arbitrary_customer::{customer_event, profile};
pub use super::arbitrary_event::event;

pub fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z0-9 ]{0,12}",
        "\\PC{0,6}",
        Just("Zoë \u{1f980}".to_owned())
    ]
}

pub fn bridge() -> impl Strategy<Value = BridgeId> {
    "[a-z_/]{1,9}".prop_map(|text| BridgeId::new(text).unwrap())
}

pub fn source() -> impl Strategy<Value = SourceId> {
    "[a-z]{1,9}".prop_map(|text| SourceId::new(text).unwrap())
}

pub fn object() -> impl Strategy<Value = ObjectName> {
    "[A-Za-z]{1,9}".prop_map(|text| ObjectName::new(text).unwrap())
}

pub fn record() -> BoxedStrategy<RecordRef> {
    (source(), object(), "[A-Za-z0-9]{1,18}")
        .prop_map(|(source, object, id)| RecordRef::new(&source, object.as_str(), id).unwrap())
        .boxed()
}

pub fn at() -> impl Strategy<Value = Timestamp> {
    any::<i64>().prop_map(Timestamp)
}

pub fn version() -> impl Strategy<Value = Version> {
    any::<(i64, i64)>().prop_map(|(from_ms, to_ms)| Version { from_ms, to_ms })
}

/// Counts as Avro can hold them.
pub fn count() -> impl Strategy<Value = u64> {
    prop_oneof![0..300u64, Just(i64::MAX as u64)]
}

pub fn value() -> BoxedStrategy<Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::Int),
        any::<u64>().prop_map(Value::Float),
        text().prop_map(|text| Value::Text(text.into())),
    ]
    .boxed()
}

/// The name of a field.
pub fn name() -> impl Strategy<Value = Name> {
    text().prop_map(Name::from)
}

pub fn fields() -> BoxedStrategy<Fields> {
    btree_map(name(), value(), 0..4).boxed()
}

pub fn ids() -> impl Strategy<Value = Option<BTreeSet<String>>> {
    proptest::option::of(btree_set(text(), 0..4))
}

pub fn command_id() -> impl Strategy<Value = CommandId> {
    any::<[u8; 16]>().prop_map(CommandId::from_bytes)
}

pub fn observation_id() -> impl Strategy<Value = ObservationId> {
    any::<[u8; 16]>().prop_map(ObservationId::from_bytes)
}

pub fn review() -> impl Strategy<Value = ReviewId> {
    any::<[u8; 16]>().prop_map(ReviewId::from_bytes)
}

pub fn gone() -> impl Strategy<Value = Gone> {
    select(vec![
        Gone::Archived,
        Gone::Deleted,
        Gone::NotFound,
        Gone::Converted,
    ])
}

pub fn ref_set() -> impl Strategy<Value = RefSet> {
    (btree_set(text(), 0..3), any::<bool>()).prop_map(|(ids, complete)| RefSet { ids, complete })
}

pub fn snapshot() -> BoxedStrategy<RecordSnapshot> {
    let refs = || proptest::option::of(ref_set());
    (record(), version(), fields(), refs(), refs())
        .prop_map(
            |(record, version, fields, tags, companies)| RecordSnapshot {
                record,
                version,
                fields,
                tags,
                companies,
            },
        )
        .boxed()
}

pub fn rejection() -> BoxedStrategy<Rejection> {
    let classes = vec![
        RejectClass::BadData,
        RejectClass::Permission,
        RejectClass::Ambiguous,
        RejectClass::Duplicate,
        RejectClass::Gone,
        RejectClass::Other,
    ];
    let texts = (text(), text(), text());
    (
        select(classes),
        texts,
        vec(text(), 0..3),
        vec(record(), 0..3),
    )
        .prop_map(|(class, (code, text, hint), fields, records)| Rejection {
            class,
            code,
            text,
            fields,
            records,
            hint,
        })
        .boxed()
}

fn change() -> BoxedStrategy<Change> {
    prop_oneof![
        snapshot().prop_map(Change::Shown),
        (snapshot(), text(), text(), any::<bool>()).prop_map(
            |(snapshot, tag_id, tag_name, added)| Change::Tagged {
                snapshot,
                tag_id,
                tag_name,
                added,
            }
        ),
        (snapshot(), snapshot(), any::<bool>()).prop_map(|(company, contact, attached)| {
            Change::Attached {
                company,
                contact,
                attached,
            }
        }),
        (snapshot(), proptest::option::of(record()))
            .prop_map(|(survivor, absorbed)| Change::Merged { survivor, absorbed }),
        (record(), gone(), proptest::option::of(version()))
            .prop_map(|(record, how, at)| Change::Left { record, how, at }),
        Just(Change::Kept),
        record_event().prop_map(Change::Event),
        snapshot().prop_map(Change::Row),
        (count(), snapshot()).prop_map(|(run, row)| Change::Imported { run, row }),
        (count(), any::<u32>(), count()).prop_map(|(run, of, rows)| Change::ImportEnded {
            run,
            of,
            rows
        }),
        (text(), text()).prop_map(|(tag_id, name)| Change::TagNamed { tag_id, name }),
        snapshot().prop_map(Change::Swept),
        (record(), version()).prop_map(|(record, at)| Change::SweptGone { record, at }),
        (count(), at(), at(), count()).prop_map(|(run, since, until, compared)| {
            Change::SweepEnded {
                run,
                since,
                until,
                compared,
            }
        }),
    ]
    .boxed()
}

fn record_event() -> BoxedStrategy<RecordEvent> {
    let kinds = vec![
        EventKind::Created,
        EventKind::Updated,
        EventKind::Deleted,
        EventKind::Undeleted,
        EventKind::Gap,
    ];
    let writers = vec![Writer::Ours, Writer::OurUser, Writer::Foreign];
    let what = (record(), select(kinds), version(), fields());
    let who = (select(writers), text(), text(), text(), any::<u32>());
    (what, btree_set(text(), 0..3), who)
        .prop_map(
            |((record, kind, version, fields), unread, (writer, origin, user, transaction, n))| {
                RecordEvent {
                    record,
                    kind,
                    version,
                    fields,
                    unread,
                    writer,
                    origin,
                    user,
                    transaction,
                    transaction_sequence: n,
                }
            },
        )
        .boxed()
}

fn answer() -> BoxedStrategy<ReviewAnswer> {
    prop_oneof![
        record().prop_map(|to| ReviewAnswer::Link { to }),
        record().prop_map(|record| ReviewAnswer::Keep { record }),
        Just(ReviewAnswer::Retry),
        Just(ReviewAnswer::Dismiss),
        Just(ReviewAnswer::Apart),
        Just(ReviewAnswer::Approve),
        Just(ReviewAnswer::Refuse),
    ]
    .boxed()
}

fn outcome() -> BoxedStrategy<Outcome> {
    let values = proptest::option::of(fields());
    prop_oneof![
        (
            record(),
            any::<bool>(),
            values,
            proptest::option::of(version())
        )
            .prop_map(|(record, created, values, version)| Outcome::Written {
                record,
                created,
                values,
                version,
            }),
        snapshot().prop_map(|snapshot| Outcome::AlreadyThere { snapshot }),
        snapshot().prop_map(|snapshot| Outcome::FoundOther { snapshot }),
        snapshot().prop_map(|snapshot| Outcome::Read { snapshot }),
        record().prop_map(|record| Outcome::NotFound { record }),
        (vec(snapshot(), 0..3), any::<bool>())
            .prop_map(|(rows, truncated)| Outcome::LookedUp { rows, truncated }),
        rejection().prop_map(Outcome::Rejected),
        text().prop_map(|reason| Outcome::Unknown { reason }),
    ]
    .boxed()
}

fn body(bridge: BridgeId) -> BoxedStrategy<ObservationBody> {
    let raw = (text(), vec(any::<u8>(), 0..40));
    let raw = raw.prop_map(|(content_type, bytes)| RawPayload {
        content_type,
        bytes,
    });
    prop_oneof![
        (source(), text(), change(), raw).prop_map(|(source, topic, change, raw)| {
            ObservationBody::Changed {
                source,
                topic,
                change,
                raw,
            }
        }),
        (command_id(), source(), any::<u32>(), at(), outcome()).prop_map(
            move |(command, source, attempt, finished_at, outcome)| {
                ObservationBody::Answered(CommandResult {
                    command,
                    bridge: bridge.clone(),
                    source,
                    attempt,
                    finished_at,
                    outcome,
                })
            }
        ),
        (count(), any::<[u8; 32]>(), text()).prop_map(|(version, hash, body)| {
            ObservationBody::MappingOffered {
                version,
                hash,
                body,
            }
        }),
        (review(), answer(), text()).prop_map(|(review, answer, by)| {
            ObservationBody::ReviewAnswered { review, answer, by }
        }),
        (text(), settlement(), text())
            .prop_map(|(letter, how, by)| ObservationBody::LetterSettled { letter, how, by }),
        (mode(), text()).prop_map(|(mode, by)| ObservationBody::ModeDecided { mode, by }),
        (any::<[u8; 32]>(), at(), text())
            .prop_map(|(mapping, since, by)| ObservationBody::RevertDecided { mapping, since, by }),
        (proptest::option::of(observation_id()), text())
            .prop_map(|(skip, by)| ObservationBody::BridgeReleased { skip, by }),
        (record(), record(), any::<bool>(), text()).prop_map(|(left, right, same, by)| {
            ObservationBody::LinkDecided {
                left,
                right,
                same,
                by,
            }
        }),
    ]
    .boxed()
}

pub fn mode() -> impl Strategy<Value = BridgeMode> {
    proptest::sample::select(vec![BridgeMode::Live, BridgeMode::Shadow])
}

fn observation() -> BoxedStrategy<Observation> {
    bridge()
        .prop_flat_map(|bridge| {
            let body = body(bridge.clone());
            let head = (observation_id(), at(), proptest::option::of(text()));
            (Just(bridge), head, body).prop_map(|(bridge, (id, received_at, traceparent), body)| {
                Observation {
                    id,
                    bridge,
                    received_at,
                    traceparent,
                    body,
                }
            })
        })
        .boxed()
}

fn target() -> BoxedStrategy<WriteTarget> {
    prop_oneof![
        record().prop_map(WriteTarget::Record),
        (object(), text(), text(), record()).prop_map(|(object, key_field, key_value, origin)| {
            WriteTarget::Create {
                object,
                key_field: key_field.into(),
                key_value,
                origin,
            }
        }),
        (record(), record())
            .prop_map(|(contact, company)| WriteTarget::Attach { contact, company }),
    ]
    .boxed()
}

fn kind() -> BoxedStrategy<CommandKind> {
    let field = (text(), value(), value()).prop_map(|(name, value, expect)| FieldWrite {
        name: name.into(),
        value,
        expect,
    });
    let query = (
        object(),
        vec((name(), text()), 0..3),
        vec(text(), 0..3),
        any::<u32>(),
    )
        .prop_map(|(object, any_of, fields, rows_max)| LookupQuery {
            object,
            any_of,
            fields,
            rows_max,
        });
    prop_oneof![
        (
            target(),
            count(),
            vec(field, 0..3),
            any::<bool>(),
            any::<bool>()
        )
            .prop_map(|(target, sequence, fields, auto_assign, read_first)| {
                CommandKind::Write(WriteCommand {
                    target,
                    sequence,
                    fields,
                    auto_assign,
                    read_first,
                })
            }),
        (record(), vec(text(), 0..3)).prop_map(|(record, fields)| {
            CommandKind::Read(ReadCommand::Record { record, fields })
        }),
        (record(), vec(query, 0..3)).prop_map(|(origin, queries)| {
            CommandKind::Read(ReadCommand::Lookup(Lookup { origin, queries }))
        }),
        record().prop_map(|record| CommandKind::Read(ReadCommand::Gone { record })),
    ]
    .boxed()
}

pub fn command() -> BoxedStrategy<Command> {
    let ids = (command_id(), bridge(), source(), observation_id());
    let times = (at(), at(), at());
    (ids, any::<u32>(), times, text(), kind())
        .prop_map(|(ids, attempt, times, lane, kind)| {
            let (id, bridge, source, cause) = ids;
            let (requested_at, deadline, caused_at) = times;
            Command {
                id,
                bridge,
                source,
                attempt,
                requested_at,
                deadline,
                lane,
                cause,
                caused_at,
                kind,
            }
        })
        .boxed()
}

pub fn ranges() -> impl Strategy<Value = Vec<InputRange>> {
    vec(range(), 0..4)
}

pub fn range() -> impl Strategy<Value = InputRange> {
    let range = (select(Topic::ALL.to_vec()), any::<u32>(), count(), count());
    range.prop_map(|(topic, partition, from, to)| InputRange {
        topic,
        partition,
        from,
        to,
    })
}

pub fn unchanged() -> impl Strategy<Value = BTreeMap<String, u64>> {
    btree_map(text(), count(), 0..4)
}

fn entry() -> BoxedStrategy<JournalEntry> {
    let key = prop_oneof![
        bridge().prop_map(JournalKey::Bridge),
        any::<u32>().prop_map(JournalKey::Partition),
    ];
    let cause = proptest::option::of(observation_id());
    (key, count(), at(), cause, event())
        .prop_map(|(key, sequence, at, cause, event)| JournalEntry {
            key,
            sequence,
            at,
            cause,
            event,
        })
        .boxed()
}

fn notification() -> BoxedStrategy<Message> {
    (bridge(), at(), text(), text(), vec(record(), 0..3))
        .prop_map(|(bridge, at, kind, text, records)| {
            Message::Notification(Notification {
                bridge,
                at,
                kind,
                text,
                records,
            })
        })
        .boxed()
}

fn dead_letter() -> BoxedStrategy<Message> {
    let texts = (text(), text(), text());
    let command = proptest::option::of(command_id());
    (bridge(), at(), texts, command, vec(any::<u8>(), 0..40))
        .prop_map(|(bridge, at, (origin, reason, hint), command, bytes)| {
            Message::DeadLetter(Box::new(DeadLetter {
                bridge,
                at,
                origin,
                reason,
                hint,
                command,
                bytes,
            }))
        })
        .boxed()
}

pub fn message() -> BoxedStrategy<Message> {
    prop_oneof![
        3 => observation().prop_map(|o| Message::Observation(Box::new(o))),
        6 => entry().prop_map(|e| Message::Journal(Box::new(e))),
        2 => command().prop_map(|c| Message::Command(Box::new(c))),
        1 => (source(), text(), vec(any::<u8>(), 0..20), at()).prop_map(
            |(source, name, position, at)| Message::Cursor(Cursor { source, name, position, at })
        ),
        1 => (source(), text(), text()).prop_map(|(source, schema_id, json)| {
            Message::SourceSchema(SourceSchema { source, schema_id, json })
        }),
        1 => notification(),
        1 => (bridge(), at(), observation_id(), text(), proptest::option::of(record())).prop_map(
            |(bridge, at, observation, reason, record)| Message::Trace(TraceLine {
                bridge,
                at,
                observation,
                reason,
                record,
            })
        ),
        1 => dead_letter(),
        2 => customer_event().prop_map(|e| Message::CustomerEvent(Box::new(e))),
        1 => profile().prop_map(|p| Message::Profile(Box::new(p))),
    ]
    .boxed()
}

fn settlement() -> impl Strategy<Value = LetterSettlement> {
    prop_oneof![
        Just(LetterSettlement::Redriven),
        Just(LetterSettlement::Discarded)
    ]
}
