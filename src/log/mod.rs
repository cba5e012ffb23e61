//! Adapters of the event log port, and every topic, group and header name.

pub mod embedded;
mod encoded;
mod faults;
mod headers;
pub mod kafka;
pub mod spool;
mod murmur2;
pub mod topics;
pub mod transfer;

pub use embedded::{EmbeddedLog, Options};
pub use faults::{Fault, Faults, Point};
pub use kafka::KafkaLog;
