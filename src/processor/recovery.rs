//! Recovery: brings a view up to the end of its journal, or rebuilds it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use crate::domain::journal::DomainEvent;
use crate::domain::view::VIEW_VERSION;
use crate::domain::{Message, Topic};
use crate::ports::event_log::TopicPartition;
use crate::ports::event_log::{self, Entry, EntryBody, EventLog, ReadFrom, ReadLimit};
use crate::ports::view_store::{self, ViewStore};
use crate::processor::evolve::evolve;
use crate::processor::overlay::Overlay;
use crate::processor::pace::Pace;
use crate::processor::view::View;

pub(in crate::processor) const READ_LIMIT: ReadLimit = ReadLimit {
    entries_max: 2_000,
    bytes_max: 8 << 20,
};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the journal cannot be read")]
    Log(#[from] event_log::Error),
    #[error("the view store fails")]
    Store(#[from] view_store::Error),
    #[error(
        "entry {offset} of the journal cannot be read: {reason}; if another version or build wrote \
         it, run that one; if it is damaged, restore the log from backup"
    )]
    Undecodable { offset: u64, reason: String },
    #[error("entry {offset} of the journal does not follow from those before it")]
    Broken { offset: u64 },
    #[error("it was told to stop before the view had caught up")]
    Stopped,
    #[error("the view at journal offset {offset} has digest {found}, the journal says {recorded}")]
    Digest {
        offset: u64,
        found: String,
        recorded: String,
    },
}

/// How a view came to stand where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recovered {
    /// Whether the store was thrown away and everything evolved anew.
    pub rebuilt: bool,
    /// Entries that were evolved.
    pub entries: u64,
}

/// Opens a view and folds the journal up to `end`. Any doubt leads to one rebuild from the
/// journal's start; a doubt about that one is an error, since the journal itself is then at fault.
pub fn recover(
    log: &Arc<dyn EventLog>,
    store: Box<dyn ViewStore>,
    partition: u32,
    end: u64,
) -> Result<(View, Recovered), Error> {
    let mut view = View::open(store)?;
    let recovered = bring_up(log, &mut view, partition, end, &|| true)?;
    Ok((view, recovered))
}

/// The same with a view that is open already, for as long as it may: what is folded by then stays.
pub fn bring_up(
    log: &Arc<dyn EventLog>,
    view: &mut View,
    partition: u32,
    end: u64,
    goes_on: &dyn Fn() -> bool,
) -> Result<Recovered, Error> {
    if view.journal_offset() <= end {
        match replay(log, view, partition, end, goes_on) {
            Ok(entries) => {
                let rebuilt = false;
                return Ok(Recovered { rebuilt, entries });
            }
            Err(error @ (Error::Log(_) | Error::Stopped)) => return Err(error),
            Err(doubt) => tracing::warn!(partition, %doubt, "view is rebuilt from the journal"),
        }
    } else {
        // An alarm and no stop: the log is the truth, and it may be that only it was restored.
        tracing::error!(
            partition,
            view_offset = view.journal_offset(),
            journal_end = end,
            "view is ahead of the journal and is rebuilt from it; if no older copy of the log was \
             restored on purpose, stop and look whether the right one is configured and mounted"
        );
    }
    view.clear()?;
    let entries = replay(log, view, partition, end, goes_on)?;
    let rebuilt = true;
    Ok(Recovered { rebuilt, entries })
}

/// Empties a view that holds entries of the journal from where on they were taken back.
pub fn keep_to(view: &mut View, partition: u32, taken_back: Option<u64>) -> Result<(), Error> {
    if taken_back.is_none_or(|from| view.journal_offset() <= from) {
        return Ok(());
    }
    tracing::warn!(
        partition,
        "entries of the journal were taken back that the view holds: it is rebuilt"
    );
    Ok(view.clear()?)
}

/// Folds what has come to the journal since, of a partition that somebody else owns: the view is
/// kept warm for a takeover. Waits up to `wait` for the first entry; returns how many there were.
/// A doubt empties the view, which the next calls then rebuild.
pub fn follow(
    log: &Arc<dyn EventLog>,
    view: &mut View,
    partition: u32,
    wait: Duration,
) -> Result<u64, Error> {
    let from = ReadFrom {
        at: TopicPartition {
            topic: Topic::Journal,
            partition,
        },
        offset: view.journal_offset(),
    };
    let batch = match log.read(&[from], READ_LIMIT, wait) {
        Ok(batch) => batch,
        Err(_) if log.bounds(from.at)?.end < from.offset => {
            tracing::error!(
                partition,
                view_offset = from.offset,
                "the view that is kept warm is ahead of the journal and is rebuilt from it"
            );
            view.clear()?;
            return Ok(0);
        }
        Err(error) => return Err(error.into()),
    };
    match fold_all(view, &batch) {
        Ok(evolved) => Ok(evolved),
        Err(doubt) => {
            tracing::warn!(partition, %doubt, "the view that is kept warm is rebuilt");
            view.clear()?;
            Ok(0)
        }
    }
}

/// Evolves the journal from where the view stands up to `end`, part by part for as long as it may.
pub fn replay(
    log: &Arc<dyn EventLog>,
    view: &mut View,
    partition: u32,
    end: u64,
    goes_on: &dyn Fn() -> bool,
) -> Result<u64, Error> {
    let at = TopicPartition {
        topic: Topic::Journal,
        partition,
    };
    let mut evolved = 0;
    let mut pace = Pace::begin(partition, view.journal_offset(), end);
    while view.journal_offset() < end {
        if !goes_on() {
            return Err(Error::Stopped);
        }
        let from = ReadFrom {
            at,
            offset: view.journal_offset(),
        };
        let batch = log.read_below(from, end, READ_LIMIT)?;
        if batch.is_empty() {
            // Only holes are left below the end.
            view.apply(Default::default(), end);
            break;
        }
        evolved += fold_all(view, &batch)?;
        pace.at(view.journal_offset());
    }
    pace.at(view.journal_offset());
    Ok(evolved)
}

fn fold_all(view: &mut View, batch: &[Entry]) -> Result<u64, Error> {
    let mut evolved = 0;
    for entry in batch {
        evolved += u64::from(fold(view, entry)?);
    }
    if let Some(last) = batch.last() {
        view.apply(Default::default(), last.offset + 1);
    }
    settle(view)?;
    Ok(evolved)
}

/// After a part of a journal: what could not be read of the store ends it, and what fills the
/// memory goes to the store.
pub(in crate::processor) fn settle(view: &mut View) -> Result<(), Error> {
    if let Some(reason) = view.failure() {
        return Err(Error::Store(view_store::Error::Failed {
            step: "read",
            reason: reason.to_owned(),
        }));
    }
    if view.is_full() {
        view.checkpoint()?;
    }
    Ok(())
}

/// Folds one entry; false where the view holds it already, or it says nothing.
pub(in crate::processor) fn fold(view: &mut View, entry: &Entry) -> Result<bool, Error> {
    let offset = entry.offset;
    let journaled = match &entry.body {
        EntryBody::Message(Message::Journal(journaled)) => journaled,
        EntryBody::Undecodable { reason, .. } => {
            return Err(Error::Undecodable {
                offset,
                reason: reason.clone(),
            });
        }
        // What an owner wrote to end what was left open.
        EntryBody::Tombstone => return Ok(false),
        _ => {
            let reason = "it is no journal entry".to_owned();
            return Err(Error::Undecodable { offset, reason });
        }
    };
    // Hashing everything that changed is for those entries only that say what it should be.
    let before = match &journaled.event {
        DomainEvent::DigestRecorded { .. } => Some(view.settled_digest()),
        _ => None,
    };
    let mut overlay = Overlay::new(&*view);
    let folded = catch_unwind(AssertUnwindSafe(|| evolve(&mut overlay, journaled)))
        .map_err(|_| Error::Broken { offset })?;
    let changes = overlay.into_changes();
    if let (
        true,
        DomainEvent::DigestRecorded {
            digest,
            view_version,
        },
    ) = (folded, &journaled.event)
        && *view_version == VIEW_VERSION
        && let Some(before) = before
        && *digest != before.to_bytes()
    {
        let (found, recorded) = (before.to_string(), hex::encode(digest));
        return Err(Error::Digest {
            offset,
            found,
            recorded,
        });
    }
    view.apply(changes, offset + 1);
    Ok(folded)
}
