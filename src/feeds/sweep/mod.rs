//! The sweep of both systems: now and then what was saved in the last while is read again, for the
//! webhooks and events that never came.
//!
//! A window ends some time before now, when whatever was to come has come, so that what a row still
//! has to tell was lost; and it begins before the one before it ended, since a source can show a
//! row late. Windows follow each other without a hole, also over a time in which nothing ran.

mod position;
mod sweeper;

pub use position::Position;
pub use sweeper::{Options, Parts, Sweeper};
