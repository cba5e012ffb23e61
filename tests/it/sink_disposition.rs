//! What follows from each error that the vendors document: the table of the sinks' one judgement.

use std::time::Duration;

use crosswalk::clients::{self, NamedRecord, Problem, Refusal, System};
use crosswalk::domain::{RecordRef, RejectClass, SourceId};
use crosswalk::sink::retry::{Disposition, disposition};
use crosswalk::sink::{Access, Error, Pause};

/// A disposition without what varies.
#[derive(Debug, PartialEq, Eq)]
enum Is {
    Retry,
    ReadFirst,
    Unknown,
    Paused(Pause),
    Rejected(RejectClass),
}

use Is::{Paused, ReadFirst, Rejected, Retry, Unknown};
use RejectClass::{Ambiguous, BadData, Duplicate, Gone, Other, Permission};

fn failed(system: System, access: Access, source: clients::Error) -> Error {
    let object = match system {
        System::Intercom => "contact",
        System::Salesforce => "Lead",
    };
    Error {
        system,
        at: SourceId::new("there").unwrap(),
        object: object.into(),
        access,
        source,
    }
}

fn refusal(status: u16, code: &str, text: &str, fields: &[&str]) -> Refusal {
    Refusal {
        status,
        problems: vec![Problem {
            code: code.into(),
            text: text.into(),
            fields: fields.iter().map(|field| field.to_string()).collect(),
        }],
        ..Refusal::default()
    }
}

fn judged(error: &Error) -> Is {
    match disposition(error) {
        Disposition::RetryAfter { .. } => Retry,
        Disposition::ReadFirst { .. } => ReadFirst,
        Disposition::Unknown { .. } => Unknown,
        Disposition::PauseLane { reason, .. } => Paused(reason),
        Disposition::Rejected(rejection) => {
            assert!(!rejection.hint.is_empty(), "{error:?} has no hint");
            Rejected(rejection.class)
        }
    }
}

fn check(system: System, cases: &[(u16, &str, &str, Is)]) {
    for (status, code, text, expected) in cases {
        let refused = clients::Error::Refused(refusal(*status, code, text, &[]));
        let is = judged(&failed(system, Access::Write, refused));
        assert_eq!(is, *expected, "{status} {code} {text}");
    }
}

#[test]
fn salesforce_refusals() {
    let pause = Pause::Outage;
    check(
        System::Salesforce,
        &[
            (401, "INVALID_SESSION_ID", "", Paused(Pause::Credentials)),
            (401, "INVALID_AUTH_HEADER", "", Paused(Pause::Credentials)),
            (401, "HTTP_401", "", Paused(Pause::Credentials)),
            (403, "API_DISABLED_FOR_ORG", "", Paused(Pause::Credentials)),
            (403, "REQUEST_LIMIT_EXCEEDED", "", Paused(Pause::Limit)),
            (400, "STORAGE_LIMIT_EXCEEDED", "", Retry),
            (400, "LIMIT_EXCEEDED", "", Retry),
            (403, "EXCEEDED_QUOTA", "", Retry),
            (503, "SERVER_UNAVAILABLE", "", Retry),
            (503, "HTTP_503", "", Retry),
            (503, "ORG_IN_MAINTENANCE", "", Paused(pause)),
            (302, "HTTP_302", "", Paused(pause)),
            (420, "HTTP_420", "", Paused(pause)),
            (410, "HTTP_410", "", Paused(pause)),
            (429, "HTTP_429", "", Paused(Pause::Limit)),
            (400, "UNABLE_TO_LOCK_ROW", "", Retry),
            (409, "UNABLE_TO_LOCK_ROW", "", Retry),
            (400, "TOO_MANY_APEX_REQUESTS", "", Retry),
            (400, "XCLEAN_LOAD_RETRIABLE", "", Retry),
            (
                400,
                "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY",
                "trigger: UNABLE_TO_LOCK_ROW",
                Retry,
            ),
            (500, "UNKNOWN_EXCEPTION", "", ReadFirst),
            (500, "HTTP_500", "", ReadFirst),
            (502, "HTTP_502", "", ReadFirst),
            (504, "HTTP_504", "", ReadFirst),
            (400, "QUERY_TIMEOUT", "", ReadFirst),
            (503, "REQUEST_RUNNING_TOO_LONG", "", ReadFirst),
            (300, "HTTP_300", "", Rejected(Ambiguous)),
            (400, "MULTIPLE_RECORDS_FOUND", "", Rejected(Ambiguous)),
            (400, "DUPLICATES_DETECTED", "", Rejected(Duplicate)),
            (400, "DUPLICATE_VALUE", "", Rejected(Duplicate)),
            (400, "DUPLICATE_EXTERNAL_ID", "", Rejected(Duplicate)),
            (404, "NOT_FOUND", "", Rejected(Gone)),
            (404, "ENTITY_IS_DELETED", "", Rejected(Gone)),
            (400, "CANNOT_UPDATE_CONVERTED_LEAD", "", Rejected(Gone)),
            (
                404,
                "NOT_FOUND",
                "Provided external ID field does not exist or is not accessible: X__c",
                Rejected(Permission),
            ),
            (400, "INVALID_FIELD", "", Rejected(Permission)),
            (
                400,
                "INVALID_FIELD_FOR_INSERT_UPDATE",
                "",
                Rejected(Permission),
            ),
            (400, "FIELD_NOT_UPDATABLE", "", Rejected(Permission)),
            (
                400,
                "INSUFFICIENT_ACCESS_OR_READONLY",
                "",
                Rejected(Permission),
            ),
            (403, "INSUFFICIENT_ACCESS", "", Rejected(Permission)),
            (400, "TXN_SECURITY_NO_ACCESS", "", Rejected(Permission)),
            (400, "CANNOT_EXECUTE_FLOW_TRIGGER", "", Rejected(Permission)),
            (403, "HTTP_403", "", Rejected(Permission)),
            (400, "REQUIRED_FIELD_MISSING", "", Rejected(BadData)),
            (400, "STRING_TOO_LONG", "", Rejected(BadData)),
            (400, "INVALID_EMAIL_ADDRESS", "", Rejected(BadData)),
            (
                400,
                "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
                "",
                Rejected(BadData),
            ),
            (
                400,
                "FIELD_CUSTOM_VALIDATION_EXCEPTION",
                "",
                Rejected(BadData),
            ),
            (400, "MALFORMED_ID", "", Rejected(BadData)),
            (400, "JSON_PARSER_ERROR", "", Rejected(BadData)),
            (400, "INACTIVE_OWNER_OR_USER", "", Rejected(BadData)),
            (400, "SOMETHING_NEW", "", Rejected(BadData)),
            (405, "METHOD_NOT_ALLOWED", "", Rejected(Other)),
        ],
    );
}

#[test]
fn intercom_refusals() {
    check(
        System::Intercom,
        &[
            (429, "rate_limit_exceeded", "", Paused(Pause::Limit)),
            (400, "scroll_exists", "", Retry),
            (408, "HTTP_408", "", ReadFirst),
            (500, "server_error", "", ReadFirst),
            (500, "client_error", "Unknown server error", ReadFirst),
            (502, "HTTP_502", "", ReadFirst),
            (504, "server_timeout", "", ReadFirst),
            (302, "HTTP_302", "", Paused(Pause::Outage)),
            (503, "service_unavailable", "", Retry),
            (401, "unauthorized", "", Paused(Pause::Credentials)),
            (401, "token_revoked", "", Paused(Pause::Credentials)),
            (402, "HTTP_402", "", Paused(Pause::Credentials)),
            (403, "api_plan_restricted", "", Paused(Pause::Credentials)),
            (404, "not_found", "User Not Found", Rejected(Gone)),
            (404, "company_not_found", "", Rejected(Gone)),
            (410, "contact_merged", "", Rejected(Gone)),
            (
                409,
                "conflict",
                "A contact matching those details already exists with id=5f3a",
                Rejected(Duplicate),
            ),
            (
                409,
                "conflict",
                "An archived contact matching those details already exists with id=5f3a",
                Rejected(Duplicate),
            ),
            (
                409,
                "conflict",
                "Multiple existing users match this email address",
                Rejected(Ambiguous),
            ),
            (400, "unique_user_constraint", "", Rejected(Ambiguous)),
            (400, "contact_company_limit_exceeded", "", Rejected(BadData)),
            (422, "type_mismatch", "", Rejected(BadData)),
            (400, "invalid_field", "", Rejected(BadData)),
            (
                400,
                "parameter_invalid",
                "Custom attribute 'x' does not exist",
                Rejected(Permission),
            ),
            (400, "parameter_invalid", "", Rejected(BadData)),
            (
                400,
                "client_error",
                "user role can't be converted",
                Rejected(BadData),
            ),
            (422, "data_invalid", "", Rejected(BadData)),
            (415, "media_type_not_supported", "", Rejected(BadData)),
            (400, "intercom_version_invalid", "", Rejected(Other)),
            (400, "custom_data_limit_reached", "", Rejected(Other)),
            (418, "teapot", "", Rejected(Other)),
        ],
    );
}

#[test]
fn failures_without_an_answer() {
    let login = |refused| clients::Error::Login {
        code: "invalid_client".into(),
        refused,
        hint: "",
    };
    let odd = || clients::Error::Malformed {
        step: "upsert",
        reason: "no id".into(),
    };
    let cases = [
        (
            Access::Write,
            clients::Error::NotSent("no connection"),
            Paused(Pause::Outage),
        ),
        (
            Access::Write,
            clients::Error::NoAnswer("timeout"),
            ReadFirst,
        ),
        (Access::Read, clients::Error::NoAnswer("timeout"), ReadFirst),
        (Access::Write, login(true), Paused(Pause::Credentials)),
        (Access::Write, login(false), Paused(Pause::Outage)),
        (Access::Write, odd(), ReadFirst),
        (Access::Read, odd(), Unknown),
        (
            Access::Read,
            clients::Error::Unsendable("dots"),
            Rejected(BadData),
        ),
    ];
    for (access, source, expected) in cases {
        for system in [System::Salesforce, System::Intercom] {
            assert_eq!(judged(&failed(system, access, source.clone())), expected);
        }
    }
}

#[test]
fn hints_say_in_plain_words_what_a_person_can_do() {
    let cases = [
        (
            "INVALID_FIELD_FOR_INSERT_UPDATE",
            &["Company_Size__c"][..],
            "give the integration user edit permission on Lead.Company_Size__c",
        ),
        (
            "INVALID_FIELD",
            &["Company_Size__c"],
            "give the integration user access to Lead.Company_Size__c, or correct its name in the \
             mapping",
        ),
        (
            "REQUIRED_FIELD_MISSING",
            &["LastName"],
            "map a value or a default to Lead.LastName",
        ),
        (
            "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
            &["Status"],
            "add the value to the picklist Lead.Status, or map it to one that is there",
        ),
        (
            "FIELD_CUSTOM_VALIDATION_EXCEPTION",
            &[],
            "satisfy the validation rule on Lead, or exempt the integration user",
        ),
    ];
    for (code, fields, hint) in cases {
        let refused = clients::Error::Refused(refusal(400, code, "", fields));
        let judged = disposition(&failed(System::Salesforce, Access::Write, refused));
        let Disposition::Rejected(rejection) = judged else {
            panic!("{code} is refused for good");
        };
        assert_eq!(rejection.hint, hint);
        assert_eq!(rejection.fields, fields);
    }
}

#[test]
fn the_remotes_words_stand_in_the_text_and_nowhere_else() {
    let mut refused = refusal(400, "DUPLICATE_VALUE", "duplicates ann@example.com", &[]);
    refused.records.push(NamedRecord {
        object: "Lead".into(),
        id: "00QD000000IqhSLMAZ".into(),
    });
    let source = clients::Error::Refused(refused);
    let error = failed(System::Salesforce, Access::Write, source);
    let Disposition::Rejected(rejection) = disposition(&error) else {
        panic!("a duplicate is refused for good");
    };
    assert_eq!(rejection.text, "duplicates ann@example.com");
    assert!(!rejection.hint.contains("ann@") && !rejection.code.contains("ann@"));
    let shown = format!("{error} {error:?} {}", error.source);
    assert!(!shown.contains("ann@"), "{shown}");
    let at = SourceId::new("there").unwrap();
    let named = RecordRef::new(&at, "Lead", "00QD000000IqhSLMAZ").unwrap();
    assert_eq!(rejection.records, [named]);
}

#[test]
fn a_wait_that_the_remote_names_is_kept() {
    let after = Some(Duration::from_secs(7));
    let judged = |system, status| {
        let refused = Refusal {
            retry_after: after,
            ..refusal(status, "code", "", &[])
        };
        let source = clients::Error::Refused(refused);
        disposition(&failed(system, Access::Read, source))
    };
    for system in [System::Salesforce, System::Intercom] {
        let limited = Disposition::PauseLane {
            reason: Pause::Limit,
            after,
        };
        assert_eq!(judged(system, 429), limited);
        assert!(matches!(
            judged(system, 503),
            Disposition::RetryAfter { after: asked, .. } if asked == after
        ));
    }
}

#[test]
fn hints_name_only_what_a_person_can_do_today() {
    for system in [System::Salesforce, System::Intercom] {
        let refused = clients::Error::Refused(refusal(418, "TEAPOT", "", &[]));
        let Disposition::Rejected(rejection) = disposition(&failed(system, Access::Write, refused))
        else {
            panic!("a teapot refuses for good");
        };
        let said = "change the record or the mapping; crosswalk then tries again";
        assert!(rejection.hint.ends_with(said), "{}", rejection.hint);
    }
}
