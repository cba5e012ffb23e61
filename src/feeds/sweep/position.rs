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
    /// The first start, behind which no window reaches; none where an earlier version began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_since: Option<i64>,
}

impl Position {
    /// The position of a cursor; none where it says something else.
    pub fn of(cursor: &Cursor) -> Option<Self> {
        serde_json::from_slice(&cursor.position).ok()
    }

    pub fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("counts and texts can be written")
    }

    /// Before the first sweep: what was saved until now is for an import. The sources tell whole
    /// seconds, so it begins with that of `now`.
    pub fn first(now: i64) -> Self {
        let now = now - now.rem_euclid(1_000);
        Self {
            since: now,
            until: now,
            is_over: true,
            first_since: Some(now),
            ..Self::default()
        }
    }

    /// The run after this one. It ends no earlier than this one, whatever the clock says.
    pub fn next(&self, until: i64, overlap_ms: i64) -> Self {
        // Before the first run nothing was read, so that there is nothing to read again.
        let first_since = match self.run {
            0 => Some(self.until),
            _ => self.first_since,
        };
        let since = self.until.saturating_sub(overlap_ms);
        Self {
            run: self.run + 1,
            since: first_since.map_or(since, |first| since.max(first)),
            until: until.max(self.until),
            first_since,
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
        assert_eq!((second.run, second.since, second.until), (1, 1_000, 5_000));
        // Nothing ran for a long time, and then the clock was set back.
        let third = second.next(90_000, 300);
        assert_eq!((third.since, third.until), (4_700, 90_000));
        let fourth = third.next(80_000, 300);
        assert_eq!((fourth.since, fourth.until), (89_700, 90_000));
    }

    #[test]
    fn no_window_reaches_behind_the_first_start() {
        let first = Position::first(1_768_018_994_250);
        // The sources tell whole seconds: what is saved in that of the start may be news.
        let second = first.next(1_768_018_994_900, 300_000);
        assert_eq!(second.since, 1_768_018_994_000);
        let third = second.next(1_768_019_000_000, 300_000);
        assert_eq!(third.since, 1_768_018_994_000);
        let fourth = third.next(1_768_020_000_000, 300_000);
        assert_eq!(fourth.since, 1_768_018_994_000);
        let fifth = fourth.next(1_768_021_000_000, 300_000);
        assert_eq!(fifth.since, 1_768_019_700_000);
    }

    #[test]
    fn what_an_earlier_version_stored_is_read() {
        let of = |run: u64| {
            let position = format!(
                r#"{{"run":{run},"since":700,"until":1000,"phase":0,"after":null,
                    "rows":{{}},"is_over":true}}"#
            );
            serde_json::from_str::<Position>(&position).unwrap()
        };
        assert_eq!(of(0).next(5_000, 300).since, 1_000);
        assert_eq!(of(7).next(5_000, 300).since, 700);
    }
}
