//! Every log event and metric name; health.

pub mod metrics;

pub use metrics::{Metrics, metrics};
