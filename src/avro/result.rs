//! `crosswalk.result.Result`: how one attempt of a command ended.

use crate::avro::envelope::{put_head, take_head};
use crate::avro::error::Error;
use crate::avro::wire::{Reader, Writer};
use crate::domain::{CommandResult, Observation, ObservationBody, Outcome, RejectClass, Rejection};

symbols!(RejectClass {
    1 "BAD_DATA" => BadData,
    2 "PERMISSION" => Permission,
    3 "AMBIGUOUS" => Ambiguous,
    4 "DUPLICATE" => Duplicate,
    5 "GONE" => Gone,
    6 "OTHER" => Other,
} else Other);

record!(Rejection {
    class,
    code,
    text,
    fields,
    records,
    hint,
});

union!(Outcome {
    0 "Written" => Written { record, created, values, version },
    1 "AlreadyThere" => AlreadyThere { snapshot },
    2 "FoundOther" => FoundOther { snapshot },
    3 "Read" => Read { snapshot },
    4 "NotFound" => NotFound { record },
    5 "LookedUp" => LookedUp { rows, truncated },
    6 "Rejected" => Rejected(rejection),
    7 "Unknown" => Unknown { reason },
});

/// The envelope holds the bridge once, so both copies in the domain must agree.
pub fn put(observation: &Observation, result: &CommandResult, w: &mut Writer) {
    put_head(observation, w);
    if observation.bridge != result.bridge {
        w.fail("a result of another bridge than its observation");
    }
    w.field("command", &result.command);
    w.field("source", &result.source);
    w.field("attempt", &result.attempt);
    w.field("finished_at", &result.finished_at);
    w.field("body", &result.outcome);
}

pub fn take(r: &mut Reader<'_>) -> Result<Observation, Error> {
    let head = take_head(r)?;
    let result = CommandResult {
        bridge: head.bridge().clone(),
        command: r.field("command")?,
        source: r.field("source")?,
        attempt: r.field("attempt")?,
        finished_at: r.field("finished_at")?,
        outcome: r.field("body")?,
    };
    Ok(head.with(ObservationBody::Answered(result)))
}
