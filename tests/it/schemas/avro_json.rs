//! Avro datums as JSON for people and back, by the schema, with apache-avro and without the codec.
//!
//! As Avro's own JSON encoding: a union's value is `{"<type>": value}`, null stands bare. Unlike
//! it, fixed is hex and bytes are text, so that a person can read and write them.

use std::collections::BTreeMap;

use apache_avro::Schema;
use apache_avro::types::Value as Avro;
use serde_json::{Map, Value as Json, json};

/// A schema with its named types at hand.
pub struct Typed<'s> {
    root: &'s Schema,
    names: BTreeMap<String, &'s Schema>,
}

impl<'s> Typed<'s> {
    pub fn new(root: &'s Schema) -> Self {
        let mut names = BTreeMap::new();
        gather(root, &mut names);
        Self { root, names }
    }

    pub fn to_json(&self, value: &Avro) -> Json {
        self.json(value, self.root)
    }

    pub fn to_avro(&self, json: &Json) -> Avro {
        self.avro(json, self.root)
    }

    fn resolve(&self, schema: &'s Schema) -> &'s Schema {
        match schema {
            Schema::Ref { name } => self.names[&name.fullname(None)],
            schema => schema,
        }
    }

    fn json(&self, value: &Avro, schema: &'s Schema) -> Json {
        match (value, self.resolve(schema)) {
            (Avro::Union(index, inner), Schema::Union(union)) => {
                let branch = &union.variants()[*index as usize];
                match &**inner {
                    Avro::Null => Json::Null,
                    inner => {
                        let mut object = Map::new();
                        object.insert(branch_name(branch), self.json(inner, branch));
                        Json::Object(object)
                    }
                }
            }
            (Avro::Record(fields), Schema::Record(record)) => {
                let pairs = fields.iter().zip(&record.fields);
                let object = pairs
                    .map(|((name, value), field)| (name.clone(), self.json(value, &field.schema)));
                Json::Object(object.collect())
            }
            (Avro::Array(items), Schema::Array(array)) => items
                .iter()
                .map(|item| self.json(item, &array.items))
                .collect(),
            (Avro::Map(items), Schema::Map(map)) => {
                // Sorted: apache-avro's map has a random order.
                let sorted: BTreeMap<_, _> = items.iter().collect();
                let object = sorted
                    .into_iter()
                    .map(|(key, value)| (key.clone(), self.json(value, &map.types)));
                Json::Object(object.collect())
            }
            (Avro::Null, _) => Json::Null,
            (Avro::Boolean(value), _) => json!(value),
            (Avro::Long(value) | Avro::TimestampMillis(value), _) => json!(value),
            (Avro::Double(value), _) => json!(value),
            (Avro::String(text) | Avro::Enum(_, text), _) => json!(text),
            (Avro::Bytes(bytes), _) => json!(String::from_utf8(bytes.clone()).unwrap()),
            (Avro::Fixed(_, bytes), _) => json!(hex::encode(bytes)),
            (value, schema) => panic!("{value:?} in {schema:?}"),
        }
    }

    fn avro(&self, json: &Json, schema: &'s Schema) -> Avro {
        match (json, self.resolve(schema)) {
            (_, Schema::Union(union)) => {
                let (name, inner) = match json {
                    Json::Null => ("null", &Json::Null),
                    json => {
                        let (name, inner) = json.as_object().unwrap().iter().next().unwrap();
                        (name.as_str(), inner)
                    }
                };
                let mut branches = union.variants().iter();
                let index = branches
                    .position(|branch| branch_name(branch) == name)
                    .unwrap();
                let inner = self.avro(inner, &union.variants()[index]);
                Avro::Union(index as u32, Box::new(inner))
            }
            (Json::Object(object), Schema::Record(record)) => {
                let field = |field: &'s apache_avro::schema::RecordField| {
                    let value = object.get(&field.name);
                    let value = value.unwrap_or_else(|| panic!("{} is missing", field.name));
                    (field.name.clone(), self.avro(value, &field.schema))
                };
                Avro::Record(record.fields.iter().map(field).collect())
            }
            (Json::Array(items), Schema::Array(array)) => Avro::Array(
                items
                    .iter()
                    .map(|item| self.avro(item, &array.items))
                    .collect(),
            ),
            (Json::Object(items), Schema::Map(map)) => {
                let entries = items.iter();
                let entries =
                    entries.map(|(key, value)| (key.clone(), self.avro(value, &map.types)));
                Avro::Map(entries.collect())
            }
            (Json::Null, Schema::Null) => Avro::Null,
            (Json::Bool(value), Schema::Boolean) => Avro::Boolean(*value),
            (Json::Number(value), Schema::Long) => Avro::Long(value.as_i64().unwrap()),
            (Json::Number(value), Schema::TimestampMillis) => {
                Avro::TimestampMillis(value.as_i64().unwrap())
            }
            (Json::Number(value), Schema::Double) => Avro::Double(value.as_f64().unwrap()),
            (Json::String(text), Schema::String) => Avro::String(text.clone()),
            (Json::String(text), Schema::Bytes) => Avro::Bytes(text.clone().into_bytes()),
            (Json::String(text), Schema::Fixed(_)) => {
                let bytes = hex::decode(text).unwrap();
                Avro::Fixed(bytes.len(), bytes)
            }
            (Json::String(text), Schema::Enum(symbols)) => {
                let index = symbols.symbols.iter().position(|symbol| symbol == text);
                Avro::Enum(index.unwrap() as u32, text.clone())
            }
            (json, schema) => panic!("{json} in {schema:?}"),
        }
    }
}

fn gather<'s>(schema: &'s Schema, names: &mut BTreeMap<String, &'s Schema>) {
    if let (Some(name), false) = (schema.name(), matches!(schema, Schema::Ref { .. })) {
        names.insert(name.fullname(None), schema);
    }
    match schema {
        Schema::Record(record) => record.fields.iter().for_each(|f| gather(&f.schema, names)),
        Schema::Union(union) => union.variants().iter().for_each(|s| gather(s, names)),
        Schema::Array(array) => gather(&array.items, names),
        Schema::Map(map) => gather(&map.types, names),
        _ => {}
    }
}

fn branch_name(schema: &Schema) -> String {
    let plain = match schema {
        Schema::Null => "null",
        Schema::Boolean => "boolean",
        Schema::Long | Schema::TimestampMillis => "long",
        Schema::Double => "double",
        Schema::String => "string",
        Schema::Array(_) => "array",
        Schema::Map(_) => "map",
        named => return named.name().expect("ours are named").fullname(None),
    };
    plain.to_owned()
}
