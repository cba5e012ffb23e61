//! What Salesforce answers beside rows: error bodies, upsert answers, the limit header.

use std::time::Duration;

use serde_json::Value as Json;

use crate::clients::error::{Error, NamedRecord, Problem, Refusal, code};
use crate::clients::salesforce::record_id;
use crate::clients::transport::Response;

/// Entries, fields and records kept of one error answer.
const KEPT_MAX: usize = 20;

/// Reads an error answer: an array of entries, or the OAuth pair, or nothing of either.
pub fn refusal(response: &Response) -> Refusal {
    let body: Json = serde_json::from_slice(&response.body).unwrap_or_default();
    Refusal {
        retry_after: retry_after(response),
        ..refusal_of(response.status, &body)
    }
}

/// Reads what stands in an error answer, or in the errors of one row.
pub fn refusal_of(status: u16, body: &Json) -> Refusal {
    let mut records = Vec::new();
    let mut problems = Vec::new();
    match body {
        Json::Array(entries) => {
            for entry in entries.iter().take(KEPT_MAX) {
                match entry {
                    Json::String(url) => records.extend(named_by_url(url)),
                    entry => problems.extend(problem(entry)),
                }
            }
        }
        Json::Object(_) => problems.extend(problem(body)),
        _ => {}
    }
    collect_records(body, &mut records);
    for problem in &problems {
        records.extend(named_in_text(&problem.text));
    }
    records.sort();
    records.dedup();
    if problems.is_empty() {
        problems.push(Problem {
            code: format!("HTTP_{status}"),
            ..Problem::default()
        });
    }
    Refusal {
        status,
        problems,
        records,
        retry_after: None,
    }
}

/// `{id, success, errors, created}` of an upsert.
pub fn upserted(body: &[u8]) -> Result<(String, bool), Error> {
    let unreadable = |reason: &str| Error::Malformed {
        step: "upsert",
        reason: reason.into(),
    };
    let body: Json = serde_json::from_slice(body).map_err(|_| unreadable("not JSON"))?;
    let id = body["id"].as_str().and_then(record_id::normalise);
    let created = body["created"].as_bool();
    match (id, created) {
        (Some(id), created) => Ok((id, created.unwrap_or(false))),
        _ => Err(unreadable("no id")),
    }
}

/// `api-usage=18/5000; per-app-api-usage=17/250(appName=x)`: calls used and allowed.
pub fn limit_info(header: &str) -> Option<(i64, i64)> {
    let usage = header
        .split(';')
        .find_map(|part| part.trim().strip_prefix("api-usage="))?;
    let (used, allowed) = usage.split_once('/')?;
    Some((used.trim().parse().ok()?, allowed.trim().parse().ok()?))
}

fn problem(entry: &Json) -> Option<Problem> {
    let named = ["errorCode", "statusCode", "error"]
        .iter()
        .find_map(|name| entry[*name].as_str())?;
    let text = ["message", "error_description"]
        .iter()
        .find_map(|name| entry[*name].as_str())
        .unwrap_or_default();
    let listed = entry["fields"].as_array().into_iter().flatten();
    let mut fields: Vec<String> = listed
        .filter_map(Json::as_str)
        .filter_map(code)
        .take(KEPT_MAX)
        .collect();
    if fields.is_empty() {
        fields.extend(missing_column(text));
    }
    Some(Problem {
        code: code(named).unwrap_or_else(|| "UNNAMED".into()),
        text: text.to_string(),
        fields,
    })
}

/// INVALID_FIELD lists no fields; its text says "No such column 'X' on sobject of type Y".
fn missing_column(text: &str) -> Option<String> {
    let (_, rest) = text.split_once("No such column '")?;
    code(rest.split('\'').next()?)
}

/// A 300 lists addresses: `/services/data/v66.0/sobjects/Lead/00Q…`.
fn named_by_url(url: &str) -> Option<NamedRecord> {
    let mut parts = url.rsplit('/');
    let id = record_id::normalise(parts.next()?)?;
    let object = code(parts.next()?)?;
    Some(NamedRecord { object, id })
}

/// DUPLICATE_VALUE names the holder in its text only: "… on record with id: 00Q…".
fn named_in_text(text: &str) -> Option<NamedRecord> {
    let (_, rest) = text.split_once("record with id: ")?;
    let id: String = rest
        .chars()
        .take_while(char::is_ascii_alphanumeric)
        .collect();
    let id = record_id::normalise(&id)?;
    let object = record_id::object_of(&id)?.to_string();
    Some(NamedRecord { object, id })
}

/// DUPLICATES_DETECTED carries the matches as rows somewhere below `duplicateResult` (the name is
/// spelled differently over versions), each with its `attributes`.
fn collect_records(json: &Json, found: &mut Vec<NamedRecord>) {
    if found.len() >= KEPT_MAX {
        return;
    }
    match json {
        Json::Array(entries) => entries
            .iter()
            .for_each(|entry| collect_records(entry, found)),
        Json::Object(entries) => {
            let object = json["attributes"]["type"].as_str().and_then(code);
            let id = json["Id"].as_str().and_then(record_id::normalise);
            if let (Some(object), Some(id)) = (object, id) {
                found.push(NamedRecord { object, id });
            }
            entries
                .values()
                .for_each(|entry| collect_records(entry, found));
        }
        _ => {}
    }
}

fn retry_after(response: &Response) -> Option<Duration> {
    let seconds = response.header("retry-after")?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(status: u16, body: &str) -> Refusal {
        refusal(&Response {
            status,
            headers: vec![("retry-after".into(), "7".into())],
            body: body.as_bytes().to_vec(),
        })
    }

    #[test]
    fn entries_are_read_with_their_fields() {
        let refusal = refused(
            400,
            r#"[{"message":"No such column 'Company_Size__c' on sobject of type Lead",
                 "errorCode":"INVALID_FIELD"},
                {"message":"too long","errorCode":"STRING_TOO_LONG","fields":["Title"]}]"#,
        );
        assert_eq!(
            refusal.to_string(),
            "status 400, INVALID_FIELD, STRING_TOO_LONG"
        );
        assert_eq!(refusal.problems[0].fields, ["Company_Size__c"]);
        assert_eq!(refusal.problems[1].fields, ["Title"]);
        assert_eq!(refusal.retry_after, Some(Duration::from_secs(7)));
    }

    #[test]
    fn candidates_are_read_from_a_300_and_from_a_duplicate() {
        let many = refused(
            300,
            r#"["/services/data/v66.0/sobjects/Lead/00QD000000IqhSLIAZ",
                "/services/data/v66.0/sobjects/Lead/00QD000000IqhSMIAZ"]"#,
        );
        assert_eq!(many.records.len(), 2);
        assert_eq!(many.problems[0].code, "HTTP_300");
        let text =
            "duplicate value found: X__c duplicates value on record with id: 00QD000000IqhSL";
        let entry = serde_json::json!([{"errorCode": "DUPLICATE_VALUE", "message": text}]);
        let value = refused(400, &entry.to_string());
        assert_eq!(value.records[0].object, "Lead");
        let rule = refused(
            400,
            r#"[{"errorCode":"DUPLICATES_DETECTED","message":"Use one of these records?",
                 "duplicateResut":{"matchResults":[{"matchRecords":[{"record":
                 {"attributes":{"type":"Contact"},"Id":"003D000000IqhSLIAZ"}}]}]}}]"#,
        );
        assert_eq!(rule.records[0].object, "Contact");
    }

    #[test]
    fn what_is_not_json_still_has_a_code() {
        assert_eq!(refused(502, "<html>").problems[0].code, "HTTP_502");
        let oauth = refused(400, r#"{"error":"invalid_grant","error_description":"no"}"#);
        assert_eq!(oauth.problems[0].code, "invalid_grant");
    }

    #[test]
    fn the_limit_header_is_read() {
        assert_eq!(limit_info("api-usage=18/5000"), Some((18, 5000)));
        let both = "per-app-api-usage=17/250(appName=x); api-usage=18/5000";
        assert_eq!(limit_info(both), Some((18, 5000)));
        assert_eq!(limit_info("api-usage=?"), None);
    }
}
