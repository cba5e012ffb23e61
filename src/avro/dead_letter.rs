//! `crosswalk.DeadLetter`: what needs a person, with its bytes.

use crate::domain::DeadLetter;

record!(DeadLetter {
    bridge,
    at,
    origin,
    reason,
    hint,
    command,
    bytes
});
