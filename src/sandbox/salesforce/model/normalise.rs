//! Values stored in another form than they were written: what an org's own validation, phone
//! formatting or before-save logic does to a field.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::sandbox::salesforce::schema::{Field, Kind};

/// How many fields of one org may be normalised.
const NORMALISERS_MAX: usize = 100;
const DECIMALS_MAX: u32 = 9;

/// One way to bring a value into another form.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum How {
    Upper,
    Lower,
    /// Runs of white space become one space; the product trims the ends by itself.
    Trim,
    /// `(415) 555-0100` for North American numbers, groups of three for those with a plus.
    Phone,
    /// A picklist value in another case becomes the defined one.
    Picklist,
    Prefix(String),
    /// So many decimals, half away from zero.
    Round(u32),
}

/// The fields of an org that store another form.
#[derive(Debug, Clone, Default)]
pub(crate) struct Normalisers {
    by_field: BTreeMap<(&'static str, &'static str), How>,
}

// === impl How ===

impl How {
    /// Reads `upper`, `lower`, `trim`, `phone`, `picklist`, `prefix:<text>` or `round:<n>`.
    pub(crate) fn read(text: &str) -> Result<Self, String> {
        Ok(match text.split_once(':') {
            None if text == "upper" => Self::Upper,
            None if text == "lower" => Self::Lower,
            None if text == "trim" => Self::Trim,
            None if text == "phone" => Self::Phone,
            None if text == "picklist" => Self::Picklist,
            Some(("prefix", prefix)) if !prefix.is_empty() => Self::Prefix(prefix.to_owned()),
            Some(("round", decimals)) => {
                let decimals = decimals.parse().ok().filter(|n| *n <= DECIMALS_MAX);
                Self::Round(decimals.ok_or("round takes 0 to 9 decimals")?)
            }
            _ => {
                let known = "upper, lower, trim, phone, picklist, prefix:<text> and round:<n>";
                return Err(format!("there is no form '{text}'; there are {known}"));
            }
        })
    }

    /// As [`How::read`] reads it.
    fn name(&self) -> String {
        match self {
            Self::Upper => "upper".to_owned(),
            Self::Lower => "lower".to_owned(),
            Self::Trim => "trim".to_owned(),
            Self::Phone => "phone".to_owned(),
            Self::Picklist => "picklist".to_owned(),
            Self::Prefix(prefix) => format!("prefix:{prefix}"),
            Self::Round(decimals) => format!("round:{decimals}"),
        }
    }

    /// The value in this form; a value of another type stays as it is. Doing it twice is doing
    /// it once.
    pub(crate) fn apply(&self, field: &Field, value: &Value) -> Value {
        if let (Self::Round(decimals), Some(number)) = (self, value.as_f64()) {
            return json!(rounded(number, *decimals));
        }
        let Some(text) = value.as_str().filter(|text| !text.trim().is_empty()) else {
            return value.clone();
        };
        Value::String(match self {
            Self::Upper => text.to_uppercase(),
            Self::Lower => text.to_lowercase(),
            Self::Trim => text.split_whitespace().collect::<Vec<_>>().join(" "),
            Self::Phone => phone(text),
            Self::Picklist => picklist(field, text),
            Self::Prefix(prefix) if !text.starts_with(prefix.as_str()) => format!("{prefix}{text}"),
            Self::Prefix(_) | Self::Round(_) => text.to_owned(),
        })
    }
}

// === impl Normalisers ===

impl Normalisers {
    /// Sets the form of a field; `None` takes it away.
    pub(crate) fn set(
        &mut self,
        object: &'static str,
        field: &'static str,
        how: Option<How>,
    ) -> Result<(), String> {
        let Some(how) = how else {
            self.by_field.remove(&(object, field));
            return Ok(());
        };
        let new = !self.by_field.contains_key(&(object, field));
        if new && self.by_field.len() >= NORMALISERS_MAX {
            return Err(format!("there are already {NORMALISERS_MAX} such fields"));
        }
        self.by_field.insert((object, field), how);
        Ok(())
    }

    /// The value as this field takes it.
    pub(crate) fn apply(&self, object: &'static str, field: &Field, value: &Value) -> Value {
        self.by_field
            .get(&(object, field.name))
            .map_or_else(|| value.clone(), |how| how.apply(field, value))
    }

    pub(crate) fn state(&self) -> Value {
        let fields = self.by_field.iter();
        let list = fields.map(
            |((object, field), how)| json!({"object": object, "field": field, "how": how.name()}),
        );
        Value::Array(list.collect())
    }
}

/// Half away from zero, at this many decimals.
pub(crate) fn rounded(number: f64, decimals: u32) -> f64 {
    let scale = 10_f64.powi(i32::try_from(decimals).unwrap_or(0));
    let scaled = (number * scale).round();
    if scaled.is_finite() {
        scaled / scale
    } else {
        number
    }
}

fn phone(text: &str) -> String {
    let digits: Vec<char> = text.chars().filter(char::is_ascii_digit).collect();
    let national = match digits.as_slice() {
        ['1', rest @ ..] if rest.len() == 10 => rest,
        all if all.len() == 10 && !text.starts_with('+') => all,
        all if text.starts_with('+') => {
            let groups: Vec<String> = all.rchunks(3).rev().map(|g| g.iter().collect()).collect();
            return format!("+{}", groups.join(" "));
        }
        _ => return text.to_owned(),
    };
    let part = |from: usize, to: usize| national[from..to].iter().collect::<String>();
    format!("({}) {}-{}", part(0, 3), part(3, 6), part(6, 10))
}

fn picklist(field: &Field, text: &str) -> String {
    let Kind::Picklist { values, .. } = field.kind else {
        return text.to_owned();
    };
    let meant = values
        .iter()
        .find(|value| value.eq_ignore_ascii_case(text.trim()));
    meant.map_or_else(|| text.to_owned(), |value| (*value).to_owned())
}
