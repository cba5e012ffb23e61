//! The integration tests, one binary: each file asks one question of the whole crate or its tree.
#![allow(
    clippy::unwrap_used,
    reason = "a test that meets an error it did not expect should stop"
)]

mod sink_clients;
mod sink_disposition;
mod sink_log;
mod sink_remote;
mod sink_requests;
mod sink_snapshots;
mod sink_worker;
