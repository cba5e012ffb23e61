//! How the Pub/Sub API says no: a status, a text that ends with the call's id, and trailers
//! (salesforce.md 1.6).

use tonic::metadata::{MetadataMap, MetadataValue};
use tonic::{Code, Status};

const PREFIX: &str = "sfdc.platform.eventbus.grpc.";
/// What a proxy in front says when the service behind it is gone; it knows no call ids.
const PROXY_TEXT: &str = "upstream connect error or disconnect/reset before headers";

/// One call, for its refusals.
#[derive(Debug, Clone)]
pub(super) struct Call {
    /// The method, as `Subscribe`.
    pub(super) method: &'static str,
    pub(super) rpc_id: String,
}

// === impl Call ===

impl Call {
    /// Refuses with a vendor's code, given without its prefix.
    pub(super) fn refuse(&self, code: Code, suffix: &str, text: &str) -> Status {
        let error_code = format!("{PREFIX}{suffix}");
        let mut trailers = MetadataMap::new();
        for (name, value) in [
            ("error-code", error_code.as_str()),
            ("rpc-id", &self.rpc_id),
            ("type", self.method),
        ] {
            if let Ok(value) = MetadataValue::try_from(value) {
                trailers.insert(name, value);
            }
        }
        let text = format!("{text}. rpcId: {}", self.rpc_id);
        Status::with_metadata(code, text, trailers)
    }

    pub(super) fn unavailable(&self) -> Status {
        let text = "The service is temporarily unavailable";
        self.refuse(Code::Unavailable, "service.unavailable", text)
    }

    pub(super) fn unauthenticated(&self) -> Status {
        let text = "The access token is invalid or has expired";
        self.refuse(Code::Unauthenticated, "service.auth.error", text)
    }

    pub(super) fn bad_headers(&self) -> Status {
        let text = "accesstoken, instanceurl and tenantid must name a session of this org";
        self.refuse(Code::Unauthenticated, "service.auth.headers.invalid", text)
    }

    pub(super) fn too_many(&self) -> Status {
        let text = "Too many requests";
        self.refuse(
            Code::ResourceExhausted,
            "service.protection.triggered",
            text,
        )
    }

    pub(super) fn unknown_topic(&self) -> Status {
        let text = "The topic does not exist; topics have case";
        self.refuse(Code::NotFound, "topic.not.found", text)
    }

    pub(super) fn no_topic(&self) -> Status {
        let text = "The topic name is empty";
        self.refuse(Code::InvalidArgument, "topic.validation.empty", text)
    }

    pub(super) fn unknown_schema(&self) -> Status {
        let text = "There is no schema with this id";
        self.refuse(Code::InvalidArgument, "schema.validation.failed", text)
    }

    pub(super) fn bad_number(&self) -> Status {
        let suffix = "subscription.fetch.requested.events.invalid";
        let text = "num_requested must be greater than 0";
        self.refuse(Code::InvalidArgument, suffix, text)
    }

    pub(super) fn bad_preset(&self) -> Status {
        let suffix = "subscription.fetch.request.invalid";
        let text = "replay_preset is none of LATEST, EARLIEST and CUSTOM";
        self.refuse(Code::InvalidArgument, suffix, text)
    }

    pub(super) fn other_topic(&self) -> Status {
        let suffix = "subscription.fetch.topic.mismatch";
        let text = "The topic differs from that of the first request";
        self.refuse(Code::InvalidArgument, suffix, text)
    }

    pub(super) fn no_replay_id(&self) -> Status {
        let suffix = "subscription.fetch.replayid.validation.failed";
        let text = "replay_preset CUSTOM needs a replay_id";
        self.refuse(Code::InvalidArgument, suffix, text)
    }

    pub(super) fn bad_replay_id(&self) -> Status {
        let suffix = "subscription.fetch.replayid.corrupted";
        let text = "The replay id is invalid or its event is no longer kept";
        self.refuse(Code::InvalidArgument, suffix, text)
    }

    pub(super) fn used_up(&self) -> Status {
        let suffix = "subscription.limit.exceeded";
        let text = "The delivery allocation of the last 24 hours is used up";
        self.refuse(Code::ResourceExhausted, suffix, text)
    }
}

/// A broken connection as a proxy tells it: no trailers.
pub(super) fn proxy() -> Status {
    Status::unavailable(PROXY_TEXT)
}
