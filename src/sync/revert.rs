//! Revert: what was written under a mapping since a time, and what stood there before. Only what
//! the record still holds by our hand: nobody's change since is touched.

use crate::domain::brakes::Undo;
use crate::domain::journal::Basis;
use crate::domain::view::{Asked, Own, RecordState};
use crate::domain::{Name, Timestamp, Value, WriteCommand};
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

/// A write that is out, and when it was asked for.
pub type InFlight<'a> = Option<(&'a WriteCommand, Asked)>;

/// What becomes of each field of a record that was written in the scope, by name. A write that is
/// out counts as made: what it will have written is undone once it is answered.
pub fn undo(
    section: &Section,
    target: Target<'_>,
    scope: Scope,
    in_flight: InFlight<'_>,
) -> Vec<(Name, Undo)> {
    let state = target.state;
    let mut found = Vec::new();
    let sent = in_flight.filter(|(_, asked)| scope.holds(*asked));
    let sent = sent.map_or(&[][..], |(write, _)| &write.fields);
    let standing = |name: &Name| state.own.get(name).filter(|own| scope.holds(own.last));
    let is_out = |name: &Name| sent.iter().any(|field| field.name == *name);
    for name in state.own.keys().filter(|name| !is_out(name)) {
        if let Some(own) = standing(name) {
            let what = before(state, name, own, scope);
            let is_seen = |value: &Value| state.value_seen(name) == value;
            found.extend(of_field(section, target, name, what, is_seen));
        }
    }
    for field in sent {
        let name = &field.name;
        let what = match standing(name) {
            Some(own) => before(state, name, own, scope),
            None => Some(field.expect.clone()),
        };
        found.extend(of_field(section, target, name, what, |_| true));
    }
    for name in replaced_since(state, scope) {
        found.push((name, Undo::Changed));
    }
    found
}

/// What becomes of one field that held something else before; nothing if that is desired already.
fn of_field(
    section: &Section,
    target: Target<'_>,
    name: &Name,
    before: Option<Value>,
    is_seen: impl Fn(&Value) -> bool,
) -> Option<(Name, Undo)> {
    // Our key goes with the link, a stand-in with what it stands for.
    let desire = target.state.desired.get(name);
    let desire = desire.filter(|one| matches!(one.basis, Basis::Agreed | Basis::Kept))?;
    let what = match before {
        None => Undo::Unknown,
        Some(value) if value.is_blank() && never_blank(section, target, name) => Undo::Required,
        Some(value) if desire.value == value && is_seen(&value) => return None,
        Some(value) => Undo::To(value),
    };
    Some((name.clone(), what))
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
