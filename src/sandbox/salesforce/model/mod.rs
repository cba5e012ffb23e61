//! A simulated org as a state machine: requests, acts and a time go in, answers and a list of
//! changes come out. Pure: no clock, no sockets, no randomness.

#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

mod access;
mod acting;
mod allocation;
mod arranging;
mod assertion;
mod automation;
mod change_payload;
mod change_schema;
mod changes;
mod collections;
mod conversion;
mod event_acts;
mod event_hazards;
mod event_log;
#[cfg(test)]
mod event_tests;
mod fields;
mod fingerprint;
mod merge;
mod normalise;
mod org;
mod publishing;
mod query;
mod records;
mod routes;
mod row;
mod sessions;
mod simulated;
#[cfg(test)]
mod tests;
mod text_diff;
mod transaction;
mod upsert;

pub(crate) use access::Rights;
pub use changes::{Change, ChangeType};
pub(crate) use event_log::replay_id;
pub use event_log::{ChangeEvent, Topic};
pub(crate) use org::{Org, Settings};
pub use simulated::{Simulated, SimulatedAnswer};
