//! Tests of the workspace model.
