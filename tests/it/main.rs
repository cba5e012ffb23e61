//! The integration tests, one binary: each file asks one question of the whole crate or its tree.
#![allow(
    clippy::unwrap_used,
    reason = "a test that meets an error it did not expect should stop"
)]

mod bridge;
mod brokers;
mod captures;
mod change_events;
mod cli;
mod cli_check;
mod cli_review;
mod config;
mod config_refusals;
mod contract_event_log;
mod contract_view_store;
mod credentials;
mod dead_letters;
mod dead_letters_settled;
mod demo;
mod docs_examples;
mod driver;
mod feed_over_grpc;
mod feed_owners;
mod feeds;
mod feeds_world;
mod fuzz_corpus;
mod import;
mod ingest_captured;
mod ingest_door;
mod ingest_fake_log;
mod ingest_goldens;
mod ingest_server;
mod ingest_show;
mod installation;
mod kafka_members;
mod kafka_outage;
mod kafka_run;
mod lag;
mod log_moved;
mod mapping_command;
mod public_clients;
mod pubsub;
mod registry;
mod salesforce_session;
mod schemas;
mod sink_ahead;
mod sink_clients;
mod sink_collections;
mod sink_disposition;
mod sink_intercom;
mod sink_intercom_attributes;
mod sink_intercom_requests;
mod sink_log;
mod sink_org;
mod sink_pace;
mod sink_remote;
mod sink_requests;
mod sink_resting;
mod sink_sandbox;
mod sink_snapshots;
mod sink_worker;
mod spool;
mod storm;
mod sweeps;
mod tidy;
mod view_damaged;
