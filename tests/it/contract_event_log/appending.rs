//! Appends: order, durability, atomicity, keys.

use std::sync::Arc;

use crosswalk::domain::Topic;
use crosswalk::ports::event_log::{Error, Outgoing, Place};

use super::bench::*;

pub fn entries_of_a_partition_keep_their_order(bench: &impl Bench) {
    let log = bench.open();
    log.append((0..50).map(observed).collect()).unwrap();
    for number in 50..60 {
        log.append(vec![observed(number), observed_in(1, number, 0)])
            .unwrap();
    }
    let entries = read_exactly(&*log, OBSERVED, 60);
    let numbers: Vec<u64> = entries.iter().map(number).collect();
    assert_eq!(numbers, (0..60).collect::<Vec<_>>());
    assert!(
        entries
            .windows(2)
            .all(|pair| pair[0].offset < pair[1].offset)
    );
    assert!(
        entries
            .iter()
            .all(|entry| entry.at == OBSERVED && entry.key == "main")
    );
    read_exactly(&*log, at(Topic::IntercomObserved, 1), 10);
}

pub fn appenders_at_once_keep_their_own_order(bench: &impl Bench) {
    let log = bench.open();
    std::thread::scope(|scope| {
        for thread in 0..4u64 {
            let log = &log;
            scope.spawn(move || {
                for place in 0..25 {
                    log.append(vec![observed(thread * 1_000 + place)]).unwrap();
                }
            });
        }
    });
    let numbers = numbers(&*log, OBSERVED, 100);
    for thread in 0..4 {
        let own: Vec<u64> = numbers
            .iter()
            .copied()
            .filter(|n| n / 1_000 == thread)
            .collect();
        assert_eq!(
            own,
            (0..25)
                .map(|place| thread * 1_000 + place)
                .collect::<Vec<_>>()
        );
    }
}

/// As a door for webhooks appends what came together.
pub fn batches_that_are_appended_in_one_call_are_all_there(bench: &impl Bench) {
    let log = bench.open();
    let alone = |number| vec![observed(number)];
    let mut batches: Vec<_> = (0..40).map(alone).collect();
    batches.push(vec![observed(100), observed_in(1, 100, 0)]);
    batches.extend((40..60).map(alone));
    batches.push(Vec::new());
    log.append_all(Arc::new(batches)).unwrap();
    let mut numbers = numbers(&*log, OBSERVED, 61);
    numbers.retain(|number| *number != 100);
    assert_eq!(numbers, (0..60).collect::<Vec<_>>());
    read_exactly(&*log, at(Topic::IntercomObserved, 1), 1);
    // One that does not fit refuses its neighbours.
    let refused = log.append_all(Arc::new(vec![
        alone(200),
        vec![observed_in(2, 1, 0)],
        alone(201),
    ]));
    assert!(matches!(refused, Err(Error::NoPartition { .. })));
    let behind = log.bounds(OBSERVED).unwrap().end;
    assert_eq!(
        log.read(&[from(OBSERVED, behind)], LIMIT, QUIET).unwrap(),
        []
    );
    log.append_all(Arc::new(Vec::new())).unwrap();
    log.append(alone(300)).unwrap();
    let more = read_exactly(&*log, OBSERVED, 62);
    assert_eq!(number(&more[61]), 300, "nothing of what was refused stands");
}

pub fn what_an_append_returned_from_is_there_after_reopening(bench: &impl Bench) {
    for number in 0..5 {
        let log = bench.open();
        log.append(vec![observed(number)]).unwrap();
    }
    assert_eq!(numbers(&*bench.open(), OBSERVED, 5), [0, 1, 2, 3, 4]);
}

pub fn a_batch_with_its_cursor_appears_whole_or_not_at_all(bench: &impl Bench) {
    let log = bench.open();
    log.append(vec![
        observed(1),
        observed_in(1, 1, 0),
        cursor("support", Some(1)),
    ])
    .unwrap();
    bench.fail_next(Mishap::Abort);
    let batch = vec![
        observed(2),
        observed_in(1, 2, 0),
        cursor("support", Some(2)),
    ];
    assert!(matches!(log.append(batch), Err(Error::Append(_))));

    assert_eq!(numbers(&*log, OBSERVED, 1), [1]);
    assert_eq!(numbers(&*log, at(Topic::IntercomObserved, 1), 1), [1]);
    let newest = log.latest(Topic::Cursors, "support").unwrap().unwrap();
    assert_eq!(number(&newest), 1);
}

pub fn one_key_stays_in_one_partition(bench: &impl Bench) {
    let log = bench.open();
    let by_key = |key: &str, number| Outgoing {
        place: Place::ByKey,
        key: key.into(),
        ..observed(number)
    };
    let keys: Vec<String> = (0..20).map(|number| format!("bridge-{number}")).collect();
    for round in 0..3 {
        log.append(keys.iter().map(|key| by_key(key, round)).collect())
            .unwrap();
    }
    let other = at(Topic::IntercomObserved, 1);
    let (mut one, mut two) = (Vec::new(), Vec::new());
    poll_until(|| {
        let both = [from(OBSERVED, after(&one)), from(other, after(&two))];
        for entry in log.read(&both, LIMIT, QUIET).unwrap() {
            let of_its_partition = if entry.at == OBSERVED {
                &mut one
            } else {
                &mut two
            };
            of_its_partition.push(entry);
        }
        one.len() + two.len() == 60
    });
    assert_eq!((one.len() % 3, two.len() % 3), (0, 0));
    assert!(
        one.iter()
            .all(|entry| two.iter().all(|other| entry.key != other.key))
    );
}

pub fn the_newest_of_a_key_is_found_until_its_tombstone(bench: &impl Bench) {
    let log = bench.open();
    assert_eq!(log.latest(Topic::Cursors, "support").unwrap(), None);
    log.append(vec![cursor("support", Some(1)), cursor("other", Some(9))])
        .unwrap();
    log.append(vec![cursor("support", Some(2))]).unwrap();
    let becomes = |key, expected| {
        poll_until(|| {
            let found = log.latest(Topic::Cursors, key).unwrap();
            found.map(|entry| number(&entry)) == expected
        });
    };
    becomes("support", Some(2));
    becomes("other", Some(9));
    becomes("none", None);
    log.append(vec![cursor("support", None)]).unwrap();
    becomes("support", None);
    becomes("other", Some(9));
    log.append(vec![cursor("support", Some(3))]).unwrap();
    becomes("support", Some(3));
}

pub fn messages_and_partitions_that_do_not_fit_are_refused(bench: &impl Bench) {
    let log = bench.open();
    let misplaced = Outgoing {
        topic: Topic::Results,
        ..observed(1)
    };
    assert!(matches!(
        log.append(vec![misplaced]),
        Err(Error::Encode { .. })
    ));
    let tombstone = Outgoing {
        message: None,
        ..observed(1)
    };
    assert!(matches!(
        log.append(vec![tombstone]),
        Err(Error::Encode { .. })
    ));
    let nowhere = observed_in(2, 1, 0);
    assert!(matches!(
        log.append(vec![nowhere]),
        Err(Error::NoPartition { .. })
    ));
    // One entry that does not fit refuses its whole batch.
    assert!(log.append(vec![observed(1), observed_in(2, 1, 0)]).is_err());
    assert_eq!(log.read(&[from(OBSERVED, 0)], LIMIT, QUIET).unwrap(), []);
}
