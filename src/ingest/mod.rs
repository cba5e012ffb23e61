//! Webhooks in, observations out.
