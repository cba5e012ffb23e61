//! Intercom's error body.

use serde_json::Value as Json;

use crate::clients::error::{NamedRecord, Problem, Refusal, code};
use crate::clients::intercom::rate_window::RateWindow;
use crate::clients::transport::Response;
use crate::domain::Timestamp;

/// Entries kept of one error answer.
const KEPT_MAX: usize = 20;

/// Reads `{type: "error.list", errors: [{code, message, field}]}`, or what there is of it.
pub fn refusal(response: &Response, now: Timestamp) -> Refusal {
    let body: Json = serde_json::from_slice(&response.body).unwrap_or_default();
    let entries = body["errors"].as_array().into_iter().flatten();
    let mut problems: Vec<Problem> = entries.filter_map(problem).take(KEPT_MAX).collect();
    let records = problems.iter().filter_map(named_in_text).collect();
    if problems.is_empty() {
        problems.push(Problem {
            code: format!("HTTP_{}", response.status),
            ..Problem::default()
        });
    }
    Refusal {
        status: response.status,
        problems,
        records,
        retry_after: RateWindow::retry_after(response, now),
    }
}

fn problem(entry: &Json) -> Option<Problem> {
    let text = entry["message"].as_str().unwrap_or_default();
    let mut fields: Vec<String> = entry["field"].as_str().and_then(code).into_iter().collect();
    if fields.is_empty() {
        fields.extend(missing_attribute(text));
    }
    Some(Problem {
        code: code(entry["code"].as_str()?).unwrap_or_else(|| "unnamed".into()),
        text: text.to_string(),
        fields,
    })
}

/// "Custom attribute 'x' does not exist" names the attribute in its text only.
fn missing_attribute(text: &str) -> Option<String> {
    let (_, rest) = text.split_once("Custom attribute '")?;
    code(rest.split('\'').next()?)
}

/// A 409 names the record it clashes with in its text only: "… already exists with id=X".
fn named_in_text(problem: &Problem) -> Option<NamedRecord> {
    let (_, rest) = problem.text.split_once("already exists with id=")?;
    let id: String = rest
        .chars()
        .take_while(char::is_ascii_alphanumeric)
        .collect();
    (!id.is_empty()).then(|| NamedRecord {
        object: "contact".into(),
        id,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn an_error_list_is_read_with_the_record_it_names() {
        let body = r#"{"type":"error.list","request_id":"r","errors":[{"code":"conflict",
            "message":"A contact matching those details already exists with id=5f3a"}]}"#;
        let response = Response {
            status: 409,
            headers: vec![("x-ratelimit-reset".into(), "12".into())],
            body: body.as_bytes().to_vec(),
        };
        let refusal = refusal(&response, Timestamp(9_500));
        assert_eq!(refusal.to_string(), "status 409, conflict");
        assert_eq!(refusal.records[0].id, "5f3a");
        assert_eq!(refusal.retry_after, Some(Duration::from_millis(2_500)));
    }

    #[test]
    fn what_is_not_json_still_has_a_code() {
        let response = Response {
            status: 502,
            ..Response::default()
        };
        assert_eq!(
            refusal(&response, Timestamp(0)).problems[0].code,
            "HTTP_502"
        );
    }
}
