//! Avro's Parsing Canonical Form: what a schema id is the hash of (salesforce.md 0.1). `doc` and
//! `default` are outside of it, so one id can carry changed docs.

use serde_json::{Map, Value as Json};

/// Deeper than serde_json reads, so it is never the first limit to be met.
const DEPTH_MAX: usize = 128;

/// The canonical form, or None for what is no schema.
pub(super) fn form(schema: &Json) -> Option<String> {
    let mut out = String::new();
    write(&mut out, schema, "", 0)?;
    Some(out)
}

fn write(out: &mut String, schema: &Json, namespace: &str, depth: usize) -> Option<()> {
    if depth > DEPTH_MAX {
        return None;
    }
    match schema {
        Json::String(name) => text(out, &reference(name, namespace)),
        Json::Array(branches) => list(out, branches, |out, branch| {
            write(out, branch, namespace, depth + 1)
        })?,
        Json::Object(parts) => complex(out, parts, namespace, depth)?,
        _ => return None,
    }
    Some(())
}

/// Attributes in the order that the form prescribes: name, type, fields, symbols, items, values,
/// size.
fn complex(
    out: &mut String,
    parts: &Map<String, Json>,
    namespace: &str,
    depth: usize,
) -> Option<()> {
    let Some(kind) = parts.get("type")?.as_str() else {
        return write(out, parts.get("type")?, namespace, depth + 1);
    };
    match kind {
        "record" | "error" | "enum" | "fixed" => {
            let (name, inner) = full_name(parts, namespace)?;
            out.push_str("{\"name\":");
            text(out, &name);
            out.push_str(",\"type\":");
            text(out, kind);
            match kind {
                "enum" => symbols(out, parts)?,
                "fixed" => {
                    let size = parts.get("size")?.as_u64()?;
                    out.push_str(&format!(",\"size\":{size}"));
                }
                _ => fields(out, parts, inner, depth)?,
            }
            out.push('}');
        }
        "array" | "map" => {
            let below = if kind == "array" { "items" } else { "values" };
            out.push_str(&format!("{{\"type\":\"{kind}\",\"{below}\":"));
            write(out, parts.get(below)?, namespace, depth + 1)?;
            out.push('}');
        }
        // A primitive in the long spelling, or a name.
        plain => text(out, &reference(plain, namespace)),
    }
    Some(())
}

fn fields(
    out: &mut String,
    parts: &Map<String, Json>,
    namespace: &str,
    depth: usize,
) -> Option<()> {
    out.push_str(",\"fields\":");
    list(out, parts.get("fields")?.as_array()?, |out, field| {
        out.push_str("{\"name\":");
        text(out, field.get("name")?.as_str()?);
        out.push_str(",\"type\":");
        write(out, field.get("type")?, namespace, depth + 1)?;
        out.push('}');
        Some(())
    })
}

fn symbols(out: &mut String, parts: &Map<String, Json>) -> Option<()> {
    out.push_str(",\"symbols\":");
    list(out, parts.get("symbols")?.as_array()?, |out, symbol| {
        text(out, symbol.as_str()?);
        Some(())
    })
}

fn list(
    out: &mut String,
    entries: &[Json],
    mut write: impl FnMut(&mut String, &Json) -> Option<()>,
) -> Option<()> {
    out.push('[');
    for (at, entry) in entries.iter().enumerate() {
        if at > 0 {
            out.push(',');
        }
        write(out, entry)?;
    }
    out.push(']');
    Some(())
}

fn text(out: &mut String, text: &str) {
    out.push_str(&Json::from(text).to_string());
}

/// The full name of what is defined here, and the namespace that holds inside of it.
pub(super) fn full_name<'a>(
    parts: &'a Map<String, Json>,
    namespace: &'a str,
) -> Option<(String, &'a str)> {
    let name = parts.get("name")?.as_str()?;
    if let Some((own, _)) = name.rsplit_once('.') {
        return Some((name.to_owned(), own));
    }
    let own = parts.get("namespace").and_then(Json::as_str);
    let own = own.unwrap_or(namespace);
    Some((join(own, name), own))
}

/// A primitive as it is, a name in full.
pub(super) fn reference(name: &str, namespace: &str) -> String {
    const PRIMITIVES: [&str; 8] = [
        "null", "boolean", "int", "long", "float", "double", "bytes", "string",
    ];
    if PRIMITIVES.contains(&name) || name.contains('.') {
        name.to_owned()
    } else {
        join(namespace, name)
    }
}

fn join(namespace: &str, name: &str) -> String {
    if namespace.is_empty() {
        name.to_owned()
    } else {
        format!("{namespace}.{name}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn names_are_full_attributes_in_order_and_docs_gone() {
        let schema = json!({
            "type": "record", "namespace": "a.b", "name": "R", "doc": "x",
            "fields": [
                {"doc": "d", "name": "one", "default": null, "type": ["null", {
                    "type": "record", "name": "Inner", "fields": [
                        {"name": "s", "type": {"type": "string"}}]}]},
                {"name": "two", "type": ["null", "Inner"], "default": null},
                {"name": "e", "type": {"symbols": ["X"], "type": "enum", "name": "c.E"}},
                {"name": "l", "type": {"items": "long", "type": "array"}}
            ]
        });
        let expected = concat!(
            r#"{"name":"a.b.R","type":"record","fields":["#,
            r#"{"name":"one","type":["null",{"name":"a.b.Inner","type":"record","#,
            r#""fields":[{"name":"s","type":"string"}]}]},"#,
            r#"{"name":"two","type":["null","a.b.Inner"]},"#,
            r#"{"name":"e","type":{"name":"c.E","type":"enum","symbols":["X"]}},"#,
            r#"{"name":"l","type":{"type":"array","items":"long"}}]}"#,
        );
        assert_eq!(form(&schema).as_deref(), Some(expected));
        let other = apache_avro::Schema::parse_str(&schema.to_string()).unwrap();
        assert_eq!(other.canonical_form(), expected);
    }

    #[test]
    fn what_is_no_schema_has_no_form() {
        for none in [json!(1), json!({}), json!({"type": "record"}), json!([1])] {
            assert_eq!(form(&none), None, "{none}");
        }
    }
}
