//! Processes that share partitions on real Kafka: who has which, and what a lease does beside it.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use crosswalk::log::kafka::{KafkaLog, Options};
use crosswalk::log::topics::Partitions;
use crosswalk::ports::event_log::{Commit, EventLog, Group};
use crosswalk::ports::membership::{Membership, Share};

use crate::brokers;

const FOUR: Partitions = Partitions {
    bridges: 4,
    lanes: 4,
};
/// Joining, and a session that ends by itself.
const PATIENCE: Duration = Duration::from_secs(40);
const LOOK: Duration = Duration::from_millis(50);

/// Topics of their own, and a log of each name.
fn logs<const N: usize>(names: [&str; N]) -> Option<[KafkaLog; N]> {
    let bootstrap = brokers::bootstrap()?;
    let prefix = brokers::fresh_prefix();
    brokers::create_topics(&bootstrap, &prefix, FOUR);
    let open = |name: &str| {
        let options = Options {
            bootstrap: bootstrap.clone(),
            prefix: prefix.clone(),
            partitions: FOUR,
            instance: name.to_owned(),
            timeout: Duration::from_secs(20),
            session_timeout: Duration::from_secs(6),
            ..Options::default()
        };
        KafkaLog::open(options).unwrap()
    };
    Some(names.map(open))
}

/// Lets all of them hear, until it holds for what each has.
fn until<const N: usize>(
    members: &mut [Box<dyn Membership>; N],
    holds: impl Fn(&[Share; N]) -> bool,
) -> [Share; N] {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let shares = members.each_mut().map(|one| one.share(LOOK).unwrap());
        if holds(&shares) {
            return shares;
        }
        assert!(Instant::now() < deadline, "{shares:?}");
    }
}

fn all() -> BTreeSet<u32> {
    (0..4).collect()
}

#[test]
fn partitions_are_shared_and_those_of_a_silent_process_go_to_the_others() {
    let Some([ada, bob]) = logs(["ada", "bob"]) else {
        return;
    };
    for group in [Group::Processor, Group::SalesforceSink] {
        let mut alone = [ada.join(group, 4).unwrap()];
        until(&mut alone, |[share]| share.partitions == all());
        let [first] = alone;
        let mut both = [first, bob.join(group, 4).unwrap()];
        let shares = until(&mut both, |shares| {
            shares.iter().all(|share| share.partitions.len() == 2)
        });
        let [of_ada, of_bob] = &shares;
        assert!(of_ada.partitions.is_disjoint(&of_bob.partitions));
        // Those who commit are not the member; the coordinator takes it all the same.
        let lease = ada.acquire(group, 0).unwrap();
        let ended = ada.commit(&lease, vec![], &[]);
        assert!(matches!(ended, Commit::Committed { .. }), "{ended:?}");
        let [first, second] = both;
        drop(first);
        until(&mut [second], |[share]| share.partitions == all());
    }
}

#[test]
fn one_process_has_the_feeds() {
    let Some([ada, bob]) = logs(["ada", "bob"]) else {
        return;
    };
    let members = [&ada, &bob].map(|log| log.join(Group::Feeds, 1).unwrap());
    let mut members = members;
    let shares = until(&mut members, |shares| {
        let all_know = shares.iter().all(|share| share.generation > 0);
        let have = shares.iter().map(|share| share.partitions.len());
        all_know && have.sum::<usize>() == 1
    });
    assert!(shares.iter().all(|share| !share.doubt.is_zero()));
}

#[test]
fn a_second_process_of_one_name_is_told_and_not_borne() {
    let Some([ada, again]) = logs(["ada", "ada"]) else {
        return;
    };
    let mut first = ada.join(Group::Processor, 4).unwrap();
    let mut known = [first];
    until(&mut known, |[share]| share.partitions == all());
    [first] = known;
    let mut second = again.join(Group::Processor, 4).unwrap();
    let deadline = Instant::now() + PATIENCE;
    // They put each other out for a while; then one of them says why.
    let told = loop {
        assert!(Instant::now() < deadline, "nobody is told");
        if let Err(error) = second.share(LOOK).and_then(|_| first.share(LOOK)) {
            break error.to_string();
        }
    };
    assert!(
        told.contains("`ada`") && told.contains("log.kafka.instance"),
        "{told}"
    );
}
