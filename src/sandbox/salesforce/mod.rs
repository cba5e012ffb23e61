//! A simulator of Salesforce: its REST API, OAuth token endpoint and Pub/Sub API, over sockets.
//! [`Simulated`] is the same org without sockets.
//!
//! [`start`] opens it; the [`Handle`] lets a script act as a person, make faults and read what
//! happened. Acts are listed in [`acts`], facts the vendor leaves open in [`Switches`].

pub mod acts;
mod control;
mod describe;
mod errors;
mod ids;
mod model;
mod objects;
mod options;
mod pubsub;
mod schema;
mod server;
mod soql;
#[cfg(test)]
mod tests;

pub use model::{Change, ChangeEvent, ChangeType, Simulated, SimulatedAnswer, Topic};
pub use options::{Options, Switches, UpsertUpdateStatus};
pub use server::{Handle, start};
