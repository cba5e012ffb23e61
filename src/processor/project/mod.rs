//! Project: what leaves for other topics because of a journal event. Pure: nothing leaves that the
//! journal does not hold.

#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

pub mod account;
pub mod effects;
pub mod history;
pub mod profile;

pub use effects::project;
