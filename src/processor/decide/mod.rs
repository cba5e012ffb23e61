//! Decide: what an observation, or a deadline, means. Pure; every outcome is an event or a trace
//! line that says why there is none.

#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

pub mod observation;
pub mod observed;
pub mod feed;
pub mod fold;
pub mod agree;
pub mod merge;
pub mod overwrite;
pub mod owner;
pub mod convert;
pub mod source_merge;
pub mod first_link;
pub mod review;
pub mod pursue;
pub mod shared;
pub mod link;
pub mod unlink;
pub mod create;
pub mod brake;
pub mod mass_change;
pub mod outward;
pub mod reconcile;
pub mod relation;
pub mod request;
pub mod shadow;
pub mod revert;
pub mod settle;
pub mod settle_lookup;
pub mod settle_read;
pub mod holds;
pub mod pause;
pub mod due;
mod sweep;
pub mod tree;
pub mod walk;

pub use brake::Brakes;
pub use observation::{Terms, Timing, decide};
