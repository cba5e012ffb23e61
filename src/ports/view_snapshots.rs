//! The snapshots port: copies of a view that outlive it, from which a new one begins.

use crate::ports::view_store::{Error, KeyValue, Standing};

/// Where snapshots are kept. They may be lost, and may be of another journal: each carries what the
/// journal held below it, which is compared before it is used.
pub trait ViewSnapshots: Send + Sync {
    /// Begins a snapshot of a partition's view. Nobody sees it before it is finished.
    fn begin(&self, partition: u32, stands: &Stands) -> Result<Box<dyn SnapshotWriter>, Error>;

    /// The finished snapshots of a partition by their names, the newest first.
    fn names(&self, partition: u32) -> Result<Vec<String>, Error>;

    fn open(&self, name: &str) -> Result<Snapshot, Error>;
}

/// Where a snapshot stands, and of which journal it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stands {
    pub standing: Standing,
    /// The hash of the last journal entry below its offset.
    pub journal: [u8; 32],
}

/// A snapshot that is being written.
pub trait SnapshotWriter: Send {
    /// Adds an entry. Each key comes once, in any order.
    fn put(&mut self, key: &[u8], value: &[u8]) -> Result<(), Error>;

    /// Makes the snapshot durable and visible, and removes the oldest ones. It can take long.
    fn finish(self: Box<Self>) -> Result<(), Error>;
}

/// A snapshot that is read.
pub struct Snapshot {
    pub stands: Stands,
    pub entries: Box<dyn Iterator<Item = Result<KeyValue, Error>>>,
}
