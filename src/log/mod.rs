//! Adapters of the event log port, and every topic and group name.
