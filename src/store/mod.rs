//! Adapter of the view store port on sled. The layout of the view's keys is the domain's
//! (`domain/view_key.rs`); the one key beside them is in `keys.rs`.

mod directory;
mod keys;
mod sled_store;
mod snapshots;
mod standing;

pub use directory::{Opened, Options};
pub use sled_store::SledStore;
pub use snapshots::SnapshotFolder;
