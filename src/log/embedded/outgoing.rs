//! Turns what a stage wants to write into rows, on the caller's thread.

use crate::log::embedded::options::Options;
use crate::log::embedded::place::slot;
use crate::log::encoded::Encoded;
use crate::log::topics::{self, Cleanup};
use crate::ports::event_log::Error;

/// One entry, ready to be inserted.
#[derive(Debug)]
pub struct Row {
    pub slot: i64,
    pub compacted: bool,
    pub key: String,
    pub headers: Vec<u8>,
    pub value: Option<Vec<u8>>,
}

impl Row {
    pub fn bytes(&self) -> usize {
        self.key.len() + self.headers.len() + self.value.as_ref().map_or(0, Vec::len)
    }
}

/// The rows of a batch; the first entry that is too large refuses all of it.
pub fn rows(batch: Vec<Encoded>, options: &Options) -> Result<Vec<Row>, Error> {
    batch.into_iter().map(|one| row(one, options)).collect()
}

fn row(entry: Encoded, options: &Options) -> Result<Row, Error> {
    let topic = entry.at.topic;
    let headers = entry.value.as_ref().map(|_| entry.headers.pack());
    let row = Row {
        slot: slot(entry.at),
        compacted: topics::spec(topic).cleanup == Cleanup::Compact,
        key: entry.key.to_string(),
        headers: headers.unwrap_or_default(),
        value: entry.value,
    };
    if row.bytes() > options.entry_bytes_max {
        return Err(Error::Encode {
            topic: topics::name(&options.prefix, topic),
            reason: format!("{} bytes are too many", row.bytes()),
        });
    }
    Ok(row)
}
