//! The integration tests, one binary.

mod cli;
mod config;
mod config_refusals;
mod ingest_captured;
mod ingest_door;
mod ingest_fake_log;
mod ingest_goldens;
mod ingest_server;
mod ingest_show;
