//! Who is who: match keys, candidates, and the next step towards a counterpart.
//!
//! Decisions are values; nothing here changes the view.

#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

pub mod keys;
pub mod participation;
pub mod candidates;
pub mod outward;
pub mod pursuit;
