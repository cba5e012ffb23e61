//! The Salesforce sink: updates, creates by upsert, reads and lookups.

pub mod classify;
pub mod collect;
pub mod execute;
pub mod plan;

pub use execute::Executor;
