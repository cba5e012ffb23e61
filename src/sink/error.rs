//! A call that failed, with what is needed to judge it. Holds ids and codes, no values.

use std::fmt;

use crate::clients::{self, System};
use crate::domain::SourceId;

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{access} of {object} at {at} failed")]
pub struct Error {
    pub system: System,
    pub at: SourceId,
    /// The kind of record it was about, for hints.
    pub object: String,
    pub access: Access,
    pub source: clients::Error,
}

/// Whether the call could change something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    Read,
    Write,
}

impl fmt::Display for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Read => "read",
            Self::Write => "write",
        })
    }
}
