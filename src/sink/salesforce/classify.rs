//! Salesforce's error answers, judged. Pure. Codes are those of the SOAP API's StatusCode and
//! ExceptionCode lists, which REST shares.

use crate::clients::{Problem, Refusal};
use crate::domain::RejectClass;
use crate::sink::error::Error;
use crate::sink::pause::Pause;
use crate::sink::retry::{Disposition, rejected};

/// What a code means, before its hint is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Meaning {
    /// Rolled back or not begun, for what may concern this record only: a lock, say.
    Busy,
    /// May or may not have been carried out, or takes too long each time.
    Doubtful,
    Paused(Pause),
    Refused(RejectClass),
}

const CODES: &[(&str, Meaning)] = &[
    ("UNABLE_TO_LOCK_ROW", Meaning::Busy),
    ("TOO_MANY_APEX_REQUESTS", Meaning::Busy),
    // Rolled back because of other rows: nothing is wrong with this one.
    ("ALL_OR_NONE_OPERATION_ROLLED_BACK", Meaning::Busy),
    ("PROCESSING_HALTED", Meaning::Busy),
    ("BATCH_PROCESSING_HALTED", Meaning::Busy),
    ("TERRITORY_REALIGN_IN_PROGRESS", Meaning::Busy),
    // A full org makes no records; it still changes and shows those that it has.
    ("STORAGE_LIMIT_EXCEEDED", Meaning::Busy),
    ("EXCEEDED_QUOTA", Meaning::Busy),
    // Also of limits within one transaction, which another record may keep.
    ("LIMIT_EXCEEDED", Meaning::Busy),
    ("REQUEST_RUNNING_TOO_LONG", Meaning::Doubtful),
    ("QUERY_TIMEOUT", Meaning::Doubtful),
    ("UNKNOWN_EXCEPTION", Meaning::Doubtful),
    ("INVALID_SESSION_ID", Meaning::Paused(Pause::Credentials)),
    ("INVALID_AUTH_HEADER", Meaning::Paused(Pause::Credentials)),
    ("API_DISABLED_FOR_ORG", Meaning::Paused(Pause::Credentials)),
    (
        "API_CURRENTLY_DISABLED",
        Meaning::Paused(Pause::Credentials),
    ),
    ("REQUEST_LIMIT_EXCEEDED", Meaning::Paused(Pause::Limit)),
    // One record's own automation can end so each time, while all others are written.
    ("SERVER_UNAVAILABLE", Meaning::Busy),
    ("ORG_IN_MAINTENANCE", Meaning::Paused(Pause::Outage)),
    (
        "INSERT_UPDATE_DELETE_NOT_ALLOWED_DURING_MAINTENANCE",
        Meaning::Paused(Pause::Outage),
    ),
    (
        "FUNCTIONALITY_TEMPORARILY_UNAVAILABLE",
        Meaning::Paused(Pause::Outage),
    ),
    ("DUPLICATES_DETECTED", DUPLICATE),
    ("DUPLICATE_VALUE", DUPLICATE),
    ("DUPLICATE_EXTERNAL_ID", DUPLICATE),
    (
        "MULTIPLE_RECORDS_FOUND",
        Meaning::Refused(RejectClass::Ambiguous),
    ),
    ("NOT_FOUND", GONE),
    ("ENTITY_IS_DELETED", GONE),
    ("CANNOT_UPDATE_CONVERTED_LEAD", GONE),
    ("INVALID_CROSS_REFERENCE_KEY", BAD_DATA),
    ("INACTIVE_OWNER_OR_USER", BAD_DATA),
    ("REQUIRED_FIELD_MISSING", BAD_DATA),
    ("STRING_TOO_LONG", BAD_DATA),
    ("INVALID_EMAIL_ADDRESS", BAD_DATA),
    ("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", BAD_DATA),
    ("FIELD_INTEGRITY_EXCEPTION", BAD_DATA),
    ("FIELD_CUSTOM_VALIDATION_EXCEPTION", BAD_DATA),
    ("FIELD_FILTER_VALIDATION_EXCEPTION", BAD_DATA),
    ("NUMBER_OUTSIDE_VALID_RANGE", BAD_DATA),
    ("JSON_PARSER_ERROR", BAD_DATA),
    ("MALFORMED_ID", BAD_DATA),
    ("INVALID_TYPE_ON_FIELD_IN_RECORD", BAD_DATA),
    ("INSUFFICIENT_ACCESS_OR_READONLY", PERMISSION),
    ("INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY", PERMISSION),
    ("INSUFFICIENT_ACCESS", PERMISSION),
    ("INVALID_FIELD", PERMISSION),
    ("INVALID_FIELD_FOR_INSERT_UPDATE", PERMISSION),
    ("FIELD_NOT_UPDATABLE", PERMISSION),
    ("INVALID_TYPE", PERMISSION),
    ("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", PERMISSION),
    ("CANNOT_EXECUTE_FLOW_TRIGGER", PERMISSION),
];

const BAD_DATA: Meaning = Meaning::Refused(RejectClass::BadData);
const DUPLICATE: Meaning = Meaning::Refused(RejectClass::Duplicate);
const GONE: Meaning = Meaning::Refused(RejectClass::Gone);
const PERMISSION: Meaning = Meaning::Refused(RejectClass::Permission);

pub fn refusal(error: &Error, refusal: &Refusal) -> Disposition {
    let known = refusal.problems.iter().find_map(meaning);
    match known.unwrap_or_else(|| meaning_of_status(refusal.status)) {
        Meaning::Busy => Disposition::RetryAfter {
            reason: "busy",
            after: refusal.retry_after,
        },
        Meaning::Doubtful => Disposition::ReadFirst {
            reason: "server_error",
        },
        Meaning::Paused(reason) => Disposition::PauseLane {
            reason,
            after: refusal.retry_after,
        },
        Meaning::Refused(class) => {
            let hint = hint(error, refusal, class);
            rejected(error, refusal, class, hint)
        }
    }
}

fn meaning(problem: &Problem) -> Option<Meaning> {
    let code = problem.code.as_str();
    // The customer's own code ran into a lock: its text is the only sign of it.
    if problem.text.contains("UNABLE_TO_LOCK_ROW") {
        return Some(Meaning::Busy);
    }
    // An upsert on a field that is no external id, or one that the user may not see.
    if code == "NOT_FOUND" && problem.text.to_lowercase().contains("external id field") {
        return Some(PERMISSION);
    }
    if code.starts_with("XCLEAN_") && code.ends_with("_RETRIABLE") {
        return Some(Meaning::Busy);
    }
    if code.starts_with("TXN_SECURITY") {
        return Some(PERMISSION);
    }
    let known = CODES.iter().find(|(name, _)| *name == code)?;
    Some(known.1)
}

fn meaning_of_status(status: u16) -> Meaning {
    match status {
        // Elsewhere than where the login said: nothing of ours was taken there.
        301..=308 => Meaning::Paused(Pause::Outage),
        300 => Meaning::Refused(RejectClass::Ambiguous),
        401 => Meaning::Paused(Pause::Credentials),
        403 => PERMISSION,
        404 => GONE,
        // 420: no host serves the org. 410: the API version was retired, which concerns every
        // call; nothing is lost while a person raises it.
        410 | 420 => Meaning::Paused(Pause::Outage),
        429 => Meaning::Paused(Pause::Limit),
        503 => Meaning::Busy,
        408 | 500..=599 => Meaning::Doubtful,
        400 | 412..=415 | 422 | 428 | 431 => BAD_DATA,
        _ => Meaning::Refused(RejectClass::Other),
    }
}

/// What a person can do, in plain words.
fn hint(error: &Error, refusal: &Refusal, class: RejectClass) -> String {
    let object = error.object.as_str();
    let codes: Vec<&str> = refusal.problems.iter().map(|p| p.code.as_str()).collect();
    let code = codes
        .iter()
        .find(|code| CODES.iter().any(|(name, _)| name == *code));
    let place = place(object, refusal);
    match code.copied().unwrap_or_default() {
        "REQUIRED_FIELD_MISSING" => format!("map a value or a default to {place}"),
        "STRING_TOO_LONG" => format!("shorten the value, or lengthen {place}"),
        "INVALID_EMAIL_ADDRESS" => "correct the e-mail address at its source".into(),
        "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST" => {
            format!("add the value to the picklist {place}, or map it to one that is there")
        }
        "FIELD_CUSTOM_VALIDATION_EXCEPTION" => {
            format!("satisfy the validation rule on {object}, or exempt the integration user")
        }
        "FIELD_FILTER_VALIDATION_EXCEPTION" => {
            format!("choose a record that the lookup filter on {place} admits")
        }
        "INACTIVE_OWNER_OR_USER" => "activate the owner, or give the record another".into(),
        "INVALID_CROSS_REFERENCE_KEY" => {
            format!("correct the record that {place} points to: it does not exist")
        }
        "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY" => {
            format!("give the integration user access to the record that {place} points to")
        }
        "INVALID_FIELD" => format!(
            "give the integration user access to {place}, or correct its name in the mapping"
        ),
        "INVALID_TYPE" => format!("give the integration user access to the object {object}"),
        "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY" | "CANNOT_EXECUTE_FLOW_TRIGGER" => {
            format!("ask the org's administrator: a trigger or flow on {object} refused it")
        }
        "CANNOT_UPDATE_CONVERTED_LEAD" => {
            "nothing to repair: the lead was converted, its contact goes on".into()
        }
        "DUPLICATES_DETECTED" => format!(
            "merge or link the records named here, or let the duplicate rule on {object} allow \
             the integration user"
        ),
        _ => hint_of_class(object, &place, class),
    }
}

fn hint_of_class(object: &str, place: &str, class: RejectClass) -> String {
    match class {
        RejectClass::Permission => {
            format!("give the integration user edit permission on {place}")
        }
        RejectClass::BadData => format!("correct the value of {place} at its source"),
        RejectClass::Ambiguous => {
            format!("make the key of {object} unique: several records hold its value")
        }
        RejectClass::Duplicate => format!("link to the {object} that already holds the value"),
        RejectClass::Gone => format!("nothing to repair: the {object} was deleted or merged"),
        RejectClass::Other => {
            "read the answer in the dead letter, then change the record or the mapping; crosswalk \
             then tries again"
                .into()
        }
    }
}

/// `Lead.Title, Lead.Company_Size__c`, or the object where no field was named.
fn place(object: &str, refusal: &Refusal) -> String {
    let fields = refusal
        .problems
        .iter()
        .flat_map(|problem| problem.fields.iter());
    let mut places: Vec<String> = fields.map(|field| format!("{object}.{field}")).collect();
    places.sort();
    places.dedup();
    if places.is_empty() {
        object.to_string()
    } else {
        places.join(", ")
    }
}
