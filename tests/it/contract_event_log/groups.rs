//! Groups and leases: who may commit, and where a successor goes on.

use crosswalk::domain::Topic;
use crosswalk::ports::event_log::{Commit, Group};

use super::bench::*;

pub fn a_group_goes_on_where_it_committed(bench: &impl Bench) {
    {
        let log = bench.open();
        log.append((0..4).map(observed).collect()).unwrap();
        let entries = read_exactly(&*log, OBSERVED, 4);
        let lease = log.acquire(Group::Processor, 0).unwrap();
        let positions = [(OBSERVED, after(&entries[..2]))];
        assert!(committed(&log.commit(&lease, vec![], &positions)));
    }
    let log = bench.open();
    let lease = log.acquire(Group::Processor, 0).unwrap();
    let start = lease.positions[&Topic::IntercomObserved];
    let rest = read_from(&*log, from(OBSERVED, start), 2);
    assert_eq!(rest.iter().map(number).collect::<Vec<_>>(), [2, 3]);
}

pub fn groups_do_not_see_each_others_positions(bench: &impl Bench) {
    let log = bench.open();
    let processor = log.acquire(Group::Processor, 0).unwrap();
    let other_partition = log.acquire(Group::Processor, 1).unwrap();
    let sink = log.acquire(Group::SalesforceSink, 0).unwrap();
    assert!(committed(&log.commit(&processor, vec![], &[(OBSERVED, 7)])));
    let writes = at(Topic::SalesforceWrites, 0);
    assert!(committed(&log.commit(&sink, vec![], &[(writes, 3)])));
    // No lease covers another partition or another group's topics.
    for foreign in [(at(Topic::IntercomObserved, 0), 9), (writes, 9)] {
        let ended = log.commit(&other_partition, vec![], &[foreign]);
        assert!(
            matches!(ended, Commit::Aborted { fenced: false, .. }),
            "{ended:?}"
        );
    }
    let again = log.acquire(Group::Processor, 1).unwrap();
    assert_eq!(again.positions.get(&Topic::IntercomObserved), Some(&0));
    let again = log.acquire(Group::SalesforceSink, 0).unwrap();
    assert_eq!(again.positions.get(&Topic::SalesforceWrites), Some(&3));
}

pub fn a_lease_ends_when_somebody_else_acquires(bench: &impl Bench) {
    let (old_owner, new_owner) = (bench.open(), bench.open());
    let old = old_owner.acquire(Group::Processor, 0).unwrap();
    assert!(committed(&old_owner.commit(&old, vec![journaled(0)], &[])));
    let new = new_owner.acquire(Group::Processor, 0).unwrap();
    assert!(new.epoch > old.epoch);
    // The fence also holds for a repetition of what the old owner committed last.
    for number in [0, 1] {
        let ended = old_owner.commit(&old, vec![journaled(number)], &[]);
        assert!(
            matches!(ended, Commit::Aborted { fenced: true, .. }),
            "{ended:?}"
        );
    }
    assert!(committed(&new_owner.commit(&new, vec![journaled(2)], &[])));
    assert_eq!(numbers(&*new_owner, JOURNAL, 2), [0, 2]);
}

pub fn of_two_owners_at_once_only_the_newer_one_commits(bench: &impl Bench) {
    const ROUNDS: u64 = 20;
    let owners = [bench.open(), bench.open()];
    let mut committed = Vec::new();
    for round in 0..ROUNDS {
        let older = owners[0].acquire(Group::Processor, 0).unwrap();
        let newer = owners[1].acquire(Group::Processor, 0).unwrap();
        let ended = std::thread::scope(|scope| {
            let calls = [(0, older), (1, newer)].map(|(owner, lease)| {
                let log = &owners[owner as usize];
                let number = round * 2 + owner;
                scope.spawn(move || {
                    let positions = [(OBSERVED, round + 1)];
                    (
                        number,
                        log.commit(&lease, vec![journaled(number)], &positions),
                    )
                })
            });
            calls.map(|call| call.join().unwrap())
        });
        let [(_, older), (number, newer)] = ended;
        assert!(
            matches!(older, Commit::Aborted { fenced: true, .. }),
            "{older:?}"
        );
        assert!(matches!(newer, Commit::Committed { .. }));
        committed.push(number);
    }
    assert_eq!(numbers(&*owners[0], JOURNAL, ROUNDS as usize), committed);
}

pub fn a_lease_tells_where_the_topics_ended(bench: &impl Bench) {
    let log = bench.open();
    log.append(vec![observed(1), observed(2), observed_in(1, 3, 0)])
        .unwrap();
    let lease = log.acquire(Group::Processor, 0).unwrap();
    log.append(vec![observed(4)]).unwrap();
    let entries = read_exactly(&*log, OBSERVED, 3);
    let end = lease.ends[&Topic::IntercomObserved];
    let below: Vec<u64> = entries
        .iter()
        .filter(|e| e.offset < end)
        .map(number)
        .collect();
    assert_eq!(below, [1, 2]);
    assert!(lease.ends.contains_key(&Topic::Journal));
    assert!(lease.ends.contains_key(&Topic::Results));

    let sink = log.acquire(Group::IntercomSink, 0).unwrap();
    assert_eq!(
        sink.ends.keys().collect::<Vec<_>>(),
        [&Topic::IntercomWrites]
    );
}

/// What a log puts between entries, such as the end of a transaction, is nothing that waits.
pub fn a_group_that_took_everything_leaves_nothing_to_its_successor(bench: &impl Bench) {
    let log = bench.open();
    let processor = log.acquire(Group::Processor, 0).unwrap();
    let writes = at(Topic::SalesforceWrites, 0);
    let outputs = vec![command(1), command(2)];
    assert!(committed(&log.commit(&processor, outputs, &[])));
    let sink = log.acquire(Group::SalesforceSink, 0).unwrap();
    assert!(sink.ends[&writes.topic] > sink.positions[&writes.topic]);
    let next = after(&read_from(&*log, from(writes, 0), 2));
    assert!(committed(&log.commit(&sink, vec![], &[(writes, next)])));
    let successor = log.acquire(Group::SalesforceSink, 0).unwrap();
    assert_eq!(successor.positions[&writes.topic], next);
    assert!(successor.ends[&writes.topic] <= next);
}

fn committed(commit: &Commit) -> bool {
    matches!(commit, Commit::Committed { .. })
}
