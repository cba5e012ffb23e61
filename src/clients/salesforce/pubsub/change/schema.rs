//! A change event's schema, compiled into the plan that decoding follows. A schema is looked up by
//! the id in each event, never by topic: a stale one can decode without an error (salesforce.md
//! 0.3, 0.4).

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use md5::{Digest as _, Md5};
use serde_json::{Map, Value as Json};

use crate::clients::salesforce::pubsub::change::canonical;
use crate::clients::salesforce::pubsub::change::header::Slots;
use crate::clients::salesforce::pubsub::change::kind::Kind;

/// An Account with 800 custom fields is near 200 KB.
pub const JSON_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Of all records of one schema. An object has 800 custom fields at most.
pub const FIELDS_MAX: usize = 4_000;
/// Real schemas are four deep: record, field, union, compound.
pub(super) const DEPTH_MAX: usize = 16;

/// Names stand in these texts, values never: a schema holds none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error("schema {id} is longer than {JSON_BYTES_MAX} bytes")]
    TooLong { id: String },
    #[error("schema {id} is not JSON")]
    NotJson { id: String },
    #[error("schema {id} is no schema of a change event: {why}")]
    Form { id: String, why: String },
}

/// One writer's schema. Immutable; share it.
#[derive(Clone, Debug, PartialEq)]
pub struct Schema {
    id: String,
    authentic: bool,
    /// The event itself comes first.
    pub(super) records: Vec<RecordShape>,
    pub(super) enums: Vec<Vec<String>>,
    pub(super) slots: Slots,
}

#[derive(Clone, Debug, PartialEq, Default)]
pub(super) struct RecordShape {
    /// Without the namespace: `Address`.
    pub name: String,
    pub fields: Vec<Field>,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Field {
    pub name: String,
    pub kind: Kind,
    pub shape: Shape,
}

/// What stands at one place of the bytes. Named types are places in the schema's lists, so a
/// second use costs nothing and a type may hold itself.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Shape {
    Null,
    Boolean,
    Int,
    Long,
    Float,
    Double,
    Bytes,
    Text,
    Fixed(usize),
    Enum(usize),
    List(Box<Shape>),
    Map(Box<Shape>),
    Union(Vec<Shape>),
    Record(usize),
}

// === impl Schema ===

impl Schema {
    /// Compiles `json`. A `json` that does not hash to `id` is taken all the same, since the vendor
    /// calls ids opaque: see [`Schema::is_authentic`].
    pub fn parse(id: &str, json: &str) -> Result<Self, Error> {
        let id = || id.to_owned();
        if json.len() > JSON_BYTES_MAX {
            return Err(Error::TooLong { id: id() });
        }
        let json = serde_json::from_str(json).map_err(|_| Error::NotJson { id: id() })?;
        let form = |why: String| Error::Form { id: id(), why };
        let mut plan = Plan::default();
        let root = plan.shape(&json, "", 0).map_err(form)?;
        if root != Shape::Record(0) {
            return Err(form("it is not a record".into()));
        }
        let slots = Slots::find(&plan.records).map_err(form)?;
        Ok(Self {
            id: id(),
            authentic: hash(&json).as_deref() == Some(&id()),
            records: plan.records,
            enums: plan.enums,
            slots,
        })
    }

    /// The id that Salesforce gives to `json`: base64url without padding of the MD5 of its
    /// canonical form. None for what is no schema.
    pub fn fingerprint(json: &str) -> Option<String> {
        hash(&serde_json::from_str(json).ok()?)
    }

    pub fn id(&self) -> &str {
        &self.id
    }

    /// Whether the text hashes to the id. False is worth a warning, and no more.
    pub fn is_authentic(&self) -> bool {
        self.authentic
    }

    /// The event record's own name, `AccountChangeEvent`.
    pub fn name(&self) -> &str {
        &self.root().name
    }

    pub(super) fn root(&self) -> &RecordShape {
        &self.records[0]
    }

    /// The record that a field's value can be, wherever it stands in the field's union.
    pub(super) fn compound(&self, shape: &Shape) -> Option<&RecordShape> {
        match shape {
            Shape::Record(place) => self.records.get(*place),
            Shape::Union(branches) => branches.iter().find_map(|branch| match branch {
                Shape::Record(place) => self.records.get(*place),
                _ => None,
            }),
            _ => None,
        }
    }
}

fn hash(schema: &Json) -> Option<String> {
    let form = canonical::form(schema)?;
    Some(URL_SAFE_NO_PAD.encode(Md5::digest(form.as_bytes())))
}

// === impl Shape ===

impl Shape {
    /// Whether a single value can stand there: in `Account.Name`, beside a record of its parts.
    pub(super) fn has_scalar(&self) -> bool {
        match self {
            Self::Null | Self::Record(_) | Self::List(_) | Self::Map(_) => false,
            Self::Union(branches) => branches.iter().any(Self::has_scalar),
            _ => true,
        }
    }
}

// === impl Plan ===

/// The schema while it is read.
#[derive(Default)]
struct Plan {
    records: Vec<RecordShape>,
    enums: Vec<Vec<String>>,
    names: BTreeMap<String, Shape>,
    fields: usize,
}

impl Plan {
    fn shape(&mut self, json: &Json, namespace: &str, depth: usize) -> Result<Shape, String> {
        if depth > DEPTH_MAX {
            return Err(format!("it is more than {DEPTH_MAX} deep"));
        }
        match json {
            Json::String(name) => self.named(name, namespace),
            Json::Array(branches) => {
                let branch = |json| self.shape(json, namespace, depth + 1);
                let branches: Vec<Shape> = branches.iter().map(branch).collect::<Result<_, _>>()?;
                if branches.is_empty() || branches.iter().any(|b| matches!(b, Shape::Union(_))) {
                    return Err("a union is empty or holds a union".into());
                }
                Ok(Shape::Union(branches))
            }
            Json::Object(parts) => self.complex(parts, namespace, depth),
            _ => Err("a type is neither text, list nor object".into()),
        }
    }

    fn complex(
        &mut self,
        parts: &Map<String, Json>,
        namespace: &str,
        depth: usize,
    ) -> Result<Shape, String> {
        let inner = |name: &str| parts.get(name).ok_or(format!("a type lacks its {name}"));
        match inner("type")? {
            Json::String(kind) => match kind.as_str() {
                "record" | "error" => self.record(parts, namespace, depth),
                "enum" => {
                    let symbols =
                        texts(inner("symbols")?).ok_or("an enum's symbols are no list")?;
                    self.enums.push(symbols);
                    let shape = Shape::Enum(self.enums.len() - 1);
                    self.define(parts, namespace, shape)
                }
                "fixed" => {
                    let size = inner("size")?
                        .as_u64()
                        .and_then(|n| usize::try_from(n).ok());
                    let shape = Shape::Fixed(size.ok_or("a fixed type's size is no number")?);
                    self.define(parts, namespace, shape)
                }
                "array" => {
                    let items = self.shape(inner("items")?, namespace, depth + 1)?;
                    Ok(Shape::List(Box::new(items)))
                }
                "map" => {
                    let values = self.shape(inner("values")?, namespace, depth + 1)?;
                    Ok(Shape::Map(Box::new(values)))
                }
                name => self.named(name, namespace),
            },
            nested => self.shape(nested, namespace, depth + 1),
        }
    }

    /// The name is known before the fields are read, so that a record may hold itself.
    fn record(
        &mut self,
        parts: &Map<String, Json>,
        namespace: &str,
        depth: usize,
    ) -> Result<Shape, String> {
        let (full, inside) =
            canonical::full_name(parts, namespace).ok_or("a record lacks a name")?;
        let place = self.records.len();
        self.records.push(RecordShape::default());
        let shape = self.define(parts, namespace, Shape::Record(place))?;
        let listed = parts.get("fields").and_then(Json::as_array);
        let listed = listed.ok_or(format!("record {full} lacks its fields"))?;
        self.fields += listed.len();
        if self.fields > FIELDS_MAX {
            return Err(format!("it has more than {FIELDS_MAX} fields"));
        }
        let mut fields = Vec::with_capacity(listed.len());
        for field in listed {
            let (name, kind) = (field["name"].as_str(), field.get("type"));
            let (Some(name), Some(json)) = (name, kind) else {
                return Err(format!("a field of {full} lacks its name or type"));
            };
            fields.push(Field {
                name: name.to_owned(),
                kind: Kind::of_doc(field["doc"].as_str().unwrap_or_default()),
                shape: self.shape(json, inside, depth + 1)?,
            });
        }
        let name = full.rsplit('.').next().unwrap_or(&full).to_owned();
        self.records[place] = RecordShape { name, fields };
        Ok(shape)
    }

    fn define(
        &mut self,
        parts: &Map<String, Json>,
        namespace: &str,
        shape: Shape,
    ) -> Result<Shape, String> {
        let (full, _) = canonical::full_name(parts, namespace).ok_or("a type lacks its name")?;
        match self.names.insert(full.clone(), shape.clone()) {
            None => Ok(shape),
            Some(_) => Err(format!("{full} is defined twice")),
        }
    }

    fn named(&self, name: &str, namespace: &str) -> Result<Shape, String> {
        Ok(match name {
            "null" => Shape::Null,
            "boolean" => Shape::Boolean,
            "int" => Shape::Int,
            "long" => Shape::Long,
            "float" => Shape::Float,
            "double" => Shape::Double,
            "bytes" => Shape::Bytes,
            "string" => Shape::Text,
            name => {
                let full = canonical::reference(name, namespace);
                let known = self.names.get(&full);
                known.ok_or(format!("type {full} is not defined"))?.clone()
            }
        })
    }
}

fn texts(list: &Json) -> Option<Vec<String>> {
    let entries = list.as_array()?.iter();
    entries
        .map(|entry| entry.as_str().map(str::to_owned))
        .collect()
}
