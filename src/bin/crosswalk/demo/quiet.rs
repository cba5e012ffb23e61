//! Quiescence: nothing is on its way any more.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use anyhow::bail;
use crosswalk::sandbox::intercom::Delivery;
use serde_json::Value;

use crate::demo::story::Story;

const LOOK_AGAIN: Duration = Duration::from_millis(20);
const REAPED_AFTER: Duration = Duration::from_millis(200);
const PATIENCE: Duration = Duration::from_secs(120);

/// Everything that changes while something is under way.
#[derive(PartialEq)]
struct Standing {
    stats: Value,
    requests: [usize; 2],
    /// Attempts to deliver a notification, and notifications that nobody has answered for good.
    deliveries: [usize; 2],
}

impl Story {
    /// Waits until nothing has changed for `calm` and no command is out; answers the counts.
    pub async fn quiet(&mut self, calm: Duration) -> anyhow::Result<Value> {
        let begun = Instant::now();
        let mut last = self.standing().await?;
        let mut since = Instant::now();
        loop {
            tokio::time::sleep(LOOK_AGAIN).await;
            let now = self.standing().await?;
            if now != last {
                last = now;
                since = Instant::now();
            } else if since.elapsed() >= calm && now.is_idle() {
                return Ok(now.stats);
            }
            if begun.elapsed() > PATIENCE {
                let out = outstanding(&last.stats);
                let seconds = PATIENCE.as_secs();
                bail!("something still moves after {seconds} s; {out} commands are out");
            }
        }
    }

    async fn standing(&mut self) -> anyhow::Result<Standing> {
        self.stage.child.alive()?;
        let salesforce = self.stage.salesforce.request_log().len();
        let intercom = self.stage.intercom.request_log().len();
        let deliveries = self.stage.intercom.deliveries();
        let stats = match self.stage.admin.json("/v1/stats").await {
            Ok(stats) => stats,
            Err(error) => {
                // A process that has just ended is the better reason.
                tokio::time::sleep(REAPED_AFTER).await;
                self.stage.child.alive()?;
                return Err(error);
            }
        };
        Ok(Standing {
            stats,
            requests: [intercom, salesforce],
            deliveries: [deliveries.len(), open(&deliveries)],
        })
    }
}

impl Standing {
    fn is_idle(&self) -> bool {
        outstanding(&self.stats) == 0 && self.deliveries[1] == 0
    }
}

/// Notifications that were neither taken nor refused for their signature.
fn open(deliveries: &[Delivery]) -> usize {
    let mut open = BTreeSet::new();
    for one in deliveries {
        let id = one.notification_id.as_str();
        if matches!(one.status, Some(200 | 401)) {
            open.remove(id);
        } else {
            open.insert(id);
        }
    }
    open.len()
}

/// How often the journal holds one of these events.
pub fn events(stats: &Value, names: &[&str]) -> u64 {
    sum(stats, |partition| {
        let count = |name: &&str| partition["events"][*name].as_u64().unwrap_or(0);
        names.iter().map(count).sum()
    })
}

/// All events of the journal.
pub fn all_events(stats: &Value) -> u64 {
    sum(stats, |partition| {
        let events = partition["events"].as_object().into_iter().flatten();
        events.filter_map(|(_, count)| count.as_u64()).sum()
    })
}

pub fn observations(stats: &Value) -> u64 {
    sum(stats, |partition| {
        partition["observations"].as_u64().unwrap_or(0)
    })
}

fn sum(stats: &Value, of: impl Fn(&Value) -> u64) -> u64 {
    let partitions = stats["partitions"].as_object().into_iter().flatten();
    partitions.map(|(_, partition)| of(partition)).sum()
}

/// Commands without an answer. A repeated request counts once more; so does its answer.
fn outstanding(stats: &Value) -> u64 {
    let requested = events(stats, &["write_requested", "read_requested"]);
    let settled = events(stats, &["write_settled", "read_settled"]);
    requested.saturating_sub(settled)
}
