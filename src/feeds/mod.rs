//! What is pulled instead of pushed: change events and sweeps in, observations and cursors out.
//! No cursor moves before what it covers is durable.

pub mod book;
pub mod import;
pub mod pages;
mod pause;
mod remembered;
mod rows;
pub mod salesforce;
pub mod sweep;

pub use book::Book;
