//! Every schema ever shipped, embedded, so that entries of any age stay readable.

use crate::avro::schemas::Subject;

/// Subject, release, text.
pub const RELEASED: [(Subject, &str, &str); 0] = [];
