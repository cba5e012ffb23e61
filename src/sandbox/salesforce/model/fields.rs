//! Field values: what a write may store, and in which form it is stored.

use serde_json::{Number, Value, json};

use crate::sandbox::moment;
use crate::sandbox::salesforce::errors::Refusal;
use crate::sandbox::salesforce::ids;
use crate::sandbox::salesforce::model::normalise::rounded;
use crate::sandbox::salesforce::objects;
use crate::sandbox::salesforce::schema::{Field, Kind};

const CURRENCY_DECIMALS: u32 = 2;

/// Brings a value into the form it is stored in; `None` is null. Text is trimmed and blank text
/// is null, as the product does.
pub(crate) fn stored(field: &Field, value: &Value) -> Result<Option<Value>, Refusal> {
    if field.kind == Kind::Boolean {
        return boolean(field, value).map(Some);
    }
    if value.is_null() {
        return Ok(None);
    }
    if field.kind.is_text() {
        return text(field, value);
    }
    match field.kind {
        Kind::Currency | Kind::Integer => number(field, value),
        Kind::Date => match value.as_str().map(str::trim) {
            Some("") => Ok(None),
            Some(day) if moment::parse_day(day).is_some() => Ok(Some(json!(day))),
            _ => Err(unreadable(field, value, "date")),
        },
        Kind::DateTime => match value.as_str().map(str::trim) {
            Some("") => Ok(None),
            Some(at) => moment::parse(at)
                .or_else(|| moment::parse_day(at))
                .map(|at_ms| Some(json!(moment::salesforce(at_ms))))
                .ok_or_else(|| unreadable(field, value, "datetime")),
            None => Err(unreadable(field, value, "datetime")),
        },
        Kind::Reference { targets, .. } => reference(field, value, targets),
        _ => Err(unreadable(field, value, field.kind.name())),
    }
}

fn text(field: &Field, value: &Value) -> Result<Option<Value>, Refusal> {
    let text = match value {
        Value::String(text) => text.trim().to_owned(),
        Value::Number(_) | Value::Bool(_) => value.to_string(),
        _ => return Err(unreadable(field, value, "string")),
    };
    if text.is_empty() {
        return Ok(None);
    }
    let label = field.label();
    let length = field.kind.length();
    if text.chars().count() > length {
        let message = format!("{label}: data value too large: {text} (max length={length})");
        return Err(Refusal::of_fields(
            "STRING_TOO_LONG",
            message,
            &[field.name],
        ));
    }
    if field.kind == Kind::Email && !is_email(&text) {
        let message = format!("{label}: invalid email address: {text}");
        return Err(Refusal::of_fields(
            "INVALID_EMAIL_ADDRESS",
            message,
            &[field.name],
        ));
    }
    if let Kind::Picklist {
        values,
        restricted: true,
    } = field.kind
        && !values.contains(&text.as_str())
    {
        let message = format!("{label}: bad value for restricted picklist field: {text}");
        let code = "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST";
        return Err(Refusal::of_fields(code, message, &[field.name]));
    }
    Ok(Some(json!(text)))
}

fn boolean(field: &Field, value: &Value) -> Result<Value, Refusal> {
    match value {
        Value::Bool(_) => Ok(value.clone()),
        Value::String(text) if text.eq_ignore_ascii_case("true") => Ok(json!(true)),
        Value::String(text) if text.eq_ignore_ascii_case("false") => Ok(json!(false)),
        Value::Null => {
            let message = format!("{}: value not of required type: null", field.label());
            let code = "INVALID_TYPE_ON_FIELD_IN_RECORD";
            Err(Refusal::of_fields(code, message, &[field.name]))
        }
        _ => Err(unreadable(field, value, "boolean")),
    }
}

fn number(field: &Field, value: &Value) -> Result<Option<Value>, Refusal> {
    let number = match value {
        Value::Number(_) => value.as_f64(),
        Value::String(text) if text.trim().is_empty() => return Ok(None),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    };
    let number = number.ok_or_else(|| unreadable(field, value, field.kind.name()))?;
    if field.kind == Kind::Integer {
        let whole = value.as_i64().filter(|whole| i32::try_from(*whole).is_ok());
        let whole = whole.ok_or_else(|| unreadable(field, value, "int"))?;
        return Ok(Some(json!(whole)));
    }
    // Money is kept with as many decimals as the field has.
    Ok(Number::from_f64(rounded(number, CURRENCY_DECIMALS)).map(Value::Number))
}

fn reference(
    field: &Field,
    value: &Value,
    targets: &[&'static str],
) -> Result<Option<Value>, Refusal> {
    let text = value
        .as_str()
        .ok_or_else(|| unreadable(field, value, "string"))?
        .trim();
    if text.is_empty() {
        return Ok(None);
    }
    let wrong = || Refusal::wrong_id(&field.label(), text, field.name);
    let id = ids::normalise(text).ok_or_else(wrong)?;
    let target = objects::of_id(&id).ok_or_else(wrong)?;
    if !targets.contains(&target.name) {
        return Err(wrong());
    }
    Ok(Some(json!(id)))
}

fn unreadable(field: &Field, value: &Value, wanted: &str) -> Refusal {
    let kind = match value {
        Value::String(_) => "VALUE_STRING",
        Value::Number(number) if number.is_f64() => "VALUE_NUMBER_FLOAT",
        Value::Number(_) => "VALUE_NUMBER_INT",
        Value::Bool(true) => "VALUE_TRUE",
        Value::Bool(false) => "VALUE_FALSE",
        Value::Null => "VALUE_NULL",
        Value::Array(_) => "START_ARRAY",
        Value::Object(_) => "START_OBJECT",
    };
    let shown = value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned);
    let message = format!(
        "Cannot deserialize instance of {wanted} from {kind} value {shown} or request may be \
         missing a required field at {}",
        field.name
    );
    Refusal::new(400, "JSON_PARSER_ERROR", message)
}

fn is_email(text: &str) -> bool {
    let Some((user, host)) = text.rsplit_once('@') else {
        return false;
    };
    let allowed = |letter: char| letter.is_ascii_graphic() && !"()<>,;:\\\"[]@".contains(letter);
    !user.is_empty()
        && user.chars().all(allowed)
        && !user.starts_with('.')
        && !user.ends_with('.')
        && host.contains('.')
        && !host.starts_with('.')
        && !host.ends_with('.')
        && host
            .chars()
            .all(|letter| letter.is_ascii_alphanumeric() || "-.".contains(letter))
}
