//! Mints schemas and events in the form of the captured ones: a small Avro writer of its own, that
//! can also write what no honest one would.

use serde_json::{Value as Json, json};

/// As of 2026; the list grows.
pub const CHANGE_TYPES: [&str; 10] = [
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

const ADDRESS: [&str; 7] = [
    "Street",
    "City",
    "State",
    "PostalCode",
    "Country",
    "StateCode",
    "CountryCode",
];

/// Position 12 is Status, 19 to 23 are the fields of a conversion, 27 is LastModifiedDate, as in
/// the vendor's sample vector `0x08F81000`.
pub fn lead() -> Json {
    event(
        "Lead",
        vec![
            field("Name", "PersonName", json!(["null", person("PersonName")])),
            field("Title", "Text", json!(["null", "string"])),
            field("Company", "Text", json!(["null", "string"])),
            field("Address", "Address", json!(["null", address()])),
            field("Phone", "Phone", json!(["null", "string"])),
            field("MobilePhone", "Phone", json!(["null", "string"])),
            field("Email", "Email", json!(["null", "string"])),
            field("Website", "Url", json!(["null", "string"])),
            field("Description", "StringPlusClob", json!(["null", "string"])),
            field("LeadSource", "DynamicEnum", json!(["null", "string"])),
            field("Priority__c", "Integer:00N1", json!(["null", "int"])),
            field("Status", "DynamicEnum", json!(["null", "string"])),
            field("Industry", "DynamicEnum", json!(["null", "string"])),
            field("Rating", "DynamicEnum", json!(["null", "string"])),
            field("AnnualRevenue", "Currency", json!(["null", "double"])),
            field("NumberOfEmployees", "Integer", json!(["null", "int"])),
            field("OwnerId", "EntityId", json!(["null", "string"])),
            field("HasOptedOutOfEmail", "Boolean", json!(["null", "boolean"])),
            field("IsConverted", "Boolean", json!(["null", "boolean"])),
            field("ConvertedDate", "DateOnly", json!(["null", "long"])),
            field("ConvertedAccountId", "EntityId", json!(["null", "string"])),
            field("ConvertedContactId", "EntityId", json!(["null", "string"])),
            field(
                "ConvertedOpportunityId",
                "EntityId",
                json!(["null", "string"]),
            ),
            field("IsUnreadByOwner", "Boolean", json!(["null", "boolean"])),
            field("CreatedDate", "DateTime", json!(["null", "long"])),
            field("CreatedById", "EntityId", json!(["null", "string"])),
            field("LastModifiedDate", "DateTime", json!(["null", "long"])),
            field("Call_At__c", "TimeOnly:00N2", json!(["null", "long"])),
            field("Site__c", "Location:00N3", json!(["null", location()])),
        ],
    )
}

/// With person accounts: the name is a text or a record, and the second address is a reference.
pub fn account() -> Json {
    let name = json!(["null", "string", person("Switchable_PersonName")]);
    event(
        "Account",
        vec![
            field("Name", "Switchable_PersonName", name),
            field("BillingAddress", "Address", json!(["null", address()])),
            field("ShippingAddress", "Address", json!(["null", "Address"])),
            field("Phone", "Phone", json!(["null", "string"])),
            field(
                "UserPreferences",
                "Text",
                json!(["null", {"type": "array", "items": "string"}]),
            ),
            field("LastModifiedDate", "DateTime", json!(["null", "long"])),
        ],
    )
}

pub fn event(entity: &str, mut fields: Vec<Json>) -> Json {
    fields.insert(0, json!({"name": "ChangeEventHeader", "type": header()}));
    json!({
        "type": "record",
        "name": format!("{entity}ChangeEvent"),
        "namespace": "com.sforce.eventbus",
        "fields": fields,
    })
}

pub fn field(name: &str, doc: &str, shape: Json) -> Json {
    json!({"name": name, "type": shape, "doc": format!("Data:{doc}"), "default": null})
}

fn header() -> Json {
    let texts = json!({"type": "array", "items": "string"});
    let symbols = json!({"type": "enum", "name": "ChangeType", "symbols": CHANGE_TYPES});
    json!({"type": "record", "name": "ChangeEventHeader", "fields": [
        {"name": "entityName", "type": "string"},
        {"name": "recordIds", "type": texts},
        {"name": "changeType", "type": symbols},
        {"name": "changeOrigin", "type": "string"},
        {"name": "transactionKey", "type": "string"},
        {"name": "sequenceNumber", "type": "int"},
        {"name": "commitTimestamp", "type": "long"},
        {"name": "commitNumber", "type": "long"},
        {"name": "commitUser", "type": "string"},
        {"name": "nulledFields", "type": texts},
        {"name": "diffFields", "type": texts},
        {"name": "changedFields", "type": texts},
    ]})
}

fn texts(names: &[&str]) -> Vec<Json> {
    let text = |name: &&str| json!({"name": name, "type": ["null", "string"], "default": null});
    names.iter().map(text).collect()
}

fn person(name: &str) -> Json {
    let fields = texts(&["Salutation", "FirstName", "LastName"]);
    json!({"type": "record", "name": name, "fields": fields})
}

fn address() -> Json {
    let mut fields = texts(&ADDRESS);
    for name in ["Latitude", "Longitude"] {
        fields.push(json!({"name": name, "type": ["null", "double"]}));
    }
    fields.extend(texts(&["GeocodeAccuracy"]));
    json!({"type": "record", "name": "Address", "fields": fields})
}

fn location() -> Json {
    let double = |name| json!({"name": name, "type": ["null", "double"]});
    json!({"type": "record", "name": "Location",
           "fields": [double("Latitude"), double("Longitude")]})
}

/// Writes `event`; what it lacks is null or empty. Without a header's `changeType` it is UPDATE; a
/// number there is written as it is.
pub fn datum(schema: &Json, event: &Json) -> Vec<u8> {
    let mut out = Vec::new();
    write(&mut out, schema, schema, event);
    out
}

fn write(out: &mut Vec<u8>, root: &Json, shape: &Json, value: &Json) {
    match shape {
        Json::Array(branches) => {
            let branch = branches.iter().position(|branch| fits(branch, value));
            let branch = branch.unwrap_or_else(|| panic!("{value} fits none of {shape}"));
            long(out, branch as i64);
            write(out, root, &branches[branch], value);
        }
        Json::String(name) => primitive(out, root, name, value),
        _ => match shape["type"].as_str().unwrap() {
            "record" => {
                for field in shape["fields"].as_array().unwrap() {
                    let name = field["name"].as_str().unwrap();
                    write(out, root, &field["type"], &value[name]);
                }
            }
            "array" => {
                let items = value.as_array().cloned().unwrap_or_default();
                if !items.is_empty() {
                    long(out, items.len() as i64);
                }
                for item in &items {
                    write(out, root, &shape["items"], item);
                }
                long(out, 0);
            }
            "enum" => {
                let symbol = value.as_str().unwrap_or("UPDATE");
                let known = CHANGE_TYPES.iter().position(|known| *known == symbol);
                long(out, value.as_i64().or(known.map(|at| at as i64)).unwrap());
            }
            name => primitive(out, root, name, value),
        },
    }
}

fn fits(branch: &Json, value: &Json) -> bool {
    match branch.as_str() {
        Some("null") => value.is_null(),
        Some("string") => value.is_string(),
        Some("boolean") => value.is_boolean(),
        Some("int" | "long" | "double") => value.is_number(),
        Some(_) => value.is_object(),
        None if branch["type"] == "array" => value.is_array(),
        None => value.is_object(),
    }
}

fn primitive(out: &mut Vec<u8>, root: &Json, name: &str, value: &Json) {
    match name {
        "null" => {}
        "boolean" => out.push(u8::from(value.as_bool().unwrap())),
        "int" | "long" => long(out, value.as_i64().unwrap_or_default()),
        "double" => out.extend(value.as_f64().unwrap().to_le_bytes()),
        "string" => {
            let text = value.as_str().unwrap_or_default();
            long(out, text.len() as i64);
            out.extend(text.as_bytes());
        }
        named => {
            let shape = find(root, named).unwrap_or_else(|| panic!("{named} is not defined"));
            write(out, root, shape, value);
        }
    }
}

fn find<'s>(shape: &'s Json, name: &str) -> Option<&'s Json> {
    match shape {
        Json::Object(parts) if parts.get("name") == Some(&json!(name)) && parts.len() > 2 => {
            parts.contains_key("fields").then_some(shape)
        }
        Json::Object(parts) => parts.values().find_map(|below| find(below, name)),
        Json::Array(entries) => entries.iter().find_map(|below| find(below, name)),
        _ => None,
    }
}

fn long(out: &mut Vec<u8>, value: i64) {
    let mut rest = ((value << 1) ^ (value >> 63)) as u64;
    while rest >= 0x80 {
        out.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    out.push(rest as u8);
}
