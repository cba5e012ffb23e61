//! Control calls that only the Salesforce sandbox has.

use serde_json::Value;

use crate::sandbox::exchange::Request;
use crate::sandbox::salesforce::model::Org;

/// Answers `changes`; `None` for a call that does not exist.
pub(crate) fn answer(org: &Org, request: &Request) -> Option<Result<Value, String>> {
    match (request.method.as_str(), request.path.as_str()) {
        ("GET", "/__sandbox/changes") => {
            let since = request.number("since").unwrap_or(0);
            Some(serde_json::to_value(org.changes_since(since)).map_err(|error| error.to_string()))
        }
        _ => None,
    }
}
