//! The processor: a thread for each partition that has a bridge. It leads the partition while that
//! is this process's, and keeps its view warm while it is somebody else's.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::Context;
use crosswalk::config::Config;
use crosswalk::domain::BridgeId;
use crosswalk::domain::journal::BridgeMode;
use crosswalk::mapping::Offer;
use crosswalk::ports::clock::Clock;
use crosswalk::ports::event_log::{EventLog, Group};
use crosswalk::ports::membership::Claim;
use crosswalk::processor::decide::{Brakes, Timing};
use crosswalk::processor::driver::Options;
use crosswalk::processor::step::Settings;
use crosswalk::telemetry::RoleHealth;
use tokio::sync::mpsc;

use crate::admin::Questions;
use crate::letters::Letters;
use crate::partition::{Drivers, Partition, Progress};
use crate::view_answers::{Bridge, ViewAnswers};
use crate::{mappings, shares};

/// A batch under way, its commit, and the last checkpoint.
const STOP_WAIT: Duration = Duration::from_secs(20);

/// The running drivers.
pub struct Handle {
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

/// What every driver shares.
#[derive(Clone)]
pub struct Shared {
    pub config: Arc<Config>,
    pub log: Arc<dyn EventLog>,
    pub clock: Arc<dyn Clock>,
    pub failed: mpsc::Sender<anyhow::Error>,
}

/// Starts the partitions. They recover on their own threads: the role is ready once all of them
/// have caught up with their journals.
pub fn start(shared: &Shared, role: RoleHealth, questions: Questions) -> anyhow::Result<Handle> {
    let offers = mappings::load(&shared.config)?;
    let stop = Arc::new(AtomicBool::new(false));
    let bridges = shared.config.bridges.values();
    let partitions: BTreeSet<u32> = bridges.map(|bridge| bridge.partition).collect();
    let (log, failed) = (Arc::clone(&shared.log), shared.failed.clone());
    let share = shares::join(log, Group::Processor, shared.config.partitions, failed)?;
    let drivers = Drivers::default();
    let progress = Progress::new(role, partitions.clone());
    let mut threads = Vec::new();
    for partition in partitions {
        let worked = Partition {
            shared: shared.clone(),
            options: options(&shared.config, partition, &offers),
            claim: Claim::new(share.clone(), partition),
            drivers: drivers.clone(),
            progress: progress.clone(),
            stop: Arc::clone(&stop),
            checkpointed: Instant::now(),
        };
        let failed = shared.failed.clone();
        let thread = std::thread::Builder::new().name(format!("processor-{partition}"));
        let thread = thread.spawn(move || {
            let ended = worked.work();
            let ended = ended.with_context(|| format!("the processor of partition {partition}"));
            if let Err(error) = ended {
                // The receiver is gone only when the process is ending anyway.
                let _ = failed.blocking_send(error);
            }
        });
        threads.push(thread.context("cannot start a thread for the processor")?);
    }
    let Shared {
        config, log, clock, ..
    } = shared.clone();
    let letters = Letters::new(&config, Arc::clone(&log), Arc::clone(&clock));
    let answers = ViewAnswers::new(drivers, bridges_of(&config), letters, log, clock);
    // Set once; nobody else sets it.
    let _ = questions.set(Arc::new(answers));
    Ok(Handle { stop, threads })
}

impl Handle {
    /// Lets each driver commit its batch and checkpoint its view.
    pub async fn stop(self) {
        self.stop.store(true, Ordering::Relaxed);
        let join = tokio::task::spawn_blocking(move || {
            for thread in self.threads {
                if thread.join().is_err() {
                    tracing::error!("a processor thread panicked");
                }
            }
        });
        if tokio::time::timeout(STOP_WAIT, join).await.is_err() {
            tracing::warn!(
                "the processor did not stop in time; its view is rebuilt from the journal"
            );
        }
    }
}

fn options(config: &Config, partition: u32, offers: &BTreeMap<BridgeId, (u64, Offer)>) -> Options {
    let bridges = config
        .bridges
        .values()
        .filter(|bridge| bridge.partition == partition);
    let bridges: Vec<BridgeId> = bridges.map(|bridge| bridge.id.clone()).collect();
    let offers = bridges
        .iter()
        .filter_map(|id| Some((id.clone(), offers.get(id)?.clone())));
    let shadow = |id: &&BridgeId| config.bridges[*id].begins == BridgeMode::Shadow;
    let begin_in_shadow = bridges.iter().filter(shadow).cloned().collect();
    let processor = &config.processor;
    Options {
        offers: offers.collect(),
        begin_in_shadow,
        settings: settings(config, partition, bridges),
        batch_entries_max: processor.batch_observations_max,
        batch_bytes_max: processor.batch_bytes_max,
        walk_commands_per_second_max: processor.walk_commands_per_second_max,
        poll_wait: processor.poll_wait,
        checkpoint_interval: config.view.checkpoint_interval,
        digest_interval_events: processor.digest_every_events,
        overlay_entries_max: processor.overlay_entries_max,
    }
}

/// What the steps of a partition are bound to.
pub fn settings(config: &Config, partition: u32, bridges: Vec<BridgeId>) -> Settings {
    let processor = &config.processor;
    Settings {
        partition,
        bridges,
        timing: Timing {
            command_deadline_ms: processor.command_deadline.as_millis() as i64,
            command_deadline_ms_max: processor.command_deadline_max.as_millis() as i64,
            attempts_before_review: processor.command_attempts_before_review,
            deferral_deadline_ms: processor.deferral_deadline.as_millis() as i64,
        },
        brakes: Brakes {
            reversals_max: processor.breaker_reversals_max,
            window_ms: processor.breaker_window.as_millis() as i64,
            changed_percent_max: processor.mass_change_percent_max,
            changed_records_min: processor.mass_change_records_min,
        },
        resting: BTreeMap::new(),
    }
}

/// The bridges as the view's questions need them.
pub fn bridges_of(config: &Config) -> Vec<Bridge> {
    let bridge = |bridge: &crosswalk::config::Bridge| Bridge {
        id: bridge.id.clone(),
        partition: bridge.partition,
        sources: mappings::sources(config, bridge).ok(),
    };
    config.bridges.values().map(bridge).collect()
}
