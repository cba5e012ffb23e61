//! The vocabulary: ids, values, records, observations, journal events, commands, view entries.
//!
//! Nothing here does IO, reads a clock or draws a random number; nothing here knows Avro.

#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

pub mod brakes;
pub mod command;
pub mod customer_event;
pub mod ids;
pub mod journal;
pub mod message;
pub mod name;
pub mod nearest;
pub mod observation;
pub mod record;
pub mod result;
pub mod shared;
pub mod time;
pub mod tree;
pub mod value;
pub mod view;
pub mod view_key;
pub mod vocabulary;

pub use command::{Command, CommandKind, FieldWrite, Lookup, LookupQuery, ReadCommand};
pub use command::{WriteCommand, WriteTarget};
pub use customer_event::{CustomerEvent, CustomerEventKind, Profile, ProfileState};
pub use ids::{BridgeId, CommandId, CustomerId, EventId, ObjectName, ObservationId, ReviewId};
pub use ids::{RecordRef, SourceId};
pub use journal::{DomainEvent, JournalEntry, JournalKey};
pub use message::{Cursor, DeadLetter, Message, Notification, SourceSchema, Topic, TraceLine};
pub use name::Name;
pub use observation::{Change, EventKind, Observation, ObservationBody, RawPayload};
pub use observation::{LetterSettlement, RecordEvent, ReviewAnswer, Writer};
pub use record::{Fields, Gone, MatchKey, MatchRule, Over, RecordSnapshot, RefSet, Shows};
pub use result::{CommandResult, Outcome, RejectClass, Rejection};
pub use time::{Timestamp, Version};
pub use value::Value;
pub use view::{Journal, ViewEntry, ViewRead, ViewWrite};
pub use view_key::ViewKey;
