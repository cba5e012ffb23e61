//! The mapping: which fields mean the same, who owns them, which way they flow, what makes two
//! records one customer, and when a record is created.
//!
//! `file` is the grammar, `lint` refuses what cannot work, `compile` makes the `Mapping` that the
//! rules use. Pure: a mapping reaches the processor as an observation, never as a file.

#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

pub mod file;
pub mod lint;
pub mod compile;
pub mod condition;
pub mod field;
pub mod transform;
pub mod offer;

pub use compile::{CreateRule, Mapping, MatchBy, Section};
pub use condition::Condition;
pub use field::{FieldMap, System};
pub use offer::{Offer, Sources};
pub use transform::Transform;

#[cfg(test)]
mod tests;
