//! `crosswalk.Cursor`: where a feed or sweep stands.

use crate::domain::Cursor;

record!(Cursor {
    source,
    name,
    position,
    at
});
