//! Salesforce's Pub/Sub API over gRPC: topics, schemas and the subscription to change events.

pub mod change;
pub mod client;
pub mod error;
pub mod proto;
mod refusal;
pub mod subscription;

pub use client::{Client, Options, SchemaText, Topic};
pub use error::{Error, Reaction, Refusal};
pub use subscription::{Batch, Event, Start, Subscription};
