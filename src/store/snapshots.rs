//! Adapter of the snapshots port: a folder with an Avro object container for each snapshot.
//!
//! ```text
//! <path>/view-<partition>-<journal offset>.snapshot
//! ```

use std::fs::{self, File};
use std::io::{BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use apache_avro::types::Value;
use apache_avro::{Reader, Schema, Writer};

use crate::ports::view_snapshots::{Snapshot, SnapshotWriter, ViewSnapshots};
use crate::ports::view_store::{Error, KeyValue, Standing};
use crate::store::standing;

const SCHEMA: &str = r#"{
  "type": "record", "name": "ViewEntry", "namespace": "crosswalk.view",
  "fields": [{"name": "key", "type": "bytes"}, {"name": "value", "type": "bytes"}]
}"#;

static ENTRY: LazyLock<Schema> =
    LazyLock::new(|| Schema::parse_str(SCHEMA).expect("the schema of a snapshot is one"));

/// Where the standing is in the container's metadata.
const STANDING: &str = "crosswalk.standing";
const ENDING: &str = ".snapshot";

/// Of each partition so many snapshots stay.
const KEPT: usize = 2;

/// Snapshots in a folder, which several processes may share.
#[derive(Debug, Clone)]
pub struct SnapshotFolder {
    path: PathBuf,
}

impl SnapshotFolder {
    /// Makes the folder where it is missing.
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

    fn remove_old(&self, partition: u32) -> Result<(), Error> {
        let found = self.of(partition)?;
        let old = found.len().saturating_sub(KEPT);
        for path in &found[..old] {
            fs::remove_file(path).map_err(|error| failed("remove an old snapshot", error))?;
        }
        Ok(())
    }
}

impl ViewSnapshots for SnapshotFolder {
    fn begin(&self, partition: u32, stands: &Standing) -> Result<Box<dyn SnapshotWriter>, Error> {
        let name = format!("view-{partition}-{:020}{ENDING}", stands.journal_offset);
        let path = self.path.join(name);
        // Two processes may be at it: each writes a file of its own.
        let part = path.with_extension(format!("part-{}", std::process::id()));
        let file = File::create(&part).map_err(|error| failed("begin a snapshot", error))?;
        let mut writer = Writer::new(&ENTRY, BufWriter::new(file))
            .map_err(|error| failed("begin a snapshot", error))?;
        writer
            .add_user_metadata(STANDING.to_owned(), standing::encode(stands))
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
        let reader = Reader::new(BufReader::new(file));
        let reader = reader.map_err(|error| failed("open a snapshot", error))?;
        let said = reader.user_metadata().get(STANDING);
        let said =
            said.ok_or_else(|| failed("open a snapshot", "it does not say where it stands"))?;
        let standing =
            standing::decode(said).map_err(|reason| failed("open a snapshot", reason))?;
        let entries = reader.map(|value| {
            let value = value.map_err(|error| failed("read a snapshot", error))?;
            entry(value).ok_or_else(|| failed("read a snapshot", "an entry has another form"))
        });
        let entries = Box::new(entries);
        Ok(Snapshot { standing, entries })
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
        finished.and_then(|()| self.folder.remove_old(self.partition))
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
