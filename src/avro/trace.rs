//! `crosswalk.Trace`: why an observation changed nothing.

use crate::domain::TraceLine;

record!(TraceLine {
    bridge,
    at,
    observation,
    reason,
    record
});
