//! The embedded log: the whole contract, and what only it promises.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use crosswalk::domain::{Timestamp, Topic};
use crosswalk::log::embedded::Retention;
use crosswalk::log::topics::{Partitions, spec};
use crosswalk::log::{EmbeddedLog, Options};
use crosswalk::ports::clock::Clock;
use crosswalk::ports::event_log::{Commit, Error, EventLog, Group, TopicPartition};

use super::bench::*;

crate::contract_event_log::whole_contract!(Some(Embedded::new()));

pub struct Embedded {
    directory: tempfile::TempDir,
    next: Arc<Next>,
}

impl Embedded {
    pub fn new() -> Self {
        Self {
            directory: tempfile::tempdir().unwrap(),
            next: Arc::default(),
        }
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("log.sqlite")
    }

    fn options(&self) -> Options {
        Options {
            partitions: Some(TWO),
            faults: Some(self.next.clone()),
            ..Options::default()
        }
    }

    fn log(&self) -> EmbeddedLog {
        EmbeddedLog::open(self.path(), self.options()).unwrap()
    }
}

impl Bench for Embedded {
    fn open(&self) -> Box<dyn EventLog> {
        Box::new(self.log())
    }

    fn fail_next(&self, how: Mishap) {
        self.next.set(how);
    }

    fn plant(&self, at: TopicPartition, bytes: &[u8]) {
        self.log()
            .append(vec![observed_in(at.partition, 0, 0)])
            .unwrap();
        let conn = rusqlite::Connection::open(self.path()).unwrap();
        let slot = i64::from(spec(at.topic).number) << 12 | i64::from(at.partition);
        let sql = "UPDATE entries SET value = ?1
            WHERE place = (SELECT max(place) FROM entries WHERE place >> 44 = ?2)";
        assert_eq!(
            conn.execute(sql, rusqlite::params![bytes, slot]).unwrap(),
            1
        );
    }
}

#[test]
fn a_reader_in_another_process_sees_what_is_committed() {
    let bench = Embedded::new();
    let (writer, reader) = (bench.log(), bench.log());
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let entries = reader.read(&[from(OBSERVED, 0)], LIMIT, PATIENCE).unwrap();
            (entries.len(), Instant::now())
        });
        std::thread::sleep(Duration::from_millis(60));
        writer.append(vec![observed(1)]).unwrap();
        let appended = Instant::now();
        let (count, seen) = reader.join().unwrap();
        assert_eq!(count, 1);
        let late = seen.saturating_duration_since(appended);
        assert!(late < Duration::from_secs(2), "it was seen {late:?} later");
    });
}

#[test]
fn partition_counts_grow_and_never_shrink() {
    let bench = Embedded::new();
    drop(bench.log());
    let open = |partitions| {
        let options = Options {
            partitions,
            ..Options::default()
        };
        EmbeddedLog::open(bench.path(), options)
    };
    assert_eq!(open(None).unwrap().partitions(), TWO);
    let three = Partitions {
        bridges: 3,
        lanes: 2,
    };
    assert_eq!(open(Some(three)).unwrap().partitions(), three);
    let refused = open(Some(TWO)).unwrap_err().to_string();
    assert!(refused.contains("counts only grow"), "{refused}");
}

#[test]
fn a_missing_file_is_made_only_on_request() {
    let bench = Embedded::new();
    let options = Options {
        create: false,
        ..Options::default()
    };
    let refused = EmbeddedLog::open(bench.path(), options).unwrap_err();
    assert!(matches!(refused, Error::Open(_)), "{refused}");
}

#[test]
fn headers_are_those_of_cloud_events() {
    let bench = Embedded::new();
    let log = bench.log();
    log.append(vec![journaled(3)]).unwrap();
    let headers: BTreeMap<_, _> = log.headers(JOURNAL, 0).unwrap().into_iter().collect();
    assert_eq!(headers["ce_specversion"], "1.0");
    assert_eq!(headers["ce_source"], "/crosswalk/main");
    assert_eq!(headers["ce_type"], "crosswalk.journal.v1/time_advanced");
    assert_eq!(headers["content-type"], "application/avro");
    assert!(headers["ce_id"].starts_with("evt_"));
}

#[derive(Default)]
struct Hand(AtomicI64);

impl Clock for Hand {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::SeqCst))
    }
}

#[test]
fn old_entries_go_once_every_group_has_taken_them_and_kept_topics_stay() {
    let bench = Embedded::new();
    let clock = Arc::new(Hand::default());
    let options = Options {
        clock: clock.clone(),
        retention: Retention {
            entries_per_pass_max: 4,
            ..Retention::default()
        },
        ..bench.options()
    };
    let log = EmbeddedLog::open(bench.path(), options).unwrap();
    let batch = (0..10).flat_map(|n| [observed(n), journaled(n), cursor("support", Some(n))]);
    log.append(batch.collect()).unwrap();
    let day = 24 * 3600 * 1000;
    clock.0.store(31 * day, Ordering::SeqCst);
    log.append(vec![observed(10)]).unwrap();

    // Nobody has taken an observation yet: only superseded cursors go, four in a pass.
    assert_eq!((log.trim().unwrap(), log.trim().unwrap()), (4, 4));
    assert_eq!((log.trim().unwrap(), log.trim().unwrap()), (1, 0));
    assert_eq!(log.span(OBSERVED).unwrap().start, 0);

    let lease = log.acquire(Group::Processor, 0).unwrap();
    assert!(committed(&log.commit(&lease, vec![], &[(OBSERVED, 6)])));
    assert_eq!((log.trim().unwrap(), log.trim().unwrap()), (4, 2));
    assert_eq!(log.trim().unwrap(), 0);
    let span = log.span(OBSERVED).unwrap();
    assert_eq!((span.start, span.end), (6, 11));

    // What is young stays, taken or not.
    assert!(committed(&log.commit(&lease, vec![], &[(OBSERVED, 11)])));
    while log.trim().unwrap() > 0 {}
    assert_eq!(numbers(&log, OBSERVED, 1), [10]);
    assert_eq!(log.span(JOURNAL).unwrap().start, 0);
    let newest = log.latest(Topic::Cursors, "support").unwrap().unwrap();
    assert_eq!(number(&newest), 9);
    // Offsets go on after everything was removed.
    clock.0.store(90 * day, Ordering::SeqCst);
    assert_eq!(log.trim().unwrap(), 1);
    log.append(vec![observed(11)]).unwrap();
    assert_eq!(log.span(OBSERVED).unwrap().start, 11);
}

#[test]
fn a_partition_over_its_bytes_loses_the_oldest_first() {
    let bench = Embedded::new();
    let options = Options {
        retention: Retention {
            bytes_max: 10_000,
            ..Retention::default()
        },
        ..bench.options()
    };
    let log = EmbeddedLog::open(bench.path(), options).unwrap();
    log.append((0..8).map(|n| observed_in(0, n, 4_000)).collect())
        .unwrap();
    let lease = log.acquire(Group::Processor, 0).unwrap();
    assert!(committed(&log.commit(&lease, vec![], &[(OBSERVED, 8)])));
    log.trim().unwrap();
    let span = log.span(OBSERVED).unwrap();
    assert!(span.bytes <= 10_000 && span.end == 8, "{span:?}");
    assert_eq!(numbers(&log, OBSERVED, 2), [6, 7]);
}

#[test]
fn what_is_committed_together_is_read_together() {
    let bench = Embedded::new();
    let log = bench.log();
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            for number in 0..200 {
                log.append(vec![observed(number), journaled(number)])
                    .unwrap();
            }
        });
        while !writer.is_finished() {
            let both = [from(OBSERVED, 0), from(JOURNAL, 0)];
            let entries = log.read(&both, LIMIT, QUIET).unwrap();
            let observed = entries.iter().filter(|e| e.at == OBSERVED).count();
            assert_eq!(observed * 2, entries.len());
        }
    });
}

#[test]
fn appends_that_wait_share_a_sync() {
    let bench = Embedded::new();
    let log = bench.log();
    let timed = |threads: u64| {
        let started = Instant::now();
        std::thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| (0..20).for_each(|n| log.append(vec![observed(n)]).unwrap()));
            }
        });
        started.elapsed()
    };
    timed(1);
    let (one, many) = (timed(1), timed(16));
    assert!(
        many < one * 12 + PATIENCE / 10,
        "16 appenders took {many:?}, one took {one:?}"
    );
}

fn committed(commit: &Commit) -> bool {
    matches!(commit, Commit::Committed { .. })
}

/// Commits wake readers of the same process at once. Without that they would still find them, by
/// asking every 25 ms, and half of them would wait for more than twelve.
#[test]
fn readers_are_woken_by_the_commit_and_not_by_their_next_look() {
    let bench = Embedded::new();
    let log = bench.log();
    let (seen, told) = std::sync::mpsc::sync_channel(1);
    let mut waits = std::thread::scope(|scope| {
        let log = &log;
        scope.spawn(move || {
            for number in 0..61 {
                log.read(&[from(OBSERVED, number)], LIMIT, PATIENCE)
                    .unwrap();
                seen.send(Instant::now()).unwrap();
            }
        });
        let wait = |number| {
            std::thread::sleep(Duration::from_millis(7));
            let started = Instant::now();
            log.append(vec![observed(number)]).unwrap();
            told.recv().unwrap().saturating_duration_since(started)
        };
        (0..61).map(wait).collect::<Vec<_>>()
    });
    waits.sort();
    assert!(
        waits[30] < Duration::from_millis(10),
        "half took more than {:?}",
        waits[30]
    );
}

/// Found by a storm: small commits write whole pages, and the file beside the log had reached
/// 430 MB when 4 MB of entries had not yet been written.
#[test]
fn many_small_commits_leave_a_small_file_beside_the_log() {
    let embedded = Embedded::new();
    let log = embedded.log();
    for number in 0..3_000 {
        let entries = (0..4).map(|more| observed_in(0, 4 * number + more, 100));
        log.append(entries.collect()).unwrap();
    }
    let beside = embedded.directory.path().join("log.sqlite-wal");
    let size = std::fs::metadata(&beside).unwrap().len();
    assert!(size < 48 << 20, "{} MB", size >> 20);
}
