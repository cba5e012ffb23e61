//! `crosswalk.observed.Observed`: a change in a source.

use crate::avro::envelope::{put_head, take_head};
use crate::avro::error::Error;
use crate::avro::wire::{Reader, Writer};
use crate::domain::observation::{EventKind, RecordEvent, Writer as ChangeWriter};
use crate::domain::{Change, Observation, ObservationBody, RawPayload, SourceId};

record!(RawPayload {
    content_type,
    bytes
});

union!(Change {
    0 "Shown" => Shown(snapshot),
    1 "Tagged" => Tagged { snapshot, tag_id, tag_name, added },
    2 "Attached" => Attached { company, contact, attached },
    3 "Merged" => Merged { survivor, absorbed },
    4 "Left" => Left { record, how, at },
    5 "Kept" => Kept,
    6 "Event" => Event(event),
    7 "Row" => Row(row),
    8 "Imported" => Imported { run, row },
    9 "ImportEnded" => ImportEnded { run, of, rows },
    10 "TagNamed" => TagNamed { tag_id, name },
    11 "Swept" => Swept(row),
    12 "SweptGone" => SweptGone { record, at },
    13 "SweepEnded" => SweepEnded { run, since, until, compared },
});

record!(RecordEvent {
    record,
    kind,
    version,
    fields,
    unread,
    writer,
    origin,
    user,
    transaction,
    transaction_sequence,
});

symbols!(EventKind {
    1 "CREATED" => Created,
    2 "UPDATED" => Updated,
    3 "DELETED" => Deleted,
    4 "UNDELETED" => Undeleted,
    5 "GAP" => Gap,
});

symbols!(ChangeWriter {
    1 "OURS" => Ours,
    2 "OUR_USER" => OurUser,
    3 "FOREIGN" => Foreign,
});

pub fn put(
    observation: &Observation,
    (source, topic): (&SourceId, &String),
    change: &Change,
    raw: &RawPayload,
    w: &mut Writer,
) {
    put_head(observation, w);
    w.field("source", source);
    w.field("topic", topic);
    w.field("body", change);
    w.field("raw", raw);
}

pub fn take(r: &mut Reader<'_>) -> Result<Observation, Error> {
    let head = take_head(r)?;
    Ok(head.with(ObservationBody::Changed {
        source: r.field("source")?,
        topic: r.field("topic")?,
        change: r.field("body")?,
        raw: r.field("raw")?,
    }))
}
