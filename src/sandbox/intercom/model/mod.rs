//! A simulated workspace as a state machine: requests, acts and a time go in, answers and
//! notifications come out. Pure: no clock, no sockets, no randomness.

#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

mod acting;
mod attributes;
mod companies;
mod company;
pub(crate) mod contact;
mod contact_lists;
mod contact_reads;
mod contacts;
mod conversation;
mod life_cycle;
mod merge;
mod notification;
pub(crate) mod paging;
mod problem;
mod rate_window;
mod routes;
mod simulated;
mod tags;
#[cfg(test)]
mod tests;
mod workspace;

pub(crate) use notification::Notification;
pub(crate) use problem::Problem;
pub use simulated::{Posted, Simulated, SimulatedAnswer};
pub(crate) use workspace::{Settings, Workspace};
