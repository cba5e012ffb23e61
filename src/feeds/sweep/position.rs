//! Where a sweep stands: the position of its cursor.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::domain::{Cursor, Timestamp};
use crate::feeds::pages::Window;

/// Moves with each page, in the page's commit. JSON, since people look at it when something hangs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    pub run: u64,
    /// The window, in milliseconds of the source's clock.
    pub since: i64,
    pub until: i64,
    /// The phase that is being read, by its place; beyond the last one the run is over.
    pub phase: usize,
    /// Within the phase: the last record id, or what the source calls its next page.
    pub after: Option<String>,
    /// Rows of the window so far, by source.
    pub rows: BTreeMap<String, u64>,
    pub is_over: bool,
}

impl Position {
    /// The position of a cursor; none where it says something else.
    pub fn of(cursor: &Cursor) -> Option<Self> {
        serde_json::from_slice(&cursor.position).ok()
    }

    pub fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("counts and texts can be written")
    }

    /// Before the first sweep: what was saved until now is for an import.
    pub fn first(until: i64) -> Self {
        Self {
            since: until,
            until,
            is_over: true,
            ..Self::default()
        }
    }

    /// The run after this one. It ends no earlier than this one, whatever the clock says.
    pub fn next(&self, until: i64, overlap_ms: i64) -> Self {
        Self {
            run: self.run + 1,
            since: self.until.saturating_sub(overlap_ms),
            until: until.max(self.until),
            ..Self::default()
        }
    }

    pub fn window(&self) -> Window {
        Window {
            since: Timestamp(self.since),
            until: Timestamp(self.until),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_overlap_and_leave_no_hole() {
        let first = Position::first(1_000);
        let second = first.next(5_000, 300);
        assert_eq!((second.run, second.since, second.until), (1, 700, 5_000));
        // Nothing ran for a long time, and then the clock was set back.
        let third = second.next(90_000, 300);
        assert_eq!((third.since, third.until), (4_700, 90_000));
        let fourth = third.next(80_000, 300);
        assert_eq!((fourth.since, fourth.until), (89_700, 90_000));
    }
}
