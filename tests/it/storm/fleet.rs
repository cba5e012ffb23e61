//! Several processes on one real Kafka: killed and frozen by turns while people are at work.

use std::time::{Duration, Instant};

use crosswalk::log::topics::Partitions;
use serde_json::json;

use crate::brokers;
use crate::public_clients::analyst::Analyst;
use crate::storm::child::Child;
use crate::storm::judge::{Verdict, judge};
use crate::storm::people::{Chance, Stage};
use crate::storm::{CALM_MAX, setting};

/// The shortest that brokers allow unless told otherwise.
const SESSION_TIMEOUT: Duration = Duration::from_secs(6);
/// Beyond the session timeout: joining, acquiring, and what a predecessor may still have under way.
const TAKEOVER_MAX: Duration = Duration::from_secs(40);
/// Two processes with all roles, of which one at a time has the work.
const TWINS: [(&str, &str); 2] = [("ada", "all"), ("bob", "all")];
/// One process for each role, the first one with the door for webhooks.
const APART: [(&str, &str); 4] = [
    ("door", "ingest"),
    ("head", "processor"),
    ("ears", "feeds"),
    ("hands", "sink"),
];

/// Processes by name, and the roles they have.
struct Fleet {
    stage: Stage,
    pods: Vec<Child>,
    chance: Chance,
    prefix: String,
}

impl Fleet {
    async fn start(people: usize, pods: &[(&'static str, &'static str)]) -> Option<Self> {
        let bootstrap = brokers::bootstrap()?;
        let prefix = brokers::fresh_prefix();
        let (to, named) = (bootstrap.clone(), prefix.clone());
        let made = tokio::task::spawn_blocking(move || {
            brokers::create_topics(&to, &named, Partitions::default());
        });
        made.await.unwrap();
        let mut log = json!({"kafka": {
            "bootstrap": bootstrap, "prefix": prefix,
            "session_timeout_seconds": SESSION_TIMEOUT.as_secs(),
        }});
        if let Some(registry) = brokers::registry() {
            log["kafka"]["registry"] = json!({"urls": [registry]});
        }
        let mut stage = Stage::on(people, log).await;
        let named = pods;
        let mut pods = Vec::new();
        for (name, role) in named {
            stage.configure(name);
            pods.push(Child::start_with(&stage.folder, name, role).await);
        }
        stage.gather(&mut pods[0]).await;
        let chance = Chance::new(setting("STORM_SEED", 1) as u64);
        Some(Self {
            stage,
            pods,
            chance,
            prefix,
        })
    }

    /// Which of them decides.
    async fn leader(&self) -> usize {
        let deadline = Instant::now() + TAKEOVER_MAX;
        loop {
            for (place, pod) in self.pods.iter().enumerate() {
                if pod.leads().await {
                    return place;
                }
            }
            assert!(Instant::now() < deadline, "nobody leads");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// People go on, twenty times a second.
    async fn people_act(&mut self, time: Duration) {
        let until = Instant::now() + time;
        while Instant::now() < until {
            self.stage.somebody_acts(&mut self.chance);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        self.stage.take_down();
    }

    /// The notifications go where somebody takes them.
    async fn notify(&self, pod: usize) {
        let webhooks = self.pods[pod].webhooks.clone();
        let set = self.stage.intercom.set_webhook_url(webhooks).await;
        set.unwrap();
    }

    async fn judged(&mut self) -> Verdict {
        let deadline = Instant::now() + CALM_MAX;
        loop {
            self.stage.take_down();
            let verdict = judge(&self.stage);
            if verdict.is_agreed() || Instant::now() > deadline {
                break;
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        // What was to come late must change nothing any more.
        tokio::time::sleep(Duration::from_secs(3)).await;
        self.stage.take_down();
        let mut verdict = judge(&self.stage);
        let leader = self.leader().await;
        verdict.rebuilds = self.pods[leader].verify(&self.stage.folder);
        verdict
    }

    /// Everybody leaves in good order; then somebody else reads what they have left.
    fn read_by_others(mut self) {
        for pod in &mut self.pods {
            pod.signal("-TERM");
            pod.ends();
        }
        if let Some(analyst) = Analyst::find() {
            analyst.judges(&self.prefix);
        }
    }
}

fn demand(verdict: &Verdict) {
    println!("{verdict:?}");
    assert!(verdict.is_agreed(), "{verdict:#?}");
    assert!(verdict.doubled.is_empty(), "{:?}", verdict.doubled);
    assert!(verdict.overwritten.is_empty(), "{:?}", verdict.overwritten);
    assert!(verdict.rebuilds, "another digest");
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_leaders_are_followed_by_those_who_stood_by() {
    let Some(mut fleet) = Fleet::start(20, &TWINS).await else {
        return;
    };
    for _ in 0..setting("STORM_TAKEOVERS", 3) {
        let leader = fleet.leader().await;
        let other = 1 - leader;
        let at_random = 500 + fleet.chance.below(2_500) as u64;
        fleet.people_act(Duration::from_millis(at_random)).await;
        fleet.pods[leader].die();
        let died = Instant::now();
        fleet.notify(other).await;
        while !fleet.pods[other].leads().await {
            assert!(died.elapsed() < TAKEOVER_MAX, "nobody took over");
            fleet.people_act(Duration::from_millis(200)).await;
        }
        println!(
            "taken over {} ms after the kill",
            died.elapsed().as_millis()
        );
        fleet.people_act(Duration::from_secs(2)).await;
        let (name, role) = TWINS[leader];
        fleet.pods[leader] = Child::start_with(&fleet.stage.folder, name, role).await;
        fleet.people_act(Duration::from_secs(2)).await;
    }
    demand(&fleet.judged().await);
    fleet.read_by_others();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_was_frozen_takes_nothing_back() {
    let Some(mut fleet) = Fleet::start(20, &TWINS).await else {
        return;
    };
    let leader = fleet.leader().await;
    let other = 1 - leader;
    fleet.people_act(Duration::from_secs(2)).await;
    fleet.pods[leader].signal("-STOP");
    let frozen = Instant::now();
    fleet.notify(other).await;
    while !fleet.pods[other].leads().await {
        assert!(frozen.elapsed() < TAKEOVER_MAX, "nobody took over");
        fleet.people_act(Duration::from_millis(200)).await;
    }
    fleet.people_act(Duration::from_secs(2)).await;
    fleet.pods[leader].signal("-CONT");
    fleet.people_act(Duration::from_secs(5)).await;
    demand(&fleet.judged().await);
    fleet.read_by_others();
}

#[tokio::test(flavor = "multi_thread")]
async fn roles_of_their_own_go_on_where_they_were_killed() {
    let Some(mut fleet) = Fleet::start(20, &APART).await else {
        return;
    };
    for _ in 0..setting("STORM_TAKEOVERS", 3) {
        for killed in 1..APART.len() {
            let at_random = 300 + fleet.chance.below(1_700) as u64;
            fleet.people_act(Duration::from_millis(at_random)).await;
            fleet.pods[killed].die_and_rise(&fleet.stage.folder).await;
            fleet.people_act(Duration::from_secs(1)).await;
        }
    }
    demand(&fleet.judged().await);
    fleet.read_by_others();
}
