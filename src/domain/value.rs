//! A scalar as either system holds it, comparable and with one canonical form.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// One field's value. Blank text is `Null`: neither system keeps the difference.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub enum Value {
    #[default]
    Null,
    Bool(bool),
    Int(i64),
    /// A number with a fraction, as the bits of its IEEE 754 double, so that equality is exact.
    Float(u64),
    Text(Arc<str>),
}

impl Value {
    /// Text, blank becoming `Null`. Inner and outer white space is kept.
    pub fn text(text: impl Into<String>) -> Self {
        let text = text.into();
        if text.trim().is_empty() {
            Self::Null
        } else {
            Self::Text(text.into())
        }
    }

    /// A number; one without a fraction becomes an `Int`, since JSON's 1.0 and 1 are one value.
    pub fn number(number: f64) -> Self {
        let exact = number.fract() == 0.0 && number.abs() < 9_007_199_254_740_992.0;
        if exact {
            Self::Int(number as i64)
        } else {
            Self::Float(number.to_bits())
        }
    }

    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    pub fn is_blank(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// What a person or a text field would show; `Null` is the empty text.
    pub fn display(&self) -> String {
        match self {
            Self::Null => String::new(),
            Self::Bool(bool) => bool.to_string(),
            Self::Int(int) => int.to_string(),
            Self::Float(bits) => f64::from_bits(*bits).to_string(),
            Self::Text(text) => text.to_string(),
        }
    }

    /// A short hash, to compare or to name a value where the value itself must not stand.
    pub fn hash(&self) -> [u8; 16] {
        let (kind, bytes) = match self {
            Self::Null => ("null", Vec::new()),
            Self::Bool(bool) => ("bool", vec![u8::from(*bool)]),
            Self::Int(int) => ("int", int.to_be_bytes().to_vec()),
            Self::Float(bits) => ("float", bits.to_be_bytes().to_vec()),
            Self::Text(text) => ("text", text.as_bytes().to_vec()),
        };
        crate::domain::ids::derive("value", &[kind.as_bytes(), &bytes])
    }
}

/// Values can be personal: debug output names their kind and size only.
impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Bool(bool) => write!(f, "{bool}"),
            Self::Int(_) => f.write_str("int"),
            Self::Float(_) => f.write_str("float"),
            Self::Text(text) => write!(f, "text({} bytes)", text.len()),
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::text(text)
    }
}

impl From<i64> for Value {
    fn from(int: i64) -> Self {
        Self::Int(int)
    }
}

impl From<bool> for Value {
    fn from(bool: bool) -> Self {
        Self::Bool(bool)
    }
}
