//! The event log port: ordered partitions, durable appends, atomic commits under a lease.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::domain::{Message, Timestamp, Topic};
use crate::ports::membership::{Alone, Membership};

/// The log as every stage sees it. Calls block; a shell that is asynchronous calls them on a
/// thread of its own.
///
/// - **Order**: entries of a partition are read in the order of their offsets, which only grow.
///   Offsets may have holes.
/// - **Durability**: when `append` or `commit` says that it happened, it survives a crash.
/// - **Atomicity**: the entries of one `append`, and the outputs and positions of one `commit`,
///   become visible together or never. Readers never see outputs of an aborted commit.
/// - **Fencing**: of two owners of a lease, at most one commit succeeds: acquiring ends the
///   predecessor's lease.
pub trait EventLog: Send + Sync {
    /// Appends a batch, over any topics, atomically; a cursor is an entry among them.
    fn append(&self, batch: Vec<Outgoing>) -> Result<(), Error>;

    /// Appends several batches, each of which is atomic by itself; those of one entry keep their
    /// order. One that does not fit refuses all of them; after another error some may stand. Where
    /// one commit costs as much as many, all are one.
    fn append_all(&self, batches: Arc<Vec<Vec<Outgoing>>>) -> Result<(), Error> {
        self.append(batches.concat())
    }

    /// Reads on from the given offsets, merged in the order of `from`. Waits up to `wait` for
    /// the first entry; returns an empty batch when none came. The caller keeps the positions: the
    /// same call after an abort returns the same entries.
    fn read(
        &self,
        from: &[ReadFrom],
        limit: ReadLimit,
        wait: Duration,
    ) -> Result<Vec<Entry>, Error>;

    /// Reads what stands in a partition below `end`, waiting for it as long as it takes: nothing
    /// only where nothing more stands below it. `end` is one that a lease has told.
    fn read_below(&self, from: ReadFrom, end: u64, limit: ReadLimit) -> Result<Vec<Entry>, Error> {
        let mut entries = self.read(&[from], limit, Duration::ZERO)?;
        entries.retain(|entry| entry.offset < end);
        Ok(entries)
    }

    /// Where a partition begins and ends, with what is not committed yet.
    fn bounds(&self, at: TopicPartition) -> Result<Bounds, Error>;

    /// The positions that a group has committed in a partition, by topic; none where it has none,
    /// or where the log does not tell.
    fn positions(&self, _group: Group, _partition: u32) -> Result<BTreeMap<Topic, u64>, Error> {
        Ok(BTreeMap::new())
    }

    /// When the first entry that stands between two offsets was appended; none where there is
    /// none.
    fn first_appended(&self, from: ReadFrom, end: u64) -> Result<Option<Timestamp>, Error> {
        let one = ReadLimit {
            entries_max: 1,
            bytes_max: 1,
        };
        let found = self.read_below(from, end, one)?;
        Ok(found.first().map(|entry| entry.appended_at))
    }

    /// What a value that stood on a topic of this log says: what could not be decoded when it was
    /// read may be known by now. The error is that nobody can tell now.
    fn decode(&self, topic: Topic, value: &[u8]) -> Result<EntryBody, Error>;

    /// The newest entry of a key in a compacted topic, or none; a tombstone counts as none.
    fn latest(&self, topic: Topic, key: &str) -> Result<Option<Entry>, Error>;

    /// Joins those that share a group's partitions, of which there are as many. Where a log has one
    /// process only, all of them are its share.
    fn join(&self, _group: Group, partitions: u32) -> Result<Box<dyn Membership>, Error> {
        Ok(Box::new(Alone::with(partitions)))
    }

    /// Takes a group's partition over. Whoever held it can no longer commit.
    fn acquire(&self, group: Group, partition: u32) -> Result<Lease, Error>;

    /// Commits outputs and input positions as one step, if the lease still holds.
    fn commit(
        &self,
        lease: &Lease,
        outputs: Vec<Outgoing>,
        positions: &[(TopicPartition, u64)],
    ) -> Commit;
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TopicPartition {
    pub topic: Topic,
    pub partition: u32,
}

/// The consumer groups; their names stand in `log/topics.rs`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Group {
    Processor,
    SalesforceSink,
    IntercomSink,
    /// Consumes nothing: its one lease says which process may move the cursors.
    Feeds,
}

impl Group {
    pub const ALL: [Self; 4] = [
        Self::Processor,
        Self::SalesforceSink,
        Self::IntercomSink,
        Self::Feeds,
    ];
}

/// An entry to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outgoing {
    pub topic: Topic,
    pub place: Place,
    pub key: Arc<str>,
    /// None is a tombstone; only compacted topics take one.
    pub message: Option<Message>,
}

/// Which partition an entry goes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// The bridge's configured partition.
    Partition(u32),
    /// By the hash of the key.
    ByKey,
}

/// An entry that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub at: TopicPartition,
    pub offset: u64,
    pub appended_at: Timestamp,
    pub key: String,
    pub body: EntryBody,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EntryBody {
    Message(Message),
    Tombstone,
    /// Bytes that today's schemas cannot read; the reader makes a dead letter of them.
    Undecodable {
        bytes: Vec<u8>,
        reason: String,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadFrom {
    pub at: TopicPartition,
    /// The first offset wanted.
    pub offset: u64,
}

/// The first offset that is still there, and the next to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    pub start: u64,
    pub end: u64,
}

/// Reads everything that stands in a partition now, in order, in parts of at most `limit`.
pub fn each<E: From<Error>>(
    log: &dyn EventLog,
    at: TopicPartition,
    limit: ReadLimit,
    take: impl FnMut(Entry) -> Result<(), E>,
) -> Result<(), E> {
    each_within(log, at, log.bounds(at)?, limit, take)
}

/// The same within bounds that were told before.
pub fn each_within<E: From<Error>>(
    log: &dyn EventLog,
    at: TopicPartition,
    Bounds { start, end }: Bounds,
    limit: ReadLimit,
    mut take: impl FnMut(Entry) -> Result<(), E>,
) -> Result<(), E> {
    let mut offset = start;
    while offset < end {
        let entries = log.read_below(ReadFrom { at, offset }, end, limit)?;
        let Some(last) = entries.last() else { break };
        offset = last.offset + 1;
        entries.into_iter().try_for_each(&mut take)?;
    }
    Ok(())
}

/// Bounds one read. At least one entry is returned if there is one, however large.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadLimit {
    pub entries_max: usize,
    pub bytes_max: usize,
}

/// The right to commit for one partition of one group, until somebody else acquires it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    pub group: Group,
    pub partition: u32,
    /// Grows with each acquisition.
    pub epoch: u64,
    /// The group's committed position per topic: the next offset to take.
    pub positions: BTreeMap<Topic, u64>,
    /// From where on entries of the journal were taken back by acquiring, which somebody may have
    /// been told were committed: a view that stands beyond is none of this journal.
    pub taken_back: Option<u64>,
    /// The end of each of the group's topics at the moment of acquiring: entries below it may
    /// have been handled by the predecessor without a trace.
    pub ends: BTreeMap<Topic, u64>,
}

/// How a commit ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Commit {
    Committed {
        /// The offset behind the last output, per topic that got one.
        ends: BTreeMap<Topic, u64>,
    },
    /// Nothing happened. `fenced`: the lease is lost and must be acquired anew.
    Aborted { fenced: bool, reason: String },
    /// It may have happened: call again with the same arguments, which settles it; if that does
    /// not, acquire anew and read.
    Unknown { reason: String },
}

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the log cannot be opened: {0}")]
    Open(String),
    #[error("append to the log failed: {0}")]
    Append(String),
    #[error("reading the log failed: {0}")]
    Read(String),
    #[error("acquiring a lease failed: {0}")]
    Acquire(String),
    #[error("sharing the work with others failed: {0}")]
    Share(String),
    #[error("a message cannot be encoded for {topic}: {reason}")]
    Encode { topic: String, reason: String },
    #[error("{topic} has no partition {partition}")]
    NoPartition { topic: String, partition: u32 },
}
