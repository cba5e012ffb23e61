//! Decoding: one walk over the bytes along the schema's plan.

use crate::clients::salesforce::pubsub::change::bitmap::{self, Anomaly, List, Place};
use crate::clients::salesforce::pubsub::change::cursor::{Cursor, Fault};
use crate::clients::salesforce::pubsub::change::header::Header;
use crate::clients::salesforce::pubsub::change::raw::{Raw, Record};
use crate::clients::salesforce::pubsub::change::schema::{DEPTH_MAX, RecordShape, Schema, Shape};
use crate::clients::salesforce::pubsub::change::target::RecordTarget;

/// The vendor's limit is 1 MB for an event and 4 MB for a message.
pub const PAYLOAD_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Values of one event, nulls included: items without bytes could else be claimed without end.
const VALUES_MAX: usize = 1_000_000;

/// Where and why decoding ended; field names and numbers only.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error("the event is longer than {PAYLOAD_BYTES_MAX} bytes")]
    TooLong,
    #[error("the event does not fit schema {schema} at {field}, byte {at}: {fault}")]
    Field {
        schema: String,
        field: String,
        at: usize,
        fault: Fault,
    },
    #[error("{bytes} bytes follow the event: it was not written with schema {schema}")]
    Trailing { schema: String, bytes: usize },
    #[error("entry {entry} of recordIds is neither an id, a wildcard nor the overflow mark")]
    RecordId { entry: usize },
}

/// A decoded change event.
#[derive(Clone, Debug, PartialEq)]
pub struct ChangeEvent<'a> {
    pub header: Header,
    /// What the lists hold that the schema does not explain. If there is any, the lists may lack
    /// fields: read the record.
    pub anomalies: Vec<Anomaly>,
    /// The whole event as it was written, the header included.
    pub raw: Record<'a>,
    pub(super) schema: &'a Schema,
    pub(super) nulled: Vec<Place>,
    pub(super) diff: Vec<Place>,
    pub(super) changed: Vec<Place>,
}

struct Walk<'a> {
    schema: &'a Schema,
    cursor: Cursor<'a>,
    values_left: usize,
}

// === impl Schema ===

impl Schema {
    /// Decodes one event that was written with this schema: its values, its header, and its lists
    /// of fields as names. Borrows from both. Never panics, whatever the bytes.
    pub fn decode<'a>(&'a self, payload: &'a [u8]) -> Result<ChangeEvent<'a>, Error> {
        if payload.len() > PAYLOAD_BYTES_MAX {
            return Err(Error::TooLong);
        }
        let mut walk = Walk {
            schema: self,
            cursor: Cursor::new(payload),
            values_left: VALUES_MAX,
        };
        let root = self.root();
        let mut values = Vec::with_capacity(root.fields.len());
        for field in &root.fields {
            let value = walk.value(&field.shape, 0).map_err(|fault| Error::Field {
                schema: self.id().to_owned(),
                field: field.name.clone(),
                at: payload.len() - walk.cursor.left(),
                fault,
            })?;
            values.push(value);
        }
        match walk.cursor.left() {
            0 => Ok(self.event(Record {
                shape: root,
                values,
            })),
            bytes => Err(Error::Trailing {
                schema: self.id().to_owned(),
                bytes,
            }),
        }
    }

    fn event<'a>(&'a self, raw: Record<'a>) -> ChangeEvent<'a> {
        let empty = Record {
            shape: raw.shape,
            values: Vec::new(),
        };
        let written = match raw.values.first() {
            Some(Raw::Record(record)) => record,
            // Parsing saw to it that the first field is a record.
            _ => &empty,
        };
        let mut anomalies = Vec::new();
        let mut read = |list, entries: &mut dyn Iterator<Item = &str>| {
            bitmap::places(self, list, entries, &mut anomalies)
        };
        let nulled = read(List::Nulled, &mut self.slots.nulled(written));
        let diff = read(List::Diff, &mut self.slots.diff(written));
        let changed = read(List::Changed, &mut self.slots.changed(written));
        let header = Header {
            nulled: bitmap::names(self, &nulled),
            diff: bitmap::names(self, &diff),
            changed: bitmap::names(self, &changed),
            ..Header::read(&self.slots, written)
        };
        ChangeEvent {
            header,
            anomalies,
            raw,
            schema: self,
            nulled,
            diff,
            changed,
        }
    }
}

// === impl ChangeEvent ===

impl<'a> ChangeEvent<'a> {
    /// The raw value at a path such as `Phone` or `BillingAddress.Street`.
    pub fn get(&self, path: &str) -> Option<&Raw<'a>> {
        self.raw.get(path)
    }

    /// Whom the event is about; one event can be about many records.
    pub fn targets(&self) -> Result<Vec<RecordTarget>, Error> {
        let entries = self.header.record_ids.iter().enumerate();
        entries
            .map(|(entry, id)| RecordTarget::parse(id).ok_or(Error::RecordId { entry }))
            .collect()
    }
}

// === impl Walk ===

impl<'a> Walk<'a> {
    fn value(&mut self, shape: &'a Shape, depth: usize) -> Result<Raw<'a>, Fault> {
        self.values_left = self.values_left.checked_sub(1).ok_or(Fault::TooMany)?;
        Ok(match shape {
            Shape::Union(branches) => {
                let branch = usize::try_from(self.cursor.long()?).map_err(|_| Fault::Branch)?;
                match branches.get(branch).ok_or(Fault::Branch)? {
                    Shape::Null => Raw::Null,
                    shape => self.value(shape, depth)?,
                }
            }
            Shape::Null => Raw::Null,
            Shape::Text => Raw::Text(self.cursor.text()?),
            Shape::Long => Raw::Int(self.cursor.long()?),
            Shape::Int => Raw::Int(self.cursor.int()?),
            Shape::Double => Raw::Double(self.cursor.double()?),
            Shape::Float => Raw::Double(self.cursor.float()?),
            Shape::Boolean => Raw::Bool(self.cursor.boolean()?),
            Shape::Bytes => Raw::Bytes(self.cursor.bytes()?),
            Shape::Fixed(size) => Raw::Bytes(self.cursor.take(*size)?),
            Shape::Enum(place) => self.symbol(*place)?,
            Shape::Record(place) => self.record(&self.schema.records[*place], depth)?,
            Shape::List(items) => self.list(items, depth)?,
            Shape::Map(values) => self.map(values, depth)?,
        })
    }

    fn symbol(&mut self, place: usize) -> Result<Raw<'a>, Fault> {
        let index = self.cursor.int()?;
        let symbols = &self.schema.enums[place];
        let known = usize::try_from(index).ok().and_then(|at| symbols.get(at));
        Ok(Raw::Symbol(index, known.map(String::as_str)))
    }

    fn record(&mut self, shape: &'a RecordShape, depth: usize) -> Result<Raw<'a>, Fault> {
        if depth >= DEPTH_MAX {
            return Err(Fault::TooDeep);
        }
        if shape.fields.len() > self.values_left {
            return Err(Fault::TooMany);
        }
        let mut values = Vec::with_capacity(shape.fields.len());
        for field in &shape.fields {
            values.push(self.value(&field.shape, depth + 1)?);
        }
        Ok(Raw::Record(Record { shape, values }))
    }

    fn list(&mut self, items: &'a Shape, depth: usize) -> Result<Raw<'a>, Fault> {
        if depth >= DEPTH_MAX {
            return Err(Fault::TooDeep);
        }
        let mut list = Vec::new();
        loop {
            let count = self.cursor.block()?;
            if count == 0 {
                return Ok(Raw::List(list));
            }
            if count > self.values_left {
                return Err(Fault::TooMany);
            }
            // A claimed count reserves no more than the bytes that are left could hold.
            list.reserve_exact(count.min(self.cursor.left()));
            for _ in 0..count {
                list.push(self.value(items, depth + 1)?);
            }
        }
    }

    fn map(&mut self, values: &'a Shape, depth: usize) -> Result<Raw<'a>, Fault> {
        if depth >= DEPTH_MAX {
            return Err(Fault::TooDeep);
        }
        let mut map = Vec::new();
        loop {
            let count = self.cursor.block()?;
            if count == 0 {
                return Ok(Raw::Map(map));
            }
            for _ in 0..count {
                let key = self.cursor.text()?;
                map.push((key, self.value(values, depth + 1)?));
            }
        }
    }
}
