//! The seam below the subscription: what it needs of the Pub/Sub API. Tests play it.

use std::future::Future;
use std::pin::Pin;

pub type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, Failure>> + Send + 'a>>;

/// One org's Pub/Sub API. Calls are made once: whether to repeat is the caller's decision. After
/// `Unauthorised` the next call shows a new token.
pub trait Source: Send + Sync {
    /// Whose session it is; logs in if there is none.
    fn identity(&self) -> Answer<'_, Identity>;

    /// Opens a subscription. That the start was refused may show here or at the first `next`.
    fn connect<'a>(&'a self, channel: &'a str, start: &'a Start) -> Answer<'a, Box<dyn Stream>>;

    /// The schema of that id, as JSON. `Refused` means that there is none.
    fn schema<'a>(&'a self, id: &'a str) -> Answer<'a, String>;
}

/// An open subscription.
pub trait Stream: Send {
    /// What came next: events, or a sign of life without any. Asks for more in time, and holds at
    /// most what it asked for. After a failure the stream is over.
    fn next(&mut self) -> Answer<'_, Batch>;
}

/// Ids in their 18-character form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    pub org_id: String,
    /// The integration user.
    pub user_id: String,
}

/// Where a subscription starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Start {
    Latest,
    Earliest,
    /// Behind the event of that replay id.
    After(Vec<u8>),
}

#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Batch {
    /// In the order of the feed.
    pub events: Vec<Received>,
    /// The end of what the server has looked at for us; empty if it did not say.
    pub latest_replay_id: Vec<u8>,
}

/// An event as it came.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Received {
    /// Equal for every publication of the event.
    pub id: String,
    /// Of the schema it was written with: the only one that reads it.
    pub schema_id: String,
    /// Opaque; several events may share one.
    pub replay_id: Vec<u8>,
    pub payload: Vec<u8>,
}

/// Payloads are personal: debug output names ids and sizes only.
impl std::fmt::Debug for Received {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (id, bytes) = (&self.id, self.payload.len());
        write!(f, "Received({id}, {bytes} bytes)")
    }
}

/// How a call can fail, by what is to be done. Codes are the remote's, or words of ours.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// The cursor is too old or from another stream: what lies between is not coming.
    #[error("the replay id was rejected")]
    ReplayRejected,
    #[error("the token was refused")]
    Unauthorised,
    /// The day's allocation of delivered events.
    #[error("the delivery allocation is used up")]
    LimitUsedUp,
    #[error("the server asks to slow down: {0}")]
    SlowDown(String),
    /// Nothing changes until a person does something.
    #[error("refused: {0}")]
    Refused(String),
    #[error("the connection broke: {0}")]
    Broken(String),
}

impl Failure {
    /// A label of metrics and health.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::ReplayRejected => "replay_rejected",
            Self::Unauthorised => "unauthorised",
            Self::LimitUsedUp => "limit_used_up",
            Self::SlowDown(_) => "slow_down",
            Self::Refused(_) => "refused",
            Self::Broken(_) => "broken",
        }
    }
}
