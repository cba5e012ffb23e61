//! One struct per role, validated once at start.

pub mod secret;

pub use secret::Secret;
