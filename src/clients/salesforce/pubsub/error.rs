//! How the Pub/Sub API can fail, and what that asks for. The remote's words are not kept: codes
//! and ids are.

use std::fmt;
use std::time::Duration;

use crate::clients;

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// There is no token to show.
    #[error(transparent)]
    Session(#[from] clients::Error),
    /// The server, or what stands before it, ended the call with a status.
    #[error("{0}")]
    Refused(Refusal),
    /// Not even a keepalive came. Such a stream is dead (salesforce.md 1.4).
    #[error("nothing came for {} s, not even a keepalive", .0.as_secs())]
    Silent(Duration),
    #[error("the server ended the stream")]
    Ended,
    #[error("no request can be made: {0}")]
    Unsendable(&'static str),
    #[error("{file} cannot be read as certificates: {reason}")]
    CaFile { file: String, reason: String },
}

/// What a failure asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reaction {
    /// The token was refused and has been dropped: try again, which logs in.
    Auth,
    /// Try again, with growing pauses, from the stored replay id.
    Retry,
    /// As `Retry`, with a pause of a minute or more: the server asks for fewer calls.
    SlowDown,
    /// The day's deliveries are used up. They free up over 24 h, and events wait for 72 h: try
    /// again after a quarter of an hour or more.
    AllocationUsedUp,
    /// The stored replay id is expired or of another stream: declare a gap, read what may have
    /// been missed, subscribe anew.
    ReplayRejected,
    /// Stays so until a person, or a new version, mends it.
    Fatal {
        why: &'static str,
        hint: &'static str,
    },
}

/// A call that ended with a status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    pub reaction: Reaction,
    /// The vendor's code without its common prefix: `subscription.limit.exceeded`. None for what
    /// never reached the vendor's code.
    pub code: Option<String>,
    /// What the vendor's support asks for.
    pub rpc_id: Option<String>,
    pub status: tonic::Code,
}

// === impl Error ===

impl Error {
    pub fn reaction(&self) -> Reaction {
        match self {
            Self::Refused(refusal) => refusal.reaction,
            Self::Silent(_) | Self::Ended => Reaction::Retry,
            Self::Session(clients::Error::Login { refused: true, .. }) => Reaction::Fatal {
                why: "the login was refused",
                hint: "see the login's own words; later logins are tried by themselves",
            },
            Self::Session(_) => Reaction::Retry,
            Self::Unsendable(why) => Reaction::Fatal {
                why,
                hint: "check the source's settings",
            },
            Self::CaFile { .. } => Reaction::Fatal {
                why: "the file of certificates cannot be used",
                hint: "check pubsub.ca_file",
            },
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "status {:?}", self.status)?;
        if let Some(code) = &self.code {
            write!(f, ", {code}")?;
        }
        if let Some(rpc_id) = &self.rpc_id {
            write!(f, ", rpc {rpc_id}")?;
        }
        if let Reaction::Fatal { why, hint } = self.reaction {
            write!(f, ": {why}; {hint}")?;
        }
        Ok(())
    }
}
