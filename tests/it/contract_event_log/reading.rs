//! Reads: waiting, limits, merging, bytes that are no message.

use std::time::{Duration, Instant};

use crosswalk::domain::Topic;
use crosswalk::ports::event_log::{EntryBody, ReadLimit};

use super::bench::*;

pub fn a_waiting_reader_is_woken_by_an_append(bench: &impl Bench) {
    let log = bench.open();
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let started = Instant::now();
            let entries = log.read(&[from(OBSERVED, 0)], LIMIT, PATIENCE).unwrap();
            (entries, started.elapsed())
        });
        std::thread::sleep(Duration::from_millis(50));
        log.append(vec![observed(1)]).unwrap();
        let (entries, waited) = reader.join().unwrap();
        assert_eq!(entries.iter().map(number).collect::<Vec<_>>(), [1]);
        assert!(waited < PATIENCE, "it waited {waited:?}");
    });
}

pub fn a_read_without_entries_ends_empty_when_its_time_is_over(bench: &impl Bench) {
    let log = bench.open();
    let started = Instant::now();
    assert_eq!(log.read(&[from(OBSERVED, 0)], LIMIT, QUIET).unwrap(), []);
    assert!(started.elapsed() >= QUIET && started.elapsed() < PATIENCE);
    assert_eq!(
        log.read(&[from(OBSERVED, 0)], LIMIT, Duration::ZERO)
            .unwrap(),
        []
    );
    assert_eq!(log.read(&[], LIMIT, Duration::ZERO).unwrap(), []);
}

pub fn a_read_stays_within_its_limits_but_returns_at_least_one(bench: &impl Bench) {
    let log = bench.open();
    log.append((0..5).map(|n| observed_in(0, n, 4_000)).collect())
        .unwrap();
    read_exactly(&*log, OBSERVED, 5);
    let read = |entries_max, bytes_max| {
        let limit = ReadLimit {
            entries_max,
            bytes_max,
        };
        log.read(&[from(OBSERVED, 0)], limit, QUIET).unwrap().len()
    };
    assert_eq!(read(2, usize::MAX), 2);
    assert_eq!(read(100, 9_000), 2);
    assert_eq!(read(100, 1), 1);
    assert_eq!(read(100, usize::MAX), 5);
}

pub fn inputs_are_merged_in_the_order_they_were_named(bench: &impl Bench) {
    let log = bench.open();
    log.append(vec![observed(1), journaled(2), observed(3)])
        .unwrap();
    read_exactly(&*log, OBSERVED, 2);
    read_exactly(&*log, JOURNAL, 1);
    let both = [from(JOURNAL, 0), from(OBSERVED, 0)];
    let entries = log.read(&both, LIMIT, QUIET).unwrap();
    assert_eq!(entries.iter().map(number).collect::<Vec<_>>(), [2, 1, 3]);
}

pub fn bytes_that_nobody_can_read_come_as_undecodable(bench: &impl Bench) {
    let log = bench.open();
    log.append(vec![observed(1)]).unwrap();
    bench.plant(OBSERVED, b"{\"not\":\"ours\"}");
    log.append(vec![observed(2)]).unwrap();
    let entries = read_exactly(&*log, OBSERVED, 3);
    let EntryBody::Undecodable { bytes, reason } = &entries[1].body else {
        panic!("it was read as {:?}", entries[1].body);
    };
    assert_eq!(bytes, b"{\"not\":\"ours\"}");
    assert!(!reason.is_empty());
    // Asked for the value alone, the log says the same.
    let again = log.decode(OBSERVED.topic, bytes).unwrap();
    assert_eq!(again, entries[1].body);
    assert_eq!((number(&entries[0]), number(&entries[2])), (1, 2));
    let elsewhere = at(Topic::IntercomObserved, 1);
    assert_eq!(log.read(&[from(elsewhere, 0)], LIMIT, QUIET).unwrap(), []);
}
