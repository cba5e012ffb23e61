//! A simulated org as a state machine: requests, acts and a time go in, answers and a list of
//! changes come out. Pure: no clock, no sockets, no randomness.

#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

mod access;
mod acting;
mod allocation;
mod arranging;
mod assertion;
mod automation;
mod changes;
mod collections;
mod conversion;
mod fields;
mod merge;
mod normalise;
mod org;
mod query;
mod records;
mod routes;
mod row;
mod sessions;
#[cfg(test)]
mod tests;
mod transaction;
mod upsert;

pub(crate) use access::Rights;
pub use changes::{Change, ChangeType};
pub(crate) use org::{Org, Settings};
