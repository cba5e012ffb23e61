//! What can go wrong when a sandbox starts, or when a script asks it for something.

use std::net::SocketAddr;

/// Why a sandbox could not start, or would not do what a script asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The port could not be opened.
    #[error("could not listen on {addr}")]
    Listen {
        /// The address that was asked for.
        addr: SocketAddr,
        /// Why not.
        source: std::io::Error,
    },
    /// The certificate could not be made or used.
    #[error("could not make or use the TLS certificate: {0}")]
    Certificate(String),
    /// The gRPC server could not be set up.
    #[error("could not set up the gRPC server")]
    Grpc {
        /// Why not.
        source: tonic::transport::Error,
    },
    /// The HTTP client for webhooks could not be made.
    #[error("could not build the webhook client")]
    WebhookClient {
        /// Why not.
        source: reqwest::Error,
    },
    /// The webhook endpoint did not answer the HEAD request that checks it.
    #[error("the endpoint {url} did not pass the check: {reason}")]
    Endpoint {
        /// The endpoint.
        url: String,
        /// What it answered.
        reason: String,
    },
    /// An act, fault rule or switch made no sense; the text says why.
    #[error("{0}")]
    Refused(String),
}
