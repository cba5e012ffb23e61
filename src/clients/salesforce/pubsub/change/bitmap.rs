//! The header's lists of fields: bitmaps over positions of the writer's schema (salesforce.md
//! 2.3). `0x<HEX>` is over the event's fields, `<position>-0x<HEX>` over those of the compound
//! field at that position.

use std::fmt;

use crate::clients::salesforce::pubsub::change::schema::{RecordShape, Schema};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum List {
    Nulled,
    Diff,
    Changed,
}

/// Something in a list that the schema does not explain. What it names is not known, so the record
/// has to be read: the event's lists may lack a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Anomaly {
    #[error("{list}: {bits} bits are past the last field")]
    PastTheEnd { list: List, bits: usize },
    #[error("{list}: field {field} is no compound")]
    NotCompound { list: List, field: usize },
    #[error("{list}: entry {entry} is no bitmap")]
    Unreadable { list: List, entry: usize },
    #[error("{list}: there are more entries than fields")]
    TooMany { list: List },
}

/// A field of the event, or a child of a compound field, by positions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub field: usize,
    pub child: Option<usize>,
}

impl fmt::Display for List {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Nulled => "nulledFields",
            Self::Diff => "diffFields",
            Self::Changed => "changedFields",
        })
    }
}

/// The places that a list names, in its order.
pub(super) fn places<'e>(
    schema: &Schema,
    list: List,
    entries: impl Iterator<Item = &'e str>,
    anomalies: &mut Vec<Anomaly>,
) -> Vec<Place> {
    let root = schema.root();
    let mut found = Vec::new();
    for (at, entry) in entries.enumerate() {
        // One for the event and one for each compound is all there can be.
        if at > root.fields.len() {
            anomalies.push(Anomaly::TooMany { list });
            break;
        }
        let Some((position, hex)) = split(entry) else {
            anomalies.push(Anomaly::Unreadable { list, entry: at });
            continue;
        };
        let past = match position {
            None => each_bit(hex, root.fields.len(), |field| {
                found.push(Place { field, child: None });
            }),
            Some(field) => {
                let shape = root.fields.get(field).map(|field| &field.shape);
                let Some(compound) = shape.and_then(|shape| schema.compound(shape)) else {
                    anomalies.push(Anomaly::NotCompound { list, field });
                    continue;
                };
                each_bit(hex, compound.fields.len(), |child| {
                    let child = Some(child);
                    found.push(Place { field, child });
                })
            }
        };
        if past > 0 {
            anomalies.push(Anomaly::PastTheEnd { list, bits: past });
        }
    }
    found
}

/// Names as people write them: `Phone`, `BillingAddress.Street`.
pub(super) fn names(schema: &Schema, places: &[Place]) -> Vec<String> {
    let root = schema.root();
    let name = |place: &Place| {
        let field = root.fields.get(place.field)?;
        let Some(child) = place.child else {
            return Some(field.name.clone());
        };
        let compound: &RecordShape = schema.compound(&field.shape)?;
        let child = &compound.fields.get(child)?.name;
        let mut path = String::with_capacity(field.name.len() + 1 + child.len());
        path.push_str(&field.name);
        path.push('.');
        path.push_str(child);
        Some(path)
    };
    places.iter().filter_map(name).collect()
}

/// The position before the dash and the digits behind `0x`.
fn split(entry: &str) -> Option<(Option<usize>, &[u8])> {
    let (position, bitmap) = match entry.split_once('-') {
        Some((position, bitmap)) => (Some(position.parse().ok()?), bitmap),
        None => (None, entry),
    };
    let hex = bitmap.strip_prefix("0x")?.as_bytes();
    let is_hex = !hex.is_empty() && hex.iter().all(u8::is_ascii_hexdigit);
    is_hex.then_some((position, hex))
}

/// Calls `set` with each position that is set, from the lowest; returns how many were at `end` or
/// past it. The last digit holds the lowest four.
fn each_bit(hex: &[u8], end: usize, mut set: impl FnMut(usize)) -> usize {
    let mut past = 0;
    for (at, digit) in hex.iter().rev().enumerate() {
        let mut bits = match digit {
            b'0'..=b'9' => digit - b'0',
            letter => (letter | 0x20) - b'a' + 10,
        };
        while bits != 0 {
            let position = at * 4 + bits.trailing_zeros() as usize;
            bits &= bits - 1;
            if position < end {
                set(position);
            } else {
                past += 1;
            }
        }
    }
    past
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bits(hex: &str, end: usize) -> (Vec<usize>, usize) {
        let mut found = Vec::new();
        let past = each_bit(hex.as_bytes(), end, |bit| found.push(bit));
        (found, past)
    }

    #[test]
    fn the_last_digit_holds_the_first_fields() {
        assert_eq!(bits("400800", 90), (vec![11, 22], 0));
        assert_eq!(bits("1000000", 90), (vec![24], 0));
        assert_eq!(bits("08F81000", 90), (vec![12, 19, 20, 21, 22, 23, 27], 0));
        assert_eq!(bits("ff", 8), ((0..8).collect(), 0));
        assert_eq!(bits("FF", 3), (vec![0, 1, 2], 5));
        assert_eq!(bits("00", 3), (vec![], 0));
    }

    #[test]
    fn an_entry_is_a_bitmap_with_or_without_a_position() {
        assert_eq!(split("0x0F"), Some((None, &b"0F"[..])));
        assert_eq!(split("6-0x0180"), Some((Some(6), &b"0180"[..])));
        for odd in ["", "0x", "0F", "-0x01", "x-0x01", "6-0x0g", "6-", "-1-0x01"] {
            assert_eq!(split(odd), None, "{odd}");
        }
    }
}
