//! A process that is killed while it appends: what it was told is durable is there afterwards.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use crosswalk::log::{EmbeddedLog, Options};
use crosswalk::ports::event_log::EventLog;

use super::bench::*;

const PATH: &str = "CROSSWALK_TEST_LOG";
const CHILD: &str = "contract_event_log::embedded_crash::appends_until_killed_when_it_is_the_child";

#[test]
fn appends_until_killed_when_it_is_the_child() {
    let Ok(path) = std::env::var(PATH) else {
        return;
    };
    let log = EmbeddedLog::open(path, Options::default()).unwrap();
    for number in 0..1_000_000 {
        log.append(vec![observed(number), journaled(number)])
            .unwrap();
        println!("\ndurable {number}");
    }
}

#[test]
fn nothing_that_was_acknowledged_is_lost_by_a_kill() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("log.sqlite");
    let mut acknowledged = None;
    for kill in 0..3 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", CHILD, "--nocapture"])
            .env(PATH, &path)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let durable = lines.filter_map(|line| line.ok()?.strip_prefix("durable ")?.parse().ok());
        acknowledged = durable.take(20 + kill * 7).last();
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let last: u64 = acknowledged.expect("the child told of its appends");
    let log = EmbeddedLog::open(&path, Options::default()).unwrap();
    let observed = read_from(&log, from(OBSERVED, 0), last as usize);
    let journaled = read_from(&log, from(JOURNAL, 0), last as usize);
    // Both halves of every batch are there, and nothing that was told is missing.
    assert_eq!(observed.len(), journaled.len());
    let newest = observed.last().map(number).unwrap();
    assert!(
        newest >= last,
        "{last} was acknowledged, {newest} is the newest"
    );
}
