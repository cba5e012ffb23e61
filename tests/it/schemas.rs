//! The schema files: their form, the map of topics, what was released, examples, goldens.

mod avro_json;
mod compatibility;
mod examples;
mod form;
mod map;
pub mod samples;
mod samples_brakes;
mod samples_customer;
mod samples_journal;

use std::path::PathBuf;

/// A path in this repository.
fn repository(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Whether this run rewrites stored files instead of comparing with them.
fn is_update() -> bool {
    std::env::var_os("UPDATE_GOLDEN").is_some()
}

/// The release that today's schemas will be part of: major and minor of the crate's version.
fn release() -> &'static str {
    let version = env!("CARGO_PKG_VERSION");
    version
        .rsplit_once('.')
        .expect("a version has a patch level")
        .0
}
