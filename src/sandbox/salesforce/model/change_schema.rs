//! The Avro schemas of change events, minted from the org's objects in the style of the captured
//! ones (salesforce.md 2.2).

use serde_json::{Value, json};

use crate::sandbox::derive;
use crate::sandbox::salesforce::ids;
use crate::sandbox::salesforce::model::fingerprint;
use crate::sandbox::salesforce::schema::{Field, Kind, Object};

/// Objects that have change events here; the vendor's list is longer (salesforce.md 2.1).
pub(crate) const ENTITIES: [&str; 7] = [
    "Account",
    "Contact",
    "Lead",
    "Opportunity",
    "Case",
    "Task",
    "User",
];
/// In the order of the captured schemas; a symbol's place is its number on the wire.
pub(crate) const CHANGE_TYPES: [&str; 10] = [
    "CREATE",
    "UPDATE",
    "DELETE",
    "UNDELETE",
    "GAP_CREATE",
    "GAP_UPDATE",
    "GAP_DELETE",
    "GAP_UNDELETE",
    "GAP_OVERFLOW",
    "SNAPSHOT",
];
/// Fields that REST shows and events do not carry.
const NOT_IN_EVENTS: [&str; 4] = ["Id", "IsDeleted", "SystemModstamp", "MasterRecordId"];
const NAME_PARTS: [&str; 3] = ["Salutation", "FirstName", "LastName"];
const ADDRESS_PARTS: [&str; 10] = [
    "Street",
    "City",
    "State",
    "PostalCode",
    "Country",
    "StateCode",
    "CountryCode",
    "Latitude",
    "Longitude",
    "GeocodeAccuracy",
];
/// Per object: the prefix of an address's fields, in the order of the schema. The sandbox stores
/// only some of them; the others are in the schema and always null, as in most orgs.
const ADDRESSES: [(&str, &[&str]); 3] = [
    ("Account", &["Billing", "Shipping"]),
    ("Contact", &["Other", "Mailing"]),
    ("Lead", &[""]),
];
const PERSONS: [&str; 3] = ["Lead", "Contact", "User"];
/// The first text length that is told as `StringPlusClob`.
const CLOB_LENGTH_MIN: usize = 256;

/// How a value is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    Text,
    Boolean,
    Int,
    Double,
    /// Milliseconds of a moment.
    DateTime,
    /// Milliseconds of the first moment of a day in UTC.
    DateOnly,
}

/// One field below the root of a schema, after the header.
#[derive(Debug, Clone)]
pub(crate) enum Slot {
    /// A field of the row.
    Plain { field: String, form: Form },
    /// A nested record; its children in order, each with the row's field.
    Compound { children: Vec<(String, Form)> },
}

/// The schema of one object's events, and how a row fills it.
#[derive(Debug, Clone)]
pub(crate) struct Layout {
    pub(crate) object: &'static str,
    /// `slots[i]` is the field at position `i + 1`; position 0 is the header.
    pub(crate) slots: Vec<Slot>,
    pub(crate) schema_id: String,
    pub(crate) schema_json: String,
}

/// A custom field that exists in the schema only, put in by a script.
#[derive(Debug, Clone)]
pub(crate) struct Addition {
    pub(crate) name: String,
    /// Its position in the schema.
    pub(crate) position: usize,
}

// === impl Layout ===

impl Layout {
    /// The layout of an object with these additions, oldest first.
    pub(crate) fn of(object: &'static Object, additions: &[Addition]) -> Self {
        let mut slots = Vec::new();
        let mut fields = vec![header()];
        let mut address_told = false;
        if PERSONS.contains(&object.name) {
            slots.push(compound(NAME_PARTS.iter().map(ToString::to_string)));
            fields.push(field("Name", person_name(), "Data:PersonName"));
        }
        for own in &object.fields {
            if let Some(prefixes) = addresses(object.name)
                && is_address_part(own.name, prefixes)
            {
                if !address_told {
                    address_told = true;
                    push_addresses(prefixes, &mut slots, &mut fields);
                }
                continue;
            }
            let person = PERSONS.contains(&object.name);
            let named = person && (own.name == "Name" || NAME_PARTS.contains(&own.name));
            if named || NOT_IN_EVENTS.contains(&own.name) {
                continue;
            }
            let (form, avro) = form(own);
            fields.push(field(own.name, avro, &doc(object.name, own)));
            slots.push(Slot::Plain {
                field: own.name.to_owned(),
                form,
            });
        }
        for addition in additions {
            add(object.name, addition, &mut slots, &mut fields);
        }
        let schema = json!({
            "type": "record",
            "name": format!("{}ChangeEvent", object.name),
            "namespace": "com.sforce.eventbus",
            "fields": fields,
        });
        Self {
            object: object.name,
            slots,
            schema_id: fingerprint::schema_id(&schema),
            schema_json: schema.to_string(),
        }
    }

    /// The position of the first custom field, or the one past the end.
    pub(crate) fn first_custom(&self) -> usize {
        let custom = |slot: &Slot| matches!(slot, Slot::Plain { field, .. } if is_custom(field));
        let before = self.slots.iter().position(custom);
        1 + before.unwrap_or(self.slots.len())
    }
}

// === impl Form ===

impl Form {
    fn avro(self) -> Value {
        let name = match self {
            Self::Text => "string",
            Self::Boolean => "boolean",
            Self::Int => "int",
            Self::Double => "double",
            Self::DateTime | Self::DateOnly => "long",
        };
        json!(["null", name])
    }
}

/// Whether a field belongs to the part that subscribers call custom.
pub(crate) fn is_custom(field: &str) -> bool {
    field.ends_with("__c")
}

fn add(object: &str, addition: &Addition, slots: &mut Vec<Slot>, fields: &mut Vec<Value>) {
    let position = addition.position.clamp(1, fields.len());
    let doc = format!("Data:Text:{}", durable_id(object, &addition.name));
    fields.insert(position, field(&addition.name, Form::Text.avro(), &doc));
    slots.insert(
        position - 1,
        Slot::Plain {
            field: addition.name.clone(),
            form: Form::Text,
        },
    );
}

fn header() -> Value {
    let texts = json!({"type": "array", "items": "string"});
    let part = |name: &str, avro: Value| json!({"name": name, "type": avro});
    let change_type = json!({"type": "enum", "name": "ChangeType", "symbols": CHANGE_TYPES});
    json!({
        "name": "ChangeEventHeader",
        "type": {
            "type": "record",
            "name": "ChangeEventHeader",
            "fields": [
                part("entityName", json!("string")),
                part("recordIds", texts.clone()),
                part("changeType", change_type),
                part("changeOrigin", json!("string")),
                part("transactionKey", json!("string")),
                part("sequenceNumber", json!("int")),
                part("commitTimestamp", json!("long")),
                part("commitNumber", json!("long")),
                part("commitUser", json!("string")),
                part("nulledFields", texts.clone()),
                part("diffFields", texts.clone()),
                part("changedFields", texts),
            ],
        },
        "doc": "Data:ComplexValueType",
    })
}

fn field(name: &str, avro: Value, doc: &str) -> Value {
    json!({"name": name, "type": avro, "doc": doc, "default": null})
}

fn compound(fields: impl Iterator<Item = String>) -> Slot {
    let children = fields.map(|name| {
        let number = name.ends_with("Latitude") || name.ends_with("Longitude");
        (name, if number { Form::Double } else { Form::Text })
    });
    Slot::Compound {
        children: children.collect(),
    }
}

fn person_name() -> Value {
    nested("PersonName", &NAME_PARTS)
}

fn nested(name: &str, parts: &[&str]) -> Value {
    let fields: Vec<Value> = parts
        .iter()
        .map(|part| {
            let number = matches!(*part, "Latitude" | "Longitude");
            let form = if number { Form::Double } else { Form::Text };
            json!({"name": part, "type": form.avro(), "default": null})
        })
        .collect();
    json!(["null", {"type": "record", "name": name, "fields": fields}])
}

/// The first address declares the record, the others name it.
fn push_addresses(prefixes: &[&str], slots: &mut Vec<Slot>, fields: &mut Vec<Value>) {
    for (place, prefix) in prefixes.iter().enumerate() {
        let avro = if place == 0 {
            nested("Address", &ADDRESS_PARTS)
        } else {
            json!(["null", "Address"])
        };
        fields.push(field(&format!("{prefix}Address"), avro, "Data:Address"));
        let names = ADDRESS_PARTS.iter().map(|part| format!("{prefix}{part}"));
        slots.push(compound(names));
    }
}

fn addresses(object: &str) -> Option<&'static [&'static str]> {
    let found = ADDRESSES.iter().find(|(name, _)| *name == object);
    found.map(|(_, prefixes)| *prefixes)
}

fn is_address_part(field: &str, prefixes: &[&str]) -> bool {
    prefixes.iter().any(|prefix| {
        let part = field.strip_prefix(prefix);
        part.is_some_and(|part| ADDRESS_PARTS.contains(&part))
    })
}

/// Custom numbers are doubles whatever their scale.
fn form(field: &Field) -> (Form, Value) {
    let form = match field.kind {
        Kind::Boolean => Form::Boolean,
        Kind::DateTime => Form::DateTime,
        Kind::Date => Form::DateOnly,
        Kind::Currency => Form::Double,
        Kind::Integer if field.is_custom() => Form::Double,
        Kind::Integer => Form::Int,
        _ => Form::Text,
    };
    (form, form.avro())
}

/// `<Role>:<Type>[:<durable id>]`, the only place that tells a date from a moment.
fn doc(object: &str, field: &Field) -> String {
    let kind = match field.kind {
        Kind::Id | Kind::Reference { .. } => "EntityId",
        Kind::LongText { length } if length >= CLOB_LENGTH_MIN => "StringPlusClob",
        Kind::Email => "Email",
        Kind::Phone => "Phone",
        Kind::Url => "Url",
        Kind::Picklist { .. } => "DynamicEnum",
        Kind::Boolean => "Boolean",
        Kind::DateTime => "DateTime",
        Kind::Date => "DateOnly",
        Kind::Currency => "Currency",
        Kind::Integer if field.is_custom() => "Double",
        Kind::Integer => "Integer",
        _ => "Text",
    };
    let role = match (field.name, field.kind) {
        ("CreatedDate", _) => "CreatedDate",
        (_, Kind::Reference { .. }) => "ForeignKey",
        _ => "Data",
    };
    if field.is_custom() {
        return format!("{role}:{kind}:{}", durable_id(object, field.name));
    }
    format!("{role}:{kind}")
}

/// The same for a field for ever, whatever is added around it.
fn durable_id(object: &str, field: &str) -> String {
    let hex = derive::digest_hex("field", &format!("{object}.{field}"), 0);
    let number = u64::from_str_radix(&hex[..8], 16).unwrap_or_default();
    ids::shorten(&ids::record_id("00N", number)).to_owned()
}
