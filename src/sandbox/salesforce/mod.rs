//! A simulator of Salesforce: its REST API and OAuth token endpoint, over sockets.
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

pub use model::{Change, ChangeType};
pub use options::{Options, Switches, UpsertUpdateStatus};
pub use server::{Handle, start};
