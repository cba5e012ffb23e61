//! Release: what becomes of a held observation when the command it overlapped has ended.

use std::collections::BTreeSet;

use crate::domain::Name;
use crate::domain::RecordRef;
use crate::domain::journal::{HeldObservation, Verdict};
use crate::domain::time::Order;
use crate::domain::view::RecordState;
use crate::sync::moves::moved;

/// Reads in a row that may be overtaken before the owner decides and a person is told.
pub const REREADS_MAX: u32 = 3;

/// Judges a held observation against the record as it now stands. `placed` says that the command's
/// answer carried a version, so that clocks can order the two.
pub fn verdict(
    state: &RecordState,
    watched: &BTreeSet<Name>,
    record: &RecordRef,
    held: &HeldObservation,
    placed: bool,
) -> Verdict {
    let order = held.version.against(&state.version);
    if placed && order == Order::Older {
        return Verdict::Dropped;
    }
    if moved(state, watched, &held.snapshot(record)).is_nothing() {
        return Verdict::Dropped;
    }
    if placed && order == Order::Newer {
        Verdict::Folded
    } else {
        Verdict::Reread
    }
}
