//! Webhooks in, observations out. Nothing is acknowledged before it is durable.

pub mod appender;
mod connections;
mod intake;
pub mod intercom;
mod remembered;
pub mod server;
