//! Writes: where *seen* differs from *desired*, and whether it may be written now.

use crate::domain::ids::derive;
use crate::domain::journal::Desire;
use crate::domain::view::{RecentWrite, RecordState};
use crate::domain::{FieldWrite, Name, RecordRef, Timestamp, Value};

/// What is to be written now, or why nothing is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Plan {
    Write {
        fields: Vec<FieldWrite>,
        unblocks: bool,
    },
    /// The remote keeps changing fields back: another write would only go on with that.
    Fought {
        pair: [u8; 16],
        names: Vec<Name>,
    },
    Nothing {
        why: &'static str,
    },
}

/// Writes of one value in a row that were each changed back, after which nothing is written.
pub const FOUGHT_MAX: usize = 3;

/// At most one write and one read of a record are out at once, and a refused pair is not repeated.
/// Fields of which `waits` says so are left alone.
pub fn plan(record: &RecordRef, state: &RecordState, waits: impl Fn(&Name) -> bool) -> Plan {
    if state.gone.is_some() {
        return Plan::Nothing { why: "record_gone" };
    }
    if state.writing.is_some() {
        return Plan::Nothing {
            why: "write_in_flight",
        };
    }
    if state.reading.is_some() || state.reread_required {
        return Plan::Nothing {
            why: "read_in_flight",
        };
    }
    if state.paused_until.is_some() {
        return Plan::Nothing { why: "paused" };
    }
    let mut fields = difference(state);
    fields.retain(|field| !waits(&field.name));
    if fields.is_empty() {
        return Plan::Nothing {
            why: "in_agreement",
        };
    }
    let fought: Vec<Name> = fields
        .iter()
        .filter(|field| is_fought(state, field))
        .map(|field| field.name.clone())
        .collect();
    match &state.blocked {
        Some(blocked) if blocked.pair == pair(record, &fields) => Plan::Nothing {
            why: "write_blocked",
        },
        _ if !fought.is_empty() => Plan::Fought {
            pair: pair(record, &fields),
            names: fought,
        },
        blocked => Plan::Write {
            fields,
            unblocks: blocked.is_some(),
        },
    }
}

/// Whether the last writes of a field all wrote this value and it is not what is seen.
fn is_fought(state: &RecordState, field: &FieldWrite) -> bool {
    let sure = |write: &&RecentWrite| !write.doubtful;
    let writes = state.writes().rev().filter(sure);
    let last = writes.filter_map(|write| write.hashes.get(&field.name));
    let hash = field.value.hash();
    let last: Vec<_> = last.take(FOUGHT_MAX).collect();
    last.len() == FOUGHT_MAX && last.iter().all(|sent| **sent == hash)
}

/// Whether somebody has replaced what we wrote in a field so often in so short a time that another
/// write would only go on with that. Gives how often, and since when.
pub fn is_oscillating(
    state: &RecordState,
    name: &Name,
    now: Timestamp,
    (reversals_max, window_ms): (u32, i64),
) -> Option<(u32, Timestamp)> {
    let known = state.reversals.get(name)?;
    let since = now.plus_ms(-window_ms);
    let lately = known.iter().filter(|at| **at > since);
    let count = u32::try_from(lately.clone().count()).unwrap_or(u32::MAX);
    let first = lately.copied().next()?;
    (count >= reversals_max).then_some((count, first))
}

/// The fields whose desired value is not the one seen, but for those whose breaker has tripped.
pub fn difference(state: &RecordState) -> Vec<FieldWrite> {
    let seen = |name: &str| {
        state
            .seen
            .get(name)
            .map_or(&Value::Null, |seen| &seen.value)
    };
    let accepted = |desire: &Desire| {
        let form = state.accepted.get(&desire.name);
        form.is_some_and(|form| form.desired == desire.value && form.stored == *seen(&desire.name))
    };
    let stopped = |desire: &Desire| state.tripped.contains_key(&desire.name);
    let differs = |desire: &&Desire| {
        desire.value != *seen(&desire.name) && !accepted(desire) && !stopped(desire)
    };
    state
        .desired
        .values()
        .filter(differs)
        .map(|desire| FieldWrite {
            name: desire.name.clone(),
            value: desire.value.clone(),
            expect: seen(&desire.name).clone(),
        })
        .collect()
}

/// Names a record and what it was to hold, without holding a value.
pub fn pair(record: &RecordRef, fields: &[FieldWrite]) -> [u8; 16] {
    let mut parts = vec![record.hash().to_vec()];
    for field in fields {
        parts.push(field.name.as_bytes().to_vec());
        parts.push(field.value.hash().to_vec());
    }
    let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
    derive("pair", &parts)
}
