//! How far the roles are behind: entries, seconds, and how much of the retention that is.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use crosswalk::domain::Topic;
use crosswalk::log::topics::{Cleanup, Partitions, group_id, group_name, group_topics};
use crosswalk::log::topics::{name, spec};
use crosswalk::ports::clock::Clock;
use crosswalk::ports::event_log::{Error, EventLog, Group, ReadFrom, TopicPartition};
use crosswalk::telemetry::{LagAt, metrics};

/// Of the retention, beyond which people are told: what is not taken until its end is gone.
const ALARM_AT: f64 = 0.5;
const DAY_SECONDS: f64 = 86_400.0;

/// Looks until it is dropped or stopped.
pub struct Handle {
    stop: SyncSender<()>,
    thread: JoinHandle<()>,
}

impl Handle {
    /// One look may still be under way: who must not wait leaves the thread behind.
    pub fn stop(self) {
        drop(self.stop);
        if self.thread.is_finished() {
            // A look that panicked has said so.
            let _ = self.thread.join();
        }
    }
}

struct Watch {
    log: Arc<dyn EventLog>,
    clock: Arc<dyn Clock>,
    partitions: Partitions,
    /// What the names of topics and groups begin with on the brokers.
    prefix: String,
    /// Where nothing but the end of a transaction lies behind the position, up to this end.
    empty: BTreeMap<(Group, TopicPartition), (u64, u64)>,
    told: BTreeSet<(Group, TopicPartition)>,
}

pub fn start(
    log: Arc<dyn EventLog>,
    clock: Arc<dyn Clock>,
    (partitions, prefix): (Partitions, String),
    interval: Duration,
) -> std::io::Result<Handle> {
    let (stop, stopped) = sync_channel(0);
    let mut watch = Watch {
        log,
        clock,
        partitions,
        prefix,
        empty: BTreeMap::new(),
        told: BTreeSet::new(),
    };
    let look = move || {
        loop {
            if let Err(error) = watch.look() {
                // The work itself says when the log is away.
                tracing::debug!(%error, "the lag cannot be told now");
            }
            if !matches!(
                stopped.recv_timeout(interval),
                Err(RecvTimeoutError::Timeout)
            ) {
                return;
            }
        }
    };
    let thread = std::thread::Builder::new()
        .name("lag".to_owned())
        .spawn(look)?;
    Ok(Handle { stop, thread })
}

impl Watch {
    fn look(&mut self) -> Result<(), Error> {
        for group in Group::ALL {
            let consumed = group_topics(group).iter().copied();
            let consumed: Vec<Topic> = consumed.filter(|one| *one != Topic::Journal).collect();
            let Some(first) = consumed.first() else {
                continue;
            };
            for partition in 0..self.partitions.of(*first) {
                let positions = self.log.positions(group, partition)?;
                for topic in &consumed {
                    let at = TopicPartition {
                        topic: *topic,
                        partition,
                    };
                    let position = positions.get(topic).copied().unwrap_or(0);
                    self.look_at(group, at, position)?;
                }
            }
        }
        Ok(())
    }

    fn look_at(&mut self, group: Group, at: TopicPartition, position: u64) -> Result<(), Error> {
        let bounds = self.log.bounds(at)?;
        let end = bounds.end;
        let mut lag = end.saturating_sub(position);
        let mut age_seconds = 0.0;
        let known = self.empty.get(&(group, at)) == Some(&(position, end));
        if known {
            lag = 0;
        } else if lag > 0 {
            let offset = position.max(bounds.start);
            match self.log.first_appended(ReadFrom { at, offset }, end)? {
                Some(appended) => {
                    let ms = self.clock.now().0.saturating_sub(appended.0).max(0);
                    age_seconds = ms as f64 / 1_000.0;
                }
                None => {
                    self.empty.insert((group, at), (position, end));
                    lag = 0;
                }
            }
        }
        let used = match spec(at.topic).cleanup {
            Cleanup::Delete { days } => age_seconds / (f64::from(days) * DAY_SECONDS),
            _ => 0.0,
        };
        self.tell(group, at, (lag, used), position < bounds.start && lag > 0);
        metrics().lag.show(&LagAt {
            group: group_name(group),
            topic: at.topic.label(),
            partition: at.partition,
            consumergroup: &group_id(&self.prefix, group),
            full_topic: &name(&self.prefix, at.topic),
            position,
            end,
            lag,
            age_seconds,
            retention_used: used,
        });
        Ok(())
    }

    /// Once for each time that it comes to that.
    fn tell(
        &mut self,
        group: Group,
        at: TopicPartition,
        (lag, used): (u64, f64),
        is_overtaken: bool,
    ) {
        if used < ALARM_AT && !is_overtaken {
            self.told.remove(&(group, at));
            return;
        }
        if !self.told.insert((group, at)) {
            return;
        }
        let (group, topic) = (group_name(group), spec(at.topic).name);
        let partition = at.partition;
        if is_overtaken {
            tracing::error!(
                group,
                topic,
                partition,
                "retention has removed entries of {topic}/{partition} that {group} had not taken: \
                 what they told is missing until a sweep or an import brings it"
            );
            return;
        }
        tracing::error!(
            group,
            topic,
            partition,
            lag,
            "{group} is {:.0} % of the retention of {topic}/{partition} behind: what it has not \
             taken by its end is gone; see what holds it up, or keep the topic for longer",
            used * 100.0
        );
    }
}
