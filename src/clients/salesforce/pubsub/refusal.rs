//! The one place that knows the vendor's error codes (salesforce.md 1.6).

use tonic::{Code, Status};

use crate::clients::error::code;
use crate::clients::salesforce::pubsub::error::{Reaction, Refusal};

const PREFIX: &str = "sfdc.platform.eventbus.grpc.";

/// Reads a status with its trailers. What came without a code never reached the vendor's service,
/// or is none of its errors: then the status alone decides.
pub(super) fn read(status: &Status) -> Refusal {
    let trailer = |name: &str| {
        let text = status.metadata().get(name)?.to_str().ok()?;
        code(text)
    };
    let named = trailer("error-code");
    let suffix = named.map(|code| match code.strip_prefix(PREFIX) {
        Some(suffix) => suffix.to_owned(),
        None => code,
    });
    let known = suffix.as_deref().and_then(of_code);
    Refusal {
        reaction: known.unwrap_or_else(|| of_status(status.code())),
        code: suffix,
        rpc_id: trailer("rpc-id"),
        status: status.code(),
    }
}

fn fatal(why: &'static str, hint: &'static str) -> Reaction {
    Reaction::Fatal { why, hint }
}

/// None for a code that is not known here.
fn of_code(suffix: &str) -> Option<Reaction> {
    Some(match suffix {
        "service.auth.error" => Reaction::Auth,
        "service.unavailable"
        | "topic.api.unavailable"
        | "schema.api.unavailable"
        | "subscription.internal.error"
        | "subscription.fetch.replay.repeated" => Reaction::Retry,
        "service.protection.triggered" | "service.protection.stream.limit.triggered" => {
            Reaction::SlowDown
        }
        "subscription.limit.exceeded" => Reaction::AllocationUsedUp,
        "subscription.fetch.replayid.corrupted" => Reaction::ReplayRejected,
        "service.auth.headers.invalid" | "service.auth.refresh.invalid" => fatal(
            "the call's metadata were refused",
            "check that pubsub.endpoint serves this org",
        ),
        "service.tenant.license"
        | "concurrent.client.limit.exceeded"
        | "service.concurrent.client.limit.exceeded" => fatal(
            "the org's licence does not allow another subscription",
            "end other subscribers or ask Salesforce for a higher limit",
        ),
        "topic.not.found" | "topic.validation.empty" => fatal(
            "there is no such topic",
            "select the object under Setup > Change Data Capture; topics are case-sensitive",
        ),
        "topic.meta.permission" | "subscription.topic.cannot.subscribe" => fatal(
            "the integration user may not subscribe to the topic",
            "give it View All Records on the object",
        ),
        "schema.meta.permission" | "schema.validation.failed" => fatal(
            "the schema is unknown or not shown to the integration user",
            "give it View All Records on the object",
        ),
        misuse if misuse.starts_with("subscription.fetch.") => fatal(
            "the subscription was asked for in a form that is not taken",
            "report this with the code and the rpc id",
        ),
        _ => return None,
    })
}

fn of_status(status: Code) -> Reaction {
    match status {
        Code::Unauthenticated => Reaction::Auth,
        Code::ResourceExhausted => Reaction::SlowDown,
        Code::PermissionDenied => fatal(
            "the integration user may not do this",
            "check its permission set against docs/salesforce-setup.md",
        ),
        Code::NotFound => fatal(
            "there is no such topic or schema",
            "select the object under Setup > Change Data Capture",
        ),
        Code::Unimplemented => fatal("this is no Pub/Sub API", "check pubsub.endpoint"),
        Code::InvalidArgument | Code::FailedPrecondition => fatal(
            "the call was refused as malformed",
            "report this with the rpc id",
        ),
        Code::OutOfRange => fatal(
            "a message is longer than the vendor's own limit of 4 MB",
            "report this with the rpc id",
        ),
        _ => Reaction::Retry,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reaction(status: Code, code: Option<&str>) -> Reaction {
        let mut status = Status::new(status, "words of ann@example.com");
        if let Some(code) = code {
            let text = format!("{PREFIX}{code}").parse().unwrap();
            status.metadata_mut().insert("error-code", text);
        }
        let refusal = read(&status);
        assert_eq!(refusal.code.as_deref(), code);
        assert!(!format!("{refusal} {refusal:?}").contains("ann@"));
        refusal.reaction
    }

    #[test]
    fn every_documented_code_asks_for_something() {
        use Reaction::{AllocationUsedUp, Auth, ReplayRejected, Retry, SlowDown};
        let cases = [
            ("service.unavailable", Retry),
            ("service.auth.error", Auth),
            ("service.protection.triggered", SlowDown),
            ("service.protection.stream.limit.triggered", SlowDown),
            ("topic.api.unavailable", Retry),
            ("schema.api.unavailable", Retry),
            ("subscription.fetch.replayid.corrupted", ReplayRejected),
            ("subscription.fetch.replay.repeated", Retry),
            ("subscription.limit.exceeded", AllocationUsedUp),
            ("subscription.internal.error", Retry),
        ];
        for (code, expected) in cases {
            // The code counts, whatever status carries it.
            for status in [Code::InvalidArgument, Code::Internal, Code::Unavailable] {
                assert_eq!(reaction(status, Some(code)), expected, "{code}");
            }
        }
        for code in [
            "service.auth.headers.invalid",
            "service.auth.refresh.invalid",
            "service.tenant.license",
            "concurrent.client.limit.exceeded",
            "topic.not.found",
            "topic.validation.empty",
            "topic.meta.permission",
            "schema.meta.permission",
            "schema.validation.failed",
            "subscription.fetch.replayid.validation.failed",
            "subscription.fetch.requested.events.invalid",
            "subscription.fetch.overflow",
            "subscription.fetch.topic.mismatch",
            "subscription.fetch.request.invalid",
            "subscription.topic.cannot.subscribe",
        ] {
            let found = reaction(Code::Unavailable, Some(code));
            assert!(matches!(found, Reaction::Fatal { .. }), "{code}");
        }
    }

    #[test]
    fn without_a_code_that_is_known_the_status_decides() {
        for code in [None, Some("something.new")] {
            assert_eq!(reaction(Code::Unavailable, code), Reaction::Retry);
            assert_eq!(reaction(Code::Internal, code), Reaction::Retry);
            assert_eq!(reaction(Code::Unauthenticated, code), Reaction::Auth);
            assert_eq!(reaction(Code::ResourceExhausted, code), Reaction::SlowDown);
            let refused = reaction(Code::PermissionDenied, code);
            assert!(matches!(refused, Reaction::Fatal { .. }));
        }
    }
}
