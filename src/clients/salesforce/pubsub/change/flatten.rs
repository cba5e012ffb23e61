//! What an event says about its records, by API name: the part of it that counts, in the form in
//! which REST shows the same fields (salesforce.md 2.3 to 2.5).

use std::collections::BTreeSet;

use crate::clients::salesforce::pubsub::change::bitmap::Place;
use crate::clients::salesforce::pubsub::change::decode::ChangeEvent;
use crate::clients::salesforce::pubsub::change::header::ChangeType;
use crate::clients::salesforce::pubsub::change::raw::{Raw, Record};
use crate::clients::salesforce::pubsub::change::schema::{Field, RecordShape};
use crate::clients::salesforce::pubsub::change::value::scalar;
use crate::domain::{Fields, Value};

/// Change with every save, so they are the version and no fields, as in a row of REST.
const STAMPS: [&str; 2] = ["SystemModstamp", "LastModifiedDate"];

/// How much of its records an event shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// Every field of the schema; null is blank. A field that the user may not see is null too.
    Full,
    /// What changed; other fields are as they were.
    Delta,
    /// Nothing but that something happened.
    HeaderOnly,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flat {
    pub extent: Extent,
    /// By API name: `BillingStreet`, `FirstName`, `Some_Geolocation__Latitude__s`.
    pub fields: Fields,
    /// API names of fields that changed to a value which the event does not carry whole: sent as a
    /// diff, hidden from the user, too long. Read them. Lists are in neither: no row shows them.
    pub unread: BTreeSet<String>,
    /// `LastModifiedDate`, where the event shows it; split events and background writes do not.
    pub modified_ms: Option<i64>,
}

// === impl ChangeEvent ===

impl ChangeEvent<'_> {
    pub fn extent(&self) -> Extent {
        match self.header.change_type {
            ChangeType::Create | ChangeType::Undelete => Extent::Full,
            ChangeType::Update => Extent::Delta,
            _ => Extent::HeaderOnly,
        }
    }

    /// The fields that the event speaks of. In an update that is what its lists name: any other
    /// field is null there without being blank.
    pub fn flatten(&self) -> Flat {
        let mut flat = Flat {
            extent: self.extent(),
            fields: Fields::new(),
            unread: BTreeSet::new(),
            modified_ms: None,
        };
        match flat.extent {
            Extent::HeaderOnly => {}
            Extent::Full => {
                for field in 1..self.raw.values.len() {
                    self.put(&mut flat, Place { field, child: None }, true);
                }
            }
            Extent::Delta => {
                let nulled: BTreeSet<&Place> = self.nulled.iter().collect();
                for place in &self.changed {
                    self.put(&mut flat, *place, nulled.contains(place));
                }
                for place in &self.nulled {
                    self.put(&mut flat, *place, true);
                }
                for place in &self.diff {
                    self.put_diff(&mut flat, *place);
                }
            }
        }
        flat
    }

    /// `null_is_blank`: a null where a delta does not say so is a value that was held back.
    fn put(&self, flat: &mut Flat, place: Place, null_is_blank: bool) {
        let parts = (self.field(place.field), self.raw.values.get(place.field));
        let (Some(field), Some(raw)) = parts else {
            return;
        };
        if place.field == 0 {
            return;
        }
        if STAMPS.contains(&field.name.as_str()) {
            if let Raw::Int(ms) = raw {
                flat.modified_ms = Some(flat.modified_ms.map_or(*ms, |known| known.max(*ms)));
            }
            return;
        }
        let compound = self.schema.compound(&field.shape);
        let children = match (compound, raw) {
            (None, _) => &[],
            // The name of a business account, which has no parts.
            (Some(_), raw) if !matches!(raw, Raw::Null | Raw::Record(_)) => &[],
            (Some(compound), _) => compound.fields.as_slice(),
        };
        let parts = match raw {
            Raw::Record(record) => Some(record),
            _ => None,
        };
        for (at, child) in children.iter().enumerate() {
            if place.child.is_some_and(|only| only != at) {
                continue;
            }
            let name = api_name(field, compound, child);
            let value = parts.and_then(|record: &Record<'_>| record.values.get(at));
            flat.put(name, child, value.unwrap_or(&Raw::Null), null_is_blank);
        }
        let is_scalar = !matches!(raw, Raw::Record(_)) && field.shape.has_scalar();
        if is_scalar && place.child.is_none() {
            flat.put(field.name.clone(), field, raw, null_is_blank);
        }
    }

    fn put_diff(&self, flat: &mut Flat, place: Place) {
        let Some(field) = self.field(place.field) else {
            return;
        };
        let compound = self.schema.compound(&field.shape);
        let child = compound.zip(place.child);
        let child = child.and_then(|(compound, at)| compound.fields.get(at));
        let name = child.map_or(field.name.clone(), |child| api_name(field, compound, child));
        flat.fields.remove(name.as_str());
        flat.unread.insert(name);
    }

    fn field(&self, at: usize) -> Option<&Field> {
        self.schema.root().fields.get(at)
    }
}

// === impl Flat ===

impl Flat {
    fn put(&mut self, name: String, field: &Field, raw: &Raw<'_>, null_is_blank: bool) {
        match scalar(&name, field.kind, raw) {
            Some(Value::Null) if matches!(raw, Raw::Null) && !null_is_blank => {
                self.unread.insert(name);
            }
            Some(value) => {
                self.fields.insert(name.into(), value);
            }
            None => {
                self.unread.insert(name);
            }
        }
    }
}

/// The API's name of a part of a compound field: `MailingAddress.City` is `MailingCity`, a Lead's
/// `Address.City` is `City`, `Name.FirstName` is `FirstName`, a custom `Place__c.Latitude` is
/// `Place__Latitude__s`.
fn api_name(parent: &Field, compound: Option<&RecordShape>, child: &Field) -> String {
    let (parent, child) = (parent.name.as_str(), child.name.as_str());
    let compound = compound.map_or("", |compound| compound.name.as_str());
    let custom = parent.strip_suffix("__c");
    let prefix = parent.strip_suffix("Address");
    match (compound, custom, prefix) {
        ("PersonName" | "Switchable_PersonName", _, _) => child.to_owned(),
        ("Address" | "Location", Some(stem), _) => format!("{stem}__{child}__s"),
        ("Address", None, Some(prefix)) => format!("{prefix}{child}"),
        _ => format!("{parent}.{child}"),
    }
}
