//! The log with its spool: an append that the log does not take in time goes to the spool, and so
//! does every one after it until the spool is empty again.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use crate::domain::{Timestamp, Topic};
use crate::log::spool::file::{self, File};
use crate::ports::event_log::{Bounds, Commit, Entry, EntryBody, Error, EventLog, Group, Lease};
use crate::ports::event_log::{Outgoing, ReadFrom, ReadLimit, TopicPartition};
use crate::ports::membership::Membership;
use crate::telemetry::metrics;

/// Between two tries to append what waits.
const PAUSE_FIRST: Duration = Duration::from_millis(100);
const PAUSE_MAX: Duration = Duration::from_secs(5);

#[derive(Clone, Debug)]
pub struct Options {
    pub folder: PathBuf,
    pub bytes_max: u64,
    /// How long an append may take before it is spooled.
    pub after: Duration,
}

/// The event log, whose appends outlive an outage of it.
pub struct SpoolingLog {
    log: Arc<dyn EventLog>,
    after: Duration,
    shared: Arc<Shared>,
    /// One append at a time: those behind it would not be in order.
    jobs: Mutex<SyncSender<Job>>,
}

struct Shared {
    spool: Mutex<File>,
    stops: AtomicBool,
}

/// Shared with whoever spools them if the log is late.
type Batches = Arc<Vec<Vec<Outgoing>>>;

struct Job {
    batches: Batches,
    answer: Arc<Mutex<Told>>,
    done: SyncSender<()>,
}

/// What became of an append. Taken and given under the spool's lock, so that it is spooled or
/// answered and never both.
#[derive(Default)]
enum Told {
    #[default]
    Waits,
    Answered(Result<(), Error>),
    /// Nobody waits any more: it stands in the spool under this number.
    Spooled(u64),
}

impl Shared {
    fn spool(&self) -> MutexGuard<'_, File> {
        self.spool.lock().expect("no holder of this lock panics")
    }

    fn show(&self, spool: &File) {
        let shown = &metrics().spool;
        let gauge = |gauge: &prometheus::IntGaugeVec, value: u64| {
            let none: &[&str] = &[];
            gauge.with_label_values(none).set(value as i64);
        };
        gauge(&shown.appends, spool.len());
        gauge(&shown.bytes, spool.bytes());
    }

    fn push(&self, spool: &mut File, entries: &[Outgoing]) -> Result<u64, Error> {
        let pushed = spool.push(entries);
        let number = pushed.map_err(|error| Error::Append(error.to_string()))?;
        if spool.len() == 1 {
            tracing::warn!("the log takes nothing: webhooks wait in the spool");
        }
        let none: &[&str] = &[];
        metrics().spool.spooled_total.with_label_values(none).inc();
        self.show(spool);
        Ok(number)
    }

    fn pop(&self, spool: &mut File) -> Result<(), file::Error> {
        spool.pop()?;
        if spool.is_empty() {
            tracing::info!("the spool is empty again");
        }
        self.show(spool);
        Ok(())
    }
}

impl SpoolingLog {
    /// Puts a spool before a log. What a predecessor left in it is appended first.
    pub fn open(log: Arc<dyn EventLog>, options: Options) -> Result<Self, file::Error> {
        let spool = File::open(&options.folder, options.bytes_max)?;
        let shared = Arc::new(Shared {
            spool: Mutex::new(spool),
            stops: AtomicBool::new(false),
        });
        shared.show(&shared.spool());
        let (jobs, waiting) = sync_channel(1);
        let (to, known) = (Arc::clone(&log), Arc::clone(&shared));
        let thread = std::thread::Builder::new().name("spool-append".to_owned());
        let started = thread.spawn(move || append_on(to.as_ref(), &known, &waiting));
        started.map_err(|source| file::Error::Io {
            folder: options.folder.display().to_string(),
            source,
        })?;
        Ok(Self {
            log,
            after: options.after,
            shared,
            jobs: Mutex::new(jobs),
        })
    }

    fn append_in_time(&self, batches: Batches) -> Result<(), Error> {
        let jobs = self.jobs.lock().expect("no holder of this lock panics");
        let mut spool = self.shared.spool();
        if !spool.is_empty() {
            return self.shared.push(&mut spool, &batches.concat()).map(|_| ());
        }
        drop(spool);
        let answer = Arc::new(Mutex::new(Told::Waits));
        let (done, finished) = sync_channel(1);
        let job = Job {
            batches: Arc::clone(&batches),
            answer: Arc::clone(&answer),
            done,
        };
        let ended = |_| Error::Append("the appending thread has ended".to_owned());
        jobs.send(job).map_err(ended)?;
        let _ = finished.recv_timeout(self.after);
        let mut spool = self.shared.spool();
        let mut told = answer.lock().expect("no holder of this lock panics");
        match std::mem::take(&mut *told) {
            // It may be appended yet: then it is taken from the spool again.
            Told::Waits | Told::Answered(Err(Error::Append(_))) => {
                let number = self.shared.push(&mut spool, &batches.concat())?;
                *told = Told::Spooled(number);
                Ok(())
            }
            Told::Answered(answered) => answered,
            Told::Spooled(_) => Ok(()),
        }
    }
}

/// Appends what it is handed, and meanwhile what waits in the spool, until the log is dropped. A
/// predecessor's comes first.
fn append_on(log: &dyn EventLog, shared: &Shared, waiting: &Receiver<Job>) {
    loop {
        drain(log, shared);
        let job = match waiting.recv_timeout(PAUSE_FIRST) {
            Ok(job) => job,
            Err(RecvTimeoutError::Timeout) => continue,
            Err(RecvTimeoutError::Disconnected) => return,
        };
        let appended = log.append_all(job.batches);
        let mut spool = shared.spool();
        let mut told = job.answer.lock().expect("no holder of this lock panics");
        match *told {
            Told::Spooled(number) if appended.is_ok() => take_out(shared, &mut spool, number),
            Told::Spooled(_) => {}
            _ => *told = Told::Answered(appended),
        }
        drop((told, spool));
        // Nobody waits any more where it took too long.
        let _ = job.done.try_send(());
    }
}

/// An append that came through late after all needs no second one.
fn take_out(shared: &Shared, spool: &mut File, number: u64) {
    let is_first = matches!(spool.front(), Ok(Some(first)) if first.number == number);
    if is_first && let Err(error) = shared.pop(spool) {
        tracing::error!(%error, "an append is taken from the spool twice");
    }
}

/// Appends what waits, in order, until nothing does.
fn drain(log: &dyn EventLog, shared: &Shared) {
    let mut pause = PAUSE_FIRST;
    while !shared.stops.load(Ordering::Relaxed) {
        let front = shared.spool().front();
        let first = match front {
            Ok(None) => return,
            Ok(Some(first)) => first,
            Err(error) => {
                tracing::error!(%error, "the spool cannot be read");
                std::thread::sleep(PAUSE_MAX);
                continue;
            }
        };
        match log.append(first.entries.clone()) {
            Ok(()) => pause = PAUSE_FIRST,
            Err(error @ (Error::Encode { .. } | Error::NoPartition { .. })) => {
                tracing::error!(%error, "what the log refuses stands in appends.refused");
                if let Err(error) = shared.spool().set_aside(&first) {
                    tracing::error!(%error, "and cannot be set aside");
                    std::thread::sleep(PAUSE_MAX);
                    continue;
                }
            }
            Err(_) => {
                std::thread::sleep(pause);
                pause = (pause * 2).min(PAUSE_MAX);
                continue;
            }
        }
        if let Err(error) = shared.pop(&mut shared.spool()) {
            tracing::error!(%error, "an append is taken from the spool twice");
        }
    }
}

impl Drop for SpoolingLog {
    fn drop(&mut self) {
        // What waits stays on the disk, for whoever opens it next.
        self.shared.stops.store(true, Ordering::Relaxed);
    }
}

impl EventLog for SpoolingLog {
    fn append(&self, batch: Vec<Outgoing>) -> Result<(), Error> {
        self.append_in_time(Arc::new(vec![batch]))
    }

    fn append_all(&self, batches: Batches) -> Result<(), Error> {
        self.append_in_time(batches)
    }

    fn read(
        &self,
        from: &[ReadFrom],
        limit: ReadLimit,
        wait: Duration,
    ) -> Result<Vec<Entry>, Error> {
        self.log.read(from, limit, wait)
    }

    fn read_below(&self, from: ReadFrom, end: u64, limit: ReadLimit) -> Result<Vec<Entry>, Error> {
        self.log.read_below(from, end, limit)
    }

    fn bounds(&self, at: TopicPartition) -> Result<Bounds, Error> {
        self.log.bounds(at)
    }

    fn positions(&self, group: Group, partition: u32) -> Result<BTreeMap<Topic, u64>, Error> {
        self.log.positions(group, partition)
    }

    fn first_appended(&self, from: ReadFrom, end: u64) -> Result<Option<Timestamp>, Error> {
        self.log.first_appended(from, end)
    }

    fn decode(&self, topic: Topic, value: &[u8]) -> Result<EntryBody, Error> {
        self.log.decode(topic, value)
    }

    fn latest(&self, topic: Topic, key: &str) -> Result<Option<Entry>, Error> {
        self.log.latest(topic, key)
    }

    fn join(&self, group: Group, partitions: u32) -> Result<Box<dyn Membership>, Error> {
        self.log.join(group, partitions)
    }

    fn acquire(&self, group: Group, partition: u32) -> Result<Lease, Error> {
        self.log.acquire(group, partition)
    }

    fn commit(
        &self,
        lease: &Lease,
        outputs: Vec<Outgoing>,
        positions: &[(TopicPartition, u64)],
    ) -> Commit {
        self.log.commit(lease, outputs, positions)
    }
}
