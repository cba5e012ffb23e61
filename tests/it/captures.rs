//! Captured notifications, which are not part of this repository: where they are looked for, and
//! what is said where they are absent.

use std::io::Write;
use std::path::{Path, PathBuf};

/// Beside the repository, or in CROSSWALK_FIXTURES.
pub fn folder() -> PathBuf {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/fixtures");
    let fixtures = std::env::var_os("CROSSWALK_FIXTURES").map_or(beside, PathBuf::from);
    fixtures.join("intercom/webhooks")
}

/// Says that a test skips what needs `absent`; in CI, fails. The harness swallows what a passing
/// test prints with `println!` and `eprintln!`, and a skip that nobody sees looks like a proof.
#[track_caller]
pub fn skipped(absent: &Path) {
    let absent = absent.display();
    let ci = std::env::var("CI").is_ok_and(|ci| ci == "true");
    assert!(!ci, "captured notifications are absent: {absent}");
    // In one piece, for other tests print beside it.
    let line = format!("\nSKIPPED captured notifications: {absent} is absent\n");
    let _ = std::io::stderr().write_all(line.as_bytes());
}
