//! The bytes of a change event: bare Avro binary with the bitmaps of its header
//! (salesforce.md 2.2 and 2.3).

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::sandbox::moment;
use crate::sandbox::salesforce::model::change_schema::{CHANGE_TYPES, Form, Layout, Slot};

/// What an event says, before it is bytes.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Delta {
    pub(crate) record_ids: Vec<String>,
    /// One of [`CHANGE_TYPES`].
    pub(crate) change_type: &'static str,
    /// The row's fields that are written; null or absent is null.
    pub(crate) values: BTreeMap<String, Value>,
    /// The fields that the bitmap names.
    pub(crate) changed: BTreeSet<String>,
    /// Those among the values that are written as diffs.
    pub(crate) diffs: BTreeSet<String>,
}

/// The header's scalars.
#[derive(Debug, Clone)]
pub(crate) struct Commit {
    pub(crate) origin: String,
    pub(crate) transaction_key: String,
    pub(crate) sequence: u32,
    pub(crate) at_ms: i64,
    pub(crate) number: i64,
    pub(crate) user_id: String,
}

/// The bytes of an event.
pub(crate) fn encode(layout: &Layout, commit: &Commit, delta: &Delta) -> Vec<u8> {
    let mut bytes = Vec::new();
    let is_null = |field: &str| delta.values.get(field).is_none_or(Value::is_null);
    let nulled: BTreeSet<String> = delta
        .changed
        .iter()
        .filter(|field| is_null(field))
        .cloned()
        .collect();
    text(layout.object, &mut bytes);
    texts(&delta.record_ids, &mut bytes);
    let symbol = CHANGE_TYPES
        .iter()
        .position(|name| *name == delta.change_type);
    long(index(symbol.unwrap_or_default()), &mut bytes);
    text(&commit.origin, &mut bytes);
    text(&commit.transaction_key, &mut bytes);
    long(i64::from(commit.sequence), &mut bytes);
    // Captured timestamps have whole seconds.
    long(commit.at_ms.div_euclid(1_000) * 1_000, &mut bytes);
    long(commit.number, &mut bytes);
    text(&commit.user_id, &mut bytes);
    for named in [&nulled, &delta.diffs, &delta.changed] {
        texts(&bitmaps(layout, named), &mut bytes);
    }
    for slot in &layout.slots {
        match slot {
            Slot::Plain { field, form } => optional(delta, field, *form, &mut bytes),
            Slot::Compound { children } => {
                if children.iter().all(|(field, _)| is_null(field)) {
                    long(0, &mut bytes);
                    continue;
                }
                long(1, &mut bytes);
                for (field, form) in children {
                    optional(delta, field, *form, &mut bytes);
                }
            }
        }
    }
    bytes
}

/// The bitmaps that name these fields: one for the top level if it has any, then one per
/// compound. A compound itself is never named.
pub(crate) fn bitmaps(layout: &Layout, named: &BTreeSet<String>) -> Vec<String> {
    let mut top = BTreeSet::new();
    let mut nested = Vec::new();
    for (place, slot) in layout.slots.iter().enumerate() {
        match slot {
            Slot::Plain { field, .. } if named.contains(field) => {
                top.insert(place + 1);
            }
            Slot::Plain { .. } => {}
            Slot::Compound { children } => {
                let bits = children.iter().enumerate();
                let bits = bits.filter(|(_, (field, _))| named.contains(field));
                let bits: BTreeSet<usize> = bits.map(|(bit, _)| bit).collect();
                if !bits.is_empty() {
                    nested.push(format!("{}-{}", place + 1, hexadecimal(&bits)));
                }
            }
        }
    }
    let mut all = Vec::new();
    if !top.is_empty() {
        all.push(hexadecimal(&top));
    }
    all.extend(nested);
    all
}

/// Whole bytes, most significant first, upper case; as long as the highest bit needs.
fn hexadecimal(bits: &BTreeSet<usize>) -> String {
    let length = bits.last().map_or(1, |highest| highest / 8 + 1);
    let mut bytes = vec![0_u8; length];
    for bit in bits {
        bytes[length - 1 - bit / 8] |= 1 << (bit % 8);
    }
    format!("0x{}", hex::encode_upper(bytes))
}

/// A union of null and a value; what does not fit its type is null.
fn optional(delta: &Delta, field: &str, form: Form, bytes: &mut Vec<u8>) {
    let value = delta.values.get(field).filter(|value| !value.is_null());
    let written = value.and_then(|value| scalar(value, form));
    match written {
        Some(written) => {
            long(1, bytes);
            bytes.extend(written);
        }
        None => long(0, bytes),
    }
}

fn scalar(value: &Value, form: Form) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    match form {
        Form::Text => text(value.as_str()?, &mut bytes),
        Form::Boolean => bytes.push(u8::from(value.as_bool()?)),
        Form::Int => long(value.as_i64()?, &mut bytes),
        Form::Double => bytes.extend(value.as_f64()?.to_le_bytes()),
        Form::DateTime => long(moment::parse(value.as_str()?)?, &mut bytes),
        Form::DateOnly => long(moment::parse_day(value.as_str()?)?, &mut bytes),
    }
    Some(bytes)
}

fn texts(items: &[String], bytes: &mut Vec<u8>) {
    if !items.is_empty() {
        long(index(items.len()), bytes);
        for item in items {
            text(item, bytes);
        }
    }
    long(0, bytes);
}

fn text(text: &str, bytes: &mut Vec<u8>) {
    long(index(text.len()), bytes);
    bytes.extend_from_slice(text.as_bytes());
}

/// Zig-zag, then seven bits a byte, lowest first.
fn long(value: i64, bytes: &mut Vec<u8>) {
    let mut left = ((value << 1) ^ (value >> 63)).cast_unsigned();
    while left >= 0x80 {
        bytes.push(u8::try_from(left & 0x7f).unwrap_or_default() | 0x80);
        left >>= 7;
    }
    bytes.push(u8::try_from(left).unwrap_or_default());
}

fn index(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
