//! Every log event and metric name; health.

pub mod health;
pub mod logging;
pub mod metrics;

pub use health::{Health, Readiness, RoleHealth};
pub use metrics::{Metrics, metrics};
