//! The event log on Apache Kafka: durable appends, transactions, and leases by transactional id.
//!
//! A lease is the right to use one transactional id. Acquiring it is `init_transactions`, which
//! fences whoever held it and ends what the predecessor left open. Positions are committed with the
//! outputs; whoever reads, reads committed entries only.

mod anchor;
mod compacted;
mod connect;
mod frames;
mod lease;
mod left_open;
mod log;
mod look;
mod member;
mod offsets;
mod options;
mod producer;
mod reader;
mod refusal;
pub mod registry;
mod restore;
pub mod topics;

pub use log::KafkaLog;
pub use options::{Options, Refused};
pub use restore::Restore;
