//! A simulated org as a state machine: requests, acts and a time go in, answers and a list of
//! changes come out. Pure: no clock, no sockets, no randomness.

#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

mod acting;
mod allocation;
mod changes;
mod conversion;
mod fields;
mod merge;
mod org;
mod query;
mod records;
mod routes;
mod row;
mod sessions;
#[cfg(test)]
mod tests;
mod upsert;

pub use changes::{Change, ChangeType};
pub(crate) use org::{Org, Settings};
