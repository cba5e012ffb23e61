//! Adapter of the snapshots port: a folder with an Avro object container for each snapshot.
//!
//! ```text
//! <path>/view-<partition>-<journal offset>.snapshot
//! ```

use std::fs::{self, File};
use std::io::{BufReader, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use apache_avro::types::Value;
use apache_avro::{Reader, Schema, Writer};

use crate::ports::view_snapshots::{Snapshot, SnapshotWriter, Stands, ViewSnapshots};
use crate::ports::view_store::{Error, KeyValue};
use crate::store::standing;

const SCHEMA: &str = r#"{
  "type": "record", "name": "ViewEntry", "namespace": "crosswalk.view",
  "fields": [{"name": "key", "type": "bytes"}, {"name": "value", "type": "bytes"}]
}"#;

static ENTRY: LazyLock<Schema> =
    LazyLock::new(|| Schema::parse_str(SCHEMA).expect("the schema of a snapshot is one"));

/// Where the standing is in the container's metadata.
const STANDING: &str = "crosswalk.standing";
const JOURNAL: &str = "crosswalk.journal";
/// An entry of the view is far smaller; a length that lies must not cost more.
const BLOCK_BYTES_MAX: usize = 64 << 20;
/// What was begun so long ago was left by a process that is gone.
const STALE: Duration = Duration::from_secs(24 * 60 * 60);
const ENDING: &str = ".snapshot";

/// Of each partition so many snapshots stay.
const KEPT: usize = 2;

/// Snapshots in a folder, which several processes may share.
#[derive(Debug, Clone)]
pub struct SnapshotFolder {
    path: PathBuf,
}

impl SnapshotFolder {
    /// Makes the folder where it is missing. It is one installation's.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, Error> {
        let path = path.into();
        fs::create_dir_all(&path).map_err(|error| Error::Open {
            path: path.display().to_string(),
            reason: error.to_string(),
        })?;
        Ok(Self { path })
    }

    /// The finished snapshots of a partition, the oldest first.
    fn of(&self, partition: u32) -> Result<Vec<PathBuf>, Error> {
        let begins = format!("view-{partition}-");
        let files = fs::read_dir(&self.path).map_err(|error| failed("list snapshots", error))?;
        let mut found: Vec<PathBuf> = files
            .filter_map(|file| {
                let path = file.ok()?.path();
                let name = path.file_name()?.to_str()?;
                let is_one = name.starts_with(&begins) && name.ends_with(ENDING);
                is_one.then_some(path)
            })
            .collect();
        // The offset is written with all its digits.
        found.sort();
        Ok(found)
    }

    /// Keeps the newest ones up to the one that was just finished. What lies beyond it is of
    /// another journal, or of one whose end was lost: its owner stands behind all others.
    fn remove_old(&self, partition: u32, finished: &Path) -> Result<(), Error> {
        let (found, beyond): (Vec<_>, Vec<_>) = self
            .of(partition)?
            .into_iter()
            .partition(|path| path.as_path() <= finished);
        let old = found.len().saturating_sub(KEPT);
        for path in found[..old].iter().chain(&beyond) {
            fs::remove_file(path).map_err(|error| failed("remove an old snapshot", error))?;
        }
        Ok(())
    }

    fn remove_parts(&self, partition: u32) -> Result<(), Error> {
        let begins = format!("view-{partition}-");
        let files = fs::read_dir(&self.path).map_err(|error| failed("list snapshots", error))?;
        for file in files.flatten() {
            let name = file.file_name();
            let name = name.to_string_lossy();
            let age = file.metadata().and_then(|found| found.modified());
            let age = age.ok().and_then(|at| at.elapsed().ok());
            if name.starts_with(&begins)
                && name.contains(".part-")
                && age.is_some_and(|age| age > STALE)
            {
                remove(&file.path());
            }
        }
        Ok(())
    }
}

impl ViewSnapshots for SnapshotFolder {
    fn begin(&self, partition: u32, stands: &Stands) -> Result<Box<dyn SnapshotWriter>, Error> {
        self.remove_parts(partition)?;
        let name = format!(
            "view-{partition}-{:020}{ENDING}",
            stands.standing.journal_offset
        );
        let path = self.path.join(name);
        // Two processes may be at it, each the first one of its container: every file is new.
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let now = now.map_or(0, |now| now.as_nanos());
        let part = path.with_extension(format!("part-{}-{now}", std::process::id()));
        // It holds what customers' records hold.
        let mut options = File::options();
        let options = options.write(true).create_new(true).mode(0o600);
        let file = options
            .open(&part)
            .map_err(|error| failed("begin a snapshot", error))?;
        let mut writer = Writer::new(&ENTRY, BufWriter::new(file))
            .map_err(|error| failed("begin a snapshot", error))?;
        writer
            .add_user_metadata(STANDING.to_owned(), standing::encode(&stands.standing))
            .map_err(|error| failed("begin a snapshot", error))?;
        writer
            .add_user_metadata(JOURNAL.to_owned(), stands.journal)
            .map_err(|error| failed("begin a snapshot", error))?;
        let file = Some((part, writer));
        let folder = self.clone();
        Ok(Box::new(Writing {
            folder,
            partition,
            path,
            file,
        }))
    }

    fn names(&self, partition: u32) -> Result<Vec<String>, Error> {
        let paths = self.of(partition)?.into_iter().rev();
        let name = |path: PathBuf| path.file_name()?.to_str().map(str::to_owned);
        Ok(paths.filter_map(name).collect())
    }

    fn open(&self, name: &str) -> Result<Snapshot, Error> {
        let file =
            File::open(self.path.join(name)).map_err(|error| failed("open a snapshot", error))?;
        apache_avro::util::max_allocation_bytes(BLOCK_BYTES_MAX);
        let reader = Reader::new(BufReader::new(file));
        let reader = reader.map_err(|error| failed("open a snapshot", error))?;
        let said = reader.user_metadata().get(STANDING);
        let said =
            said.ok_or_else(|| failed("open a snapshot", "it does not say where it stands"))?;
        let standing =
            standing::decode(said).map_err(|reason| failed("open a snapshot", reason))?;
        let journal = reader.user_metadata().get(JOURNAL);
        let journal = journal.and_then(|bytes| bytes.as_slice().try_into().ok());
        let journal = journal
            .ok_or_else(|| failed("open a snapshot", "it does not say of which journal it is"))?;
        let stands = Stands { standing, journal };
        let entries = reader.map(|value| {
            let value = value.map_err(|error| failed("read a snapshot", error))?;
            entry(value).ok_or_else(|| failed("read a snapshot", "an entry has another form"))
        });
        let entries = Box::new(entries);
        Ok(Snapshot { stands, entries })
    }
}

struct Writing {
    folder: SnapshotFolder,
    partition: u32,
    path: PathBuf,
    /// None once it is finished.
    file: Option<(PathBuf, Writer<'static, BufWriter<File>>)>,
}

impl SnapshotWriter for Writing {
    fn put(&mut self, key: &[u8], value: &[u8]) -> Result<(), Error> {
        let Some((_, writer)) = &mut self.file else {
            return Err(failed("write a snapshot", "it has ended"));
        };
        let fields = [("key", key), ("value", value)];
        let fields = fields.map(|(name, bytes)| (name.to_owned(), Value::Bytes(bytes.to_vec())));
        // Its form is ours: nothing is to be looked at.
        let put = writer.unvalidated_append_value(Value::Record(fields.into()));
        put.map_err(|error| failed("write a snapshot", error))?;
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Result<(), Error> {
        let Some((part, writer)) = self.file.take() else {
            return Err(failed("finish a snapshot", "it has ended"));
        };
        let finished = sync(writer).and_then(|()| {
            fs::rename(&part, &self.path).map_err(|error| failed("finish a snapshot", error))
        });
        if finished.is_err() {
            remove(&part);
        }
        finished.and_then(|()| self.folder.remove_old(self.partition, &self.path))
    }
}

impl Drop for Writing {
    fn drop(&mut self) {
        if let Some((part, _)) = self.file.take() {
            remove(&part);
        }
    }
}

fn sync(writer: Writer<'static, BufWriter<File>>) -> Result<(), Error> {
    let file = writer.into_inner();
    let mut file = file.map_err(|error| failed("finish a snapshot", error))?;
    let synced = file.flush().and_then(|()| file.get_ref().sync_all());
    synced.map_err(|error| failed("finish a snapshot", error))
}

fn remove(part: &Path) {
    if let Err(error) = fs::remove_file(part) {
        tracing::warn!(file = %part.display(), %error, "what was begun of a snapshot stays there");
    }
}

fn entry(value: Value) -> Option<KeyValue> {
    let Value::Record(fields) = value else {
        return None;
    };
    let mut fields = fields.into_iter().map(|(_, value)| value);
    match (fields.next()?, fields.next()?) {
        (Value::Bytes(key), Value::Bytes(value)) => Some((key, value)),
        _ => None,
    }
}

fn failed(step: &'static str, reason: impl ToString) -> Error {
    let reason = reason.to_string();
    Error::Failed { step, reason }
}
