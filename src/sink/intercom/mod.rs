//! The Intercom sink: reads of contacts and companies; this version writes nothing.

pub mod classify;
pub mod execute;
pub mod plan;

pub use execute::Executor;
