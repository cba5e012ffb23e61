//! How long a feed that asks page by page waits after a call that failed.

use std::time::Duration;

use crate::clients::Error;

/// A scroll that somebody else holds ends after a minute (intercom.md 2.5).
const SCROLL_WAIT: Duration = Duration::from_secs(61);

/// What the refusal asks for, and `pause` at least.
pub fn wait_after(error: &Error, pause: Duration) -> Duration {
    match error {
        Error::Refused(refusal) if refusal.has_code("scroll_exists") => SCROLL_WAIT,
        Error::Refused(refusal) => refusal.retry_after.map_or(pause, |asked| asked.max(pause)),
        _ => pause,
    }
}
