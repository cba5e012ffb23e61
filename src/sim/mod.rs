//! The deterministic simulation: the pure step between both sandbox models, in virtual time, from
//! one seed. Everything that can go wrong on the way does; a naive checker says whether what
//! should hold did.

mod actors;
pub mod checker;
mod crossing;
mod edges;
mod executions;
mod history;
mod import;
mod mapping;
mod operator;
mod faults;
mod pipeline;
mod prng;
mod remotes;
mod sinks;
mod sweep;
mod store;
pub mod world;
mod wire;

pub use faults::Faults;
pub use world::{Options, Story, run};
