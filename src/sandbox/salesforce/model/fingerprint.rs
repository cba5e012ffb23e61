//! The id of an Avro schema: base64url without padding of the MD5 of its Parsing Canonical Form
//! (salesforce.md 0.1). Pure.

use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use md5::{Digest, Md5};
use serde_json::Value;

/// The id under which this schema is served.
pub(crate) fn schema_id(schema: &Value) -> String {
    let mut form = String::new();
    canonical(schema, "", &mut form);
    URL_SAFE_NO_PAD.encode(Md5::digest(form.as_bytes()))
}

/// Appends the Parsing Canonical Form: full names, no attributes but those that parsing needs,
/// in the order of the Avro specification, no white space.
fn canonical(schema: &Value, space: &str, form: &mut String) {
    match schema {
        Value::String(name) => quoted(&reference(name, space), form),
        Value::Array(branches) => list(branches, form, |branch, form| {
            canonical(branch, space, form);
        }),
        Value::Object(_) => canonical_object(schema, space, form),
        _ => {}
    }
}

fn canonical_object(schema: &Value, space: &str, form: &mut String) {
    let kind = schema["type"].as_str().unwrap_or_default();
    if !matches!(kind, "record" | "enum" | "array") {
        return canonical(&schema["type"], space, form);
    }
    form.push('{');
    let mut inner = space.to_owned();
    if kind != "array" {
        let full = full_name(schema, space);
        inner = full
            .rsplit_once('.')
            .map_or_else(String::new, |(space, _)| space.to_owned());
        form.push_str("\"name\":");
        quoted(&full, form);
        form.push(',');
    }
    form.push_str("\"type\":");
    quoted(kind, form);
    let nothing = Vec::new();
    let part = |name: &str| schema[name].as_array().unwrap_or(&nothing);
    match kind {
        "record" => {
            form.push_str(",\"fields\":");
            list(part("fields"), form, |field, form| {
                form.push_str("{\"name\":");
                quoted(field["name"].as_str().unwrap_or_default(), form);
                form.push_str(",\"type\":");
                canonical(&field["type"], &inner, form);
                form.push('}');
            });
        }
        "enum" => {
            form.push_str(",\"symbols\":");
            list(part("symbols"), form, |symbol, form| {
                quoted(symbol.as_str().unwrap_or_default(), form);
            });
        }
        _ => {
            form.push_str(",\"items\":");
            canonical(&schema["items"], space, form);
        }
    }
    form.push('}');
}

fn list(items: &[Value], form: &mut String, each: impl Fn(&Value, &mut String)) {
    form.push('[');
    for (place, item) in items.iter().enumerate() {
        if place > 0 {
            form.push(',');
        }
        each(item, form);
    }
    form.push(']');
}

/// A name that is used, not declared: primitive types have no namespace.
fn reference(name: &str, space: &str) -> String {
    let primitive = matches!(
        name,
        "null" | "boolean" | "int" | "long" | "float" | "double" | "bytes" | "string"
    );
    if primitive || space.is_empty() || name.contains('.') {
        return name.to_owned();
    }
    format!("{space}.{name}")
}

fn full_name(schema: &Value, space: &str) -> String {
    let name = schema["name"].as_str().unwrap_or_default();
    let space = schema["namespace"].as_str().unwrap_or(space);
    if space.is_empty() || name.contains('.') {
        return name.to_owned();
    }
    format!("{space}.{name}")
}

// Names and symbols are letters, digits and underscores: nothing needs escaping.
fn quoted(text: &str, form: &mut String) {
    let _ = write!(form, "\"{text}\"");
}
