//! Scalars, ids and collections on the wire.

use std::collections::{BTreeMap, BTreeSet};

use crate::avro::error::Error;
use crate::avro::wire::{Reader, Wire, Writer};
use crate::domain::{BridgeId, CommandId, CustomerId, EventId, Name, ObjectName, ObservationId};
use crate::domain::{ReviewId, SourceId, Timestamp, Value};

impl Wire for bool {
    fn put(&self, w: &mut Writer) {
        w.boolean(*self);
    }

    fn take(r: &mut Reader<'_>) -> Result<Self, Error> {
        r.boolean()
    }
}

impl Wire for i64 {
    fn put(&self, w: &mut Writer) {
        w.long(*self);
    }

    fn take(r: &mut Reader<'_>) -> Result<Self, Error> {
        r.long()
    }
}

impl Wire for u64 {
    fn put(&self, w: &mut Writer) {
        w.count(*self);
    }

    fn take(r: &mut Reader<'_>) -> Result<Self, Error> {
        r.count()
    }
}

impl Wire for u32 {
    fn put(&self, w: &mut Writer) {
        w.long(i64::from(*self));
    }

    fn take(r: &mut Reader<'_>) -> Result<Self, Error> {
        u32::try_from(r.long()?).map_err(|_| r.malformed("a number outside 32 bits"))
    }
}

impl Wire for String {
    fn put(&self, w: &mut Writer) {
        w.bytes(self.as_bytes());
    }

    fn take(r: &mut Reader<'_>) -> Result<Self, Error> {
        Ok(r.text()?.to_owned())
    }
}

impl Wire for Name {
    fn put(&self, w: &mut Writer) {
        w.bytes(self.as_bytes());
    }

    fn take(r: &mut Reader<'_>) -> Result<Self, Error> {
        Ok(r.text()?.into())
    }
}

/// Avro `bytes`.
impl Wire for Vec<u8> {
    fn put(&self, w: &mut Writer) {
        w.bytes(self);
    }

    fn take(r: &mut Reader<'_>) -> Result<Self, Error> {
        Ok(r.bytes()?.to_vec())
    }
}

/// Avro `fixed`: `Hash16` and `Hash32`.
impl<const N: usize> Wire for [u8; N] {
    fn put(&self, w: &mut Writer) {
        w.fixed(self);
    }

    fn take(r: &mut Reader<'_>) -> Result<Self, Error> {
        let bytes = r.fixed(N)?;
        Ok(bytes.try_into().expect("fixed returned N bytes"))
    }
}

impl Wire for Timestamp {
    fn put(&self, w: &mut Writer) {
        w.long(self.0);
    }

    fn take(r: &mut Reader<'_>) -> Result<Self, Error> {
        Ok(Self(r.long()?))
    }
}

/// `["null", T]`.
impl<T: Wire> Wire for Option<T> {
    fn put(&self, w: &mut Writer) {
        match self {
            None => w.long(0),
            Some(value) => {
                w.long(1);
                value.put(w);
            }
        }
    }

    fn take(r: &mut Reader<'_>) -> Result<Self, Error> {
        match r.long()? {
            0 => Ok(None),
            1 => Ok(Some(T::take(r)?)),
            other => Err(r.unknown_case(other)),
        }
    }
}

/// An array of records or texts. Bytes have their own shape, hence the marker.
pub trait Item: Wire {}

impl Item for String {}
impl Item for Name {}

impl<T: Item> Wire for Vec<T> {
    fn put(&self, w: &mut Writer) {
        w.block(self.iter(), |w, item| item.put(w));
    }

    fn take(r: &mut Reader<'_>) -> Result<Self, Error> {
        let mut items = Vec::new();
        r.blocks(|r| {
            items.push(T::take(r)?);
            Ok(())
        })?;
        Ok(items)
    }
}

impl<T: Item + Ord> Wire for BTreeSet<T> {
    fn put(&self, w: &mut Writer) {
        w.block(self.iter(), |w, item| item.put(w));
    }

    fn take(r: &mut Reader<'_>) -> Result<Self, Error> {
        Ok(Vec::take(r)?.into_iter().collect())
    }
}

/// An Avro map: its keys are texts.
impl<K: Wire + Ord, T: Wire> Wire for BTreeMap<K, T> {
    fn put(&self, w: &mut Writer) {
        w.block(self.iter(), |w, (key, value)| {
            key.put(w);
            value.put(w);
        });
    }

    fn take(r: &mut Reader<'_>) -> Result<Self, Error> {
        let mut map = BTreeMap::new();
        r.blocks(|r| {
            map.insert(K::take(r)?, T::take(r)?);
            Ok(())
        })?;
        Ok(map)
    }
}

/// `["null", "boolean", "long", "double", "string"]`.
impl Wire for Value {
    fn put(&self, w: &mut Writer) {
        match self {
            Self::Null => w.long(0),
            Self::Bool(value) => {
                w.long(1);
                w.boolean(*value);
            }
            Self::Int(value) => {
                w.long(2);
                w.long(*value);
            }
            Self::Float(bits) => {
                w.long(3);
                w.fixed(&bits.to_le_bytes());
            }
            Self::Text(text) => {
                w.long(4);
                w.bytes(text.as_bytes());
            }
        }
    }

    fn take(r: &mut Reader<'_>) -> Result<Self, Error> {
        match r.long()? {
            0 => Ok(Self::Null),
            1 => Ok(Self::Bool(r.boolean()?)),
            2 => Ok(Self::Int(r.long()?)),
            3 => Ok(Self::Float(u64::from_le_bytes(<[u8; 8]>::take(r)?))),
            4 => Ok(Self::Text(r.text()?.into())),
            other => Err(r.unknown_case(other)),
        }
    }
}

macro_rules! text_ids {
    ($($type:ident),*) => { $(
        impl Wire for $type {
            fn put(&self, w: &mut Writer) {
                w.bytes(self.as_str().as_bytes());
            }

            fn take(r: &mut Reader<'_>) -> Result<Self, Error> {
                let field = r.at();
                $type::new(r.text()?).map_err(|source| Error::Id { field, source })
            }
        }
    )* };
}

text_ids!(BridgeId, SourceId, ObjectName);

macro_rules! hash_ids {
    ($($type:ident),*) => { $(
        impl Wire for $type {
            fn put(&self, w: &mut Writer) {
                w.fixed(self.as_bytes());
            }

            fn take(r: &mut Reader<'_>) -> Result<Self, Error> {
                Ok($type::from_bytes(<[u8; 16]>::take(r)?))
            }
        }
    )* };
}

hash_ids!(CommandId, CustomerId, EventId, ObservationId, ReviewId);
