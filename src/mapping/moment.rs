//! Days and moments: unix seconds in Intercom, ISO 8601 in Salesforce.
//!
//! A day has no time zone in Salesforce and is a moment in Intercom, so the mapping names the zone
//! in which it begins.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

use crate::domain::Value;

/// Seconds that both systems' calendars have a place for: the years 1700 to 4000, as Salesforce.
const SECONDS: std::ops::RangeInclusive<i64> = -8_520_336_000..=64_092_211_199;

/// Digits that a text has at least which is a unix second: those since 1973 have nine.
const SECOND_DIGITS_MIN: usize = 9;

/// A zone by its name in the time zone database, such as `Europe/Berlin`.
pub fn zone(name: &str) -> Option<TimeZone> {
    TimeZone::get(name).ok()
}

/// The unix second at which the day of a value begins; none of what is no day.
pub fn day(value: &Value, zone: &TimeZone) -> Option<i64> {
    let date = match value {
        Value::Text(text) => match text.trim().parse::<Date>() {
            Ok(date) if is_bare_date(text.trim()) => date,
            _ => in_zone(second(value)?, zone)?.date(),
        },
        _ => in_zone(second(value)?, zone)?.date(),
    };
    let begins = date.to_zoned(zone.clone()).ok()?;
    within(begins.timestamp().as_second())
}

/// The unix second of a moment; none of what is none.
pub fn second(value: &Value) -> Option<i64> {
    match value {
        Value::Int(second) => within(*second),
        Value::Float(bits) => within(f64::from_bits(*bits).floor() as i64),
        Value::Text(text) => {
            let text = text.trim();
            if let Ok(second) = text.parse::<i64>() {
                // Fewer digits are a day without dashes, a year, or a slip.
                return within(second).filter(|_| text.len() >= SECOND_DIGITS_MIN);
            }
            let moment: Timestamp = text.parse().ok()?;
            within(moment.as_second())
        }
        Value::Null | Value::Bool(_) => None,
    }
}

/// A day as Salesforce writes it.
pub fn written_day(second: i64, zone: &TimeZone) -> Option<String> {
    Some(
        in_zone(within(second)?, zone)?
            .strftime("%Y-%m-%d")
            .to_string(),
    )
}

/// A moment as Salesforce writes it.
pub fn written_moment(second: i64) -> Option<String> {
    let moment = Timestamp::from_second(within(second)?).ok()?;
    Some(moment.strftime("%Y-%m-%dT%H:%M:%S.000+0000").to_string())
}

fn in_zone(second: i64, zone: &TimeZone) -> Option<Zoned> {
    Some(Timestamp::from_second(second).ok()?.to_zoned(zone.clone()))
}

fn within(second: i64) -> Option<i64> {
    SECONDS.contains(&second).then_some(second)
}

/// Whether a text is a day alone, with dashes or without: a moment begins with one.
fn is_bare_date(text: &str) -> bool {
    ["2026-01-30".len(), "20260130".len()].contains(&text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn berlin() -> TimeZone {
        zone("Europe/Berlin").unwrap()
    }

    #[test]
    fn a_day_begins_where_the_mapping_says() {
        // The 1st of March in Berlin begins an hour before that of UTC.
        let begins = day(&Value::text("2026-03-01"), &berlin()).unwrap();
        assert_eq!(begins, 1_772_319_600);
        assert_eq!(
            day(&Value::text("2026-03-01"), &TimeZone::UTC),
            Some(1_772_323_200)
        );
        assert_eq!(written_day(begins, &berlin()).unwrap(), "2026-03-01");
        assert_eq!(written_day(begins, &TimeZone::UTC).unwrap(), "2026-02-28");
        // Whatever the hour, it is the day.
        assert_eq!(day(&Value::Int(begins + 86_399), &berlin()), Some(begins));
        assert_eq!(
            day(&Value::text("2026-02-28T23:30:00Z"), &berlin()),
            Some(begins)
        );
    }

    #[test]
    fn a_day_of_which_the_first_hour_does_not_exist_begins_later() {
        // Clocks go forward at midnight.
        let cairo = zone("Africa/Cairo").unwrap();
        let begins = day(&Value::text("2026-04-24"), &cairo).unwrap();
        assert_eq!(written_day(begins, &cairo).unwrap(), "2026-04-24");
        assert_eq!(day(&Value::Int(begins), &cairo), Some(begins));
    }

    #[test]
    fn a_few_digits_are_a_day_or_nothing_and_never_a_second_of_1970() {
        let utc = TimeZone::UTC;
        let day_of = |text: &str| day(&Value::text(text), &utc);
        assert_eq!(day_of("20260301"), Some(1_772_323_200));
        for text in ["2026", "12", "20261301", "260301", "-86400"] {
            assert_eq!(day_of(text), None, "{text}");
            assert_eq!(second(&Value::text(text)), None, "{text}");
        }
        assert_eq!(second(&Value::text("20260301")), None, "it has no hour");
        assert_eq!(second(&Value::text("100000000")), Some(100_000_000));
    }

    #[test]
    fn moments_are_read_as_either_system_writes_them() {
        let at = Some(1_772_323_200);
        for text in [
            "2026-03-01T00:00:00.000+0000",
            "2026-03-01T00:00:00Z",
            "2026-03-01T01:00:00+01:00",
            "1772323200",
        ] {
            assert_eq!(second(&Value::text(text)), at, "{text}");
        }
        assert_eq!(
            written_moment(1_772_323_200).unwrap(),
            "2026-03-01T00:00:00.000+0000"
        );
        for value in [
            Value::text("soon"),
            Value::Bool(true),
            Value::Int(i64::MAX),
            Value::Null,
        ] {
            assert_eq!(second(&value), None, "{value:?}");
            assert_eq!(day(&value, &TimeZone::UTC), None, "{value:?}");
        }
    }
}
