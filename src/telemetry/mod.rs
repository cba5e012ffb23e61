//! Every log event and metric name; health.

pub mod health;
mod lag;
pub mod logging;
pub mod metrics;

pub use health::{Health, Readiness, RoleHealth};
pub use lag::{LagAt, LagMetrics};
pub use metrics::{Metrics, metrics};
