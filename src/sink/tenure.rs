//! One holding of a lease: read, run lanes, commit results and position together, until the lease
//! is lost or the worker is told to stop.

use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::{JoinError, JoinHandle, JoinSet};
use tokio::time::{Instant, MissedTickBehavior};

use crate::clients::System;
use crate::domain::{Command, CommandKind, Message, Outcome};
use crate::ports::event_log::{Commit, Entry, EntryBody, Lease, Outgoing, TopicPartition};
use crate::ports::membership::Claim;
use crate::sink::ahead::Ahead;
use crate::sink::executor::{Alone, Answer};
use crate::sink::first_try::FirstTries;
use crate::sink::hold::Hold;
use crate::sink::in_flight::InFlight;
use crate::sink::lanes::{Job, Lanes, Start};
use crate::sink::running::Running;
use crate::sink::worker::{Taken, Worker};
use crate::sink::{answer, commit, left, reader};
use crate::telemetry::metrics;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The lease must be acquired anew.
    Lost,
    Stopped,
}

pub struct Tenure<'a> {
    worker: &'a Worker,
    lease: Lease,
    at: TopicPartition,
    /// Where the topic ended when the lease was taken.
    end: u64,
    first_tries: FirstTries,
    /// Until then a request of the predecessor may still be under way.
    writes_from: Instant,
    in_flight: InFlight,
    ahead: Ahead,
    lanes: Lanes,
    running: Running,
    /// Commands that wait for long, and their turn after it.
    resting: JoinSet<(Job, Alone)>,
    /// Results that are not in a commit yet.
    settled: Vec<Outgoing>,
    committing: Option<JoinHandle<(Commit, u64)>>,
    committed: u64,
    /// How many results the running commit holds, and when it began.
    committing_count: usize,
    committing_since: Instant,
    /// The last moment of which it is known that the lease held.
    confirmed: watch::Sender<Instant>,
}

impl<'a> Tenure<'a> {
    pub fn new(worker: &'a Worker, taken: Taken) -> Self {
        let lease = &taken.lease;
        let topic = worker.topic();
        let at = TopicPartition {
            topic,
            partition: worker.options.partition,
        };
        let position = lease.positions.get(&topic).copied().unwrap_or(0);
        let end = lease.ends.get(&topic).copied().unwrap_or(0);
        let (partition, epoch) = (at.partition, lease.epoch);
        let system = worker.executor.system().as_str();
        tracing::info!(
            system,
            partition,
            epoch,
            position,
            end,
            "the {system} sink has a lease"
        );
        let writes_from = Instant::now() + predecessor_wait(worker, &taken, position < end);
        Self {
            worker,
            at,
            end,
            first_tries: FirstTries {
                clock: worker.clock.clone(),
                end,
                predecessor_until: writes_from,
                age_max: worker.options.first_try_age_max,
            },
            writes_from,
            lease: taken.lease,
            in_flight: InFlight::new(position),
            ahead: taken.ahead,
            lanes: Lanes::new(worker.options.lanes_max),
            running: Running::default(),
            resting: JoinSet::new(),
            settled: Vec::new(),
            committing: None,
            committed: position,
            committing_count: 0,
            committing_since: taken.asked,
            confirmed: watch::channel(taken.asked).0,
        }
    }

    /// Works until the lease is lost, or it is told to stop, or the partition is another process's.
    pub async fn run(mut self, stop: &mut watch::Receiver<bool>, claim: &mut Claim) -> Ended {
        let (log, wait) = (self.worker.log.clone(), self.worker.options.read_wait);
        let mut entries = match reader::start(log, self.at, self.in_flight.next(), wait) {
            Ok(entries) => entries,
            Err(error) => {
                tracing::error!(%error, "the reader's thread cannot be started");
                return Ended::Lost;
            }
        };
        let ended = self.serve(&mut entries, stop, claim).await;
        drop(entries);
        let ended = match ended {
            Ended::Stopped => self.wind_down().await,
            Ended::Lost => Ended::Lost,
        };
        if ended == Ended::Stopped && self.running.is_empty() {
            self.say_left().await;
        }
        // What is cut off here may still take effect; the next owner waits that out.
        self.running.shutdown().await;
        ended
    }

    async fn serve(
        &mut self,
        entries: &mut mpsc::Receiver<Entry>,
        stop: &mut watch::Receiver<bool>,
        claim: &mut Claim,
    ) -> Ended {
        let mut check = tokio::time::interval(self.worker.options.lease_check_interval);
        check.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut read = Vec::new();
        loop {
            self.start_commands();
            let doubts = !self.running.is_empty() && !self.hold().is_sure();
            if !self.settled.is_empty() || doubts {
                self.start_commit();
            }
            let room = self.room();
            // In this order: a stop starts nothing more, and what ends makes room for what waits.
            tokio::select! {
                biased;
                _ = stop.wait_for(|stop| *stop) => return Ended::Stopped,
                // What runs is finished first, so that it need not be waited for there.
                () = claim.withdrawn() => return Ended::Stopped,
                done = finished(&mut self.committing) => {
                    if !self.after_commit(done) {
                        return Ended::Lost;
                    }
                }
                Some(ended) = self.running.next(), if !self.running.is_empty() => {
                    self.after_request(ended);
                }
                Some(rested) = self.resting.join_next(), if !self.resting.is_empty() => {
                    let (job, alone) = rested.expect("sleeping does not panic");
                    self.lanes.apart(job, alone);
                }
                // An owner that is stuck in retries would not notice that it lost its lease.
                _ = check.tick() => if self.has_work() {
                    self.start_commit();
                },
                // All that is there: what waits together may share a request.
                count = entries.recv_many(&mut read, room), if room > 0 => {
                    if count == 0 {
                        return Ended::Lost;
                    }
                    read.drain(..).for_each(|entry| self.take(entry));
                }
            }
        }
    }

    /// Finishes what runs, within the grace. What waits is left to the next owner.
    async fn wind_down(&mut self) -> Ended {
        let deadline = Instant::now() + self.worker.options.grace;
        let mut late = false;
        loop {
            if !self.settled.is_empty() {
                self.start_commit();
            }
            if self.committing.is_none() && (late || self.running.is_empty()) {
                return Ended::Stopped;
            }
            tokio::select! {
                Some(ended) = self.running.next(), if !self.running.is_empty() => {
                    self.after_request(ended);
                }
                done = finished(&mut self.committing) => {
                    // Lost or not, there is no more to do than to stop.
                    if !self.after_commit(done) {
                        return Ended::Stopped;
                    }
                }
                () = tokio::time::sleep_until(deadline), if !late => late = true,
            }
        }
    }

    /// The last commit: that nothing of this owner is under way any more.
    async fn say_left(&mut self) {
        let system = self.worker.executor.system();
        let (partition, epoch) = (self.at.partition, self.lease.epoch);
        let word = left::word(system, partition, epoch, self.worker.clock.now());
        let (log, lease) = (self.worker.log.clone(), self.lease.clone());
        let position = (self.at, self.in_flight.position());
        let said = tokio::task::spawn_blocking(move || {
            commit::settle(&log, system, &lease, &[word], position)
        });
        // Where it cannot be said, the successor waits.
        let _ = said.await;
    }

    /// What the tasks of this tenure work under.
    fn hold(&self) -> Hold {
        let valid_for = valid_for(self.worker);
        Hold::new(self.confirmed.subscribe(), valid_for)
    }

    /// Commands that are taken, and results on their way to the log, are bounded together.
    fn room(&self) -> usize {
        let taken = self.in_flight.len() + self.settled.len() + self.committing_count;
        self.worker.options.window_max.saturating_sub(taken)
    }

    fn has_work(&self) -> bool {
        self.in_flight.len() > 0 || self.in_flight.position() > self.committed
    }

    fn take(&mut self, entry: Entry) {
        let offset = entry.offset;
        if !self.in_flight.take(offset) {
            return;
        }
        if offset < self.end && self.ahead.is_settled(offset) {
            return self.in_flight.settle(offset);
        }
        let name = topic_name(self.worker.executor.system());
        let now = self.worker.clock.now();
        let dead = match entry.body {
            EntryBody::Message(Message::Command(command)) => {
                if self.worker.bridges.contains_key(&command.bridge) {
                    let command = *command;
                    let sharing = self.worker.executor.sharing(&command);
                    let job = Job {
                        offset,
                        command,
                        sharing,
                    };
                    if let Some(superseded) = self.lanes.push(job) {
                        // Its successor stands at a later offset and is not settled yet.
                        self.in_flight.settle(superseded);
                    }
                    return;
                }
                let body = EntryBody::Tombstone;
                answer::unknown_bridge(name, &Entry { body, ..entry }, &command, now)
            }
            EntryBody::Tombstone => return self.in_flight.settle(offset),
            _ => answer::not_a_command(name, &entry, now),
        };
        tracing::error!(
            offset,
            reason = dead.reason,
            "a command became a dead letter"
        );
        let labels = [dead.reason.as_str()];
        metrics()
            .dead_letters_total
            .with_label_values(&labels)
            .inc();
        self.settled.push(answer::outgoing(dead));
        self.in_flight.settle(offset);
    }

    fn start_commands(&mut self) {
        let first_tries = self.first_tries.clone();
        let read_first = |job: &Job| first_tries.read_first(job.offset, &job.command);
        while let Some(start) = self.lanes.start(read_first) {
            match start {
                Start::One(job, alone) => self.start_one(*job, alone),
                Start::Many(jobs) => self.start_many(jobs),
            }
        }
    }

    fn start_one(&mut self, job: Job, alone: Alone) {
        let executor = self.worker.executor.clone();
        let first_tries = self.first_tries.clone();
        let (offset, command) = (job.offset, job.command.clone());
        let writes_from = self.writes_from;
        let hold = self.hold();
        let task = async move {
            if matches!(command.kind, CommandKind::Write(_)) {
                tokio::time::sleep_until(writes_from).await;
            }
            let mut alone = alone;
            if !alone.repeat && first_tries.read_first(offset, &command) {
                alone.repeat = true;
                alone.sent_until = first_tries.sent_until(offset, &command);
            }
            vec![executor.proceed(&command, alone).await]
        };
        self.running.start(vec![job], hold.over(task));
    }

    fn start_many(&mut self, jobs: Vec<Job>) {
        let executor = self.worker.executor.clone();
        let first_tries = self.first_tries.clone();
        let offsets: Vec<u64> = jobs.iter().map(|job| job.offset).collect();
        let commands: Vec<Command> = jobs.iter().map(|job| job.command.clone()).collect();
        let writes_from = self.writes_from;
        let hold = self.hold();
        let task = async move {
            tokio::time::sleep_until(writes_from).await;
            let mut tries = offsets.iter().zip(&commands);
            // Of those that grew old meanwhile each reads first, by itself.
            if tries.any(|(offset, command)| first_tries.read_first(*offset, command)) {
                return Answer::all_alone(commands.len(), Alone::default());
            }
            executor.execute_many(&commands).await
        };
        self.running.start(jobs, hold.over(task));
    }

    fn after_request(&mut self, ended: Vec<(Job, Answer)>) {
        if let Some((job, _)) = ended.first() {
            self.lanes.freed(job);
        }
        for (job, answer) in ended {
            match answer {
                Answer::Settled(outcome) => self.settle(&job, outcome),
                Answer::Alone(alone) if alone.after.is_zero() => self.lanes.apart(job, alone),
                // Its lane stays its own, and its place among the requests is for others.
                Answer::Alone(alone) => {
                    self.resting.spawn(async move {
                        tokio::time::sleep(alone.after).await;
                        (job, alone)
                    });
                }
            }
        }
    }

    fn settle(&mut self, job: &Job, outcome: Outcome) {
        // An answer to any attempt settles the command: who waits behind it has nothing to do.
        let sure = !matches!(outcome, Outcome::Unknown { .. });
        for answered in self.lanes.done(job, sure) {
            self.in_flight.settle(answered);
        }
        self.record(&job.command, &outcome);
        let partition = self.worker.bridges[&job.command.bridge];
        let now = self.worker.clock.now();
        self.settled
            .push(answer::result(&job.command, outcome, partition, now));
        self.in_flight.settle(job.offset);
    }

    /// How long a change was under way, from our edge to the answer of the other system.
    fn record_lateness(&self, command: &Command, system: &str) {
        let now = self.worker.clock.now();
        let took_ms = now.0.saturating_sub(command.caused_at.0);
        let latency = &metrics().sink.sync_latency_seconds;
        let direction = format!("to_{system}");
        let seconds = took_ms.max(0) as f64 / 1000.0;
        latency.with_label_values(&[&direction]).observe(seconds);
    }

    fn record(&self, command: &Command, outcome: &Outcome) {
        let system = self.worker.executor.system().as_str();
        let (kind, ending) = (answer::kind(command), answer::ending(outcome));
        let labels = [system, kind, ending];
        metrics().commands_total.with_label_values(&labels).inc();
        let took_ms = self
            .worker
            .clock
            .now()
            .0
            .saturating_sub(command.requested_at.0);
        let latency = &metrics().sink.command_latency_seconds;
        let seconds = took_ms.max(0) as f64 / 1000.0;
        latency.with_label_values(&[system, kind]).observe(seconds);
        if let Outcome::Written { .. } = outcome {
            self.record_lateness(command, system);
        }
        let (id, attempt) = (command.id, command.attempt);
        match outcome {
            Outcome::Rejected(rejection) => {
                let (class, code) = (rejection.class.as_str(), rejection.code.as_str());
                tracing::warn!(command_id = %id, attempt, kind, class, code, "{id} was refused");
            }
            Outcome::Unknown { .. } => {
                tracing::warn!(command_id = %id, attempt, kind, "{id} has an unknown outcome");
            }
            _ => tracing::debug!(command_id = %id, attempt, kind, ending, "{id} is settled"),
        }
    }

    fn start_commit(&mut self) {
        if self.committing.is_some() {
            return;
        }
        self.committing_since = Instant::now();
        let mut outputs = std::mem::take(&mut self.settled);
        self.committing_count = outputs.len();
        let now = self.worker.clock.now();
        let (settled, next) = (self.in_flight.ahead(), self.in_flight.next());
        outputs.extend(self.ahead.tell(settled, next, now));
        let position = (self.at, self.in_flight.position());
        let log = self.worker.log.clone();
        let lease = self.lease.clone();
        let system = self.worker.executor.system();
        self.committing = Some(tokio::task::spawn_blocking(move || {
            let commit = commit::settle(&log, system, &lease, &outputs, position);
            (commit, position.1)
        }));
    }

    /// Whether the lease still holds.
    fn after_commit(&mut self, done: Result<(Commit, u64), JoinError>) -> bool {
        self.committing = None;
        self.committing_count = 0;
        let reason = match done {
            Ok((Commit::Committed { .. }, position)) => {
                self.committed = position;
                self.confirmed.send_replace(self.committing_since);
                return true;
            }
            Ok((Commit::Aborted { reason, .. } | Commit::Unknown { reason }, _)) => reason,
            Err(_) => "the call was cut off".into(),
        };
        let partition = self.at.partition;
        tracing::warn!(
            partition,
            reason,
            "a commit failed, the lease is acquired anew"
        );
        false
    }
}

/// How long after it was sure of its lease a sink sends what writes.
fn valid_for(worker: &Worker) -> Duration {
    worker.options.lease_check_interval * 2
}

/// Nothing to wait for without a predecessor, after one that left in good order, or, where no other
/// process can be there, if it left nothing unsettled.
fn predecessor_wait(worker: &Worker, taken: &Taken, unsettled: bool) -> Duration {
    if taken.lease.epoch > 1 && !taken.is_orderly && (taken.is_shared || unsettled) {
        // It may go on until it is not sure of its lease any more, and its last request after that.
        worker.executor.request_timeout() + valid_for(worker)
    } else {
        Duration::ZERO
    }
}

fn topic_name(system: System) -> &'static str {
    match system {
        System::Intercom => "intercom.writes",
        System::Salesforce => "salesforce.writes",
    }
}

/// Waits for the running commit; for ever if there is none.
async fn finished<T>(running: &mut Option<JoinHandle<T>>) -> Result<T, JoinError> {
    match running {
        Some(running) => running.await,
        None => std::future::pending().await,
    }
}
