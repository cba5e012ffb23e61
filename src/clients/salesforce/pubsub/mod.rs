//! Salesforce's Pub/Sub API over gRPC: topics, schemas and the subscription to change events.

pub mod change;
pub mod proto;
