//! Change events: from bare Avro bytes and the writer's schema to what changed, by API name
//! (salesforce.md 2). Pure: bytes in, values out, whatever the bytes are.

#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

pub mod bitmap;
mod canonical;
mod cursor;
pub mod decode;
pub mod flatten;
pub mod header;
mod kind;
pub mod raw;
pub mod schema;
pub mod target;
mod value;

pub use bitmap::{Anomaly, List};
pub use decode::ChangeEvent;
pub use flatten::{Extent, Flat};
pub use header::{ChangeType, Header};
pub use raw::{Raw, Record};
pub use schema::Schema;
pub use target::RecordTarget;
