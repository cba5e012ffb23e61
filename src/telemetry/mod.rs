//! Every log event and metric name; health.
