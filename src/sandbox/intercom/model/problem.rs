//! Refusals of the REST API: status, code and message as intercom.md 2.3 lists them.

use serde_json::json;

use crate::sandbox::exchange::Answer;

/// Why a request is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    pub(crate) status: u16,
    pub(crate) code: &'static str,
    pub(crate) message: String,
    /// Where a merged-away contact lives now.
    pub(crate) canonical: Option<String>,
}

// === impl Problem ===

impl Problem {
    pub(crate) fn new(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
            canonical: None,
        }
    }

    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(400, "parameter_invalid", message)
    }

    pub(crate) fn missing(message: impl Into<String>) -> Self {
        Self::new(400, "parameter_not_found", message)
    }

    pub(crate) fn user_not_found() -> Self {
        Self::new(404, "not_found", "User Not Found")
    }

    pub(crate) fn resource_not_found() -> Self {
        Self::new(404, "not_found", "Resource Not Found")
    }

    pub(crate) fn company_not_found() -> Self {
        Self::new(404, "company_not_found", "Company Not Found")
    }

    /// The id stands only inside the sentence, and clients must parse it (intercom.md 0.6).
    pub(crate) fn conflict(id: &str, archived: bool) -> Self {
        let kind = if archived {
            "An archived contact"
        } else {
            "A contact"
        };
        let message = format!("{kind} matching those details already exists with id={id}");
        Self::new(409, "conflict", message)
    }

    pub(crate) fn several_users() -> Self {
        Self::new(
            409,
            "conflict",
            "Multiple existing users match this email address",
        )
    }

    pub(crate) fn merged(into: &str) -> Self {
        let message = format!("This contact has been merged into contact {into}");
        Self {
            canonical: Some(format!("/contacts/{into}")),
            ..Self::new(410, "contact_merged", message)
        }
    }

    /// The refusal on the wire.
    pub(crate) fn answer(&self, request_id: &str) -> Answer {
        let body = json!({
            "type": "error.list",
            "request_id": request_id,
            "errors": [{"code": self.code, "message": self.message}],
        });
        let answer = Answer::json(self.status, body);
        match &self.canonical {
            Some(path) => answer.with_header("Link", format!("<{path}>; rel=\"canonical\"")),
            None => answer,
        }
    }
}
