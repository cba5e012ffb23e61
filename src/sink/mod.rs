//! Commands in, idempotent requests out, results back.
