//! Simulators of Intercom and Salesforce that speak the vendors' real protocols over sockets.
//!
//! Each is a pure model (a state machine that takes requests and a time and gives answers and
//! events) with a server around it. Written from the fact sheets; they share no code with the
//! clients they judge. Facts the vendors leave open are named switches: [`intercom::Switches`]
//! and [`salesforce::Switches`].
//!
//! Invariant: nothing here imports another module of the crate.

pub mod clock;
mod control;
mod derive;
mod error;
mod exchange;
pub mod fault;
mod guard;
mod host;
pub mod intercom;
mod listener;
mod moment;
pub mod request_log;
pub mod salesforce;
mod switches;
mod tls;
mod transport;

pub use error::Error;
pub use exchange::Effect;
pub use tls::Tls;
