//! What others captured from the vendors, which is not part of this repository: where it is looked
//! for, and what is said where it is absent.

use std::io::Write;
use std::path::{Path, PathBuf};

/// Intercom's notifications: beside the repository, or in CROSSWALK_FIXTURES.
pub fn folder() -> PathBuf {
    fixtures().join("intercom/webhooks")
}

/// Salesforce's change events and their schemas.
pub fn change_events() -> PathBuf {
    fixtures().join("salesforce")
}

/// Intercom's own description of its API.
pub fn intercom_openapi() -> PathBuf {
    fixtures().join("intercom/openapi-2.16.yaml")
}

fn fixtures() -> PathBuf {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/fixtures");
    std::env::var_os("CROSSWALK_FIXTURES").map_or(beside, PathBuf::from)
}

/// Says that a test skips what needs `absent`; in CI, fails. The harness swallows what a passing
/// test prints with `println!` and `eprintln!`, and a skip that nobody sees looks like a proof.
#[track_caller]
pub fn skipped(absent: &Path) {
    let absent = absent.display();
    let ci = std::env::var("CI").is_ok_and(|ci| ci == "true");
    assert!(!ci, "captured material is absent: {absent}");
    // In one piece, for other tests print beside it.
    let line = format!("\nSKIPPED captured material: {absent} is absent\n");
    let _ = std::io::stderr().write_all(line.as_bytes());
}
