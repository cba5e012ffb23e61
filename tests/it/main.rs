//! The integration tests: one binary, one module per subject.

mod contract_event_log;
mod contract_view_store;
mod schemas;
