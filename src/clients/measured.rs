//! Every request of both clients passes here and is counted and timed.

use std::time::Instant;

use crate::clients::error::Error;
use crate::clients::system::System;
use crate::clients::transport::{Request, Response, Transport};
use crate::telemetry::metrics;

pub async fn send(
    transport: &dyn Transport,
    system: System,
    request: Request,
) -> Result<Response, Error> {
    let method = request.method.as_str();
    let started = Instant::now();
    let answer = transport.send(request).await;
    let status = match &answer {
        Ok(response) => response.status.to_string(),
        Err(_) => "no_answer".into(),
    };
    let labels = [system.as_str(), method, &status];
    metrics().requests_total.with_label_values(&labels).inc();
    metrics()
        .request_duration_seconds
        .with_label_values(&[system.as_str()])
        .observe(started.elapsed().as_secs_f64());
    Ok(answer?)
}

/// Counts a call over gRPC by its own name and status; streams count when they open and fail.
pub fn count(system: System, method: &'static str, status: tonic::Code) {
    let status = format!("{status:?}");
    let labels = [system.as_str(), method, &status];
    metrics().requests_total.with_label_values(&labels).inc();
}

/// Counts a write to Salesforce by the rows it carries.
pub fn set_rows(rows: usize) {
    metrics().salesforce_rows_per_request.observe(rows as f64);
}

/// Records the calls used and allowed, as the remote last said.
pub fn set_api_calls(system: System, used: i64, allowed: i64) {
    let gauge = &metrics().api_calls;
    gauge
        .with_label_values(&[system.as_str(), "used"])
        .set(used);
    gauge
        .with_label_values(&[system.as_str(), "allowed"])
        .set(allowed);
}
