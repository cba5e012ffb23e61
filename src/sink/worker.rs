//! A worker: owns one partition of a system's writes topic while its lease holds, and acquires it
//! again when it is lost.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use crate::clients::System;
use crate::domain::{BridgeId, Topic};
use crate::ports::clock::Clock;
use crate::ports::event_log::{self, EventLog, Group, Lease};
use crate::ports::membership::{Claim, Share};
use crate::sink::ahead::{self, Ahead};
use crate::sink::executor::Execute;
use crate::sink::left;
use crate::sink::tenure::{Ended, Tenure};
use crate::telemetry::metrics;

/// Between two tries to acquire.
const ACQUIRE_PAUSE: Duration = Duration::from_secs(1);

#[derive(Clone, Debug)]
pub struct Options {
    /// The partition of the writes topic.
    pub partition: u32,
    /// Requests at once, for each bridge and source; for all together four times as many, and one
    /// for each beyond.
    pub lanes_max: usize,
    /// Commands taken and not yet committed.
    pub window_max: usize,
    /// A first try that is older reads before it writes.
    pub first_try_age_max: Duration,
    /// How long what runs may go on after a stop.
    pub grace: Duration,
    /// How often an owner with work in flight makes sure that it still is the owner. Twice as long
    /// after it last was sure it sends nothing that writes.
    pub lease_check_interval: Duration,
    /// How long one read of the log waits for a command.
    pub read_wait: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            partition: 0,
            lanes_max: 16,
            window_max: 256,
            first_try_age_max: Duration::from_secs(30),
            grace: Duration::from_secs(10),
            lease_check_interval: Duration::from_secs(1),
            read_wait: Duration::from_millis(250),
        }
    }
}

/// One partition's worker. Workers of a system share its executor.
pub struct Worker {
    pub(super) log: Arc<dyn EventLog>,
    pub(super) executor: Arc<dyn Execute>,
    pub(super) clock: Arc<dyn Clock>,
    /// Where each bridge's results go.
    pub(super) bridges: Arc<BTreeMap<BridgeId, u32>>,
    pub(super) options: Options,
    /// Whether the partition is this process's.
    claim: Claim,
}

impl Worker {
    pub fn new(
        log: Arc<dyn EventLog>,
        executor: Arc<dyn Execute>,
        clock: Arc<dyn Clock>,
        bridges: Arc<BTreeMap<BridgeId, u32>>,
        options: Options,
    ) -> Self {
        Self {
            log,
            executor,
            clock,
            claim: Claim::alone(options.partition),
            bridges,
            options,
        }
    }

    /// Shares the partitions of its group with other processes.
    pub fn sharing(mut self, share: watch::Receiver<Share>) -> Self {
        self.claim = Claim::new(share, self.options.partition);
        self
    }

    /// Works, while its partition is this process's, until `stop` turns true or its sender is
    /// dropped; then finishes what runs, within the grace, and commits it. The log's calls block,
    /// so they run on threads of their own.
    pub async fn run(&self, mut stop: watch::Receiver<bool>) {
        let (system, partition) = (self.executor.system(), self.options.partition);
        let mut claim = self.claim.clone();
        loop {
            let acquired = async {
                claim.granted().await;
                self.acquire(claim.is_shared()).await
            };
            let lease = tokio::select! {
                lease = acquired => lease,
                _ = stop.wait_for(|stop| *stop) => break,
            };
            match lease {
                Ok(taken) => {
                    let tenure = Tenure::new(self, taken);
                    match tenure.run(&mut stop, &mut claim).await {
                        Ended::Lost => claim.lost(),
                        Ended::Stopped if *stop.borrow() => break,
                        Ended::Stopped => {
                            tracing::info!(%system, partition, "another process has it now");
                            continue;
                        }
                    }
                }
                Err(error) => {
                    tracing::warn!(%system, partition, %error, "no lease, trying again");
                }
            }
            tokio::select! {
                () = tokio::time::sleep(ACQUIRE_PAUSE) => {}
                _ = stop.wait_for(|stop| *stop) => break,
            }
        }
        tracing::info!(%system, partition, "the {system} sink has stopped");
    }

    pub(super) fn topic(&self) -> Topic {
        match self.executor.system() {
            System::Intercom => Topic::IntercomWrites,
            System::Salesforce => Topic::SalesforceWrites,
        }
    }

    fn group(&self) -> Group {
        match self.executor.system() {
            System::Intercom => Group::IntercomSink,
            System::Salesforce => Group::SalesforceSink,
        }
    }

    /// The lease, and then what the predecessor has settled beyond its position: from now on it can
    /// say no more of that.
    async fn acquire(&self, is_shared: bool) -> Result<Taken, event_log::Error> {
        let asked = Instant::now();
        let (log, group, system) = (self.log.clone(), self.group(), self.executor.system());
        let partition = self.options.partition;
        let acquiring = tokio::task::spawn_blocking(move || {
            let lease = log.acquire(group, partition)?;
            let told = log.latest(Topic::Cursors, &ahead::key(system, partition))?;
            let ahead = Ahead::inherited(system, partition, told.as_ref());
            let left = log.latest(Topic::Cursors, &left::key(system, partition))?;
            Ok(Taken {
                is_orderly: left::is_said(lease.epoch, left.as_ref()),
                lease,
                ahead,
                asked,
                is_shared,
            })
        });
        let lost = |_| event_log::Error::Acquire("the call was cut off".into());
        let acquired = acquiring.await.map_err(lost)??;
        let labels = [system.as_str()];
        metrics().takeovers_total.with_label_values(&labels).inc();
        Ok(acquired)
    }
}

/// A lease that was acquired, and what the predecessor left.
pub struct Taken {
    pub lease: Lease,
    pub ahead: Ahead,
    /// When it was asked for: it held later than that.
    pub asked: Instant,
    /// Whether the predecessor went with no request under way.
    pub is_orderly: bool,
    /// Whether the predecessor may be another process that is still there.
    pub is_shared: bool,
}
