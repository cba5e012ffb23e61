//! The driver: polls, steps, commits; keeps the view and answers questions about it. One thread
//! owns one partition.

mod reread;
pub mod snapshots;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use crate::domain::brakes::{Brake, brakes};
use crate::domain::journal::{BridgeMode, DomainEvent};
use crate::domain::view::{ViewEntry, ViewRead, bridge_state};
use crate::domain::{BridgeId, Message, Observation, ObservationBody, ObservationId, Topic};
use crate::domain::{Timestamp, ViewKey};
use crate::mapping::Offer;
use crate::ports::clock::Clock;
use crate::ports::event_log::{self, Commit, Entry, EventLog, Group, Lease, Outgoing, Place};
use crate::ports::event_log::{ReadFrom, ReadLimit, TopicPartition};
use crate::ports::view_store::{self, ViewStore};
use crate::processor::decide::walk;
use crate::processor::driver::snapshots::Snapshots;
use crate::processor::recovery::{self, Recovered, bring_up};
use crate::processor::step::{self, Mappings, Output, Settings, partition_state, step};
use crate::processor::view::View;
use crate::telemetry::metrics;

/// Questions that may wait for the driver.
const QUESTIONS_MAX: usize = 64;
/// How often a commit with an unknown outcome is called again before the lease is taken anew.
const COMMIT_RETRIES_MAX: u32 = 5;

/// How often in a row the lease is taken anew before the driver gives up.
const REACQUIRE_MAX: u32 = 3;

/// What a driver is bound to.
#[derive(Debug, Clone)]
pub struct Options {
    pub settings: Settings,
    /// The mapping of each bridge as its file now says.
    pub offers: BTreeMap<BridgeId, (u64, Offer)>,
    /// Bridges that begin in shadow mode.
    pub begin_in_shadow: BTreeSet<BridgeId>,
    pub batch_entries_max: usize,
    pub batch_bytes_max: usize,
    /// Calls that the walks of a bridge ask for in a second at most; a write that reads first is
    /// two.
    pub walk_commands_per_second_max: u32,
    /// The longest wait of a poll: questions and deadlines are looked at this often.
    pub poll_wait: Duration,
    pub checkpoint_interval: Duration,
    /// Journal events between two recorded digests.
    pub digest_interval_events: u64,
    /// Changed entries kept in memory; more are checkpointed before the interval is over.
    pub overlay_entries_max: usize,
}

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the log fails")]
    Log(#[from] event_log::Error),
    #[error("the view store fails")]
    Store(#[from] view_store::Error),
    #[error("the view cannot be recovered")]
    Recovery(#[from] recovery::Error),
    #[error("a step fails")]
    Step(#[from] step::Error),
    #[error("partition {partition} belongs to another process now")]
    Fenced { partition: u32 },
    #[error("the outcome of a commit on partition {partition} cannot be settled: {reason}")]
    Unsettled { partition: u32, reason: String },
    #[error("the view store of partition {partition} cannot be read: {reason}")]
    ViewFailed {
        partition: u32,
        reason: &'static str,
    },
    #[error(
        "the mapping of {bridge} changed without a higher version: version {version} is active \
         with other contents; raise `version` in the mapping file"
    )]
    MappingVersion { bridge: BridgeId, version: u64 },
}

/// What has happened since the driver was opened.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts {
    /// Observations taken, duplicates included.
    pub observations: u64,
    pub events: BTreeMap<String, u64>,
    pub unchanged: BTreeMap<String, u64>,
}

/// Acquires a partition, and brings its view up to where the journal ends then, for as long as it
/// may.
pub fn take_over(
    log: &Arc<dyn EventLog>,
    view: &mut View,
    options: &Options,
    goes_on: &dyn Fn() -> bool,
) -> Result<(Lease, Recovered), Error> {
    let partition = options.settings.partition;
    let lease = log.acquire(Group::Processor, partition)?;
    let end = lease.ends.get(&Topic::Journal).copied().unwrap_or(0);
    recovery::keep_to(view, partition, lease.taken_back)?;
    let recovered = bring_up(log, view, partition, end, goes_on)?;
    Ok((lease, recovered))
}

type Question = Box<dyn FnOnce(&Driver) + Send>;

/// Asks the driver between two steps.
#[derive(Clone)]
pub struct Handle {
    questions: SyncSender<Question>,
}

impl Handle {
    /// Runs a question on the driver's thread; none if the driver has ended or is overloaded.
    pub fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Driver) -> T + Send + 'static,
    ) -> Option<T> {
        let (answer, answered) = sync_channel(1);
        let boxed: Question = Box::new(move |driver| {
            // The asker may have gone; then nobody needs the answer.
            let _ = answer.send(question(driver));
        });
        self.questions.try_send(boxed).ok()?;
        answered.recv_timeout(Duration::from_secs(30)).ok()
    }
}

pub struct Driver {
    log: Arc<dyn EventLog>,
    clock: Arc<dyn Clock>,
    options: Options,
    lease: Lease,
    view: View,
    mappings: Mappings,
    counts: Counts,
    recovered: Recovered,
    events_since_digest: u64,
    questions: Receiver<Question>,
    handle: Handle,
    last_checkpoint: Instant,
    snapshots: Option<Snapshots>,
}

impl Driver {
    /// Opens a view, acquires the partition and brings the view up to the journal.
    pub fn open(
        log: Arc<dyn EventLog>,
        clock: Arc<dyn Clock>,
        store: Box<dyn ViewStore>,
        options: Options,
    ) -> Result<Self, Error> {
        let mut view = View::open(store)?;
        let (lease, recovered) = take_over(&log, &mut view, &options, &|| true)?;
        Self::lead(log, clock, view, (lease, recovered), options)
    }

    /// Leads a partition that was taken over.
    pub fn lead(
        log: Arc<dyn EventLog>,
        clock: Arc<dyn Clock>,
        view: View,
        (lease, recovered): (Lease, Recovered),
        options: Options,
    ) -> Result<Self, Error> {
        let partition = options.settings.partition;
        tracing::info!(
            partition,
            entries = recovered.entries,
            rebuilt = recovered.rebuilt,
            "partition {partition} stands at journal offset {}",
            view.journal_offset()
        );
        let (questions, asked) = sync_channel(QUESTIONS_MAX);
        let mut driver = Self {
            log,
            clock,
            options,
            lease,
            view,
            mappings: Mappings::default(),
            counts: Counts::default(),
            recovered,
            events_since_digest: 0,
            questions: asked,
            handle: Handle { questions },
            last_checkpoint: Instant::now(),
            snapshots: None,
        };
        driver.show_bridges();
        driver.offer_mappings()?;
        Ok(driver)
    }

    /// Bridges that stand aside or write nothing, counted from the view: a restart does not forget
    /// them.
    fn show_bridges(&self) {
        let settings = &self.options.settings;
        let quarantined = |bridge: &&BridgeId| {
            let aside = bridge_state(&self.view, bridge).aside;
            aside.is_some_and(|aside| !aside.released)
        };
        let count = settings.bridges.iter().filter(quarantined).count();
        let partition = settings.partition.to_string();
        let gauge = &metrics().quarantined_bridges;
        gauge.with_label_values(&[&partition]).set(count as i64);
        let shadow = |bridge: &&BridgeId| bridge_state(&self.view, bridge).shadow.is_some();
        let count = settings.bridges.iter().filter(shadow).count();
        let gauge = &metrics().brakes.bridges;
        gauge.with_label_values(&[&partition]).set(count as i64);
        let of_bridge = |bridge: &BridgeId| {
            let brakes = brakes(&self.view, bridge).into_iter();
            brakes.filter(Brake::is_stopped).count()
        };
        let count: usize = settings.bridges.iter().map(of_bridge).sum();
        let gauge = &metrics().brakes.fields;
        gauge.with_label_values(&[&partition]).set(count as i64);
    }

    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    pub fn view(&self) -> &View {
        &self.view
    }

    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    pub fn recovered(&self) -> Recovered {
        self.recovered
    }

    pub fn options(&self) -> &Options {
        &self.options
    }

    /// The view as it stands after the last commit. A snapshot that was being taken is given up.
    pub fn into_view(mut self) -> View {
        self.view.give_up_snapshot();
        self.view
    }

    /// Runs as long as it may, then checkpoints.
    pub fn run(&mut self, goes_on: impl Fn() -> bool) -> Result<(), Error> {
        let mut unsettled = 0;
        while goes_on() {
            match self.turn() {
                Ok(_) => unsettled = 0,
                Err(Error::Unsettled { partition, reason }) if unsettled < REACQUIRE_MAX => {
                    unsettled += 1;
                    tracing::warn!(
                        partition,
                        reason,
                        "a commit cannot be settled, reading anew"
                    );
                    self.reacquire()?;
                }
                Err(error) => return Err(error),
            }
        }
        self.view.checkpoint()?;
        Ok(())
    }

    /// Takes the lease anew and reads whether the last commit happened: its changes were never
    /// applied, so the view stands before it, and the journal tells.
    pub fn reacquire(&mut self) -> Result<(), Error> {
        let partition = self.options.settings.partition;
        self.lease = self.log.acquire(Group::Processor, partition)?;
        let end = self.lease.ends.get(&Topic::Journal).copied();
        recovery::keep_to(&mut self.view, partition, self.lease.taken_back)?;
        let end = end.unwrap_or(0);
        recovery::replay(&self.log, &mut self.view, partition, end, &|| true)?;
        Ok(())
    }

    /// One turn: poll, step, commit, and what is due beside it. Returns how much was taken.
    pub fn turn(&mut self) -> Result<usize, Error> {
        let batch = self.poll()?;
        let started = Instant::now();
        let now = self.clock.now();
        let output = step(
            &self.view,
            &self.options.settings,
            &mut self.mappings,
            &batch,
            now,
        )?;
        self.check_view()?;
        self.rest(&output, now);
        if !output.is_empty() {
            self.commit(output, &batch, now)?;
            metrics()
                .step_duration_seconds
                .observe(started.elapsed().as_secs_f64());
        }
        let again = self.reread(now)?;
        let due = self.last_checkpoint.elapsed() >= self.options.checkpoint_interval;
        if (due && self.view.dirty_len() > 0)
            || self.view.dirty_len() > self.options.overlay_entries_max
            || self.view.is_full()
        {
            self.view.checkpoint()?;
            self.last_checkpoint = Instant::now();
        }
        self.snapshot()?;
        while let Ok(question) = self.questions.try_recv() {
            // Many ask for the digest: what changed is hashed once, not for each of them.
            self.view.settled_digest();
            question(self);
        }
        Ok(batch.len() + again)
    }

    fn limit(&self) -> ReadLimit {
        ReadLimit {
            entries_max: self.options.batch_entries_max,
            bytes_max: self.options.batch_bytes_max,
        }
    }

    /// What was decided or hashed after a read that failed must not be committed.
    fn check_view(&self) -> Result<(), Error> {
        let partition = self.options.settings.partition;
        match self.view.failure() {
            Some(reason) => Err(Error::ViewFailed { partition, reason }),
            None => Ok(()),
        }
    }

    /// A walk asks for no more than its share of a second: what people change meanwhile finds the
    /// remote's calls not used up.
    fn rest(&mut self, output: &Output, now: Timestamp) {
        let most = i64::from(self.options.walk_commands_per_second_max.max(1));
        for (bridge, asked) in &output.walked {
            let rests = i64::try_from(*asked)
                .unwrap_or(i64::MAX)
                .saturating_mul(1_000)
                / most;
            let resting = &mut self.options.settings.resting;
            resting.insert(bridge.clone(), now.plus_ms(rests));
        }
    }

    fn poll(&self) -> Result<Vec<Entry>, Error> {
        let partition = self.options.settings.partition;
        let positions = partition_state(&self.view, partition).positions;
        let from: Vec<ReadFrom> = Topic::INPUTS
            .into_iter()
            .map(|topic| ReadFrom {
                at: TopicPartition { topic, partition },
                offset: positions.get(&topic).copied().unwrap_or(0),
            })
            .collect();
        Ok(self.log.read(&from, self.limit(), self.wait())?)
    }

    /// Waits no longer than until the next deadline.
    fn wait(&self) -> Duration {
        let now = self.clock.now();
        let horizon = now.plus_ms(self.options.poll_wait.as_millis() as i64);
        let mut wait = self.options.poll_wait;
        for bridge in &self.options.settings.bridges {
            if let Some(aside) = bridge_state(&self.view, bridge).aside {
                if aside.released {
                    return Duration::ZERO;
                }
                // Its deadlines stay due until it is released.
                continue;
            }
            if walk::next(&self.view, bridge).is_some() {
                // What is left of it is taken further with whatever input there is.
                let rests = self.options.settings.resting.get(bridge);
                let rests = rests.map_or(0, |until| until.0.saturating_sub(now.0).max(0));
                wait = wait.min(Duration::from_millis(rests as u64));
            }
            let (from, _) = ViewKey::range(bridge, 0x06);
            if let Some((key, _)) = self.view.first(&from, &ViewKey::due_after(bridge, horizon)) {
                let at = due_at(&key, bridge);
                wait = wait.min(Duration::from_millis(
                    at.0.saturating_sub(now.0).max(0) as u64
                ));
            }
        }
        wait
    }

    /// One commit with journal events, outputs and input positions; then the view follows.
    fn commit(&mut self, output: Output, batch: &[Entry], now: Timestamp) -> Result<(), Error> {
        let partition = self.options.settings.partition;
        let due = self.events_since_digest >= self.options.digest_interval_events;
        let end = self.send(&output.outputs, &output.positions)?;
        let journaled = output
            .outputs
            .iter()
            .filter(|one| one.topic == Topic::Journal)
            .count() as u64;
        self.count(&output, batch);
        self.view.apply(output.changes, end);
        self.events_since_digest += journaled;
        for bridge in &output.quarantined {
            tracing::error!(%bridge, partition, "bridge {bridge} is quarantined");
        }
        let changes = [
            "mode_changed",
            "mass_change_braked",
            "mass_change_settled",
            "walk_ended",
        ];
        let changed = changes.iter().any(|name| output.events.contains_key(name));
        if !output.quarantined.is_empty() || changed {
            self.show_bridges();
        }
        if due {
            let digest = self.view.settled_digest().to_bytes();
            self.check_view()?;
            let (changes, outgoing) = step::record_digest(&self.view, partition, digest, now);
            let end = self.send(&[outgoing], &[])?;
            self.view.apply(changes, end);
            self.events_since_digest = 0;
        }
        Ok(())
    }

    /// Commits, settling an unknown outcome by the same call. Returns the journal's new end.
    fn send(
        &mut self,
        outputs: &[Outgoing],
        positions: &[(TopicPartition, u64)],
    ) -> Result<u64, Error> {
        let partition = self.options.settings.partition;
        let mut reason = String::new();
        let outcome = |name: &str| {
            metrics()
                .commits_total
                .with_label_values(&["processor", name])
                .inc()
        };
        for _ in 0..COMMIT_RETRIES_MAX {
            match self.log.commit(&self.lease, outputs.to_vec(), positions) {
                Commit::Committed { ends } => {
                    outcome("committed");
                    let end = ends.get(&Topic::Journal).copied();
                    return Ok(end.unwrap_or(self.view.journal_offset()));
                }
                Commit::Aborted { fenced: true, .. } => {
                    outcome("aborted");
                    return Err(Error::Fenced { partition });
                }
                Commit::Aborted { reason: why, .. } => {
                    outcome("aborted");
                    reason = why;
                }
                Commit::Unknown { reason: why } => {
                    outcome("unknown");
                    reason = why;
                }
            }
            tracing::warn!(
                partition,
                reason,
                "a commit has not come through, trying again"
            );
        }
        Err(Error::Unsettled { partition, reason })
    }

    fn count(&mut self, output: &Output, batch: &[Entry]) {
        self.counts.observations += batch.len() as u64;
        let now = self.clock.now();
        for entry in batch {
            let topic = entry.at.topic.label();
            metrics()
                .observations_total
                .with_label_values(&[topic])
                .inc();
            let lag_ms = now.0.saturating_sub(entry.appended_at.0).max(0);
            let gauge = metrics().processor_lag_seconds.with_label_values(&[topic]);
            gauge.set(lag_ms as f64 / 1000.0);
        }
        for (name, count) in &output.events {
            *self.counts.events.entry((*name).to_owned()).or_default() += count;
            let counter = &metrics().journal_events_total;
            counter.with_label_values(&[name]).inc_by(*count);
        }
        for (reason, count) in &output.unchanged {
            *self.counts.unchanged.entry(reason.clone()).or_default() += count;
            let counter = &metrics().observations_unchanged_total;
            counter.with_label_values(&[reason]).inc_by(*count);
        }
        for message in output.outputs.iter().filter_map(|one| one.message.as_ref()) {
            count_message(message);
        }
    }

    /// Puts a mapping whose version is higher than the active one's on the decisions topic.
    fn offer_mappings(&mut self) -> Result<(), Error> {
        let partition = self.options.settings.partition;
        for (bridge, (version, offer)) in &self.options.offers {
            let entry = self.view.get(&ViewKey::mapping(bridge));
            if let Some(ViewEntry::Mapping(active)) = entry.as_deref() {
                if active.version == *version && active.hash != offer.hash() {
                    let (bridge, version) = (bridge.clone(), *version);
                    return Err(Error::MappingVersion { bridge, version });
                }
                if active.version > *version {
                    tracing::warn!(
                        %bridge,
                        "the mapping file of {bridge} has version {version}, version {} is active \
                         and stays; raise the file's version to change it",
                        active.version
                    );
                }
                if active.version >= *version {
                    continue;
                }
            }
            let mut outgoing = Vec::new();
            if entry.is_none() && self.options.begin_in_shadow.contains(bridge) {
                // Before the mapping: nothing is written until a person says so.
                let id = format!("mode/{bridge}/begins");
                let (mode, by) = (BridgeMode::Shadow, "configuration".to_owned());
                let body = ObservationBody::ModeDecided { mode, by };
                outgoing.push(self.decision(bridge, partition, &id, body));
            }
            let id = format!("mapping/{bridge}/{version}/{}", hex::encode(offer.hash()));
            let body = ObservationBody::MappingOffered {
                version: *version,
                hash: offer.hash(),
                body: offer.body(),
            };
            outgoing.push(self.decision(bridge, partition, &id, body));
            self.log.append(outgoing)?;
        }
        Ok(())
    }

    fn decision(
        &self,
        bridge: &BridgeId,
        partition: u32,
        id: &str,
        body: ObservationBody,
    ) -> Outgoing {
        let observation = Observation {
            id: ObservationId::of_decision(id),
            bridge: bridge.clone(),
            received_at: self.clock.now(),
            traceparent: None,
            body,
        };
        Outgoing {
            topic: Topic::Decisions,
            place: Place::Partition(partition),
            key: bridge.text(),
            message: Some(Message::Observation(Box::new(observation))),
        }
    }
}

/// Counts what people are told of.
fn count_message(message: &Message) {
    match message {
        Message::DeadLetter(letter) => {
            let reason = letter.reason.split(':').next().unwrap_or("unknown");
            metrics()
                .dead_letters_total
                .with_label_values(&[reason])
                .inc();
        }
        Message::CustomerEvent(event) => {
            let account = match event.account {
                Some(_) => "known",
                None => "none",
            };
            let counter = &metrics().customer_events_total;
            counter
                .with_label_values(&[event.kind.label(), account])
                .inc();
        }
        Message::Journal(entry) => {
            if let Some(kind) = entry.event.asks() {
                let counter = &metrics().review_items_total;
                counter.with_label_values(&[kind.label()]).inc();
            }
            if let DomainEvent::RecordHealed { record, .. } = &entry.event {
                let counter = &metrics().healed_records_total;
                let labels = [record.source.as_str(), record.object.as_str()];
                counter.with_label_values(&labels).inc();
            }
        }
        _ => {}
    }
}

fn due_at(key: &ViewKey, bridge: &BridgeId) -> Timestamp {
    let start = bridge.as_str().len() + 2;
    let bytes = key.as_bytes().get(start..start + 8);
    let bytes: [u8; 8] = bytes.and_then(|b| b.try_into().ok()).unwrap_or_default();
    Timestamp(u64::from_be_bytes(bytes) as i64)
}
