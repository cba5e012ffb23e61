//! Readers of events by the schema id that each event names. An id never changes its meaning, so
//! a reader is good for ever; the topic's own schema is never asked for (salesforce.md 0.4).

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::domain::SourceId;
use crate::domain::SourceSchema;
use crate::feeds::book::{self, Book};
use crate::feeds::salesforce::event::{Decode, Read};
use crate::feeds::salesforce::source::{Failure, Source};

/// What was found for an id.
pub enum Found {
    Reader {
        reader: Arc<dyn Read>,
        /// To be appended with the first event that was read with it.
        new: Option<SourceSchema>,
    },
    /// The schema is none, or is not understood.
    Unreadable {
        why: String,
        new: Option<SourceSchema>,
    },
}

#[derive(Debug)]
pub enum Error {
    Book(book::Error),
    Remote(Failure),
}

/// The readers used last; the one not used for longest goes first.
pub struct Cache {
    readers_max: usize,
    readers: BTreeMap<String, (Arc<dyn Read>, u64)>,
    uses: u64,
}

impl Cache {
    pub fn new(readers_max: usize) -> Self {
        Self {
            readers_max: readers_max.max(1),
            readers: BTreeMap::new(),
            uses: 0,
        }
    }

    /// Forgets all: what was to be appended with the readers may not have been.
    pub fn clear(&mut self) {
        self.readers.clear();
    }

    /// Looks here, then in the log, then asks the org.
    pub async fn find(
        &mut self,
        id: &str,
        (from, source): (&SourceId, &dyn Source),
        book: &Arc<Book>,
        decoder: &dyn Decode,
    ) -> Result<Found, Error> {
        self.uses += 1;
        if let Some((reader, used)) = self.readers.get_mut(id) {
            *used = self.uses;
            let reader = Arc::clone(reader);
            return Ok(Found::Reader { reader, new: None });
        }
        let (json, new) = match book.schema(from, id).await.map_err(Error::Book)? {
            Some(kept) => (kept.json, None),
            None => match source.schema(id).await {
                Ok(json) => {
                    let new = SourceSchema {
                        source: from.clone(),
                        schema_id: id.to_owned(),
                        json: json.clone(),
                    };
                    (json, Some(new))
                }
                Err(Failure::Refused(why)) => return Ok(Found::Unreadable { why, new: None }),
                Err(failure) => return Err(Error::Remote(failure)),
            },
        };
        Ok(match decoder.compile(id, &json) {
            Ok(reader) => {
                self.insert(id, &reader);
                Found::Reader { reader, new }
            }
            Err(why) => Found::Unreadable { why, new },
        })
    }

    fn insert(&mut self, id: &str, reader: &Arc<dyn Read>) {
        while self.readers.len() >= self.readers_max {
            let uses = self.readers.iter().map(|(id, (_, used))| (*used, id));
            let Some((_, oldest)) = uses.min() else { break };
            let oldest = oldest.clone();
            self.readers.remove(&oldest);
        }
        let entry = (Arc::clone(reader), self.uses);
        self.readers.insert(id.to_owned(), entry);
    }
}
