//! The event log in one SQLite file, for one machine: WAL, full sync, no server.
//!
//! One thread writes, and puts what waits into one transaction with one sync. Reads use
//! connections of their own and never wait for the writer.

mod apply;
mod checkpoint;
mod inspect;
mod layout;
mod log;
mod options;
mod outgoing;
mod place;
mod reader;
mod retention;
mod settled;
mod signal;
mod writer;

pub use inspect::Span;
pub use log::EmbeddedLog;
pub use options::{Options, Retention};
