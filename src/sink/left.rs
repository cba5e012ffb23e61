//! Left: that an owner went in good order, with no request under way. Its successor need not wait.

use crate::clients::System;
use crate::domain::{Cursor, Message, Timestamp, Topic};
use crate::ports::event_log::{Entry, EntryBody, Outgoing, Place};
use crate::sink::ahead;

/// The word of the owner with this epoch, for its last commit.
pub fn word(system: System, partition: u32, epoch: u64, at: Timestamp) -> Outgoing {
    let (source, name) = ahead::place(system, partition, "/left");
    let key = Cursor::key(&source, &name).into();
    let position = postcard::to_stdvec(&epoch).expect("a number can be written");
    let cursor = Cursor {
        source,
        name,
        position,
        at,
    };
    Outgoing {
        topic: Topic::Cursors,
        place: Place::ByKey,
        key,
        message: Some(Message::Cursor(cursor)),
    }
}

/// The key under which the word stands.
pub fn key(system: System, partition: u32) -> String {
    let (source, name) = ahead::place(system, partition, "/left");
    Cursor::key(&source, &name)
}

/// Whether the owner right before this epoch left in good order. What cannot be read says no.
pub fn is_said(before: u64, entry: Option<&Entry>) -> bool {
    let said = match entry.map(|entry| &entry.body) {
        Some(EntryBody::Message(Message::Cursor(cursor))) => {
            postcard::from_bytes::<u64>(&cursor.position).ok()
        }
        _ => None,
    };
    said.is_some_and(|epoch| Some(epoch) == before.checked_sub(1))
}
