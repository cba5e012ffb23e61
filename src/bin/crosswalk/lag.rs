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

#[cfg(test)]
mod tests {
    use super::*;
    use crosswalk::domain::{BridgeId, Change, Message, Observation, ObservationBody};
    use crosswalk::domain::{ObservationId, RawPayload, SourceId, Timestamp};
    use crosswalk::log::embedded::{EmbeddedLog, Options};
    use crosswalk::ports::clock::SystemClock;
    use crosswalk::ports::event_log::{Outgoing, Place};

    /// So many days from now.
    struct InDays(i64);

    impl Clock for InDays {
        fn now(&self) -> Timestamp {
            SystemClock.now().plus_ms(self.0 * 86_400_000)
        }
    }

    fn observed() -> Outgoing {
        let bridge = BridgeId::new("main").unwrap();
        let body = ObservationBody::Changed {
            source: SourceId::new("support").unwrap(),
            topic: "contact.lead.updated".to_owned(),
            change: Change::Kept,
            raw: RawPayload {
                content_type: "application/json".to_owned(),
                bytes: b"{}".to_vec(),
            },
        };
        Outgoing {
            topic: Topic::IntercomObserved,
            place: Place::Partition(0),
            key: bridge.text(),
            message: Some(Message::Observation(Box::new(Observation {
                id: ObservationId::of_notification("abc123", "notif_1"),
                bridge,
                received_at: Timestamp(0),
                traceparent: None,
                body,
            }))),
        }
    }

    #[test]
    fn people_are_told_at_half_of_the_retention_and_once() {
        let folder = tempfile::tempdir().unwrap();
        let log = EmbeddedLog::open(folder.path().join("log.db"), Options::default()).unwrap();
        log.append(vec![observed()]).unwrap();
        let mut watch = Watch {
            log: Arc::new(log),
            clock: Arc::new(InDays(14)),
            partitions: Partitions::default(),
            prefix: "crosswalk.".to_owned(),
            empty: BTreeMap::new(),
            told: BTreeSet::new(),
        };
        let at = TopicPartition {
            topic: Topic::IntercomObserved,
            partition: 0,
        };
        watch.look().unwrap();
        assert!(watch.told.is_empty(), "14 of 30 days");
        watch.clock = Arc::new(InDays(16));
        watch.look().unwrap();
        watch.look().unwrap();
        assert_eq!(watch.told, BTreeSet::from([(Group::Processor, at)]));
        // What is late no longer is told anew when it is again.
        watch.clock = Arc::new(InDays(0));
        watch.look().unwrap();
        assert!(watch.told.is_empty());
    }
}
