//! Results and dead letters as entries of the log.

use crate::domain::{BridgeId, Command, CommandKind, CommandResult, DeadLetter, Message};
use crate::domain::{Observation, ObservationBody, ObservationId, Outcome, ReadCommand};
use crate::domain::{Timestamp, Topic, WriteTarget};
use crate::ports::event_log::{Entry, EntryBody, Outgoing, Place};

/// Under which dead letters stand whose bridge cannot be known.
const UNKNOWN_BRIDGE: &str = "_unknown";

/// The result of one attempt, for the processor of the bridge's partition.
pub fn result(command: &Command, outcome: Outcome, partition: u32, now: Timestamp) -> Outgoing {
    let result = CommandResult {
        command: command.id,
        bridge: command.bridge.clone(),
        source: command.source.clone(),
        attempt: command.attempt,
        finished_at: now,
        outcome,
    };
    let observation = Observation {
        id: ObservationId::of_result(&command.id, command.attempt),
        bridge: command.bridge.clone(),
        received_at: now,
        traceparent: None,
        body: ObservationBody::Answered(result),
    };
    Outgoing {
        topic: Topic::Results,
        place: Place::Partition(partition),
        key: command.bridge.text(),
        message: Some(Message::Observation(Box::new(observation))),
    }
}

/// A dead letter for an entry that is no command.
pub fn not_a_command(topic: &str, entry: &Entry, now: Timestamp) -> DeadLetter {
    let (reason, bytes) = match &entry.body {
        EntryBody::Undecodable { bytes, .. } => ("undecodable", bytes.clone()),
        // The codec reads commands only from these topics; what it read of another is not kept.
        _ => ("not_a_command", entry.key.clone().into_bytes()),
    };
    DeadLetter {
        bridge: BridgeId::new(UNKNOWN_BRIDGE).expect("the name is a valid id"),
        at: now,
        origin: format!("{topic}/{}@{}", entry.at.partition, entry.offset),
        reason: reason.into(),
        hint: "a newer version wrote this entry; run that version, or report the bytes".into(),
        command: None,
        bytes,
    }
}

/// A dead letter for a command of a bridge that the configuration does not name.
pub fn unknown_bridge(topic: &str, entry: &Entry, command: &Command, now: Timestamp) -> DeadLetter {
    DeadLetter {
        bridge: command.bridge.clone(),
        at: now,
        origin: format!("{topic}/{}@{}", entry.at.partition, entry.offset),
        reason: "unknown_bridge".into(),
        hint: format!("add bridge {} to the configuration again", command.bridge),
        command: Some(command.id),
        // The command as JSON: what the entry held, for whoever configures the bridge again.
        bytes: serde_json::to_vec(command).unwrap_or_default(),
    }
}

pub fn outgoing(dead: DeadLetter) -> Outgoing {
    Outgoing {
        topic: Topic::DeadLetters,
        place: Place::ByKey,
        key: dead.bridge.text(),
        message: Some(Message::DeadLetter(Box::new(dead))),
    }
}

/// The label of a command's kind.
pub fn kind(command: &Command) -> &'static str {
    match &command.kind {
        CommandKind::Write(write) => match write.target {
            WriteTarget::Create { .. } => "create",
            WriteTarget::Record(_) => "update",
            WriteTarget::Attach { .. } => "attach",
        },
        CommandKind::Read(ReadCommand::Record { .. }) => "read",
        CommandKind::Read(ReadCommand::Gone { .. }) => "read_gone",
        CommandKind::Read(ReadCommand::Lookup(_)) => "lookup",
    }
}

/// The label of an outcome.
pub fn ending(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Written { .. } | Outcome::Read { .. } | Outcome::LookedUp { .. } => "done",
        Outcome::AlreadyThere { .. } => "already_there",
        Outcome::FoundOther { .. } => "found_other",
        Outcome::NotFound { .. } => "not_found",
        Outcome::Rejected(_) => "rejected",
        Outcome::Unknown { .. } => "unknown",
    }
}
