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
/// Our code for a conflict with an archived contact: Intercom's is that of any conflict.
pub const ARCHIVED: &str = "conflict_archived";

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
            let mut judged = rejected(error, refusal, class, hint);
            if let Disposition::Rejected(rejection) = &mut judged
                && is_archived(refusal)
            {
                rejection.code = ARCHIVED.into();
            }
            judged
        }
    }
}

/// The contact that has the details is archived, or was deleted for good: the texts are equal
/// (intercom.md 0.6).
fn is_archived(refusal: &Refusal) -> bool {
    refusal.status == 409 && refusal.text().contains("archived")
}

/// `contact 5f3a`, or the object where no record was named.
fn named(object: &str, refusal: &Refusal) -> String {
    match refusal.records.first() {
        Some(record) => format!("{} {}", record.object, record.id),
        None => object.to_string(),
    }
}

/// `contact attributes a, b`, or the object where none was named.
fn attributes(object: &str, refusal: &Refusal) -> String {
    let names = refusal.problems.iter().flat_map(|p| p.fields.iter());
    let names: Vec<&str> = names.map(String::as_str).collect();
    if names.is_empty() {
        object.to_string()
    } else {
        format!("{object} attribute {}", names.join(", "))
    }
}

fn reject(error: &Error, refusal: &Refusal) -> (RejectClass, String) {
    let object = error.object.as_str();
    let text = refusal.text();
    let missing_attribute = text.contains("does not exist") && text.contains("Custom attribute");
    match refusal.status {
        410 if !refusal.records.is_empty() => {
            let survivor = named(object, refusal);
            let hint = format!("nothing to repair: the {object} was merged into {survivor}");
            (RejectClass::Gone, hint)
        }
        404 | 410 => {
            let hint = format!("the {object} was merged, archived or deleted: nothing to repair");
            (RejectClass::Gone, hint)
        }
        409 if text.contains("Multiple existing") => {
            let hint = format!("merge the {object}s that share these details in Intercom");
            (RejectClass::Ambiguous, hint)
        }
        409 if is_archived(refusal) => {
            let hint = format!(
                "unarchive {} in Intercom; one that was deleted for good blocks its details too, \
                 then use another external id or e-mail address",
                named(object, refusal)
            );
            (RejectClass::Duplicate, hint)
        }
        409 => {
            let holder = named(object, refusal);
            let hint = format!("link to the {holder} that already holds these details");
            (RejectClass::Duplicate, hint)
        }
        _ if refusal.has_code("unique_user_constraint") => {
            let hint = format!("merge the {object}s that share these details in Intercom");
            (RejectClass::Ambiguous, hint)
        }
        _ if missing_attribute => {
            let hint = format!(
                "create the {} in Intercom's settings, or set create_attributes of the source",
                attributes(object, refusal)
            );
            (RejectClass::Permission, hint)
        }
        400 if refusal.has_code("contact_company_limit_exceeded") => {
            let hint = "detach the contact from companies that it left: it has all it may have";
            (RejectClass::BadData, hint.into())
        }
        _ if refusal.has_code("intercom_version_invalid") => {
            let hint = "set api_version to a version that the Intercom app offers";
            (RejectClass::Other, hint.into())
        }
        _ if refusal.has_code("custom_data_limit_reached") => {
            let hint = "archive attributes that are not used: the workspace has all it may have";
            (RejectClass::Other, hint.into())
        }
        400 | 406 | 415 | 422 if refusal.problems.iter().any(|p| !p.fields.is_empty()) => {
            let place = attributes(object, refusal);
            let hint = format!("correct the value of {place} at its source, or in the mapping");
            (RejectClass::BadData, hint)
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
