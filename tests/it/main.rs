//! The integration tests, one binary.

mod config;
mod ingest_captured;
mod ingest_fake_log;
mod ingest_goldens;
mod ingest_server;
mod ingest_show;
