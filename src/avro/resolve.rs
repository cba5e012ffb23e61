//! Schema resolution: a datum of an older schema, rewritten as today's schema would have it.
//!
//! Records in a union are told apart by their full names. apache-avro's own resolution tells
//! them apart by shape, and several of our events have one shape.

use std::collections::BTreeMap;

use apache_avro::Schema;
use apache_avro::schema::RecordField;
use serde_json::Value as Json;

use crate::avro::error::Error;
use crate::avro::wire::{Reader, Writer};

/// Rewrites `datum`, written with `writer`, so that `reader` fits it.
pub fn resolve(writer: &Schema, reader: &Schema, datum: &[u8]) -> Result<Vec<u8>, Error> {
    let (writer_names, reader_names) = (names(writer), names(reader));
    let mut r = Reader::new(datum);
    let node = read(writer, &writer_names, &mut r)?;
    r.finish()?;
    let mut w = Writer::default();
    write(&node, reader, &reader_names, &mut w)?;
    w.finish()
}

type Names<'s> = BTreeMap<String, &'s Schema>;

/// A datum as its own schema says.
enum Node {
    Null,
    Bool(bool),
    Long(i64),
    Double([u8; 8]),
    Bytes(Vec<u8>),
    Fixed(Vec<u8>),
    Symbol(String),
    Array(Vec<Node>),
    Map(Vec<(Vec<u8>, Node)>),
    Record(String, BTreeMap<String, Node>),
}

fn names(schema: &Schema) -> Names<'_> {
    let mut found = Names::new();
    gather(schema, &mut found);
    found
}

fn gather<'s>(schema: &'s Schema, found: &mut Names<'s>) {
    match schema {
        Schema::Record(record) => {
            found.insert(full_name(schema), schema);
            for field in &record.fields {
                gather(&field.schema, found);
            }
        }
        Schema::Enum(_) | Schema::Fixed(_) => {
            found.insert(full_name(schema), schema);
        }
        Schema::Union(union) => union.variants().iter().for_each(|s| gather(s, found)),
        Schema::Array(array) => gather(&array.items, found),
        Schema::Map(map) => gather(&map.types, found),
        _ => {}
    }
}

fn full_name(schema: &Schema) -> String {
    schema
        .name()
        .map_or_else(String::new, |name| name.fullname(None))
}

fn target<'s>(schema: &'s Schema, names: &Names<'s>) -> Result<&'s Schema, Error> {
    match schema {
        Schema::Ref { .. } => {
            let name = full_name(schema);
            let found = names.get(&name).copied();
            found.ok_or_else(|| Error::Resolve(format!("{name} is not defined")))
        }
        schema => Ok(schema),
    }
}

fn read(schema: &Schema, names: &Names<'_>, r: &mut Reader<'_>) -> Result<Node, Error> {
    Ok(match target(schema, names)? {
        Schema::Null => Node::Null,
        Schema::Boolean => Node::Bool(r.boolean()?),
        Schema::Int | Schema::Long | Schema::TimestampMillis => Node::Long(r.long()?),
        Schema::Double => {
            let bytes = r.fixed(8)?.try_into();
            Node::Double(bytes.expect("fixed returned 8 bytes"))
        }
        Schema::Bytes | Schema::String => Node::Bytes(r.bytes()?.to_vec()),
        Schema::Fixed(fixed) => Node::Fixed(r.fixed(fixed.size)?.to_vec()),
        Schema::Enum(symbols) => Node::Symbol(pick(&symbols.symbols, r)?.clone()),
        Schema::Union(union) => read(pick(union.variants(), r)?, names, r)?,
        Schema::Array(array) => {
            let mut items = Vec::new();
            r.blocks(|r| {
                items.push(read(&array.items, names, r)?);
                Ok(())
            })?;
            Node::Array(items)
        }
        Schema::Map(map) => {
            let mut entries = Vec::new();
            r.blocks(|r| {
                entries.push((r.bytes()?.to_vec(), read(&map.types, names, r)?));
                Ok(())
            })?;
            Node::Map(entries)
        }
        schema @ Schema::Record(record) => {
            let mut fields = BTreeMap::new();
            for field in &record.fields {
                fields.insert(field.name.clone(), read(&field.schema, names, r)?);
            }
            Node::Record(full_name(schema), fields)
        }
        other => return Err(unsupported(other)),
    })
}

fn pick<'s, T>(cases: &'s [T], r: &mut Reader<'_>) -> Result<&'s T, Error> {
    let index = r.long()?;
    let case = usize::try_from(index).ok().and_then(|i| cases.get(i));
    case.ok_or_else(|| r.unknown_case(index))
}

fn write(node: &Node, schema: &Schema, names: &Names<'_>, w: &mut Writer) -> Result<(), Error> {
    let schema = target(schema, names)?;
    match (node, schema) {
        (_, Schema::Union(union)) => {
            let fits = |branch: &&Schema| matches(node, branch, names);
            let index = union.variants().iter().position(|branch| fits(&branch));
            let index = index.ok_or_else(|| mismatch(node, schema))?;
            w.long(index as i64);
            write(node, &union.variants()[index], names, w)?;
        }
        (Node::Null, Schema::Null) => {}
        (Node::Bool(value), Schema::Boolean) => w.boolean(*value),
        (Node::Long(value), Schema::Int | Schema::Long | Schema::TimestampMillis) => {
            w.long(*value);
        }
        (Node::Long(value), Schema::Double) => w.fixed(&(*value as f64).to_le_bytes()),
        (Node::Double(bytes), Schema::Double) => w.fixed(bytes),
        (Node::Bytes(bytes), Schema::Bytes | Schema::String) => w.bytes(bytes),
        (Node::Fixed(bytes), Schema::Fixed(fixed)) if bytes.len() == fixed.size => {
            w.fixed(bytes);
        }
        (Node::Symbol(symbol), Schema::Enum(symbols)) => {
            let known = symbols.symbols.iter().position(|s| s == symbol);
            let default = symbols.default.as_ref();
            let default = || symbols.symbols.iter().position(|s| Some(s) == default);
            let index = known
                .or_else(default)
                .ok_or_else(|| mismatch(node, schema))?;
            w.long(index as i64);
        }
        (Node::Array(items), Schema::Array(array)) => {
            write_block(items.iter(), w, |item, w| {
                write(item, &array.items, names, w)
            })?;
        }
        (Node::Map(entries), Schema::Map(map)) => {
            write_block(entries.iter(), w, |(key, value), w| {
                w.bytes(key);
                write(value, &map.types, names, w)
            })?;
        }
        (Node::Record(_, fields), Schema::Record(record)) => {
            for field in &record.fields {
                match find(fields, field) {
                    Some(node) => write(node, &field.schema, names, w)?,
                    None => write_default(field, names, w)?,
                }
            }
        }
        _ => return Err(mismatch(node, schema)),
    }
    Ok(())
}

fn find<'n>(fields: &'n BTreeMap<String, Node>, field: &RecordField) -> Option<&'n Node> {
    let mut spellings = std::iter::once(&field.name).chain(field.aliases.iter());
    spellings.find_map(|name| fields.get(name))
}

fn write_block<T>(
    items: impl ExactSizeIterator<Item = T>,
    w: &mut Writer,
    mut put: impl FnMut(T, &mut Writer) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut failed = None;
    w.block(items, |w, item| {
        if let Err(error) = put(item, w) {
            failed.get_or_insert(error);
        }
    });
    failed.map_or(Ok(()), Err)
}

fn write_default(field: &RecordField, names: &Names<'_>, w: &mut Writer) -> Result<(), Error> {
    let Some(default) = &field.default else {
        let missing = format!("{} has no default", field.name);
        return Err(Error::Resolve(missing));
    };
    let schema = target(&field.schema, names)?;
    let node = node_of(default, schema);
    let node = node.ok_or_else(|| Error::Resolve(format!("the default of {}", field.name)))?;
    write(&node, schema, names, w)
}

/// Defaults are scalars or empty collections; that of a union belongs to its first branch.
fn node_of(default: &Json, schema: &Schema) -> Option<Node> {
    let schema = match schema {
        Schema::Union(union) => union.variants().first()?,
        schema => schema,
    };
    Some(match (default, schema) {
        (Json::Null, _) => Node::Null,
        (Json::Bool(value), _) => Node::Bool(*value),
        (Json::Number(value), Schema::Double) => Node::Double(value.as_f64()?.to_le_bytes()),
        (Json::Number(value), _) => Node::Long(value.as_i64()?),
        (Json::String(text), Schema::String) => Node::Bytes(text.clone().into_bytes()),
        (Json::String(symbol), Schema::Enum(_) | Schema::Ref { .. }) => {
            Node::Symbol(symbol.clone())
        }
        (Json::Array(items), Schema::Array(_)) if items.is_empty() => Node::Array(Vec::new()),
        (Json::Object(items), Schema::Map(_)) if items.is_empty() => Node::Map(Vec::new()),
        _ => return None,
    })
}

/// Whether a branch of the reader's union is meant for the node.
fn matches(node: &Node, branch: &Schema, names: &Names<'_>) -> bool {
    let Ok(branch) = target(branch, names) else {
        return false;
    };
    match (node, branch) {
        (Node::Null, Schema::Null)
        | (Node::Bool(_), Schema::Boolean)
        | (Node::Long(_), Schema::Int | Schema::Long | Schema::TimestampMillis)
        | (Node::Double(_), Schema::Double)
        | (Node::Bytes(_), Schema::Bytes | Schema::String)
        | (Node::Symbol(_), Schema::Enum(_))
        | (Node::Array(_), Schema::Array(_))
        | (Node::Map(_), Schema::Map(_)) => true,
        (Node::Fixed(bytes), Schema::Fixed(fixed)) => bytes.len() == fixed.size,
        (Node::Record(name, _), Schema::Record(_)) => *name == full_name(branch),
        _ => false,
    }
}

fn mismatch(node: &Node, schema: &Schema) -> Error {
    let what = match node {
        Node::Record(name, _) => name.as_str(),
        Node::Symbol(symbol) => symbol.as_str(),
        _ => "a value",
    };
    let name = full_name(schema);
    Error::Resolve(format!("{what} has no place in {name}"))
}

fn unsupported(schema: &Schema) -> Error {
    Error::Resolve(format!("{schema:?} is not used by any schema of ours"))
}
