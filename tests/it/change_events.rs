//! Change events: what was captured decodes to what an independent reader found, what we minted
//! from the facts means what its golden says, and no bytes at all make decoding panic.

mod captured;
mod encode;
mod goldens;
mod hostile;
mod writers;

use crosswalk::domain::Value;
use serde_json::{Value as Json, json};

/// A flattened value as JSON.
fn shown(value: &Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Bool(bool) => json!(bool),
        Value::Int(int) => json!(int),
        Value::Float(bits) => json!(f64::from_bits(*bits)),
        Value::Text(text) => json!(text),
    }
}
