//! The Pub/Sub API over the model's change events (salesforce.md 1): GetTopic, GetSchema and
//! Subscribe, on a port of its own.

#[cfg(test)]
mod client_proto;
mod proto;
mod refusal;
mod service;
mod subscription;
#[cfg(test)]
mod tests;

pub(super) use service::{Timing, open};
