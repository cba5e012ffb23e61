//! One struct per role, read from `crosswalk.yaml` and the environment, validated once at start.
//!
//! Every error names the file, the line, the field and the fix; none of them quotes a secret.

mod bridge;
mod check;
mod environment;
mod error;
mod field;
mod load;
mod log;
mod metrics;
mod oauth;
mod role;
pub mod secret;
mod server;
mod source;
mod spool;
mod tree;

pub use bridge::Bridge;
pub use error::{Error, Place};
pub use load::{Config, Variables};
pub use log::{Kafka, Log, Registry};
pub use metrics::Metrics;
pub use oauth::{Grant, Pubsub};
pub use role::{AfterGap, Feeds, Ingest, Logging, LoggingFormat, Processor, Sink, View};
pub use secret::{Reread, Secret};
pub use server::Server;
pub use source::{Intercom, Salesforce, Source, SourceKind};
pub use spool::Spool;
