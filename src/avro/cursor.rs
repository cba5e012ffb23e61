//! `crosswalk.Cursor`: where a feed or sweep stands; `crosswalk.SourceSchema`: how its events read.

use crate::domain::Cursor;
use crate::domain::message::SourceSchema;

record!(Cursor {
    source,
    name,
    position,
    at
});

record!(SourceSchema {
    source,
    schema_id,
    json
});
