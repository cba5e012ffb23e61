//! Refusals of the REST API: an array of `{message, errorCode, fields}` (salesforce.md 3.6).

use serde_json::{Value, json};

use crate::sandbox::exchange::Answer;

/// Why a request is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) status: u16,
    pub(crate) code: &'static str,
    pub(crate) message: String,
    /// Present, possibly empty, in refusals that are about field values.
    pub(crate) fields: Option<Vec<String>>,
}

// === impl Refusal ===

impl Refusal {
    pub(crate) fn new(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
            fields: None,
        }
    }

    /// A 400 about field values.
    pub(crate) fn of_fields(
        code: &'static str,
        message: impl Into<String>,
        fields: &[&str],
    ) -> Self {
        let fields = Some(fields.iter().map(|name| (*name).to_owned()).collect());
        Self {
            fields,
            ..Self::new(400, code, message)
        }
    }

    pub(crate) fn not_found() -> Self {
        Self::new(404, "NOT_FOUND", "The requested resource does not exist")
    }

    pub(crate) fn no_such_key(field: &str) -> Self {
        let message =
            format!("Provided external ID field does not exist or is not accessible: {field}");
        Self::new(404, "NOT_FOUND", message)
    }

    pub(crate) fn deleted() -> Self {
        Self::new(404, "ENTITY_IS_DELETED", "entity is deleted")
    }

    pub(crate) fn no_such_column(field: &str, object: &str) -> Self {
        let message = format!("No such column '{field}' on sobject of type {object}");
        Self::new(400, "INVALID_FIELD", message)
    }

    pub(crate) fn wrong_id(label: &str, value: &str, field: &str) -> Self {
        let message = format!("{label}: id value of incorrect type: {value}");
        Self::of_fields("MALFORMED_ID", message, &[field])
    }

    pub(crate) fn method(method: &str, allowed: &str) -> Self {
        let message = format!("HTTP Method '{method}' not allowed. Allowed are {allowed}");
        Self::new(405, "METHOD_NOT_ALLOWED", message)
    }

    pub(crate) fn malformed_query(message: impl Into<String>) -> Self {
        Self::new(400, "MALFORMED_QUERY", message)
    }

    pub(crate) fn session() -> Self {
        Self::new(401, "INVALID_SESSION_ID", "Session expired or invalid")
    }

    pub(crate) fn over_limit() -> Self {
        Self::new(
            403,
            "REQUEST_LIMIT_EXCEEDED",
            "TotalRequests Limit exceeded.",
        )
    }

    /// The refusal on the wire.
    pub(crate) fn answer(&self) -> Answer {
        let mut entry = json!({"message": self.message, "errorCode": self.code});
        if let Some(fields) = &self.fields {
            entry["fields"] = json!(fields);
        }
        Answer::json(self.status, Value::Array(vec![entry]))
    }

    /// The refusal of one row among others: its key is `statusCode` there (salesforce.md 3.2).
    pub(crate) fn row_error(&self) -> Value {
        let fields = self.fields.as_deref().unwrap_or_default();
        json!({"statusCode": self.code, "message": self.message, "fields": fields})
    }

    /// The refusal as a sentence, for acts.
    pub(crate) fn sentence(&self) -> String {
        format!("{} {}: {}", self.status, self.code, self.message)
    }
}
