//! Evolve: what each journal event does to the view. Pure, and the only thing that changes it.

#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

pub mod entry;
pub mod bookkeeping;
mod brakes;
pub mod commands;
pub mod decisions;
pub mod edit;
pub mod holds;
pub mod links;
pub mod records;
mod sweeps;
mod tree;
mod walks;

pub use entry::evolve;
