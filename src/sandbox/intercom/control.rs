//! Control calls and acts that only the Intercom sandbox has: they concern deliveries.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::sandbox::exchange::Request;
use crate::sandbox::intercom::delivery::Courier;
use crate::sandbox::intercom::signature::Seal;

/// Answers `deliveries` and `webhook`; `None` for a call that does not exist.
pub(crate) async fn answer(
    courier: &Arc<Courier>,
    request: &Request,
) -> Option<Result<Value, String>> {
    match (request.method.as_str(), request.path.as_str()) {
        ("GET", "/__sandbox/deliveries") => {
            let since = request.number("since").unwrap_or(0);
            Some(serde_json::to_value(courier.since(since)).map_err(|error| error.to_string()))
        }
        ("POST", "/__sandbox/webhook") => Some(point_at(courier, request).await),
        _ => None,
    }
}

async fn point_at(courier: &Arc<Courier>, request: &Request) -> Result<Value, String> {
    let body = request.json()?;
    let url = body
        .get("url")
        .and_then(Value::as_str)
        .ok_or("url must be a text")?;
    let check = body.get("check").and_then(Value::as_bool).unwrap_or(true);
    courier
        .point_at(url, check)
        .await
        .map_err(|error| error.to_string())?;
    Ok(json!({"url": url}))
}

/// Acts on deliveries; `None` if the verb is not about them.
pub(crate) fn act(courier: &Arc<Courier>, act: &Value) -> Option<Result<Value, String>> {
    let verb = act.get("verb").and_then(Value::as_str).unwrap_or_default();
    Some(match verb {
        "send_raw" => send_raw(courier, act),
        "redeliver" => redeliver(courier, act),
        "hold_deliveries" => {
            courier.hold(act.get("on").and_then(Value::as_bool).unwrap_or(true));
            Ok(json!({"id": null, "notifications": []}))
        }
        "release_deliveries" => {
            let order = act.get("order").cloned().unwrap_or(Value::Null);
            let keep = act.get("keep_holding").and_then(Value::as_bool) == Some(true);
            let released = times(act).and_then(|times| courier.release(&order, times, keep));
            released.map(|ids| json!({"id": null, "notifications": ids}))
        }
        _ => return None,
    })
}

fn redeliver(courier: &Arc<Courier>, act: &Value) -> Result<Value, String> {
    let id = act.get("notification_id").and_then(Value::as_str);
    let id = id.ok_or("notification_id must be a text")?;
    courier.redeliver(id, times(act)?)?;
    Ok(json!({"id": id, "notifications": [id]}))
}

fn send_raw(courier: &Arc<Courier>, act: &Value) -> Result<Value, String> {
    let body = match act.get("body") {
        Some(Value::String(text)) => text.clone().into_bytes(),
        Some(other) => other.to_string().into_bytes(),
        None => return Err("body is missing".to_owned()),
    };
    let seal = match act
        .get("signature")
        .and_then(Value::as_str)
        .unwrap_or("valid")
    {
        "valid" => Seal::Valid,
        "none" => Seal::Missing,
        "bad" => Seal::Bad,
        other => return Err(format!("signature must be valid, none or bad, not {other}")),
    };
    let id = courier.send_raw(body, seal)?;
    Ok(json!({"id": id, "notifications": [id]}))
}

fn times(act: &Value) -> Result<usize, String> {
    match act.get("times") {
        None | Some(Value::Null) => Ok(1),
        Some(times) => {
            let times = times.as_u64().and_then(|times| usize::try_from(times).ok());
            times.ok_or_else(|| "times must be a whole number".to_owned())
        }
    }
}
