//! A log in front of which a spool stands: what is appended while the brokers take nothing waits on
//! this disk, in order, and is appended when they are back.

mod file;
mod log;

pub use file::{Error, File, Full, Spooled};
pub use log::{Options, SpoolingLog};
