//! Intercom's error body, and the one error header that names a record.

use serde_json::Value as Json;

use crate::clients::error::{NamedRecord, Problem, Refusal, code};
use crate::clients::intercom::rate_window::RateWindow;
use crate::clients::transport::Response;
use crate::domain::Timestamp;

/// Entries kept of one error answer.
const KEPT_MAX: usize = 20;
/// Longest name of an attribute that is kept; no workspace may have a longer one.
const NAME_BYTES_MAX: usize = 190;

/// Reads `{type: "error.list", errors: [{code, message, field}]}`, or what there is of it.
pub fn refusal(response: &Response, now: Timestamp) -> Refusal {
    let body: Json = serde_json::from_slice(&response.body).unwrap_or_default();
    let entries = body["errors"].as_array().into_iter().flatten();
    let mut problems: Vec<Problem> = entries.filter_map(problem).take(KEPT_MAX).collect();
    let records = problems.iter().filter_map(named_in_text);
    let records = records.chain(survivor(response)).collect();
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
    let name = rest.split('\'').next()?;
    let plain = |c: char| c.is_alphanumeric() || " _-.".contains(c);
    let is_name = !name.is_empty() && name.len() <= NAME_BYTES_MAX && name.chars().all(plain);
    is_name.then(|| name.to_string())
}

/// A 410 says where a contact that was merged away lives on: `Link: <…/contacts/X>;
/// rel="canonical"` (2.16 and later, intercom.md 0.7).
fn survivor(response: &Response) -> Option<NamedRecord> {
    let link = response.header("link").filter(|_| response.status == 410)?;
    let canonical = link.split(',').find(|one| one.contains("canonical"))?;
    let (_, rest) = canonical.split_once('<')?;
    let (address, _) = rest.split_once('>')?;
    let (_, id) = address.split_once("/contacts/")?;
    let is_id = !id.is_empty() && id.chars().all(|c| c.is_ascii_alphanumeric());
    is_id.then(|| NamedRecord {
        object: "contact".into(),
        id: id.to_string(),
    })
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
    fn a_merge_names_the_survivor_in_its_link_and_nothing_else_is_taken_for_one() {
        let names = |status: u16, link: &str| {
            let response = Response {
                status,
                headers: vec![("link".into(), link.into())],
                ..Response::default()
            };
            let records = refusal(&response, Timestamp(0)).records;
            records.into_iter().map(|record| record.id).next()
        };
        let absolute = "<https://api.intercom.io/contacts/5f3a>; rel=\"canonical\"";
        assert_eq!(names(410, absolute), Some("5f3a".into()));
        let two = "</help>; rel=\"help\", </contacts/6a4b>; rel=\"canonical\"";
        assert_eq!(names(410, two), Some("6a4b".into()));
        assert_eq!(names(404, absolute), None);
        assert_eq!(names(410, "</contacts/..>; rel=\"canonical\""), None);
        assert_eq!(names(410, "</contacts/5f3a>; rel=\"next\""), None);
    }

    #[test]
    fn an_attribute_is_named_with_its_spaces_and_a_sentence_is_not_taken_for_one() {
        let text = |name: &str| format!("Custom attribute '{name}' does not exist");
        assert_eq!(
            missing_attribute(&text("Job Title")),
            Some("Job Title".into())
        );
        assert_eq!(missing_attribute(&text("ann@example.com")), None);
        assert_eq!(missing_attribute("Custom attribute is odd"), None);
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
