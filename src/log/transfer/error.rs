//! Why a log cannot be moved.

use std::io;
use std::path::PathBuf;

use crate::domain::Topic;
use crate::log::topics;
use crate::ports::event_log;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Log(#[from] event_log::Error),
    #[error("{}: {reason}", path.display())]
    File { path: PathBuf, reason: String },
    #[error("{}: {error}", path.display())]
    Io { path: PathBuf, error: io::Error },
    #[error(
        "entry {offset} of {}/{partition} cannot be read: {reason}; if it is an input that nobody \
         has taken yet, let crosswalk run until it is a dead letter; else export with the build \
         that wrote it, or restore the log from backup", name(*topic)
    )]
    Unreadable {
        topic: Topic,
        partition: u32,
        offset: u64,
        reason: String,
    },
    #[error(
        "{}/{partition} was written to while it was read; stop every crosswalk that uses this log, \
         and export again", name(*topic)
    )]
    Busy { topic: Topic, partition: u32 },
    #[error(
        "the log has partitions: {has}, and the configuration says {wants}; a bridge keeps its \
         partition, so set partitions: {has}"
    )]
    Partitions { has: u32, wants: u32 },
    #[error(
        "the file holds what nobody has taken yet of the bridge {bridge}, which is not configured: \
         add it, or let the old installation take it first"
    )]
    NoBridge { bridge: String },
    #[error("entry {offset} of {}/{partition} cannot be moved: {error}", name(*topic))]
    Refused {
        topic: Topic,
        partition: u32,
        offset: u64,
        error: event_log::Error,
    },
    #[error(
        "the bridge {bridge} stands in partition {has}, and the configuration says {wants}; set \
         bridges.{bridge}.partition to {has}"
    )]
    Misplaced {
        bridge: String,
        has: u32,
        wants: u32,
    },
    #[error(
        "{}/{partition} holds entries already; an import fills empty topics only: delete those of \
         the prefix (kafka-topics.sh --delete), make them anew (crosswalk topics apply) and import \
         again", name(*topic)
    )]
    Occupied { topic: Topic, partition: u32 },
    #[error(
        "{error}; what was imported so far is part of an installation only: delete the topics \
         before anything runs on them, make them anew (crosswalk topics apply) and import again"
    )]
    CutShort { error: event_log::Error },
}

fn name(topic: Topic) -> &'static str {
    topics::spec(topic).name
}
