//! Why a message could not be written or bytes could not be read.

use crate::domain::Topic;
use crate::domain::ids;

/// Names fields and schemas, never values: the text may stand in logs.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error("the bytes begin with no known Avro header")]
    Header,
    #[error("no schema with fingerprint {fingerprint:016x} is known on {topic:?}")]
    UnknownSchema { topic: Topic, fingerprint: u64 },
    #[error("field {field}: the bytes end too early")]
    Truncated { field: &'static str },
    #[error("field {field}: {problem}")]
    Malformed {
        field: &'static str,
        problem: &'static str,
    },
    #[error("field {field} is no id")]
    Id {
        field: &'static str,
        #[source]
        source: ids::Error,
    },
    #[error("field {field}: this version knows no case {index}")]
    UnknownCase { field: &'static str, index: i64 },
    #[error("{bytes} bytes follow the message")]
    Trailing { bytes: usize },
    #[error("bytes of an older schema do not fit today's: {0}")]
    Resolve(String),
}
