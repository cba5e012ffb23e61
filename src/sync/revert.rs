//! Revert: what was written under a mapping since a time, and what stood there before. Only what
//! the record still holds by our hand: nobody's change since is touched.

use crate::domain::brakes::Undo;
use crate::domain::journal::Basis;
use crate::domain::view::{Asked, Own, RecordState};
use crate::domain::{Name, Timestamp, Value};
use crate::mapping::Section;
use crate::sync::desires::{Target, never_blank};

/// Which writes are undone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scope {
    /// The version of the mapping under which they were asked for.
    pub mapping: u64,
    /// They were asked for then or later, by our clock.
    pub since: Timestamp,
}

impl Scope {
    fn holds(&self, asked: Asked) -> bool {
        asked.mapping == self.mapping && asked.at >= self.since
    }

    fn is_before(&self, asked: Asked) -> bool {
        asked.mapping < self.mapping || asked.at < self.since
    }
}

/// What becomes of each field of a record that was written in the scope, by name.
pub fn undo(section: &Section, target: Target<'_>, scope: Scope) -> Vec<(Name, Undo)> {
    let state = target.state;
    let mut found = Vec::new();
    for (name, own) in state.own.iter().filter(|(_, own)| scope.holds(own.last)) {
        let desire = state.desired.get(name);
        // Our key goes with the link, a stand-in with what it stands for.
        let decided = desire.is_some_and(|one| matches!(one.basis, Basis::Agreed | Basis::Kept));
        if !decided {
            continue;
        }
        let what = match before(state, name, own, scope) {
            None => Undo::Unknown,
            Some(value) if value.is_blank() && never_blank(section, target, name) => Undo::Required,
            Some(value) => Undo::To(value),
        };
        let is_done = match (&what, desire) {
            (Undo::To(value), Some(desire)) => {
                desire.value == *value && state.value_seen(name) == value
            }
            _ => false,
        };
        if !is_done {
            found.push((name.clone(), what));
        }
    }
    for name in replaced_since(state, scope) {
        found.push((name, Undo::Changed));
    }
    found
}

/// What stood in a field before the first write in the scope; none where that is not kept any more.
fn before(state: &RecordState, name: &Name, own: &Own, scope: Scope) -> Option<Value> {
    if scope.holds(own.first) {
        return Some(own.value.clone());
    }
    // The first of our writes in a row is an earlier one: what the first in the scope expected.
    let mut writes = state.writes().filter(|write| !write.doubtful);
    let reaches_back = state.writes().any(|write| scope.is_before(write.asked));
    let first = writes.find(|write| scope.holds(write.asked) && write.before.contains_key(name));
    let first = first.filter(|_| reaches_back)?;
    first.before.get(name).cloned()
}

/// Fields that were written in the scope and that somebody has changed since.
fn replaced_since(state: &RecordState, scope: Scope) -> Vec<Name> {
    let ours = |name: &&Name| !state.own.contains_key(*name);
    let writes = state.writes().filter(|write| scope.holds(write.asked));
    let mut names: Vec<Name> = writes
        .filter(|write| !write.doubtful)
        .flat_map(|write| write.hashes.keys().filter(ours).cloned())
        .filter(|name| state.reversals.contains_key(name))
        .collect();
    names.sort();
    names.dedup();
    names
}
