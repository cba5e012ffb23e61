//! A simulator of Intercom: its REST API and its webhooks, over sockets. [`Simulated`] is the same
//! workspace without sockets.
//!
//! [`start`] opens it; the [`Handle`] lets a script act as a person, make faults and read what
//! happened. Acts are listed in [`acts`], facts the vendor leaves open in [`Switches`].

pub mod acts;
mod control;
mod delivery;
mod delivery_log;
mod model;
mod options;
mod search;
mod server;
mod shelf;
mod signature;
#[cfg(test)]
mod tests;

pub use delivery_log::{Delivery, Outcome};
pub use model::{Posted, Simulated, SimulatedAnswer};
pub use options::{MergedReads, Options, Switches, WebhookTimestamps};
pub use server::{Handle, start};
