//! Intercom over REST: one workspace, one access token; and its payloads as snapshots.

pub mod client;
pub mod rate_window;
pub mod snapshot;
pub mod wire;

pub use client::{Client, Listed, NewAttribute, Options, Page};
pub use snapshot::{company_snapshot, contact_snapshot};
