//! The edges as small traits, each with its guarantee written on it.

pub mod clock;
pub mod event_log;
pub mod membership;
pub mod view_questions;
pub mod view_snapshots;
pub mod view_store;
