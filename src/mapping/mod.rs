//! The mapping: which fields mean the same, who owns them, which way they flow, what makes two
//! records one customer, and when a record is created.
//!
//! `file` is the grammar, `read` its reader, `lint` what a refusal says; `compile` and its parts
//! make the `Mapping` that the rules use, or refuse what cannot work. Pure: a mapping reaches the
//! processor as an observation, never as a file.

#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

pub mod file;
mod read;
pub mod lint;
mod names;
mod writable;
pub mod compile;
mod compile_relations;
mod compile_section;
mod compile_match;
mod compile_part;
mod compile_field;
mod compile_transform;
mod compile_set;
mod compile_text;
mod compile_owners;
mod compile_flows;
mod compile_create;
mod compile_create_intercom;
mod depth;
mod expression;
pub mod condition;
pub mod field;
pub mod identifier;
mod moment;
pub mod number;
mod phone;
pub mod set;
pub mod country;
mod html;
pub mod owners;
pub mod transform;
pub mod offer;
pub mod schema;
pub mod sheet;
pub mod warn;

pub use compile::{CreateInIntercom, CreateRule, MARKER, Mapping, MatchBy, Relations, Section};
pub use compile_part::{Include, Pilot, Scope, Sharing, sharing};
pub use condition::Condition;
pub use field::{Ambiguous, Blank, Conflict, Direction, FieldMap, OnFirstLink, System};
pub use identifier::{Form, Protection};
pub use offer::{Offer, Sources};
pub use transform::{Band, Refusal, Transform, Unknown};
pub use writable::is_writable_in_intercom;

/// The mapping that a new user begins with: every field of the handbook's example.
pub const DEFAULT: &str = include_str!("default.yaml");

#[cfg(test)]
mod tests;
