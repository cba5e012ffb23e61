//! `crosswalk.Notification`: a message for people.

use crate::domain::Notification;

record!(Notification {
    bridge,
    at,
    kind,
    text,
    records
});
