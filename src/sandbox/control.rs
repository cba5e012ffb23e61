//! The control API under `/__sandbox/`: what no vendor call does, the same for both sandboxes.

use serde_json::{Value, json};

use crate::sandbox::exchange::{Answer, Request};
use crate::sandbox::fault::Rule;
use crate::sandbox::guard::lock;
use crate::sandbox::host::{Host, Vendor};

/// Answers a control call; 404 unless control was switched on.
pub(crate) async fn answer<V: Vendor>(host: &Host<V>, path: &str, request: &Request) -> Answer {
    if !host.control {
        return Answer::empty(404);
    }
    let outcome = match shared(host, path, request) {
        Some(outcome) => Some(outcome),
        None => host.vendor.control(request).await,
    };
    match outcome {
        Some(Ok(body)) => Answer::json(200, body),
        Some(Err(reason)) => Answer::json(400, json!({"error": reason})),
        None => {
            let reason = format!("no control call {} /__sandbox/{path}", request.method);
            Answer::json(404, json!({"error": reason}))
        }
    }
}

fn shared<V: Vendor>(
    host: &Host<V>,
    path: &str,
    request: &Request,
) -> Option<Result<Value, String>> {
    let now_ms = host.clock.now_ms();
    Some(match (request.method.as_str(), path) {
        ("GET", "state") => Ok(host.vendor.state(now_ms)),
        ("GET", "requests") => {
            let since = request.number("since").unwrap_or(0);
            serde_json::to_value(host.requests_since(since)).map_err(|error| error.to_string())
        }
        ("POST", "act") => request.json().and_then(|act| host.vendor.act(&act, now_ms)),
        ("POST", "faults") => add_fault(host, request),
        ("GET", "faults") => Ok(lock(&host.faults).list()),
        ("DELETE", "faults") => {
            lock(&host.faults).clear();
            Ok(json!({"cleared": true}))
        }
        ("POST", "clock") => advance(host, request),
        ("POST", "switches") => request
            .json()
            .and_then(|changes| host.vendor.set_switches(&changes)),
        ("POST", "reset") => {
            host.reset();
            Ok(json!({"reset": true}))
        }
        _ => return None,
    })
}

fn add_fault<V: Vendor>(host: &Host<V>, request: &Request) -> Result<Value, String> {
    let rule: Rule = serde_json::from_slice(&request.body).map_err(|error| error.to_string())?;
    host.add_fault(rule)?;
    Ok(lock(&host.faults).list())
}

fn advance<V: Vendor>(host: &Host<V>, request: &Request) -> Result<Value, String> {
    let body = request.json()?;
    let by_ms = body.get("advance_ms").and_then(Value::as_i64);
    let by_ms = by_ms.ok_or("advance_ms must be a whole number")?;
    if by_ms < 0 {
        return Err("time only moves forward: advance_ms must not be negative".to_owned());
    }
    host.clock.advance_ms(by_ms);
    Ok(json!({"now_ms": host.clock.now_ms()}))
}
