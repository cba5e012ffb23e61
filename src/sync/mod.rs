//! What must change where: what moved, what is agreed, what is desired, what is written.
//!
//! Decisions are values; nothing here changes the view.

#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

pub mod moves;
pub mod conflict;
pub mod echo;
pub mod desires;
pub mod writes;
pub mod release;
pub mod revert;
pub mod split;
