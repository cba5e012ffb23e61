//! Moments as text: the timestamp formats the two vendors write and read. Pure.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

fn format(at_ms: i64, pattern: &str) -> String {
    Timestamp::from_millisecond(at_ms)
        .unwrap_or_default()
        .strftime(pattern)
        .to_string()
}

/// `2026-01-10T04:41:59.251Z`.
pub(crate) fn rfc3339(at_ms: i64) -> String {
    format(at_ms, "%Y-%m-%dT%H:%M:%S%.3fZ")
}

/// `2026-01-10T04:41:59.251+00:00`, as contact and company webhooks write it [R] intercom.md 1.5.
pub(crate) fn intercom_iso(at_ms: i64) -> String {
    format(at_ms, "%Y-%m-%dT%H:%M:%S%.3f+00:00")
}

/// `2026-01-10T04:11:34.000+0000`, as Salesforce REST writes a dateTime.
pub(crate) fn salesforce(at_ms: i64) -> String {
    format(at_ms, "%Y-%m-%dT%H:%M:%S%.3f+0000")
}

/// `2026-01-10`, the UTC day.
pub(crate) fn day(at_ms: i64) -> String {
    format(at_ms, "%Y-%m-%d")
}

/// Reads an ISO-8601 date and time with an offset (`Z`, `+00:00` or `+0000`).
pub(crate) fn parse(text: &str) -> Option<i64> {
    if let Ok(at) = text.parse::<Timestamp>() {
        return Some(at.as_millisecond());
    }
    // Salesforce writes the offset without a colon, which RFC 3339 does not know.
    let split = text.len().checked_sub(5)?;
    let (head, offset) = (text.get(..split)?, text.get(split..)?);
    if !offset.starts_with(['+', '-']) {
        return None;
    }
    let (hours, minutes) = (offset.get(..3)?, offset.get(3..)?);
    let at = format!("{head}{hours}:{minutes}")
        .parse::<Timestamp>()
        .ok()?;
    Some(at.as_millisecond())
}

/// Reads a calendar date as its first moment in UTC.
pub(crate) fn parse_day(text: &str) -> Option<i64> {
    if text.len() != 10 {
        return None;
    }
    let day: Date = text.parse().ok()?;
    Some(
        day.to_zoned(TimeZone::UTC)
            .ok()?
            .timestamp()
            .as_millisecond(),
    )
}

/// Reads an HTTP date (`Wed, 21 Oct 2015 07:28:00 GMT`).
pub(crate) fn parse_http(text: &str) -> Option<i64> {
    jiff::fmt::rfc2822::parse(text)
        .ok()
        .map(|at| at.timestamp().as_millisecond())
}
