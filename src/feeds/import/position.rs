//! Where an import stands: the position of its cursor.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::domain::Cursor;

/// Moves with each page, in the page's commit. JSON, since people look at it when something hangs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    pub run: u64,
    /// The phase that is being read, by its place; beyond the last one the run is over.
    pub phase: usize,
    /// Within the phase: the last record id, or what the source calls its next page.
    pub after: Option<String>,
    /// Rows appended, by source.
    pub rows: BTreeMap<String, u64>,
    pub expected: Option<u64>,
    pub unreadable: u64,
    pub started_at: i64,
    /// Whether the subscription to changes had a position of its own when this was last looked at.
    #[serde(default)]
    pub is_anchored: bool,
    pub is_over: bool,
    /// The name of the list, where only those on it are taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pilot: Option<String>,
    /// Accounts of the people that a pilot has taken, which come after them.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub accounts: BTreeSet<String>,
    /// Rows that a pilot has passed over.
    #[serde(default)]
    pub passed_over: u64,
    /// Rows of those on a pilot's list; none where it was not counted from the start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub taken: Option<u64>,
}

impl Position {
    /// The position of a cursor; none where it says something else.
    pub fn of(cursor: &Cursor) -> Option<Self> {
        serde_json::from_slice(&cursor.position).ok()
    }

    pub fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("counts and texts can be written")
    }

    /// A run over everybody, or over those on the list of this name.
    pub fn next(run: u64, started_at: i64, pilot: Option<String>) -> Self {
        Self {
            run,
            started_at,
            taken: pilot.as_ref().map(|_| 0),
            pilot,
            ..Self::default()
        }
    }

    pub fn row_count(&self) -> u64 {
        self.rows.values().sum()
    }
}
