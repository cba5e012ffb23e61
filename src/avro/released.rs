//! Every schema ever shipped, embedded, so that entries of any age stay readable.

use crate::avro::schemas::Subject;

/// Subject, release, text.
pub const RELEASED: [(Subject, &str, &str); 12] = [
    (
        Subject::Observed,
        "0.1",
        include_str!("../../schemas/released/0.1/observed.avsc"),
    ),
    (
        Subject::Result,
        "0.1",
        include_str!("../../schemas/released/0.1/result.avsc"),
    ),
    (
        Subject::Decision,
        "0.1",
        include_str!("../../schemas/released/0.1/decision.avsc"),
    ),
    (
        Subject::Journal,
        "0.1",
        include_str!("../../schemas/released/0.1/journal.avsc"),
    ),
    (
        Subject::Command,
        "0.1",
        include_str!("../../schemas/released/0.1/command.avsc"),
    ),
    (
        Subject::Cursor,
        "0.1",
        include_str!("../../schemas/released/0.1/cursor.avsc"),
    ),
    (
        Subject::Notification,
        "0.1",
        include_str!("../../schemas/released/0.1/notification.avsc"),
    ),
    (
        Subject::Trace,
        "0.1",
        include_str!("../../schemas/released/0.1/trace.avsc"),
    ),
    (
        Subject::DeadLetter,
        "0.1",
        include_str!("../../schemas/released/0.1/dead_letter.avsc"),
    ),
    (
        Subject::SourceSchema,
        "0.1",
        include_str!("../../schemas/released/0.1/source_schema.avsc"),
    ),
    (
        Subject::CustomerEvent,
        "0.1",
        include_str!("../../schemas/released/0.1/customer_event.avsc"),
    ),
    (
        Subject::Profile,
        "0.1",
        include_str!("../../schemas/released/0.1/profile.avsc"),
    ),
];
