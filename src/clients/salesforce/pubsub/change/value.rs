//! A raw value in the form in which REST shows the same field, so that the two compare equal: see
//! `clients/salesforce/row.rs`.

use crate::clients::salesforce::pubsub::change::kind::Kind;
use crate::clients::salesforce::pubsub::change::raw::Raw;
use crate::clients::salesforce::record_id;
use crate::clients::salesforce::row::VALUE_BYTES_MAX;
use crate::domain::Value;

const DAY_MS: i64 = 86_400_000;

/// None for what has no scalar form or is too long to be carried; REST rows lack the former too.
pub(super) fn scalar(path: &str, kind: Kind, raw: &Raw<'_>) -> Option<Value> {
    Some(match raw {
        Raw::Null => Value::Null,
        Raw::Bool(bool) => Value::Bool(*bool),
        Raw::Int(int) => whole(kind, *int),
        Raw::Double(number) if number.is_finite() => Value::number(*number),
        Raw::Text(text) if text.len() > VALUE_BYTES_MAX => return None,
        Raw::Text(text) if path.ends_with("Id") => match record_id::normalise(text) {
            Some(id) => Value::text(id),
            None => Value::text(*text),
        },
        Raw::Text(text) | Raw::Symbol(_, Some(text)) => Value::text(*text),
        _ => return None,
    })
}

/// A number that the calendar has no place for stays a number.
fn whole(kind: Kind, int: i64) -> Value {
    let text = match kind {
        Kind::Plain => None,
        Kind::DateTime => moment(int, "%Y-%m-%dT%H:%M:%S%.3f+0000"),
        Kind::Date => moment(int, "%Y-%m-%d"),
        Kind::Time if (0..DAY_MS).contains(&int) => moment(int, "%H:%M:%S%.3fZ"),
        Kind::Time => None,
    };
    text.map_or(Value::Int(int), |text| Value::Text(text.into()))
}

fn moment(ms: i64, format: &str) -> Option<String> {
    let moment = jiff::Timestamp::from_millisecond(ms).ok()?;
    Some(moment.strftime(format).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_written_as_rest_writes_them() {
        let text = |kind, int| whole(kind, int).display();
        let at = 1_771_291_772_000;
        assert_eq!(text(Kind::DateTime, at), "2026-02-17T01:29:32.000+0000");
        assert_eq!(text(Kind::DateTime, -1), "1969-12-31T23:59:59.999+0000");
        assert_eq!(text(Kind::Date, 1_771_286_400_000), "2026-02-17");
        assert_eq!(text(Kind::Date, -86_400_000), "1969-12-31");
        assert_eq!(text(Kind::Time, 45_296_007), "12:34:56.007Z");
        assert_eq!(whole(Kind::DateTime, i64::MAX), Value::Int(i64::MAX));
        assert_eq!(whole(Kind::Time, DAY_MS), Value::Int(DAY_MS));
        assert_eq!(whole(Kind::Plain, at), Value::Int(at));
    }

    #[test]
    fn scalars_take_the_form_of_a_row() {
        let plain = |path, raw| scalar(path, Kind::Plain, &raw);
        assert_eq!(plain("Phone", Raw::Text(" ")), Some(Value::Null));
        assert_eq!(
            plain("AnnualRevenue", Raw::Double(12.0)),
            Some(Value::Int(12))
        );
        assert_eq!(
            plain("AnnualRevenue", Raw::Double(0.5)),
            Some(Value::number(0.5))
        );
        assert_eq!(
            plain("OwnerId", Raw::Text("003D000000IqhSL")),
            Some("003D000000IqhSLIAZ".into())
        );
        assert_eq!(plain("Employee_Id", Raw::Text("E-7")), Some("E-7".into()));
        assert_eq!(plain("X", Raw::List(Vec::new())), None);
        assert_eq!(plain("X", Raw::Double(f64::NAN)), None);
        let long = "a".repeat(VALUE_BYTES_MAX + 1);
        assert_eq!(scalar("X", Kind::Plain, &Raw::Text(&long)), None);
    }
}
