//! Partitions that move between three processors while people are at work.

use std::time::{Duration, Instant};

use crosswalk::log::topics::Partitions;
use serde_json::json;

use crate::brokers;
use crate::public_clients::analyst::Analyst;
use crate::storm::child::Child;
use crate::storm::judge::judge;
use crate::storm::people::{Chance, Stage};
use crate::storm::{CALM_MAX, MACHINE, setting};

const BRIDGES: usize = 3;
const SESSION_TIMEOUT_SECONDS: u64 = 6;
/// Who takes the webhooks, reads both systems and writes to them; nothing happens to it.
const EDGES: [(&str, &str); 3] = [("door", "ingest"), ("ears", "feeds"), ("hands", "sink")];
const HEADS: [&str; 3] = ["ada", "bob", "cyd"];

struct Office {
    stages: Vec<Stage>,
    heads: Vec<Child>,
    _edges: Vec<Child>,
    chance: Chance,
    prefix: String,
}

impl Office {
    async fn open(people: usize) -> Option<Self> {
        let bootstrap = brokers::bootstrap()?;
        let prefix = brokers::fresh_prefix();
        let (to, named) = (bootstrap.clone(), prefix.clone());
        let partitions = Partitions {
            bridges: BRIDGES as u32,
            ..Partitions::default()
        };
        let made = tokio::task::spawn_blocking(move || {
            brokers::create_topics(&to, &named, partitions);
        });
        made.await.unwrap();
        let mut log = json!({"kafka": {
            "bootstrap": bootstrap, "prefix": prefix,
            "session_timeout_seconds": SESSION_TIMEOUT_SECONDS,
        }});
        if let Some(registry) = brokers::registry() {
            log["kafka"]["registry"] = json!({"urls": [registry]});
        }
        let mut stages = Stage::several(BRIDGES, people, log).await;
        let folder = stages[0].folder.clone();
        let mut edges = Vec::new();
        for (name, role) in EDGES {
            stages[0].configure(name);
            edges.push(Child::start_with(&folder, name, role).await);
        }
        let mut heads = Vec::new();
        for name in HEADS {
            stages[0].configure(name);
            heads.push(Child::start_with(&folder, name, "processor").await);
        }
        for stage in &mut stages {
            stage.gather(&mut edges[0]).await;
        }
        Some(Self {
            stages,
            heads,
            _edges: edges,
            chance: Chance::new(setting("STORM_SEED", 1) as u64),
            prefix,
        })
    }

    /// In each bridge somebody acts, four times a second.
    async fn people_act(&mut self, time: Duration) {
        let until = Instant::now() + time;
        while Instant::now() < until {
            for stage in &mut self.stages {
                stage.somebody_acts(&mut self.chance);
            }
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
        self.stages.iter_mut().for_each(Stage::take_down);
    }

    /// How many partitions each of them leads.
    async fn shares(&self) -> Vec<usize> {
        let mut shares = Vec::new();
        for head in &self.heads {
            shares.push(head.partitions().await);
        }
        shares
    }

    /// Goes on until they have shared the partitions like this.
    async fn until_shared(&mut self, mut wanted: Vec<usize>) {
        let deadline = Instant::now() + Duration::from_secs(60);
        wanted.sort_unstable();
        loop {
            let mut shares = self.shares().await;
            shares.sort_unstable();
            if shares == wanted {
                return;
            }
            assert!(Instant::now() < deadline, "{shares:?}, not {wanted:?}");
            self.people_act(Duration::from_millis(300)).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn partitions_that_move_between_three_processors_lose_and_double_nothing() {
    let _machine = MACHINE.lock().await;
    let Some(mut office) = Office::open(8).await else {
        return;
    };
    let folder = office.stages[0].folder.clone();
    office.until_shared(vec![1, 1, 1]).await;
    for turn in 0..setting("STORM_TAKEOVERS", 3) {
        let place = turn % HEADS.len();
        office.people_act(Duration::from_secs(1)).await;
        // One leaves in good order, the next one does not.
        match turn % 2 {
            0 => {
                office.heads[place].signal("-TERM");
                office.heads[place].ends();
            }
            _ => office.heads[place].die(),
        }
        let mut shares = vec![0, 1, 2];
        office.until_shared(std::mem::take(&mut shares)).await;
        office.people_act(Duration::from_secs(1)).await;
        office.heads[place] = Child::start_with(&folder, HEADS[place], "processor").await;
        office.until_shared(vec![1, 1, 1]).await;
    }
    let deadline = Instant::now() + CALM_MAX;
    for stage in &mut office.stages {
        loop {
            stage.take_down();
            if judge(stage).is_agreed() || Instant::now() > deadline {
                break;
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    }
    tokio::time::sleep(Duration::from_secs(3)).await;
    for stage in &mut office.stages {
        stage.take_down();
        let verdict = judge(stage);
        println!("{verdict:?}");
        assert!(verdict.is_agreed(), "{verdict:#?}");
        assert!(verdict.doubled.is_empty(), "{:?}", verdict.doubled);
        assert!(verdict.overwritten.is_empty(), "{:?}", verdict.overwritten);
    }
    for head in &mut office.heads {
        assert!(head.verify(&folder), "another digest");
        head.signal("-TERM");
        head.ends();
    }
    if let Some(analyst) = Analyst::find() {
        analyst.judges(&office.prefix);
    }
}
