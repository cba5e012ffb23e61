//! Commits: outputs and positions as one step, and what follows its three outcomes.

use crosswalk::domain::Topic;
use crosswalk::ports::event_log::{Commit, Group};

use super::bench::*;

pub fn outputs_and_positions_are_committed_together(bench: &impl Bench) {
    let log = bench.open();
    log.append(vec![observed(1), observed(2)]).unwrap();
    let next = after(&read_exactly(&*log, OBSERVED, 2));
    let lease = log.acquire(Group::Processor, 0).unwrap();
    assert_eq!(lease.positions.get(&Topic::IntercomObserved), Some(&0));
    let outputs = vec![journaled(0), journaled(1)];
    assert!(committed(&log.commit(&lease, outputs, &[(OBSERVED, next)])));

    assert_eq!(numbers(&*log, JOURNAL, 2), [0, 1]);
    let again = log.acquire(Group::Processor, 0).unwrap();
    assert_eq!(again.positions.get(&Topic::IntercomObserved), Some(&next));
}

pub fn outputs_of_an_aborted_commit_are_never_seen(bench: &impl Bench) {
    let log = bench.open();
    let lease = log.acquire(Group::Processor, 0).unwrap();
    bench.fail_next(Mishap::Abort);
    let ended = log.commit(&lease, vec![journaled(0)], &[(OBSERVED, 5)]);
    assert!(
        matches!(ended, Commit::Aborted { fenced: false, .. }),
        "{ended:?}"
    );
    assert_eq!(log.read(&[from(JOURNAL, 0)], LIMIT, QUIET).unwrap(), []);

    // A commit after it shows its own outputs only.
    assert!(committed(&log.commit(&lease, vec![journaled(7)], &[])));
    assert_eq!(numbers(&*log, JOURNAL, 1), [7]);
    let again = log.acquire(Group::Processor, 0).unwrap();
    assert_eq!(again.positions.get(&Topic::IntercomObserved), Some(&0));
}

pub fn after_an_abort_the_same_entries_are_read_again(bench: &impl Bench) {
    let log = bench.open();
    log.append((0..10).map(observed).collect()).unwrap();
    let lease = log.acquire(Group::Processor, 0).unwrap();
    let first = read_from(&*log, from(OBSERVED, 0), 10);
    bench.fail_next(Mishap::Abort);
    let positions = [(OBSERVED, after(&first))];
    let ended = log.commit(&lease, vec![journaled(0)], &positions);
    assert!(
        matches!(ended, Commit::Aborted { fenced: false, .. }),
        "{ended:?}"
    );
    assert_eq!(read_from(&*log, from(OBSERVED, 0), 10), first);
    assert!(committed(&log.commit(
        &lease,
        vec![journaled(0)],
        &positions
    )));
    assert_eq!(numbers(&*log, JOURNAL, 1), [0]);
}

pub fn an_unknown_outcome_that_happened_is_settled_without_doubling(bench: &impl Bench) {
    let log = bench.open();
    let lease = log.acquire(Group::Processor, 0).unwrap();
    let call = || log.commit(&lease, vec![journaled(0), journaled(1)], &[(OBSERVED, 3)]);
    bench.fail_next(Mishap::LoseAnswer);
    let ended = call();
    assert!(matches!(ended, Commit::Unknown { .. }), "{ended:?}");
    assert!(committed(&call()));
    assert!(committed(&call()));
    assert_eq!(numbers(&*log, JOURNAL, 2), [0, 1]);
}

pub fn the_call_after_a_settled_one_is_a_call_of_its_own(bench: &impl Bench) {
    let log = bench.open();
    let lease = log.acquire(Group::Processor, 0).unwrap();
    bench.fail_next(Mishap::LoseAnswer);
    let ended = log.commit(&lease, vec![journaled(0)], &[(OBSERVED, 1)]);
    assert!(matches!(ended, Commit::Unknown { .. }), "{ended:?}");
    let retry = log.commit(&lease, vec![journaled(0)], &[(OBSERVED, 1)]);
    assert!(committed(&retry));
    let next = log.commit(&lease, vec![journaled(1)], &[(OBSERVED, 2)]);
    assert!(committed(&next));
    assert_eq!(numbers(&*log, JOURNAL, 2), [0, 1]);
}

pub fn a_crash_in_a_commit_leaves_all_of_it_or_nothing(bench: &impl Bench) {
    let mut expected = Vec::new();
    for (number, mishap) in [(0, Mishap::CrashBefore), (1, Mishap::CrashAfter)] {
        let log = bench.open();
        let lease = log.acquire(Group::Processor, 0).unwrap();
        let before = lease.positions[&Topic::IntercomObserved];
        bench.fail_next(mishap);
        let ended = log.commit(&lease, vec![journaled(number)], &[(OBSERVED, number + 10)]);
        assert!(matches!(ended, Commit::Unknown { .. }), "{ended:?}");
        drop(log);

        let log = bench.open();
        let lease = log.acquire(Group::Processor, 0).unwrap();
        let position = lease.positions[&Topic::IntercomObserved];
        if position != before {
            assert_eq!(position, number + 10);
            expected.push(number);
        }
        assert_eq!(numbers(&*log, JOURNAL, expected.len()), expected);
    }
}

pub fn positions_never_go_backwards(bench: &impl Bench) {
    let log = bench.open();
    let lease = log.acquire(Group::Processor, 0).unwrap();
    assert!(committed(&log.commit(&lease, vec![], &[(OBSERVED, 5)])));
    let ended = log.commit(&lease, vec![journaled(1)], &[(OBSERVED, 4)]);
    assert!(
        matches!(ended, Commit::Aborted { fenced: false, .. }),
        "{ended:?}"
    );
    let again = log.acquire(Group::Processor, 0).unwrap();
    assert_eq!(again.positions.get(&Topic::IntercomObserved), Some(&5));
    assert_eq!(log.read(&[from(JOURNAL, 0)], LIMIT, QUIET).unwrap(), []);
}

pub fn what_the_role_of_a_lease_does_not_write_is_refused(bench: &impl Bench) {
    let log = bench.open();
    let lease = log.acquire(Group::IntercomSink, 0).unwrap();
    let ended = log.commit(&lease, vec![journaled(1)], &[]);
    let Commit::Aborted {
        fenced: false,
        reason,
    } = ended
    else {
        panic!("{ended:?}");
    };
    assert_eq!(reason, "journal is no output of crosswalk-intercom-sink");
    assert!(committed(&log.commit(&lease, vec![], &[])));
}

pub fn a_commit_tells_where_its_outputs_ended(bench: &impl Bench) {
    let log = bench.open();
    let lease = log.acquire(Group::Processor, 0).unwrap();
    let end = |commit: Commit| match commit {
        Commit::Committed { ends } => ends.get(&Topic::Journal).copied(),
        other => panic!("{other:?}"),
    };
    let call = || log.commit(&lease, vec![journaled(0), journaled(1)], &[(OBSERVED, 1)]);
    bench.fail_next(Mishap::LoseAnswer);
    assert!(matches!(call(), Commit::Unknown { .. }));
    log.append(vec![journaled(2)]).unwrap();
    // Settled late, and still told where its own outputs ended.
    let first = end(call()).unwrap();
    let second = end(log.commit(&lease, vec![journaled(3)], &[(OBSERVED, 2)])).unwrap();
    assert_eq!(end(log.commit(&lease, vec![], &[(OBSERVED, 3)])), None);
    let later = read_from(&*log, from(JOURNAL, first), 2);
    assert_eq!(later.iter().map(number).collect::<Vec<_>>(), [2, 3]);
    assert!(second > later[1].offset);
    assert_eq!(
        log.read(&[from(JOURNAL, second)], LIMIT, QUIET).unwrap(),
        []
    );
}

fn committed(commit: &Commit) -> bool {
    matches!(commit, Commit::Committed { .. })
}
