//! Commands: one write or one read of one remote system, decided by the processor.

use crate::domain::ids::{BridgeId, CommandId, ObjectName, ObservationId, RecordRef, SourceId};
use crate::domain::name::Name;
use crate::domain::time::Timestamp;
use crate::domain::value::Value;

/// A command as it stands on a writes topic. Attempts of one command share its id.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Command {
    pub id: CommandId,
    pub bridge: BridgeId,
    /// The source to be written or read.
    pub source: SourceId,
    /// From 1. An attempt above 1 reads before it writes.
    pub attempt: u32,
    pub requested_at: Timestamp,
    /// When the processor will ask again if nothing was answered.
    pub deadline: Timestamp,
    /// Commands of one lane are executed one after the other: the parent account, else the record.
    pub lane: String,
    /// The observation that led to it, for `explain`.
    pub cause: ObservationId,
    /// When our edge received that observation, by our clock; for what a deadline or a walk led to,
    /// when that was decided. How late what comes of the command is, counts from here.
    pub caused_at: Timestamp,
    pub kind: CommandKind,
}

impl Command {
    /// Whether it reads before it writes, however lately it was asked for and by whomever.
    pub fn reads_first(&self) -> bool {
        let asked = matches!(&self.kind, CommandKind::Write(write) if write.read_first);
        self.attempt > 1 || asked
    }
}

#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum CommandKind {
    Write(WriteCommand),
    Read(ReadCommand),
}

#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct WriteCommand {
    pub target: WriteTarget,
    /// Counts the writes of this record from 1; stays the same over attempts.
    pub sequence: u64,
    pub fields: Vec<FieldWrite>,
    /// Whether the org's assignment rules may run (`Sforce-Auto-Assign`).
    pub auto_assign: bool,
    /// Whether its first attempt, too, reads before it writes: people of the target say what it
    /// writes over, and the system does not promise to tell of each change.
    pub read_first: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum WriteTarget {
    /// Update this record by its id.
    Record(RecordRef),
    /// Create by upsert on an external id; `key_value` is unique to the record it is made from.
    Create {
        object: ObjectName,
        key_field: Name,
        key_value: String,
        origin: RecordRef,
    },
    /// The person joins the company, both of one workspace; `fields` stays empty.
    Attach {
        contact: RecordRef,
        company: RecordRef,
    },
}

/// One field of a write.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct FieldWrite {
    /// API name in the target system.
    pub name: Name,
    pub value: Value,
    /// What the field should hold before the write. A repeat that finds neither this nor `value`
    /// does not write.
    pub expect: Value,
}

#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum ReadCommand {
    /// Read one record by id. `fields` names what to ask for where the system must be told.
    Record {
        record: RecordRef,
        fields: Vec<String>,
    },
    /// Look for records that hold one of some identifiers.
    Lookup(Lookup),
    /// Ask the bin of an org what became of a record that left: whether it was merged into another.
    Gone { record: RecordRef },
}

/// The search before a first create. `origin` is the record that looks for its counterpart.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Lookup {
    pub origin: RecordRef,
    pub queries: Vec<LookupQuery>,
}

/// One object's part: rows where any of `any_of` holds; at most `rows_max` are answered.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct LookupQuery {
    pub object: ObjectName,
    /// (API name, value): compared as the remote system compares (Salesforce ignores case).
    pub any_of: Vec<(Name, String)>,
    /// API names to return.
    pub fields: Vec<String>,
    pub rows_max: u32,
}
