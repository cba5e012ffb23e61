//! The Intercom sink: contacts and companies are read, looked up, created, changed and attached.
//!
//! Beside `plan`, `execute` and `classify`: `write` sends the writes, `create_lead` those without
//! a key, `attributes` makes the custom attributes that a write lacks.

mod attributes;
pub mod classify;
mod create_lead;
pub mod execute;
pub mod plan;
mod write;

pub use execute::{Executor, Settings};
