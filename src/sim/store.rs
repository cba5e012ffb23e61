//! A view store that outlives its view, as a disk outlives a process.

use std::sync::{Arc, Mutex, MutexGuard};

use crate::ports::view_store::{Checkpoint, Error, KeyValue, MemoryStore, Standing, ViewStore};

#[derive(Clone, Debug, Default)]
pub struct Disk(Arc<Mutex<MemoryStore>>);

impl Disk {
    fn lock(&self) -> MutexGuard<'_, MemoryStore> {
        self.0.lock().expect("no holder of this lock panics")
    }
}

impl ViewStore for Disk {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        self.lock().get(key)
    }

    fn first(&self, from: &[u8], to: &[u8]) -> Result<Option<KeyValue>, Error> {
        self.lock().first(from, to)
    }

    fn checkpoint(&mut self, batch: Checkpoint) -> Result<(), Error> {
        self.lock().checkpoint(batch)
    }

    fn standing(&self) -> Result<Option<Standing>, Error> {
        self.lock().standing()
    }

    fn clear(&mut self) -> Result<(), Error> {
        self.lock().clear()
    }
}
