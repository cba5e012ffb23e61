//! What is pulled instead of pushed: change events and sweeps in, observations and cursors out.
//! No cursor moves before what it covers is durable.

pub mod book;
pub mod import;
mod remembered;
pub mod salesforce;

pub use book::Book;
