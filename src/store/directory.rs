//! Opening sled within a time limit, with a fresh directory as the way out.
//!
//! ```text
//! <path>/owner          locked by the process that owns the store
//! <path>/view-<n>/      a sled database; the highest n counts
//! ```
//! An opening of sled cannot be cancelled, and one that was given up goes on in its thread and
//! may still write files by their paths. So its directory is left alone: a fresh one has the next
//! number, and older ones are removed by a later opening.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use crate::domain::view::VIEW_VERSION;
use crate::ports::view_store::{Error, Standing};
use crate::store::keys::STANDING;
use crate::store::standing;

const NAME: &str = "view-";
/// How long a lock may outlive its holder: a process that is being started inherits open files
/// for the moment before its program is loaded.
const LOCK_LINGERS: Duration = Duration::from_secs(1);

/// How a store is opened.
#[derive(Clone, Debug)]
pub struct Options {
    /// A store that takes longer to open is replaced: rebuilding has a known speed.
    pub open_timeout: Duration,
    /// A store of another version is replaced.
    pub view_version: u32,
    /// Pages that sled keeps in memory.
    pub cache_bytes: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            open_timeout: Duration::from_secs(20),
            view_version: VIEW_VERSION,
            cache_bytes: 32 << 20,
        }
    }
}

/// How opening went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Opened {
    /// There was no store, or an empty one.
    Fresh,
    /// The store is as it was left.
    Existing,
    /// There was one that cannot be used; the view is to be rebuilt.
    Replaced { reason: String },
}

/// The directory of a store, owned by this process.
#[derive(Debug)]
pub struct Directory {
    path: PathBuf,
    options: Options,
    /// Locked until the store is dropped.
    owner: File,
}

impl Directory {
    /// Takes ownership; fails when another store of this directory is open, here or elsewhere.
    pub fn own(path: &Path, options: Options) -> Result<Self, Error> {
        let failed = |reason: String| Error::Open {
            path: path.display().to_string(),
            reason,
        };
        fs::create_dir_all(path).map_err(|error| failed(error.to_string()))?;
        let owner = File::create(path.join("owner")).map_err(|error| failed(error.to_string()))?;
        match owner.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(failed("another owner has it open".to_owned()));
            }
            Err(TryLockError::Error(error)) => return Err(failed(error.to_string())),
        }
        Ok(Self {
            path: path.to_path_buf(),
            options,
            owner,
        })
    }

    /// Opens the database that counts, or a fresh one where it cannot be used.
    pub fn open(&self) -> Result<(sled::Db, Opened), Error> {
        let numbers = self.numbers().map_err(|error| self.failed(&error))?;
        let newest = numbers.last().copied().unwrap_or(0);
        self.remove(numbers.iter().copied().filter(|number| *number != newest));
        match self.try_open(newest) {
            Ok((db, Some(_))) => Ok((db, Opened::Existing)),
            Ok((db, None)) => Ok((db, Opened::Fresh)),
            Err(reason) => Ok((self.open_fresh()?, Opened::Replaced { reason })),
        }
    }

    /// Opens an empty database beside the others.
    pub fn open_fresh(&self) -> Result<sled::Db, Error> {
        let numbers = self.numbers().map_err(|error| self.failed(&error))?;
        let next = numbers.last().map_or(0, |newest| newest + 1);
        match self.try_open(next) {
            Ok((db, _)) => Ok(db),
            Err(reason) => Err(Error::Open {
                path: self.path.display().to_string(),
                reason,
            }),
        }
    }

    /// Removes every database but the newest. One whose opening was given up may be in the way
    /// of that; it is tried again next time.
    pub fn remove_older(&self) -> Result<(), Error> {
        let mut numbers = self.numbers().map_err(|error| self.failed(&error))?;
        numbers.pop();
        self.remove(numbers.into_iter());
        Ok(())
    }

    fn remove(&self, numbers: impl Iterator<Item = u64>) {
        for number in numbers {
            let path = self.numbered(number);
            if let Err(error) = fs::remove_dir_all(&path) {
                tracing::warn!(%error, path = %path.display(), "an old view was not removed");
            }
        }
    }

    /// The database and its standing; the reason when it cannot be used.
    fn try_open(&self, number: u64) -> Result<(sled::Db, Option<Standing>), String> {
        let config = sled::Config::new()
            .path(self.numbered(number))
            .cache_capacity(self.options.cache_bytes);
        let (found, waiting) = sync_channel(1);
        let opener = thread::Builder::new().name("view-open".to_owned());
        let spawned = opener.spawn(move || drop(found.try_send(open_unlocked(&config))));
        spawned.map_err(|error| error.to_string())?;
        let limit = self.options.open_timeout;
        let db = match waiting.recv_timeout(limit) {
            Ok(opened) => opened.map_err(|error| error.to_string())?,
            Err(RecvTimeoutError::Timeout) => return Err(format!("it did not open in {limit:?}")),
            Err(RecvTimeoutError::Disconnected) => return Err("opening it panicked".to_owned()),
        };
        let standing = self.check(&db)?;
        Ok((db, standing))
    }

    fn check(&self, db: &sled::Db) -> Result<Option<Standing>, String> {
        let Some(bytes) = db.get(STANDING).map_err(|error| error.to_string())? else {
            let first = db.first().map_err(|error| error.to_string())?;
            let empty = first.is_none();
            return if empty {
                Ok(None)
            } else {
                Err("it has entries but no standing".to_owned())
            };
        };
        let standing = standing::decode(&bytes)?;
        let wanted = self.options.view_version;
        if standing.view_version != wanted {
            let found = standing.view_version;
            return Err(format!(
                "its view version is {found}, this one needs {wanted}"
            ));
        }
        Ok(Some(standing))
    }

    fn numbered(&self, number: u64) -> PathBuf {
        self.path.join(format!("{NAME}{number}"))
    }

    /// The numbers of the databases, ascending.
    fn numbers(&self) -> io::Result<Vec<u64>> {
        let mut numbers = Vec::new();
        for entry in fs::read_dir(&self.path)? {
            let name = entry?.file_name();
            let number: Option<u64> = name
                .to_str()
                .and_then(|name| name.strip_prefix(NAME)?.parse().ok());
            numbers.extend(number);
        }
        numbers.sort_unstable();
        Ok(numbers)
    }

    fn failed(&self, error: &io::Error) -> Error {
        Error::Open {
            path: self.path.display().to_string(),
            reason: error.to_string(),
        }
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        // Closing the file is not enough while a process that is being started has inherited it.
        if let Err(error) = self.owner.unlock() {
            tracing::warn!(%error, path = %self.path.display(), "the view's lock was not released");
        }
    }
}

fn open_unlocked(config: &sled::Config) -> sled::Result<sled::Db> {
    let started = Instant::now();
    loop {
        let opened = config.open();
        let is_locked = matches!(&opened, Err(sled::Error::Io(error))
            if error.to_string().contains("could not acquire lock"));
        if !is_locked || started.elapsed() > LOCK_LINGERS {
            return opened;
        }
        thread::sleep(Duration::from_millis(10));
    }
}
