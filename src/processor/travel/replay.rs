//! The view as it stood: a bridge's journal folded up to a moment, and whoever watches on the way.

use std::sync::Arc;

use crate::domain::view::{BridgeState, ViewEntry, ViewRead, bridge_state};
use crate::domain::{BridgeId, JournalEntry, JournalKey, Message, Timestamp, Topic, ViewKey};
use crate::ports::event_log::{EntryBody, EventLog, ReadFrom, TopicPartition};
use crate::ports::view_snapshots::ViewSnapshots;
use crate::ports::view_store::{self, MemoryStore, Standing, ViewStore};
use crate::processor::recovery::{Error, READ_LIMIT, fold, settle};
use crate::processor::snapshot::{journal_below, restore_where};
use crate::processor::view::View;

/// Up to where a journal counts. What is named is the last that does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// All of it.
    Now,
    /// What was decided up to this moment of our clock.
    Time(Timestamp),
    /// A sequence of the bridge, as `explain` and `history` show it.
    Sequence(u64),
    /// An offset of the partition's journal, as `tail` and `verify` show it.
    Offset(u64),
}

impl Until {
    /// Whether an entry counts. Stamps and sequences of a bridge never go back, so that what
    /// follows the first one that does not does not either.
    fn takes(self, bridge: &BridgeId, offset: u64, entry: &JournalEntry) -> bool {
        let of_bridge = matches!(&entry.key, JournalKey::Bridge(id) if id == bridge);
        match self {
            Self::Now => true,
            Self::Offset(last) => offset <= last,
            Self::Time(last) => !of_bridge || entry.at <= last,
            Self::Sequence(last) => !of_bridge || entry.sequence <= last,
        }
    }

    /// Whether a view that stands there holds nothing that does not count.
    fn admits(self, standing: &Standing, state: &BridgeState) -> bool {
        match self {
            Self::Now => true,
            Self::Offset(last) => standing.journal_offset <= last.saturating_add(1),
            Self::Time(last) => state.last_at <= last,
            Self::Sequence(last) => state.next_sequence <= last.saturating_add(1),
        }
    }
}

/// Looks on while a journal is folded.
pub trait Watch {
    /// Before an entry is folded. False ends the replay, and the entry is not folded.
    fn before(&mut self, view: &View, offset: u64, entry: &JournalEntry) -> bool;

    fn after(&mut self, _view: &View, _offset: u64, _entry: &JournalEntry) {}
}

/// Looks at nothing.
pub struct Unwatched;

impl Watch for Unwatched {
    fn before(&mut self, _: &View, _: u64, _: &JournalEntry) -> bool {
        true
    }
}

/// One bridge's journal, up to a moment.
pub struct Replay<'a> {
    pub log: &'a Arc<dyn EventLog>,
    pub partition: u32,
    pub bridge: &'a BridgeId,
    pub until: Until,
    /// Where the partition's journal ends.
    pub end: u64,
}

impl Replay<'_> {
    /// A view in memory that begins with the newest snapshot that holds nothing beyond the moment,
    /// and with nothing where there is none.
    pub fn begin(&self, snapshots: Option<&dyn ViewSnapshots>) -> Result<View, Error> {
        self.begin_in(Box::<MemoryStore>::default(), snapshots)
    }

    /// The same in an empty store of the caller's.
    pub fn begin_in(
        &self,
        mut store: Box<dyn ViewStore>,
        snapshots: Option<&dyn ViewSnapshots>,
    ) -> Result<View, Error> {
        if let Some(snapshots) = snapshots {
            let journal = |offset| journal_below(self.log.as_ref(), self.partition, offset);
            let fits = |store: &dyn ViewStore, standing: &Standing| {
                let inside = standing.journal_offset <= self.end;
                inside
                    && self
                        .until
                        .admits(standing, &stored_state(store, self.bridge))
            };
            restore_where(store.as_mut(), snapshots, self.partition, &journal, &fits)?;
        }
        Ok(View::open(store)?)
    }

    /// Folds what counts beyond where the view stands.
    pub fn run(&self, view: &mut View, watch: &mut dyn Watch) -> Result<(), Error> {
        let at = TopicPartition {
            topic: Topic::Journal,
            partition: self.partition,
        };
        while view.journal_offset() < self.end {
            let offset = view.journal_offset();
            let batch = self
                .log
                .read_below(ReadFrom { at, offset }, self.end, READ_LIMIT)?;
            let Some(last) = batch.last() else {
                // Only holes are left below the end.
                view.apply(Default::default(), self.end);
                break;
            };
            let behind = last.offset + 1;
            for entry in &batch {
                let EntryBody::Message(Message::Journal(journaled)) = &entry.body else {
                    fold(view, entry)?;
                    continue;
                };
                let goes_on = self.until.takes(self.bridge, entry.offset, journaled)
                    && watch.before(view, entry.offset, journaled);
                if !goes_on {
                    return settle(view);
                }
                fold(view, entry)?;
                watch.after(view, entry.offset, journaled);
            }
            view.apply(Default::default(), behind);
            settle(view)?;
        }
        Ok(())
    }
}

/// Where a view stands in the journal of a bridge: the last sequence that it holds, and when that
/// was decided. None before the first.
pub fn stands<V: ViewRead>(view: &V, bridge: &BridgeId) -> Option<(u64, Timestamp)> {
    let state = bridge_state(view, bridge);
    Some((state.next_sequence.checked_sub(1)?, state.last_at))
}

fn stored_state(store: &dyn ViewStore, bridge: &BridgeId) -> BridgeState {
    let key = ViewKey::bridge(bridge);
    let stored: Result<_, view_store::Error> = store.get(key.as_bytes());
    let entry = stored.ok().flatten();
    match entry.and_then(|bytes| ViewEntry::from_bytes(&bytes).ok()) {
        Some(ViewEntry::Bridge(state)) => state,
        // A bridge that has no journal there holds nothing of it.
        _ => BridgeState::default(),
    }
}
