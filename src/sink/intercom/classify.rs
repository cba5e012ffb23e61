//! Intercom's error answers, judged. Pure. The status decides first: codes such as `client_error`
//! come with several.

use std::time::Duration;

use crate::clients::Refusal;
use crate::domain::RejectClass;
use crate::sink::error::Error;
use crate::sink::pause::Pause;
use crate::sink::retry::{Disposition, rejected};

/// A scroll of somebody else is open; it expires after a minute of idleness.
const SCROLL_WAIT: Duration = Duration::from_secs(60);

pub fn refusal(error: &Error, refusal: &Refusal) -> Disposition {
    match refusal.status {
        401..=403 => Disposition::PauseLane {
            reason: Pause::Credentials,
            after: None,
        },
        // The window is the whole workspace's.
        429 => Disposition::PauseLane {
            reason: Pause::Limit,
            after: refusal.retry_after,
        },
        // Redirects are not followed: the host is not the workspace's region.
        301..=308 => Disposition::PauseLane {
            reason: Pause::Outage,
            after: None,
        },
        // One record can be answered so each time, while all others are shown.
        503 => Disposition::RetryAfter {
            reason: "unavailable",
            after: refusal.retry_after,
        },
        408 | 500..=599 => Disposition::ReadFirst {
            reason: "server_error",
        },
        400 | 423 if refusal.has_code("scroll_exists") => Disposition::RetryAfter {
            reason: "scroll_exists",
            after: Some(SCROLL_WAIT),
        },
        _ => {
            let (class, hint) = reject(error, refusal);
            rejected(error, refusal, class, hint)
        }
    }
}

fn reject(error: &Error, refusal: &Refusal) -> (RejectClass, String) {
    let object = &error.object;
    let text = refusal.text();
    let missing_attribute = text.contains("does not exist") && text.contains("Custom attribute");
    match refusal.status {
        404 | 410 => {
            let hint = format!("the {object} was merged, archived or deleted: nothing to repair");
            (RejectClass::Gone, hint)
        }
        409 if text.contains("Multiple existing") => {
            let hint = format!("merge the {object}s that share these details in Intercom");
            (RejectClass::Ambiguous, hint)
        }
        409 if text.contains("archived") => {
            let hint = format!("unarchive the {object} in Intercom, or delete it for good");
            (RejectClass::Duplicate, hint)
        }
        409 => {
            let hint = format!("link to the {object} that already holds these details");
            (RejectClass::Duplicate, hint)
        }
        _ if refusal.has_code("unique_user_constraint") => {
            let hint = format!("merge the {object}s that share these details in Intercom");
            (RejectClass::Ambiguous, hint)
        }
        _ if missing_attribute => {
            let names = refusal.problems.iter().flat_map(|p| p.fields.iter());
            let names: Vec<&str> = names.map(String::as_str).collect();
            let names = names.join(", ");
            let hint = format!("create the {object} attribute {names} in Intercom's settings");
            (RejectClass::Permission, hint)
        }
        _ if refusal.has_code("intercom_version_invalid") => {
            let hint = "set api_version to a version that the Intercom app offers";
            (RejectClass::Other, hint.into())
        }
        _ if refusal.has_code("custom_data_limit_reached") => {
            let hint = "archive attributes that are not used: the workspace has all it may have";
            (RejectClass::Other, hint.into())
        }
        400 | 406 | 415 | 422 => {
            let hint = format!("correct the value at its source, or the {object} mapping");
            (RejectClass::BadData, hint)
        }
        _ => {
            let hint = "read the answer in the dead letter, then change the record or the mapping; \
                        crosswalk then tries again";
            (RejectClass::Other, hint.into())
        }
    }
}
