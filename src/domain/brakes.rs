//! What the view keeps of writes that were decided and not made.

use serde::{Deserialize, Serialize};

use crate::domain::command::FieldWrite;
use crate::domain::ids::{BridgeId, ObjectName, RecordRef, ReviewId, SourceId, derive};
use crate::domain::journal::Basis;
use crate::domain::name::Name;
use crate::domain::time::Timestamp;
use crate::domain::value::Value;
use crate::domain::view::{RecordState, ViewEntry, ViewRead};
use crate::domain::view_key::ViewKey;

/// A write that shadow mode has suppressed and that would still be made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suppressed {
    /// Names the record and what it would hold.
    pub pair: [u8; 16],
    pub what: Withheld,
    /// API names of the fields that would be written.
    pub names: Vec<Name>,
}

/// What becomes of a field that was written and is to be undone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Undo {
    /// It holds this again.
    To(Value),
    /// Somebody has changed it since: it stays.
    Changed,
    /// It was blank, and the org lets it be blank no more.
    Required,
    /// More was written since than is kept.
    Unknown,
}

impl Undo {
    /// Its name in what people read.
    pub fn label(&self) -> &'static str {
        match self {
            Self::To(_) => "undo",
            Self::Changed => "changed_since",
            Self::Required => "required",
            Self::Unknown => "not_kept",
        }
    }
}

/// What would be done with a record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Withheld {
    Update,
    /// A record of this object would be made of it, in the other system.
    Create(ObjectName),
    /// It would join a company.
    Attach,
}

impl Withheld {
    /// Its name in what people read.
    pub fn label(&self) -> &'static str {
        match self {
            Self::Update => "update",
            Self::Create(_) => "create",
            Self::Attach => "attach",
        }
    }
}

/// A field of the records of an object in a source, by its API name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct FieldRef {
    pub source: SourceId,
    pub object: ObjectName,
    pub name: Name,
}

impl FieldRef {
    pub fn of(record: &RecordRef, name: &Name) -> Self {
        Self {
            source: record.source.clone(),
            object: record.object.clone(),
            name: name.clone(),
        }
    }

    pub fn hash(&self) -> [u8; 16] {
        let parts = [self.source.as_str(), self.object.as_str(), &self.name];
        derive("field", &parts.map(str::as_bytes))
    }
}

/// Parts of the hour in which changes are counted.
const PARTS: usize = 12;
const PART_MS: i64 = HOUR_MS / PARTS as i64;
/// How long a change counts, in milliseconds.
pub const HOUR_MS: i64 = 60 * 60_000;

/// How much of a field is changed through the bridge, and whether it is written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Brake {
    pub field: FieldRef,
    /// Records that are there and to which the field is written.
    pub records: u64,
    /// Records that were changed, by part of the hour.
    changed: [u32; PARTS],
    /// The newest part, counted from the epoch.
    part: i64,
    pub hold: Hold,
}

/// Whether a field is written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Hold {
    Free,
    /// Too much has changed: it waits for a person.
    Stopped {
        review: ReviewId,
    },
    /// A person let it go on, by the event of this sequence: until the walk that this led to is
    /// over, and a time.
    Approved {
        since: u64,
        until: Timestamp,
        walked: bool,
    },
    /// A person said no: what waits is given up, record by record.
    Refused {
        since: u64,
    },
}

impl Brake {
    pub fn new(field: FieldRef) -> Self {
        Self {
            field,
            records: 0,
            changed: [0; PARTS],
            part: 0,
            hold: Hold::Free,
        }
    }

    /// Whether nothing is written to the field.
    pub fn is_stopped(&self) -> bool {
        matches!(self.hold, Hold::Stopped { .. } | Hold::Refused { .. })
    }

    /// Whether a person lets everything through.
    pub fn is_approved(&self, now: Timestamp) -> bool {
        match self.hold {
            Hold::Approved { until, walked, .. } => !walked || now < until,
            _ => false,
        }
    }

    /// Counts one record that is changed. What a person lets through does not count.
    pub fn count(&mut self, at: Timestamp) {
        if self.is_approved(at) {
            return;
        }
        let part = at.0.div_euclid(PART_MS);
        let passed = part.saturating_sub(self.part).clamp(0, PARTS as i64);
        for gone in 0..passed {
            self.changed[place(part - gone)] = 0;
        }
        self.part = self.part.max(part);
        let newest = &mut self.changed[place(self.part)];
        *newest = newest.saturating_add(1);
    }

    /// Records that were changed within the hour, to the part of it.
    pub fn changed(&self, now: Timestamp) -> u64 {
        let part = now.0.div_euclid(PART_MS);
        let passed = part.saturating_sub(self.part).clamp(0, PARTS as i64);
        let kept = (0..PARTS as i64 - passed).map(|ago| self.changed[place(self.part - ago)]);
        kept.map(u64::from).sum()
    }

    /// Counts anew.
    pub fn clear(&mut self) {
        self.changed = [0; PARTS];
    }
}

fn place(part: i64) -> usize {
    part.rem_euclid(PARTS as i64) as usize
}

/// Whether a write changes what somebody could miss: a decided value takes the place of another
/// one, or empties it. What fills a blank, and what we hold for ourselves, does not.
pub fn replaces(state: &RecordState, write: &FieldWrite) -> bool {
    let desire = state.desired.get(&write.name);
    !write.expect.is_blank() && desire.is_some_and(|desire| desire.basis == Basis::Agreed)
}

/// Whether a record counts already among those of which a field was changed within the hour.
pub fn is_counted(state: &RecordState, name: &Name, now: Timestamp) -> bool {
    let since = now.plus_ms(-HOUR_MS);
    state.writes().any(|write| {
        let before = write.before.get(name);
        write.asked.at > since && before.is_some_and(|before| !before.is_blank())
    })
}

/// The brake of a field, if anything is known of it.
pub fn brake_of<V: ViewRead + ?Sized>(
    view: &V,
    bridge: &BridgeId,
    field: &FieldRef,
) -> Option<Brake> {
    match view.get(&ViewKey::brake(bridge, field)).as_deref() {
        Some(ViewEntry::Brake(brake)) => Some((**brake).clone()),
        _ => None,
    }
}

/// The brakes of a bridge. There are as many as fields that are written.
pub fn brakes<V: ViewRead + ?Sized>(view: &V, bridge: &BridgeId) -> Vec<Brake> {
    let (mut from, to) = ViewKey::range(bridge, 0x11);
    let mut brakes = Vec::new();
    while let Some((key, entry)) = view.first(&from, &to) {
        from = key.next();
        if let ViewEntry::Brake(brake) = &*entry {
            brakes.push((**brake).clone());
        }
    }
    brakes
}
