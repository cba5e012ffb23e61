//! The adapter itself: the port's calls, handed to the writer or to the readers.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::domain::Topic;
use crate::log::embedded::apply;
use crate::log::embedded::checkpoint::Checkpointer;
use crate::log::embedded::inspect::{self, Span};
use crate::log::embedded::layout;
use crate::log::embedded::options::Options;
use crate::log::embedded::outgoing;
use crate::log::embedded::reader::{self, Readers};
use crate::log::embedded::signal::Signal;
use crate::log::embedded::writer::{Request, Writer};
use crate::log::encoded::{self, call_id, check_outputs, checked, encode, no_ids};
use crate::log::headers::Headers;
use crate::log::topics::{Partitions, group_name, group_topics};
use crate::ports::event_log::{Bounds, Commit, Entry, EntryBody, Error, EventLog, Group, Lease};
use crate::ports::event_log::{Outgoing, ReadFrom, ReadLimit, TopicPartition};

const STOPPED: &str = "the writer of the log has stopped";

/// The event log in one SQLite file. Share it in an `Arc`; dropping the last one writes what
/// waits and closes the file.
#[derive(Debug)]
pub struct EmbeddedLog {
    path: PathBuf,
    options: Options,
    partitions: Partitions,
    readers: Readers,
    requests: Option<SyncSender<Request>>,
    writer: Option<JoinHandle<()>>,
}

impl EmbeddedLog {
    /// Opens the file, which is made if it is missing and `create` says so.
    pub fn open(path: impl AsRef<Path>, options: Options) -> Result<Self, Error> {
        let path = path.as_ref().to_path_buf();
        let (conn, partitions) = layout::open_writer(&path, &options)?;
        let signal = Arc::new(Signal::default());
        let (requests, received) = sync_channel(options.queue_max.max(1));
        let writer = Writer {
            conn,
            requests: received,
            signal: signal.clone(),
            checkpointer: Checkpointer::start(&path)?,
            options: options.clone(),
        };
        let writer = thread::Builder::new()
            .name("log-writer".to_owned())
            .spawn(move || writer.run())
            .map_err(|error| Error::Open(error.to_string()))?;
        Ok(Self {
            readers: Readers::new(path.clone(), signal),
            path,
            options,
            partitions,
            requests: Some(requests),
            writer: Some(writer),
        })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn partitions(&self) -> Partitions {
        self.partitions
    }

    /// What a partition holds.
    pub fn span(&self, at: TopicPartition) -> Result<Span, Error> {
        self.check(at.topic, at.partition)?;
        self.readers
            .with(|conn| inspect::span(conn, at))
            .map_err(read_failed)
    }

    /// A group's committed position; 0 while it has none.
    pub fn position(&self, group: Group, at: TopicPartition) -> Result<u64, Error> {
        self.check(at.topic, at.partition)?;
        let found = self.readers.with(|conn| apply::position(conn, group, at));
        Ok(found.map_err(read_failed)?.unwrap_or(0))
    }

    /// The headers of an entry by name; empty where there is no such entry.
    pub fn headers(
        &self,
        at: TopicPartition,
        offset: u64,
    ) -> Result<Vec<(&'static str, String)>, Error> {
        self.check(at.topic, at.partition)?;
        let packed = self.readers.with(|conn| inspect::headers(conn, at, offset));
        let packed = packed.map_err(read_failed)?.unwrap_or_default();
        Ok(Headers::unpack(&packed))
    }

    /// Removes old entries now, at most as many as one pass may; says how many went. The writer
    /// does the same on its own now and then.
    pub fn trim(&self) -> Result<usize, Error> {
        let told = self.ask(|answer| Request::Trim { answer });
        told.unwrap_or_else(|| Err(STOPPED.to_owned()))
            .map_err(Error::Append)
    }

    fn check(&self, topic: Topic, partition: u32) -> Result<(), Error> {
        let prefix = &self.options.prefix;
        checked(topic, partition, self.partitions, prefix).map(|_| ())
    }

    /// Sends a request and waits for its answer; none when the writer has stopped.
    fn ask<T>(&self, request: impl FnOnce(SyncSender<T>) -> Request) -> Option<T> {
        let (answer, told): (SyncSender<T>, Receiver<T>) = sync_channel(1);
        let requests = self.requests.as_ref().expect("taken away only by drop");
        requests.send(request(answer)).ok()?;
        told.recv().ok()
    }
}

impl EventLog for EmbeddedLog {
    fn positions(&self, group: Group, partition: u32) -> Result<BTreeMap<Topic, u64>, Error> {
        let mut positions = BTreeMap::new();
        for topic in group_topics(group) {
            let at = TopicPartition {
                topic: *topic,
                partition,
            };
            self.check(at.topic, at.partition)?;
            let found = self.readers.with(|conn| apply::position(conn, group, at));
            if let Some(position) = found.map_err(read_failed)? {
                positions.insert(*topic, position);
            }
        }
        Ok(positions)
    }

    fn bounds(&self, at: TopicPartition) -> Result<Bounds, Error> {
        let Span { start, end, .. } = self.span(at)?;
        Ok(Bounds { start, end })
    }

    fn append(&self, batch: Vec<Outgoing>) -> Result<(), Error> {
        self.append_all(Arc::new(vec![batch]))
    }

    fn append_all(&self, batches: Arc<Vec<Vec<Outgoing>>>) -> Result<(), Error> {
        let batch = batches.iter().flatten();
        let encoded = encode(batch, self.partitions, &self.options.prefix, &no_ids)?;
        let rows = outgoing::rows(encoded, &self.options)?;
        if rows.is_empty() {
            return Ok(());
        }
        let told = self.ask(|answer| Request::Append { rows, answer });
        told.unwrap_or_else(|| Err(STOPPED.to_owned()))
            .map_err(Error::Append)
    }

    fn read(
        &self,
        from: &[ReadFrom],
        limit: ReadLimit,
        wait: Duration,
    ) -> Result<Vec<Entry>, Error> {
        for start in from {
            self.check(start.at.topic, start.at.partition)?;
        }
        self.readers.read(from, limit, wait).map_err(read_failed)
    }

    fn decode(&self, topic: Topic, value: &[u8]) -> Result<EntryBody, Error> {
        Ok(encoded::decode(topic, Some(value)))
    }

    fn latest(&self, topic: Topic, key: &str) -> Result<Option<Entry>, Error> {
        let found = self.readers.with(|conn| reader::latest(conn, topic, key));
        found.map_err(read_failed)
    }

    fn acquire(&self, group: Group, partition: u32) -> Result<Lease, Error> {
        for topic in group_topics(group) {
            self.check(*topic, partition)?;
        }
        let request = |answer| Request::Acquire {
            group,
            partition,
            answer,
        };
        let told = self.ask(request).unwrap_or_else(|| Err(STOPPED.to_owned()));
        let name = group_name(group);
        told.map_err(|reason| Error::Acquire(format!("{name}, partition {partition}: {reason}")))
    }

    fn commit(
        &self,
        lease: &Lease,
        outputs: Vec<Outgoing>,
        positions: &[(TopicPartition, u64)],
    ) -> Commit {
        let refused = |error: Error| Commit::Aborted {
            fenced: false,
            reason: error.to_string(),
        };
        let encoded = match encode(outputs, self.partitions, &self.options.prefix, &no_ids) {
            Ok(encoded) => encoded,
            Err(error) => return refused(error),
        };
        if let Err(reason) = check_outputs(lease.group, &encoded) {
            let fenced = false;
            return Commit::Aborted { fenced, reason };
        }
        let call = call_id(lease.epoch, &encoded, positions);
        let rows = match outgoing::rows(encoded, &self.options) {
            Ok(rows) => rows,
            Err(error) => return refused(error),
        };
        let request = |answer| Request::Commit {
            lease: lease.clone(),
            call,
            positions: positions.to_vec(),
            rows,
            answer,
        };
        self.ask(request).unwrap_or_else(|| Commit::Unknown {
            reason: STOPPED.to_owned(),
        })
    }
}

impl Drop for EmbeddedLog {
    fn drop(&mut self) {
        self.requests = None;
        if let Some(writer) = self.writer.take()
            && writer.join().is_err()
        {
            tracing::error!(path = %self.path.display(), "the writer of the log panicked");
        }
    }
}

/// Names a commit call by all it asks for, so that its repetition is recognised.
fn read_failed(error: rusqlite::Error) -> Error {
    Error::Read(error.to_string())
}
