//! Numbers, as people write them: with signs of a currency, spaces and either decimal sign.

use crate::domain::Value;

/// The number that a value is; none of what is none. `decimal` parts the fraction, the other sign
/// of the two groups the digits.
pub fn number(value: &Value, decimal: Decimal) -> Option<Value> {
    match value {
        Value::Int(whole) => (whole.unsigned_abs() <= WHOLE_MAX).then(|| value.clone()),
        Value::Float(bits) => {
            let number = f64::from_bits(*bits);
            number.is_finite().then(|| Value::number(number))
        }
        Value::Text(text) => written(text, decimal),
        Value::Null | Value::Bool(_) => None,
    }
}

/// Up to here every whole number has a form of its own in both systems, which hold doubles.
const WHOLE_MAX: u64 = 1 << 53;
/// Digits that a double keeps.
const DIGITS_MAX: usize = 15;

/// The sign before a number's fraction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Decimal {
    /// 1,234.5
    #[default]
    Point,
    /// 1.234,5
    Comma,
}

fn written(text: &str, decimal: Decimal) -> Option<Value> {
    let (point, group) = match decimal {
        Decimal::Point => ('.', ','),
        Decimal::Comma => (',', '.'),
    };
    let text = text.trim();
    let (is_negative, text) = match text.strip_prefix(['-', '\u{2212}']) {
        Some(rest) => (true, rest.trim_start()),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let text = without_currency(text);
    let (is_negative, text) = match text.trim().strip_prefix('-') {
        Some(rest) if !is_negative => (true, rest),
        _ => (is_negative, text.trim()),
    };
    let (whole, fraction) = text.split_once(point).unwrap_or((text, ""));
    let whole = ungrouped(whole, group)?;
    let plain = match fraction.is_empty() && !text.contains(point) {
        true => whole,
        false if fraction.chars().all(|one| one.is_ascii_digit()) && !fraction.is_empty() => {
            format!("{whole}.{fraction}")
        }
        false => return None,
    };
    if plain
        .trim_start_matches('0')
        .chars()
        .filter(char::is_ascii_digit)
        .count()
        > DIGITS_MAX
    {
        return None;
    }
    let number: f64 = plain.parse().ok()?;
    let number = if is_negative { -number } else { number };
    number.is_finite().then(|| Value::number(number))
}

/// Digits without what groups them by three; none where the groups are of other lengths, which
/// mostly means that the sign was another one.
fn ungrouped(whole: &str, group: char) -> Option<String> {
    let is_group =
        |one: char| one == group || matches!(one, ' ' | '\u{a0}' | '\u{202f}' | '\'' | '’');
    let groups: Vec<&str> = whole.split(is_group).collect();
    let digits = |text: &&str| !text.is_empty() && text.chars().all(|one| one.is_ascii_digit());
    let (first, rest) = groups.split_first()?;
    let by_three =
        rest.iter().all(|group| group.len() == 3) && (rest.is_empty() || first.len() <= 3);
    let all = groups.iter().all(digits) && by_three;
    all.then(|| groups.concat())
}

/// A number without the currency before or after it: a sign, or the three letters of its code.
/// Other letters say another thing (`5m`, `Q3`).
fn without_currency(text: &str) -> &str {
    let is_code = |code: &str| code.bytes().all(|one| one.is_ascii_uppercase());
    let code_before = text.split_at_checked(3).filter(|(code, _)| is_code(code));
    let end = text.len().saturating_sub(3);
    let code_after = text.split_at_checked(end).filter(|(_, code)| is_code(code));
    let number = match (code_before, code_after) {
        (Some((_, number)), _) | (None, Some((number, _))) => number,
        _ => text,
    };
    number.trim_matches(is_currency)
}

fn is_currency(one: char) -> bool {
    matches!(one, '$' | '¢' | '£' | '¥' | '\u{20a0}'..='\u{20cf}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, decimal: Decimal) -> Option<Value> {
        number(&Value::text(text), decimal)
    }

    #[test]
    fn numbers_are_read_as_the_mapping_says_they_are_written() {
        let half = Some(Value::number(1_234.5));
        for text in [
            "1234.5",
            "1,234.5",
            "$1,234.50",
            "1 234.5",
            "1234.5 EUR",
            "1234.5EUR",
            "0001234.50",
            "€ 1'234.50",
        ] {
            assert_eq!(read(text, Decimal::Point), half, "{text}");
        }
        for text in ["1.234,5", "1234,5", "1.234,50 €", "EUR 1 234,5"] {
            assert_eq!(read(text, Decimal::Comma), half, "{text}");
        }
        for text in ["-12", "- 12", "\u{2212}12", "$-12", "-$12"] {
            assert_eq!(read(text, Decimal::Point), Some(Value::Int(-12)), "{text}");
        }
    }

    #[test]
    fn what_could_be_another_number_is_none() {
        for text in [
            "1,5",
            "1,23,456",
            "1.2.3",
            "12,",
            "1.",
            "",
            "n/a",
            "12 or 13",
            "1e3",
            "١٢",
            "5m",
            "12k",
            "Q3",
            "3 seats",
            "USD",
            "1234567890123456",
        ] {
            assert_eq!(read(text, Decimal::Point), None, "{text}");
        }
        assert_eq!(read("1.5", Decimal::Comma), None, "a point groups by three");
        assert_eq!(number(&Value::Bool(true), Decimal::Point), None);
        let beyond = Value::Int((1 << 53) + 1);
        assert_eq!(
            number(&beyond, Decimal::Point),
            None,
            "its last digit is lost"
        );
        assert_eq!(
            number(&Value::Float(f64::NAN.to_bits()), Decimal::Point),
            None
        );
    }
}
