//! The remote APIs: auth, transport, rate limits, wire types; no business meaning.

pub mod error;
pub mod http;
pub mod intercom;
pub mod measured;
pub mod percent;
pub mod salesforce;
pub mod system;
pub mod transport;

pub use error::{Error, NamedRecord, Problem, Refusal};
pub use http::HttpTransport;
pub use system::System;
pub use transport::Transport;
