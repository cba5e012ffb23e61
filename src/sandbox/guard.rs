//! Locking without poisoning: a sandbox goes on answering after a failed request.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Takes the lock even if an earlier holder panicked: every model change is made of whole
/// assignments, and a simulator that stops answering would be worse than an odd record.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
