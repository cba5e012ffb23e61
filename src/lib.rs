//! crosswalk: joins Intercom and Salesforce, event-sourced. The modules in reading order:
//!
//! ```text
//! webhooks ─► ingest ─► observed topics ─► processor ─► writes topics ─► sink ─► Salesforce
//!                            ▲             decide, journal,    │          │      Intercom
//!                            │             evolve, project     │          │
//!                            └──────────── results ◄───────────┴──────────┘
//! ```
//!
//! `domain` holds the words, `mapping` what the user asked for, `identity` and `sync` the pure
//! decisions, `processor` the loop around them. `ports` are the edges; `log` and `store` their
//! adapters. `ingest`, `sink` and `clients` speak with the remote systems, `sandbox` plays them.

pub mod avro;
pub mod clients;
pub mod config;
pub mod domain;
pub mod feeds;
pub mod identity;
pub mod ingest;
pub mod log;
pub mod mapping;
pub mod ports;
pub mod processor;
pub mod sandbox;
pub mod sim;
pub mod sink;
pub mod store;
pub mod sync;
pub mod telemetry;
