//! Adapters of the event log port, and every topic, group and header name.

pub mod embedded;
mod headers;
mod murmur2;
pub mod topics;

pub use embedded::{EmbeddedLog, Fault, Faults, Options, Point};
