//! Domain to wire and back: Avro records by hand, older schemas, framing.
//!
//! Domain types know nothing of Avro and derive nothing for it. Bytes of an older schema are
//! brought into today's shape first (`resolve`), so that one reader per record is enough.

#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

mod error;
mod wire;
#[macro_use]
mod builder;
mod scalar;

mod command;
mod cursor;
mod customer;
mod dead_letter;
mod decision;
mod envelope;
mod journal;
mod notification;
mod observed;
mod record;
mod result;
mod trace;

mod codec;
pub mod files;
mod framing;
pub mod released;
mod resolve;
pub mod schemas;

#[cfg(test)]
mod arbitrary;
#[cfg(test)]
mod arbitrary_customer;
#[cfg(test)]
mod arbitrary_event;
#[cfg(test)]
mod tests;

pub use codec::{decode, decode_datum, encode, encode_registered, fingerprint, fits, schema};
pub use error::Error;
pub use framing::Framing;
pub use schemas::Subject;
