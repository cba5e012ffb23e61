//! The file: an Avro object container, which any Avro tool reads. Each record is an entry; the last
//! one says how many there were.

use std::fs::File;
use std::io::{BufReader, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use apache_avro::types::Value;
use apache_avro::{Codec, DeflateSettings, Reader, Schema, Writer};
use serde::{Deserialize, Serialize};

use crate::avro;
use crate::domain::{Timestamp, Topic};
use crate::log::topics;
use crate::log::transfer::Error;
use crate::ports::event_log::{Bounds, Entry, EntryBody, TopicPartition};

const SCHEMA: &str = r#"{
  "type": "record", "name": "ExportedEntry", "namespace": "crosswalk.log",
  "doc": "An entry of the event log; value is in Avro's single-object encoding.",
  "fields": [
    {"name": "topic", "type": "string",
     "doc": "Its name with the default prefix; empty in the last record."},
    {"name": "partition", "type": "int"},
    {"name": "offset", "type": "long", "doc": "In the last record the number of those before."},
    {"name": "appended_at", "type": {"type": "long", "logicalType": "timestamp-millis"}},
    {"name": "key", "type": "string"},
    {"name": "value", "type": ["null", "bytes"]}
  ]
}"#;

static ENTRY: LazyLock<Schema> =
    LazyLock::new(|| Schema::parse_str(SCHEMA).expect("the schema of a file is one"));

/// Where the header stands in the container's metadata.
const HEADER: &str = "crosswalk.export";
const VERSION: u32 = 1;
/// Entries have 16 MiB at most, and a block ends with the first one beyond its size.
const BLOCK_BYTES_MAX: usize = 64 << 20;

/// What the entries alone do not say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    version: u32,
    /// How many partitions there are of what is keyed by bridge.
    pub partitions: u32,
    pub topics: Vec<Span>,
}

/// A partition of a topic.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// Its name with the default prefix.
    topic: String,
    partition: u32,
    start: u64,
    end: u64,
    /// The next offset that the one group that consumes it takes.
    position: Option<u64>,
}

impl Header {
    pub fn new(partitions: u32) -> Self {
        Self {
            version: VERSION,
            partitions,
            topics: Vec::new(),
        }
    }

    pub fn add(&mut self, at: TopicPartition, bounds: Bounds, position: Option<u64>) {
        self.topics.push(Span {
            topic: topics::spec(at.topic).name.to_owned(),
            partition: at.partition,
            start: bounds.start,
            end: bounds.end,
            position,
        });
    }

    pub fn position(&self, at: TopicPartition) -> Option<u64> {
        let name = topics::spec(at.topic).name;
        let mut spans = self.topics.iter();
        spans
            .find(|span| span.topic == name && span.partition == at.partition)?
            .position
    }

    /// Every partition with its bounds.
    pub fn bounds(&self) -> impl Iterator<Item = (TopicPartition, Bounds)> {
        self.topics.iter().filter_map(|span| {
            let at = TopicPartition {
                topic: topic(&span.topic)?,
                partition: span.partition,
            };
            let (start, end) = (span.start, span.end);
            Some((at, Bounds { start, end }))
        })
    }
}

fn topic(name: &str) -> Option<Topic> {
    let mut all = Topic::ALL.into_iter();
    all.find(|topic| topics::spec(*topic).name == name)
}

/// Writes a file beside its place; it takes its place when it is whole.
pub struct Output {
    path: PathBuf,
    part: PathBuf,
    /// None once all is written.
    writer: Option<Writer<'static, BufWriter<File>>>,
    is_whole: bool,
    count: u64,
}

impl Drop for Output {
    fn drop(&mut self) {
        if !self.is_whole
            && let Err(error) = std::fs::remove_file(&self.part)
        {
            tracing::warn!(file = %self.part.display(), %error, "a part of an export stays there");
        }
    }
}

impl Output {
    pub fn begin(path: &Path, header: &Header) -> Result<Self, Error> {
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(".part");
        let part = path.with_file_name(name);
        // It holds what customers' records hold.
        let mut options = File::options();
        let options = options.write(true).create(true).truncate(true).mode(0o600);
        let file = options.open(&part).map_err(|error| Error::Io {
            path: part.clone(),
            error,
        })?;
        let codec = Codec::Deflate(DeflateSettings::default());
        let refused = |reason: String| Error::File {
            path: part.clone(),
            reason,
        };
        let mut writer = Writer::with_codec(&ENTRY, BufWriter::new(file), codec)
            .map_err(|error| refused(error.to_string()))?;
        let header = serde_json::to_vec(header).map_err(|error| refused(error.to_string()))?;
        writer
            .add_user_metadata(HEADER.to_owned(), header)
            .map_err(|error| refused(error.to_string()))?;
        Ok(Self {
            path: path.to_owned(),
            part,
            writer: Some(writer),
            is_whole: false,
            count: 0,
        })
    }

    pub fn put(&mut self, entry: &Entry) -> Result<(), Error> {
        let TopicPartition { topic, partition } = entry.at;
        let unreadable = |reason: String| Error::Unreadable {
            topic,
            partition,
            offset: entry.offset,
            reason,
        };
        let value = match &entry.body {
            EntryBody::Tombstone => None,
            EntryBody::Message(message) => {
                Some(avro::encode(message).map_err(|error| unreadable(error.to_string()))?)
            }
            EntryBody::Undecodable { reason, .. } => return Err(unreadable(reason.clone())),
        };
        let name = topics::spec(topic).name;
        let at = (partition as i32, entry.offset as i64);
        self.append(name, at, entry.appended_at, &entry.key, value)?;
        self.count += 1;
        Ok(())
    }

    fn append(
        &mut self,
        topic: &str,
        (partition, offset): (i32, i64),
        at: Timestamp,
        key: &str,
        value: Option<Vec<u8>>,
    ) -> Result<(), Error> {
        let value = match value {
            None => Value::Union(0, Box::new(Value::Null)),
            Some(bytes) => Value::Union(1, Box::new(Value::Bytes(bytes))),
        };
        let fields = [
            ("topic", Value::String(topic.to_owned())),
            ("partition", Value::Int(partition)),
            ("offset", Value::Long(offset)),
            ("appended_at", Value::TimestampMillis(at.0)),
            ("key", Value::String(key.to_owned())),
            ("value", value),
        ];
        let fields = fields.map(|(name, value)| (name.to_owned(), value));
        let refused = |reason: String| Error::File {
            path: self.part.clone(),
            reason,
        };
        let writer = self.writer.as_mut();
        let writer = writer.ok_or_else(|| refused("it has ended".to_owned()))?;
        let appended = writer.append_value(Value::Record(fields.into()));
        appended
            .map(|_| ())
            .map_err(|error| refused(error.to_string()))
    }

    /// The file is whole, and on disk.
    pub fn end(mut self) -> Result<(), Error> {
        let count = self.count as i64;
        self.append("", (0, count), Timestamp(0), "end", None)?;
        let Some(writer) = self.writer.take() else {
            return Ok(());
        };
        let failed = |error| Error::Io {
            path: self.part.clone(),
            error,
        };
        let mut file = writer.into_inner().map_err(|error| Error::File {
            path: self.part.clone(),
            reason: error.to_string(),
        })?;
        file.flush().map_err(failed)?;
        file.get_ref().sync_all().map_err(failed)?;
        std::fs::rename(&self.part, &self.path).map_err(failed)?;
        self.is_whole = true;
        let folder = self.path.parent().filter(|path| *path != Path::new(""));
        let folder = File::open(folder.unwrap_or(Path::new("."))).map_err(failed)?;
        folder.sync_all().map_err(failed)
    }
}

/// An entry as the file has it.
pub struct Exported {
    pub at: TopicPartition,
    pub offset: u64,
    pub key: String,
    pub value: Option<Vec<u8>>,
}

/// Reads a file from its beginning.
pub struct Input {
    path: PathBuf,
    reader: Reader<'static, BufReader<File>>,
    pub header: Header,
}

impl Input {
    pub fn open(path: &Path) -> Result<Self, Error> {
        let refused = |reason: String| Error::File {
            path: path.to_owned(),
            reason,
        };
        let file = File::open(path).map_err(|error| Error::Io {
            path: path.to_owned(),
            error,
        })?;
        // A length that lies must not cost more than the largest entry.
        apache_avro::util::max_allocation_bytes(BLOCK_BYTES_MAX);
        let reader = Reader::new(BufReader::new(file));
        let reader = reader.map_err(|error| refused(format!("is no export: {error}")))?;
        let header = reader.user_metadata().get(HEADER);
        let header = header.ok_or_else(|| refused("is no export of a log".to_owned()))?;
        let header: Header =
            serde_json::from_slice(header).map_err(|error| refused(error.to_string()))?;
        if header.version != VERSION {
            let version = header.version;
            let reason = format!("has version {version}; this build reads version {VERSION}");
            return Err(refused(reason));
        }
        Ok(Self {
            path: path.to_owned(),
            reader,
            header,
        })
    }

    /// Hands out every entry in order. An error where the file is not whole.
    pub fn each(self, mut take: impl FnMut(Exported) -> Result<(), Error>) -> Result<(), Error> {
        let Self { path, reader, .. } = self;
        let refused = |reason: String| Error::File {
            path: path.clone(),
            reason,
        };
        let mut count = 0_u64;
        for value in reader {
            let value = value.map_err(|error| refused(format!("is damaged: {error}")))?;
            let record = Row::of(value).ok_or_else(|| refused("has another record".to_owned()))?;
            if record.topic.is_empty() {
                let said = record.offset;
                return match said == count {
                    true => Ok(()),
                    false => Err(refused(format!("holds {count} entries of {said}"))),
                };
            }
            let Some(topic) = topic(&record.topic) else {
                let topic = record.topic;
                return Err(refused(format!(
                    "holds {topic}, which this build does not know"
                )));
            };
            count += 1;
            take(Exported {
                at: TopicPartition {
                    topic,
                    partition: record.partition,
                },
                offset: record.offset,
                key: record.key,
                value: record.value,
            })?;
        }
        Err(refused(format!(
            "is cut off after {count} entries; export again"
        )))
    }
}

#[derive(Default)]
struct Row {
    topic: String,
    partition: u32,
    offset: u64,
    key: String,
    value: Option<Vec<u8>>,
}

impl Row {
    fn of(value: Value) -> Option<Self> {
        let Value::Record(fields) = value else {
            return None;
        };
        let mut row = Self::default();
        for (name, value) in fields {
            match (name.as_str(), value) {
                ("topic", Value::String(text)) => row.topic = text,
                ("partition", Value::Int(number)) => row.partition = number.try_into().ok()?,
                ("offset", Value::Long(number)) => row.offset = number.try_into().ok()?,
                ("key", Value::String(text)) => row.key = text,
                ("value", Value::Union(_, inner)) => match *inner {
                    Value::Null => row.value = None,
                    Value::Bytes(bytes) => row.value = Some(bytes),
                    _ => return None,
                },
                ("appended_at", Value::TimestampMillis(_)) => {}
                _ => return None,
            }
        }
        Some(row)
    }
}
