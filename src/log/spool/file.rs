//! The spool's file: records of one append each, synced before anybody is told, taken from the
//! front.
//!
//! A record is its length, the first bytes of its hash, and the entries. One that was cut off by a
//! crash was never answered, and is cut off for good. Where the front stands is kept beside it,
//! roughly: after a crash some records are appended a second time, which the observation ids tell.

use std::fs::{self, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::avro;
use crate::domain::Topic;
use crate::ports::event_log::{Outgoing, Place};

const RECORDS: &str = "appends.spool";
const FRONT: &str = "appends.front";
/// What the log refused when its turn came.
const REFUSED: &str = "appends.refused";
/// The file as it was before what could not be read was cut off.
const CUT: &str = "appends.cut";
const HEAD_BYTES: u64 = 12;
/// How long an owner that was just killed, or that pauses before it ends, may still hold the file.
const LOCK_LINGERS: Duration = Duration::from_secs(6);

/// The folder holds as much as it may.
#[derive(Debug, thiserror::Error)]
#[error("the spool is full")]
pub struct Full;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Full(#[from] Full),
    #[error("the spool in {folder} cannot be used: {source}")]
    Io { folder: String, source: io::Error },
    #[error("an entry cannot be written down: {0}")]
    Encode(String),
}

/// One append that waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spooled {
    /// Its number, as long as the process lives.
    pub number: u64,
    pub entries: Vec<Outgoing>,
}

#[derive(Serialize, Deserialize)]
struct Stored {
    topic: String,
    partition: Option<u32>,
    key: String,
    message: Option<Vec<u8>>,
}

/// The file, and where its records lie.
pub struct File {
    folder: PathBuf,
    records: fs::File,
    bytes_max: u64,
    /// The first byte of the first record that waits, and the byte behind the last.
    front: u64,
    end: u64,
    /// The number of the first record that waits, and of the next that is pushed.
    first: u64,
    next: u64,
}

impl File {
    /// Opens or makes a spool, with what a predecessor left in it.
    pub fn open(folder: &Path, bytes_max: u64) -> Result<Self, Error> {
        let opened = Self::open_in(folder, bytes_max);
        opened.map_err(|source| failed(folder, source))
    }

    fn open_in(folder: &Path, bytes_max: u64) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        let path = folder.join(RECORDS);
        let mut options = fs::File::options();
        let options = options.read(true).write(true).create(true).truncate(false);
        let records = options.open(path)?;
        own(&records)?;
        fs::File::open(folder)?.sync_all()?;
        let length = records.metadata()?.len();
        let kept = fs::read_to_string(folder.join(FRONT)).unwrap_or_default();
        let front: u64 = kept.trim().parse().unwrap_or(0);
        let mut file = Self {
            folder: folder.to_owned(),
            records,
            bytes_max,
            front,
            end: length,
            first: 0,
            next: 0,
        };
        // A front at which nothing begins is not that of these records: what was appended already
        // is appended once more, and told apart by its id.
        let begins = front < length && file.record(front, length)?.is_some();
        if front > 0 && !begins && front != length {
            file.front = 0;
            file.keep_front()?;
        }
        file.count()?;
        Ok(file)
    }

    /// Counts the records that are whole, and cuts off the rest.
    fn count(&mut self) -> io::Result<()> {
        let (mut at, length) = (self.front, self.end);
        while let Some((_, next)) = self.record(at, length)? {
            at = next;
            self.next += 1;
        }
        if at < length {
            // The last record of a process that was killed, mostly; else somebody can look at it.
            let bytes = length - at;
            tracing::warn!(
                bytes,
                "the end of the spool cannot be read; it stands in {CUT}"
            );
            fs::copy(self.folder.join(RECORDS), self.folder.join(CUT))?;
        }
        self.end = at;
        self.records.set_len(at)?;
        self.records.sync_data()
    }

    pub fn is_empty(&self) -> bool {
        self.first == self.next
    }

    /// How many appends wait.
    pub fn len(&self) -> u64 {
        self.next - self.first
    }

    pub fn bytes(&self) -> u64 {
        self.end - self.front
    }

    /// Adds an append behind the others. It survives a crash when this returns; answers its number.
    pub fn push(&mut self, entries: &[Outgoing]) -> Result<u64, Error> {
        let payload = encode(entries)?;
        let bytes = HEAD_BYTES + payload.len() as u64;
        if self.end + bytes > self.bytes_max {
            return Err(Full.into());
        }
        let written = self.write(&payload);
        if let Err(source) = written {
            // Half a record would hide what is written behind it.
            let _ = self.records.set_len(self.end);
            return Err(failed(&self.folder, source));
        }
        self.end += bytes;
        let number = self.next;
        self.next += 1;
        Ok(number)
    }

    fn write(&mut self, payload: &[u8]) -> io::Result<()> {
        self.records.seek(SeekFrom::Start(self.end))?;
        self.records.write_all(&framed(payload))?;
        self.records.sync_data()
    }

    /// The append that waits longest.
    pub fn front(&mut self) -> Result<Option<Spooled>, Error> {
        if self.is_empty() {
            return Ok(None);
        }
        let read = self.record(self.front, self.end);
        let read = read.map_err(|source| failed(&self.folder, source))?;
        let entries = read.and_then(|(payload, _)| decode(&payload));
        let entries = entries.ok_or_else(|| {
            let source = io::Error::new(io::ErrorKind::InvalidData, "a record cannot be read");
            failed(&self.folder, source)
        })?;
        let number = self.first;
        Ok(Some(Spooled { number, entries }))
    }

    /// The first append is in the log now.
    pub fn pop(&mut self) -> Result<(), Error> {
        let popped = self.pop_front();
        popped.map_err(|source| failed(&self.folder, source))
    }

    /// Writes an append down elsewhere: it will never be taken by the log as it is.
    pub fn set_aside(&self, append: &Spooled) -> Result<(), Error> {
        let payload = encode(&append.entries)?;
        let record = framed(&payload);
        let write = || {
            let mut options = fs::File::options();
            let options = options.append(true).create(true);
            let mut file = options.open(self.folder.join(REFUSED))?;
            file.write_all(&record)?;
            file.sync_data()
        };
        write().map_err(|source| failed(&self.folder, source))
    }

    fn pop_front(&mut self) -> io::Result<()> {
        let Some((_, next)) = self.record(self.front, self.end)? else {
            return Ok(());
        };
        self.front = next;
        self.first += 1;
        if !self.is_empty() {
            return self.keep_front();
        }
        // The front goes first: behind a file that was emptied it would stand for ever, and what is
        // spooled next would begin before it.
        self.front = 0;
        self.keep_front()?;
        self.records.set_len(0)?;
        self.end = 0;
        self.records.sync_data()
    }

    /// Writes down where the first record begins.
    fn keep_front(&self) -> io::Result<()> {
        let path = self.folder.join(FRONT);
        let new = path.with_extension("new");
        fs::write(&new, self.front.to_string())?;
        if self.front == 0 {
            fs::File::open(&new)?.sync_data()?;
        }
        fs::rename(new, path)?;
        match self.front {
            0 => fs::File::open(&self.folder)?.sync_all(),
            _ => Ok(()),
        }
    }

    /// The record at a place and where the next begins; none where no whole one stands.
    fn record(&mut self, at: u64, end: u64) -> io::Result<Option<(Vec<u8>, u64)>> {
        if at + HEAD_BYTES > end {
            return Ok(None);
        }
        self.records.seek(SeekFrom::Start(at))?;
        let mut head = [0; HEAD_BYTES as usize];
        self.records.read_exact(&mut head)?;
        let (length, sum) = head.split_at(4);
        let length = u64::from(u32::from_le_bytes(length.try_into().unwrap_or_default()));
        let next = at + HEAD_BYTES + length;
        if next > end {
            return Ok(None);
        }
        let mut payload = vec![0; length as usize];
        self.records.read_exact(&mut payload)?;
        Ok((check(&payload) == *sum).then_some((payload, next)))
    }
}

/// Takes a file for this process alone. A process that was just killed may hold it for a moment.
fn own(records: &fs::File) -> io::Result<()> {
    let deadline = Instant::now() + LOCK_LINGERS;
    loop {
        match records.try_lock() {
            Ok(()) => return Ok(()),
            Err(TryLockError::WouldBlock) if Instant::now() < deadline => {
                std::thread::sleep(Duration::from_millis(20));
            }
            Err(TryLockError::WouldBlock) => {
                let text = "another process has it open; give each a spool.path of its own";
                return Err(io::Error::new(io::ErrorKind::ResourceBusy, text));
            }
            Err(TryLockError::Error(error)) => return Err(error),
        }
    }
}

/// A record as it stands in the file.
fn framed(payload: &[u8]) -> Vec<u8> {
    let length = (payload.len() as u32).to_le_bytes();
    let mut record = Vec::with_capacity(HEAD_BYTES as usize + payload.len());
    record.extend(length);
    record.extend(check(payload));
    record.extend(payload);
    record
}

fn check(payload: &[u8]) -> [u8; 8] {
    let hash = blake3::hash(payload);
    let mut sum = [0; 8];
    sum.copy_from_slice(&hash.as_bytes()[..8]);
    sum
}

fn failed(folder: &Path, source: io::Error) -> Error {
    let folder = folder.display().to_string();
    Error::Io { folder, source }
}

fn encode(entries: &[Outgoing]) -> Result<Vec<u8>, Error> {
    let stored = |entry: &Outgoing| {
        let message = entry.message.as_ref().map(avro::encode).transpose();
        Ok(Stored {
            topic: entry.topic.label().to_owned(),
            partition: match entry.place {
                Place::Partition(partition) => Some(partition),
                Place::ByKey => None,
            },
            key: entry.key.to_string(),
            message: message.map_err(|error| Error::Encode(error.to_string()))?,
        })
    };
    let stored: Result<Vec<Stored>, Error> = entries.iter().map(stored).collect();
    postcard::to_stdvec(&stored?).map_err(|error| Error::Encode(error.to_string()))
}

fn decode(payload: &[u8]) -> Option<Vec<Outgoing>> {
    let stored: Vec<Stored> = postcard::from_bytes(payload).ok()?;
    let entry = |stored: Stored| {
        let mut topics = Topic::ALL.into_iter();
        let topic = topics.find(|topic| topic.label() == stored.topic)?;
        let message = match stored.message {
            Some(bytes) => Some(avro::decode(topic, &bytes).ok()?),
            None => None,
        };
        Some(Outgoing {
            topic,
            place: stored.partition.map_or(Place::ByKey, Place::Partition),
            key: stored.key.into(),
            message,
        })
    };
    stored.into_iter().map(entry).collect()
}
