//! `crosswalk.decision.Decision`: a decision of an operator, a mapping to activate.

use crate::avro::envelope::{put_head, take_head};
use crate::avro::error::Error;
use crate::avro::wire::{Reader, Writer};
use crate::domain::journal::BridgeMode;
use crate::domain::observation::{LetterSettlement, ReviewAnswer};
use crate::domain::{Observation, ObservationBody, ObservationId, RecordRef, ReviewId, Timestamp};

const MAPPING_OFFERED: i64 = 0;
const REVIEW_ANSWERED: i64 = 1;
const LETTER_SETTLED: i64 = 2;
const BRIDGE_RELEASED: i64 = 3;
const LINK_DECIDED: i64 = 4;
const MODE_DECIDED: i64 = 5;
const REVERT_DECIDED: i64 = 6;

symbols!(LetterSettlement {
    1 "REDRIVEN" => Redriven,
    2 "DISCARDED" => Discarded,
});

union!(ReviewAnswer {
    0 "Link" => Link { to },
    1 "Keep" => Keep { record },
    2 "Retry" => Retry,
    3 "Dismiss" => Dismiss,
    4 "Apart" => Apart,
    5 "Approve" => Approve,
    6 "Refuse" => Refuse,
});

pub fn put_mapping(
    observation: &Observation,
    (version, hash, body): (&u64, &[u8; 32], &String),
    w: &mut Writer,
) {
    put_head(observation, w);
    w.enter("body");
    w.branch(MAPPING_OFFERED, "MappingOffered");
    w.field("version", version);
    w.field("hash", hash);
    w.field("body", body);
}

pub fn put_answer(
    observation: &Observation,
    (review, answer, by): (&ReviewId, &ReviewAnswer, &String),
    w: &mut Writer,
) {
    put_head(observation, w);
    w.enter("body");
    w.branch(REVIEW_ANSWERED, "ReviewAnswered");
    w.field("review", review);
    w.field("answer", answer);
    w.field("by", by);
}

pub fn put_letter(
    observation: &Observation,
    (letter, how, by): (&String, &LetterSettlement, &String),
    w: &mut Writer,
) {
    put_head(observation, w);
    w.enter("body");
    w.branch(LETTER_SETTLED, "LetterSettled");
    w.field("letter", letter);
    w.field("how", how);
    w.field("by", by);
}

pub fn put_link(
    observation: &Observation,
    (left, right, same, by): (&RecordRef, &RecordRef, &bool, &String),
    w: &mut Writer,
) {
    put_head(observation, w);
    w.enter("body");
    w.branch(LINK_DECIDED, "LinkDecided");
    w.field("left", left);
    w.field("right", right);
    w.field("same", same);
    w.field("by", by);
}

pub fn put_release(
    observation: &Observation,
    (skip, by): (&Option<ObservationId>, &String),
    w: &mut Writer,
) {
    put_head(observation, w);
    w.enter("body");
    w.branch(BRIDGE_RELEASED, "BridgeReleased");
    w.field("skip", skip);
    w.field("by", by);
}

pub fn put_mode(observation: &Observation, (mode, by): (&BridgeMode, &String), w: &mut Writer) {
    put_head(observation, w);
    w.enter("body");
    w.branch(MODE_DECIDED, "ModeDecided");
    w.field("mode", mode);
    w.field("by", by);
}

pub fn put_revert(
    observation: &Observation,
    (mapping, since, by): (&[u8; 32], &Timestamp, &String),
    w: &mut Writer,
) {
    put_head(observation, w);
    w.enter("body");
    w.branch(REVERT_DECIDED, "RevertDecided");
    w.field("mapping", mapping);
    w.field("since", since);
    w.field("by", by);
}

pub fn take(r: &mut Reader<'_>) -> Result<Observation, Error> {
    let head = take_head(r)?;
    r.enter("body");
    match r.long()? {
        MAPPING_OFFERED => Ok(head.with(ObservationBody::MappingOffered {
            version: r.field("version")?,
            hash: r.field("hash")?,
            body: r.field("body")?,
        })),
        REVIEW_ANSWERED => Ok(head.with(ObservationBody::ReviewAnswered {
            review: r.field("review")?,
            answer: r.field("answer")?,
            by: r.field("by")?,
        })),
        LETTER_SETTLED => Ok(head.with(ObservationBody::LetterSettled {
            letter: r.field("letter")?,
            how: r.field("how")?,
            by: r.field("by")?,
        })),
        LINK_DECIDED => Ok(head.with(ObservationBody::LinkDecided {
            left: r.field("left")?,
            right: r.field("right")?,
            same: r.field("same")?,
            by: r.field("by")?,
        })),
        BRIDGE_RELEASED => Ok(head.with(ObservationBody::BridgeReleased {
            skip: r.field("skip")?,
            by: r.field("by")?,
        })),
        MODE_DECIDED => Ok(head.with(ObservationBody::ModeDecided {
            mode: r.field("mode")?,
            by: r.field("by")?,
        })),
        REVERT_DECIDED => Ok(head.with(ObservationBody::RevertDecided {
            mapping: r.field("mapping")?,
            since: r.field("since")?,
            by: r.field("by")?,
        })),
        other => Err(r.unknown_case(other)),
    }
}
