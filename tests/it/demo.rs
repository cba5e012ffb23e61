//! The demo as a newcomer runs it: it proves that it works, and says so in one JSON object.

use std::path::PathBuf;
use std::process::{Command, Output};

use serde_json::Value;

use crate::brokers::{bootstrap, registry};

const KEYS: [&str; 20] = [
    "observations",
    "journal_events",
    "writes_salesforce",
    "writes_intercom",
    "echoes_suppressed",
    "conflicts",
    "review_items",
    "dead_letters",
    "lost",
    "duplicate_writes",
    "converged",
    "view_digest",
    "rebuild_digest",
    "elapsed_ms",
    "sync_latency_ms_p50",
    "sync_latency_ms_p99",
    "sync_latency_to_intercom_ms_p50",
    "sync_latency_to_intercom_ms_p99",
    "vm_hwm_mb",
    "checks_failed",
];

fn demo(arguments: &[&str], temporary: &PathBuf) -> Output {
    Command::new(env!("CARGO_BIN_EXE_crosswalk"))
        .arg("demo")
        .args(arguments)
        .env("TMPDIR", temporary)
        // What the user has set for real systems must not reach the demo.
        .env("CROSSWALK__SERVER__ADMIN", "not-an-address")
        .env("HTTP_PROXY", "http://127.0.0.1:1")
        .output()
        .unwrap()
}

#[test]
fn the_demo_holds_what_it_promises() {
    holds(&[]);
}

#[test]
fn the_demo_holds_what_it_promises_on_kafka() {
    let (Some(brokers), Some(registry)) = (bootstrap(), registry()) else {
        return;
    };
    holds(&["--kafka", &brokers, "--registry", &registry]);
}

fn holds(more: &[&str]) {
    let temporary = tempfile::tempdir().unwrap();
    let arguments = ["--json", "--contacts", "40", "--edits", "20"];
    let arguments = [&arguments[..], more].concat();
    let output = demo(&arguments, &temporary.path().to_path_buf());
    let story = String::from_utf8_lossy(&output.stderr);
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{story}\n{stdout}");
    let last = stdout.lines().next_back().unwrap();
    let summary: Value = serde_json::from_str(last).unwrap();
    let keys: Vec<&str> = summary
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    assert_eq!(keys, KEYS);
    for name in ["lost", "duplicate_writes"] {
        assert_eq!(summary[name], 0, "{name}");
    }
    let scripted = [("dead_letters", 1), ("review_items", 3), ("conflicts", 2)];
    for (name, count) in scripted {
        assert_eq!(summary[name], count, "{name}");
    }
    for name in ["echoes_suppressed", "writes_salesforce", "writes_intercom"] {
        assert!(summary[name].as_u64() > Some(20), "{name}: {last}");
    }
    assert_eq!(summary["converged"], true);
    assert_eq!(summary["view_digest"], summary["rebuild_digest"]);
    assert_eq!(summary["view_digest"].as_str().unwrap().len(), 64);
    assert_eq!(summary["checks_failed"], serde_json::json!([]));
    for name in ["sync_latency_ms_p50", "sync_latency_to_intercom_ms_p99"] {
        assert!(summary[name].is_f64(), "{name}: {last}");
    }
    let chapters = (1..=20).all(|number| story.contains(&format!("\n{number:>2}. ")));
    assert!(chapters, "a chapter is missing: {story}");
    for told in [
        "160 people stand on both sides",
        "25 companies are their accounts",
        "is killed (SIGKILL), and ready again",
        "holds all 100 titles",
        "keeps \"Director of Engines\"",
        "passes over \"Mathematician\"",
        "1 contact with her address",
    ] {
        assert!(story.contains(told), "{told}: {story}");
    }
    let longest = story.lines().map(|line| line.chars().count()).max();
    assert!(longest <= Some(100), "a line of {longest:?} characters");
    assert!(
        !story.contains('\u{1b}'),
        "colours belong on a terminal only"
    );
    let left: Vec<_> = std::fs::read_dir(temporary.path()).unwrap().collect();
    assert!(left.is_empty(), "something stays behind: {left:?}");
}

#[test]
fn a_demo_that_cannot_begin_says_why_and_keeps_its_folder() {
    let nowhere = tempfile::tempdir().unwrap().path().join("gone");
    let output = demo(&["--json"], &nowhere);
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success());
    assert!(words.contains("cannot make the folder"), "{words}");
    assert!(output.stdout.is_empty());
}
