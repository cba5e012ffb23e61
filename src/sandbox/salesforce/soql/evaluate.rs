//! Whether a row satisfies a condition, and how values compare.

use std::cmp::Ordering;

use serde_json::Value;

use crate::sandbox::moment;
use crate::sandbox::salesforce::errors::Refusal;
use crate::sandbox::salesforce::ids;
use crate::sandbox::salesforce::schema::Kind;
use crate::sandbox::salesforce::soql::parser::{Comparison, Condition, Literal, Operator};

/// Finds the value a path leads to, and the type of the field at its end.
pub(crate) trait Lookup {
    fn value(&self, path: &str) -> Result<(Value, Kind), Refusal>;
}

/// Whether the row behind `row` satisfies the condition. Every part is looked at, so that a
/// wrong name is refused whatever the data.
pub(crate) fn holds(condition: &Condition, row: &impl Lookup) -> Result<bool, Refusal> {
    match condition {
        Condition::All(parts) => {
            let mut all = true;
            for part in parts {
                all &= holds(part, row)?;
            }
            Ok(all)
        }
        Condition::Any(parts) => {
            let mut any = false;
            for part in parts {
                any |= holds(part, row)?;
            }
            Ok(any)
        }
        Condition::Not(inner) => Ok(!holds(inner, row)?),
        Condition::Compare(comparison) => {
            let (value, kind) = row.value(&comparison.path)?;
            satisfies(comparison, &value, kind)
        }
    }
}

fn satisfies(comparison: &Comparison, value: &Value, kind: Kind) -> Result<bool, Refusal> {
    let mut orders = Vec::with_capacity(comparison.values.len());
    for literal in &comparison.values {
        let wanted = typed(comparison, literal, kind)?;
        if comparison.operator == Operator::Like {
            let pattern = wanted.as_str().unwrap_or_default();
            return Ok(value.as_str().is_some_and(|text| like(text, pattern)));
        }
        orders.push((compare(value, &wanted, kind), wanted.is_null()));
    }
    let any_equal = orders.iter().any(|(order, _)| *order == Ordering::Equal);
    let (order, against_null) = orders.first().copied().unwrap_or((Ordering::Less, true));
    // Nothing is smaller or larger than null, and null is smaller or larger than nothing.
    let ordered = !value.is_null() && !against_null;
    Ok(match comparison.operator {
        Operator::Equal | Operator::In => any_equal,
        Operator::NotEqual | Operator::NotIn => !any_equal,
        Operator::Less => ordered && order == Ordering::Less,
        Operator::LessOrEqual => ordered && order != Ordering::Greater,
        Operator::Greater => ordered && order == Ordering::Greater,
        Operator::GreaterOrEqual => ordered && order != Ordering::Less,
        Operator::Like => false,
    })
}

/// The literal as a value of the field's type; a literal of another type is refused.
fn typed(comparison: &Comparison, literal: &Literal, kind: Kind) -> Result<Value, Refusal> {
    let wrong = |advice: &str| {
        let message = format!(
            "value of filter criterion for field '{}' must be of type {} and should {advice} \
             enclosed in quotes",
            comparison.path,
            kind.name()
        );
        Err(Refusal::new(400, "INVALID_FIELD", message))
    };
    match (literal, kind) {
        (Literal::Null, _) => Ok(Value::Null),
        (Literal::Flag(flag), Kind::Boolean) => Ok(Value::Bool(*flag)),
        (Literal::Text(text), Kind::Id | Kind::Reference { .. }) => match ids::normalise(text) {
            Some(id) => Ok(Value::String(id)),
            None if comparison.operator == Operator::Like => Ok(Value::String(text.clone())),
            None => {
                let message = format!("invalid ID field: {text}");
                Err(Refusal::new(400, "INVALID_QUERY_FILTER_OPERATOR", message))
            }
        },
        (Literal::Text(text), kind) if kind.is_text() => Ok(Value::String(text.clone())),
        (Literal::Bare(text), Kind::DateTime) => match moment::parse(text) {
            Some(at_ms) => Ok(Value::String(moment::salesforce(at_ms))),
            None => wrong("not be"),
        },
        (Literal::Bare(text), Kind::Date) if moment::parse_day(text).is_some() => {
            Ok(Value::String(text.clone()))
        }
        (Literal::Bare(text), Kind::Currency | Kind::Integer) => text
            .parse::<f64>()
            .map(Value::from)
            .or_else(|_| wrong("not be")),
        (_, kind) if kind.is_text() || matches!(kind, Kind::Id | Kind::Reference { .. }) => {
            wrong("be")
        }
        _ => wrong("not be"),
    }
}

/// Text without regard to case, ids with it, numbers by size; null comes first.
pub(crate) fn compare(left: &Value, right: &Value, kind: Kind) -> Ordering {
    match (left, right) {
        (Value::Null, Value::Null) => Ordering::Equal,
        (Value::Null, _) => Ordering::Less,
        (_, Value::Null) => Ordering::Greater,
        (Value::String(left), Value::String(right)) if kind.is_text() => {
            left.to_lowercase().cmp(&right.to_lowercase())
        }
        (Value::String(left), Value::String(right)) => left.cmp(right),
        (Value::Bool(left), Value::Bool(right)) => left.cmp(right),
        _ => match (left.as_f64(), right.as_f64()) {
            (Some(left), Some(right)) => left.total_cmp(&right),
            _ => Ordering::Less,
        },
    }
}

/// `%` is any text, `_` any one letter; a backslash takes the meaning away. No regard to case.
pub(crate) fn like(text: &str, pattern: &str) -> bool {
    let text: Vec<char> = text.to_lowercase().chars().collect();
    let mut wanted = Vec::new();
    let pattern = pattern.to_lowercase();
    let mut letters = pattern.chars();
    while let Some(letter) = letters.next() {
        wanted.push(match letter {
            '\\' => Part::Letter(letters.next().unwrap_or('\\')),
            '%' => Part::Many,
            '_' => Part::One,
            other => Part::Letter(other),
        });
    }
    matches(&text, &wanted)
}

#[derive(Clone, Copy, PartialEq)]
enum Part {
    Letter(char),
    One,
    Many,
}

/// Walks both once, coming back to the last `%` only: no pattern makes this slow.
fn matches(text: &[char], wanted: &[Part]) -> bool {
    let (mut at, mut part) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while at < text.len() {
        match wanted.get(part) {
            Some(Part::Many) => {
                star = Some((part, at));
                part += 1;
            }
            Some(Part::One) => {
                at += 1;
                part += 1;
            }
            Some(Part::Letter(letter)) if text.get(at) == Some(letter) => {
                at += 1;
                part += 1;
            }
            _ => match star {
                Some((from, seen)) => {
                    star = Some((from, seen + 1));
                    part = from + 1;
                    at = seen + 1;
                }
                None => return false,
            },
        }
    }
    wanted
        .get(part..)
        .is_none_or(|rest| rest.iter().all(|part| *part == Part::Many))
}
