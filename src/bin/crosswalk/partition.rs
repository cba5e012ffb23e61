//! One partition of the processor: led while it is this process's, followed while it is not.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use crosswalk::ports::membership::Claim;
use crosswalk::processor::driver::snapshots::failed;
use crosswalk::processor::driver::{self, Driver, Options, take_over};
use crosswalk::processor::recovery;
use crosswalk::processor::snapshot::{journal_below, restore};
use crosswalk::processor::view::View;
use crosswalk::store::{self, Opened, SledStore, SnapshotFolder};
use crosswalk::telemetry::{RoleHealth, metrics};

use crate::processors::Shared;

/// How long one read of the journal waits for an entry, where somebody else leads.
const FOLLOW_WAIT: Duration = Duration::from_millis(100);
/// Between two tries while the log cannot be reached: doubled each time, up to the longest.
const PAUSE_FIRST: Duration = Duration::from_millis(200);
const PAUSE_MAX: Duration = Duration::from_secs(5);

/// The drivers at work in this process, by partition.
#[derive(Clone, Default)]
pub struct Drivers(Arc<Mutex<BTreeMap<u32, driver::Handle>>>);

impl Drivers {
    pub fn of(&self, partition: u32) -> Option<driver::Handle> {
        self.lock().get(&partition).cloned()
    }

    pub fn partitions(&self) -> Vec<u32> {
        self.lock().keys().copied().collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<u32, driver::Handle>> {
        self.0.lock().expect("no holder of this lock panics")
    }
}

/// Which partitions have not caught up yet: the role is ready once all have.
#[derive(Clone)]
pub struct Progress {
    role: RoleHealth,
    behind: Arc<Mutex<BTreeSet<u32>>>,
}

impl Progress {
    pub fn new(role: RoleHealth, partitions: BTreeSet<u32>) -> Self {
        role.not_ready("catching up");
        let behind = Arc::new(Mutex::new(partitions));
        Self { role, behind }
    }

    fn change(&self, change: impl FnOnce(&mut BTreeSet<u32>)) {
        let mut behind = self.behind.lock().expect("no holder of this lock panics");
        change(&mut behind);
        match behind.is_empty() {
            true => self.role.ready(),
            false => self.role.not_ready("catching up"),
        }
    }

    fn caught_up(&self, partition: u32) {
        self.change(|behind| {
            behind.remove(&partition);
        });
    }

    fn is_behind(&self, partition: u32) {
        self.change(|behind| {
            behind.insert(partition);
        });
    }
}

/// A partition and what it needs. It has one view, whoever leads.
pub struct Partition {
    pub shared: Shared,
    pub options: Options,
    pub claim: Claim,
    pub drivers: Drivers,
    pub progress: Progress,
    pub stop: Arc<AtomicBool>,
    /// When a view that is followed was checkpointed last.
    pub checkpointed: Instant,
}

impl Partition {
    /// Works until it is told to stop. What others may repair is waited for: an error is one that
    /// needs somebody.
    pub fn work(mut self) -> anyhow::Result<()> {
        let mut view = None;
        let mut pause = PAUSE_FIRST;
        while !self.stops() {
            let open = match view.take() {
                Some(open) => open,
                None => self.open_view()?,
            };
            let ended = match self.claim.may_acquire() {
                true => self.lead(open, &mut view),
                false => self.follow(open, &mut view),
            };
            match ended {
                Ok(()) => pause = PAUSE_FIRST,
                Err(error) if is_passing(&error) => {
                    let partition = self.options.settings.partition;
                    let error = format!("{:#}", anyhow::Error::from(error));
                    tracing::warn!(partition, error, "the log does not answer, trying again");
                    self.rest(pause);
                    pause = (pause * 2).min(PAUSE_MAX);
                }
                Err(error) => return Err(error.into()),
            }
        }
        if let Some(mut view) = view {
            view.checkpoint()?;
        }
        Ok(())
    }

    fn stops(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    fn rest(&self, pause: Duration) {
        let until = Instant::now() + pause;
        while !self.stops() && Instant::now() < until {
            std::thread::sleep(FOLLOW_WAIT.min(pause));
        }
    }

    fn open_view(&self) -> anyhow::Result<View> {
        let partition = self.options.settings.partition;
        let settings = &self.shared.config.view;
        let options = store::Options {
            open_timeout: settings.open_timeout,
            ..store::Options::default()
        };
        let path = settings.path.join(partition.to_string());
        let (mut store, how) = SledStore::open(path, options)?;
        if let Opened::Replaced { reason } = how {
            tracing::warn!(
                partition,
                reason,
                "the view's store is replaced and rebuilt: {reason}"
            );
        }
        if let Some(snapshots) = self.snapshots() {
            let log = self.shared.log.as_ref();
            let journal = |offset| journal_below(log, partition, offset);
            restore(&mut store, snapshots.as_ref(), partition, &journal)?;
        }
        Ok(View::open(Box::new(store))?)
    }

    /// A folder that cannot be used hinders nothing else.
    fn snapshots(&self) -> Option<Arc<SnapshotFolder>> {
        let settings = &self.shared.config.view;
        if !settings.snapshots_enabled {
            return None;
        }
        match SnapshotFolder::open(&settings.snapshots_path) {
            Ok(folder) => Some(Arc::new(folder)),
            Err(error) => {
                let partition = self.options.settings.partition;
                failed(partition, &format!("view.snapshots_path: {error}"));
                None
            }
        }
    }

    /// Takes the partition over and leads it until it is somebody else's. The view is handed back
    /// as it stands after the last commit, unless it must be opened anew.
    fn lead(&mut self, mut open: View, view: &mut Option<View>) -> Result<(), driver::Error> {
        let partition = self.options.settings.partition;
        self.progress.is_behind(partition);
        let goes_on = || !self.stops();
        let taken = match take_over(&self.shared.log, &mut open, &self.options, &goes_on) {
            Ok(taken) => taken,
            Err(driver::Error::Recovery(recovery::Error::Stopped)) => {
                // What it has folded is kept, and the next process goes on from there.
                *view = Some(open);
                return Ok(());
            }
            Err(error) => {
                *view = Some(open);
                return Err(error);
            }
        };
        let labels = ["processor"];
        metrics().takeovers_total.with_label_values(&labels).inc();
        let Shared { log, clock, .. } = self.shared.clone();
        let mut driver = Driver::lead(log, clock, open, taken, self.options.clone())?;
        if let Some(snapshots) = self.snapshots() {
            driver.keep_snapshots(snapshots, self.shared.config.view.snapshot_interval);
        }
        self.drivers.lock().insert(partition, driver.handle());
        self.progress.caught_up(partition);
        let ended = driver.run(|| !self.stops() && self.claim.is_ours());
        self.drivers.lock().remove(&partition);
        *view = Some(driver.into_view());
        match ended {
            Err(driver::Error::Fenced { .. }) if self.claim.is_shared() => {
                tracing::warn!(
                    partition,
                    "partition {partition} was taken over by another process"
                );
                self.claim.lost();
                Ok(())
            }
            Ok(()) if !self.stops() => {
                tracing::info!(partition, "partition {partition} is another process's now");
                Ok(())
            }
            ended => ended,
        }
    }

    /// Reads what the leader journals, so that a takeover has little to catch up with.
    fn follow(&mut self, mut open: View, view: &mut Option<View>) -> Result<(), driver::Error> {
        let partition = self.options.settings.partition;
        let followed = self.follow_once(&mut open);
        *view = Some(open);
        if followed? == 0 && self.claim.is_known() {
            self.progress.caught_up(partition);
        }
        Ok(())
    }

    fn follow_once(&mut self, open: &mut View) -> Result<u64, driver::Error> {
        let partition = self.options.settings.partition;
        let folded = recovery::follow(&self.shared.log, open, partition, FOLLOW_WAIT)?;
        if self.checkpointed.elapsed() >= self.options.checkpoint_interval && open.dirty_len() > 0 {
            open.checkpoint()?;
            self.checkpointed = Instant::now();
        }
        Ok(folded)
    }
}

/// Whether waiting may mend it: the log is what cannot be reached.
fn is_passing(error: &driver::Error) -> bool {
    matches!(
        error,
        driver::Error::Log(_)
            | driver::Error::Unsettled { .. }
            | driver::Error::Recovery(recovery::Error::Log(_))
    )
}
